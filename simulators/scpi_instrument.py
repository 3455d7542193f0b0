"""What simulated SCPI instruments share: message exchange, error queue, status registers, settings with their ranges."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from autolab.simulators import scpi_grammar as grammar
from autolab.simulators.scpi_grammar import Command, Fault
from autolab.simulators.talker import Talker

if TYPE_CHECKING:
    from autolab.model.actions import JSON
    from autolab.simulators.simulator import Place

Handler = Callable[[tuple[str, ...]], str | None]
OPC, QYE, DDE, EXE, CME, PON = 1, 4, 8, 16, 32, 128  # bits of the standard event register
TERMINATORS = {"LF": b"\n", "CRLF": b"\r\n", "CR": b"\r"}


class ScpiInstrument(Talker):
    """Base of an instrument that speaks SCPI. It is silent on all but queries; faults go into its error queue.

    A subclass declares its commands in `build`, by `command`, `number`, `switch`, `choice`. Messages wait while a
    measurement takes its time, and the answers of one message come joined by `;`.

    Attributes:
        state: The settings, by their keys; what a snapshot holds.
        errors: The error queue: codes, oldest first.
        queue_length: Beyond it the last entry becomes -350.
        digits: How numbers are said.
    """

    frame_end: ClassVar[tuple[bytes, ...]] = (b"\r\n", b"\n", b"\r")
    longest: ClassVar[int] = 4096
    kept: ClassVar[tuple[str, ...]] = ("state", "errors", "events", "enabled", "serves")
    reaction = 0.005
    queue_length: int = 10
    digits: str = "+.6E"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.terminator = TERMINATORS[str(place.settings.get("terminator", "LF"))]
        self.state: dict[str, JSON] = {}
        self.defaults: dict[str, JSON] = {}
        self.errors: list[int] = []
        self.events, self.enabled, self.serves = PON, 0, 0
        self.taking = 0.0  # s that the measurements of the message in hand take
        self._waiting: list[str] = []
        self._busy = False
        self._table: list[tuple[re.Pattern[str], Handler | None, Handler | None]] = []
        self._build_common()
        self.build()
        self.reset()

    # ---- what an instrument implements -------------------------------------------------------------------------

    def identity(self) -> str:
        """Return the answer to *IDN?."""
        raise NotImplementedError

    def build(self) -> None:
        """Declare its commands."""
        raise NotImplementedError

    def changed(self, key: str) -> None:
        """Hear that a setting was written; a `Fault` refuses it, and it is put back."""

    def trigger(self) -> None:
        """Do what *TRG does."""

    def error_text(self, code: int) -> str:
        """Return an entry of the error queue as it is said."""
        return f'{code},"{grammar.ERRORS[code]}"'

    # ---- declaring ---------------------------------------------------------------------------------------------

    def command(self, header: str, write: Handler | None = None, ask: Handler | None = None) -> None:
        """Declare a command and its query."""
        self._table.append((grammar.pattern(header), write, ask))

    def number(
        self, header: str, key: str, default: float, low: float, high: float, unit: str = "", also: str = ""
    ) -> None:
        """Declare a number with its range; writing it switches off the switch `also` (an automatic range).

        Where the default is an integer, the number is a count and said as one.
        """
        self.defaults[key] = default

        def write(arguments: tuple[str, ...]) -> None:
            self._put(key, grammar.number(one(arguments), unit, low, high, default))
            if also:
                self.state[also] = False

        def ask(arguments: tuple[str, ...]) -> str:
            value = grammar.number(one(arguments), unit, low, high, default) if arguments else self.value(key)
            return str(round(value)) if isinstance(default, int) else self.say_number(value)

        self.command(header, write, ask)

    def switch(self, header: str, key: str, default: bool = False) -> None:
        """Declare a boolean."""
        self.defaults[key] = default
        self.command(
            header,
            lambda arguments: self._put(key, grammar.boolean(one(arguments))),
            lambda _: "1" if self.state[key] else "0",
        )

    def choice(self, header: str, key: str, options: Sequence[str], default: str, quoted: bool = False) -> None:
        """Declare a choice among words, each as manuals write it."""
        self.defaults[key] = default
        self.command(
            header,
            lambda arguments: self._put(key, grammar.choice(one(arguments), options)),
            lambda _: f'"{self.state[key]}"' if quoted else str(self.state[key]),
        )

    def ignored(self, *headers: str) -> None:
        """Declare commands that do nothing here."""
        for header in headers:
            self.command(header, lambda _: None)

    def value(self, key: str) -> float:
        """Return a setting as a number."""
        return float(str(self.state[key]))

    def say_number(self, value: float) -> str:
        """Return a number as it is said."""
        return format(value, self.digits)

    def _put(self, key: str, value: JSON) -> None:
        before, self.state[key] = self.state[key], value
        try:
            self.changed(key)
        except Fault:
            self.state[key] = before
            raise

    # ---- the message exchange ----------------------------------------------------------------------------------

    def hear(self, frame: bytes) -> None:
        """Take one program message."""
        text = re.sub(rb"^.*[\x03\x18]", b"", frame, flags=re.DOTALL).decode("latin-1").strip()  # ^C, ^X clear it
        if text:
            self._waiting.append(text)
        if not self._busy:
            self._next()

    def overflow(self) -> None:
        """Note that a message was too long."""
        self.fault(-363)

    def _next(self) -> None:
        self._busy = False
        while self._waiting and not self._busy:
            self.taking = 0.0
            answers = self._perform(self._waiting.pop(0))
            if self.taking > 0:
                self._busy = True
                self.later(self.taking, lambda said=answers: self._done(said))  # type: ignore[misc]  # bound now
            else:
                self._answer(answers)

    def _done(self, answers: list[str]) -> None:
        self._answer(answers)
        self._next()

    def _answer(self, answers: list[str]) -> None:
        if answers:
            self.say(";".join(answers).encode("latin-1") + self.terminator)

    def _perform(self, message: str) -> list[str]:
        """Do what a message asks, up to its first fault of grammar, and return the answers."""
        answers: list[str] = []
        try:
            for unit in grammar.commands(message):
                try:
                    answer = self._obey(unit)
                except Fault as fault:
                    self.fault(fault.code)
                    if -199 <= fault.code <= -100:
                        return answers
                    continue
                if answer is not None:
                    answers.append(answer)
        except Fault as fault:
            self.fault(fault.code)
        return answers

    def _obey(self, unit: Command) -> str | None:
        for header, write, ask in self._table:
            handler = ask if unit.query else write
            if handler is not None and header.fullmatch(unit.header):
                return handler(unit.arguments)
        raise Fault(-113)

    # ---- errors and status -------------------------------------------------------------------------------------

    def fault(self, code: int) -> None:
        """Put something into the error queue and the event register."""
        for bit, codes in ((CME, range(-199, -99)), (EXE, range(-299, -199)), (QYE, range(-499, -399))):
            if code in codes:
                self.events |= bit
        if code > 0 or code in range(-399, -299):
            self.events |= DDE
        if len(self.errors) >= self.queue_length:
            self.errors[-1] = -350
        else:
            self.errors.append(code)

    def _build_common(self) -> None:
        self.command("*IDN", None, lambda _: self.identity())
        self.command("*RST", lambda _: self.reset())
        self.command("*CLS", lambda _: self._clear())
        self.command("*OPC", self._complete, lambda _: "1")
        self.command("*ESR", None, lambda _: self._events())
        self.command("*ESE", lambda given: self._register("enabled", given), lambda _: str(self.enabled))
        self.command("*SRE", lambda given: self._register("serves", given), lambda _: str(self.serves))
        self.command("*STB", None, lambda _: str(self._status_byte()))
        self.command("*TST", None, lambda _: "0")
        self.command("*TRG", lambda _: self.trigger())
        self.command(":SYSTem:ERRor[:NEXT]", None, lambda _: self._next_error())
        self.command(":STATus:QUEue[:NEXT]", None, lambda _: self._next_error())
        self.command(":SYSTem:ERRor:COUNt", None, lambda _: str(len(self.errors)))
        self.command(":SYSTem:VERSion", None, lambda _: "1996.0")
        self.command(":SYSTem:CLEar", lambda _: self.errors.clear())
        self.ignored("*WAI", ":STATus:PRESet", ":STATus:MEASurement:ENABle", ":SYSTem:BEEPer[:IMMediate]")
        self.ignored(":SYSTem:LOCal", ":SYSTem:REMote", ":SYSTem:RWLock", ":ABORt", ":STATus:QUEue:CLEar")

    def _complete(self, arguments: tuple[str, ...]) -> None:
        self.events |= OPC

    def _clear(self) -> None:
        self.errors.clear()
        self.events = 0

    def _events(self) -> str:
        events, self.events = self.events, 0
        return str(events)

    def _register(self, name: str, arguments: tuple[str, ...]) -> None:
        setattr(self, name, int(grammar.number(one(arguments), "", 0, 255, 0)))

    def _status_byte(self) -> int:
        return (4 if self.errors else 0) | (32 if self.events & self.enabled else 0)

    def _next_error(self) -> str:
        return self.error_text(self.errors.pop(0) if self.errors else 0)

    # ---- its life ----------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Go back to the defaults of *RST."""
        self.state = dict(self.defaults)

    def forget_timers(self) -> None:
        """Call off all that was to come, and the messages that wait."""
        super().forget_timers()
        self._waiting.clear()
        self._busy = False

    def wake(self) -> None:
        """Come up with the defaults and an empty queue."""
        self.errors, self.events, self.enabled, self.serves = [], PON, 0, 0
        self.reset()


def one(arguments: tuple[str, ...]) -> str:
    """Return the one parameter.

    Raises:
        Fault: There are none, or more.
    """
    if len(arguments) != 1:
        raise Fault(-108 if arguments else -109)
    return arguments[0]
