import json
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.actions import JSON, Intent, Reconciled
from autolab.model.roles import Dispense, Withdraw, command_from_json, command_to_json

amounts = st.floats(0.001, 1e3)


@given(amounts, amounts)
def test_pump_commands_go_through_json_and_back(volume: float, rate: float) -> None:
    for command in (Dispense(volume, rate), Withdraw(volume, rate)):
        assert command_from_json(json.loads(json.dumps(command_to_json(command)))) == command


@pytest.mark.parametrize("value", [None, True, 3, 37.5, "open", ""])
def test_plain_values_are_their_own_json(value: object) -> None:
    assert command_from_json(command_to_json(value)) == value
    assert type(command_from_json(command_to_json(value))) is type(value)


def test_what_cannot_be_journaled_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot be journaled: a set value is a pump command, a number or a text"):
        command_to_json([1, 2])


@pytest.mark.parametrize("value", [{"dispense": 3}, {"other": {"volume": 1.0}}, {"dispense": {}, "withdraw": {}}, [1]])
def test_json_that_is_no_command_is_left_alone(value: JSON) -> None:
    assert command_from_json(value) == value


def test_dispensing_is_not_withdrawing() -> None:
    assert command_to_json(Dispense(1.0, 2.0)) == {"dispense": {"volume": 1.0, "rate": 2.0}}
    assert command_to_json(Withdraw(1.0, 2.0)) == {"withdraw": {"volume": 1.0, "rate": 2.0}}


def test_intents_and_verdicts_are_values() -> None:
    intent = Intent("plate.heater", "set", 40.0, "idempotent")
    assert intent == Intent("plate.heater", "set", 40.0, "idempotent", {})
    with pytest.raises(FrozenInstanceError):
        intent.value = 50.0  # type: ignore[misc]
    assert Reconciled("partial", 0.3, why="the counter says so").result == {}
    assert Reconciled("unknown").amount is None
