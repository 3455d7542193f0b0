"""`FromOptimizer`: an optimizer of bluesky-adaptive or blop (or with their contract) as a planner.

| of the problem | what the optimizer is told |
|---|---|
| space, objectives, constraints | nothing by itself: the factory declares them |
| completed trials | `ingest`, with parameters and outcomes, (value, standard error) where the error is known |
| failed and rejected trials | `register_suggestions` and `register_failures`, where it has both; otherwise nothing |
| points under way | `register_suggestions`, where it has it; otherwise nothing |

Its points are brought to the nearest of the space that are not taken.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from autolab.model.errors import InputError
from autolab.planners.foreign import Session, propose

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.suggestion import Suggestion
    from autolab.model.trial import Outcome, Point, Trial

ID = "_id"
Factory = Callable[..., Any]
"""Problem and seed (below 2^31) -> a new optimizer with `suggest(n)` and `ingest(points)`."""


@dataclass(frozen=True)
class Named:
    """What a journal pins of `FromOptimizer`.

    Attributes:
        factory: `module:function`, also of a function that was given itself.
    """

    factory: str


@dataclass(frozen=True)
class FromOptimizer:
    """A new optimizer for each call, told the whole history: pure if what the factory makes is.

    Python's, numpy's and torch's generators are seeded for it, and put back afterwards. `info["rule"]` is `optimizer`;
    `info["asked"]` tells the point that it asked for, where another is proposed; `info["ignored"]` what it has no way
    to be told, `info["left_out"]` how many trials could not be told. Where it fails, space-filling points are taken and
    `info["fallback"]` says why.

    Attributes:
        factory: Makes the optimizer from a problem and a seed, or where to find what does: `module:function`.
    """

    factory: str | Factory

    def __post_init__(self) -> None:
        if not callable(self.factory):
            _split(self.factory)

    @property
    def settings(self) -> Named:
        """The settings as text: of a function that was given, where it is from. Its code is not pinned."""
        if isinstance(self.factory, str):
            return Named(self.factory)
        name = getattr(self.factory, "__qualname__", type(self.factory).__qualname__)
        return Named(f"{getattr(self.factory, '__module__', type(self.factory).__module__)}:{name}")

    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        """Return `n` distinct points.

        Raises:
            InputError: The factory cannot be found, or what it makes has no `suggest` or no `ingest`.
            PlannerError: Fewer than `n` points are left in the space.
            ValueError: `n` is less than 1.
        """
        begin = partial(OptimizerSession, factory=self._found())
        return propose("optimizer", OptimizerSession, begin, problem, history, n=n, pending=pending, seed=seed)

    def _found(self) -> Factory:
        if callable(self.factory):
            return self.factory
        module, name = _split(self.factory)
        try:
            found = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            msg = f"the optimizer's factory {self.factory!r} cannot be found: {error}"
            raise InputError(msg) from error
        if not callable(found):
            msg = f"the optimizer's factory {self.factory!r} must be a function of (problem, seed), got {found!r}"
            raise InputError(msg)
        factory: Factory = found
        return factory


def _split(reference: object) -> tuple[str, str]:
    module, colon, name = reference.partition(":") if isinstance(reference, str) else ("", "", "")
    if not (colon and module and name.isidentifier()):
        msg = (
            f"factory must be a function of (problem, seed), or a text like 'my_lab.optimizers:make', got {reference!r}"
        )
        raise InputError(msg)
    return module, name


class OptimizerSession(Session):
    """One optimizer, told and asked by its contract."""

    def __init__(self, problem: Problem, seed: int, factory: Factory) -> None:
        super().__init__(problem)
        self._optimizer = factory(problem, seed)
        lacking = [name for name in ("suggest", "ingest") if not callable(getattr(self._optimizer, name, None))]
        if lacking:
            msg = (
                f"an optimizer needs suggest(n) and ingest(points); {type(self._optimizer).__name__} lacks {lacking[0]}"
            )
            raise InputError(msg)
        self._registers = callable(getattr(self._optimizer, "register_suggestions", None))
        self._fails = self._registers and callable(getattr(self._optimizer, "register_failures", None))

    def tell(self, point: Point, outcome: Outcome | None) -> None:
        """Ingest an outcome, or register a failure."""
        if outcome is None:
            if self._fails:
                self._optimizer.register_failures(self._optimizer.register_suggestions([dict(point)]))
            else:
                self.ignored["failures"] = None
            return
        told = {
            name: one.value if one.standard_error is None else (one.value, one.standard_error)
            for name, one in outcome.items()
            if name in self.problem.outcome_names
        }
        self._optimizer.ingest([{**point, **told}])

    def wait(self, point: Point) -> None:
        """Register a suggestion."""
        if self._registers:
            self._optimizer.register_suggestions([dict(point)])
        else:
            self.ignored["points under way"] = None

    def ask(self, n: int) -> list[dict[str, Any]]:
        """Return its suggestions, without their ids."""
        names = self.problem.space.names
        return [{name: one[name] for name in names} for one in self._optimizer.suggest(n)]
