"""A conductivity cell and what is made of it: calibration, drift and noise, digits, salinity."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

KNOT: Final = 600.0  # s between two corners of the drift's random walk


@dataclass
class Calibration:
    """A straight line from raw to true, uS/cm.

    Attributes:
        zero: Raw value that counts as 0.
        gain: True over raw.
        points: Liquids that it was calibrated with: 0, 1 or 2.
        low: Raw and true value of the low point while the high one is missing; the same with `high`.
        high: See `low`.
    """

    zero: float = 0.0
    gain: float = 1.0
    points: int = 0
    low: tuple[float, float] | None = None
    high: tuple[float, float] | None = None

    def correct(self, raw: float) -> float:
        """Return what a raw value means."""
        return (raw - self.zero) * self.gain

    def one(self, raw: float, true: float) -> bool:
        """Take a point beside zero; False where that cannot be."""
        if raw <= self.zero or true <= 0:
            return False
        self.gain, self.points, self.low, self.high = true / (raw - self.zero), 1, None, None
        return True

    def end(self, which: str, raw: float, true: float) -> bool:
        """Take the low or the high point; False where the line cannot be."""
        if true <= 0:
            return False
        low, high = ((raw, true), self.high) if which == "LOW" else (self.low, (raw, true))
        if low is not None and high is not None:
            if high[0] <= low[0] or high[1] <= low[1]:
                return False
            self.gain = (high[1] - low[1]) / (high[0] - low[0])
            self.zero, self.points = low[0] - low[1] / self.gain, 2
        self.low, self.high = low, high
        return True


class Wandering:
    """A random walk and white noise that depend on nothing but a seed, the time since, and the number of readings.

    Args:
        per_hour: Standard deviation of the walk after an hour.
        white: Standard deviation of each reading.
        seed: Of both.
        since: When it began, s of loop time.
        base: Where the walk began.
    """

    def __init__(self, per_hour: float, white: float, seed: int, since: float, base: float = 0.0) -> None:
        self.per_hour, self.white, self.seed, self.since, self.base = per_hour, white, seed, since, base
        self.readings = 0
        self._corners = np.zeros(1)

    def walk(self, now: float) -> float:
        """Return where the walk is, straight between its corners."""
        if self.per_hour == 0.0:
            return self.base
        place = max(0.0, now - self.since) / KNOT
        first = math.floor(place)
        while len(self._corners) < first + 2:
            count = 2 * len(self._corners) + first
            steps = np.random.default_rng([self.seed, 0]).standard_normal(count)
            self._corners = np.concatenate([[0.0], np.cumsum(steps)]) * self.per_hour * math.sqrt(KNOT / 3600.0)
        low, high = self._corners[first], self._corners[first + 1]
        return self.base + float(low + (high - low) * (place - first))

    def noise(self) -> float:
        """Return the noise of the next reading."""
        self.readings += 1
        if self.white == 0.0:
            return 0.0
        return self.white * float(np.random.default_rng([self.seed, self.readings]).standard_normal())


def digits(value: float) -> str:
    """Return a conductivity (uS/cm) with the digits that the circuit tells.

    >>> digits(12.345), digits(141.31), digits(1413.2), digits(12876), digits(111234)
    ('12.35', '141.3', '1413', '12880', '111200')
    """
    for below, decimals in ((100.0, 2), (1000.0, 1), (10_000.0, 0), (100_000.0, -1)):
        if round(value, decimals) < below:
            return f"{round(value, decimals):.{max(decimals, 0)}f}"
    return f"{round(value, -2):.0f}"


def practical_salinity(conductivity: float) -> float:
    """Return the practical salinity of water at 25 degC with this conductivity (uS/cm), 0 to 42.

    The scale is defined from 2 up; below 50 uS/cm, where it means nothing, 0 is returned.

    >>> round(practical_salinity(53_065), 2)  # sea water
    35.0
    """
    if conductivity < 50.0:
        return 0.0
    ratio = max(conductivity, 0.0) / 42_914.0 / 1.2365  # to the conductivity at salinity 35, 15 degC, then 25 degC
    root, warm = math.sqrt(ratio), 10.0 / (1 + 0.0162 * 10.0)
    a = (0.0080, -0.1692, 25.3851, 14.0941, -7.0261, 2.7081)
    b = (0.0005, -0.0056, -0.0066, -0.0375, 0.0636, -0.0144)
    total = sum((a[power] + warm * b[power]) * root**power for power in range(6))
    return min(42.0, max(0.0, total))
