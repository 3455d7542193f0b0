"""Gantries with a Marlin controller: three axes that are told where to go, in mm.

Written from the firmware's public source; not yet checked on hardware. The machine is open loop: a motor that is blocked is
not noticed, and the position is the one that was planned.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import marlin_protocol as wire
from autolab.drivers.gantry import GantryAxis, GantryBase, listen
from autolab.drivers.marlin_settings import GantrySettings
from autolab.drivers.query import Query, Sleep
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON
from autolab.model.errors import GarbledReply, LinkError, WrongInstrument

if TYPE_CHECKING:
    from autolab.drivers.acting import ActionStatus

T = TypeVar("T")
_TRIES: Final = 3
_QUIET: Final = 0.3  # s of silence behind a quick stop: all that it had to say is said
_RESOLUTION: Final = 0.011  # mm: M114 tells two decimals


class Gantry(GantryBase):
    """A gantry: `x`, `y` and `z` go to places, once it was homed.

    Attributes:
        homed: Whether this process has homed it, and nothing has happened since that makes its reference doubtful.
        firmware: As it introduces itself.
    """

    settings_model = GantrySettings
    settings: GantrySettings
    places: ClassVar[tuple[float, float]] = (12.5, 5.0)

    homed = Cpt(Reading, value=False, dtype="boolean", kind=Kind.normal)
    firmware = Cpt(Reading, value="", dtype="string", kind=Kind.config)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self._count = wire.Count()
        self._who: str | None = None
        self._starts = 0
        self._killed = False
        self._moving = False  # something was begun, and has not been seen to end
        self._halting = False

    # ---- meeting it --------------------------------------------------------------------------------------------

    def identify_query(self) -> Query[object]:
        """Ask for its name, and find out what became of a line in doubt."""
        if self.deaf:
            yield Sleep(0.0)
            return "Marlin"
        try:
            who = yield from wire.who(self._count)
        except wire.StartedOver:
            self._start_over()
            yield from wire.patiently(self._count, self.settings.boot_s)
            who = yield from wire.who(self._count)
        if self._who not in (None, who):
            msg = f"another controller answers: {who!r} instead of {self._who!r}. Check the cables"
            raise WrongInstrument(msg)
        return "Marlin"

    def takes(self, frame: bytes, sent: bytes) -> bool:
        """Take banners, busy messages, and the word for which one listens."""
        text = frame.strip()
        if text == b"start":
            self._start_over()
            self.take_outcome(text)
            return True
        if text.startswith(b"Error:Printer halted"):
            self._killed = True
            self.take_outcome(text)
            return True
        if not sent and self.deaf:
            if text.startswith(b"Error:"):  # in whatever words: what comes behind it tells what it means
                return True
            if wire.OK.fullmatch(text) or text.startswith(b"Resend:"):
                return self.take_outcome(text)
        return not text or text == b"wait" or text.startswith((b"echo:busy", b"busy:", b"//"))

    def _start_over(self) -> None:
        self._starts += 1
        self._killed = False
        self.homed.tell(False)

    async def do_greet(self) -> None:
        """Have it count lines from 0, and learn who it is, twice: what it says has no checksum.

        Raises:
            GarbledReply: It does not say the same twice.
        """
        if self._halting:
            await self._quick_stop()
        await self.query(wire.patiently(self._count, self.settings.boot_s))
        told = [await self.again(lambda: wire.who(self._count)) for _ in range(2)]
        if told[0] != told[1]:
            msg = f"introduces itself as {told[0]!r} and as {told[1]!r}: look at its line"
            raise GarbledReply(msg, instrument=self.name, port=self.address.port, command="M115")
        if self._who not in (None, told[0]):
            msg = f"another controller answers: {told[0]!r} instead of {self._who!r}. Check the cables"
            raise WrongInstrument(msg, instrument=self.name, port=self.address.port)
        self._who = told[0]
        await self.look()

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return how it introduces itself, and its UUID for a serial number."""
        await self.asked(self.identify_query)
        name, _, rest = (self._who or "").partition(" SOURCE_CODE_URL:")
        uuid = rest.partition(" UUID:")[2].split(" ")[0]
        self.firmware.tell(name)
        return {"model": "Marlin", "firmware": name, "serial_number": uuid or None}

    async def query(self, query: Query[T], *, command: bytes = b"", urgent: bool = False) -> T:
        """Carry a query out; a controller that has started over has lost its reference."""
        try:
            return await super().query(query, command=command, urgent=urgent)
        except wire.StartedOver:
            self._start_over()
            raise

    # ---- lines -------------------------------------------------------------------------------------------------

    async def _order(self, command: str) -> list[str]:
        """Send a line that is executed once, whatever the line does: numbers tell whether it was taken.

        Raises:
            LinkError: What became of it cannot be found out.
        """
        for _ in range(_TRIES - 1):
            starts = self._starts
            try:
                return await self.query(wire.order(self._count, command, once=True))
            except LinkError:
                if self._count.doubt is None:  # it says itself that it has not taken it
                    raise
                await self.query(self.identify_query())  # another line: what it says to that tells
                if self._starts != starts:
                    raise
                if self._count.taken:
                    return []
        return await self.query(wire.order(self._count, command, once=True))

    # ---- where it is -------------------------------------------------------------------------------------------

    async def look(self, *, urgent: bool = False) -> None:
        """Read where it is planned to be; that is where it is, once motions are over."""
        self.tell(await self.asked(lambda: wire.where(self._count), urgent=urgent))

    @property
    def doubt(self) -> str:
        """Why the position tells nothing; empty where it does."""
        if self.settings.homing and not self.homed.get():
            return "it was not homed by this process, or was halted in motion since: home it"
        return "it still moves: halt it first" if self.deaf else ""

    def travel(self, axis: GantryAxis) -> tuple[float, float] | None:
        """Return None: it does not tell."""
        return None

    def home_of(self, axis: GantryAxis) -> float:
        """Return where an axis stands once the machine was homed, mm."""
        return 0.0

    # ---- moving ------------------------------------------------------------------------------------------------

    async def go(self, axis: GantryAxis, place: float, status: ActionStatus) -> None:
        """Move one axis, and return when all motions are over and it stands there.

        Raises:
            Refused: It was not homed, or does not take the line.
            InstrumentAlarm: It stopped elsewhere.
        """
        await self.look()
        self._check_alive()
        if self.settings.homing and not self.homed.get():
            raise self.refusal('was not homed, or was halted in motion since. Home it: set("home")')
        starts, self._moving = self._starts, True
        axis.aim(place)
        status.progress(axis.at, place, "mm")
        async with self.turn:
            for command in ("G21", "G90", f"G1 {axis.letter}{place:.3f} F{self.settings.speed_mm_s * 60:.0f}"):
                said = await self._order(command)
        if any(line.startswith("echo:Home ") for line in said):
            self.homed.tell(False)
            raise self.refusal('wants to be homed first: set("home")')
        await self._finish(f"the move of {axis.attr_name} to {place:g} mm", starts)
        await self.look()
        status.progress(axis.at, place, "mm")
        if abs(axis.at - place) > self.settings.tolerance_mm + _RESOLUTION:
            raise self.alarm(
                f"{axis.attr_name} stands at {axis.at:g} instead of {place:g} mm. Try: a place within its travel, or home it"
            )

    async def _finish(self, what: str, starts: int) -> None:
        """Wait until all motions are over: twice, so that a late `ok` is not taken for the end."""
        for _ in range(2):
            word = await self._end_of("M400", self.settings.timeout_s, what)
            self._check_alive(f"shut down during {what}")
            if self._starts != starts or word == b"start":
                raise self.alarm(f"started over during {what}: its power or its line was interrupted. Home it")
        self._moving = False

    async def home(self) -> None:
        """Home the machine.

        Raises:
            InstrumentAlarm: It does not find its switches.
        """
        await self.look()
        self._check_alive()
        self.homed.tell(False)
        starts, self._moving = self._starts, True
        await self._end_of("G28", self.settings.home_timeout_s, "homing")
        await self._finish("homing", starts)
        self.homed.tell(True)

    async def _end_of(self, command: str, timeout_s: float, what: str) -> bytes:
        """Have it begin something that it acknowledges at its end; again while the line was damaged on its way."""
        word = b""
        async with self.turn:  # as long as it has a number of which it is not known whether it was taken
            for _ in range(_TRIES):
                marker = self._count.next()
                line = wire.encode(marker, command)
                word = await self._outcome_of(lambda line=line: wire.send(line), timeout_s, what)  # type: ignore[misc]  # a lambda's default
                if word.startswith(b"ok"):
                    self._count.know(marker + 1)
                if not word.startswith(b"Resend:"):
                    break
                self._refused(word)
        if word.startswith(b"Error:"):
            raise self.alarm(f"shut down during {what}: it says {word.decode('ascii', 'replace')!r}. Reset it")
        if not word.startswith(b"Resend:"):
            return word
        msg = f"did not understand {command!r} {_TRIES} times: {word!r}"
        raise GarbledReply(msg, instrument=self.name, port=self.address.port, command=command)

    def _refused(self, word: bytes) -> None:
        try:
            wire.refused(self._count, word)
        except wire.StartedOver:
            self._start_over()
            raise

    # ---- stopping ----------------------------------------------------------------------------------------------

    async def do_halt(self) -> None:
        """Stop at once and forget all planned motions (`M410`); a machine in motion has to be homed again."""
        moved = self.deaf or self._moving
        self.end_all()
        self._halting = self.deaf = True  # nothing is asked before it is stopped: a busy controller would not answer
        try:
            await self.ready()
            await self._quick_stop()
        finally:
            self._halting = self.deaf = False
        self._moving = False
        if moved:
            self.homed.tell(False)
        await self.look(urgent=True)

    async def _quick_stop(self) -> None:
        await self.query(wire.send(b"M410\n"), urgent=True)  # without a number: it acts at once
        for _ in range(10):
            if not await self.query(listen(_QUIET), urgent=True):
                break

    async def do_make_safe(self) -> None:
        """Stop, and see that it stands.

        Raises:
            InstrumentAlarm: It does not finish its motions; it was shut down then (`M112`).
        """
        if self._killed:
            return  # it shut down: nothing moves until somebody resets it
        await self.do_halt()
        try:
            await self.query(wire.order(self._count, "M400"))
        except LinkError as error:
            self.deaf = True  # nothing is asked before this goes out
            await self.query(wire.send(b"M112\n"), urgent=True)
            self.deaf = False
            raise self.alarm(
                f"does not stand after a quick stop, and was shut down (M112): reset it ({error})"
            ) from error

    def _check_alive(self, what: str = "is shut down") -> None:
        if self._killed:
            raise self.alarm(
                f"{what}: it says that it was halted by an emergency stop or a fault. Look at it, and reset it"
            )
