"""Plunger and valve of a pump that knows where both are: how they are asked, watched, turned and stopped."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers.pump_positions import PumpState, Scale, with_trouble
from autolab.drivers.pump_valve import PumpValve
from autolab.drivers.query import Query
from autolab.drivers.settings import PositionPumpSettings
from autolab.drivers.signals import Reading
from autolab.drivers.syringe_pump import SyringePump
from autolab.model.actions import JSON
from autolab.model.errors import InstrumentAlarm, LinkError, Refused

if TYPE_CHECKING:
    from autolab.drivers.acting import ActionStatus

_STOPS: Final = 5.0  # lab s within which everything stands after it was told to stop
_HOW: Final = 'set("initialize") does it; it moves the plunger home and pushes out what the syringe holds'


class PumpMachine(SyringePump):
    """A pump with an absolute position and a valve, as `PositionPump` needs it to carry out its commands.

    Attributes:
        initialized: Whether the pump was; as far as it tells.
    """

    settings: PositionPumpSettings

    valve = Cpt(PumpValve)
    initialized = Cpt(Reading, value=False, dtype="boolean", kind=Kind.normal)
    model = Cpt(Reading, value="", dtype="string", kind=Kind.config)
    firmware = Cpt(Reading, value="", dtype="string", kind=Kind.config)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self._known = False  # whether what it holds was asked of it
        self._baseline: float | None = None  # position before the action that was prepared
        self._doing = ""

    # ---- what a driver implements ------------------------------------------------------------------------------

    @property
    def strokes(self) -> int:
        """Steps of a full stroke."""
        raise NotImplementedError

    def nearest_rate(self, rate: float) -> float:
        """Return the rate that is really sent for one that was asked for, mL/min."""
        raise NotImplementedError

    async def look(self) -> PumpState:
        """Ask for the state, again where the line fails it."""
        raise NotImplementedError

    async def begin_move(self, steps: int, rate: float) -> None:
        """Start the plunger on its way to an absolute position; sent once."""
        raise NotImplementedError

    async def load_rate(self, rate: float) -> None:
        """Set the rate (mL/min) before a movement and read it back, where that is a command of its own."""

    async def begin_initialize(self) -> None:
        """Start to initialise; sent once."""
        raise NotImplementedError

    async def set_scale(self) -> None:
        """Have positions counted as `strokes` says, where that can be chosen; nothing moves."""

    async def begin_turn(self, place: str) -> None:
        """Start the valve on its way to a place, in the pump's own word."""
        raise NotImplementedError

    async def read_place(self) -> str:
        """Return where the valve is, in the pump's own word."""
        raise NotImplementedError

    async def send_stop(self) -> None:
        """Tell everything to stop, before all that waits for the port."""
        raise NotImplementedError

    def identify_query(self) -> Query[object]:
        """Ask for the firmware, twice: a damaged byte of it must not pass for its name."""
        raise NotImplementedError

    # ---- how positions are counted -----------------------------------------------------------------------------

    @property
    def resolution_mL(self) -> float:  # noqa: N802  the unit's symbol
        """One step, mL."""
        return self.settings.volume_mL / self.strokes

    @property
    def scale(self) -> Scale:
        """How positions are counted."""
        return Scale(self.strokes, self.settings.volume_mL)

    # ---- meeting it --------------------------------------------------------------------------------------------

    async def do_greet(self) -> None:
        """Take state, position and valve over; nothing is set, nothing moves."""
        await self.query(self.identify_query())
        if (await self.see()).initialized is not False:  # before, its place means nothing
            await self.where()

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return model and firmware; these pumps tell no serial number."""
        told: Any = await self.again(self.identify_query)
        self.model.tell(self.settings.model_name)
        self.firmware.tell(told)
        return {"model": self.settings.model_name, "firmware": told, "serial_number": None}

    # ---- looking -----------------------------------------------------------------------------------------------

    async def see(self) -> PumpState:
        """Ask for the state and tell the signals."""
        state = await self.look()
        self.initialized.tell(state.initialized is not False)
        self._known = state.initialized is not False
        if self._known:
            self.contents_mL.tell(round(state.position * self.settings.volume_mL, 6))
        return state

    async def where(self) -> str:
        """Ask for the valve's port and tell its signal; the pump's own word where the port has no name."""
        place = await self.read_place()
        name = next((name for name, given in self.settings.valve_ports.items() if given == place), place)
        self.valve.readback.tell(name)
        return name

    async def rest(self, purpose: str, *, initializing: bool = False) -> PumpState:
        """See that the pump can begin something.

        Raises:
            Refused: It moves, or was not initialised.
            InstrumentAlarm: An error stands that initialising has to end; others are over once they were told.
        """
        await self.ready()
        state = await self.see()
        if state.moving:
            raise self.refused(f"is at work though nobody asked: cannot {purpose}. Wait, or halt it first")
        if initializing:
            return state
        if state.trouble and state.initialized is False:
            raise InstrumentAlarm(f"cannot {purpose}: {state.trouble}", instrument=self.name, port=self.address.port)
        if state.initialized is False:
            raise self.refused(f"is not initialised, as after its power came: cannot {purpose}. {_HOW}")
        return state

    @contextlib.contextmanager
    def alone(self, doing: str) -> Iterator[None]:
        """Hold plunger and valve for one command.

        Raises:
            Refused: Another command holds them.
        """
        if self._doing:
            raise self.refused(f"is {self._doing}: {doing} was not begun. Wait for that first")
        self._doing = doing
        try:
            yield
        finally:
            self._doing = ""

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Read state, position and valve."""
        with self._named():
            state = await self.see()
            return {
                "contents_mL": self.contents_mL.get() if self._known else None,
                "position_steps": round(state.position * self.strokes),
                "initialized": state.initialized is not False,
                "moving": state.moving,
                "port": await self.where() if self._known else None,
                "trouble": state.trouble,
            }

    # ---- valve -------------------------------------------------------------------------------------------------

    async def turn(self, port: str) -> None:
        """Turn the valve to a port, by its name, and see that it is there.

        Raises:
            InstrumentAlarm: It is somewhere else.
            LinkError: The command was not heard.
        """
        if await self.where() == port:
            return
        doubt: LinkError | None = None
        try:
            await self.begin_turn(self.settings.valve_ports[port])
        except LinkError as error:
            doubt = error  # where the valve is says whether it was heard
        state = await self.settled(self.settings.valve_s, f"turning the valve to {port}")
        told = await self.where()
        if doubt is not None and told != port:
            raise doubt
        if told != port or state.trouble:
            raise InstrumentAlarm(f"its valve is at {told!r} instead of {port!r}: {state.trouble or 'it did not turn'}")

    async def settled(self, timeout: float, what: str) -> PumpState:
        """Wait until nothing moves.

        Raises:
            InstrumentAlarm: Time is over.
        """
        last: list[PumpState] = []

        async def still() -> bool:
            last[:] = [with_trouble(await self.see(), last)]
            return not last[0].moving

        if not await self.until(still, poll_s=min(self.settings.poll_s, 0.25), timeout_s=timeout):
            await self._stop()
            raise InstrumentAlarm(f"{what} was not done after {timeout:g} s; stopped")
        return last[0]

    # ---- stopping ----------------------------------------------------------------------------------------------

    async def do_halt(self) -> None:
        """Stop the plunger where it is."""
        self.end_action()
        self.valve.end_action()
        self._doing, self._baseline = "", None
        await self.ready()
        with self._named():
            await self._stop()

    async def _stop(self) -> None:
        """Stop, and see that everything stands.

        Raises:
            InstrumentAlarm: It does not.
        """
        trouble: LinkError | None = None
        for _ in range(3):
            try:
                await self.send_stop()
                break
            except LinkError as error:  # stopping twice is harmless
                trouble = error
        else:
            raise trouble or LinkError("cannot be told to stop")

        async def still() -> bool:
            return not (await self.see()).moving

        if not await self.until(still, poll_s=0.1, timeout_s=_STOPS):
            raise InstrumentAlarm("does not stop. Switch it off")

    def refused(self, message: str) -> Refused:
        """Return the error for what was not begun."""
        return Refused(message, instrument=self.name, port=self.address.port)
