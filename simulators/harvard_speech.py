"""How a Harvard Apparatus Pump 11 Elite or KDS Legato writes and reads quantities: six digits, and a unit in words."""

from __future__ import annotations

import re

VOLUMES = {"pl": 1e-9, "nl": 1e-6, "ul": 1e-3, "ml": 1.0, "l": 1000.0}  # mL
SHORT_VOLUMES = {"p": "pl", "n": "nl", "u": "ul", "m": "ml"}
TIMES = {"sec": 60.0, "s": 60.0, "min": 1.0, "m": 1.0, "hr": 1 / 60, "h": 1 / 60}  # a minute has so many
WORDS = {"s": "sec", "m": "min", "h": "hr"}
NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?")


def number(text: str) -> float | None:
    """Return a number that is not negative, or None.

    >>> number("1.5"), number(".25"), number("-1"), number("1,5"), number("nan")
    (1.5, 0.25, None, None, None)
    """
    return float(text) if NUMBER.fullmatch(text) else None


def volume_unit(text: str) -> str | None:
    """Return a volume's unit in words, or None.

    >>> volume_unit("m"), volume_unit("UL"), volume_unit("mm")
    ('ml', 'ul', None)
    """
    text = text.lower()
    text = SHORT_VOLUMES.get(text, text)
    return text if text in VOLUMES else None


def rate_unit(text: str) -> str | None:
    """Return a rate's unit in words, or None.

    >>> rate_unit("m/m"), rate_unit("ul/min"), rate_unit("n/h"), rate_unit("ml")
    ('ml/min', 'ul/min', 'nl/hr', None)
    """
    volume, slash, time = text.lower().partition("/")
    known = volume_unit(volume)
    if not slash or known is None or time not in TIMES:
        return None
    return f"{known}/{WORDS.get(time, time)}"


def per_unit(unit: str) -> float:
    """Return mL (or mL/min) for one of a unit in words."""
    volume, _, time = unit.partition("/")
    return VOLUMES[volume] * (TIMES[time] if time else 1.0)


def told(value: float, unit: str) -> str:
    """Write a value in mL or mL/min in a unit.

    >>> told(0.19949, "ul/min"), told(1.0, "ml/min"), told(8.6284, "ml")
    ('199.49 ul/min', '1 ml/min', '8.6284 ml')
    """
    return f"{plain(value / per_unit(unit))} {unit}"


def fitting(value: float, time: str = "") -> str:
    """Write a value in mL or mL/min in the unit that leaves one to three digits before the point.

    >>> fitting(0.0), fitting(0.5), fitting(12.5), fitting(2.50404e-5, "/min")
    ('0 ul', '500 ul', '12.5 ml', '25.0404 nl/min')
    """
    unit = next((name for name in ("ml", "ul", "nl") if value >= VOLUMES[name] * (1 - 1e-9)), "pl")
    return told(value, (unit if value > 0 else "ul") + time)


def plain(value: float) -> str:
    """Write a number with six digits and no exponent.

    >>> plain(1.0), plain(0.000123456789), plain(1234567.8)
    ('1', '0.000123457', '1234570')
    """
    rounded = float(f"{value:.6g}")
    text = f"{rounded:.12f}".rstrip("0").rstrip(".")
    return text or "0"
