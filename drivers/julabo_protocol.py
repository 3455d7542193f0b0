"""What Julabo circulators say: single lines, numbers without a name, and no answer to an order.

A number alone does not tell which question it answers. So every query here is a sentence that begins and ends
with `STATUS`, whose answer (`03 REMOTE START`, `-01 LOW LEVEL ALARM`) no number looks like: with a reply too many or too
few before it or within it the sentence does not begin or end so, and nothing of it is believed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from autolab.drivers.query import Query, ReadUntil, Sleep, Write
from autolab.model.errors import GarbledReply

END: Final = b"\r"
ANSWER_END: Final = b"\n"  # v1 puts a CR before it
GAP: Final = 0.25
"""Time that an order needs before the next command, s (manual of the Eco series, "Important times")."""
REFUSALS: Final = {-8: "it does not know the command", -9: "it does not allow that in its present mode",
                   -10: "the value is too small", -11: "the value is too large", -13: "the value is outside its limits"}  # fmt: skip
REMEDIES: Final = {
    -1: "its liquid is too low: top it up, look at the hoses",
    -3: "it is hotter than its warning limit",
    -4: "it is colder than its warning limit",
    -5: "its working sensor is broken or shorted",
    -6: "its two sensors differ too much: more flow, or a thinner liquid",
    -7: "an internal error: switch it off and on",
    -14: "it is hotter than its protection allows",
    -15: "its external sensor is broken or shorted",
    -33: "its safety sensor is broken or shorted",
    -38: "it is to follow an external sensor that gives no signal",
    -40: "its liquid is nearly too low",
    -41: "its liquid is nearly too high",
    -60: "an internal error: switch it off and on",
    -63: "its own watchdog has acted",
}
_NUMBER: Final = re.compile(r"[+-]?\d{1,4}(?:\.\d{1,16})?")
_STATUS: Final = re.compile(r"(-?\d{1,4}) ([A-Za-z].*)")
_VERSION: Final = re.compile(r"[A-Za-z][ -~]{2,80}")


@dataclass(frozen=True)
class Status:
    """What `STATUS` told.

    Attributes:
        code: 0 to 3 are states; below 0 are alarms, warnings and refusals.
        text: Its words.
    """

    code: int
    text: str

    @property
    def manual(self) -> bool:
        """Whether its panel has it, so that orders are not obeyed."""
        return self.code in (0, 1)

    @property
    def refusal(self) -> str:
        """Why it did not take an order; empty when it says nothing of the kind."""
        return REFUSALS.get(self.code, "")

    @property
    def alarm(self) -> bool:
        """Whether it has one; a warning goes on."""
        return self.code < 0 and not self.refusal and "WARNING" not in self.text.upper()

    @property
    def words(self) -> str:
        """For a message: `-01 LOW LEVEL ALARM (top it up)`."""
        remedy = REMEDIES.get(self.code, "see its manual")
        return f"{self.code:0{3 if self.code < 0 else 2}d} {self.text} ({remedy})" if self.code < 0 else self.text


@dataclass(frozen=True)
class Told:
    """What a sentence told.

    Attributes:
        numbers: One for each question.
        status: From its end.
    """

    numbers: tuple[float, ...]
    status: Status


@dataclass(frozen=True)
class Tongue:
    """How this one is talked to.

    Attributes:
        lower_case: Whether commands go out in small letters.
        gap: Pause behind an order, s.
    """

    lower_case: bool = False
    gap: float = GAP

    def version(self) -> Query[str]:
        """Ask who it is.

        Raises:
            GarbledReply: The answer is no name.
        """
        reply = yield from self._ask("VERSION")
        if not _VERSION.fullmatch(reply):
            raise GarbledReply(f"{reply!r} is no answer to VERSION: a name was expected", seen=reply.encode())
        return reply

    def status(self) -> Query[Status]:
        """Ask for its state."""
        return parse_status((yield from self._ask("STATUS")))

    def read(self, *questions: str) -> Query[Told]:
        """Ask for the state, for numbers, and for the state behind them."""
        yield from self.status()
        numbers = yield from self._numbers(questions)
        return Told(tuple(numbers), (yield from self.status()))

    def change(self, order: str, *questions: str) -> Query[Told]:
        """Give an order, which is not answered, and ask for numbers and the state behind it.

        The state is asked for before as well: what it had to say of an earlier order is said then.
        """
        yield from self.status()
        yield Write(self._written(order))
        yield Sleep(self.gap)
        numbers = yield from self._numbers(questions, after_order=True)
        return Told(tuple(numbers), (yield from self.status()))

    def _numbers(self, questions: tuple[str, ...], *, after_order: bool = False) -> Query[list[float]]:
        numbers: list[float] = []
        for question in questions:
            reply = yield from self._ask(question, empty_first=after_order and not numbers)
            numbers.append(parse_number(reply, question))
        return numbers

    def _ask(self, question: str, *, empty_first: bool = False) -> Query[str]:
        """Ask; an empty line in front of the answer says nothing and is passed over where an order went before."""
        yield Write(self._written(question))
        reply = yield ReadUntil(ANSWER_END)
        if empty_first and (reply or b"").strip() == b"":
            reply = yield ReadUntil(ANSWER_END)
        return _text(reply or b"")

    def _written(self, command: str) -> bytes:
        return (command.lower() if self.lower_case else command).encode("ascii") + END


def parse_number(reply: str, question: str) -> float:
    """Return a number.

    Raises:
        GarbledReply: It is none.
    """
    if not _NUMBER.fullmatch(reply):
        hint = "; it must have a decimal point" if "," in reply else ""
        hint = "; is the sensor plugged in?" if reply.startswith("---") else hint
        raise GarbledReply(f"{reply!r} is no answer to {question}: a number was expected{hint}", seen=reply.encode())
    return float(reply)


def parse_status(reply: str) -> Status:
    """Return what `STATUS` told.

    Raises:
        GarbledReply: That is no status.
    """
    found = _STATUS.fullmatch(reply)
    if found is None:
        raise GarbledReply(f"{reply!r} is no answer to STATUS: code and words were expected", seen=reply.encode())
    return Status(int(found[1]), found[2].strip())


def _text(reply: bytes) -> str:
    """Return a line without its end and without the XON and XOFF that some send with it."""
    line = reply.strip(b"\r\n\x11\x13 ")
    try:
        return line.decode("ascii")
    except UnicodeDecodeError:
        raise GarbledReply(f"{reply!r} is no line of ASCII", seen=reply) from None
