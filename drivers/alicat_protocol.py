"""What goes over the wire to an Alicat: queries without I/O, written from public descriptions of the protocol.

Nearly every command is answered by the same data frame, so that a frame does not show which command it answers. Hence no
frame is read but between two fences: the firmware version is asked before and after it, whose answer is like no frame and
must be the one that is known. A frame that comes late or twice then takes the place of the first version, or pushes the
true frame into the place of the second one, and is a `GarbledReply` either way; the line drains and asks the version again.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final, TypeVar

from autolab.drivers.query import Query, ReadUntil, ask
from autolab.model.errors import GarbledReply, Refused

T = TypeVar("T")
CR: Final = b"\r"
DEADLINE: Final = 0.5
"""Time for a reply, s: they take 0.15 s at most on a serial line, and a device server holds them back a little."""
STATUS: Final = {
    "ADC": "its converter has failed: have it repaired",
    "COM": "its digital connection was idle for too long",
    "EXH": "its exhaust valve is open",
    "GTA": "it tunes its control",
    "HLD": "its valve is held, so that set points do nothing: cancel the hold (do_release)",
    "LCK": "its keys are locked",
    "MOV": "mass flow is over the range of its sensor",
    "OPL": "its overpressure limit has acted",
    "OVR": "its totaliser has rolled over",
    "P2O": "its second pressure is over range",
    "POV": "pressure is over the range of its sensor",
    "TMF": "its totaliser has missed flow",
    "TOV": "temperature is over the range of its sensor",
    "VOV": "volumetric flow is over the range of its sensor",
}
FALSE_READINGS: Final = ("ADC", "MOV", "VOV", "POV", "TOV")
"""With these, mass flow is not to be believed."""
GASES: Final = (
    "Air", "Ar", "CH4", "CO", "CO2", "C2H6", "H2", "He", "N2", "N2O", "Ne", "O2", "C3H8", "nC4H10", "C2H2", "C2H4",
    "iC4H10", "Kr", "Xe", "SF6", "C-25", "C-10", "C-8", "C-2", "C-75", "He-25", "He-75", "A1025", "Star29", "P-5",
)  # fmt: skip
"""By number."""
MASS_FLOW: Final = 37
"""Number of the controlled variable that is mass flow."""
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d+)?")
_VERSION: Final = re.compile(r"(?:([A-Z])\s+)?((?:\d+v\d|GP)\S*.*)")


@dataclass(frozen=True)
class Frame:
    """One data frame.

    Attributes:
        pressure: In the apparatus's unit.
        temperature: degC.
        volumetric: In the apparatus's unit.
        mass: In the apparatus's unit.
        setpoint: In the same; None of a meter.
        total: What the totaliser shows; None where there is none.
        gas: What it measures for.
        status: Status words behind it.
    """

    pressure: float
    temperature: float
    volumetric: float
    mass: float
    setpoint: float | None
    total: float | None
    gas: str
    status: tuple[str, ...]


def text_of(line: bytes) -> str:
    """Return a line as text.

    Raises:
        GarbledReply: It holds bytes that no reply has.
    """
    if not line.endswith(CR) or not all(0x20 <= byte < 0x7F for byte in line[:-1].strip(b"\n\x00")):
        raise GarbledReply("no line of printable characters", seen=line)
    return line.strip(b"\r\n\x00").decode("ascii").strip()


def numbers(words: list[str], line: bytes) -> list[float]:
    """Return words as finite numbers.

    Raises:
        GarbledReply: One is none.
    """
    for word in words:
        if "," in word:
            raise GarbledReply(f"{word!r} has a decimal comma: set the apparatus to decimal points", seen=line)
        if not _NUMBER.fullmatch(word) or not math.isfinite(float(word)):
            raise GarbledReply(f"{word!r} is no number", seen=line)
    return [float(word) for word in words]


def parse_frame(line: bytes, unit: str, *, meter: bool = False) -> Frame:
    r"""Return a data frame: 6 values of a controller, 5 of a meter, one more with a totaliser.

    Raises:
        GarbledReply: It is none, or of another unit.

    >>> parse_frame(b"A +014.70 +024.00 +000.000 +001.000 +002.000 N2 LCK\r", "A").setpoint
    2.0
    """
    words = text_of(line).split()
    if not words or words[0] != unit:
        raise GarbledReply(f"no answer of unit {unit}", seen=line)
    end = len(words)
    while end > 1 and words[end - 1] in STATUS:
        end -= 1
    values, status = words[1:end], tuple(words[end:])
    fewest = 5 if meter else 6
    if len(values) not in (fewest, fewest + 1):
        kind = "meter" if meter else "controller"
        raise GarbledReply(f"a frame of {len(values)} values, a {kind}'s has {fewest} or {fewest + 1}", seen=line)
    gas = values[-1]
    if _NUMBER.fullmatch(gas) or not re.fullmatch(r"[A-Za-z][\w.-]*", gas):
        raise GarbledReply(f"{gas!r} is no gas", seen=line)
    told = numbers(values[:-1], line)
    return Frame(
        told[0],
        told[1],
        told[2],
        told[3],
        None if meter else told[4],
        told[-1] if len(values) > fewest else None,
        gas,
        status,
    )


def parse_version(line: bytes, unit: str) -> str:
    """Return the firmware's version, as it tells it.

    Raises:
        GarbledReply: It is none, or of another unit.
    """
    found = _VERSION.fullmatch(text_of(line))
    if found is None or found[1] not in (None, unit):
        raise GarbledReply(f"no firmware version of unit {unit}", seen=line)
    return " ".join(found[2].split())


def refuse(line: bytes, unit: str, command: str) -> None:
    """Raise Refused for the answer to a command that is not understood."""
    if text_of(line) in ("?", f"{unit} ?"):
        raise Refused(f"does not understand {command!r}", command=command, seen=line)


def one(unit: str, command: str, deadline: float = DEADLINE) -> Query[bytes]:
    """Send a command and return the line that answers it.

    Raises:
        Refused: It is not understood.
    """
    line = yield from ask(f"{unit}{command}".encode("ascii") + CR, CR, deadline)
    refuse(line, unit, f"{unit}{command}")
    return line


def version(unit: str) -> Query[str]:
    """Ask the firmware's version: cheap, known to every unit, and unlike any frame."""
    line = yield from one(unit, "VE")
    return parse_version(line, unit)


