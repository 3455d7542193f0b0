"""What a formulation campaign asks of its lab: compositions, doses, vessels, stocks."""

from types import SimpleNamespace
from typing import Any

import pytest

from autolab.model.candidates import Candidates
from autolab.model.constraints import Linear
from autolab.model.facts import LabFacts, Remark
from autolab.model.objectives import Objective
from autolab.model.parameters import Mixture, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.stocks import Composition, Stock, grams_of
from autolab.protocols.formulation_checks import lab_faults

STOCKS = {
    "ec_emc": Stock("EC_EMC", {"EC": 0.5, "EMC": 0.5}, density=1.142),
    "pc": Stock("PC", {"PC": 1.0}, density=1.205),
    "salt": Stock("salt", {"EC": 0.3, "EMC": 0.7}, {"LiPF6": 2.0}, density=1.29),
}
NAMES = list(STOCKS)
SPACE = Space([Mixture(NAMES, bounds={"salt": [0.2, 0.8]}), Real("temperature", 25, 50)])


def remarks(
    composition: dict[str, Any] | None = None, space: Any = SPACE, batch: float = 8.0, facts: Any = None, **more: Any
) -> list[Remark]:
    chosen = SimpleNamespace(stocks=NAMES, batch_mL=batch, composition=composition or {})
    return lab_faults(chosen, Problem(space, Objective("conductivity")), facts or LabFacts(stocks=STOCKS), **more)


def test_a_space_within_the_limits_is_passed_over_in_silence() -> None:
    assert remarks({"EC": [0, 0.6], "LiPF6": [0.28, 2.3]}) == []


def test_limits_that_nothing_reaches_are_a_fault_that_tells_the_range() -> None:
    (fault,) = remarks({"LiPF6": [1.7, 2.3]})
    low, high = (
        Composition.of(grams_of({other: 1 - share, "salt": share}, STOCKS)).salts["LiPF6"]
        for other, share in (("pc", 0.2), ("ec_emc", 0.8))
    )
    assert fault.fatal
    assert fault.key == ("protocol", "composition", "LiPF6")
    assert f"the space gives LiPF6 {low:.4g} to {high:.4g}" in fault.problem


def test_a_species_that_no_stock_holds_is_a_fault_that_tells_those_there_are() -> None:
    (fault,) = remarks({"LiPF": [0, 1]})
    assert (fault.fatal, fault.problem) == (True, "no stock in use holds 'LiPF'")
    assert "Did you mean 'LiPF6'" in fault.remedy


def test_a_space_that_is_partly_outside_is_a_note_with_the_exact_constraint() -> None:
    (note,) = remarks({"LiPF6": [0.5, 1.2]})
    assert not note.fatal
    assert "points outside [0.5, 1.2] are refused" in note.problem
    texts = note.remedy.split('"')[1::2]
    assert len(texts) == 2
    tighter = Space(SPACE.parameters, [Linear.parse(text) for text in texts])
    assert remarks({"LiPF6": [0.5, 1.2]}, tighter) == []
    for point in tighter.sample(50, 7):
        made = Composition.of(grams_of({name: float(point[name]) for name in NAMES}, STOCKS))
        assert 0.5 - 1e-9 <= made.salts["LiPF6"] <= 1.2 + 1e-9


def test_limits_that_only_contradict_each_other_are_a_fault() -> None:
    *notes, fault = remarks({"EC": [0.42, 0.6], "PC": [0.5, 1.0]})
    assert [note.fatal for note in notes] == [False, False]
    assert fault.key == ("protocol", "composition")
    assert "no point keeps all limits at once" in fault.problem


def test_candidates_outside_the_limits_are_told_without_a_constraint() -> None:
    pool = Candidates({"ec_emc": [0.5, 0.1], "pc": [0.0, 0.7], "salt": [0.5, 0.2]})
    (note,) = remarks({"LiPF6": [0.5, 2.0]}, pool)
    assert (note.fatal, note.remedy) == (False, "Leave such candidates out")
    contradiction = remarks({"LiPF6": [0.5, 2.0], "PC": [0.5, 1.0]}, pool)
    assert [one.fatal for one in contradiction] == [False, False, True]
    assert "no candidate keeps all limits" in contradiction[-1].problem


def test_a_syringe_too_small_for_the_largest_dose_is_a_fault_with_the_largest_batch() -> None:
    facts = LabFacts(stocks=STOCKS, settings={"salt": {"volume_mL": 5.0}, "pc": {"volume_mL": 50}})
    (fault,) = remarks(facts=facts)
    assert fault.problem == "'salt' is dosed up to 6.4 mL, and the syringe of its pump holds 5 mL"
    assert "at most 6.25 mL" in fault.remedy
    assert remarks(facts=facts, batch=6.25) == []


def test_doses_too_small_to_verify_are_told() -> None:
    (note,) = remarks(smallest={"pc": 0.4})
    assert not note.fatal
    assert "doses of 'pc' between 0 and 0.4 mL (a share of 0.05) are refused" in note.problem
    (fault,) = remarks(smallest={"salt": 7.0})
    assert fault.fatal
    assert "'salt' is dosed 6.4 mL at most, and doses below 7 mL cannot be verified" in fault.problem


@pytest.mark.parametrize(
    ("facts", "volumes", "says"),
    [
        (
            {"places": {"balance": ("mixer",)}, "vessels": {"mixer": 7.0}},
            {},
            "do not fit into 'mixer', which holds 7 mL",
        ),
        ({"places": {"transfer": ("mixer", "cell")}, "vessels": {"cell": 7.0}}, {}, "do not fit into 'cell'"),
        ({}, {"cell_mL": 6.0}, "more than `cell_mL` allows, 6 mL"),
    ],
)
def test_a_batch_that_does_not_fit_is_a_fault(facts: Any, volumes: dict[str, float], says: str) -> None:
    (fault,) = remarks(facts=LabFacts(stocks=STOCKS, **facts), volumes=volumes)
    assert (fault.fatal, fault.key) == (True, ("protocol", "batch_mL"))
    assert says in fault.problem


def test_a_vessel_that_the_batch_never_enters_may_be_small() -> None:
    facts = LabFacts(
        stocks=STOCKS, places={"waste": ("cell", "drain")}, vessels={"drain": 1.0, "cell": 9.0, "cup": 1.0}
    )
    assert [one.problem for one in remarks(facts=facts)] == ["8 mL do not fit into 'drain', which holds 1 mL"]


def test_a_pump_without_a_known_stock_is_a_fault_and_the_rest_waits() -> None:
    known = {role: STOCKS[role] for role in ("ec_emc", "pc")}
    pumps: dict[str, Any] = {"salt": {}, "rinse": {"stock": "water"}}
    faults = remarks({"LiPF6": [5, 6]}, facts=LabFacts(stocks=known, settings=pumps))
    assert [(one.key[-1], one.fatal) for one in faults] == [("salt", True), ("rinse", True)]
    assert "names no stock" in faults[0].problem
    assert "draws from 'water', of which the lab file says nothing" in faults[1].problem
