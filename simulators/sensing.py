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

    def integrate(self, dt: float) -> None:
        """Follow the truth as it is now for `dt` s."""
        share = 1.0 if self.response <= 0 else -math.expm1(-dt / self.response)
        for name, value in self.truth().items():
            lagging = 1.0 if name in self.prompt else share
            before = self.seen.get(name, value)
            self.seen[name] = before + (value - before) * lagging

    def snapshot(self) -> dict[str, JSON]:
        """Return what changes."""
        return dict(self.seen)

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go back to `snapshot`."""
        self.seen = {name: float(str(value)) for name, value in state.items()}
