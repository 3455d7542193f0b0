"""Output warping: when an objective is taken to another scale, and that nothing but the choice of points knows of it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from autolab.model.objectives import Objective, OutcomeConstraint
from autolab.model.parameters import Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial
from autolab.planners.bayes import Bayes
from autolab.planners.evidence import gather
from autolab.planners.isolation import isolated
from autolab.planners.output_warping import Warped, likeliest_power, warped, yeo_johnson
from autolab.planners.prediction import fitted
from autolab.planners.surrogate import Models

Array = NDArray[np.float64]

SQUARE = Space([Real("a", 0, 1), Real("b", 0, 1)])
PROBLEM = Problem(SQUARE, [Objective("y")])
GRID = [(float(a), float(b)) for a in np.linspace(0, 1, 5) for b in np.linspace(0.1, 0.9, 4)]


def broad(a: float, b: float) -> float:
    return float(np.sin(3 * a) - (b - 0.4) ** 2)


def steep(a: float, b: float) -> float:
    return float(np.exp(4 * broad(a, b)))


def trials(f: Callable[[float, float], float], unit: float = 1.0, *, falling: bool = False) -> list[Trial]:
    """Return trials of the grid, each better than those before."""
    found = sorted(((f(a, b), a, b) for a, b in GRID), reverse=falling)
    return [Trial.completed({"a": a, "b": b}, {"y": unit * y}) for y, a, b in found]


def made(history: Sequence[Trial], problem: Problem = PROBLEM) -> tuple[Models, Warped | None]:
    evidence = gather(problem, history, ())
    with isolated(0):
        models, _ = fitted(problem, evidence)
        return models, warped(problem, evidence, models)


def foretold(model: Any) -> float:
    mean, variance = model.process.left_out()
    return float(-0.5 * (np.log(2 * np.pi * variance) + (model.process.y - mean) ** 2 / variance).sum())


def test_values_that_span_decades_are_drawn_together() -> None:
    plain, found = made(trials(steep))
    assert found is not None
    assert found.power is not None
    assert found.power < 0.5
    (model,) = found.models.each
    z = plain.each[0].process.y
    w, slope = yeo_johnson(z, found.power)
    np.testing.assert_allclose(model.process.y, (w - model.center) / model.scale)
    # densities of the same values: what the warped model foretells, times how it stretches them
    assert foretold(model) + np.log(slope / model.scale).sum() > foretold(plain.each[0]) + 1.0


def test_a_scale_that_fits_mostly_stays_as_it_is() -> None:
    rng, taken = np.random.default_rng(1), []
    for _ in range(12):
        noise = iter(rng.normal(0, 0.2, len(GRID)))
        _, found = made(trials(lambda a, b: broad(a, b) + float(next(noise))))  # noqa: B023  at once
        taken.append(found is not None and found.power is not None)
    assert sum(taken) <= 4, taken


@pytest.mark.parametrize("power", [-2.0, 0.0, 0.7, 2.0, 4.0])
def test_the_slope_is_that_of_the_warping(power: float) -> None:
    z = np.array([-3.0, -0.4, 0.0, 0.2, 2.5])
    up, down = yeo_johnson(z + 1e-6, power)[0], yeo_johnson(z - 1e-6, power)[0]
    np.testing.assert_allclose(yeo_johnson(z, power)[1], (up - down) / 2e-6, rtol=1e-4)


def test_once_nothing_gets_better_the_plain_scale_tells_the_best_apart() -> None:
    *others, best = trials(steep)
    assert made([*others[:-2], best, *others[-2:]])[1] is not None
    assert made([*others[:-3], best, *others[-3:]])[1] is None


def test_once_nothing_gets_better_every_second_point_sees_bad_values_as_they_are() -> None:
    # trials beside one another narrow the fence: what lies elsewhere would look flat
    *others, best = [one for one in trials(broad) if one.outcome["y"].value > 0.2]
    far = Trial.completed({"a": 0.01, "b": 0.01}, {"y": -1e3})
    for late in range(5):
        _, found = made([far, *others[late:], best, *others[:late]])
        assert (found is not None and found.drawn_in > 0) == (late != 3), late


def test_a_bounded_objective_is_not_warped() -> None:
    problem = Problem(SQUARE, [Objective("y")], outcome_constraints=[OutcomeConstraint("y", "<=", 20.0)])
    assert made(trials(steep), problem)[1] is None


def test_what_is_known_beforehand_keeps_the_scale() -> None:
    evidence = gather(PROBLEM, trials(steep), ())
    with isolated(0):
        models, _ = fitted(PROBLEM, evidence, {"y": "1 + a - b"})
        assert models.each[0].trust is not None
        assert warped(PROBLEM, evidence, models) is None


@pytest.mark.parametrize(
    "values", [[1.0] * 20, [0.0] * 19 + [1e9], [1.0, 2.0, 3.0], list(np.geomspace(1e-100, 1e100, 20))]
)
def test_odd_values_do_no_harm(values: Sequence[float]) -> None:
    history = [Trial.completed({"a": a, "b": b}, {"y": v}) for (a, b), v in zip(GRID, values, strict=False)]
    (suggestion,) = Bayes(initial=2).suggest(PROBLEM, history, n=1, seed=0)
    assert "fallback" not in suggestion.info
    assert SQUARE.contains(suggestion.point)


def test_the_likeliest_power_of_normal_values_is_near_1() -> None:
    assert likeliest_power(np.random.default_rng(0).standard_normal(400)) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("goal", ["maximize", "minimize"])
def test_the_gain_is_in_the_objectives_unit(goal: Any) -> None:
    problem = Problem(SQUARE, [Objective("y", goal)])
    falling = goal == "minimize"
    (one,) = Bayes().suggest(problem, trials(steep, falling=falling), n=1, seed=3)
    (other,) = Bayes().suggest(problem, trials(steep, 1000.0, falling=falling), n=1, seed=3)
    assert "warped" in one.info
    assert other.point == pytest.approx(one.point, abs=1e-3)
    assert other.info["gain"] == pytest.approx(1000.0 * float(one.info["gain"]), rel=0.02)


def test_the_gain_is_nearly_that_of_samples() -> None:
    """To first order at the best trial: where gains are small it is the expected gain on the plain scale."""
    history = trials(steep)
    evidence = gather(PROBLEM, history, ())
    with isolated(0):
        models, _ = fitted(PROBLEM, evidence)
        found = warped(PROBLEM, evidence, models)
    assert found is not None
    assert found.power is not None
    (suggestion,) = Bayes().suggest(PROBLEM, history, n=1, seed=3)
    (model,) = found.models.each
    mean, deviation = model.predict(SQUARE.encode([suggestion.point]))
    draws = mean + deviation * np.random.default_rng(0).standard_normal(200_000)
    plain = models.each[0]
    lattice = np.linspace(-4, 8, 20_001)
    values = plain.center + plain.scale * np.interp(draws, yeo_johnson(lattice, found.power)[0], lattice)
    best = max(trial.outcome["y"].value for trial in history)
    assert float(suggestion.info["gain"]) == pytest.approx(np.maximum(values - best, 0).mean(), rel=0.5)


def test_predictions_stay_on_the_plain_scale() -> None:
    history = trials(steep)
    (suggestion,) = Bayes().suggest(PROBLEM, history, n=1, seed=3)
    (prediction,) = Bayes().predict(PROBLEM, history, [suggestion.point])
    assert "warped" in suggestion.info
    assert suggestion.info["predicted"]["y"]["mean"] == pytest.approx(prediction.mean["y"])
