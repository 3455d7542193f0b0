"""The expected improvement against botorch's, and against plain sampling of botorch's posterior."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from botorch.acquisition.analytic import LogConstrainedExpectedImprovement, LogExpectedImprovement, _log_ei_helper
from numpy.typing import NDArray
from scipy import stats

from autolab.model.objectives import Goal, Objective, OutcomeConstraint
from autolab.model.parameters import Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Point, Trial
from autolab.planners import improvement
from autolab.planners.evidence import Evidence, gather
from autolab.planners.improvement import CAUTION, Improvement, log_h
from autolab.planners.isolation import isolated
from autolab.planners.prediction import fitted
from autolab.planners.surrogate import Models

Array = NDArray[np.float64]

PLANE = Space([Real("x", 0, 1), Real("z", 0, 1)])
AT = np.random.default_rng(11).random((12, 2))
KEPT = OutcomeConstraint("c", "<=", 1.2)
NONE_KEPT = OutcomeConstraint("c", "<=", 0.05)
ABOVE = OutcomeConstraint("c", ">=", 0.9)
PENDING: list[Point] = [{"x": 0.31, "z": 0.44}, {"x": 0.7, "z": 0.1}]


def known(
    goal: Goal = "maximize",
    limits: Sequence[OutcomeConstraint] = (),
    *,
    error: float | None = 0.3,
    pending: Sequence[Point] = (),
    unit: float = 1.0,
    failures: int = 0,
) -> tuple[Problem, Evidence, Models]:
    """Return trials with noise, and the models that learned from them."""
    problem, rng = Problem(PLANE, [Objective("y", goal)], limits), np.random.default_rng(3)
    trials = []
    for point in PLANE.sample(8, 5):
        x, z = float(point["x"]), float(point["z"])
        noise = 0.0 if error is None else error * rng.standard_normal()
        y = unit * (math.sin(6 * x) * math.cos(4 * z) + noise)
        trials.append(
            Trial.completed(
                point, {"y": (y, unit * (error or 1e-4)), "c": (x + z + 0.05 * rng.standard_normal(), 0.05)}
            )
        )
    trials += [Trial.failed(point, "clogged") for point in PLANE.sample(failures, 6)]
    evidence = gather(problem, trials, pending)
    return problem, evidence, fitted(problem, evidence)[0]


def explained(models: Models, x: Array) -> Array:
    """Return the share of the objective's variance that one measurement explains."""
    model = models.each[0]
    variance = model.predict(x)[1] ** 2
    return np.asarray(variance / (variance + model.noise**2))


def variance_given(k: Array, known: int, n: int) -> Array:
    """Return variances from place `n` on, given the values at places `known` to `n`."""
    across = k[n:, known:n]
    return np.asarray(
        np.diag(k[n:, n:]) - np.einsum("ij,ji->i", across, np.linalg.solve(k[known:n, known:n], across.T))
    )


def over_seeds(problem: Problem, evidence: Evidence, models: Models, x: Array, seeds: int = 60) -> tuple[Array, Array]:
    """Return the improvement averaged over seeds, and its standard error."""
    told = np.exp([Improvement(problem, evidence, models, None, seed).values(x) for seed in range(seeds)])
    return told.mean(axis=0), told.std(axis=0, ddof=1) / math.sqrt(seeds)


# -- the formula


def test_log_h_is_botorchs_where_it_has_one() -> None:
    z = np.concatenate([-np.logspace(4, -4, 200), [0.0], np.logspace(-4, 2, 60), [-1.0, -0.999999, -1.000001]])
    theirs = _log_ei_helper(torch.as_tensor(z)).numpy()
    np.testing.assert_allclose(log_h(z), theirs, rtol=1e-9, atol=1e-8)


def test_log_h_goes_on_as_its_limit_says() -> None:
    z = np.array([-2e4, -9e4, -1.1e5, -1e8])
    limit = stats.norm.logpdf(z) - 2 * np.log(-z) + np.log1p(-3 / z**2)
    np.testing.assert_allclose(log_h(z), limit, rtol=1e-12)
    assert (np.diff(log_h(np.linspace(-40, 5, 2000))) > 0).all()


# -- against botorch


