"""Gantries with a GRBL 1.1 controller: three axes that are told where to go, in mm of the machine.

Written from the firmware's public documentation; not yet checked on hardware.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import grbl_protocol as wire
from autolab.drivers.gantry import LETTERS, GantryAxis, GantryBase
from autolab.drivers.grbl_settings import GantrySettings
from autolab.drivers.query import Query, Sleep
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON
from autolab.model.errors import InstrumentTimeout, LinkError, Refused, WrongInstrument

if TYPE_CHECKING:
    from autolab.drivers.acting import ActionStatus

_MOVING: Final = ("Run", "Jog", "Home", "Hold:1", "Door:2", "Door:3")
_BRAKES: Final = 10.0  # s of lab time within which a machine stands after a hold
_ASTRAY: Final = 4  # looks in a row at an idle machine that stands elsewhere: just behind `ok` it may not move yet


class Gantry(GantryBase):
    """A gantry: `x`, `y` and `z` go to places in machine coordinates, which homing makes.

    Attributes:
        state: What the controller says that it does.
        version: Of its firmware.
    """

    settings_model = GantrySettings
    settings: GantrySettings
    places: ClassVar[tuple[float, float]] = (-12.5, -5.0)

    state = Cpt(Reading, value="", dtype="string", kind=Kind.normal)
    version = Cpt(Reading, value="", dtype="string", kind=Kind.config)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self._told: Mapping[int, float] = {}
        self._who: str | None = None
        self._starts = 0  # banners seen: each tells that the controller has started over
        self._alarm = ""
        self._halting = False

    # ---- meeting it --------------------------------------------------------------------------------------------

    def identify_query(self) -> Query[object]:
        """Ask for its version and what its owner has stored; while it moves it tells only that it is one.

        While it is deaf, or locked by a limit, it hears nothing but a reset: nothing is asked then, so that one can halt it.
        """
        if self.deaf or self._halting:
            yield Sleep(0.0)
            return "GRBL"
        told = yield from wire.who(self.settings.boot_s)
        if told is not None:
            if self._who not in (None, told):
                msg = f"another controller answers: {told!r} instead of {self._who!r}. Check the cables"
                raise WrongInstrument(msg)
            self._who = told
        return "GRBL"

    def takes(self, frame: bytes, sent: bytes) -> bool:
        """Take banners, alarms, messages and late reports, and the word for which one listens."""
        text = frame.strip()
        if text.startswith(b"Grbl "):
            self._starts += 1
            return sent != wire.RESET
        if text.startswith(b"ALARM:"):
            self._alarm = text[6:].decode("ascii", "replace")
            self.take_outcome(text)
            return True
        if text == b"ok" or text.startswith(b"error:"):
            return not sent and self.take_outcome(text)
        if text.startswith(b"<"):
            return sent[-1:] != wire.STATUS
        return not text or text.startswith((b"[MSG:", b">"))

    async def do_greet(self) -> None:
        """Learn its settings and where it is; a machine in motion tells its settings later.

        Raises:
            Refused: It is set to report in inches, or work positions only.
        """
        if self._halting:  # a machine that homes hears nothing but a reset
            return
        await self.query(self.identify_query())
        with contextlib.suppress(_Busy):
            await self._learn()
        await self.look()

    async def _learn(self) -> None:
        if self._told:
            return
        try:
            told = await self.again(wire.settings)
        except Refused as error:
            raise _Busy(error.message, instrument=self.name, port=self.address.port, command="$$") from None
        for key, bad, remedy in ((10, int(told[10]) & 1 == 0, "$10=1"), (13, told[13] != 0, "$13=0")):
            if bad:
                raise self.refusal(f"reports otherwise than in mm of the machine (${key}={told[key]:g}): set {remedy}")
        self._told = told

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return its version; for a serial number, what its owner has stored (`$I=...`)."""
        await self.asked(self.identify_query)
        version, _, info = (self._who or "").partition(":")
        self.version.tell(version)
        return {"model": "GRBL", "firmware": version or None, "serial_number": info or None}

    # ---- where it is -------------------------------------------------------------------------------------------

    async def look(self, *, urgent: bool = False) -> None:
        """Read state and position."""
        self._tell(await self.asked(wire.steady, urgent=urgent))

    def _tell(self, report: wire.Report) -> None:
        self.state.tell(report.state)
        self.tell(report.places)

    @property
    def doubt(self) -> str:
        """Why the position tells nothing; empty where it does."""
        state = self.state.get()
        if state in _MOVING:
            return f"it still moves ({state}): halt it first"
        return "it is locked by an alarm and does not know where it is: home it" if state == "Alarm" else ""

    def travel(self, axis: GantryAxis) -> tuple[float, float] | None:
        """Return how far an axis goes, mm, by its settings; None for a machine without switches."""
        length = self._told.get(130 + LETTERS.index(axis.letter))
        return None if length is None or not self.settings.homing else (-length, 0.0)

    def home_of(self, axis: GantryAxis) -> float:
        """Return where an axis stands once the machine was homed, mm."""
        at, off = LETTERS.index(axis.letter), self._told.get(27, 0.0)
        return off - self._told[130 + at] if int(self._told.get(23, 0)) >> at & 1 else -off

    # ---- moving ------------------------------------------------------------------------------------------------

    async def go(self, axis: GantryAxis, place: float, status: ActionStatus) -> None:
        """Move one axis, and return when the machine is idle and stands there.

        Raises:
            Refused: It is locked, held, or does not take the line.
            InstrumentAlarm: It stopped elsewhere.
        """
        await self._learn()
        axis.check_value(place)  # again: its travel is known now
        await self.look()
        self._check_state()
        if self.settings.homing and not self._told[22]:
            raise self.refusal(
                "has no homing switches ($22=0), so nobody knows its zero: say `homing: false` to accept that"
            )
        axis.aim(place)
        starts, self._alarm = self._starts, ""
        text = f"G53G90G21G1{axis.letter}{place:.3f}F{self.settings.speed_mm_s * 60:.0f}"
        try:
            async with self.turn:
                await self.query(wire.order(text))  # once: what became of it is asked of its position
        except InstrumentTimeout:
            if self._alarm:  # a limit alarm comes instead of ok
                raise self._locked("was locked instead of moving") from None
            raise
        await self._arrive(axis, place, starts, status)

    async def _arrive(self, axis: GantryAxis, place: float, starts: int, status: ActionStatus) -> None:
        seen = {"there": 0, "astray": 0}

        async def over() -> bool:
            await self.look()
            status.progress(axis.at, place, "mm")
            idle, near = self.state.get() == "Idle", abs(axis.at - place) <= self._slack(axis)
            seen["there"] = seen["there"] + 1 if idle and near else 0
            seen["astray"] = seen["astray"] + 1 if idle and not near else 0
            lost = self._starts != starts or bool(self._alarm) or self.state.get() == "Alarm"
            return lost or seen["there"] > 1 or seen["astray"] >= _ASTRAY

        try:
            timely = await self.until(over, poll_s=self.settings.poll_s, timeout_s=self.settings.timeout_s)
        except LinkError:
            if not self._alarm:  # behind a limit alarm it hears nothing but a reset
                raise
            timely = True
        at = f"{axis.attr_name} at {axis.at:g} instead of {place:g} mm"
        if self._alarm or self.state.get() == "Alarm":
            raise self._locked(f"was locked on its way, {at}")
        if self._starts != starts:
            raise self.alarm(f"started over on its way, {at}: its power or its line was interrupted. Home it")
        if not timely:
            state = self.state.get()
            await self.do_halt()
            raise self.alarm(
                f"was not there after {self.settings.timeout_s:g} s ({state}), {at}, and was halted. Try: a longer "
                "`timeout_s`, a higher speed, or see who holds it"
            )
        if not seen["there"]:
            raise self.alarm(f"stands still, {at}. Try: home it and move again")

    def _slack(self, axis: GantryAxis) -> float:
        return float(self.settings.tolerance_mm) + 1 / self._told[100 + LETTERS.index(axis.letter)]

    async def home(self) -> None:
        """Home the machine: all axes go for their switches.

        Raises:
            Refused: It moves, or has no switches.
            InstrumentAlarm: It did not find them; it is locked.
        """
        await self.look()
        if self.state.get() not in ("Idle", "Alarm"):
            raise self.refusal(f"is not idle ({self.state.get()}): wait, or halt it")
        await self._learn()
        word = await self.outcome(lambda: wire.send(b"$H\n"), self.settings.home_timeout_s, "homing")
        if word.startswith(b"ALARM:"):
            raise self._locked("was not homed")
        found = re.fullmatch(rb"error:(\d+)", word)
        if found is not None:
            code = found[1].decode()
            raise self.refusal(f"does not home: error {code}: {wire.ERRORS.get(code, 'see its documentation')}")

    async def do_halt(self) -> None:
        """Hold, wait until it stands, and reset, so that nothing that it has in store goes on.

        Its position stays known where the hold was over before the reset.
        """
        deaf, self._halting = self.deaf, True
        self.end_all()
        try:
            await self.ready()
            if not deaf:
                with contextlib.suppress(LinkError):  # a machine that says nothing is reset all the same
                    await self.until(self._holds, poll_s=0.2, timeout_s=_BRAKES)
            await self.again(wire.reset, urgent=True)
            self.deaf = False
        finally:
            self._halting = False
        await self.look(urgent=True)
        with contextlib.suppress(Refused):  # one that was met in motion tells its settings now, for reconciling
            await self._learn()

    async def _holds(self) -> bool:
        self._tell(await self.again(wire.hold, tries=2, urgent=True))
        return self.state.get() not in _MOVING

    async def do_make_safe(self) -> None:
        """Halt, and see that it stands.

        Raises:
            InstrumentAlarm: It does not.
        """
        await self.do_halt()
        if self.state.get() in _MOVING:
            raise self.alarm(f"is {self.state.get()} after a hold and a reset: cut its power")

    # ---- for people --------------------------------------------------------------------------------------------

    async def do_unlock(self) -> None:
        """Unlock it without homing (`$X`): whoever asks for that knows where it stands."""
        async with self.turn:
            await self.again(lambda: wire.order("$X"))

    def unlock(self) -> None:
        """Unlock it without homing, and wait for it."""
        self.clock.run(self._when_ready(self.do_unlock))

    # ---- errors ------------------------------------------------------------------------------------------------

    def _check_state(self) -> None:
        state = self.state.get()
        if state == "Alarm":
            why = wire.ALARMS.get(self._alarm, "it was switched on, or met trouble before")
            raise self.refusal(f'is locked by an alarm ({why}). Home it: set("home")')
        if state not in ("Idle", "Run"):
            raise self.refusal(f"is {state}: release or halt it first")

    def _locked(self, what: str) -> Exception:
        why = wire.ALARMS.get(self._alarm, "see its documentation")
        return self.alarm(f"{what}: alarm {self._alarm or '?'}: {why}. Look at it, make it safe, home it")


class _Busy(Refused):
    """It tells its settings only while it stands."""
