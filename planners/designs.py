"""Space-filling designs: points that lie evenly, also beside points that are there already."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autolab.model.candidates import Candidates
from autolab.model.errors import PlannerError
from autolab.model.parameters import Categorical
from autolab.model.suggestion import Suggestion

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.space import Space
    from autolab.model.trial import Value
    from autolab.planners.evidence import Evidence

Array = NDArray[np.float64]
Key = tuple["Value", ...]

_POOL = 2048
_NEAR = 0.1  # share of a space that lies near its middle
_EVEN_UP_TO = 12  # columns; above, the discrepancy of a few points no longer tells designs apart


def designed(
    problem: Problem, evidence: Evidence, n: int, seed: int, info: Mapping[str, Any], *, centered: bool = False
) -> list[Suggestion]:
    """Return what a planner without a model suggests: what fills the space, with the middle first if `centered`.

    Designs of experiments have center points for that reason: where nothing is known, most of a space is nearest to its
    middle, and a model is least sure at the ends and tends there by itself (measured: decision 0022).

    Raises:
        PlannerError: Fewer than `n` points are left.
    """
    points = fill(problem.space, n, evidence.known, evidence.taken, seed, centered=centered)
    return [Suggestion(point, {"rule": "design", **evidence.not_used, **info}) for point in points]


def fallback(error: Exception) -> dict[str, Any]:
    """Return what a suggestion tells of a design that was made because a model failed."""
    return {"fallback": f"{type(error).__name__}: {error}"[:500]}


def fill(
    space: Space | Candidates,
    n: int,
    known: Array,
    taken: frozenset[Key],
    seed: int,
    *,
    centered: bool = False,
) -> list[dict[str, Value]]:
    """Return `n` distinct points that fill a space evenly beside `known` (`k x d`, encoded) ones.

    A space without constraints: the first points of a scrambled Sobol sequence; beside known points, those of the
    sequence that keep the whole most even (centered discrepancy) or, with categories, lie farthest from the rest.
    Otherwise: of points drawn at random, one after another the farthest from all others.

    Args:
        space: To be filled.
        n: How many.
        known: What lies there already.
        taken: Keys of points not to be returned.
        seed: Of all that is random.
        centered: The first point is the middle of the space, unless a known one lies near it.

    Raises:
        PlannerError: Fewer than `n` points are left.
    """
    boxed = not isinstance(space, Candidates) and space.is_box
    first = _middle(space, known, taken, seed) if centered else []
    taken = taken | {space.key(point) for point in first}
    rest = n - len(first)
    if not rest:
        return first
    if boxed and not len(known):
        points = _sobol(space, rest, taken, seed)
        if len(points) == rest:
            return [*first, *points]
    pool = _sobol(space, max(64, 4 * n), taken, seed) if boxed else []
    if len(pool) < rest:
        pool = _drawn(space, n, taken, seed)
    if len(pool) < rest:
        raise PlannerError(_too_few(n, len(first) + len(pool), len(taken) - len(first)))
    encoded = space.encode(pool)
    numeric = not isinstance(space, Candidates) and not any(isinstance(axis, Categorical) for axis in space.axes)
    even = boxed and numeric and encoded.shape[1] <= _EVEN_UP_TO
    beside = np.vstack([known, space.encode(first)]) if first else known
    chosen = (evenest if even else farthest)(encoded, rest, beside)
    return [*first, *(pool[i] for i in chosen)]


def _middle(space: Space | Candidates, known: Array, taken: frozenset[Key], seed: int) -> list[dict[str, Value]]:
    """Return the free point nearest to the middle of a space; none where a known one is as near as the nearest tenth."""
    drawn = space.sample(_POOL if isinstance(space, Candidates) else 256, seed)
    middle = space.encode(drawn).mean(axis=0)
    if not isinstance(space, Candidates) and space.is_box:
        drawn += space.at_quantiles(np.full((1, len(space.axes)), 0.5))
    free = [point for point in drawn if space.key(point) not in taken]
    if not free:
        return []
    gap = _gaps(space.encode(free), middle)
    if len(known) and _gaps(known, middle).min() <= np.quantile(gap, _NEAR):
        return []
    return [free[int(gap.argmin())]]


def _gaps(points: Array, to: Array) -> Array:
    return np.asarray(((points - to) ** 2).sum(axis=1))


def _too_few(n: int, left: int, taken: int) -> str:
    return (
        f"{n} distinct points were asked for and the space has {left} left ({taken} are tried or under way). "
        "Ask for fewer, or widen the space"
    )


def _sobol(space: Space | Candidates, n: int, taken: frozenset[Key], seed: int) -> list[dict[str, Value]]:
    """Return up to `n` distinct points of a scrambled Sobol sequence over a space without constraints."""
    from scipy.stats import qmc  # loaded late: a second

    if isinstance(space, Candidates):
        return []
    size = int(np.ceil(np.log2(4 * n + 4 * len(taken))))  # balanced only in powers of two
    unit = qmc.Sobol(len(space.axes), rng=np.random.default_rng(seed)).random_base2(size)
    found: dict[Key, dict[str, Value]] = {}
    for point in space.at_quantiles(unit):
        found.setdefault(space.key(point), point)
    return [point for key, point in found.items() if key not in taken][:n]


def _drawn(space: Space | Candidates, n: int, taken: frozenset[Key], seed: int) -> list[dict[str, Value]]:
    count = (_POOL if isinstance(space, Candidates) else max(256, 16 * n)) + len(taken)
    return [point for point in space.sample(count, seed) if space.key(point) not in taken]


def farthest(pool: Array, n: int, known: Array) -> list[int]:
    """Return `n` places in `pool` (`N x d`), each point the farthest from `known` (`k x d`) and those before it.

    Gonzalez 1985. Without known points the first is the one nearest to the pool's mean.
    """
    if len(known):
        gap = np.full(len(pool), np.inf)
        for one in known:
            gap = np.minimum(gap, ((pool - one) ** 2).sum(axis=1))
        chosen: list[int] = []
    else:
        chosen = [int(((pool - pool.mean(axis=0)) ** 2).sum(axis=1).argmin())]
        gap = ((pool - pool[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < n:
        gap[chosen] = -1.0
        chosen.append(int(gap.argmax()))
        gap = np.minimum(gap, ((pool - pool[chosen[-1]]) ** 2).sum(axis=1))
    return chosen[:n]


def evenest(pool: Array, n: int, known: Array) -> list[int]:
    """Return `n` places in `pool` (`N x d`), each keeping the centered discrepancy of the whole design least."""
    from scipy.stats import qmc  # loaded late: a second

    measure: Callable[[Array], float] = qmc.discrepancy
    design, chosen = np.clip(known, 0.0, 1.0), list[int]()
    for _ in range(n):
        left: Sequence[int] = [i for i in range(len(pool)) if i not in chosen]
        best = min(left, key=lambda i: measure(np.vstack([design, pool[i]])))
        chosen.append(best)
        design = np.vstack([design, pool[best]])
    return chosen
