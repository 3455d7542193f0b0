"""EI-Bisynch: `EOT gg uu PV ENQ` is answered `STX PV value ETX bcc`; `EOT gg uu STX SL value ETX bcc` by ACK or NAK.

An answer names its parameter, so that only an answer to the same question could be taken for another. Every query here
ends with the controller's identity, which never changes: with an answer too many before it, it gets another parameter's,
and nothing of the query is believed.
"""

from __future__ import annotations

import functools
import operator
import re
from dataclasses import dataclass
from typing import Final

from autolab.drivers.query import Query, ask
from autolab.model.errors import GarbledReply, Refused

STX, ETX, EOT, ENQ, ACK, NAK = (bytes([code]) for code in (2, 3, 4, 5, 6, 0x15))
IDENTITY: Final = "II"
ERRORS: Final = {
    1: "it has no such parameter", 2: "the check sum was wrong", 3: "parity or framing was wrong",
    4: "the value is outside its limits, or the parameter can only be read", 5: "the value is no number",
}  # fmt: skip
_NUMBER: Final = re.compile(r" *([+-]?(?:\d{1,6}\.?\d{0,4}|\.\d{1,4})) *")
_WORD: Final = re.compile(r" *>([0-9A-Fa-f]{1,4}) *")


def bcc(data: bytes) -> bytes:
    """Return the check character of what stands behind STX, ETX included.

    >>> bcc(b"PV16.4" + ETX) == bytes([0x50 ^ 0x56 ^ 0x31 ^ 0x36 ^ 0x2E ^ 0x34 ^ 0x03])
    True
    """
    return bytes([functools.reduce(operator.xor, data, 0)])


@dataclass(frozen=True)
class Tongue:
    """Talks to one controller.

    Attributes:
        unit: Its address, 0 to 99: group and unit.
    """

    unit: int

    def numbers(self, *mnemonics: str) -> Query[tuple[float, ...]]:
        """Read numbers.

        Raises:
            GarbledReply: An answer is none, of another parameter, damaged, or no number.
            Refused: There is no such parameter.
        """
        values: list[float] = []
        for mnemonic in mnemonics:
            text = yield from self._text(mnemonic)
            values.append(number(text, mnemonic))
        yield from self.identity()
        return tuple(values)

    def identity(self) -> Query[str]:
        """Read who it is: a word such as `>2480`; empty where it has no such parameter."""
        try:
            text = yield from self._text(IDENTITY)
        except Refused:
            return ""
        if not _WORD.fullmatch(text):
            raise GarbledReply(f"{text!r} is no answer to {IDENTITY}: a word such as >2480 was expected")
        return text.strip()

    def write(self, mnemonic: str, value: str, *read: str) -> Query[tuple[float, ...]]:
        """Write a parameter, and read numbers behind it.

        Raises:
            Refused: It does not acknowledge; its error is told.
        """
        data = mnemonic.encode("ascii") + value.encode("ascii") + ETX
        reply = yield from ask(self._address + STX + data + bcc(data), _end)
        if reply == NAK:
            (code,) = yield from self.numbers("EE")
            why = ERRORS.get(int(code), "see its manual")
            raise Refused(f"does not take {mnemonic} {value}: {why} (EE {code:g})", seen=reply)
        if reply != ACK:
            raise GarbledReply(f"{reply!r} is neither ACK nor NAK", seen=reply)
        told = yield from self.numbers(*read)
        return told

    @property
    def _address(self) -> bytes:
        group, unit = divmod(self.unit, 10)
        return EOT + f"{group}{group}{unit}{unit}".encode("ascii")

    def _text(self, mnemonic: str) -> Query[str]:
        reply = yield from ask(self._address + mnemonic.encode("ascii") + ENQ, _end)
        return parse(reply, mnemonic)


def parse(reply: bytes, mnemonic: str) -> str:
    """Return the value in an answer.

    Raises:
        GarbledReply: It is none, of another parameter, or damaged.
        Refused: There is no such parameter.
    """
    if reply == EOT:
        raise Refused(f"has no parameter {mnemonic}", seen=reply)
    if len(reply) < 5 or reply[:1] != STX or reply[-2:-1] != ETX:
        raise GarbledReply(
            f"{reply!r} is no answer: STX, parameter, value, ETX and check character were expected", seen=reply
        )
    if bcc(reply[1:-1]) != reply[-1:]:
        raise GarbledReply(f"{reply!r} has a wrong check character", seen=reply)
    try:
        text = reply[1:-2].decode("ascii")
    except UnicodeDecodeError:
        raise GarbledReply(f"{reply!r} is no line of ASCII", seen=reply) from None
    if text[:2] != mnemonic:
        raise GarbledReply(f"{text[:2]!r} is answered instead of {mnemonic!r}", seen=reply)
    return text[2:]


def number(text: str, mnemonic: str) -> float:
    """Return a number, which may be a word in hexadecimal such as `>0004`.

    Raises:
        GarbledReply: It is none.
    """
    word = _WORD.fullmatch(text)
    if word is not None:
        return float(int(word[1], 16))
    found = _NUMBER.fullmatch(text)
    if found is None:
        hint = "; it must have a decimal point" if "," in text else ""
        raise GarbledReply(f"{text!r} is no number for {mnemonic}{hint}")
    return float(found[1])


def _end(received: bytes) -> int:
    """Return the length of the answer that begins here; of all there is, where none can begin so."""
    if not received:
        return 0
    if received[:1] in (EOT, ACK, NAK):
        return 1
    if received[:1] != STX:
        return len(received)
    at = received.find(ETX)
    return at + 2 if 0 <= at < len(received) - 1 else 0
