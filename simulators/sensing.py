"""What a probe sees: the liquid at its tip, followed with the tip's own lag."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autolab.model.actions import JSON


class Site:
    """Where a probe stands.

    Attributes:
        truth: Returns what is true at the tip now, by quantity: `conductivity` (mS/cm), `temperature` (degC), `pH`,
            `oxygen` (dissolved, mg/L).
        response: Time constant of the probe, s; its simulator sets it.
        prompt: Quantities that are seen at once, whatever the time constant.
        seen: What the tip has come to, by quantity; follows the truth with that lag.
    """

    def __init__(self, truth: Callable[[], Mapping[str, float]], response: float = 0.0) -> None:
        self.truth, self.response = truth, response
        self.prompt = frozenset({"temperature"})
        self.seen: dict[str, float] = dict(truth())
        self.frozen = False
        self.drift = 0.0  # of the value, an hour
        self._drifted = 1.0

    def trouble(self, *, frozen: bool | None = None, drift: float = 0.0) -> None:
        """Have the probe freeze (or no longer; None leaves that), and drift by a share of the value an hour from now on.

        What it has drifted by is gone when it no longer drifts: somebody has cleaned it.
        """
        self.frozen = self.frozen if frozen is None else frozen
        self.drift = drift
        if not drift:
            self._drifted = 1.0

    def integrate(self, dt: float) -> None:
        """Follow the truth as it is now for `dt` s."""
        if self.frozen:
            return
        self._drifted *= 1.0 + self.drift * dt / 3600
        share = 1.0 if self.response <= 0 else -math.expm1(-dt / self.response)
        for name, true in self.truth().items():
            value = true if name in self.prompt else true * self._drifted
            lagging = 1.0 if name in self.prompt else share
            before = self.seen.get(name, value)
            self.seen[name] = before + (value - before) * lagging

    def snapshot(self) -> dict[str, JSON]:
        """Return what changes."""
        return dict(self.seen)

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go back to `snapshot`."""
        self.seen = {name: float(str(value)) for name, value in state.items()}
