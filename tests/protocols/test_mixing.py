from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.errors import OutsideEnvelope
from autolab.model.stocks import Stock
from autolab.protocols import mixing
from autolab.protocols.formulation_settings import FormulationSettings

STOCKS = {
    "a": Stock("A", {"EC": 0.5, "EMC": 0.5}, density=1.0, price=0.5),
    "b": Stock("B", {"PC": 1.0}, density=1.25, price=0.2),
    "salt": Stock("S", {"EC": 1.0}, {"LiPF6": 2.0}, density=1.303810, price=2.0),
}


def chosen(**changed: Any) -> FormulationSettings:
    return FormulationSettings(**{"stocks": ("a", "b", "salt"), "batch_mL": 10.0, **changed})


def test_noise_of_planners_is_no_fault_of_fractions() -> None:
    fractions = mixing.fractions_of({"a": -1e-9, "b": 1 + 1e-8}, ["a", "b"])
    assert fractions == {"a": 0.0, "b": 1 + 1e-8}


@pytest.mark.parametrize("value", [True, "0.5", None, float("inf")])
def test_what_is_no_number_is_told(value: Any) -> None:
    with pytest.raises(OutsideEnvelope, match="a must be a number, got"):
        mixing.fractions_of({"a": value, "b": 0.5}, ["a", "b"])


def test_a_component_that_a_point_leaves_out_is_absent() -> None:
    assert mixing.fractions_of({"b": 1.0}, ["a", "b"]) == {"a": 0.0, "b": 1.0}
    with pytest.raises(OutsideEnvelope, match=r"must add up to 1, not 0 \(a 0, b 0\)"):
        mixing.fractions_of({}, ["a", "b"])


# ---- doses


@pytest.mark.parametrize(
    ("fraction", "dose"),
    [(0.0, None), (0.00004, None), (0.0019, None), (0.0021, 0.04), (0.0039, 0.04), (0.0041, 0.041), (0.5, 5.0)],
)
def test_small_doses_are_rounded(fraction: float, dose: float | None) -> None:
    doses = mixing.doses_of({"a": fraction, "b": 1 - fraction}, chosen())
    assert doses.get("a") == (None if dose is None else pytest.approx(dose))


def test_small_doses_are_refused_where_that_is_wanted() -> None:
    settings = chosen(small_doses="refuse")
    assert mixing.doses_of({"a": 0.00004, "b": 1.0}, settings) == {"b": 10.0}
    with pytest.raises(
        OutsideEnvelope, match=r"a: a dose of 0\.0300 mL is too small for a pump: the smallest is 0\.04 mL"
    ):
        mixing.doses_of({"a": 0.003, "b": 0.997}, settings)


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda shares: sum(shares) > 0.01))
def test_rounding_changes_no_dose_by_more_than_half_of_the_smallest(shares: list[float]) -> None:
    fractions = {name: share / sum(shares) for name, share in zip(STOCKS, shares, strict=True)}
    settings = chosen()
    doses = mixing.doses_of(fractions, settings)
    for name, fraction in fractions.items():
        assert abs(doses.get(name, 0.0) - 10 * fraction) <= settings.smallest_mL / 2 + 1e-12
    assert all(volume >= settings.smallest_mL for volume in doses.values())


def test_a_dose_that_the_balance_cannot_verify_is_refused() -> None:
    settings = chosen(tolerance_g=0.1)
    mixing.check_doses({"a": 0.1}, STOCKS, settings)
    match = (
        r"b: a dose of 0\.0600 mL weighs 0\.0750 g, too little for the balance to verify within 0\.1 g .*: the smallest "
        r"is 0\.080 mL, a fraction of 0\.008"
    )
    with pytest.raises(OutsideEnvelope, match=match):
        mixing.check_doses({"b": 0.06}, STOCKS, settings)


@pytest.mark.parametrize(("vessel", "name"), [("mixer_mL", "mixing vessel"), ("cell_mL", "cell")])
def test_a_batch_that_rounding_made_too_large_is_refused(vessel: str, name: str) -> None:
    settings = chosen(**{vessel: 10.0})
    mixing.check_doses({"a": 5.0, "b": 5.0}, STOCKS, settings)
    with pytest.raises(OutsideEnvelope, match=rf"10\.010 mL do not fit into the {name} of 10 mL"):
        mixing.check_doses({"a": 5.0, "b": 5.01}, STOCKS, settings)


