"""Problems and trials that know what their figures must show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from autolab.model.objectives import Objective, OutcomeConstraint
from autolab.model.parameters import Mixture, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import OutcomeLike, Point, Trial
from autolab.planners.prediction import Predict, Prediction


@pytest.fixture
def problem() -> Problem:
    """Return a mixture of three and a temperature; the cost is to be kept."""
    space = Space([Mixture(["a", "b", "c"]), Real("t", 20, 50, unit="degC")])
    return Problem(space, [Objective("y", "maximize", unit="mS/cm")], [OutcomeConstraint("cost", "<=", 0.5)])


@pytest.fixture
def trials() -> list[Trial]:
    """Return a good one, one that costs too much, a failed, a better, an invalidated, and one under way."""
    return [
        done(1, (0.2, 0.3, 0.5, 30.0), y=(2.0, 0.1), cost=0.2),
        done(2, (0.6, 0.2, 0.2, 30.0), y=(9.0, 0.1), cost=0.6),
        replace(Trial.failed(point(0.1, 0.1, 0.8, 40.0), "it <b>clogged</b>"), number=3),
        done(4, (0.4, 0.2, 0.4, 45.0), y=(3.0, 0.2), cost=0.4),
        done(5, (0.5, 0.1, 0.4, 45.0), y=(8.0, 0.2), cost=0.5).invalidate("the probe was dry"),
        replace(Trial.failed(point(0.3, 0.3, 0.4, 25.0), ""), number=6, state="running"),
    ]


def point(a: float, b: float, c: float, t: float) -> dict[str, float]:
    return {"a": a, "b": b, "c": c, "t": t}


def done(number: int, at: tuple[float, float, float, float], **outcome: Any) -> Trial:
    return replace(Trial.completed(point(*at), outcome), number=number)


Expect = Callable[[Point], OutcomeLike]


@pytest.fixture
def expecting() -> Callable[..., Predict]:
    """Return a function that makes a model of a function: it expects its values, with a deviation of 0.5."""

    def model(f: Callable[[Point], dict[str, float]], success: Callable[[Point], float] | None = None) -> Predict:
        def predict(points: Sequence[Point]) -> list[Prediction]:
            return [
                Prediction(one, f(one), dict.fromkeys(f(one), 0.5), None if success is None else success(one))
                for one in points
            ]

        return predict

    return model
