"""Atlas Scientific EZO-pH: a circuit that measures pH with a glass electrode.

What the electrode gives, and what the circuit makes of it:

    mV   = ZERO - NERNST(T) * slope * (seen - 7)        slope ACID below 7 and BASE above, of the ideal one
    told = 7 - (mV - zero) / (NERNST(T_comp) * slope)   zero 0 and slopes 1 before calibration; with drift and noise

| symbol | value and reason |
|---|---|
| NERNST | 59.16 mV per pH at 25 degC, proportional to the absolute temperature: R T ln 10 / F |
| ZERO, ACID, BASE | -9 mV, 98.2 and 97.6 percent: a used electrode within what makers call good (+-30 mV, 95 percent) |
| noise, drift | 0.002, the circuit's accuracy; 0.002 in an hour |
| response | 2 s: 95 percent in 6 s |

Calibration: `Cal,mid,n` takes the zero and forgets the other points, `Cal,low,n` the slope of acids, `Cal,high,n` that of
bases. `Slope,?` tells both slopes in percent, and the zero in mV. Commands, times (0.9 s a reading and a calibration),
the range and the extended range are those of the maker's data sheet for EZO-pH as public clients quote it. `[M]`: that a
low or high point before the middle one, or on its wrong side, is an error, and that the ends of the range stand for all
beyond.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from autolab.simulators.atlas_ezo_frames import Task, change, number_in, told
from autolab.simulators.atlas_ezo_probe import ProbeSimulator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from autolab.model.actions import JSON

ZERO: Final = -9.0  # mV
ACID, BASE = 0.982, 0.976
KELVIN: Final = 273.15
RANGE, EXTENDED = (0.0, 14.0), (-1.6, 15.6)
UNCALIBRATED: Final[Mapping[str, JSON]] = {"points": 0, "zero": 0.0, "acid": 1.0, "base": 1.0, "ends": 0}
LOW, HIGH = 1, 2  # bits of `ends`


def nernst(celsius: float) -> float:
    """Return the slope of an ideal electrode, mV per pH.

    >>> round(nernst(25.0), 2)
    59.16
    """
    return 59.159 * (celsius + KELVIN) / (25.0 + KELVIN)


class PHSimulator(ProbeSimulator):
    """The pH circuit and its electrode; options as of every probe.

    Attributes:
        points: Calibration points in force, 0 to 3.
        zero: mV that counts as pH 7.
        acid: Slope below 7, of the ideal one; `base` that above.
        ends: Which of the low and the high point are there.
        extended: Whether the extended range is on.
    """

    kind: ClassVar[str] = "pH"
    firmware: ClassVar[str] = "2.15"
    reading_s: ClassVar[float] = 0.9
    calibrating_s: ClassVar[float] = 0.9
    quantity: ClassVar[str] = "pH"
    usual: ClassVar[tuple[float, float, float]] = (2.0, 0.002, 0.002)
    factory: ClassVar[Mapping[str, JSON]] = {**UNCALIBRATED, "extended": False}
    points: int
    zero: float
    acid: float
    base: float
    ends: int
    extended: bool

    def adjust(self) -> None:
        """Be calibrated for the probe as it is."""
        self.points, self.zero, self.acid, self.base, self.ends = 3, ZERO, ACID, BASE, LOW | HIGH

    def clear(self) -> None:
        """Forget the calibration."""
        for name, value in UNCALIBRATED.items():
            setattr(self, name, value)

    # ---- measuring ---------------------------------------------------------------------------------------------

    def millivolts(self) -> float:
        """Return what the electrode gives now, mV."""
        away = self.seen - 7.0
        return ZERO - nernst(self.site.seen["temperature"]) * (ACID if away < 0 else BASE) * away

    def measure(self) -> str:
        """Return a reading, within the range."""
        away = -(self.millivolts() - self.zero) / nernst(self.temperature)
        value = 7.0 + away / (self.acid if away < 0 else self.base) + self.astray()
        low, high = EXTENDED if self.extended else RANGE
        return f"{min(high, max(low, value)):.3f}"

    # ---- commands ----------------------------------------------------------------------------------------------

    def own(self, word: str, arguments: list[str]) -> Task | None:
        """Return what a command of this circuit does, or None for an error."""
        match word, arguments:
            case "CAL", _:
                return self._cal([argument.upper() for argument in arguments])
            case "SLOPE", ["?"]:
                zero = self.zero if self.points else 0.0
                return told(f"?Slope,{100 * self.acid:.1f},{100 * self.base:.1f},{zero:.2f}")
            case "PHEXT", ["?"]:
                return told(f"?pHext,{self.extended:d}")
            case "PHEXT", ["0" | "1"]:
                return change(self, "extended", arguments == ["1"])
        return None

    def _cal(self, arguments: list[str]) -> Task | None:
        take: Callable[[], bool] | None = None
        value = number_in(arguments[1:])
        if len(arguments) == 2 and arguments[0] in ("LOW", "MID", "HIGH") and value is not None:
            take = lambda: self._point(arguments[0], value)  # noqa: E731  a closure over both
        return self.calibrating(self.points, arguments, take)

    def _point(self, which: str, value: float) -> bool:
        """Take a point, and say whether that could be."""
        seen, ideal = self.millivolts() - nernst(self.temperature) * self.drift(), nernst(self.temperature)
        if which == "MID":
            self.clear()
            self.points, self.zero = 1, seen + ideal * (value - 7.0)
            return True
        if self.points == 0 or (value >= 7.0) == (which == "LOW") or value == 7.0:
            return False
        slope = -(seen - self.zero) / (ideal * (value - 7.0))
        if slope <= 0:
            return False
        if which == "LOW":
            self.acid = slope
        else:
            self.base = slope
        self.ends |= LOW if which == "LOW" else HIGH
        self.points = 1 + self.ends.bit_count()
        return True
