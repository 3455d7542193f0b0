"""The basic protocol of New Era pumps: frames, numbers, and a query for each command.

> <address><command><arguments> CR                 spaces are allowed and not sent
< STX <two-digit address><status><data> ETX        or an alarm `A?x` in the status's place
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, Literal

from autolab.drivers.query import Query, ReadUntil, Sleep, Write
from autolab.drivers.volume_counters import Counted
from autolab.model.errors import GarbledReply, InstrumentAlarm, InstrumentTimeout, Refused

STX: Final = b"\x02"
ETX: Final = b"\x03"
DEADLINE: Final = 1.0
MOVING: Final = frozenset("IWX")
STATUSES: Final = {
    "I": "infusing",
    "W": "withdrawing",
    "X": "purging",
    "S": "stopped",
    "P": "paused",
    "T": "in a timed pause",
    "U": "waiting for the user",
}
ALARMS: Final = {
    "R": "power was interrupted: its counters are lost",
    "S": "motor stalled: look for a blockage or an empty or fully drawn syringe",
    "T": "silence in safe mode: it stopped itself",
    "E": "error in its pumping program",
    "O": "program phase out of range",
}
_ERRORS: Final = {
    "": "does not know the command",
    "NA": "the command is not applicable now",
    "OOR": "the value is out of range for this pump and syringe",
    "COM": "the packet arrived damaged",
    "IGN": "the command was ignored",
}
_FRAME: Final = re.compile(rb"\x02(\d\d)(?:A\?([RSTEO])|([IWXSPTU]))([^\x02\x03]*)\x03")
_VERSION: Final = re.compile(r"NE(\d+X?\d?)V(\d+\.\d+)")
_QUANTITY: Final = re.compile(r"(\d+\.?\d*|\.\d+)([A-Z]*)")
_DISPENSED: Final = re.compile(r"I(\d+\.?\d*|\.\d+)W(\d+\.?\d*|\.\d+)(UL|ML)")
_MAX_STRAYS: Final = 20

Unit = Literal["UL", "ML"]
PER_ML: Final[dict[str, float]] = {"ML": 1.0, "UL": 1000.0}
PER_ML_MIN: Final[dict[str, float]] = {"MM": 1.0, "UM": 1e3, "MH": 60.0, "UH": 6e4}


class PumpAlarm(InstrumentAlarm):
    """The pump reports an alarm, and has cleared it by reporting it.

    Attributes:
        alarm: Its letter: R, S, T, E or O.
    """

    alarm: str = ""


@dataclass(frozen=True)
class Reply:
    """One reply.

    Attributes:
        address: Of the pump that speaks.
        status: Its letter; empty when an alarm stands in its place.
        alarm: The alarm's letter, or empty.
        data: What follows.
    """

    address: int
    status: str
    alarm: str
    data: str

    @property
    def error(self) -> str | None:
        """The command error (`NA`, `OOR`, ...; empty for an unknown command), or None."""
        return self.data[1:] if self.data.startswith("?") else None


@dataclass(frozen=True)
class Dispensed(Counted):
    """The volume counters; the resolution is that of the coarser of the two numbers.

    Attributes:
        unit: The unit in force.
    """

    unit: Unit


def fit(value: float) -> str:
    """Return a number as the pump takes it: at most 4 digits and a point, at most 3 decimals, rounded to nearest.

    Raises:
        ValueError: Negative, above 9999, or so small that it would be sent as zero.

    >>> fit(0.5), fit(12.3456), fit(9999), fit(9.9996)
    ('0.500', '12.35', '9999', '10.00')
    """
    exact = Decimal(repr(float(value)))
    for decimals in (3, 2, 1, 0):
        rounded = exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN)
        if 0 < rounded < Decimal(10) ** (4 - decimals):
            return str(rounded)
    msg = f"{value!r} cannot be sent: the pump takes 0.001 to 9999 in the unit in force"
    raise ValueError(msg)


def fit_rate(rate: float) -> tuple[str, str]:
    """Return a rate (mL/min) as number and unit, in the unit that leaves all four digits of use.

    >>> fit_rate(2.5), fit_rate(0.0425)
    (('2.500', 'MM'), ('42.50', 'UM'))
    """
    unit = "MM" if rate >= 1 else "UM" if rate >= 1e-3 else "UH"
    return fit(rate * PER_ML_MIN[unit]), unit


def unit_for(diameter: float) -> Unit:
    """Return the volume unit that a pump takes up by itself for a syringe's inner diameter (mm)."""
    return "UL" if diameter <= 14.0 else "ML"


