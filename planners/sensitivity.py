"""Which parameters matter: total-effect Sobol indices of what a model expects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from autolab.model.candidates import Candidates
from autolab.model.parameters import Mixture

if TYPE_CHECKING:
    from autolab.model.space import Space
    from autolab.model.trial import Point, Value
    from autolab.planners.prediction import Predict

_SAMPLES = 256


def importance(space: Space | Candidates, predict: Predict, seed: int) -> dict[str, dict[str, float]]:
    """Return quantity -> key of a point -> the share of the expected variation that goes with it.

    The total-effect index `E[(f(x) - f(x'))^2] / (2 Var f)`, `x'` with one key of another point (Jansen 1999), over
    points of the space. 0 means that the key makes no difference; shares add up to 1 only where the keys act
    independently, to more where they interact. Where one component of a mixture changes, the others keep their
    proportions (Cox's direction), so that the total stays; other constraints may be left a little.

    Args:
        space: Where the points are drawn.
        predict: What a model expects.
        seed: Of the points.
    """
    points = space.sample(2 * _SAMPLES, seed)
    half = len(points) // 2
    if not half:
        return {}
    kept, others = points[:half], points[half : 2 * half]
    names = space.names
    moved = [_exchanged(space, one, other, name) for name in names for one, other in zip(kept, others, strict=True)]
    told = predict([*kept, *others, *moved])
    return {quantity: _shares(names, np.array([one.mean[quantity] for one in told]), half) for quantity in told[0].mean}


def _shares(names: Sequence[str], means: np.ndarray[tuple[int], np.dtype[np.float64]], half: int) -> dict[str, float]:
    variance = float(np.var(means[: 2 * half]))
    gaps = (means[2 * half :].reshape(len(names), half) - means[:half]) ** 2
    if variance <= 1e-18 * max(1.0, float(np.abs(means).max()) ** 2):  # the model expects the same everywhere
        return dict.fromkeys(names, 0.0)
    return {name: float(gap.mean() / (2 * variance)) for name, gap in zip(names, gaps, strict=True)}


def _exchanged(space: Space | Candidates, point: Point, other: Point, name: str) -> dict[str, Value]:
    """Return a point with the `name` of another."""
    changed = {**point, name: other[name]}
    mixture = _mixture_of(space, name)
    if mixture is not None:
        rest = [one for one in mixture.names if one != name]
        before = sum(float(point[one]) for one in rest)
        after = mixture.total - float(other[name])
        changed |= {one: float(point[one]) * after / before if before > 0 else after / len(rest) for one in rest}
    return changed


def _mixture_of(space: Space | Candidates, name: str) -> Mixture | None:
    parameters = () if isinstance(space, Candidates) else space.parameters
    return next((one for one in parameters if isinstance(one, Mixture) and name in one.names), None)


def ranked(shares: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return keys and shares, the most important first."""
    return sorted(shares.items(), key=lambda pair: -pair[1])
