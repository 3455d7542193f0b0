"""SCPI without I/O: questions and their answers, orders and the error queue behind them.

An instrument is silent on orders. So each goes out with its faults before it forgotten (`*CLS`), and the error queue is
read behind it: an order counts as heard when the queue answers that it is empty.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from autolab.drivers import query as wire
from autolab.drivers.query import Query, Write
from autolab.model.errors import GarbledReply, InstrumentAlarm, InstrumentError, InstrumentTimeout, Refused

ENDS: Final = {"LF": b"\n", "CRLF": b"\r\n", "CR": b"\r"}
OVERFLOW: Final = 9.9e37
"""What stands for more than the range; not-a-number is 9.91e37."""
REPLY: Final = 2.0
"""How long an answer that measures nothing may take, s."""
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?(E[+-]?\d+)?", re.IGNORECASE)
_ERROR = re.compile(r'([+-]?\d+),"([^"]*)"')
_IDENTITY = re.compile(r"([^,]+),([^,]+),([^,]+),(.+)")
_QUEUE_LIMIT: Final = 32


@dataclass(frozen=True)
class Identity:
    """Who it says it is.

    Attributes:
        maker: As it writes it.
        model: Without the word MODEL.
        serial_number: As it writes it.
        firmware: Likewise.
    """

    maker: str
    model: str
    serial_number: str
    firmware: str


@dataclass(frozen=True)
class Talk:
    """How an instrument's lines end.

    Attributes:
        end: Of what is sent, and of each answer.
    """

    end: bytes = b"\n"

    def ask(self, question: str, deadline: float = REPLY) -> Query[str]:
        """Ask, and return the answer without its end.

        Raises:
            GarbledReply: It is no printable text, or none.
        """
        seen = yield from wire.ask(question.encode() + self.end, self.end, deadline)
        body = seen.removesuffix(self.end).removesuffix(b"\r")
        if not body or not body.isascii() or not body.decode("ascii", "replace").isprintable():
            msg = f"the answer to {question} is no text"
            raise GarbledReply(msg, seen=seen)
        return body.decode().strip()

    def number(self, question: str, deadline: float = REPLY) -> Query[float]:
        """Ask for one number."""
        answer = yield from self.ask(question, deadline)
        return numbers(answer, 1, question)[0]

    def is_on(self, question: str) -> Query[bool]:
        """Ask for 0 or 1.

        Raises:
            GarbledReply: It is neither.
        """
        answer = yield from self.ask(question)
        if answer not in ("0", "1"):
            msg = f"{question} is answered by {answer!r}, neither 0 nor 1"
            raise GarbledReply(msg, seen=answer.encode())
        return answer == "1"

    def word(self, question: str, options: Sequence[str]) -> Query[str]:
        """Ask for one of several words; quotes do not count.

        Raises:
            GarbledReply: It is none of them.
        """
        answer = yield from self.ask(question)
        word = answer.strip('"').upper()
        if word not in options:
            msg = f"{question} is answered by {answer!r}, none of {', '.join(options)}"
            raise GarbledReply(msg, seen=answer.encode())
        return word

    def identity(self) -> Query[Identity]:
        """Ask who it is.

        Raises:
            GarbledReply: The answer does not have four fields.
        """
        answer = yield from self.ask("*IDN?")
        found = _IDENTITY.fullmatch(answer)
        if found is None:
            msg = f"*IDN? is answered by {answer!r}, which is not maker, model, serial number, firmware"
            raise GarbledReply(msg, seen=answer.encode())
        maker, model, serial, firmware = (field.strip() for field in found.groups())
        return Identity(maker, model.removeprefix("MODEL").strip(), serial, firmware)

    def errors(self) -> Query[list[tuple[int, str]]]:
        """Empty the error queue and return what was in it: codes and texts.

        Raises:
            GarbledReply: An entry is none.
        """
        found: list[tuple[int, str]] = []
        while len(found) < _QUEUE_LIMIT:
            answer = yield from self.ask(":SYST:ERR?")
            entry = _ERROR.fullmatch(answer)
            if entry is None:
                msg = f"the error queue says {answer!r}, no code and text"
                raise GarbledReply(msg, seen=answer.encode())
            if int(entry[1]) == 0:
                break
            found.append((int(entry[1]), entry[2]))
        return found

    def order(self, *commands: str) -> Query[None]:
        """Give orders, and see by the error queue that they were taken.

        Raises:
            Refused: It did not take one.
            InstrumentAlarm: It reports a fault of its own.
        """
        yield Write(b"*CLS" + self.end)
        for command in commands:
            yield Write(command.encode() + self.end)
        found = yield from self.errors()
        if found:
            raise fault(found, "; ".join(commands))

    def measure(self, question: str, deadline: float) -> Query[str]:
        """Ask for a measurement; where none comes, let the error queue say why.

        Raises:
            Refused: The queue says why.
            InstrumentTimeout: It does not.
        """
        try:
            return (yield from self.ask(question, deadline))
        except InstrumentTimeout:
            found = yield from self.errors()
            if found:
                raise fault(found, question) from None
            raise


def fault(found: Sequence[tuple[int, str]], command: str) -> InstrumentError:
    """Return the error for what the queue held: the instrument said no, or has a fault of its own."""
    said = ", ".join(f"{code} {text.partition(';')[0]!r}" for code, text in found)
    code = found[0][0]
    if -299 <= code <= -100 or 800 <= code <= 899:
        return Refused(f"did not take it: {said}. Compare the settings with its manual", command=command)
    return InstrumentAlarm(f"reports {said}. See its manual, chapter status and error messages", command=command)


def numbers(answer: str, count: int, question: str) -> list[float]:
    """Return the numbers of an answer; overflow and not-a-number stay what they are.

    >>> numbers("+1.5E+00,-2.0E-03", 2, ":READ?")
    [1.5, -0.002]

    Raises:
        GarbledReply: There are more or fewer, or something else.
    """
    fields = [field.strip() for field in answer.split(",")]
    if len(fields) != count:
        msg = f"{question} is answered by {len(fields)} fields instead of {count} (a decimal comma?): {answer!r}"
        raise GarbledReply(msg, seen=answer.encode())
    for field in fields:
        if _NUMBER.fullmatch(field) is None or not math.isfinite(float(field)):
            msg = f"{question} is answered by {field!r}, which is no number"
            raise GarbledReply(msg, seen=answer.encode())
    return [float(field) for field in fields]
