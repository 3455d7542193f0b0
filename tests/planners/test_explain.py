"""Why this point: what is told is what was done, and agrees with other people's formulas."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from botorch.models import SingleTaskGP
from scipy.stats import norm, sobol_indices, uniform

from autolab.model.candidates import Candidates
from autolab.model.errors import InputError, OutsideSpace, PlannerError
from autolab.model.objectives import Objective, OutcomeConstraint
from autolab.model.parameters import Categorical, Integer, Mixture, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Point, Trial
from autolab.planners.bayes import Bayes
from autolab.planners.calibration import Calibration, calibration
from autolab.planners.explanation import Explanation, explain_plainly, nearest
from autolab.planners.prediction import Predict, Prediction
from autolab.planners.sensitivity import importance, ranked

MIXED = Problem(
    Space([Real("x", 0, 1), Real("z", 0, 1), Categorical("c", ["p", "q"])]),
    [Objective("y", unit="g")],
    [OutcomeConstraint("cost", "<=", 0.9)],
)
LINE = Problem(Space([Real("x", 0, 1)]), [Objective("y")])


def measured(point: Point) -> dict[str, float]:
    x, z = float(point["x"]), float(point["z"])
    return {"y": math.sin(5 * x) + 0.1 * z, "cost": x}


def history(n: int = 12, failed: int = 2) -> list[Trial]:
    points = MIXED.space.sample(n + failed, 0)
    return [Trial.completed(p, measured(p)) for p in points[:n]] + [Trial.failed(p, "clogged") for p in points[n:]]


# -- it agrees with what was suggested


@pytest.mark.slow
def test_it_tells_what_the_suggestion_told() -> None:
    first, second = Bayes().suggest(MIXED, history(), n=2, seed=3)
    told = Bayes().explain(MIXED, history(), first.point, seed=3, folds=0)
    assert told.rule == first.info["rule"] == "improvement"
    assert told.gain == pytest.approx(first.info["gain"], rel=1e-9)
    assert told.prediction is not None
    assert told.prediction.success == pytest.approx(first.info["success"], rel=1e-9)
    for name, known in first.info["predicted"].items():
        mean_low_high = (told.prediction.mean[name], *told.prediction.interval(name))
        assert mean_low_high == pytest.approx((known["mean"], known["low"], known["high"]), rel=1e-9)
    later = Bayes().explain(MIXED, history(), second.point, pending=[first.point], seed=3, folds=0)
    assert later.gain == pytest.approx(second.info["gain"], rel=1e-6)
    assert told.calibration is None


def test_it_tells_the_gain_beyond_the_best_also_where_more_was_asked_for() -> None:
    labels = Problem(Space([Categorical("a", list("pqrstuvw")), Categorical("b", list("pqrstuvw"))]), [Objective("y")])
    worse = [Trial.completed(p, {"y": 9.0 - i}) for i, p in enumerate(labels.space.sample(4, 0))]
    first, second = Bayes().suggest(labels, worse, n=2, seed=3)
    assert first.info["margin"] == pytest.approx(2 * np.std([9.0, 8.0, 7.0, 6.0], ddof=1))
    told = Bayes().explain(labels, worse, first.point, seed=3, folds=0)
    assert told.gain == pytest.approx(first.info["gain"], rel=1e-9)
    assert told.gain == pytest.approx(plain_gain(told, best=9.0), rel=0.3)  # of the best trial 8.9 is expected
    assert f"surpasses the best by {first.info['margin']:.3g}" in told.because
    later = Bayes().explain(labels, worse, second.point, pending=[first.point], seed=3, folds=0)
    assert later.gain == pytest.approx(second.info["gain"], rel=1e-6)


def plain_gain(told: Explanation, best: float) -> float:
    """Return the expected improvement by what is predicted, times the share that a measurement explains."""
    assert told.prediction is not None
    mean, spread, noise = (
        part["y"] for part in (told.prediction.mean, told.prediction.deviation, told.prediction.noise)
    )
    z = (mean - best) / spread
    return float(spread * (norm.pdf(z) + z * norm.cdf(z)) * spread**2 / (spread**2 + noise**2))


@pytest.mark.slow
def test_no_other_point_of_many_promises_more_than_the_one_suggested() -> None:
    (best,) = Bayes().suggest(LINE, line(7), n=1, seed=3)
    others = [Bayes().explain(LINE, line(7), {"x": x}, seed=3, folds=0).gain or 0 for x in (0.1, 0.33, 0.52, 0.9)]
    assert max(others) <= best.info["gain"]


@pytest.mark.slow
def test_it_is_pure_and_leaves_the_process_as_it_was() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = Bayes().explain(MIXED, history(), {"x": 0.5, "z": 0.5, "c": "p"}, seed=3, folds=3)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(99)
    assert Bayes().explain(MIXED, history(), {"x": 0.5, "z": 0.5, "c": "p"}, seed=3, folds=3) == first


@pytest.mark.slow
def test_several_objectives_are_explained_by_hypervolume() -> None:
    problem = Problem(LINE.space, [Objective("f"), Objective("g", "minimize")])
    trials = [Trial.completed({"x": x}, {"f": x, "g": x * x}) for x in np.linspace(0, 1, 6).tolist()]
    (one,) = Bayes().suggest(problem, trials, n=1, seed=0)
    told = Bayes().explain(problem, trials, one.point, seed=0, folds=0)
    assert told.rule == "hypervolume"
    assert told.gain == pytest.approx(one.info["gain"], rel=1e-9)
    assert "several objectives" in told.because


@pytest.mark.slow
def test_feasibility_is_what_the_intervals_say() -> None:
    point: Point = {"x": 0.88, "z": 0.5, "c": "p"}
    told = Bayes().explain(MIXED, history(), point, seed=3, folds=0)
    assert told.prediction is not None
    cost, spread = told.prediction.mean["cost"], told.prediction.deviation["cost"]
    assert told.kept == pytest.approx(norm.cdf((0.9 - cost) / spread))
    assert told.feasible == pytest.approx((told.kept or 0) * (told.prediction.success or 0))
    assert "that the outcome constraints hold and that the experiment succeeds" in told.because
    banded = Problem(MIXED.space, MIXED.objectives, ["cost <= 0.9", "cost >= 0.85"])
    band = Bayes().explain(banded, history(), point, seed=3, folds=0)
    assert band.prediction is not None
    cost, spread = band.prediction.mean["cost"], band.prediction.deviation["cost"]
    assert band.kept == pytest.approx(norm.cdf((0.9 - cost) / spread) - norm.cdf((0.85 - cost) / spread))


# -- where there is no model


def test_too_few_trials_are_told_as_such() -> None:
    told = Bayes().explain(MIXED, history(1, 1), {"x": 0.5, "z": 0.5, "c": "p"}, seed=0)
    assert (told.rule, told.prediction, told.gain, told.feasible) == ("design", None, None, None)
    assert told.because.startswith("no model is trusted before 3 trials")
    assert len(told.nearest) == 2
    assert "rule: design" in str(told)


def test_a_fit_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import autolab.planners.belief as belief

    def breaks(*given: object) -> None:
        raise RuntimeError("the covariance is singular")

    monkeypatch.setattr(belief, "fitted", breaks)
    told = Bayes().explain(LINE, line(7), {"x": 0.5}, seed=0)
    assert told.rule == "design"
    assert "RuntimeError: the covariance is singular" in told.because


@pytest.mark.parametrize("point", [{}, {"x": 0.5, "z": 0.5, "c": "unheard of"}])
def test_a_point_of_another_space_is_refused(point: Point) -> None:
    with pytest.raises(OutsideSpace, match="cannot be encoded"):
        Bayes().explain(MIXED, [], point, seed=0)


# -- neighbours


def test_the_nearest_trials_are_told_by_their_distance() -> None:
    space = Space([Real("x", 0, 10), Categorical("c", ["p", "q", "r"])])
    at: list[Point] = [{"x": 1.0, "c": "p"}, {"x": 4.0, "c": "p"}, {"x": 1.0, "c": "q"}, {"x": 9.0, "c": "r"}]
    trials = [Trial.completed(p, {"y": 1.0}) for p in at]
    trials += [Trial.completed({"x": 1.0, "c": "p"}, {"y": 1.0}).invalidate("spilled"), Trial(0, at[0], "running")]
    odd: list[Point] = [{"other": 1.0}, {"x": 1e300, "c": "p"}, {"x": math.nan, "c": "p"}]
    trials += [Trial.completed(p, {"y": 1.0}) for p in odd]
    trials += [Trial.failed({"x": 2.0, "c": "p"}, "clogged")]
    found = nearest(space, trials, {"x": 1.0, "c": "p"}, 5)
    assert [one.distance for one in found] == pytest.approx([0.0, 0.1, 0.3, 1.0, math.hypot(0.8, 1.0)])
    assert found[1].trial.reason == "clogged"


def test_neighbours_in_a_table_of_candidates_and_by_descriptors() -> None:
    pool = Candidates({"c": ["p", "q", "r", "r"], "x": [0.0, 1.0, 2.0, 4.0]})
    trials = [Trial.completed(p, {"y": 1.0}) for p in pool.points]
    found = nearest(pool, trials, {"c": "r", "x": 2.0}, 9)
    assert [one.distance for one in found] == pytest.approx([0.0, 0.5, math.hypot(1, 0.25), math.hypot(1, 0.5)])
    described = Space([Categorical("s", ["a", "b", "c"], {"a": {"u": 0}, "b": {"u": 1}, "c": {"u": 4}})])
    (near, *_) = nearest(described, [Trial.failed({"s": "b"}, "no")], {"s": "a"})
    assert near.distance == pytest.approx(0.25)


# -- importance, against closed forms and scipy's own


def formula(f: Any) -> Predict:
    def predict(points: Sequence[Point]) -> list[Prediction]:
        return [Prediction(p, {"y": float(f(p))}, {"y": 0.0}) for p in points]

    return predict


def test_shares_of_a_sum_are_its_squared_slopes() -> None:
    space = Space([Real("a", 0, 1), Real("b", 0, 1), Real("idle", 0, 1)])
    shares = importance(space, formula(lambda p: 3 * p["a"] + p["b"]), 0)["y"]
    assert shares == pytest.approx({"a": 0.9, "b": 0.1, "idle": 0.0}, abs=0.08)
    assert [name for name, _ in ranked(shares)] == ["a", "b", "idle"]


def test_shares_agree_with_scipys_indices_where_parameters_interact() -> None:
    def ishigami(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        return np.asarray(np.sin(x) + 7 * np.sin(y) ** 2 + 0.1 * z**4 * np.sin(x))

    reference = sobol_indices(
        func=lambda v: ishigami(*v), n=2048, dists=[uniform(-np.pi, 2 * np.pi)] * 3, rng=np.random.default_rng(0)
    )
    space = Space([Real(name, -math.pi, math.pi) for name in "xyz"])
    told = importance(space, formula(lambda p: ishigami(p["x"], p["y"], p["z"])), 1)["y"]
    assert list(told.values()) == pytest.approx(list(reference.total_order), abs=0.15)


def test_choices_and_whole_numbers_have_shares_too() -> None:
    space = Space([Categorical("c", ["p", "q"]), Integer("k", 0, 3), Real("x", 0, 1)])
    shares = importance(space, formula(lambda p: (p["c"] == "q") * 2.0 + 0.0 * p["x"]), 0)["y"]
    assert shares == pytest.approx({"c": 1.0, "k": 0.0, "x": 0.0}, abs=0.15)


def test_components_of_a_mixture_are_exchanged_along_its_total() -> None:
    space = Space([Mixture(["a", "b", "s"], bounds={"a": (0.0, 0.5)})])
    asked: list[Point] = []

    def predict(points: Sequence[Point]) -> list[Prediction]:
        asked.extend(points)
        return formula(lambda p: p["a"])(points)

    shares = importance(space, predict, 0)["y"]
    assert all(math.fsum(float(x) for x in p.values()) == pytest.approx(1.0) for p in asked)
    assert shares["a"] == pytest.approx(1.0, abs=0.2)
    assert shares["b"] > 0.05  # more of b leaves less for a


def test_a_mixture_of_one_component_and_a_pool_of_one() -> None:
    pure = importance(Space([Mixture(["a", "b"])]), formula(lambda p: p["a"]), 0)["y"]
    assert pure["a"] == pytest.approx(pure["b"])
    assert importance(Candidates({"u": [1.0]}), formula(lambda p: p["u"]), 0) == {}


def test_a_flat_model_gives_no_importance_to_anything() -> None:
    space = Space([Real("a", 0, 1), Real("b", 0, 1)])
    assert importance(space, formula(lambda p: 1e6), 0)["y"] == {"a": 0.0, "b": 0.0}


# -- calibration


def line(n: int, noise: float = 0.0) -> list[Trial]:
    rng = np.random.default_rng(0)
    return [
        Trial.completed({"x": x}, {"y": math.sin(5 * x) + noise * float(rng.standard_normal())})
        for x in np.linspace(0, 1, n).tolist()
    ]


def knowing(deviation: float, noise: float = 0.0) -> object:
    """Return a predictor that expects 0 everywhere."""

    def fit(problem: Problem, trials: Sequence[Trial]) -> Predict:
        return lambda points: [Prediction(p, {"y": 0.0}, {"y": deviation}, None, {"y": noise}) for p in points]

    return fit


@pytest.mark.parametrize(
    ("deviation", "noise", "error", "covered"),
    [(1.0, 0.0, None, 0.95), (0.6, 0.8, None, 0.95), (0.6, 9.0, 0.8, 0.95), (0.5, 0.0, None, 0.673), (9, 0, None, 1.0)],
)
def test_coverage_is_the_share_within_the_interval_for_a_measurement(
    deviation: float, noise: float, error: float | None, covered: float
) -> None:
    values = norm.ppf((np.arange(400) + 0.5) / 400)  # standard normal, evenly
    trials = [Trial.completed({"x": i / 400}, {"y": (float(y), error)}) for i, y in enumerate(values)]
    told = calibration(LINE, trials, knowing(deviation, noise), folds=4)  # type: ignore[arg-type]
    assert told.coverage["y"] == pytest.approx(covered, abs=0.006)
    assert told.trials == 400
    assert told.error["y"] == pytest.approx(1.0, abs=0.02)
    assert told.explained["y"] == pytest.approx(0.0, abs=0.01)


def test_each_trial_is_foretold_once_and_never_shown_with_its_repeats() -> None:
    trials = [Trial.completed({"x": x}, {"y": x}) for x in (0.1, 0.1, 0.2, 0.3, 0.4, 0.4)]
    asked: list[float] = []

    def fit(problem: Problem, shown: Sequence[Trial]) -> Predict:
        known = {one.point["x"] for one in shown}

        def predict(points: Sequence[Point]) -> list[Prediction]:
            assert not known & {p["x"] for p in points}
            asked.extend(float(p["x"]) for p in points)
            return [Prediction(p, {"y": float(p["x"])}, {"y": 1e-9}) for p in points]

        return predict

    told = calibration(LINE, [*trials, Trial.failed({"x": 0.9}, "no")], fit, folds=3)
    assert sorted(asked) == [0.1, 0.1, 0.2, 0.3, 0.4, 0.4]
    assert (told.coverage["y"], told.error["y"], told.explained["y"]) == (1.0, 0.0, 1.0)


@pytest.mark.parametrize(("deviation", "factor"), [(1.0, 1.0), (0.5, 2.0), (4.0, 0.25)])
def test_the_factor_is_what_makes_intervals_hold_95_percent(deviation: float, factor: float) -> None:
    values = norm.ppf((np.arange(2000) + 0.5) / 2000)
    trials = [Trial.completed({"x": i / 2000}, {"y": float(y)}) for i, y in enumerate(values)]
    told = calibration(LINE, trials, knowing(deviation), folds=2)  # type: ignore[arg-type]
    assert told.factor["y"] == pytest.approx(factor, rel=0.01)


def test_of_few_trials_the_worst_sets_the_factor() -> None:
    trials = [Trial.completed({"x": i / 8}, {"y": float(i)}) for i in range(8)]
    told = calibration(LINE, trials, knowing(1.0))  # type: ignore[arg-type]
    assert told.factor["y"] == pytest.approx(7 / 1.96)


def test_an_interval_is_widened_and_never_narrowed() -> None:
    def interval(factor: float) -> tuple[float, float] | None:
        believed = Calibration(20, {"y": 0.9}, {}, {}, {"y": factor})
        prediction = Prediction({"x": 0.5}, {"y": 2.0}, {"y": 0.5})
        return Explanation({"x": 0.5}, "r", "b", prediction=prediction, calibration=believed).interval("y")

    assert interval(2.0) == pytest.approx((2 - 1.96, 2 + 1.96))
    assert interval(0.5) == pytest.approx((2 - 0.98, 2 + 0.98))
    assert Explanation({"x": 0.5}, "r", "b").interval("y") is None


def test_equal_values_have_nothing_to_be_explained() -> None:
    trials = [Trial.completed({"x": i / 4}, {"y": 0.0}) for i in range(4)]
    assert math.isnan(calibration(LINE, trials, knowing(1.0)).explained["y"])  # type: ignore[arg-type]


def test_what_is_not_learned_from_is_not_foretold() -> None:
    trials = [*line(6), Trial.completed({"x": 1500.0}, {"y": 1.0}), Trial.completed({"x": 0.5}, {"z": 1.0})]
    trials.append(Trial.completed({"x": 0.3}, {"y": 99.0}).invalidate("spilled"))
    assert calibration(LINE, trials, knowing(1.0)).trials == 6  # type: ignore[arg-type]


@pytest.mark.parametrize("trials", [[], [Trial.completed({"x": 0.1}, {"y": 1.0})] * 3])
def test_fewer_than_two_points_cannot_be_divided(trials: list[Trial]) -> None:
    with pytest.raises(PlannerError, match="completed trials at 2 points or more"):
        calibration(LINE, trials, knowing(1.0))  # type: ignore[arg-type]


def test_one_fold_is_none() -> None:
    with pytest.raises(InputError, match="at least 2 folds, got 1"):
        Bayes().calibration(LINE, line(7), folds=1)


def test_the_range_of_a_true_coverage_is_wilsons() -> None:
    # Brown, Cai and DasGupta 2001: 10 of 10 is compatible with 0.722 to 1
    low, high = Calibration(10, {"y": 1.0}, {}, {}).likely("y")
    with pytest.raises(InputError, match="there is no quantity 'z': known: y"):
        Calibration(10, {"y": 1.0}, {}, {}).likely("z")
    assert (low, high) == pytest.approx((0.722, 1.0), abs=1e-3)


@pytest.mark.slow
def test_a_smooth_function_with_noise_is_foretold_and_the_noise_is_counted() -> None:
    told = Bayes().explain(LINE, line(30, 0.2), {"x": 0.5}, seed=0).calibration
    assert told is not None
    assert 0.85 <= told.coverage["y"] <= 1.0
    assert 0.15 < told.error["y"] < 0.3
    (expected,) = Bayes().predict(LINE, line(30, 0.2), [{"x": 0.5}])
    assert expected.noise["y"] == pytest.approx(0.2, abs=0.1)


@pytest.mark.slow
def test_the_noise_told_is_the_likelihoods() -> None:
    from autolab.planners.evidence import gather
    from autolab.planners.prediction import fitted

    evidence = gather(LINE, line(30, 0.2), [])
    models, _ = fitted(LINE, evidence)
    model = models.botorch()
    assert isinstance(model, SingleTaskGP)
    expected = math.sqrt(float(model.likelihood.noise.detach())) * np.std(evidence.y, ddof=1)
    assert models.noises[0] == pytest.approx(expected, rel=1e-3)


# -- words


def test_an_explanation_can_be_read_and_written_as_json() -> None:
    told = Explanation(
        {"x": 0.25, "c": "p"},
        "improvement",
        "it promises most",
        nearest(
            Space([Real("x", 0, 1), Categorical("c", ["p", "q"])]),
            [Trial.failed({"x": 0.5, "c": "p"}, "no")],
            {"x": 0.25, "c": "p"},
        ),
        Prediction({"x": 0.25}, {"y": 2.0}, {"y": 0.5}, 0.5),
        0.125,
        0.5,
        {"y": {"x": 0.25, "c": 0.75}},
        Calibration(20, {"y": 0.95}, {"y": 0.1}, {"y": 0.9}, {"y": 2.0}),
        {"y": "g"},
    )
    assert str(told).splitlines() == [
        "x = 0.25, c = p",
        "rule: improvement: it promises most",
        "expected y: 2 g (0.04 to 3.96)",
        "expected gain: 0.125",
        "probability of feasibility: 0.25",
        "near (0.25): trial (failed): x = 0.5, c = p: no",
        "what y depends on: c 0.75, x 0.25",
        "95 % intervals of y held 95% of 20 trials left out in turn; the one above is 2 times as wide as the model's",
    ]
    read: Mapping[str, object] = json.loads(json.dumps(told.to_json(), allow_nan=False))
    assert read["feasible"] == 0.25
    assert read["predicted"] == {"y": {"mean": 2.0, "low": 1.02, "high": 2.98}}
    plain = explain_plainly(LINE, [], {"x": 0.5}, rule="sobol", because="it fills the space")
    assert plain.to_json()["coverage"] == {}
    assert str(plain) == "x = 0.5\nrule: sobol: it fills the space"
