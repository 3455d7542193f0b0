"""Replicate measurements: mean, standard error, and whether noise explains how they differ."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BEYOND = 4.0
"""So many standard deviations are no longer noise: once in 16,000 series of a probe that does not drift."""


@dataclass(frozen=True)
class Series:
    """Measurements of the same thing, one after the other.

    Attributes:
        seconds: When each was taken, s; rising.
        values: What each gave.
    """

    seconds: Sequence[float]
    values: Sequence[float]

    @property
    def mean(self) -> float:
        """Their mean."""
        return statistics.fmean(self.values)

    @property
    def standard_error(self) -> float:
        """Standard error of the mean."""
        return statistics.stdev(self.values) / math.sqrt(len(self.values))

    @property
    def change(self) -> float:
        """By how much they changed from first to last, by the straight line of least squares."""
        _spread, slope = self._line()
        return slope * (self.seconds[-1] - self.seconds[0])

    def fault(self, sigma: float) -> str:
        """Return what noise does not explain; empty where it explains all.

        Args:
            sigma: Standard deviation of one measurement.

        >>> Series([0, 10, 20], [1.0, 1.1, 1.2]).fault(0.01)
        'they change by +0.2 in 20 s, and noise explains no more than 0.05657'
        """
        spread, _slope = self._line()
        span = self.seconds[-1] - self.seconds[0]
        explained = BEYOND * sigma * span / math.sqrt(spread) if spread > 0 else 0.0
        if spread > 0 and abs(self.change) > explained:
            return f"they change by {self.change:+.4g} in {span:.4g} s, and noise explains no more than {explained:.4g}"
        scatter = statistics.stdev(self.values)
        if scatter > BEYOND * sigma:
            return f"they scatter by {scatter:.4g} (standard deviation), and noise explains {sigma:.4g}"
        return ""

    def _line(self) -> tuple[float, float]:
        """Return the sum of squares of the times about their mean, and the slope."""
        middle = statistics.fmean(self.seconds)
        spread = sum((at - middle) ** 2 for at in self.seconds)
        if spread == 0:
            return 0.0, 0.0
        mean = self.mean
        return spread, sum(
            (at - middle) * (value - mean) for at, value in zip(self.seconds, self.values, strict=True)
        ) / spread