@pytest.mark.parametrize("goal", ["maximize", "minimize"])
def test_without_noise_it_is_the_analytic_one(goal: Goal) -> None:
    problem, evidence, models = known(goal, error=None)
    ours = np.exp(Improvement(problem, evidence, models, None, 0).values(AT))
    sign = 1.0 if goal == "maximize" else -1.0
    with isolated(0):
        best = sign * float((sign * evidence.y).max())
        closed = LogExpectedImprovement(models.botorch(), best_f=best, maximize=sign > 0)
        with torch.no_grad():
            theirs = closed(torch.as_tensor(AT)[:, None, :]).exp().numpy()
    assert theirs.max() > 1e-2
    np.testing.assert_allclose(ours, theirs, rtol=1e-2, atol=1e-3 * theirs.max())


@pytest.mark.parametrize("margin", [0.0, 2.0])
@pytest.mark.parametrize("goal", ["maximize", "minimize"])
def test_with_noise_what_is_expected_at_a_trial_is_to_be_surpassed(goal: Goal, margin: float) -> None:
    problem, evidence, models = known(goal)
    ours = Improvement(problem, evidence, models, None, 0, margin=margin).values(AT)
    sign = 1.0 if goal == "maximize" else -1.0
    with isolated(0), torch.no_grad():
        model = models.botorch()
        best = float((sign * model.posterior(torch.as_tensor(evidence.x)).mean).max())
        asked = sign * (best + margin * models.each[0].scale)
        theirs = LogExpectedImprovement(model, best_f=asked, maximize=sign > 0)(torch.as_tensor(AT)[:, None, :])
    share = explained(models, AT)
    assert 0.1 < share.min() < 0.9
    assert best < float((sign * evidence.y).max()) - 0.01  # no lucky value
    np.testing.assert_allclose(ours, theirs.numpy() + np.log(share), rtol=1e-6, atol=1e-4)


