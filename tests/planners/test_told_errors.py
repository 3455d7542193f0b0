"""Standard errors that are told: all the noise there is where they are right, and not where trials speak against it."""

import numpy as np
import pytest
from numpy.typing import NDArray

from autolab.model.objectives import Objective
from autolab.model.parameters import Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial
from autolab.planners import fitting
from autolab.planners.bayes import Bayes
from autolab.planners.surrogate import Kind, surrogate_of

Array = NDArray[np.float64]


def replicated(spread: float, seed: int, n: int = 40) -> tuple[Array, Array, Array]:
    """Return `n x 2` points, and mean and standard error of 2 replicates; what changes between days is not in them."""
    rng = np.random.default_rng(seed)
    x = rng.random((n, 2))
    truth = np.sin(4 * x[:, 0]) + x[:, 1] ** 2 + spread * rng.standard_normal(n)
    both = truth[:, None] + 0.05 * rng.standard_normal((n, 2))
    return x, both.mean(axis=1), both.std(axis=1, ddof=1) / np.sqrt(2)


@pytest.mark.parametrize("seed", range(3))
def test_noise_besides_what_is_told_is_learned_and_foretells_better(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, error = replicated(0.3, seed)
    kind = Kind("matern", "broad")
    model = surrogate_of(x, y, error, kind)
    assert model.besides == pytest.approx(0.3, rel=0.5)
    assert not model.process.hyper.learned_noise
    monkeypatch.setattr(fitting, "_ASKED", np.inf)
    believing = surrogate_of(x, y, error * (1 + 1e-9), kind)  # another one, for what is fitted once is kept
    assert believing.besides == 0.0
    at = np.random.default_rng(99).random((200, 2))
    truth = np.sin(4 * at[:, 0]) + at[:, 1] ** 2
    off, believing_off = (((one.predict(at)[0] - truth) ** 2).mean() for one in (model, believing))
    assert off < 0.8 * believing_off


def test_errors_that_are_right_are_all_the_noise_there_is() -> None:
    x = np.random.default_rng(1).random((40, 2))
    y = np.sin(4 * x[:, 0]) + x[:, 1] ** 2 + 0.05 * np.random.default_rng(2).standard_normal(40)
    model = surrogate_of(x, y, np.full(40, 0.05), Kind("matern", "broad"))
    assert model.besides == 0.0
    assert model.noise == pytest.approx(0.05)


def test_a_suggestion_and_a_prediction_tell_noise_besides() -> None:
    x, y, error = replicated(0.3, 0)
    problem = Problem(Space([Real("a", 0, 1), Real("b", 0, 1)]), [Objective("y")])
    history = [
        Trial.completed({"a": float(a), "b": float(b)}, {"y": (float(value), float(one))})
        for (a, b), value, one in zip(x, y, error, strict=True)
    ]
    (suggestion,) = Bayes().suggest(problem, history, n=1, seed=0)
    assert suggestion.info["noise_besides"]["y"] == pytest.approx(0.3, rel=0.5)
    (told,) = Bayes().predict(problem, history, [suggestion.point])
    assert 0 < told.besides["y"] < told.noise["y"]
    assert 0.85 <= Bayes().calibration(problem, history).coverage["y"] <= 1
