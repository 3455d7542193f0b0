"""What gantries have in common: three axes of one machine, each a stage, that one controller moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeVar

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers.component import RoleComponent
from autolab.drivers.gantry_settings import GantryBaseSettings
from autolab.drivers.instrument import OphydInstrument
from autolab.drivers.positions import settle
from autolab.drivers.query import Query, ReadUntil
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON, ActionClass, Intent, Reconciled, Verb
from autolab.model.errors import InstrumentAlarm, InstrumentTimeout, Refused
from autolab.model.roles import Role

if TYPE_CHECKING:
    from autolab.drivers.acting import ActionStatus

T = TypeVar("T")
LETTERS: Final = "XYZ"
_NAN: Final = float("nan")


def listen(seconds: float) -> Query[bytes]:
    """Return a line that nobody took, or nothing after so long; unasked lines are taken meanwhile."""
    try:
        return (yield ReadUntil(b"\n", seconds)) or b""
    except InstrumentTimeout:
        return b""


class GantryAxis(RoleComponent):
    """An axis of a gantry: `set(mm)` is done when it stands there; `set("home")` homes the whole machine.

    Attributes:
        readback: Where it is, mm.
        setpoint: Where it was last told to go, mm.
    """

    role: ClassVar[Role] = "stage"

    readback = Cpt(Reading, value=_NAN, units="mm", precision=3, kind=Kind.hinted)
    setpoint = Cpt(Reading, value=_NAN, units="mm", precision=3, kind=Kind.normal)

    def __init__(self, prefix: str = "", **kwargs: Any) -> None:  # noqa: ANN401  ophyd's own
        super().__init__(prefix, **kwargs)
        self._target: float | None = None

    @property
    def machine(self) -> GantryBase:
        """The gantry."""
        machine: GantryBase = self.parent
        return machine

    @property
    def letter(self) -> str:
        """`X`, `Y` or `Z`."""
        return str(self.attr_name).upper()

    @property
    def at(self) -> float:
        """Where it was when it was looked at last, mm."""
        return float(self.readback.get())

    def aim(self, place: float) -> None:
        """Note where it is told to go."""
        self._target = place
        self.setpoint.tell(place)

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """Where it stands can be asked of the controller; homing can be done again."""
        if verb == "trigger":
            return "read"
        return "idempotent" if value == "home" else "queryable"

    def check_value(self, value: object) -> None:
        """Check a position against the lab's limits and the machine's travel, as far as it is known.

        Raises:
            OutsideLimits: It must not be sent.
        """
        if value == "home":
            return
        place = self.number(value, "a position in mm, or 'home'")
        self.check_limit(place, "mm")
        travel = self.machine.travel(self)
        if travel is not None and not travel[0] - 1e-6 <= place <= travel[1] + 1e-6:
            raise self.outside(f"{self.attr_name} {place:g} mm is outside its travel {travel[0]:g}..{travel[1]:g} mm")

    def samples(self) -> Sequence[object]:
        """Return the reference and two places within it."""
        return ("home", *self.machine.places)

    def locate(self) -> Mapping[str, Any]:
        """Return where it was told to go, and where it is, mm."""
        return {"setpoint": self._target, "readback": self.at}

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Read its position."""
        await self.machine.look()
        return {"position_mm": self.at}

    async def do_prepare(self, verb: Verb, value: object) -> Mapping[str, JSON]:
        """Note where it is."""
        return {} if verb != "set" else {"position_mm": (await self._looked()).at}

    async def do_set(self, value: float | str, status: ActionStatus) -> Mapping[str, JSON]:
        """Go to a place (mm), or home the machine.

        Raises:
            Refused: The controller does not take it, or is locked.
            InstrumentAlarm: It did not come there.
        """
        if isinstance(value, str):
            await self.machine.home()
            await self.machine.look()
            self.aim(self.at)
            return {"position_mm": self.at, "homed": True}
        await self.machine.go(self, float(value), status)
        return {"position_mm": self.at, "commanded_mm": float(value)}

    async def do_reconcile(self, intent: Intent) -> Reconciled:
        """Compare where it stands with where it was to go, and where it stood before."""
        await self._looked()
        doubt = self.machine.doubt
        if doubt:
            return Reconciled("unknown", why=doubt)
        return settle(intent, self.at, self.settings.tolerance_mm, home=self.machine.home_of(self))

    async def do_halt(self) -> None:
        """Stop the whole machine: one axis alone cannot be stopped."""
        await self.machine.do_halt()

    async def do_make_safe(self) -> None:
        """Stop the whole machine, and see that it stands."""
        await self.machine.do_make_safe()

    async def _looked(self) -> GantryAxis:
        await self.ready()
        await self.machine.look()
        return self


