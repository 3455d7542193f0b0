"""From the words of a file to the problem: every kind of parameter, tables of candidates, bounds on outcomes."""

import re
from pathlib import Path

import pytest

from autolab.model.candidates import Candidates
from autolab.model.constraints import Linear
from autolab.model.cost import Cost
from autolab.model.errors import Fault
from autolab.model.nonlinear import Nonlinear
from autolab.model.objectives import Objective, OutcomeConstraint
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.spec.campaign_model import CampaignModel
from autolab.spec.document import parse_document
from autolab.spec.explain import validate
from autolab.spec.findings import Findings
from autolab.spec.problem import build_problem

REST = """
autolab: 1
name: test
planner: {use: sobol}
protocol: {use: gravimetric}
budget: {trials: 3}
"""


def built(
    space: str, tmp_path: Path, outcomes: str = "objectives: {y: {goal: maximize}}"
) -> tuple[Problem | None, list[Fault]]:
    faults: list[Fault] = []
    document = parse_document(f"space:\n{space}\n{outcomes}{REST}", "f.yaml", faults)
    assert document is not None
    findings = Findings(document, faults)
    model = validate(CampaignModel, document.data, findings)
    return (build_problem(model, findings, tmp_path) if model else None), faults


def good(space: str, tmp_path: Path, outcomes: str = "objectives: {y: {goal: maximize}}") -> Problem:
    problem, faults = built(space, tmp_path, outcomes)
    assert faults == []
    assert problem is not None
    return problem


def space_of(problem: Problem) -> Space:
    assert isinstance(problem.space, Space)
    return problem.space


def bad(space: str, tmp_path: Path) -> list[Fault]:
    problem, faults = built(space, tmp_path)
    assert problem is None
    return faults


def test_every_kind_of_parameter_in_the_files_order(tmp_path: Path) -> None:
    problem = good(
        """
  rate: {type: real, bounds: [0.5, 15], unit: mL/min, log: yes}
  cycles: {type: integer, bounds: [1, 8]}
  vial: {type: ordinal, values: [1, 2, 5], unit: mL}
  solvent: {type: categorical, values: [water, no, 7]}
  mixture: {names: [ec, dmc, salt], total: 1, bounds: {salt: [0.2, 0.8]}, at_most: 2}
  constraints: ["2.0 * salt + rate <= 16"]
""",
        tmp_path,
    )
    assert list(space_of(problem).parameters) == [
        Real("rate", 0.5, 15, unit="mL/min", log=True),
        Integer("cycles", 1, 8),
        Ordinal("vial", [1, 2, 5], unit="mL"),
        Categorical("solvent", ["water", "no", 7]),
        Mixture(["ec", "dmc", "salt"], bounds={"salt": (0.2, 0.8)}, at_most=2),
    ]
    assert str(space_of(problem).constraints[0]) == "2.0 * salt + rate <= 16.0"


def test_a_constraint_that_is_not_linear_a_shared_key_and_a_cost(tmp_path: Path) -> None:
    problem = good(
        "  rate: {type: real, bounds: [1, 15]}\n  T: {type: real, bounds: [20, 80]}\n"
        '  constraints: ["rate * T <= 600", "rate + T <= 90"]',
        tmp_path,
        "objectives: {y: {goal: maximize}}\nsame_in_batch: [T]\ncost: {base: 12, change: {T: 30, rate: 0}, unit: min}",
    )
    assert list(space_of(problem).constraints) == [
        Nonlinear("rate * T <= 600"),
        Linear({"rate": 1, "T": 1}, "<=", 90),
    ]
    assert space_of(problem).nonlinear == (Nonlinear("rate * T <= 600"),)
    assert problem.same_in_batch == ("T",)
    assert problem.cost == Cost(base=12, change={"T": 30, "rate": 0}, unit="min")
    assert problem.cost.of([{"rate": 1.0, "T": 50.0}], {"rate": 9.0, "T": 20.0}).tolist() == [27.0]


def test_without_them_nothing_is_shared_and_no_trial_costs_more(tmp_path: Path) -> None:
    problem = good("  rate: {type: real, bounds: [1, 15]}", tmp_path)
    assert (problem.same_in_batch, problem.cost) == ((), None)


def test_descriptors_find_labels_that_are_numbers(tmp_path: Path) -> None:
    problem = good("  x: {type: categorical, values: [1, 2], descriptors: {1: {a: 0.5}, 2: {a: 1.5}}}", tmp_path)
    (parameter,) = space_of(problem).parameters
    assert isinstance(parameter, Categorical)
    assert parameter.descriptors == {1: {"a": 0.5}, 2: {"a": 1.5}}


