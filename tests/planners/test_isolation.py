"""What is loaded, and what is left alone: torch takes seconds and is not loaded for what does without."""

import subprocess
import sys
import warnings

import pytest
import torch

from autolab.planners.isolation import isolated

threadpoolctl = pytest.importorskip("threadpoolctl")

SETTING = """
import math, sys
from autolab.model.candidates import Candidates
from autolab.model.objectives import Objective
from autolab.model.parameters import Categorical, Mixture, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial
from autolab.planners import Bayes, Repeating

def heavy():
    return sorted({"torch", "botorch", "gpytorch", "sklearn", "pandas"} & set(sys.modules))

def proposed(problem, planner=Bayes(), failures=0):
    points = problem.space.sample(20, 0)
    history = [Trial.completed(p, {"y": math.sin(i), "c": i}) for i, p in enumerate(points[failures:])]
    history += [Trial.failed(p, "clogged") for p in points[:failures]]
    found = planner.suggest(problem, history, n=2, seed=0)
    assert "fallback" not in found[0].info, found[0].info
    assert found[0].info["rule"] in ("improvement", "repeat")
    return history, found
"""
BOX = 'Problem(Space([Real("x", 0, 1), Categorical("k", ["p", "q"])]), [Objective("y", "minimize")], ["c <= 15"])'
MIXTURE = (
    'Problem(Space([Mixture(["a", "b", "w"], at_most=2), Real("T", 1, 9, log=True)], ["T + a <= 8"]), [Objective("y")])'
)
TABLE = 'Problem(Candidates({"u": [i / 30 for i in range(30)]}), [Objective("y")])'
WALKED = pytest.mark.xfail(
    strict=True, reason="points within constraints are drawn by botorch's walk, which loads torch"
)


def told(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", SETTING + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("problem", [BOX, pytest.param(MIXTURE, marks=WALKED), TABLE], ids=["box", "mixture", "table"])
@pytest.mark.parametrize("how", ["", ", failures=4", ", planner=Repeating()"], ids=["", "failures", "repeating"])
def test_a_suggestion_for_one_objective_loads_no_torch(problem: str, how: str) -> None:
    assert told(f"proposed({problem}{how}); print(heavy())") == "[]"


@pytest.mark.slow
def test_nor_does_what_else_is_asked_of_the_model() -> None:
    assert (
        told(
            f"problem = {TABLE}; history, found = proposed(problem, failures=2); point = found[0].point\n"
            "Bayes().predict(problem, history, [point]); Bayes().explain(problem, history, point, seed=0)\n"
            "Bayes().calibration(problem, history, folds=3); Bayes().regret(problem, history, seed=0)\n"
            "print(heavy())"
        )
        == "[]"
    )


@pytest.mark.slow
def test_nor_does_a_campaign() -> None:
    assert (
        told(
            "from autolab.campaign import Campaign\n"
            'problem = Problem(Space([Real("x", 0, 1), Real("z", 0, 1)]), [Objective("y")])\n'
            'campaign = Campaign(problem, planner=Bayes(), evaluate=lambda p: {"y": -(p["x"] - 0.3) ** 2 - p["z"]})\n'
            "campaign.run(8, progress=False)\n"
            'assert len(campaign.history.trials) == 8, campaign.history.trials\nprint(heavy()[:3], "torch" in sys.modules)'
        ).split()[-1]
        == "False"
    )


@pytest.mark.slow
def test_torch_changes_nothing_where_it_is_loaded_all_the_same() -> None:
    code = f"history, found = proposed({BOX}); print([(one.point, one.info) for one in found])"
    assert told(code) == told("import torch; torch.manual_seed(3); torch.set_num_threads(2)\n" + code)


# -- while it lasts


def test_one_thread_no_warnings_and_a_seed_of_its_own() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    with isolated(5, torch=True):
        assert torch.get_num_threads() == 1
        assert {pool["num_threads"] for pool in threadpoolctl.threadpool_info()} <= {1}
        warnings.warn("no optimum yet", RuntimeWarning, stacklevel=1)
        first = torch.rand(3)
    assert torch.get_num_threads() == 2
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    with isolated(5):
        assert torch.equal(torch.rand(3), first)
    torch.set_num_threads(threads)
    with pytest.warns(RuntimeWarning, match="heard again"):
        warnings.warn("heard again", RuntimeWarning, stacklevel=1)


def test_all_is_as_before_after_an_error() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.manual_seed(1)
    state = torch.get_rng_state()

    @isolated(0)
    def breaks() -> None:
        torch.rand(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        breaks()
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(threads)
