"""The truth about formulations: mixing by hand, bounds, and an optimum that no grid beats."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.errors import InputError
from autolab.model.stocks import MOLAR_MASS, Stock
from autolab.simulators.conductivity import conductivity
from autolab.simulators.formulations import Formulations, composition_of, true_optimum, true_outcome

EXAMPLE = Path(__file__).parents[2] / "examples" / "electrolyte"
A = Stock("A", {"EC": 0.5, "EMC": 0.5}, density=1.1, price=0.7)
B = Stock("B", {"PC": 1.0}, density=1.2, price=0.4)
C = Stock("C", {"EC": 0.3, "EMC": 0.7}, {"LiPF6": 2.0}, density=1.3, price=1.5)
STOCKS = {"a": A, "b": B, "c": C}

fractions = st.tuples(*3 * [st.floats(0.01, 1.0)]).map(
    lambda told: dict(zip(STOCKS, (one / sum(told) for one in told), strict=True))
)


@pytest.fixture(scope="module")
def files() -> tuple[dict[str, Any], dict[str, Any]]:
    campaign, lab = (yaml.safe_load((EXAMPLE / f"{name}.yaml").read_text("utf-8")) for name in ("campaign", "lab"))
    return campaign, lab


@pytest.fixture(scope="module")
def example(files: tuple[dict[str, Any], dict[str, Any]]) -> Formulations:
    return Formulations.declared(*files)


# --- outcomes -------------------------------------------------------------------------------------------------------


def test_mixing_by_hand() -> None:
    # 0.5 mL of A: 0.55 g of solvent; 0.5 mL of C: 0.65 g, of which 1 / (1 + 2 M / 1000) are solvent
    of_c = 0.65 / (1.0 + 2.0 * MOLAR_MASS["LiPF6"] / 1000.0)
    solvent = 0.55 + of_c
    ec, emc = (0.275 + 0.3 * of_c) / solvent, (0.275 + 0.7 * of_c) / solvent
    molality = 2.0 * of_c / solvent

    told = true_outcome(STOCKS, {"a": 0.5, "c": 0.5}, 30.0)

    assert told["conductivity"] == pytest.approx(conductivity(molality, ec, 0.0, emc, 30.0), rel=1e-12)
    assert told["cost"] == pytest.approx(1.1, rel=1e-12)


def test_a_stock_alone_is_itself() -> None:
    made = composition_of(STOCKS, {"c": 1.0})

    assert made.amount("LiPF6") == pytest.approx(2.0)
    assert made.amount("EC") == pytest.approx(0.3)
    assert true_outcome(STOCKS, {"c": 1.0}, 25.0)["cost"] == 1.5


def test_other_parameters_of_a_point_are_left_aside() -> None:
    point: dict[str, float | int | str] = {
        "a": 0.4,
        "b": 0.2,
        "c": 0.4,
        "temperature": 40.0,
        "stirring": 300,
        "glass": "a",
    }

    assert true_outcome(STOCKS, point, 40.0) == true_outcome(STOCKS, {"a": 0.4, "b": 0.2, "c": 0.4}, 40.0)


@given(fractions, st.floats(1.0, 20.0))
def test_only_proportions_count(point: dict[str, float], factor: float) -> None:
    more = {name: factor * fraction for name, fraction in point.items()}

    assert true_outcome(STOCKS, more, 25.0) == pytest.approx(true_outcome(STOCKS, point, 25.0))


@given(fractions)
def test_the_cost_lies_between_the_prices(point: dict[str, float]) -> None:
    cost = true_outcome(STOCKS, point, 25.0)["cost"]

    assert 0.4 <= cost <= 1.5
    assert cost == pytest.approx(0.7 * point["a"] + 0.4 * point["b"] + 1.5 * point["c"])


def test_what_the_model_does_not_know_is_refused() -> None:
    strange = {"a": A, "d": Stock("D", {"DMC": 1.0}, {"LiFSI": 1.0}, density=1.2)}

    with pytest.raises(InputError, match="nothing is known of what DMC, LiFSI conducts"):
        true_outcome(strange, {"a": 0.5, "d": 0.5}, 25.0)
    assert true_outcome(strange, {"a": 1.0}, 25.0)["conductivity"] == 0.0  # no salt


def test_nothing_has_no_composition() -> None:
    with pytest.raises(ValueError, match="no solvent"):
        composition_of(STOCKS, {"a": 0.0})


# --- bounds ---------------------------------------------------------------------------------------------------------

BOUNDED = Formulations(STOCKS, {"c": (0.2, 0.8)}, 1.0, (20.0, 50.0), {"EC": (0.0, 0.4), "LiPF6": (0.3, 1.0)})
GOOD = {"a": 0.3, "b": 0.3, "c": 0.4, "temperature": 30.0}


def test_a_point_within_all_bounds_has_its_value() -> None:
    assert BOUNDED.feasible(GOOD)
    assert BOUNDED.value(GOOD) == BOUNDED.outcome(GOOD)["conductivity"] > 5.0


@pytest.mark.parametrize(
    "change",
    [
        {"a": 0.85, "b": 0.0, "c": 0.15},  # little of c
        {"a": 0.29},  # does not add up to 1
        {"temperature": 51.0},
        {"a": 0.4, "b": 0.0, "c": 0.6},  # dear
        {"a": 0.8, "b": 0.0, "c": 0.2},  # much EC
        {"a": 0.0, "b": 0.4, "c": 0.6},  # much salt
        {"a": -0.1, "b": 0.7},
    ],
)
def test_a_point_that_breaks_a_bound_is_worth_nothing(change: dict[str, float]) -> None:
    assert not BOUNDED.feasible(GOOD | change)
    assert BOUNDED.value(GOOD | change) == 0.0


def test_rounding_breaks_no_bound() -> None:
    rounded = {"a": 1.0 / 3.0, "b": 1.0 / 3.0, "c": 1.0 - 2.0 / 3.0 + 1e-12, "temperature": 50.0}

    assert Formulations(STOCKS, max_cost=2.6 / 3.0, temperature=(20.0, 50.0)).feasible(rounded)


# --- the optimum ----------------------------------------------------------------------------------------------------


def grid(step: int, temperatures: tuple[float, ...] = (50.0,)) -> list[dict[str, float]]:
    """Return all mixtures of four stocks in steps of 1/step."""
    names = ("ec_emc", "pc", "emc", "salt")
    shares = (
        (a, b, c, step - a - b - c)
        for a, b, c in itertools.product(range(step + 1), repeat=3)
        if 0.2 * step <= step - a - b - c <= 0.8 * step
    )
    return [
        dict(zip(names, (share / step for share in mixture), strict=True)) | {"temperature": at}
        for mixture, at in itertools.product(shares, temperatures)
    ]


def test_no_grid_point_of_the_example_beats_its_optimum(example: Formulations) -> None:
    point, outcome = example.optimum()
    values = [example.value(one) for one in grid(40, (49.0, 50.0))]

    assert example.feasible(point)
    assert len(values) > 10_000
    assert max(values) <= outcome["conductivity"]
    assert max(values) > 0.995 * outcome["conductivity"]  # and the grid comes near: they speak of the same thing


def test_no_step_from_the_optimum_of_the_example_is_better(example: Formulations) -> None:
    point, outcome = example.optimum()
    random = np.random.default_rng(0)
    for scale in (1e-2, 1e-3, 1e-4):
        for step in scale * random.standard_normal((200, 4)):
            step -= step.mean()
            near = {name: value + by for (name, value), by in zip(point.items(), [*step, 0.0], strict=True)}
            assert example.value(near) <= outcome["conductivity"] * (1.0 + 1e-7)


def test_the_example_is_worth_solving(example: Formulations) -> None:
    """The cost bound is active, no stock is left out or at a bound, and the data know such solutions."""
    point, outcome = example.optimum()
    made = composition_of(example.stocks, point)

    assert outcome["cost"] == pytest.approx(0.9, abs=1e-6)
    assert all(point[name] > 0.05 for name in example.stocks)
    assert 0.25 < point["salt"] < 0.75
    assert point["temperature"] == 50.0
    assert 0.1 < made.amount("EC") < 0.5
    assert 0.4 < made.amount("LiPF6") < 1.2
    cheapest = Formulations(example.stocks, example.bounds, np.inf, example.temperature).optimum()[1]
    assert cheapest["cost"] > 1.0  # what it would be without the bound


def test_limits_of_the_composition_bind() -> None:
    free = Formulations(STOCKS)
    held = Formulations(STOCKS, composition={"EC": (0.0, 0.2), "LiPF6": (0.0, 0.5)})
    point, outcome = held.optimum()

    assert composition_of(STOCKS, free.optimum()[0]).amount("LiPF6") > 0.7
    assert composition_of(STOCKS, point).amount("LiPF6") == pytest.approx(0.5, abs=1e-6)
    assert composition_of(STOCKS, point).amount("EC") <= 0.2 + 1e-9
    assert outcome["conductivity"] < free.optimum()[1]["conductivity"]


def test_two_stocks_against_a_scan() -> None:
    two = {"a": A, "c": C}
    point, outcome = true_optimum(two, {"c": (0.1, 0.9)}, temperature=(10.0, 35.0))
    scan = [true_outcome(two, {"a": 1.0 - c, "c": c}, 35.0)["conductivity"] for c in np.linspace(0.1, 0.9, 2001)]

    assert point["temperature"] == 35.0
    assert point["c"] == pytest.approx(0.1 + 0.8 * int(np.argmax(scan)) / 2000, abs=1e-3)
    assert outcome["conductivity"] == pytest.approx(max(scan), rel=1e-6)


def test_the_optimum_is_the_same_each_time(example: Formulations) -> None:
    assert example.optimum() == example.optimum()


def test_bounds_that_leave_nothing_are_told() -> None:
    with pytest.raises(InputError, match="no mixture of a, b, c keeps the bounds"):
        true_optimum(STOCKS, max_cost=0.3)


# --- reading --------------------------------------------------------------------------------------------------------


def test_the_example_is_read(example: Formulations) -> None:
    assert list(example.stocks) == ["ec_emc", "pc", "emc", "salt"]
    assert example.stocks["pc"].name == "PC"
    assert example.bounds == {"salt": (0.2, 0.8)}
    assert example.max_cost == 0.9
    assert example.temperature == (25.0, 50.0)
    assert example.composition == {"EC": (0.0, 0.6), "LiPF6": (0.28, 2.3)}


def test_a_campaign_without_limits_has_none(files: tuple[dict[str, Any], dict[str, Any]]) -> None:
    campaign, lab = files
    protocol = {key: value for key, value in campaign["protocol"].items() if key != "composition"}
    free = Formulations.declared({**campaign, "outcome_constraints": {}, "protocol": protocol}, lab)

    assert free.max_cost == float("inf")
    assert free.composition == {}
