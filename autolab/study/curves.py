"""The seeds of one planner on one problem, as curves over trials.

Notation: `n` seeds, `T` trials.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from autolab.study.runs import Result, Setting

Array = NDArray[Any]


@dataclass(frozen=True)
class Curves:
    """All seeds of one planner on one problem.

    Attributes:
        planner: Its name.
        setting: Problem, budget, batch, starts.
        seeds: `n`.
        quality: `n x T`.
        share: `n x T`; `n x 0` where there is no pool.
        results: `n`, in the order of the seeds.
    """

    planner: str
    setting: Setting
    seeds: tuple[int, ...]
    quality: Array
    share: Array
    results: tuple[Result, ...]

    @classmethod
    def of(cls, results: Sequence[Result]) -> Curves:
        """Gather the results of one planner on one problem."""
        ordered = sorted(results, key=lambda one: one.seed)
        budget = ordered[0].setting.budget
        shares = [_held(one.share, budget) for one in ordered if one.share]
        return cls(
            ordered[0].planner,
            ordered[0].setting,
            tuple(one.seed for one in ordered),
            np.array([quality(one) for one in ordered]),
            np.array(shares) if len(shares) == len(ordered) else np.zeros((len(ordered), 0)),
            tuple(ordered),
        )

    @property
    def progress(self) -> Array:
        """Share where there is a pool, else quality; `n x T`."""
        return self.share if self.share.size else self.quality

    @property
    def areas(self) -> Array:
        """Area of each seed, `n`."""
        return np.asarray(self.quality[:, self.setting.starts :].mean(axis=1))

    def on(self, seeds: Sequence[int]) -> Curves:
        """Return those of some seeds alone."""
        return Curves.of([one for one in self.results if one.seed in set(seeds)])


def quality(result: Result) -> Array:
    """Return the quality after each trial, `T`: 0 to 1; a run that ended early stays where it was."""
    scores = [0.0 if one is None else (one - result.low) / (result.high - result.low) for one in result.score]
    return np.clip(_held(scores, result.setting.budget), 0.0, 1.0)


def _held(values: Sequence[float], length: int) -> Array:
    """Return values with the last one held on."""
    kept = list(values[:length]) or [0.0]
    return np.array(kept + kept[-1:] * (length - len(kept)), dtype=float)


def gathered(results: Sequence[Result]) -> dict[Setting, dict[str, Curves]]:
    """Return problem -> planner -> curves, in the order of the results."""
    found: dict[Setting, dict[str, list[Result]]] = {}
    for one in results:
        found.setdefault(one.setting, {}).setdefault(one.planner, []).append(one)
    return {setting: {name: Curves.of(some) for name, some in by.items()} for setting, by in found.items()}
