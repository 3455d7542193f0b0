"""Zaber stages with the ASCII protocol: one axis that is told where to go, in mm.

Written from the public protocol; not yet checked on hardware.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import zaber_protocol as wire
from autolab.drivers.instrument import ActionStatus, OphydInstrument
from autolab.drivers.positions import settle
from autolab.drivers.query import Query
from autolab.drivers.signals import Reading
from autolab.drivers.zaber_settings import StageSettings
from autolab.model.actions import JSON, ActionClass, Intent, Reconciled, Verb
from autolab.model.errors import InstrumentAlarm, Refused, WrongInstrument
from autolab.model.roles import Role

SPEED_UNIT: Final = 1.6384  # `maxspeed` per microstep/s
_NAN: Final = float("nan")
_BRAKES: Final = 5.0  # s of lab time within which a stage stands after `stop`
_UNREFERENCED: Final = "WR"


class Stage(OphydInstrument):
    """A stage: `set(mm)` moves to a place and is done when it stands there; `set("home")` finds its reference.

    It never homes by itself, for that moves; without reference it refuses to go to a place.

    Attributes:
        readback: Where it stands, as it tells it, mm.
        setpoint: Where it was last told to go, mm.
        warning: The flag that comes first, such as `WR`; `--` for none.
        firmware: Its version.
    """

    role: ClassVar[Role] = StageSettings.role
    settings_model = StageSettings
    settings: StageSettings
    frame_end: ClassVar[bytes] = wire.CRLF
    line_settings: ClassVar[Mapping[str, str]] = {"baud": "115200"}

    readback = Cpt(Reading, value=_NAN, units="mm", precision=4, kind=Kind.hinted)
    setpoint = Cpt(Reading, value=_NAN, units="mm", precision=4, kind=Kind.normal)
    warning = Cpt(Reading, value="--", dtype="string", kind=Kind.normal)
    firmware = Cpt(Reading, value="", dtype="string", kind=Kind.config)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self._markers = itertools.cycle(range(wire.IDS))
        self._strict = False
        self._range: tuple[float, float] | None = None  # mm, once the stage has told it
        self._target: float | None = None

    # ---- talking -----------------------------------------------------------------------------------------------

    @property
    def step(self) -> float:
        """Size of a microstep, mm."""
        return self.settings.microstep_um / 1000

    def _ask(self, command: str, *, axis: bool = True) -> Query[wire.Reply]:
        talk = wire.Talk(self.address.bus or 1, checksum=self.settings.checksum, strict=self._strict)
        return talk.ask(command, next(self._markers), axis=self.settings.axis if axis else 0)

    async def _get(self, name: str, *, axis: bool = True) -> wire.Reply:
        return await self.again(lambda: self._ask(f"get {name}", axis=axis))

    def _serial(self) -> Query[object]:
        reply = yield from self._ask("get system.serial", axis=False)
        return wire.integer(reply, "the serial number")

    def identify_query(self) -> Query[object]:
        """Ask for the serial number."""
        return self._serial()

    def takes(self, frame: bytes, sent: bytes) -> bool:
        """Take alerts and information: what they tell is asked for where it matters."""
        return frame[:1] in (b"!", b"#")

    # ---- meeting it --------------------------------------------------------------------------------------------

    async def do_greet(self) -> None:
        """Learn who it is, how far it goes and where it stands; once a reply had a checksum, all must.

        Raises:
            WrongInstrument: Its serial number is not the one that is wanted.
        """
        reply = await self._get("system.serial", axis=False)
        self._strict = reply.checked
        told, wanted = wire.integer(reply, "the serial number"), self.settings.serial_number
        if wanted not in (None, told):
            msg = f"serial number {told} answers, wanted is {wanted}. Check the cables, or say `serial_number: {told}`"
            raise WrongInstrument(msg, instrument=self.name, port=self.address.port)
        low, high = [wire.integer(await self._get(f"limit.{end}"), f"limit.{end}") for end in ("min", "max")]
        self._range = (low * self.step, high * self.step)
        await self.look()

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return device id, firmware and serial number."""
        firmware = (await self._get("version", axis=False)).data
        try:
            device = await self._get("device.id", axis=False)
        except Refused:  # firmware 6 calls it otherwise
            device = await self._get("deviceid", axis=False)
        serial = await self.again(self._serial)
        self.firmware.tell(firmware)
        return {"model": f"device {device.data}", "firmware": firmware, "serial_number": str(serial)}

    async def look(self, *, urgent: bool = False) -> wire.Reply:
        """Read position, state and warning."""
        reply = await self.again(lambda: self._ask("get pos"), urgent=urgent)
        self.readback.tell(round(wire.integer(reply, "the position") * self.step, 6))
        self.warning.tell(reply.warning)
        return reply

    # ---- what may be asked of it -------------------------------------------------------------------------------

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """Where it stands can be asked of the stage."""
        return "read" if verb == "trigger" else "queryable"

    def check_value(self, value: object) -> None:
        """Check a position against the lab's limits and the stage's own.

        Raises:
            OutsideLimits: It must not be sent.
        """
        if value == "home":
            return
        place = self.number(value, "a position in mm, or 'home'")
        self.check_limit("position", place, "mm")
        if self._range is not None and not self._range[0] - self.step <= place <= self._range[1] + self.step:
            raise self.outside(f"{place:g} mm is outside its range {self._range[0]:g}..{self._range[1]:g} mm")

    def samples(self) -> Sequence[object]:
        """Return the reference and two places near it."""
        return ("home", 12.5, 2.0)

    def locate(self) -> Mapping[str, Any]:
        """Return where it was told to go, and where it stands, mm."""
        return {"setpoint": self._target, "readback": float(self.readback.get())}

    # ---- verbs -------------------------------------------------------------------------------------------------

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Read position and warning."""
        reply = await self.look()
        return {"position_mm": float(self.readback.get()), "moving": reply.busy, "warning": reply.warning}

    async def do_prepare(self, verb: Verb, value: object) -> Mapping[str, JSON]:
        """Note where it stands."""
        if verb != "set":
            return {}
        await self.ready()
        reply = await self.look()
        return {"position_mm": float(self.readback.get()), "referenced": reply.warning != _UNREFERENCED}

    async def do_set(self, value: float | str, status: ActionStatus) -> Mapping[str, JSON]:
        """Go to a place (mm), or find the reference.

        Raises:
            Refused: It has no reference position, or moves already.
            InstrumentAlarm: It did not come there; it stands, wherever it came to.
        """
        self.check_value(value)  # again: its range is known now
        reply = await self.look()
        if reply.busy:
            raise self._refuse("moves already: wait until it stands, or halt it")
        self._raise_fault(reply, "does not move")
        if self.settings.speed_mm_s is not None:
            speed = round(self.settings.speed_mm_s / self.step * SPEED_UNIT)
            await self.again(lambda: self._ask(f"set maxspeed {speed}"))
        if isinstance(value, str):
            return await self._home(status)
        if reply.warning == _UNREFERENCED:
            raise self._refuse('has no reference position (WR): it was switched off. Home it first: set("home")')
        return await self._go(float(value), status)

    async def _go(self, place: float, status: ActionStatus) -> Mapping[str, JSON]:
        self._target = place
        self.setpoint.tell(place)
        await self.query(self._ask(f"move abs {round(place / self.step)}"))  # once: what became of it is asked of it
        reply = await self._rest(place, status)
        at = float(self.readback.get())
        if abs(at - place) > self.settings.tolerance_mm + self.step or reply.warning in (_UNREFERENCED, "NI"):
            raise self._alarm(f"stands at {at:g} instead of {place:g} mm{_words(reply)}. Try: home it and move again")
        return {"position_mm": at, "commanded_mm": place}

    async def _home(self, status: ActionStatus) -> Mapping[str, JSON]:
        await self.query(self._ask("home"))
        reply = await self._rest(0.0, status)
        if reply.warning in (_UNREFERENCED, "WH", "NI"):
            raise self._alarm(f"was not homed{_words(reply)}")
        self._target = at = float(self.readback.get())
        self.setpoint.tell(at)
        return {"position_mm": at, "homed": True}

    async def _rest(self, place: float, status: ActionStatus) -> wire.Reply:
        """Wait until it stands.

        Raises:
            InstrumentAlarm: It stalled, or does not come to rest in time; it was stopped then.
        """
        replies: list[wire.Reply] = []

        async def stands() -> bool:
            replies[:] = [await self.look()]
            status.progress(float(self.readback.get()), place, "mm")
            return not replies[0].busy

        if not await self.until(stands, poll_s=self.settings.poll_s, timeout_s=self.settings.timeout_s):
            at = float(self.readback.get())
            await self._stop()
            raise self._alarm(
                f"was at {at:g} on its way to {place:g} mm after {self.settings.timeout_s:g} s and was stopped. Try: a "
                "longer `timeout_s`, or a higher speed"
            )
        self._raise_fault(replies[0], f"stopped at {float(self.readback.get()):g} on its way to {place:g} mm")
        return replies[0]

    async def do_halt(self) -> None:
        """Stop, and wait until it stands.

        Raises:
            InstrumentAlarm: It goes on moving.
        """
        self.end_action()
        await self.ready()
        await self._stop()

    async def _stop(self) -> None:
        async def stands() -> bool:
            return not (await self.look(urgent=True)).busy

        for command in ("stop", "estop"):
            await self.again(lambda command=command: self._ask(command), urgent=True)  # type: ignore[misc]  # a lambda's default
            if await self.until(stands, poll_s=0.05, timeout_s=_BRAKES):
                return
        raise self._alarm(f"still moves {2 * _BRAKES:g} s after it was stopped: cut its power")

    async def do_make_safe(self) -> None:
        """Stop, see that it stands, and clear the warnings that can be: whoever made it safe has seen them."""
        await self.do_halt()
        await self.again(lambda: self._ask("warnings clear"))
        await self.look()

    async def do_reconcile(self, intent: Intent) -> Reconciled:
        """Compare where it stands with where it was to go, and where it stood before."""
        await self.ready()
        reply = await self.look()
        at = float(self.readback.get())
        if reply.busy:
            return Reconciled("unknown", why=f"it still moves, at {at:g} mm: halt it first")
        if reply.warning == _UNREFERENCED:
            return Reconciled("unknown", why="it has no reference position any more: home it")
        return settle(intent, at, self.settings.tolerance_mm + self.step, home=0.0)

    # ---- errors ------------------------------------------------------------------------------------------------

    def _raise_fault(self, reply: wire.Reply, what: str) -> None:
        if reply.fault:
            raise self._alarm(
                f"{what}{_words(reply)}. Look what is in its way and at its supply; making it safe clears the warning"
            )

    def _alarm(self, message: str) -> InstrumentAlarm:
        return InstrumentAlarm(message, instrument=self.name, port=self.address.port)

    def _refuse(self, message: str) -> Refused:
        return Refused(f"{message}; nothing was moved", instrument=self.name, port=self.address.port)


def _words(reply: wire.Reply) -> str:
    """Return a reply's warning for the end of a sentence; empty for none."""
    if reply.warning == "--":
        return ""
    return f": {wire.WARNINGS.get(reply.warning, 'it warns')} ({reply.warning})"