def fence(unit: str, known: str) -> Query[None]:
    """Ask the version and see that it is the known one: whatever was asked before it has been answered.

    Raises:
        GarbledReply: Something else comes.
    """
    told = yield from version(unit)
    if told != known:
        raise GarbledReply(f"tells firmware {told!r} instead of {known!r}")


def between_fences(unit: str, known: str, query: Query[T]) -> Query[T]:
    """Carry a query out between two fences and return what it found; after a refusal the line is in step anyway."""
    yield from fence(unit, known)
    found = yield from query
    yield from fence(unit, known)
    return found


def fenced(unit: str, known: str, *forms: str, meter: bool = False) -> Query[Frame]:
    """Send a command that is answered by a data frame (an empty one polls), between fences.

    Args:
        unit: Letter.
        known: Version of the firmware.
        forms: The command, and other forms of it for firmware that refuses the first: a refused one has done nothing.
        meter: Whether it has no set point.

    Raises:
        Refused: It understands no form.
    """
    line = yield from between_fences(unit, known, _first(unit, *forms))
    return parse_frame(line, unit, meter=meter)


def _first(unit: str, *forms: str) -> Query[bytes]:
    for form in forms[:-1]:
        try:
            line = yield from one(unit, form)
        except Refused:
            continue
        return line
    line = yield from one(unit, forms[-1])
    return line


def register(unit: str, known: str, number: int, *, write: int | None = None, prefix: str = "") -> Query[int]:
    """Read a register, or write it, between fences; its answer names it.

    Raises:
        GarbledReply: Another register's, or none.
    """
    command = f"{prefix}R{number}" if write is None else f"{prefix}W{number}={write}"
    line = yield from between_fences(unit, known, one(unit, command))
    found = re.fullmatch(rf"{unit}\s+(\d+)\s*=\s*(\d+)", text_of(line))
    if found is None or int(found[1]) != number:
        raise GarbledReply(f"no answer for register {number}", seen=line)
    return int(found[2])


def full_scale(unit: str, known: str) -> Query[tuple[float, str]]:
    """Ask full scale and unit of mass flow; firmware from 6v on tells them."""
    line = yield from between_fences(unit, known, one(unit, "FPF 5"))
    words = text_of(line).split()
    if len(words) != 4 or words[0] != unit or not words[2].isdigit():
        raise GarbledReply("no full scale", seen=line)
    return numbers(words[1:2], line)[0], words[3]


def maker(unit: str, known: str) -> Query[dict[str, str]]:
    """Ask model and serial number, as its table of ten lines names them."""
    yield from fence(unit, known)
    line = yield from one(unit, "??M*")
    told: dict[str, str] = {}
    for _ in range(20):
        found = re.fullmatch(rf"{unit}\s+M(\d\d)\s(.*)", text_of(line))
        if found is None:
            raise GarbledReply("no line of its table of the maker", seen=line)
        for label, key in (("Model Number", "model"), ("Serial Number", "serial_number")):
            if found[2].strip().startswith(label):
                told[key] = found[2].strip().removeprefix(label).strip()
        if found[1] == "09":
            return told
        line = (yield ReadUntil(CR, DEADLINE)) or b""
    raise GarbledReply("its table of the maker does not end", seen=line)
