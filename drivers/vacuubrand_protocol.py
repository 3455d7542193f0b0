"""What goes over the wire to a CVC 3000: queries without I/O, written from public descriptions of its commands.

An answer does not name its command, and two pressures look the same. So whatever is asked stands between two questions for
the version, whose answer is like no other, and no two neighbours in one round have answers of one form: an answer that
comes late or twice shifts all that follow, and is known by their forms.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeVar

from autolab.drivers.query import Query, ReadUntil, Sleep, Write
from autolab.model.errors import GarbledReply, InstrumentTimeout, Refused

T = TypeVar("T")
CRLF: Final = b"\r\n"
PACE: Final = 0.12
"""Between two commands, s: ten a second are possible, counted from the end of each, and some are longer than others."""
DEADLINE: Final = 1.0
"""Time for a reply, s."""
NAME: Final = "CVC 3000"
HIGHEST: Final = 1060
"""Highest set point, mbar."""
VACUUM_CONTROL: Final = 2
"""Mode in which a set point is held."""
STATES: Final = ("off", "pumping down", "set vacuum reached", "below set vacuum")
FAULTS: Final = (
    "fault of the pump", "fault of the in-line valve", "fault of the coolant valve", "fault of the venting valve",
    "overpressure", "fault of the pressure transducer", "external fault", "catch pot full",
)  # fmt: skip
"""Digits of IN_ERR; a ninth says that the last command was incorrect."""
_PRESSURE: Final = re.compile(r"(\d{1,4}(?:\.\d+)?) (mbar|hPa|Torr)")


@dataclass(frozen=True)
class State:
    """What it told in one round.

    Attributes:
        pressure: mbar.
        setpoint: mbar.
        pumping: Whether the pump runs.
        inline: Whether the in-line valve is open.
        venting: Whether the venting valve is open.
        mode: 0 VACUU-LAN, 1 continuous pumping, 2 vacuum control, 3 automatic, 4 program, 5 gauge.
        control: Index in `STATES`.
        faults: Of the apparatus, in words.
    """

    pressure: float
    setpoint: float
    pumping: bool
    inline: bool
    venting: bool
    mode: int
    control: int
    faults: tuple[str, ...]


def line_of(reply: bytes) -> str:
    """Return a line as text.

    Raises:
        GarbledReply: It holds what no reply has.
    """
    if not reply.endswith(CRLF) or not all(0x20 <= byte < 0x7F for byte in reply[:-2]):
        raise GarbledReply("no line of printable characters", seen=reply)
    return reply[:-2].decode("ascii").strip()


def say(command: str, pace: float) -> Query[None]:
    """Send a command, no sooner than the controller is ready for it."""
    yield Sleep(pace)
    yield Write(command.encode("ascii") + CRLF)


def ask(command: str, pace: float) -> Query[str]:
    """Send a command and return the line that comes."""
    yield from say(command, pace)
    reply = yield ReadUntil(CRLF, DEADLINE)
    return line_of(reply or b"")


def version(*, pace: float = PACE) -> Query[str]:
    """Ask name and version: cheap, and unlike any other answer.

    Raises:
        GarbledReply: Something else comes.
    """
    told = yield from ask("IN_VER", pace)
    if not re.fullmatch(r"[A-Z]{2,4} ?\w{1,6} +V\d+\.\d+.*", told):
        raise GarbledReply("no name and version", seen=told.encode())
    return " ".join(told.split())


def fenced(known: str, query: Query[T], pace: float = PACE) -> Query[T]:
    """Carry a query out between two questions for the version.

    Raises:
        GarbledReply: Another version is told.
    """
    yield from _fence(known, pace)
    found = yield from query
    yield from _fence(known, pace)
    return found


def _fence(known: str, pace: float) -> Query[None]:
    told = yield from version(pace=pace)
    if told != known:
        raise GarbledReply(f"tells version {told!r} instead of {known!r}")


def take_control(*, pace: float = PACE) -> Query[str]:
    """Take remote control with echoes, in the controller's own dialect, and return the version.

    Whether the first commands are answered depends on how it was left; what comes before the version is checked.

    Raises:
        GarbledReply: Something else comes.
    """
    for command in ("REMOTE 1", "ECHO 1", "REMOTE 1", "CVC 3", "IN_VER"):
        yield from say(command, pace)
    for _ in range(6):
        reply = yield ReadUntil(CRLF, DEADLINE)
        told = line_of(reply or b"")
        if told.lstrip("0") not in ("1", "3"):
            break
    if not told.startswith(("CVC", "VNC", "DCP", "PC")):
        raise GarbledReply("no name and version", seen=told.encode())
    return " ".join(told.split())


def configuration(*, pace: float = PACE) -> Query[str]:
    """Ask its configuration: 16 hexadecimal digits; the third is the unit, the last one is remote control.

    Raises:
        GarbledReply: Something else comes.
    """
    told = yield from ask("IN_CFG", pace)
    if not re.fullmatch(r"[0-9A-F]{16}", told):
        raise GarbledReply("no configuration of 16 digits", seen=told.encode())
    return told


def state(*, pace: float = PACE) -> Query[State]:
    """Ask pressure, status, faults and set point; no two neighbours have answers of one form.

    Raises:
        GarbledReply: Something else comes.
    """
    told = yield from ask("IN_PV_1", pace)
    pressure = parse_pressure(told)
    status = yield from ask("IN_STAT", pace)
    if not re.fullmatch(r"[01]{4}[0-5][0-3]", status):
        raise GarbledReply("no status of 6 digits", seen=status.encode())
    errors = yield from ask("IN_ERR", pace)
    if not re.fullmatch(r"[01]{9}", errors):
        raise GarbledReply("no 9 digits of faults", seen=errors.encode())
    told = yield from ask("IN_SP_1", pace)
    return State(
        pressure=pressure,
        setpoint=parse_pressure(told),
        pumping=status[0] == "1",
        inline=status[1] == "1",
        venting=status[3] == "1",
        mode=int(status[4]),
        control=int(status[5]),
        faults=tuple(fault for fault, digit in zip(FAULTS, errors, strict=False) if digit == "1"),
    )


def parse_pressure(told: str) -> float:
    """Return a pressure, mbar.

    Raises:
        GarbledReply: It is none, or in Torr.

    >>> parse_pressure("0234.5 mbar")
    234.5
    """
    if "," in told:
        raise GarbledReply("a decimal comma: set the controller to decimal points", seen=told.encode())
    found = _PRESSURE.fullmatch(told)
    if found is None or found[2] == "Torr":
        raise GarbledReply("no pressure in mbar", seen=told.encode())
    return float(found[1])


def order(command: str, *, pace: float = PACE) -> Query[None]:
    """Send a write command and see by its echo that it was carried out.

    Raises:
        Refused: It was not, and the controller says so.
        InstrumentTimeout: Nothing is known.
        GarbledReply: Another echo.
    """
    argument = command.partition(" ")[2]
    try:
        told = yield from ask(command, pace)
    except InstrumentTimeout:
        errors = yield from ask("IN_ERR", pace)
        if re.fullmatch(r"[01]{8}1", errors):
            msg = f"does not carry out {command!r}: it is not in remote control, or cannot do so now"
            raise Refused(msg, command=command) from None
        raise
    wanted = int(argument or "1")
    if not re.fullmatch(r"\d{1,4}", told) or int(told) != wanted:
        raise GarbledReply(f"echoes {told!r} to {command!r}", seen=told.encode())


def orders(commands: list[str], *, pace: float = PACE) -> Query[None]:
    """Send write commands one after the other."""
    for command in commands:
        yield from order(command, pace=pace)