def parse(frame: bytes) -> Reply:
    """Read a frame.

    Raises:
        GarbledReply: It is none.
    """
    found = _FRAME.fullmatch(frame)
    if found is None:
        msg = "the reply is not STX, address, status, data, ETX"
        raise GarbledReply(msg, seen=frame)
    address, alarm, status, data = found.groups()
    try:
        return Reply(int(address), (status or b"").decode(), (alarm or b"").decode(), data.decode("ascii").strip())
    except UnicodeDecodeError:
        msg = "the reply has bytes that are no ASCII"
        raise GarbledReply(msg, seen=frame) from None


def exchange(address: int, command: str) -> Query[Reply]:
    """Send a command and return the reply, whatever it says; other pumps' belated replies are passed over."""
    yield Write(f"{address}{command}\r".encode("ascii"))
    for _ in range(_MAX_STRAYS):
        reply = parse((yield ReadUntil(ETX, DEADLINE)) or b"")
        if reply.address == address:
            return reply
    msg = f"only pumps other than {address} answer"
    raise GarbledReply(msg)


def command(address: int, text: str) -> Query[Reply]:
    """Send a command and return its reply.

    Raises:
        PumpAlarm: In the status's place.
        Refused: The pump says that it did not do it.
    """
    reply = yield from exchange(address, text)
    raise_alarm(reply, text)
    if reply.error is not None:
        reason = _ERRORS.get(reply.error, f"error {reply.error!r}")
        raise Refused(f"refused {text or 'status'!r}: {reason}", command=text)
    return reply


def raise_alarm(reply: Reply, text: str = "") -> None:
    """Raise PumpAlarm if the reply has one."""
    if reply.alarm:
        raise alarm_of(reply.alarm, text)


def alarm_of(letter: str, text: str = "") -> PumpAlarm:
    """Return the error for an alarm's letter."""
    alarm = PumpAlarm(f"alarm {letter}: {ALARMS[letter]}", command=text)
    alarm.alarm = letter
    return alarm


def status(address: int) -> Query[str]:
    """Return the status letter."""
    return (yield from command(address, "")).status


def version(reply: Reply) -> dict[str, str] | None:
    """Return model and firmware if the reply has them."""
    found = _VERSION.fullmatch(reply.data)
    return {"model": f"NE{found[1]}", "firmware": found[2]} if found else None


def quantity(address: int, name: Literal["DIA", "VOL", "RAT"]) -> Query[tuple[float, str]]:
    """Return a setting's number and unit (`DIA` has none), as the pump says them."""
    reply = yield from command(address, name)
    found = _QUANTITY.fullmatch(reply.data)
    if found is None or (name != "DIA" and found[2] not in (PER_ML if name == "VOL" else PER_ML_MIN)):
        msg = f"the reply to {name} is no number with its unit: {reply.data!r}"
        raise GarbledReply(msg, command=name)
    return float(found[1]), found[2]


def word(address: int, name: Literal["DIR", "FUN"]) -> Query[str]:
    """Return the direction (INF, WDR) or the phase's function (RAT, INC, DEC, ...)."""
    reply = yield from command(address, name)
    if not reply.data.isalpha():
        msg = f"the reply to {name} is no word: {reply.data!r}"
        raise GarbledReply(msg, command=name)
    return reply.data


def dispensed(address: int) -> Query[Dispensed]:
    """Return the volume counters."""
    reply = yield from command(address, "DIS")
    found = _DISPENSED.fullmatch(reply.data)
    if found is None:
        msg = f"the reply to DIS is not I<number>W<number><unit>: {reply.data!r}"
        raise GarbledReply(msg, command="DIS")
    per_ml = PER_ML[found[3]]
    finest = max(10.0 ** -len(number.partition(".")[2]) for number in (found[1], found[2]))
    unit: Unit = "UL" if found[3] == "UL" else "ML"
    return Dispensed(float(found[1]) / per_ml, float(found[2]) / per_ml, finest / per_ml, unit)


def flush(address: int) -> Query[bytes]:
    """End whatever half command the pump holds from before, and return what it says to that (often nothing)."""
    yield Write(b"\r")
    yield Sleep(0.05)
    seen = b""
    try:
        while True:
            seen += (yield ReadUntil(ETX, 0.1)) or b""
    except InstrumentTimeout as silence:
        return seen + silence.seen


def leave_safe_mode(address: int) -> Query[None]:
    """Turn safe mode off by a safe-mode frame; the reply, if one comes, is a basic frame.

    STX, length, payload, CRC (CCITT, initial value 0; high byte first), ETX; the length counts all but STX... ETX's
    own bytes: payload + 4.
    """
    payload = f"{address}SAF0".encode("ascii")
    crc = binascii.crc_hqx(payload, 0)
    yield Write(STX + bytes([len(payload) + 4]) + payload + crc.to_bytes(2, "big") + ETX)
    try:
        yield ReadUntil(ETX, DEADLINE)
    except InstrumentTimeout:
        return
