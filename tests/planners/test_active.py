"""Maps: boundaries and response surfaces, against closed forms, and better than an even design."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm

from autolab.model.errors import InputError, PlannerError
from autolab.model.objectives import Objective
from autolab.model.parameters import Integer, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Point, Trial
from autolab.planners.active import Learn, LevelSet
from autolab.planners.bayes import Bayes
from autolab.planners.evidence import Evidence, gather
from autolab.planners.isolation import isolated
from autolab.planners.mapping import Boundary, Surface, expected_feasibility
from autolab.planners.prediction import fitted
from autolab.planners.sobol import Sobol
from autolab.planners.surrogate import Models

LINE = Problem(Space([Real("x", 0, 1)]), [Objective("y")])
PLANE = Problem(Space([Real("x", 0, 1), Real("z", 0, 1)]), [Objective("y")], ["phase <= 0"])


def line(n: int, pending: list[Point] | None = None) -> tuple[list[Trial], Evidence]:
    trials = [Trial.completed({"x": x}, {"y": (math.sin(5 * x), 0.01)}) for x in np.linspace(0, 1, n).tolist()]
    return trials, gather(LINE, trials, pending or [])


def model_of(evidence: Evidence) -> Models:
    return fitted(LINE, evidence)[0]


# -- formulas


@pytest.mark.parametrize("u", [-3.0, -1.3, 0.0, 0.7, 2.5, 5.0])
def test_expected_feasibility_is_the_integral_it_stands_for(u: float) -> None:
    expected = quad(lambda t: max(0.0, 2 - abs(t - u)) * norm.pdf(t), u - 2, u + 2, points=[u])[0]
    assert float(expected_feasibility(torch.tensor(u, dtype=torch.float64))) == pytest.approx(expected, rel=1e-9)


@pytest.mark.slow
def test_what_is_pending_counts_as_measured() -> None:
    # the variance after a measurement does not depend on its value: condition the model on one and compare
    _, evidence = line(5)
    _, waiting = line(5, [{"x": 0.6}])
    x = torch.tensor([[0.1], [0.62], [0.9]], dtype=torch.float64)
    with isolated(0):
        models = model_of(evidence)
        model = models.standardized.botorch()
        mean, ours = Boundary(waiting, models, None, [(0, 0.0)]).spread(0, x)
        k = model.posterior(torch.cat([x, torch.tensor([[0.6]]).double()])).distribution.covariance_matrix.detach()
        noise = (0.01 / models.each[0].scale) ** 2
        known = k.diagonal()[:3] - k[:3, 3] ** 2 / (k[3, 3] + noise)
    np.testing.assert_allclose(ours.detach().numpy(), known.numpy(), rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(mean.detach().numpy(), model.posterior(x).mean[:, 0].detach().numpy(), rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("pending", [[], [{"x": 0.3}, {"x": 0.8}]])
def test_a_surface_is_taught_what_its_variance_falls_by(pending: list[Point]) -> None:
    # the mean variance over places, before and after a measurement at x is added to all that is known
    _, evidence = line(4, pending)
    places = torch.linspace(0, 1, 40).double()[:, None]
    x = torch.tensor([[0.15], [0.5], [0.97]]).double()
    with isolated(0):
        models = model_of(line(4)[1])
        model = models.botorch()
        surface = Surface(evidence, models, None, places)
        ours = surface.taught(x).detach().numpy() * (surface.scales[0] * models.each[0].scale) ** 2
        waiting = torch.tensor([[p["x"]] for p in pending]).double().reshape(-1, 1)
        expected = [fall(model, places, waiting, one[None]) for one in x]
    np.testing.assert_allclose(ours, expected, rtol=1e-3)


def fall(model: object, places: torch.Tensor, waiting: torch.Tensor, x: torch.Tensor) -> float:
    """Return the fall of the mean variance, by conditioning on all at once."""

    def variance(known: torch.Tensor) -> float:
        if not len(known):
            return float(model.posterior(places).variance.mean())  # type: ignore[attr-defined]
        k = model.posterior(torch.cat([places, known])).distribution.covariance_matrix.detach().numpy()  # type: ignore[attr-defined]
        n = len(places)
        inner = k[n:, n:] + 0.01**2 * np.eye(len(known))
        return float(np.mean(np.diag(k[:n, :n]) - np.einsum("ij,ji->i", k[:n, n:], np.linalg.solve(inner, k[n:, :n]))))

    return variance(waiting) - variance(torch.cat([waiting, x]))


# -- what they find


def phase(point: Point) -> dict[str, float]:
    x, z = float(point["x"]), float(point["z"])
    return {"y": x, "phase": z - 0.5 - 0.3 * math.sin(6 * x)}


def mapped(planner: object, n: int) -> list[Trial]:
    history: list[Trial] = []
    for step in range(n):
        (one,) = planner.suggest(PLANE, history, n=1, seed=step)  # type: ignore[attr-defined]
        assert "fallback" not in one.info
        history.append(Trial.completed(one.point, phase(one)))
    return history


def wrong_sides(history: list[Trial]) -> float:
    """Return the share of the space that the model puts on the wrong side of the boundary."""
    grid = [{"x": x, "z": z} for x in np.linspace(0, 1, 25).tolist() for z in np.linspace(0, 1, 25).tolist()]
    told = Bayes().predict(PLANE, history, grid)
    return float(
        np.mean([(one.mean["phase"] > 0) != (phase(p)["phase"] > 0) for one, p in zip(told, grid, strict=True)])
    )


@pytest.mark.slow
def test_a_phase_boundary_is_mapped_with_fewer_trials_than_evenly() -> None:
    history = mapped(LevelSet(), 18)
    near = [abs(trial.outcome["phase"].value) for trial in history[6:]]
    even = mapped(Sobol(), 18)
    assert np.median(near) < 0.5 * np.median([abs(trial.outcome["phase"].value) for trial in even])
    assert wrong_sides(history) < min(0.05, wrong_sides(even))


@pytest.mark.slow
def test_a_level_of_ones_own_is_followed() -> None:
    trials, _ = line(6)
    for level in (0.5, -0.5):
        (one,) = LevelSet("y", level).suggest(LINE, trials, n=1, seed=0)
        assert one.info["rule"] == "boundary"
        assert one.info["predicted"]["y"]["low"] - 0.1 < level < one.info["predicted"]["y"]["high"] + 0.1


def test_levels_are_bounds_then_targets_then_the_middle() -> None:
    trials = [Trial.completed({"x": x}, {"y": 4 * x, "c": x}) for x in (0.0, 0.5, 1.0)]

    def levels(planner: LevelSet, objective: Objective, *limits: str) -> list[tuple[int, float]]:
        problem = Problem(LINE.space, [objective], limits)
        return planner._levels(problem, gather(problem, trials, []))

    assert levels(LevelSet(), Objective("y"), "c <= 0.9", "c >= 0.1") == [(1, 0.9), (1, 0.1)]
    assert levels(LevelSet("y"), Objective("y"), "c <= 0.9") == [(0, 2.0)]
    assert levels(LevelSet("c"), Objective("y"), "c <= 0.9") == [(1, 0.9)]
    assert levels(LevelSet("c", 0.3), Objective("y"), "c <= 0.9") == [(1, 0.3)]
    assert levels(LevelSet(), Objective("y", "match", target=3.0)) == [(0, 3.0)]
    assert levels(LevelSet(), Objective("y")) == [(0, 2.0)]


@pytest.mark.slow
def test_a_surface_is_learned_evenly_and_inside_the_corners() -> None:
    # y varies along x alone: after some trials, its points spread along x
    problem = Problem(Space([Real("x", 0, 1), Real("z", 0, 1)]), [Objective("y")])
    history = [Trial.completed(p, {"y": math.sin(9 * float(p["x"]))}) for p in problem.space.sample(5, 0)]
    while len(history) < 14:
        (one,) = Learn().suggest(problem, history, n=1, seed=len(history))
        assert one.info["rule"] == "surface"
        history.append(Trial.completed(one.point, {"y": math.sin(9 * float(one["x"]))}))
    grid = np.linspace(0, 1, 30).tolist()
    told = Bayes().predict(problem, history, [{"x": x, "z": 0.4} for x in grid])
    assert np.mean([abs(one.mean["y"] - math.sin(9 * x)) for one, x in zip(told, grid, strict=True)]) < 0.1
    edges = [[min(float(v), 1 - float(v)) < 1e-6 for v in trial.point.values()] for trial in history[5:]]
    assert sum(all(at) for at in edges) <= 2


@pytest.mark.slow
def test_a_batch_of_a_map_is_spread() -> None:
    trials, _ = line(4)
    # a boundary is one point of this line: what is measured beside it comes near to it, but not to the same place
    for planner, least in ((Learn(), 0.03), (LevelSet("y", 0.0), 0.01)):
        x = sorted(float(one["x"]) for one in planner.suggest(LINE, trials, n=3, seed=0))
        assert np.diff(x).min() > least


@pytest.mark.slow
def test_regions_that_fail_are_left_alone() -> None:
    trials = [Trial.completed({"x": x}, {"y": x}) for x in np.linspace(0, 0.5, 6).tolist()]
    trials += [Trial.failed({"x": x}, "no") for x in np.linspace(0.6, 1, 12).tolist()]
    (one,) = Learn().suggest(LINE, trials, n=1, seed=0)
    assert float(one["x"]) < 0.6
    assert one.info["success"] > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("planner", [LevelSet(), Learn()])
def test_trouble_with_the_numbers_falls_back_to_a_design(
    planner: LevelSet | Learn, monkeypatch: pytest.MonkeyPatch
) -> None:
    import autolab.planners.active as active

    def breaks(*given: object) -> None:
        raise RuntimeError("singular")

    monkeypatch.setattr(active, "fitted", breaks)
    (one,) = planner.suggest(LINE, line(6)[0], n=1, seed=0)
    assert (one.info["rule"], one.info["fallback"]) == ("design", "RuntimeError: singular")


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(InputError, match="a level must be a finite number of a quantity"):
        LevelSet(level=3.0)
    with pytest.raises(InputError, match="finite number"):
        LevelSet("y", math.nan)
    with pytest.raises(InputError, match="finite number"):
        LevelSet("y", "3")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="at least 2"):
        Learn(initial=1)
    with pytest.raises(InputError, match="no quantity 'why'"):
        LevelSet("why").suggest(LINE, [], n=1, seed=0)
    full = Problem(Space([Integer("k", 1, 2)]), [Objective("y")])
    with pytest.raises(PlannerError, match="the space has 2 left"):
        Learn().suggest(full, [], n=3, seed=0)
