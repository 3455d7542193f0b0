"""Propar, the protocol of Bronkhorst instruments: queries without I/O, written from the maker's manual 9.17.027.

A request names an index of its own for the parameter that it asks for, and the answer is led by that index; a binary frame
has a sequence number besides. Both change from one message to the next, so that an answer that comes late or twice is known
as one. The acknowledgement of a write has no index: in ASCII it is believed only once the value has been read back.
"""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass
from typing import Final, Literal

from autolab.drivers.query import Query, ask
from autolab.model.errors import GarbledReply, InstrumentAlarm, InstrumentTimeout, Refused

Framing = Literal["binary", "ascii"]
Form = Literal["byte", "word", "long", "float", "text"]
LOCAL: Final = 128
"""Address of whatever is at the other end of the line."""
DEADLINE: Final = 0.5
"""Time for a reply, s: what the maker's own program allows."""
FULL: Final = 32000
"""Measure and set point at 100 % of capacity, as words."""
_TYPES: Final = {"byte": 0x00, "word": 0x20, "long": 0x40, "float": 0x40, "text": 0x60}
_HIGHEST_WORD: Final = 41942  # words above it are negative
_DLE, _STX, _ETX = 0x10, 0x02, 0x03
_REFUSALS: Final = {
    1: "another master has claimed it",
    2: "it does not know the command",
    3: "it does not know the process",
    4: "it does not know the parameter",
    5: "the parameter is of another type",
    6: "it does not take the value",
    7: "its network is not active",
    13: "the parameter is read only",
    17: "the parameter is write only",
}
_TIMEOUTS: Final = {8: "no start", 9: "its line was silent", 25: "the node does not answer", 30: "no answer was found"}
_ERRORS: Final = {
    1: "it heard no start of the message",
    2: "the first byte was wrong",
    3: "no byte came, or too many",
    4: "the message was wrong",
    5: "the bus failed, or nobody has that address",
    8: "the message took too long",
    9: "the node does not answer",
}


@dataclass(frozen=True)
class Parameter:
    """A parameter of an instrument.

    Attributes:
        process: Number of the process.
        number: Within the process.
        form: How its value is sent.
        size: Length of a text; 0 for one that a zero ends.
    """

    process: int
    number: int
    form: Form
    size: int = 0

    @property
    def name(self) -> str:
        """What errors call it."""
        return f"process {self.process}, parameter {self.number}"


WINK: Final = Parameter(0, 0, "text", 1)
MEASURE: Final = Parameter(1, 0, "word")
SETPOINT: Final = Parameter(1, 1, "word")
CONTROL_MODE: Final = Parameter(1, 4, "byte")
CAPACITY: Final = Parameter(1, 13, "float")
FLUID: Final = Parameter(1, 17, "text", 10)
ALARM_INFO: Final = Parameter(1, 20, "byte")
UNIT: Final = Parameter(1, 31, "text", 7)
FMEASURE: Final = Parameter(33, 0, "float")
FSETPOINT: Final = Parameter(33, 3, "float")
MODEL: Final = Parameter(113, 2, "text")
SERIAL_NUMBER: Final = Parameter(113, 3, "text")
FIRMWARE: Final = Parameter(113, 5, "text")
VALVE: Final = Parameter(114, 1, "long")
MODES: Final = {
    0: "set point from the bus", 1: "set point from the analog input", 2: "slave of another on the bus", 3: "valve closed",
    4: "controller idle", 5: "test", 6: "tuning", 7: "set point 100 %", 8: "valve fully open", 9: "calibration",
    10: "slave of the analog input", 11: "set point from keyboard or bus", 12: "set point 0 %", 18: "set point from RS-232",
    20: "valve steering", 21: "analog valve steering", 22: "valve in its safe state",
}  # fmt: skip
LISTENS: Final = (0, 18)
"""Control modes in which the set point on this line counts."""
ALARMS: Final = (
    "error", "warning", "minimum alarm", "maximum alarm", "batch counter at its limit", "response alarm",
    "master signal missing", "hardware error",
)  # fmt: skip
"""Bits of the alarm info, from the lowest."""
FAILED: Final = ("error", "hardware error")


