from typing import Any

import pytest

from autolab.lab.checks import lab_faults
from autolab.lab.declaration import LabDeclaration

ROLES = {"dosing": "pump", "waste": "pump", "balance": "balance"}


def lab(**changes: object) -> LabDeclaration:
    mapping: dict[str, Any] = {
        "instruments": {
            "dosing": {"driver": "new_era.NE1000", "stock": "water"},
            "waste": {"driver": "new_era.NE1000"},
            "balance": {"driver": "mettler_toledo.Balance"},
        },
        "plumbing": {"dosing": "beaker", "waste": ["beaker", "drain"], "balance": "beaker"},
        "interlocks": [{"if": "balance.weight >= 190", "then": "make_safe"}],
        "safe_order": ["dosing", "waste", "balance"],
        "virtual": {"world": "dosing", "vessels": {"beaker": {"volume_mL": 100}}},
    }
    return LabDeclaration.from_json({**mapping, **changes})


def test_a_lab_in_order_has_no_fault() -> None:
    assert lab_faults(lab(), ROLES) == []


def test_a_lab_in_order_has_none_while_its_roles_are_unknown() -> None:
    assert lab_faults(lab(), {}) == []


PLUMBED = {"dosing": "beaker", "waste": ["beaker", "drain"], "balance": "beaker"}


@pytest.mark.parametrize(
    ("changes", "key", "text"),
    [
        ({"instruments": {}, "plumbing": {}, "interlocks": [], "safe_order": []}, "instruments", "there are none"),
        ({"plumbing": {**PLUMBED, "dosng": "beaker"}}, "plumbing.dosng", "did you mean 'dosing'"),
        (
            {"plumbing": {**PLUMBED, "dosing": "beeker"}},
            "plumbing.dosing",
            "'beeker' is no vessel. did you mean 'beaker'",
        ),
        (
            {"plumbing": {**PLUMBED, "waste": ["cup", "drain"]}},
            "plumbing.waste",
            "draws from 'cup', which is no vessel",
        ),
        ({"plumbing": {**PLUMBED, "dosing": ["beaker", "beakr"]}}, "plumbing.dosing", "delivers to 'beakr'"),
        ({"plumbing": {**PLUMBED, "waste": ["beaker", "beaker"]}}, "plumbing.waste", "from 'beaker' to itself"),
        ({"plumbing": {**PLUMBED, "waste": "beaker"}}, "plumbing.waste", "draws from nothing. Give it a stock"),
        ({"plumbing": {**PLUMBED, "balance": ["beaker", "drain"]}}, "plumbing.balance", "a balance carries one vessel"),
        (
            {"plumbing": {"dosing": "beaker", "balance": "beaker"}},
            "plumbing",
            "'waste' is a pump and is joined to nothing",
        ),
        ({"interlocks": [{"if": "balanc.weight > 1"}]}, "interlocks.0.if", "did you mean 'balance'"),
        ({"interlocks": [{"if": "balance.weight near 1"}]}, "interlocks.0.if", "is no condition"),
        ({"interlocks": [{"if": "balance.weight > 1", "then": "cry"}]}, "interlocks.0.then", "'cry' cannot be done"),
        ({"safe_order": ["pumps", "balnce"]}, "safe_order", "'balnce' is no instrument: did you mean 'balance'"),
        (
            {"virtual": {"world": "dosing", "vessels": {"beaker": {"volume_mL": -1}}}},
            "virtual.vessels.beaker.volume_mL",
            "-1 is no volume",
        ),
        (
            {"virtual": {"world": "dosing", "vessels": {"beaker": {"volume_mL": True}}}},
            "virtual.vessels.beaker.volume_mL",
            "True is no volume",
        ),
        (
            {"virtual": {"world": "dosing", "vessels": {"beaker": {}}, "noise": -2}},
            "virtual.noise",
            "-2.0 is no factor",
        ),
    ],
)
def test_each_fault_is_told_where_it_is(changes: dict[str, Any], key: str, text: str) -> None:
    (fault,) = lab_faults(lab(**changes), ROLES)
    assert fault.key == key
    assert text in str(fault)