# ---- composition and cost


def test_the_composition_by_hand() -> None:
    mixed = mixing.composition_of({"a": 0.5, "b": 0.0, "salt": 0.5}, STOCKS)
    assert mixed.solvents["EC"] == pytest.approx(0.75)  # as much solvent of either, by mass
    assert mixed.solvents["EMC"] == pytest.approx(0.25)
    assert mixed.amount("PC") == 0.0
    assert mixed.salts["LiPF6"] == pytest.approx(1.0)


def test_the_cost_by_hand() -> None:
    assert mixing.cost_of({"a": 0.5, "b": 0.25, "salt": 0.25}, STOCKS) == pytest.approx(0.25 + 0.05 + 0.5)


@pytest.mark.parametrize(
    ("fractions", "allowed", "match"),
    [
        (
            {"a": 0.0, "b": 0.0, "salt": 1.0},
            {"LiPF6": (0.3, 1.5)},
            r"LiPF6 would be 2 mol/kg, .* use more a or b, less salt",
        ),
        (
            {"a": 0.5, "b": 0.5, "salt": 0.0},
            {"LiPF6": (0.3, 1.5)},
            r"LiPF6 would be 0 mol/kg, .* use more salt, less a or b",
        ),
        (
            {"a": 0.5, "b": 0.0, "salt": 0.5},
            {"EC": (0.0, 0.6)},
            r"EC would be 0\.75 of the solvent's mass, and the protocol ",
        ),
        (
            {"a": 1.0, "b": 0.0, "salt": 0.0},
            {"EC": (0.0, 0.6), "DMC": (0.1, 1)},
            r"DMC .* no other fractions of these stocks",
        ),
    ],
)
def test_a_composition_that_is_not_allowed(fractions: Any, allowed: Any, match: str) -> None:
    with pytest.raises(OutsideEnvelope, match=match):
        mixing.check_composition(fractions, STOCKS, allowed)


def test_a_composition_at_the_end_of_its_range_is_allowed() -> None:
    mixing.check_composition({"a": 0.5, "b": 0.0, "salt": 0.5}, STOCKS, {"EC": (0.75, 0.75), "LiPF6": (1.0, 1.0)})


def test_a_stock_that_nobody_describes_is_named() -> None:
    with pytest.raises(OutsideEnvelope, match=r"what the pump of 'x' draws: .* Known: a, b, salt"):
        mixing.composition_of({"a": 0.5, "x": 0.5}, STOCKS)


# ---- strokes


@pytest.mark.parametrize(
    ("volume", "held", "capacity", "wanted"),
    [
        (0.0, 0.0, 10.0, []),
        (5.0, 5.0, 10.0, [(0.0, 5.0)]),
        (5.0, 4.9998, 10.0, [(0.0, 4.9998)]),
        (5.0, 4.0, 10.0, [(6.0, 5.0)]),
        (15.0, 10.0, 10.0, [(0.0, 10.0), (10.0, 5.0)]),
    ],
)
def test_strokes(volume: float, held: float, capacity: float, wanted: list[tuple[float, float]]) -> None:
    assert [pytest.approx(one) for one in mixing.strokes(volume, held, capacity)] == wanted


@given(volume=st.floats(0, 200), held=st.floats(0, 1), capacity=st.floats(1, 60))
def test_strokes_dose_all_and_never_hold_less_than_nothing(volume: float, held: float, capacity: float) -> None:
    level, pushed = held * capacity, 0.0
    begun = level
    for refill, push in mixing.strokes(volume, level, capacity):
        level += refill
        assert level <= capacity + 1e-9
        level -= push
        pushed += push
        assert level >= -1e-9
    assert pushed == pytest.approx(volume, abs=0.0006)
    assert mixing.drawn(volume, begun, capacity) == pytest.approx(level + pushed - begun, abs=1e-6)