@dataclass(frozen=True)
class Line:
    """How one node is spoken to: `tag` is another for every message.

    Attributes:
        framing: Binary or ASCII.
        node: Address.
        tag: Sequence number; its lowest five bits are the index of the parameter.
    """

    framing: Framing
    node: int
    tag: int

    @property
    def index(self) -> int:
        """The index that leads the answer."""
        return self.tag & 0x1F


def frame(line: Line, data: bytes) -> bytes:
    r"""Return a message as it goes over the wire.

    >>> frame(Line("binary", 3, 1), bytes.fromhex("0401200120")).hex(" ")
    '10 02 01 03 05 04 01 20 01 20 10 03'
    >>> frame(Line("ascii", 3, 1), bytes.fromhex("0401210120"))
    b':06030401210120\r\n'
    """
    if line.framing == "ascii":
        return f":{len(data) + 1:02X}{line.node:02X}{data.hex().upper()}\r\n".encode("ascii")
    body = bytes((line.tag & 0xFF, line.node, len(data))) + data
    return bytes((_DLE, _STX)) + body.replace(bytes((_DLE,)), bytes((_DLE, _DLE))) + bytes((_DLE, _ETX))


def end_of_frame(received: bytes) -> int:
    """Return how many bytes make the binary frame, or what is no frame, at the beginning; 0 while it is incomplete."""
    if not bytes((_DLE, _STX)).startswith(received[:2]):
        return len(received)
    at = 2
    while at + 1 < len(received):
        if received[at] != _DLE:
            at += 1
        elif received[at + 1] == _DLE:
            at += 2
        else:
            return at + 2
    return 0


def unframe(line: Line, reply: bytes) -> bytes:
    """Return what a reply says, command first.

    Raises:
        GarbledReply: It is no frame, or not the answer to this message.
        InstrumentTimeout: The interface says that the node does not answer.
    """
    node, data = _ascii(reply) if line.framing == "ascii" else _binary(line, reply)
    if node != line.node:
        raise GarbledReply(f"node {node} answers instead of {line.node}", seen=reply)
    if len(data) == 1:
        raise _error(data[0], reply)
    return data


def _ascii(reply: bytes) -> tuple[int, bytes]:
    found = re.fullmatch(rb":((?:[0-9A-Fa-f]{2})+)\r\n", reply)
    if found is None:
        raise GarbledReply("no message in ASCII", seen=reply)
    body = bytes.fromhex(found[1].decode())
    if len(body) == 2 and body[0] == 1:
        raise _error(body[1], reply)
    if len(body) < 3 or body[0] != len(body) - 1:
        raise GarbledReply("a message of another length than it says", seen=reply)
    return body[1], body[2:]


def _binary(line: Line, reply: bytes) -> tuple[int, bytes]:
    if len(reply) < 8 or reply[:2] != bytes((_DLE, _STX)) or reply[-2:] != bytes((_DLE, _ETX)):
        raise GarbledReply("no binary message", seen=reply)
    body = reply[2:-2].replace(bytes((_DLE, _DLE)), bytes((_DLE,)))
    if len(body) < 4 or body[2] != len(body) - 3:
        raise GarbledReply("a message of another length than it says", seen=reply)
    if body[0] != line.tag & 0xFF:
        raise GarbledReply(f"message {body[0]} instead of {line.tag & 0xFF}: it answers another question", seen=reply)
    return body[1], body[3:]


def _error(code: int, reply: bytes) -> GarbledReply | InstrumentTimeout:
    said = f"error {code}: {_ERRORS.get(code, 'of an unknown kind')}"
    return InstrumentTimeout(said, seen=reply) if code in (5, 8, 9) else GarbledReply(said, seen=reply)


def check_status(data: bytes, what: str) -> None:
    """Raise the error that a status message tells; none for OK.

    Raises:
        Refused: It did nothing.
        InstrumentTimeout: The node does not answer.
        InstrumentAlarm: Its memory has failed.
        GarbledReply: Anything else.
    """
    if len(data) != 3:
        raise GarbledReply("a status of another length", seen=data)
    status = data[1]
    if status in _REFUSALS:
        raise Refused(f"status {status} for {what}: {_REFUSALS[status]}")
    if status in _TIMEOUTS:
        raise InstrumentTimeout(f"status {status} for {what}: {_TIMEOUTS[status]}")
    if status == 10:
        raise InstrumentAlarm(f"status 10 for {what}: its memory has failed: have it repaired")
    if status != 0:
        raise GarbledReply(f"status {status} for {what}: communication failed on its side", seen=data)


