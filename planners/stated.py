"""A person's formula or function of a point, as a trend.

Notation: `N` points, `d` encoded columns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autolab.model.candidates import Candidates
from autolab.model.encoding import decode_axes
from autolab.model.errors import InputError, InvalidSpace
from autolab.model.formula import compiled, names_in, parsed
from autolab.model.names import did_you_mean
from autolab.model.trial import Point

if TYPE_CHECKING:
    from autolab.model.formula import Formula
    from autolab.model.space import Space
    from autolab.planners.process import Pull

Array = NDArray[np.float64]
Mean = str | Callable[[Point], float]
"""A formula such as `3 * a + log10(b)`, or a function of a point."""

_STEP = 1e-5
_PLACES = 128
_EXAMPLE = "write it like '3 * a + log10(b)'"


def check_means(means: Mapping[str, Any]) -> None:
    """Refuse what is neither a function nor a formula that can be read.

    Raises:
        InputError: It names the quantity and what is wrong.
    """
    if not isinstance(means, Mapping):
        msg = f"mean must be a mapping of quantities, such as {{'percent': '3 * a'}}, got {means!r}"
        raise InputError(msg)
    for name, mean in means.items():
        if not callable(mean) and not isinstance(mean, str):
            msg = f"the mean of {name!r} must be a formula or a function of a point, got {mean!r}; {_EXAMPLE}"
            raise InputError(msg)
        if isinstance(mean, str):
            _read(name, mean)


def named(mean: Mean) -> str:
    """Return a formula as it is, and of a function where it stands: `module:name`."""
    if isinstance(mean, str):
        return mean
    kind = mean if hasattr(mean, "__qualname__") else type(mean)
    return f"{kind.__module__}:{kind.__qualname__}"


@lru_cache(maxsize=64)
def _read(name: str, text: str) -> tuple[Formula, tuple[str, ...]]:
    try:
        tree = parsed(text, _EXAMPLE)
        return compiled(tree, text), names_in(tree)
    except InvalidSpace as error:
        msg = f"mean of {name!r}: {str(error).removeprefix('constraint ')}"
        raise InputError(msg) from None


@dataclass(frozen=True, eq=False)
class Stated:
    """What a person expects of one quantity.

    Where it is not defined it falls back to its own mean over the space.

    Attributes:
        name: Of the quantity.
        stated: The formula or function.
        space: Of the points.
    """

    name: str
    stated: Mean
    space: Space | Candidates
    sure = True

    def __post_init__(self) -> None:
        if isinstance(self.stated, str):
            for key in _read(self.name, self.stated)[1]:
                self._check_key(key)

    def _check_key(self, key: str) -> None:
        """Refuse a key that the points do not have, or whose values are no numbers.

        Raises:
            InputError: It names the quantity and the key.
        """
        if key not in self.space.names:
            msg = f"mean of {self.name!r}: there is no parameter {key!r}: {did_you_mean(key, self.space.names)}"
            raise InputError(msg)
        if any(isinstance(point[key], str) for point in self.space.sample(8, seed=0)):
            msg = f"mean of {self.name!r}: {key!r} is a category and has no number; state the mean as a function"
            raise InputError(msg)

    def at(self, points: Sequence[Point]) -> Array:
        """Return the value at points, NaN where it is not defined, `N`."""
        if not callable(self.stated):
            names = _read(self.name, self.stated)[1]
            return self._calculated({key: np.array([point[key] for point in points]) for key in names}, len(points))
        return np.array([_asked(self.stated, point) for point in points], dtype=float)

    def check_trials(self, points: Sequence[Point]) -> None:
        """Refuse a formula that is not defined where something was measured.

        Raises:
            InputError: It names the quantity, the formula and the point.
        """
        for point, value in zip(points, self.at(points).tolist() if points else [], strict=True):
            if not math.isfinite(value):
                msg = (
                    f"mean of {self.name!r}: {named(self.stated)!r} is not defined at {dict(point)!r}, which was measured; "
                    "state one that is defined at every point"
                )
                raise InputError(msg)

    def check_space(self) -> None:
        """Refuse what is not defined at every point of the space, as far as points at random tell.

        Raises:
            InputError: It names the quantity, the formula and a point.
        """
        self._usual  # noqa: B018  refused where it is defined nowhere
        points, values = self._sampled
        wrong = [point for point, value in zip(points, values.tolist(), strict=True) if not math.isfinite(value)]
        if wrong:
            msg = (
                f"mean of {self.name!r}: {named(self.stated)!r} is not defined at {dict(wrong[0])!r}; "
                "state one that is defined at every point"
            )
            raise InputError(msg)

    @cached_property
    def _sampled(self) -> tuple[Sequence[Point], Array]:
        """Points of the space, and the values there: asked once, for a function may take its time."""
        points = self.space.sample(_PLACES, seed=0)
        return points, self.at(points)

    @cached_property
    def _usual(self) -> tuple[float, float]:
        """Mean and standard deviation over points of the space."""
        _, values = self._sampled
        good = values[np.isfinite(values)]
        if not len(good):
            msg = f"mean of {self.name!r}: {named(self.stated)!r} is defined nowhere in the space; {_EXAMPLE}"
            raise InputError(msg)
        spread = float(good.std())
        return float(good.mean()), spread if spread > 1e-12 * abs(float(good.mean())) else 1.0

    @property
    def center(self) -> float:
        """The mean over the space."""
        return self._usual[0]

    @property
    def spread(self) -> float:
        """The standard deviation over the space."""
        return self._usual[1]

    def mean(self, x: Array) -> Array:
        """Return the values at encoded points."""
        told = self._decoded(x)
        if callable(self.stated):
            names = list(told)
            rows = zip(*(told[name].tolist() for name in names), strict=True)
            values = np.array([_asked(self.stated, dict(zip(names, row, strict=True))) for row in rows], dtype=float)
        else:
            values = self._calculated(told, len(x))
        good = np.isfinite(values)
        return values if good.all() else np.where(good, values, self.center)

    def _calculated(self, columns: Mapping[str, NDArray[Any]], n: int) -> Array:
        formula, _ = _read(self.name, str(self.stated))
        with np.errstate(all="ignore"):
            return np.array(np.broadcast_to(formula(columns), n), dtype=float)

    def slopes(self, x: Array) -> Array:
        """Return the derivative by differences; 0 by columns of categories."""
        found = np.zeros_like(x)
        for j in self._numbers:
            more, less = x.copy(), x.copy()
            more[:, j], less[:, j] = np.minimum(x[:, j] + _STEP, 1.0), np.maximum(x[:, j] - _STEP, 0.0)
            apart = more[:, j] - less[:, j]
            inside = apart > 0
            rise = self.mean(more[inside]) - self.mean(less[inside])
            found[inside, j] = rise / apart[inside]
        return found

    @cached_property
    def _numbers(self) -> list[int]:
        """Encoded columns of numeric keys, but not of a table: nobody climbs in one."""
        if isinstance(self.space, Candidates):
            return []
        starts = np.cumsum([0, *(axis.width for axis in self.space.axes)])
        numeric = [getattr(axis, "codes", None) is None for axis in self.space.axes]
        return [int(start) for start, is_number in zip(starts, numeric, strict=False) if is_number]

    def _decoded(self, x: Array) -> dict[str, NDArray[Any]]:
        """Return key -> values at encoded points, before they are rounded to grids."""
        if not len(x):
            return {name: np.zeros(0) for name in self.space.names}
        if not isinstance(self.space, Candidates):
            points = decode_axes(self.space.axes, np.asarray(x, dtype=float))
            return {name: np.array([point[name] for point in points]) for name in self.space.names}
        return {name: self._column(name, part) for name, part in self._parts(x)}

    def _parts(self, x: Array) -> list[tuple[str, Array]]:
        table, start, found = self._table, 0, []
        for name in table.names:
            width = 1 if table.span(name) is not None else len(self._labels[name])
            found.append((name, x[:, start : start + width]))
            start += width
        return found

    @property
    def _table(self) -> Candidates:
        assert isinstance(self.space, Candidates)  # noqa: S101  asked only where it is one
        return self.space

    @cached_property
    def _labels(self) -> dict[str, list[Any]]:
        """Key -> its labels in the order of their encoded columns."""
        table, start = self._table, 0
        found = dict[str, list[Any]]()
        for name in table.names:
            if table.span(name) is not None:
                start += 1
                continue
            known = {str(label): label for label in set(table.column(name).tolist())}
            found[name] = []
            while start < len(table.columns) and table.columns[start].startswith(f"{name}="):
                told = table.columns[start].removeprefix(f"{name}=")
                found[name].append(known.get(told, told))  # a part of a table need not hold each label
                start += 1
        return found

    def _column(self, name: str, part: Array) -> NDArray[Any]:
        table = self._table
        if table.span(name) is None:
            return np.asarray(np.array(self._labels[name], dtype=object)[part.argmax(axis=1)])
        usual = table.point(0)
        low, high = table.encode([{**usual, name: 0.0}, {**usual, name: 1.0}])
        place = int(np.flatnonzero(low != high)[0])
        rise = high[place] - low[place]
        return np.asarray((part[:, 0] - low[place]) / rise)

    # -- nothing is unsure of it

    def covariance(self, a: Array, b: Array) -> Array:
        """Return zeros."""
        return np.zeros((len(a), len(b)))

    def across(self, a: Array, b: Array) -> tuple[Array, Pull]:
        """Return zeros, and what makes zeros."""
        return np.zeros((len(a), len(b))), lambda weights: np.zeros_like(a)

    def variance(self, x: Array) -> Array:
        """Return zeros."""
        return np.zeros(len(x))

    def variance_slopes(self, x: Array) -> Array:
        """Return zeros."""
        return np.zeros_like(x)


def _asked(function: Callable[[Point], float], point: Point) -> float:
    try:
        value = float(function(point))
    except Exception:  # whatever a person's function raises: it is not defined there
        return math.nan
    return value if math.isfinite(value) else math.nan
