"""The electrolyte as a case: its truth is that of the simulated bench."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from autolab.model.errors import TrialFailed
from autolab.simulators.formulations import Formulations
from autolab.study.electrolyte import STOCKS, Electrolyte, electrolyte

EXAMPLE = Path(__file__).parents[2] / "examples" / "electrolyte"


@pytest.fixture
def example() -> Formulations:
    """Return what is true of the formulations of the example's files."""
    told = [yaml.safe_load((EXAMPLE / name).read_text(encoding="utf-8")) for name in ("campaign.yaml", "lab.yaml")]
    return Formulations.declared(*told)


def test_it_is_the_examples(example: Formulations) -> None:
    case = electrolyte()
    _, best = example.optimum()

    assert tuple(example.stocks) == tuple(STOCKS)
    assert case.high == pytest.approx(best["conductivity"])
    for point in case.problem.space.sample(100, 2):
        feasible = case.utilities(point)
        assert (feasible is not None) == example.feasible(point)
        if feasible is not None:
            assert feasible[0] == pytest.approx(example.outcome(point)["conductivity"])


def test_what_the_lab_does_not_trust_fails() -> None:
    with pytest.raises(TrialFailed, match=r"the amount of LiPF6 would be .*, outside 0.28 to 2.3"):
        Electrolyte()({"ec_emc": 0.8, "pc": 0.2, "emc": 0.0, "salt": 0.0, "temperature": 30.0})


def test_a_failure_is_a_failed_trial() -> None:
    trial = electrolyte().perform({"ec_emc": 0.8, "pc": 0.2, "emc": 0.0, "salt": 0.0, "temperature": 30.0}, 0, 1)

    assert trial.state == "failed"
    assert "outside 0.28 to 2.3" in trial.reason