def exchange(line: Line, data: bytes, deadline: float = DEADLINE) -> Query[bytes]:
    """Send a message and return what the reply says, command first."""
    until = b"\r\n" if line.framing == "ascii" else end_of_frame
    reply = yield from ask(frame(line, data), until, deadline)
    return unframe(line, reply)


def read(line: Line, parameter: Parameter) -> Query[bytes]:
    """Return the bytes of a parameter's value; of a text without its length or zero.

    Raises:
        Refused: It has no such parameter.
        GarbledReply: Another parameter, or another message, is answered.
    """
    kind = _TYPES[parameter.form]
    wanted = bytes((parameter.process, line.index | kind))
    request = bytes((0x04,)) + wanted + bytes((parameter.process, parameter.number | kind))
    data = yield from exchange(line, request + (bytes((parameter.size,)) if parameter.form == "text" else b""))
    if data[0] == 0x00:
        check_status(data, parameter.name)
        raise GarbledReply(f"a status answers the question for {parameter.name}", seen=data)
    if data[0] != 0x02 or data[1:3] != wanted:
        raise GarbledReply(f"no answer for {parameter.name}: it answers another question", seen=data)
    return _text(data[3:]) if parameter.form == "text" else _sized(data[3:], parameter)


def _text(data: bytes) -> bytes:
    if len(data) > 1 and data[0] == 0 and data.find(0, 1) == len(data) - 1:
        return data[1:-1]
    if data and data[0] == len(data) - 1 > 0:
        return data[1:]
    raise GarbledReply("a text of another length than it says", seen=data)


def _sized(data: bytes, parameter: Parameter) -> bytes:
    if len(data) != {"byte": 1, "word": 2}.get(parameter.form, 4):
        raise GarbledReply(f"{len(data)} bytes for {parameter.name}", seen=data)
    return data


def number(line: Line, parameter: Parameter) -> Query[float]:
    """Return a parameter that is a number.

    Raises:
        GarbledReply: It is not finite.
    """
    data = yield from read(line, parameter)
    if parameter.form == "float":
        value: float = struct.unpack(">f", data)[0]
        if not math.isfinite(value):
            raise GarbledReply(f"{value} for {parameter.name}", seen=data)
        return value
    told = int.from_bytes(data, "big")
    return told - 0x10000 if parameter.form == "word" and told > _HIGHEST_WORD else told


def text(line: Line, parameter: Parameter) -> Query[str]:
    """Return a parameter that is a text, without blanks around it.

    Raises:
        GarbledReply: It holds what cannot be printed.
    """
    data = yield from read(line, parameter)
    told = data.rstrip(b"\0 ").decode("latin-1").strip()
    if not told.isprintable():
        raise GarbledReply(f"{told!r} for {parameter.name}", seen=data)
    return told


def write(line: Line, parameter: Parameter, value: float | str) -> Query[None]:
    """Write a parameter with acknowledgement.

    Raises:
        Refused: It did not take it.
    """
    head = bytes((0x01, parameter.process, parameter.number | _TYPES[parameter.form]))
    data = yield from exchange(line, head + packed(parameter, value))
    if data[0] != 0x00:
        raise GarbledReply(f"no acknowledgement for {parameter.name}", seen=data)
    check_status(data, parameter.name)


def packed(parameter: Parameter, value: float | str) -> bytes:
    """Return a value as it is sent.

    >>> packed(FSETPOINT, 1.25).hex(), packed(SETPOINT, 16000).hex(), packed(WINK, "9").hex()
    ('3fa00000', '3e80', '0139')
    """
    if isinstance(value, str):
        said = value.encode("latin-1")
        return bytes((parameter.size,)) + said.ljust(parameter.size) if parameter.size else b"\0" + said + b"\0"
    if parameter.form == "float":
        return struct.pack(">f", value)
    return round(value).to_bytes({"byte": 1, "word": 2}.get(parameter.form, 4), "big")
