"""Hamilton's Protocol 1/RNO+: one line to, one line from, ACK or NAK before what is told.

Facts: flowchem 1.1.6 (`devices/hamilton/ml600.py`), Micro-Manager's adapter of Hamilton devices (`MVPCommands.h`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from autolab.drivers.query import Query, ReadUntil, Write
from autolab.model.errors import GarbledReply, InstrumentTimeout, Refused, WrongInstrument

DEADLINE: Final = 1.0  # s
_END: Final = b"\r"
_ACK, _NAK = b"\x06", b"\x15"
_FIRMWARE: Final = r"[A-Z]{2}\d{2}\.\d{2}\.[A-Z0-9]{1,2}"
_OURS: Final = "NV"
NOT_INITIALIZED: Final = 1
_SYRINGE: Final = {2: "the stroke is too large", 4: "initialising its syringe failed", 8: "its syringe is overloaded"}
_VALVE: Final = {2: "initialising its valve failed", 4: "its valve is overloaded"}


@dataclass(frozen=True)
class State:
    """What one drive tells.

    Attributes:
        moving: Whether anything moves, or something waits in the buffer.
        position: Steps.
        syringe: Bits of its errors: 1 not initialised, 2 stroke too large, 4 initialising failed, 8 overload.
        valve: Bits of its errors: 1 not initialised, 2 initialising failed, 4 overload.
    """

    moving: bool
    position: int
    syringe: int
    valve: int

    @property
    def initialized(self) -> bool:
        """Whether syringe and valve were, and nothing has happened that asks for it again."""
        return not (self.syringe & (1 | 4 | 8) or self.valve & (1 | 2 | 4))

    @property
    def trouble(self) -> str:
        """Errors beside that, in words; empty for none."""
        told = [words for bit, words in _SYRINGE.items() if self.syringe & bit]
        told += [words for bit, words in _VALVE.items() if self.valve & bit]
        return f"{' and '.join(told)}. Remove what blocks it, then initialise it again" if told else ""


class DriveLine:
    """What is said to one drive of one apparatus.

    Args:
        bus: Its place in the chain, 0..15.
        side: `B` or `C` for one drive of two; empty for the only one.
    """

    def __init__(self, bus: int, side: str) -> None:
        self.address, self.side = chr(ord("a") + bus), side

    def command(self, text: str) -> Query[None]:
        """Say a command.

        Raises:
            Refused: It answers NAK.
        """
        said = yield from self._exchange(f"{self.side}{text}")
        if said:
            msg = f"the answer to {text} has data, as if to a question: {said!r}"
            raise GarbledReply(msg, command=text)

    def question(self, text: str, pattern: str) -> Query[str]:
        """Ask, and ask behind it whether it is done: that answer is a letter, which tells a belated one.

        Raises:
            GarbledReply: The answer is none to this question.
        """
        told = yield from self._told(f"{self.side}{text}", pattern)
        yield from self.done()
        return told

    def done(self) -> Query[str]:
        """Return whether all is done: `Y`, `N` while something waits, `*` while something moves."""
        return (yield from self._told("F", "[YN*]"))

    def state(self) -> Query[State]:
        """Return the state; a position read behind `Y` is final."""
        done = yield from self.done()
        errors = yield from self._told("E2", "[@-_]{4}")
        position = yield from self.question("YQPR", r"-?\d{1,5}")
        at = 2 if self.side == "C" else 0
        syringe, valve = (ord(letter) & 0x1F for letter in errors[at : at + 2])
        if syringe & 0x10 or valve & 0x10:
            msg = f"has no {'syringe' if syringe & 0x10 else 'valve'} on this side (E2: {errors!r}): look at the setting `drive`"
            raise WrongInstrument(msg)
        return State(done != "Y", int(position), syringe, valve)

    def single(self) -> Query[bool]:
        """Return whether the apparatus has one syringe only."""
        return (yield from self._told("H", "[YN]")) == "Y"

    def firmware(self) -> Query[str]:
        """Return the firmware, asked for twice; a chain that has no addresses yet, as after power came, is given them.

        Raises:
            WrongInstrument: It is no Microlab 600.
        """
        try:
            first = yield from self._told("UR", _FIRMWARE)
        except InstrumentTimeout:
            yield from self.give_addresses()
            first = yield from self._told("UR", _FIRMWARE)
        second = yield from self.question_of_all("UR", _FIRMWARE)
        if first != second:
            msg = f"tells two firmwares: {first!r}, {second!r}"
            raise GarbledReply(msg, command="UR")
        if not first.startswith(_OURS):
            msg = f"{first!r} answers; the firmware of a Microlab 600 begins with {_OURS}"
            raise WrongInstrument(msg)
        return first

    def question_of_all(self, text: str, pattern: str) -> Query[str]:
        """Ask the apparatus, not one of its drives, and whether it is done."""
        told = yield from self._told(text, pattern)
        yield from self.done()
        return told

    def give_addresses(self) -> Query[None]:
        """Have the chain count itself: each takes the letter of its place. The first time is often answered wrongly."""
        for _ in range(2):
            yield Write(b"1a" + _END)
            try:
                yield ReadUntil(_END, DEADLINE)
            except InstrumentTimeout:
                continue

    def _told(self, text: str, pattern: str) -> Query[str]:
        said = yield from self._exchange(text)
        if not re.fullmatch(pattern, said):
            msg = f"the answer to {text} is none to that question: {said!r}"
            raise GarbledReply(msg, command=text)
        return said

    def _exchange(self, text: str) -> Query[str]:
        sent = f"{self.address}{text}".encode("ascii") + _END
        yield Write(sent)
        reply = (yield ReadUntil(_END, DEADLINE)) or b""
        if reply == sent:  # devices of this protocol on RS-485 say each command first
            reply = (yield ReadUntil(_END, DEADLINE)) or b""
        if reply == _NAK + _END:
            msg = f"refused {text} (NAK): it does not know that, is at work, or was not initialised"
            raise Refused(msg, command=text, seen=reply)
        if reply[:1] != _ACK or any(not 0x20 <= byte < 0x7F for byte in reply[1:-1]):
            msg = f"no ACK and text: {reply!r}"
            raise GarbledReply(msg, command=text, seen=reply)
        return reply[1:-1].decode("ascii")
