"""Syringe pumps that know where their plunger is, and have a valve: what they hold is asked of them, never counted.

Every movement is to an absolute position, the valve first and verified. A position means something once the pump was
initialised, which pushes out what the syringe holds: a command of its own, never done by connecting. Position and
initialising outlive this process, and end with the pump's power.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers.pump_positions import PumpState, Scale, with_trouble
from autolab.drivers.pump_valve import PumpValve
from autolab.drivers.query import Query
from autolab.drivers.settings import PositionPumpSettings
from autolab.drivers.signals import Reading
from autolab.drivers.syringe_pump import SyringePump
from autolab.model.actions import JSON, ActionClass, Intent, Reconciled, Verb
from autolab.model.errors import InstrumentAlarm, InstrumentError, InstrumentTimeout, LinkError, Refused
from autolab.model.roles import Dispense, Withdraw, command_from_json

if TYPE_CHECKING:
    from autolab.drivers.acting import ActionStatus

INITIALIZE: Final = "initialize"
_SLOW: Final = 0.1  # part of its time that a movement may take longer: ramps
_MARGIN: Final = 10.0  # and so many lab seconds
_STOPS: Final = 5.0  # lab s within which everything stands after it was told to stop
_HOW: Final = 'set("initialize") does it; it moves the plunger home and pushes out what the syringe holds'


class PositionPump(SyringePump):
    """A pump with a syringe and a valve: `set(Withdraw(...))`, `set(Dispense(...))`, `set("initialize")`.

    Withdraw draws in by the port `inlet`, Dispense pushes out by the port `outlet`. A driver gives `strokes`,
    `rate_range`, `nearest_rate` and what stands under "what a driver implements".

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

    # ---- what may be asked of it -------------------------------------------------------------------------------

    @property
    def resolution_mL(self) -> float:  # noqa: N802  the unit's symbol
        """One step, mL."""
        return self.settings.volume_mL / self.strokes

    @property
    def scale(self) -> Scale:
        """How positions are counted."""
        return Scale(self.strokes, self.settings.volume_mL)

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """A movement can be asked of the pump; whether initialising was done in full only a person can see."""
        return "once" if value == INITIALIZE else super().action_class(verb, value)

    def check_value(self, value: object) -> None:
        """Check a command against pump, syringe, contents and limits.

        Raises:
            OutsideLimits: It must not be sent.
        """
        if isinstance(value, str) and value == INITIALIZE:
            return
        if not isinstance(value, Dispense | Withdraw):
            raise self.outside(
                f"{value!r} is no command of a pump: Dispense(volume, rate), Withdraw(volume, rate) or 'initialize'"
            )
        super().check_value(value)

    def check_resolution(self, command: Dispense | Withdraw) -> None:
        """Raise OutsideLimits for less than a step."""
        if self.scale.steps(command.volume) < 1:
            raise self.outside(
                f"volume {command.volume:g} mL is less than one step of this syringe, {self.resolution_mL:.3g} mL"
            )

    def _check_contents(self, command: Dispense | Withdraw) -> None:
        if self._known:  # else the pump is asked first
            super()._check_contents(command)

    def samples(self) -> Sequence[object]:
        """Return initialising, and a movement each way."""
        return (INITIALIZE, *super().samples())

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Take over what the syringe held, unless the pump itself has told."""
        if not self._known:
            super().restore(state)

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

    # ---- commands ----------------------------------------------------------------------------------------------

    async def do_prepare(self, verb: Verb, value: object) -> Mapping[str, JSON]:
        """See that it can begin, and note where the plunger is.

        Raises:
            Refused: It moves, or was not initialised.
        """
        if verb != "set":
            return {}
        state = await self.rest(f"carry out {value!r}", initializing=value == INITIALIZE)
        if value != INITIALIZE:
            await self.set_scale()
            state = await self.see()
        self._baseline = state.position
        return {"position": state.position, "contents_mL": float(self.contents_mL.get())}

    async def do_set(self, value: Dispense | Withdraw | str, status: ActionStatus) -> Mapping[str, JSON]:
        """Initialise, or turn the valve, move the plunger and see that it has arrived."""
        with self.alone("initialising" if isinstance(value, str) else "moving its plunger"), self._named():
            if isinstance(value, str):
                return await self._initialize(status)
            if self._baseline is None:
                await self.do_prepare("set", value)
            before, self._baseline = self._baseline or 0.0, None
            return await self._pump(value, round(before * self.strokes), status)

    async def _pump(self, value: Dispense | Withdraw, before: int, status: ActionStatus) -> Mapping[str, JSON]:
        goal = self.scale.goal(value, before)
        rate, out = self.nearest_rate(value.rate), isinstance(value, Dispense)
        if not 0 <= goal <= self.strokes:
            held = before * self.resolution_mL
            raise self.outside(
                f"{value!r} goes beyond the syringe: it holds {held:.4g} of {self.settings.volume_mL:g} mL"
            )
        port = self.settings.outlet if out else self.settings.inlet
        with self._not_begun():
            await self.turn(port)
            await self.load_rate(rate)
            now = round((await self.rest(f"carry out {value!r}")).position * self.strokes)
            if now != before:
                raise self.refused(f"stands at step {now} instead of {before}: somebody else works with this pump")
        self._target = goal * self.resolution_mL
        self.rate.tell(rate)
        begun = self.clock.now()
        await self.begin_move(goal, rate)
        await self._arrive(before, goal, rate, status)
        moved = abs(goal - before) * self.resolution_mL
        return {
            "volume_mL": round(moved, 6),
            "requested_mL": value.volume,
            "rate_mL_min": rate,
            "seconds": round(self.clock.now() - begun, 3),
            "port": port,
            "contents_mL": self.contents_mL.get(),
            "state": {"contents_mL": self.contents_mL.get()},
        }

    async def _arrive(self, before: int, goal: int, rate: float, status: ActionStatus) -> None:
        """Wait until it stands still at its goal.

        Raises:
            InstrumentTimeout: It goes on well after it should have ended; it was stopped.
            InstrumentAlarm: It stands somewhere else.
        """
        wanted = abs(goal - before) * self.resolution_mL
        expected, begun = wanted / rate * 60.0, self.clock.now()
        last: list[PumpState] = []

        async def stands() -> bool:
            last[:] = [with_trouble(await self.see(), last)]
            self.volume.tell(round(abs(last[0].position * self.strokes - before) * self.resolution_mL, 6))
            status.progress(float(self.volume.get()), wanted, "mL")
            return not last[0].moving

        while (left := begun + expected - self.clock.now()) > self.settings.poll_s:
            await asyncio.sleep(min(left, self.settings.watch_s))
            if await stands():
                break
        if not await self.until(stands, poll_s=self.settings.poll_s, timeout_s=expected * _SLOW + _MARGIN):
            await self._stop()
            msg = f"still moved after {self.clock.now() - begun:.1f} s; {wanted:g} mL at {rate:g} mL/min take {expected:.1f} s; stopped"
            raise InstrumentTimeout(msg)
        reached = round(last[0].position * self.strokes)
        if last[0].trouble or last[0].initialized is False or reached != goal:
            why = last[0].trouble or "it was halted, lost its power, or was used by somebody else"
            raise InstrumentAlarm(f"moved {self.volume.get():g} of {wanted:g} mL: {why}")

    async def _initialize(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Initialise and wait for it.

        Raises:
            InstrumentAlarm: It failed.
        """
        await self.rest("initialise", initializing=True)
        self._baseline, self._target, self._known = None, 0.0, False
        await self.begin_initialize()
        state = await self.settled(self.settings.initialize_s, "initialising")
        if not state.trouble:
            await self.set_scale()
            state = await self.see()
        if state.trouble or state.initialized is False:
            why = state.trouble or "the pump says that it is not initialised"
            raise InstrumentAlarm(f"initialising failed: {why}. Look at syringe, valve and tubes, then do it again")
        return {
            "initialized": True,
            "port": await self.where(),
            "contents_mL": self.contents_mL.get(),
            "state": {"contents_mL": self.contents_mL.get()},
        }

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

    # ---- stopping, and settling what is in doubt ---------------------------------------------------------------

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

    async def do_reconcile(self, intent: Intent) -> Reconciled:
        """Compare the position with that before the action; the pump must have been halted."""
        await self.ready()
        with self._named():
            state = await self.see()
        command, before = command_from_json(intent.value), intent.context.get("position")
        if not isinstance(command, Dispense | Withdraw) or not isinstance(before, int | float):
            return Reconciled("unknown", why=f"the intent is no movement with its position: {intent.value!r}")
        if state.initialized is False:
            return Reconciled(
                "unknown", why=f"its position means nothing: {state.trouble or 'its power was interrupted'}"
            )
        return self.scale.settle(command, round(float(before) * self.strokes), state)

    # ---- errors ------------------------------------------------------------------------------------------------

    def refused(self, message: str) -> Refused:
        """Return the error for what was not begun."""
        return Refused(message, instrument=self.name, port=self.address.port)

    @contextlib.contextmanager
    def _not_begun(self) -> Iterator[None]:
        """Say that the plunger was not moved, where something fails before it is told to."""
        try:
            yield
        except (LinkError, InstrumentAlarm) as error:
            msg = f"the plunger was not moved: {error.message}"
            raise Refused(msg, command=error.command, seen=error.seen) from error

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        """Put instrument and port into errors that were raised beside the wire."""
        try:
            yield
        except InstrumentError as error:
            error.instrument = error.instrument or self.name
            error.port = error.port or self.address.port
            raise
