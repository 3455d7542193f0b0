"""The bytes of New Era pumps: basic and safe frames, numbers of four digits.

Basic: `<address><command>CR` to the pump, `STX <address> <status> <data> ETX` from it. Safe, both ways: `STX`, a
length that counts itself and what follows, the same text, CRC-16/XMODEM (high byte first), `ETX`.
"""

from __future__ import annotations

import binascii
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

STX, ETX, CR = 0x02, 0x03, 0x0D
GAP = 0.5  # s between two bytes of a safe frame, after which its beginning is thrown away (maker's manual)
LONGEST = 256


@dataclass(frozen=True)
class Packet:
    """What one frame said.

    Attributes:
        text: Upper case, without spaces and control characters.
        safe: Whether it came in a safe frame.
        intact: Whether its checksum and end were right; always, in a basic frame.
    """

    text: str
    safe: bool = False
    intact: bool = True


class FrameReader:
    """Cuts bytes into packets, in whatever pieces they come."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._last = -math.inf

    def clear(self) -> None:
        """Forget an unfinished frame."""
        self._bytes.clear()

    def feed(self, data: bytes, now: float) -> Iterator[Packet]:
        """Take bytes that came at `now` (s) and yield the packets that are complete."""
        if self._safe and now - self._last > GAP:
            self.clear()
        self._last = now
        if not self._bytes and data.endswith(b"\r") and data.count(b"\r") == 1 and STX not in data:
            yield Packet(cleaned(data))  # the usual case, at once
            return
        for byte in data:
            if byte == STX and not self._safe:
                self.clear()  # no command holds one: what came before is noise
            self._bytes.append(byte)
            packet = self._safe_packet() if self._safe else self._basic_packet()
            if packet is not None:
                self._bytes.clear()
                yield packet

    @property
    def _safe(self) -> bool:
        return bool(self._bytes) and self._bytes[0] == STX

    def _basic_packet(self) -> Packet | None:
        if self._bytes[-1] == CR:
            return Packet(cleaned(bytes(self._bytes)))
        if len(self._bytes) > LONGEST:
            del self._bytes[:-1]
        return None

    def _safe_packet(self) -> Packet | None:
        if len(self._bytes) < 2:
            return None
        if self._bytes[1] < 4:
            return Packet("", safe=True, intact=False)  # too short for its own checksum
        if len(self._bytes) < 1 + self._bytes[1]:
            return None
        payload, check, end = bytes(self._bytes[2:-3]), bytes(self._bytes[-3:-1]), self._bytes[-1]
        intact = end == ETX and check == binascii.crc_hqx(payload, 0).to_bytes(2, "big")
        return Packet(cleaned(payload), safe=True, intact=intact)


def frame(text: str, *, safe: bool) -> bytes:
    """Return the pump's answer as bytes.

    >>> frame("00S", safe=False).hex()
    '0230305303'
    """
    payload = text.encode("ascii")
    if not safe:
        return bytes([STX]) + payload + bytes([ETX])
    check = binascii.crc_hqx(payload, 0).to_bytes(2, "big")
    return bytes([STX, len(payload) + 4]) + payload + check + bytes([ETX])


def cleaned(data: bytes) -> str:
    """Return the text of a command as the pump reads it: upper case, without spaces and control characters."""
    return "".join(chr(byte) for byte in data if byte > 0x20).upper()


def four_digits(value: float) -> str:
    """Return a number as the pump writes it: at most four digits and a point, three of them behind it, cut off.

    >>> [four_digits(value) for value in (0.25, 14.5, 123.456, 1000, 12345)]
    ['0.250', '14.50', '123.4', '1000.', '2345.']
    """
    value %= 10000.0  # counters roll over
    decimals = 3 if value < 10 else 2 if value < 100 else 1 if value < 1000 else 0
    cut = math.floor(value * 10**decimals + 1e-6) / 10**decimals
    return f"{cut:.{decimals}f}" + ("." if decimals == 0 else "")


def number_in(text: str) -> float | None:
    """Return the number that a command gave, or None when the pump cannot take it.

    >>> number_in("26.59"), number_in("1000."), number_in("10000"), number_in("0.0005"), number_in("abc")
    (26.59, 1000.0, None, None, None)
    """
    match = re.fullmatch(r"(\d*)(?:\.(\d*))?", text)
    if match is None:
        return None
    whole, behind = match[1] or "", match[2] or ""
    if not 1 <= len(whole + behind) <= 4 or len(behind) > 3:
        return None
    return float(f"{whole or '0'}.{behind or '0'}")
