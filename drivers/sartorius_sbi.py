"""SBI, the lines of Sartorius balances: a query for each command, and what a line means.

> ESC P CR LF                         print; ESC T tare, ESC V zero (no line back), ESC x1_ model, x2_ serial number
< N     +  123.4567 g    CR LF        columns 1-6 what it is, 7 sign, 8-16 number, 17 blank, 18-20 unit
< Stat     ERR  55       CR LF        instead of a weight

Balances can be set to leave the first six columns out. The unit is blank while the weight is not stable.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from autolab.drivers.query import Query, ask
from autolab.model.errors import GarbledReply, InstrumentAlarm

CRLF: Final = b"\r\n"
ESC: Final = "\x1b"
DEADLINE: Final = 2.0
GRAMS: Final = {
    "g": 1.0, "kg": 1e3, "mg": 1e-3, "t": 1e6, "ct": 0.2, "lb": 453.59237, "oz": 28.349523125, "ozt": 31.1034768,
}  # fmt: skip
_BODY: Final = re.compile(r"([+\- ])([ ]*\d+(?:\.\d*)?|[ ]*\.\d+) (.{3})")
_IDS: Final = ("N", "G", "G#", "")
_ERROR: Final = re.compile(r"ERR +(\d{1,3})")
_OVER, _UNDER = ("HIGH", "ERR 55"), ("LOW", "ERR 54")


class Overload(InstrumentAlarm):
    """More than the balance can weigh."""


class Underload(InstrumentAlarm):
    """Less than the balance can weigh: often its pan is missing."""


class BalanceFault(InstrumentAlarm):
    """The balance reports an error, or is switched off, instead of a weight."""


@dataclass(frozen=True)
class Weight:
    """A weight as it was told.

    Attributes:
        number: In `unit`.
        unit: Empty while it is not stable.
        decimals: Of the number.
    """

    number: float
    unit: str
    decimals: int

    @property
    def stable(self) -> bool:
        """Whether the balance calls it stable."""
        return self.unit != ""


_TEXTS: Final = {
    "x1_": re.compile(r"(?=.*\d)[A-Z][A-Z0-9 ./_+-]+"),
    "x2_": re.compile(r"\d[\d-]*"),
    "x3_": re.compile(r"\d[\w .-]*"),
}


def command(what: str) -> bytes:
    r"""Return a command as it is sent.

    >>> command("P"), command("x2_")
    (b'\x1bP\r\n', b'\x1bx2_\r\n')
    """
    return f"{ESC}{what}".encode("ascii") + CRLF


def text(what: str) -> Query[str]:
    """Ask for model (`x1_`), serial number (`x2_`) or software (`x3_`).

    Each holds a digit, a serial number nothing else: what other instruments say to nonsense is no answer.

    Raises:
        GarbledReply: It is a weight, or no such text.
    """
    told = yield from _line(what)
    said = told.strip()
    if _TEXTS[what].fullmatch(said) is None or said.startswith("Stat") or _is_weight(told):
        msg = f"the reply to ESC {what} is {told!r}"
        raise GarbledReply(msg, command=command(what))
    return said


def weight() -> Query[Weight | None]:
    """Ask for the weight; None while it is busy with an adjustment, or has nothing to tell.

    Raises:
        GarbledReply: It is none.
        InstrumentAlarm: The balance tells something else: see `status`.
    """
    told = yield from _line("P")
    return parse(told)


def parse(told: str) -> Weight | None:
    """Read a line, without its end.

    Raises:
        GarbledReply: It is neither a weight nor a status.
        InstrumentAlarm: Overload, underload, an error, or switched off.
    """
    what, body = (told[:6].strip(), told[6:]) if len(told) == 20 else ("", told)
    found = _BODY.fullmatch(body) if len(told) in (14, 20) else None
    if what == "Stat" or (found is None and len(told) in (14, 20)):
        status(told.removeprefix("Stat").strip(), told)
        return None
    if found is None or what not in _IDS or not _is_weight(told):
        raise _no_weight(told)
    unit = found[3].strip()
    if unit and unit.lower() not in GRAMS:
        msg = f"the unit {unit!r} of {told!r} is not known; there are {', '.join(GRAMS)}: set the balance to g"
        raise GarbledReply(msg, command=command("P"))
    number = found[2].strip()
    value = float(number) * (-1.0 if found[1] == "-" else 1.0)
    return Weight(value + 0.0, unit.lower(), len(number.partition(".")[2]))


def status(said: str, told: str) -> None:
    """Take what is said in place of a weight; return where it is only busy.

    Raises:
        InstrumentAlarm: Overload, underload, an error, or switched off.
        GarbledReply: It is no status.
    """
    word = " ".join(said.upper().split())
    if word in _OVER:
        raise Overload("overload: there is more on its pan than it can weigh")
    if word in _UNDER:
        raise Underload("underload: put its pan on, and see that nothing lifts it")
    if word == "OFF":
        raise BalanceFault("its display is off: switch it on")
    error = _ERROR.fullmatch(word)
    if error is not None:
        raise BalanceFault(f"reports error {error[1]}: see the troubleshooting table of its manual")
    if word in ("APP.ERR", "DIS.ERR", "PRT.ERR"):
        cannot = {"APP": "use this weight in its application", "DIS": "show this weight", "PRT": "print this weight"}
        raise BalanceFault(f"reports {word}: it cannot {cannot[word[:3]]}")
    if word and not word.startswith("CAL."):
        raise _no_weight(told)


def _is_weight(told: str) -> bool:
    """Say whether a line can be nothing but a weight: a number with a sign, a point, a unit, or a name in front."""
    what, body = (told[:6].strip(), told[6:]) if len(told) == 20 else ("", told)
    found = _BODY.fullmatch(body) if len(body) == 14 and what in _IDS else None
    return found is not None and (what != "" or found[1] != " " or "." in found[2] or found[3].strip() != "")


def _line(what: str) -> Query[str]:
    sent = command(what)
    reply = yield from ask(sent, CRLF, DEADLINE)
    told = reply.decode("latin-1").removesuffix("\r\n")
    if not reply.endswith(CRLF) or any(not 0x20 <= byte < 0x7F for byte in reply[:-2]):
        msg = f"the reply to ESC {what} is no line of a balance"
        raise GarbledReply(msg, command=sent, seen=reply)
    return told


def _no_weight(told: str) -> GarbledReply:
    hint = ". It writes a comma: have it write a point" if re.search(r"\d,\d", told) else ""
    return GarbledReply(f"{told!r} is no weight{hint}", command=command("P"))
