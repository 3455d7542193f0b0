"""Stocks and compositions: against closed forms."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.errors import InputError
from autolab.model.stocks import MOLAR_MASS, Composition, Stock, grams_of

SALT: dict[str, Any] = {
    "solvents": {"EC": 0.3, "EMC": 0.7},
    "salts": {"LiPF6": 2.0},
    "density": 1.29,
    "price_per_mL": 1.6,
}
PC = Stock("PC", {"PC": 1.0}, density=1.205)


def test_a_volume_holds_its_mass_and_the_salt_that_its_molality_says() -> None:
    held = Stock.from_json("salt", SALT).grams(10.0)
    solvent = held["EC"] + held["EMC"]
    assert sum(held.values()) == pytest.approx(12.9)
    assert held["EC"] / solvent == pytest.approx(0.3)
    assert held["LiPF6"] / 151.905 / (solvent / 1000) == pytest.approx(2.0)


def test_mixing_two_stocks_by_hand() -> None:
    """1 mL of PC (1.205 g) and 1 mL of salt: solvent 1.29 / (1 + 2 * 0.151905) g of it."""
    solvent = 1.29 / (1 + 2 * 0.151905)
    made = Composition.of(grams_of({"a": 1.0, "b": 1.0}, {"a": PC, "b": Stock.from_json("salt", SALT)}))
    assert made.amount("PC") == pytest.approx(1.205 / (1.205 + solvent))
    assert made.amount("LiPF6") == pytest.approx(2.0 * solvent / (1.205 + solvent))
    assert made.amount("DMC") == 0.0


@given(st.floats(0.01, 50), st.floats(0.01, 50))
def test_masses_add_up_and_a_composition_does_not_depend_on_the_amount(one: float, other: float) -> None:
    stocks = {"a": PC, "b": Stock.from_json("salt", SALT)}
    held = grams_of({"a": one, "b": other}, stocks)
    assert sum(held.values()) == pytest.approx(1.205 * one + 1.29 * other)
    twice = Composition.of({name: 2 * mass for name, mass in held.items()})
    assert twice.salts["LiPF6"] == pytest.approx(Composition.of(held).salts["LiPF6"])
    assert sum(twice.solvents.values()) == pytest.approx(1.0)


def test_a_stock_comes_back_from_its_entry_with_and_without_what_was_loaded() -> None:
    stock = Stock.from_json("salt", {**SALT, "loaded_mL": 500})
    assert Stock.from_json("salt", stock.to_json()) == stock
    assert "loaded_mL" not in stock.to_json(loaded=False)
    assert "loaded_mL" not in PC.to_json()


def test_a_solution_without_solvent_has_no_composition() -> None:
    with pytest.raises(ValueError, match="no solvent in"):
        Composition.of({"LiPF6": 1.0})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"solvents": {}}, "it has no solvent"),
        ({"solvents": {"EC": 0.3, "EMC": 0.6}}, "must add up to 1, not 0.9"),
        ({"solvents": {"EC": 1.3, "EMC": -0.3}}, "EC = 1.3 is no mass fraction"),
        ({"solvents": {"EC": 0.5, "LiPF6": 0.5}}, "LiPF6 is a salt: give it under salts"),
        ({"salts": {"LiPF": 1.0}}, "unknown salt 'LiPF': did you mean 'LiPF6'"),
        ({"salts": {"LiPF6": -1.0}}, "LiPF6 = -1.0 mol/kg cannot be"),
        ({"density": 1290.0}, "density 1290.0 g/mL cannot be"),
        ({"density": "heavy"}, "density 'heavy' must be a number"),
        ({"density": True}, "density True must be a number"),
        ({"price_per_mL": -1}, "price_per_mL -1.0 must not be negative"),
        ({"loaded_mL": -1}, "loaded_mL -1.0 must not be negative"),
        ({"loaded_mL": math.nan}, "loaded_mL nan must not be negative"),
        ({"solvents": "EC"}, "solvents 'EC' must map names to numbers"),
        ({"prise_per_mL": 1}, "has no 'prise_per_mL': did you mean 'price_per_mL'"),
    ],
)
def test_a_stock_that_cannot_be_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match="stock 'salt'") as caught:
        Stock.from_json("salt", {**SALT, **changes})
    assert says in str(caught.value)


def test_what_must_be_told_is_asked_for() -> None:
    with pytest.raises(InputError, match="stock 'x' lacks 'density'"):
        Stock.from_json("x", {"solvents": {"EC": 1.0}})


def test_molar_masses_are_those_of_their_atoms() -> None:
    atoms = {"Li": 6.94, "P": 30.974, "F": 18.998, "B": 10.81, "Na": 22.990, "K": 39.098, "Cl": 35.45}
    assert MOLAR_MASS["LiPF6"] == pytest.approx(atoms["Li"] + atoms["P"] + 6 * atoms["F"], abs=0.01)
    assert MOLAR_MASS["LiBF4"] == pytest.approx(atoms["Li"] + atoms["B"] + 4 * atoms["F"], abs=0.01)
    assert MOLAR_MASS["NaPF6"] == pytest.approx(atoms["Na"] + atoms["P"] + 6 * atoms["F"], abs=0.01)
    assert MOLAR_MASS["NaCl"] == pytest.approx(atoms["Na"] + atoms["Cl"], abs=0.01)
    assert MOLAR_MASS["KCl"] == pytest.approx(atoms["K"] + atoms["Cl"], abs=0.01)