def test_outcomes(tmp_path: Path) -> None:
    problem = good(
        "  x: {type: real, bounds: [0, 1]}",
        tmp_path,
        "objectives:\n  pH: {goal: match, target: 7, unit: pH}\n  cost: {goal: minimize}\n"
        'outcome_constraints:\n  cost: ">= 0.1"\n  time: ["<= 9", ">= 1"]',
    )
    assert list(problem.objectives) == [Objective("pH", "match", target=7, unit="pH"), Objective("cost", "minimize")]
    assert list(problem.outcome_constraints) == [
        OutcomeConstraint("cost", ">=", 0.1),
        OutcomeConstraint("time", "<=", 9),
        OutcomeConstraint("time", ">=", 1),
    ]


def test_candidates_from_a_csv_file_with_numbers_and_texts(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("solvent,count,polarity\nwater,1,1.0\nDMSO, 2,0.44\n", encoding="utf-8")
    problem = good("  candidates: table.csv", tmp_path)
    assert problem.space == Candidates({"solvent": ["water", "DMSO"], "count": [1, 2], "polarity": [1.0, 0.44]})


@pytest.mark.parametrize("table", ["[{a: 1, b: x}, {a: 2, b: y}]", "{a: [1, 2], b: [x, y]}"])
def test_candidates_in_the_file_itself(tmp_path: Path, table: str) -> None:
    assert good(f"  candidates: {table}", tmp_path).space == Candidates({"a": [1, 2], "b": ["x", "y"]})


@pytest.mark.parametrize(
    ("csv", "problem"),
    [
        (None, "cannot be read"),
        ("a,b\n1\n", "row 2: 1 cells under a header of 2"),
        ("a,a\n1,2\n", "two columns have one name"),
        ("a,b\n", "no row"),
        ("", "no column|no row"),
        ("a\nx\nx\n", "given twice"),
    ],
)
def test_a_faulty_table_is_told_at_its_key(tmp_path: Path, csv: str | None, problem: str) -> None:
    if csv is not None:
        (tmp_path / "t.csv").write_text(csv, encoding="utf-8")
    (fault,) = bad("  candidates: t.csv", tmp_path)
    assert (fault.key, fault.line) == ("space.candidates", 2)
    assert re.search(problem, fault.problem)


def test_candidates_stand_alone(tmp_path: Path) -> None:
    faults = bad("  candidates: [{a: 1}, {a: 2}]\n  x: {type: real, bounds: [0, 1]}\n  constraints: [x <= 1]", tmp_path)
    assert [fault.key for fault in faults] == ["space.x", "space.constraints"]


@pytest.mark.parametrize(
    ("space", "key", "problem"),
    [
        ("  {}", "space", "nothing varies"),
        ("  trial: {type: real, bounds: [0, 1]}", "space.trial", "reserved"),
        ("  a-b: {type: real, bounds: [0, 1]}", "space.a-b", "cannot name a parameter"),
        ("  x: {type: ordinal, values: [2, 1]}", "space.x", "greater than the one before"),
        ("  x: {type: categorical, values: [a, a]}", "space.x", "two different categories"),
        ("  x: {type: categorical, values: [a, b], descriptors: {a: {k: 1}}}", "space.x", "descriptors must cover"),
        ("  x: {type: integer, bounds: [3, 3]}", "space.x.bounds", "low must be less than high"),
        ("  x: {type: integer, bounds: [1, 2.5]}", "space.x.bounds[1]", "must be a whole number, got 2.5"),
        ("  m: {names: [a, b], bounds: {c: [0, 1]}}", "space.m", "no component 'c'"),
        ("  m: {names: [a, b], total: 0}", "space.m.total", "must be greater than 0, got 0"),
        ("  m: {names: [a, b]}\n  a: {type: real, bounds: [0, 1]}", "space.a", "more than one parameter"),
        (
            "  x: {type: categorical, values: [a, b]}\n  constraints: [x <= 1]",
            "space.constraints[0]",
            "categorical and has no number",
        ),
        (
            "  x: {type: real, bounds: [0, 1]}\n  constraints: [x <= 1, 'x >= 2']",
            "space.constraints",
            "x",
        ),
        ("  m: {names: [a, b], bounds: {a: [0, 0.1], b: [0, 0.1]}}", "space", "a"),
    ],
)
def test_a_space_that_contradicts_itself(tmp_path: Path, space: str, key: str, problem: str) -> None:
    (fault,) = bad(space, tmp_path)
    assert fault.key == key
    assert problem in fault.problem


def test_constraints_are_all_checked(tmp_path: Path) -> None:
    faults = bad("  x: {type: real, bounds: [0, 1]}\n  constraints: ['y <= 1', 'x', 'x + z <= w']", tmp_path)
    assert [(fault.line, fault.key) for fault in faults] == [
        (3, "space.constraints[0]"),
        (3, "space.constraints[1]"),
        (3, "space.constraints[2]"),
        (3, "space.constraints[2]"),
    ]


def test_constraints_on_a_faulty_parameter_are_not_blamed(tmp_path: Path) -> None:
    (fault,) = bad("  x: {type: ordinal, values: [2, 1]}\n  constraints: ['x <= 1']", tmp_path)
    assert fault.key == "space.x"
