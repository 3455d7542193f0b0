"""Units that people write, and how values go from one to another; nothing is converted that nobody asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_LIKE: Final = {"µ": "u", "μ": "u", "°C": "degC", "℃": "degC", "·": "*", "²": "2", "³": "3"}
_ALSO: Final = {
    "C": "degC",
    "celsius": "degC",
    "Celsius": "degC",
    "deg C": "degC",
    "degree_Celsius": "degC",
    "kelvin": "K",
    "Kelvin": "K",
    "ml": "mL",
    "ul": "uL",
    "l": "L",
    "ml/min": "mL/min",
    "ul/min": "uL/min",
    "sec": "s",
    "seconds": "s",
    "hr": "h",
    "hours": "h",
    "minutes": "min",
    "percent": "%",
    "pct": "%",
    "-": "",
    "1": "",
    "fraction": "",
    "M": "mol/L",
    "mM": "mmol/L",
    "cc": "mL",
    "cm3": "mL",
    "dm3": "L",
}

# Dimension -> unit -> (factor, offset) to the first unit of its row.
_SCALES: Final[dict[str, dict[str, tuple[float, float]]]] = {
    "temperature": {"K": (1.0, 0.0), "degC": (1.0, 273.15), "degF": (5 / 9, 273.15 - 32 * 5 / 9)},
    "conductivity": {
        "S/m": (1.0, 0.0),
        "mS/cm": (0.1, 0.0),
        "uS/cm": (1e-4, 0.0),
        "S/cm": (100.0, 0.0),
        "mS/m": (1e-3, 0.0),
    },
    "volume": {"mL": (1.0, 0.0), "uL": (1e-3, 0.0), "nL": (1e-6, 0.0), "L": (1e3, 0.0)},
    "flow": {
        "mL/min": (1.0, 0.0),
        "uL/min": (1e-3, 0.0),
        "L/min": (1e3, 0.0),
        "mL/s": (60.0, 0.0),
        "uL/s": (0.06, 0.0),
        "mL/h": (1 / 60, 0.0),
        "uL/h": (1e-3 / 60, 0.0),
        "L/h": (1e3 / 60, 0.0),
    },
    "time": {"s": (1.0, 0.0), "ms": (1e-3, 0.0), "min": (60.0, 0.0), "h": (3600.0, 0.0), "d": (86400.0, 0.0)},
    "mass": {"g": (1.0, 0.0), "mg": (1e-3, 0.0), "ug": (1e-6, 0.0), "kg": (1e3, 0.0)},
    "length": {"mm": (1.0, 0.0), "um": (1e-3, 0.0), "nm": (1e-6, 0.0), "cm": (10.0, 0.0), "m": (1e3, 0.0)},
    "pressure": {"bar": (1.0, 0.0), "mbar": (1e-3, 0.0), "Pa": (1e-5, 0.0), "kPa": (0.01, 0.0), "MPa": (10.0, 0.0)},
    "voltage": {"V": (1.0, 0.0), "mV": (1e-3, 0.0)},
    "concentration": {"mol/L": (1.0, 0.0), "mmol/L": (1e-3, 0.0), "umol/L": (1e-6, 0.0)},
    "molality": {"mol/kg": (1.0, 0.0), "mmol/kg": (1e-3, 0.0)},
    "share": {"": (1.0, 0.0), "%": (0.01, 0.0), "ppm": (1e-6, 0.0)},
}


@dataclass(frozen=True)
class Conversion:
    """How a value goes from one unit to another: `value * factor + offset`.

    Attributes:
        old: Unit of the value, as it is written.
        new: Unit that is wanted.
    """

    old: str
    new: str
    factor: float
    offset: float = 0.0

    def __call__(self, value: float) -> float:
        """Return a value in the new unit, without the last digits that only conversion makes.

        >>> conversion("K", "degC")(298.15)
        25.0
        """
        return float(f"{value * self.factor + self.offset:.12g}")

    def error(self, value: float) -> float:
        """Return a standard error in the new unit: offsets do not matter to it."""
        return float(f"{value * abs(self.factor):.12g}")

    def __str__(self) -> str:
        offset = f" {'+' if self.offset > 0 else '-'} {abs(self.offset):g}" if self.offset else ""
        factor = "" if self.factor == 1 else f" * {self.factor:g}"
        return f"{self.new or 'fraction'} = {self.old or 'fraction'}{factor}{offset}"


def plain_unit(unit: str) -> str:
    """Return a unit as autolab writes it.

    >>> plain_unit("°C"), plain_unit("µS/cm"), plain_unit(" ml ")
    ('degC', 'uS/cm', 'mL')
    """
    text = unit.strip()
    for written, plain in _LIKE.items():
        text = text.replace(written, plain)
    return _ALSO.get(text, text)


def same_unit(one: str, other: str) -> bool:
    """Return whether two texts mean one unit.

    >>> same_unit("µL", "ul"), same_unit("K", "degC")
    (True, False)
    """
    return plain_unit(one) == plain_unit(other)


def conversion(old: str, new: str) -> Conversion | None:
    """Return how to convert, or None where no way is known.

    >>> str(conversion("µS/cm", "mS/cm")), conversion("mL", "g")
    ('mS/cm = uS/cm * 0.001', None)
    """
    a, b = plain_unit(old), plain_unit(new)
    for scale in _SCALES.values():
        if a in scale and b in scale:
            (factor, offset), (per, zero) = scale[a], scale[b]
            return Conversion(a, b, factor / per, (offset - zero) / per)
    return None