class GantryBase(OphydInstrument):
    """A gantry: `x`, `y` and `z` are set and read; `trigger` on the whole reads all three.

    A driver gives what raises NotImplementedError here. While the machine homes or finishes its moves the controller
    answers nothing: `wait_for_outcome` listens for its word, and all other talk waits for `turn`.

    Attributes:
        turn: Held by whoever talks.
        deaf: The controller answers nothing until it has finished what it does; nobody asks it meanwhile who it is.
    """

    role: ClassVar[Literal[""]] = GantryBaseSettings.role
    settings: GantryBaseSettings
    line_settings: ClassVar[Mapping[str, str]] = {"baud": "115200"}
    places: ClassVar[tuple[float, float]]
    """Two places (mm) where each axis of a simulator can go."""

    x = Cpt(GantryAxis, kind=Kind.hinted)
    y = Cpt(GantryAxis, kind=Kind.hinted)
    z = Cpt(GantryAxis, kind=Kind.hinted)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self.turn = asyncio.Lock()
        self.deaf = False
        self._outcome = b""

    # ---- what a driver gives -----------------------------------------------------------------------------------

    @property
    def doubt(self) -> str:
        """Why the position that was looked at last tells nothing; empty where it does."""
        raise NotImplementedError

    def travel(self, axis: GantryAxis) -> tuple[float, float] | None:
        """Return how far an axis goes, mm; None while that is not known."""
        raise NotImplementedError

    def home_of(self, axis: GantryAxis) -> float:
        """Return where an axis stands once the machine was homed, mm."""
        raise NotImplementedError

    async def look(self, *, urgent: bool = False) -> None:
        """Read where the machine is."""
        raise NotImplementedError

    async def go(self, axis: GantryAxis, place: float, status: ActionStatus) -> None:
        """Move one axis, and return when it stands there."""
        raise NotImplementedError

    async def home(self) -> None:
        """Home the machine."""
        raise NotImplementedError

    # ---- what may be asked of it -------------------------------------------------------------------------------

    @property
    def axes(self) -> tuple[GantryAxis, GantryAxis, GantryAxis]:
        """Its axes."""
        return (self.x, self.y, self.z)

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """As of its axes."""
        return "read" if verb == "trigger" else "queryable"

    def check_value(self, value: object) -> None:
        """Refuse: its axes are set, not the whole."""
        raise self.outside(f"{value!r}: set {self.name}.x, {self.name}.y or {self.name}.z, not the whole")

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Read where it is."""
        await self.look()
        return {f"{axis.attr_name}_mm": axis.at for axis in self.axes}

    def end_all(self) -> None:
        """End all actions in progress on our side."""
        for part in (*self.axes, self):
            part.end_action()

    # ---- talking -----------------------------------------------------------------------------------------------

    async def asked(self, query: Callable[[], Query[T]], *, urgent: bool = False) -> T:
        """Carry out a query that may be repeated, in turn; an urgent one goes at once."""
        if urgent:
            return await self.again(query, urgent=True)
        async with self.turn:
            return await self.again(query)

    def tell(self, places: Sequence[float]) -> None:
        """Tell the axes where they are, mm."""
        for axis, place in zip(self.axes, places, strict=False):
            axis.readback.tell(place)

    def take_outcome(self, text: bytes) -> bool:
        """Keep a line as what the controller says at the end of what it does; False where it does nothing."""
        if self.deaf and not self._outcome:
            self._outcome = text
            return True
        return False

    async def outcome(self, begin: Callable[[], Query[None]], timeout_s: float, what: str) -> bytes:
        """Have the controller begin something during which it answers nothing, and return its word at the end.

        Raises:
            InstrumentTimeout: That does not come.
        """
        async with self.turn:
            return await self._outcome_of(begin, timeout_s, what)

    async def _outcome_of(self, begin: Callable[[], Query[None]], timeout_s: float, what: str) -> bytes:
        async def over() -> bool:
            await self.query(listen(0.1))
            return bool(self._outcome)

        await self.ready()
        self._outcome, self.deaf = b"", True
        try:
            await self.query(begin())
            came = await self.until(over, poll_s=self.settings.poll_s, timeout_s=timeout_s)
        except asyncio.CancelledError:
            raise  # it is still deaf, until whoever ended this has reset it
        except BaseException:
            self.deaf = False
            raise
        self.deaf = False
        if not came:
            msg = f"says nothing {timeout_s:g} s after {what} was begun: what it did is not known"
            raise InstrumentTimeout(msg, instrument=self.name, port=self.address.port)
        return self._outcome

    # ---- errors ------------------------------------------------------------------------------------------------

    def alarm(self, message: str) -> InstrumentAlarm:
        """Return the error for a machine that does not do what it was told."""
        return InstrumentAlarm(message, instrument=self.name, port=self.address.port)

    def refusal(self, message: str) -> Refused:
        """Return the error for what is not even tried."""
        return Refused(f"{message}; nothing was moved", instrument=self.name, port=self.address.port)
