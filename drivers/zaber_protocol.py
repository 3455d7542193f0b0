"""What is said to Zaber devices: ASCII messages with address, axis, message id and checksum, and what they answer.

> /1 1 05 move abs 20000:BA CR LF
< @01 1 05 OK BUSY -- 0:E2 CR LF       a reply: flag, state, warning, data
< !01 1 IDLE -- CR LF                  an alert, unasked
< #01 1 text CR LF                     information, unasked

A reply repeats the message id of its command, so that the reply to an earlier one is known for what it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, cast

from autolab.drivers.query import Query, ReadUntil, Write
from autolab.model.errors import GarbledReply, Refused

CRLF: Final = b"\r\n"
DEADLINE: Final = 0.5
IDS: Final = 100  # message ids are 0..99
_LATE: Final = 5  # replies to earlier commands that are passed over while one waits for its own
_REPLY: Final = re.compile(
    r"@(\d\d) (\d) (\d\d) (OK|RJ) (BUSY|IDLE) (--|[A-Z]{2}) ([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)"
)
_CHECKSUM: Final = re.compile(rb"(.*):([0-9A-F]{2})", re.DOTALL)
_INTEGER: Final = re.compile(r"-?\d{1,10}")
WARNINGS: Final = {
    "FF": "critical system error", "FN": "its peripheral is not supported", "FZ": "its peripheral is inactive",
    "FH": "its emergency stop is pressed", "FV": "its supply voltage is out of range", "FO": "its driver is disabled",
    "FC": "too much current at start", "FM": "its motor is too hot", "FD": "its driver is disabled",
    "FQ": "its encoder fails", "FI": "its encoder's index is not where it should be", "FA": "its encoder is out of step",
    "FR": "it is driven beyond its limits", "FS": "it stalled and stopped", "FB": "a stream left its bounds",
    "FP": "it left its path", "FE": "it did not find its limit sensor", "FT": "its gantry is twisted",
    "WL": "it met a limit sensor unexpectedly", "WV": "its supply voltage is near its limits",
    "WT": "its controller is hot", "WS": "it stalled and recovered", "WM": "it was displaced while it stood",
    "WP": "its calibration does not fit", "WR": "it has no reference position", "WH": "it was not homed",
    "NC": "somebody turns its knob", "NI": "its movement was interrupted", "NR": "a value was rounded",
    "NT": "a value was cut", "NU": "a setting waits to be taken over", "NJ": "its joystick is being calibrated",
}  # fmt: skip
"""Two-letter flags, in words (zaber-motion `ascii/warning_flags.py`). F faults, W warnings, N notes."""
REASONS: Final = {
    "BADDATA": "the value is outside its range, or it has no reference position",
    "BADCOMMAND": "it does not know this command",
    "BADAXIS": "it has no such axis",
    "STATUSBUSY": "it is moving",
    "DRIVERDISABLED": "its driver is disabled",
    "PARKED": "it is parked",
    "DEVICEONLY": "this is asked of the device, not of an axis",
    "AXISONLY": "this is asked of an axis, not of the device",
    "INACTIVE": "this axis is switched off",
}


@dataclass(frozen=True)
class Reply:
    """A reply that is the answer to its command.

    Attributes:
        busy: Whether the axis moves.
        warning: The flag that comes first, or `--`.
        data: What was asked for.
        checked: Whether it carried a checksum.
    """

    busy: bool
    warning: str
    data: str
    checked: bool

    @property
    def fault(self) -> bool:
        """Whether something keeps it from moving, or has ended its motion."""
        return self.warning.startswith("F")


@dataclass(frozen=True)
class Talk:
    """Whom one talks to, and how.

    Attributes:
        address: 1..99.
        checksum: Whether commands carry a checksum.
        strict: Whether replies must.
    """

    address: int
    checksum: bool = True
    strict: bool = False

    def ask(self, command: str, marker: int, *, axis: int = 0) -> Query[Reply]:
        """Send a command and return its reply.

        Raises:
            Refused: It was rejected.
            GarbledReply: The reply is damaged, or none to this command.
        """
        sent = self.encode(command, marker, axis=axis)
        yield Write(sent)
        for _ in range(_LATE):
            line = (yield ReadUntil(CRLF, DEADLINE)) or b""
            reply = self._parse(line, marker, axis, command)
            if reply is not None:
                return reply
        msg = f"answers {_LATE} times to other commands than {command!r}"
        raise GarbledReply(msg)

    def encode(self, command: str, marker: int, *, axis: int = 0) -> bytes:
        r"""Return a command as it goes over the wire.

        >>> Talk(1).encode("move abs 20000", 5, axis=1)
        b'/1 1 05 move abs 20000:BA\r\n'
        """
        text = f"{self.address} {axis} {marker:02d} {command}".rstrip()
        tail = f":{checksum(text.encode('ascii'))}" if self.checksum else ""
        return f"/{text}{tail}".encode("ascii") + CRLF

    def _parse(self, line: bytes, marker: int, axis: int, command: str) -> Reply | None:
        """Return the reply to this command; None for the one to an earlier command."""
        text, checked = opened(line)
        found = _REPLY.fullmatch(text.decode("latin-1"))
        if found is None or (self.strict and not checked):
            msg = f"the reply to {command!r} is damaged{'' if checked else ' or has no checksum'}: {line!r}"
            raise GarbledReply(msg, seen=line)
        if int(found[1]) != self.address:
            msg = f"device {found[1]} answers instead of {self.address:02d}"
            raise GarbledReply(msg, seen=line)
        if int(found[3]) != marker:
            return None
        if int(found[2]) != axis:
            msg = f"axis {found[2]} answers instead of {axis}"
            raise GarbledReply(msg, seen=line)
        if found[4] == "RJ":
            why = REASONS.get(found[7], "see the manual")
            warning = f"; {found[6]}: {WARNINGS.get(found[6], 'a warning')}" if found[6] != "--" else ""
            msg = f"rejects {command!r}: {found[7]}: {why}{warning}"
            raise Refused(msg, seen=line)
        state = cast("Literal['BUSY', 'IDLE']", found[5])
        return Reply(busy=state == "BUSY", warning=found[6], data=found[7], checked=checked)


def opened(line: bytes) -> tuple[bytes, bool]:
    """Return a message without its end and checksum, and whether it had one.

    Raises:
        GarbledReply: The checksum is wrong.
    """
    text = line.removesuffix(CRLF)
    found = _CHECKSUM.fullmatch(text)
    if found is None:
        return text, False
    if checksum(found[1][1:]).encode("ascii") != found[2]:
        msg = f"the checksum of {line!r} is wrong"
        raise GarbledReply(msg, seen=line)
    return found[1], True


def checksum(text: bytes) -> str:
    """Return the checksum over what stands behind a message's first character: its sum, negative, as two digits.

    >>> checksum(b"01 0 OK IDLE -- 0")
    '8D'
    """
    return f"{(256 - sum(text) % 256) % 256:02X}"


def integer(reply: Reply, what: str) -> int:
    """Return a reply's data as the whole number that they must be.

    Raises:
        GarbledReply: They are none.
    """
    if _INTEGER.fullmatch(reply.data) is None:
        msg = f"{what} is no whole number: {reply.data!r}"
        raise GarbledReply(msg)
    return int(reply.data)
