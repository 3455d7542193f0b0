"""Propar frames as a Bronkhorst instrument hears and says them, in binary and in ASCII, and chains of parameters in them."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

DLE, STX, ETX = 0x10, 0x02, 0x03
STATUS, WRITE_ACK, WRITE, BROADCAST, REQUEST = range(5)
OK, NO_COMMAND, NO_PROCESS, NO_PARAMETER, BAD_TYPE, BAD_VALUE, READ_ONLY, PROTOCOL = 0, 2, 3, 4, 5, 6, 13, 34
BYTE, WORD, LONG, TEXT = 0x00, 0x20, 0x40, 0x60
SIZES: Final = {BYTE: 1, WORD: 2, LONG: 4}


class Broken(ValueError):
    """A message that does not follow the grammar."""


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes:
        seq: Sequence number; None in ASCII.
        node: Address.
        data: Command and what follows.
    """

    seq: int | None
    node: int
    data: bytes


@dataclass(frozen=True)
class Asked:
    """One parameter of a request.

    Attributes:
        head: Bytes that lead its answer: the index of the process where a new one begins, and that of the parameter.
        process: Number.
        parameter: Number.
        kind: Type bits.
        size: Length of a text; 0 for one that a zero ends.
    """

    head: bytes
    process: int
    parameter: int
    kind: int
    size: int = 0


@dataclass(frozen=True)
class Given:
    """One parameter that is written."""

    process: int
    parameter: int
    kind: int
    value: bytes


def split(line: bytes) -> tuple[bytes | None, bytes]:
    r"""Return the next complete frame (None while there is none) and what is left behind it.

    >>> split(b"x:0580..\r\n:0")
    (b':0580..\r\n', b':0')
    """
    starts = [at for at in (line.find(b":"), line.find(bytes((DLE, STX)))) if at >= 0]
    if not starts:
        return None, line[-1:] if line.endswith(bytes((DLE,))) else b""
    line = line[min(starts) :]
    if line.startswith(b":"):
        end = line.find(b"\r\n")
        return (None, line) if end < 0 else (line[: end + 2], line[end + 2 :])
    at = 2
    while at + 1 < len(line):
        if line[at] != DLE:
            at += 1
        elif line[at + 1] == ETX:
            return line[: at + 2], line[at + 2 :]
        else:
            at += 2
    return None, line


def read(frame: bytes) -> Message:
    """Return the message in a frame.

    Raises:
        Broken: There is none.
    """
    if frame.startswith(b":"):
        digits = frame[1:-2]
        if not re.fullmatch(rb"(?:[0-9A-Fa-f]{2}){3,}", digits):
            raise Broken(frame)
        body = bytes.fromhex(digits.decode())
        if body[0] != len(body) - 1:
            raise Broken(frame)
        return Message(None, body[1], body[2:])
    body = frame[2:-2].replace(bytes((DLE, DLE)), bytes((DLE,)))
    if len(body) < 4 or body[2] != len(body) - 3:
        raise Broken(frame)
    return Message(body[0], body[1], body[3:])


def written(message: Message) -> bytes:
    """Return a message as its frame."""
    if message.seq is None:
        return f":{len(message.data) + 1:02X}{message.node:02X}{message.data.hex().upper()}\r\n".encode("ascii")
    body = bytes((message.seq, message.node, len(message.data))) + message.data
    return bytes((DLE, STX)) + body.replace(bytes((DLE,)), bytes((DLE, DLE))) + bytes((DLE, ETX))


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 1

    def byte(self) -> int:
        if self.at >= len(self.data):
            raise Broken(self.data)
        self.at += 1
        return self.data[self.at - 1]

    def take(self, count: int) -> bytes:
        return bytes(self.byte() for _ in range(count))

    def text(self) -> bytes:
        size = self.byte()
        if size:
            return self.take(size)
        value = b""
        while (byte := self.byte()) != 0:
            value += bytes((byte,))
        return value


def asked(data: bytes) -> Iterator[Asked]:
    """Yield the parameters of a request, chained or not.

    Raises:
        Broken: It ends too early, or goes on behind its end.
    """
    reader, process_follows = _Reader(data), True
    while process_follows:
        first = reader.byte()
        process_follows, lead, parameter_follows = bool(first & 0x80), bytes((first,)), True
        while parameter_follows:
            index, process, number = reader.byte(), reader.byte(), reader.byte()
            parameter_follows = bool(index & 0x80)
            kind = number & 0x60
            yield Asked(
                lead + bytes((index,)), process & 0x7F, number & 0x1F, kind, reader.byte() if kind == TEXT else 0
            )
            lead = b""
    if reader.at != len(data):
        raise Broken(data)


def given(data: bytes) -> Iterator[Given]:
    """Yield the parameters that are written, chained or not.

    Raises:
        Broken: It ends too early, or goes on behind its end.
    """
    reader, process_follows = _Reader(data), True
    while process_follows:
        process = reader.byte()
        process_follows, parameter_follows = bool(process & 0x80), True
        while parameter_follows:
            number = reader.byte()
            parameter_follows, kind = bool(number & 0x80), number & 0x60
            value = reader.text() if kind == TEXT else reader.take(SIZES[kind])
            yield Given(process & 0x7F, number & 0x1F, kind, value)
    if reader.at != len(data):
        raise Broken(data)


def packed(value: float | str, form: str, size: int = 0) -> bytes:
    r"""Return a value as it is sent: `c` byte, `i` word, `l` long, `f` float, `s` text of a size (0: a zero ends it).

    >>> packed(1.0, "f").hex(), packed(-1, "i").hex(), packed("N2", "s", 4), packed("ab", "s")
    ('3f800000', 'ffff', b'\x04N2  ', b'\x00ab\x00')
    """
    if isinstance(value, str):
        text = value.encode("latin-1")
        return bytes((size,)) + text[:size].ljust(size) if size else b"\0" + text + b"\0"
    if form == "f":
        return struct.pack(">f", value)
    return (int(value) & (1 << 8 * {"c": 1, "i": 2, "l": 4}[form]) - 1).to_bytes({"c": 1, "i": 2, "l": 4}[form], "big")