def test_a_name_with_a_dot_is_refused() -> None:
    declaration = LabDeclaration.from_json({"instruments": {"a.b": {"driver": "x.Y"}}})
    (fault,) = lab_faults(declaration, {})
    assert fault.key == "instruments.a.b"


def test_all_faults_are_told_at_once() -> None:
    changes = {"plumbing": {"dosing": "beeker"}, "safe_order": ["blance"], "interlocks": [{"if": "?"}]}
    assert {fault.key for fault in lab_faults(lab(**changes), ROLES)} == {
        *("plumbing.dosing", "plumbing", "interlocks.0.if", "safe_order")
    }


def test_a_physical_lab_without_plumbing_needs_none() -> None:
    assert lab_faults(lab(plumbing={}, virtual=None), ROLES) == []


PC = {"PC": {"solvents": {"PC": 1.0}, "density": 1.2}}
WITH_PLATE = {
    "dosing": {"driver": "new_era.NE1000", "stock": "water"},
    "waste": {"driver": "new_era.NE1000"},
    "balance": {"driver": "mettler_toledo.Balance"},
    "plate": {"driver": "ika.RCT"},
    "probe": {"driver": "atlas_ezo.EC"},
}
MORE_ROLES: dict[str, str | None] = {**ROLES, "plate": None, "probe": "sensor"}
PARTS = {"plate": {"heater": "heater", "stirrer": "stirrer"}}
STANDING = {**PLUMBED, "plate": "beaker", "probe": "beaker"}


def more_faults(**changes: object) -> list[str]:
    return [str(fault) for fault in lab_faults(lab(instruments=WITH_PLATE, **changes), MORE_ROLES, PARTS)]


def test_hotplates_and_sensors_that_stand_at_a_vessel_are_in_order() -> None:
    assert more_faults(plumbing=STANDING) == []


@pytest.mark.parametrize(
    ("gone", "says"),
    [
        (
            "plate",
            "plumbing: 'plate' is a heater and stirrer and stands at no vessel. Say where, such as 'plate: beaker'",
        ),
        ("probe", "plumbing: 'probe' is a sensor and stands at no vessel. Say where, such as 'probe: beaker'"),
    ],
)
def test_one_that_stands_nowhere_is_told(gone: str, says: str) -> None:
    assert more_faults(plumbing={name: at for name, at in STANDING.items() if name != gone}) == [says]


def test_where_there_are_no_vessels_none_must_stand_anywhere() -> None:
    assert more_faults(plumbing={}, virtual=None) == []
    assert more_faults(plumbing=PLUMBED, virtual={"world": "dosing"}) == []


def test_one_that_stands_at_two_vessels_is_told() -> None:
    (fault,) = more_faults(plumbing={**STANDING, "probe": ["beaker", "drain"]})
    assert fault == "plumbing.probe: a sensor stands at one vessel, not ['beaker', 'drain']. Such as 'probe: beaker'"


def test_one_at_an_unknown_vessel_is_told() -> None:
    (fault,) = more_faults(plumbing={**STANDING, "plate": "beeker"})
    assert "plumbing.plate: 'beeker' is no vessel" in fault


def test_a_pump_that_draws_from_no_known_stock_is_told_where_stocks_are_declared() -> None:
    (fault,) = lab_faults(lab(stocks=PC), ROLES)
    assert fault.key == "instruments.dosing.stock"
    assert str(fault).endswith("'water' is none of the lab's stocks. known: PC")
    water = {"water": {"solvents": {"water": 1.0}, "density": 1.0}}
    assert lab_faults(lab(stocks=water), ROLES) == []


def test_a_stock_that_is_brought_nowhere_is_told_in_a_physical_lab_too() -> None:
    water = {"water": {"solvents": {"water": 1.0}, "density": 1.0}}
    (fault,) = lab_faults(lab(stocks=water, plumbing={}, virtual=None), ROLES)
    assert fault.key == "instruments.dosing.stock"
    assert "is drawn and brought nowhere" in fault.problem
