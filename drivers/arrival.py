"""Whether a quantity has come to where it was told to go, and stays there."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

_WINDOW: Final = 120.0
"""Time over which a rate is told, s."""


@dataclass
class Arrival:
    """Whether a quantity has come to its target and stays there.

    Attributes:
        target: In the quantity's unit.
        tolerance: In the same.
        dwell: s.
    """

    target: float
    tolerance: float
    dwell: float = 0.0
    _since: float | None = None
    _seen: deque[tuple[float, float]] = field(default_factory=deque)

    def see(self, now: float, value: float) -> bool:
        """Take a reading at `now` (s) and say whether it has arrived."""
        self._seen.append((now, value))
        while len(self._seen) > 2 and self._seen[1][0] <= now - _WINDOW:
            self._seen.popleft()
        if not abs(value - self.target) <= self.tolerance + 1e-9:  # never with NaN: what was not read has not arrived
            self._since = None
            return False
        if self._since is None:
            self._since = now
        return now - self._since >= self.dwell - 1e-6

    @property
    def near(self) -> bool:
        """Whether the last reading is so near that it should be looked at often."""
        return bool(self._seen) and abs(self._seen[-1][1] - self.target) <= 6 * self.tolerance

    @property
    def rate(self) -> float:
        """How fast it has changed lately, a minute; 0 before there are two readings."""
        (begin, first), (end, last) = self._seen[0], self._seen[-1]
        return 60.0 * (last - first) / (end - begin) if end > begin else 0.0