def test_within_constraints_it_is_the_analytic_one() -> None:
    problem, evidence, models = known(limits=[KEPT])
    ours = Improvement(problem, evidence, models, None, 0).values(AT)
    with isolated(0), torch.no_grad():
        model = models.botorch()
        mean = model.posterior(torch.as_tensor(evidence.x)).mean
        best = float(mean[mean[:, 1] <= KEPT.bound, 0].max())
        theirs = LogConstrainedExpectedImprovement(
            model, best_f=best, objective_index=0, constraints={1: (None, KEPT.bound)}
        )(torch.as_tensor(AT)[:, None, :])
    assert float(mean[:, 0].max()) > best  # one that breaks the constraint
    np.testing.assert_allclose(ours, theirs.numpy() + np.log(explained(models, AT)), rtol=1e-6, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("pending", [(), PENDING], ids=["", "pending"])
@pytest.mark.parametrize("limits", [(), (KEPT,), (ABOVE,), (NONE_KEPT,), (KEPT, ABOVE)], ids=str)
@pytest.mark.parametrize("goal", ["maximize", "minimize"])
def test_it_is_what_plain_sampling_says(
    goal: Goal, limits: Sequence[OutcomeConstraint], pending: Sequence[Point]
) -> None:
    problem, evidence, models = known(goal, limits, pending=pending)
    ours, error = over_seeds(problem, evidence, models, AT)
    base = np.vstack([evidence.x, evidence.pending])
    sign, count, (n, m) = 1.0 if goal == "maximize" else -1.0, 40_000, (len(base), len(AT))
    rng, goals, kept = np.random.default_rng(0), np.zeros((count, n + m)), np.ones((count, n + m), dtype=bool)
    model: Any = models.botorch()
    for i, one in enumerate(getattr(model, "models", [model])):
        with torch.no_grad():
            posterior = one.posterior(torch.as_tensor(np.vstack([base, AT])))
        k = posterior.mvn.covariance_matrix.numpy()
        drawn = rng.multivariate_normal(posterior.mean[:, 0].numpy(), k, count, method="eigh")
        measured = len(evidence.x)
        drawn[:, :measured] = posterior.mean[:measured, 0].numpy()  # what is expected there, and no samples
        if i == 0:
            goals, share = sign * drawn, variance_given(k, measured, n) / (models.each[0].noise ** 2)
        for limit in limits if i == 1 else ():
            kept &= drawn <= limit.bound if limit.side == "<=" else drawn >= limit.bound
    # where no known point keeps the constraints: one deviation below the worst of them
    nothing = goals[:, :n].min(axis=1) - models.each[0].scale
    best = np.where(kept[:, :n].any(axis=1), np.where(kept[:, :n], goals[:, :n], -np.inf).max(axis=1), nothing)
    gains = np.maximum(goals[:, n:] - best[:, None], 0) * kept[:, n:]
    share = share / (1 + share)
    expected, doubt = share * gains.mean(axis=0), share * gains.std(axis=0) / math.sqrt(count)
    assert expected.max() > 1e-3
    np.testing.assert_array_less(np.abs(ours - expected), 4 * np.hypot(error, doubt) + 1e-3 * expected.max())


# -- derivatives


@pytest.mark.parametrize("failures", [0, 4])
@pytest.mark.parametrize("pending", [(), PENDING], ids=["", "pending"])
@pytest.mark.parametrize("limits", [(), (KEPT,), (NONE_KEPT,), (KEPT, ABOVE)], ids=str)
@pytest.mark.parametrize("goal", ["maximize", "minimize"])
def test_slopes_are_those_of_differences(
    goal: Goal,
    limits: Sequence[OutcomeConstraint],
    pending: Sequence[Point],
    failures: int,
) -> None:
    problem, evidence, models = known(goal, limits, pending=pending, failures=failures)
    _, success = fitted(problem, evidence)
    assert (success is None) == (failures == 0)
    worth = Improvement(problem, evidence, models, success, 4)
    value, gradient = worth.slopes(AT)
    np.testing.assert_allclose(value, worth.values(AT), rtol=1e-7, atol=1e-7)
    for i in range(2):
        step = 1e-5 * np.eye(2)[i]
        difference = (worth.values(AT + step) - worth.values(AT - step)) / 2e-5
        np.testing.assert_allclose(gradient[:, i], difference, rtol=1e-4, atol=1e-4 * np.abs(difference).max())


# -- what it does


def test_failures_in_a_row_make_it_careful() -> None:
    problem, evidence, models = known(failures=3)
    _, success = fitted(problem, evidence)
    assert evidence.streak == 3
    assert success is not None
    alone, both = (Improvement(problem, evidence, models, one, 0).values(AT) for one in (None, success))
    np.testing.assert_allclose(both, alone + (CAUTION + 3) * success.log_probability(AT))


def test_what_is_added_later_counts_as_if_it_had_been_pending() -> None:
    problem, evidence, models = known()
    later = Improvement(problem, evidence, models, None, 0)
    before = later.values(AT)
    for point in PENDING:
        later.add_pending(PLANE.encode([point]))
    problem, evidence, models = known(pending=PENDING)
    at_once = Improvement(problem, evidence, models, None, 0).values(AT)
    np.testing.assert_allclose(later.values(AT), at_once)
    assert np.abs(at_once - before).max() > 0.1
    (gone,) = later.values(PLANE.encode(PENDING[:1])) - Improvement(*known(), None, 0).values(PLANE.encode(PENDING[:1]))
    assert gone < -0.5


@pytest.mark.parametrize("unit", [1e-9, 1e6])
def test_it_is_told_in_the_objectives_unit(unit: float) -> None:
    plain, scaled = (Improvement(*known(unit=one), None, 0).values(AT) for one in (1.0, unit))
    np.testing.assert_allclose(scaled, plain + math.log(unit), atol=1e-2)


def test_many_points_are_asked_about_in_parts_and_none_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    worth = Improvement(*known(), None, 0)
    whole = worth.values(AT)
    monkeypatch.setattr(improvement, "_CHUNK", 5)
    np.testing.assert_allclose(worth.values(AT), whole, rtol=1e-12)
    assert worth.values(AT[:0]).shape == (0,)


def test_it_stays_a_number_where_nothing_is_to_be_gained() -> None:
    # at what is measured without noise, and where a constraint is broken for certain
    for limits in ((), (OutcomeConstraint("c", "<=", -1e6),)):
        problem, evidence, models = known(limits=limits, error=None)
        worth = Improvement(problem, evidence, models, None, 0)
        value, gradient = worth.slopes(np.vstack([evidence.x, AT]))
        assert np.isfinite(value).all()
        assert np.isfinite(gradient).all()
        assert np.isfinite(worth.values(evidence.x)).all()


def test_it_is_pure() -> None:
    given = known(pending=PENDING)
    first, again, other = (Improvement(*given, None, seed).values(AT) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
