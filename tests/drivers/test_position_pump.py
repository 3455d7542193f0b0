"""What all pumps with an absolute position keep: valve first, nothing believed, nothing done twice, initialising on command."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from autolab.drivers.hamilton import ML600
from autolab.drivers.instrument import ActionStatus
from autolab.drivers.position_pump import PositionPump
from autolab.drivers.tecan import XCalibur
from autolab.drivers.testing import DriverContract
from autolab.model.actions import Intent
from autolab.model.clock import Clock
from autolab.model.errors import (
    InDoubt,
    InputError,
    InstrumentAlarm,
    InstrumentError,
    LinkError,
    OutsideLimits,
    Refused,
)
from autolab.model.roles import Dispense, Withdraw, command_to_json

if TYPE_CHECKING:
    from tests.drivers.conftest import Rig

KINDS: dict[str, tuple[str, type[PositionPump], dict[str, Any]]] = {
    "cavro-dt": ("tecan.XCalibur", XCalibur, {"protocol": "dt"}),
    "cavro-oem": ("tecan.XCalibur", XCalibur, {"protocol": "oem"}),
    "hamilton": ("hamilton.ML600", ML600, {}),
    "hamilton-angle": ("hamilton.ML600", ML600, {"valve_by": "angle", "valve_ports": {"in": "0", "out": "135"}}),
    "hamilton-right": ("hamilton.ML600", ML600, {"drive": "right"}),
}
FAST, MIDDLE = Withdraw(0.4, 12.0), Withdraw(0.4, 2.4)
FAULTS = ("drop", "late", "garble", "hang", "disconnect")


def met(
    rigs: Callable[..., Rig], clock: Clock, kind: str, options: dict[str, Any] | None = None, **settings: Any
) -> Rig:
    key, driver, usual = KINDS[kind]
    settings = {"volume_mL": 1.0, "poll_s": 0.2, **usual, **settings}
    known = {name: value for name, value in settings.items() if name != "limits"}
    return rigs(key, driver, clock, name="pump", settings=settings, far_settings=known, options=options)


def held(rig: Rig) -> float:
    """What the syringe truly holds, mL."""
    rig.wait(0)
    rig.look()
    return round(rig.bench.world.plungers["instrument"].position, 4)


Make = Callable[..., "Rig"]


@pytest.fixture
def make(virtual: Clock, rigs: Callable[..., Rig], kind: str) -> Make:
    return functools.partial(met, rigs, virtual, kind)


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def rig(make: Make) -> Rig:
    rig = make(contents_mL=0.5)
    rig.device.connect()
    return rig


class TestPositionPump(DriverContract):
    @pytest.fixture
    def instrument(self, scaled: Clock, rigs: Callable[..., Rig], kind: str) -> Iterator[PositionPump]:
        rig = met(rigs, scaled, kind, contents_mL=0.5)
        yield rig.device
        rig.device.disconnect()

    @pytest.fixture
    def command(self) -> object:
        return Withdraw(0.1, 20.0)


class TestPumpValve(DriverContract):
    @pytest.fixture
    def instrument(self, scaled: Clock, rigs: Callable[..., Rig], kind: str) -> Iterator[Any]:
        rig = met(rigs, scaled, kind)
        yield rig.device.valve
        rig.device.disconnect()

    @pytest.fixture
    def command(self) -> object:
        return "out"


# ---- meeting it ----------------------------------------------------------------------------------------------------


def test_meeting_it_moves_nothing_and_takes_its_contents_over(rig: Rig) -> None:
    assert held(rig) == 0.5
    assert (rig.device.contents_mL.get(), rig.device.initialized.get()) == (pytest.approx(0.5), True)
    assert rig.device.identify()["model"] == rig.settings.get("model_name", rig.device.settings.model_name)
    assert rig.device.locate()["readback"] == pytest.approx(0.5)


def test_a_pump_that_is_not_initialised_is_met_and_refuses_in_words(make: Make) -> None:
    rig = make(options={"initialized": False}, contents_mL=0.5)
    rig.device.connect()
    rig.device.connect()
    assert held(rig) == 0.5
    assert not rig.device.initialized.get()
    told = rig.read()
    assert (told["initialized"], told["contents_mL"], told["port"]) == (False, None, None)
    with pytest.raises(Refused, match=r"not initialised.*set\(\"initialize\"\).*pushes out"):
        rig.set(Withdraw(0.1, 6.0))
    with pytest.raises(Refused, match="not initialised"):
        rig.set("out", "valve")
    assert held(rig) == 0.5


def test_initialising_is_a_command_and_empties_the_syringe(make: Make) -> None:
    rig = make(options={"initialized": False}, contents_mL=0.5)
    assert rig.device.action_class("set", "initialize") == "once"
    result = rig.set("initialize")
    assert (result["initialized"], result["contents_mL"]) == (True, 0.0)
    assert held(rig) == 0.0
    assert rig.set(FAST)["contents_mL"] == pytest.approx(0.4)


# ---- pumping -------------------------------------------------------------------------------------------------------


def test_withdraw_comes_by_the_inlet_and_dispense_goes_by_the_outlet(rig: Rig) -> None:
    drawn = rig.set(Withdraw(0.2, 6.0))
    assert (drawn["volume_mL"], drawn["port"], drawn["contents_mL"]) == (0.2, "in", pytest.approx(0.7))
    assert rig.device.valve.readback.get() == "in"
    pushed = rig.set(Dispense(0.6, 6.0))
    assert (pushed["volume_mL"], pushed["port"], pushed["contents_mL"]) == (0.6, "out", pytest.approx(0.1))
    assert rig.device.valve.readback.get() == "out"
    assert held(rig) == pytest.approx(0.1)
    assert pushed["state"] == {"contents_mL": pushed["contents_mL"]}
    assert rig.device.locate()["setpoint"] == pytest.approx(0.1)


@pytest.mark.parametrize("rate", [0.3, 1.2, 6.0])
def test_it_takes_as_long_as_the_rate_says(rig: Rig, rate: float) -> None:
    result = rig.set(Dispense(0.3, rate))
    assert result["rate_mL_min"] == pytest.approx(rate, rel=0.02)
    assert result["seconds"] == pytest.approx(0.3 / result["rate_mL_min"] * 60, abs=0.6)


def test_progress_is_told(rig: Rig) -> None:
    seen: list[float] = []
    rig.run(lambda: _watched(rig.device.set(Dispense(0.4, 0.6)), seen))
    assert seen[-1] == pytest.approx(0.4)
    assert sorted(seen) == seen
    assert any(0 < value < 0.4 for value in seen)


def _watched(status: ActionStatus, seen: list[float]) -> ActionStatus:
    status.watch(lambda **told: seen.append(told["current"]))
    return status


def test_the_whole_syringe_can_be_filled_and_emptied(rig: Rig) -> None:
    rig.set(Withdraw(0.5, 12.0))
    assert held(rig) == 1.0
    rig.set(Dispense(1.0, 12.0))
    assert held(rig) == 0.0


@pytest.mark.parametrize(
    ("command", "match"),
    [
        (Dispense(0.6, 6.0), "more than the 0.5 mL that can be pushed out"),
        (Withdraw(0.6, 6.0), "more than the 0.5 mL that can be drawn in"),
        (Withdraw(0.1, 6000.0), "rate 6000 mL/min is outside"),
        (Withdraw(0.1, 1e-6), "rate 1e-06 mL/min is outside"),
        (Withdraw(1e-9, 6.0), "less than one step"),
        (Withdraw(float("nan"), 6.0), "positive numbers"),
        (Withdraw(-0.1, 6.0), "positive numbers"),
        ("init", "no command of a pump"),
        (3, "no command of a pump"),
    ],
)
def test_what_cannot_be_is_not_sent(rig: Rig, command: object, match: str) -> None:
    with pytest.raises(OutsideLimits, match=f"(?s)pump.*{match}.*nothing was sent"):
        rig.device.set(command)


def test_limits_of_the_lab_hold(make: Make) -> None:
    rig = make(limits={"rate": (0.1, 3.0), "volume": (0, 0.2)})
    for command, match in ((Withdraw(0.1, 6.0), "rate 6"), (Withdraw(0.3, 2.0), "volume 0.3")):
        with pytest.raises(OutsideLimits, match=f"{match}.*outside the limits"):
            rig.device.set(command)


def test_before_it_is_connected_its_contents_are_asked_first(make: Make) -> None:
    rig = make(contents_mL=0.5)
    status = rig.run(lambda: rig.device.set(Dispense(0.4, 12.0)))
    assert status["contents_mL"] == pytest.approx(0.1)
    other = rig.another()
    rig.device.disconnect()
    rig.device = other
    with pytest.raises(OutsideLimits, match=r"goes beyond the syringe: it holds 0.1 of 1 mL"):
        rig.set(Dispense(0.4, 12.0))
    assert held(rig) == pytest.approx(0.1)


# ---- the valve -----------------------------------------------------------------------------------------------------


def test_the_valve_turns_to_named_ports_alone(rig: Rig) -> None:
    assert rig.set("out", "valve") == {"position": "out"}
    assert rig.device.valve.locate() == {"setpoint": "out", "readback": "out"}
    assert rig.run(rig.device.valve.trigger) == {"position": "out"}
    assert rig.device.valve.action_class("set", "out") == "idempotent"
    with pytest.raises(OutsideLimits, match="'drain' is no port: in, out"):
        rig.device.valve.set("drain")


def test_the_valve_does_not_turn_while_the_plunger_moves(rig: Rig) -> None:
    status = rig.begin(Dispense(0.4, 1.2), 2.0)
    with pytest.raises(Refused, match="moving its plunger"):
        rig.set("in", "valve")
    rig.clock.run(asyncio.sleep(25.0))
    assert status.success
    assert rig.device.valve.readback.get() == "out"


def test_a_pump_that_somebody_else_moves_is_left_alone(rig: Rig) -> None:
    other = rig.another()
    rig.begin(Dispense(0.4, 1.2), 2.0)
    rig.device.disconnect()
    rig.device = other
    with pytest.raises(Refused, match="at work though nobody asked"):
        rig.set(Withdraw(0.1, 6.0))
    with pytest.raises(Refused, match="at work though nobody asked"):
        rig.set("in", "valve")


def test_a_second_command_is_refused(rig: Rig) -> None:
    rig.begin(Dispense(0.4, 1.2), 2.0)
    with pytest.raises(Refused, match="busy with another action"):
        rig.set(Withdraw(0.1, 6.0))


# ---- stopping ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["halt", "make_safe"])
def test_it_stops_in_mid_motion_and_knows_what_it_holds(rig: Rig, how: str) -> None:
    status = rig.begin(Dispense(0.4, 1.2), 5.0)
    assert not rig.far.is_safe()
    getattr(rig.device, how)()
    assert rig.far.is_safe()
    assert isinstance(status.exception(1), InDoubt)
    assert 0.35 < held(rig) < 0.45
    assert rig.device.contents_mL.get() == pytest.approx(held(rig), abs=1e-3)
    assert rig.set(Withdraw(0.1, 12.0))["contents_mL"] == pytest.approx(held(rig), abs=1e-3)


def test_stopping_goes_through_a_line_that_fails_once(rig: Rig) -> None:
    rig.begin(Dispense(0.4, 1.2), 5.0)
    rig.bench.inject("instrument", "drop")
    rig.device.halt()
    assert rig.far.is_safe()


# ---- what is in doubt ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "verdict", "amount"), [(0.0, "not", 0.0), (2.5, "partial", None), (30.0, "happened", 0.4)]
)
def test_an_action_in_doubt_is_settled_by_the_position(
    rig: Rig, after: float, verdict: str, amount: float | None
) -> None:
    intent = rig.intend(MIDDLE)
    before = held(rig)
    if after:
        rig.begin(MIDDLE, after)
    rig.device.disconnect()
    rig.device = rig.another()  # a process that begins anew
    rig.device.halt()
    found = rig.reconcile(intent)
    assert found.verdict == verdict
    assert found.amount == pytest.approx(held(rig) - before if amount is None else amount, abs=1e-3)
    assert found.result["contents_mL"] == pytest.approx(held(rig), abs=1e-3)


def test_a_position_that_nobody_can_explain_is_unknown(rig: Rig) -> None:
    intent = rig.intend(MIDDLE)
    rig.device.disconnect()
    rig.device = rig.another()
    rig.set(Dispense(0.2, 12.0))
    assert rig.reconcile(intent).verdict == "unknown"


def test_after_its_power_went_nothing_can_be_settled(rig: Rig) -> None:
    intent = rig.intend(MIDDLE)
    status = rig.begin(MIDDLE, 3.0)
    rig.far.power_cycle()
    rig.clock.run(asyncio.sleep(20.0))
    error = status.exception(1)
    assert isinstance(error, InstrumentAlarm)
    found = rig.reconcile(intent)
    assert (found.verdict, found.why[:30]) == ("unknown", "its position means nothing: it"[:30])
    with pytest.raises(Refused, match="not initialised"):
        rig.set(Withdraw(0.1, 6.0))


def test_what_is_no_movement_cannot_be_settled(rig: Rig) -> None:
    for value, context in (("initialize", {"position": 0.5}), (command_to_json(MIDDLE), {})):
        intent = Intent("pump", "set", value, "once", context)
        assert rig.reconcile(intent).verdict == "unknown"


def test_a_pump_that_still_moves_cannot_be_settled(rig: Rig) -> None:
    intent = rig.intend(MIDDLE)
    rig.begin(MIDDLE, 2.5)
    assert "still moves" in rig.reconcile(intent).why


def test_somebody_who_moved_it_between_intent_and_action_is_noticed(rig: Rig) -> None:
    rig.intend(MIDDLE)
    first, rig.device = rig.device, rig.another()
    first.disconnect()
    rig.set(Dispense(0.2, 12.0))
    rig.device.disconnect()
    rig.device = first
    with pytest.raises(Refused, match="somebody else works with this pump"):
        rig.set(MIDDLE)


def test_a_state_that_was_recorded_gives_way_to_what_the_pump_tells(make: Make) -> None:
    rig = make(contents_mL=0.5)
    rig.device.restore({"contents_mL": 0.3})
    assert rig.device.contents_mL.get() == 0.3
    rig.device.connect()
    rig.device.restore({"contents_mL": 0.3})
    assert rig.device.contents_mL.get() == pytest.approx(0.5)


# ---- a line that fails ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["cavro-dt", "cavro-oem", "hamilton"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("nth", range(1, 22))
def test_each_fault_of_the_line_is_a_typed_error_or_none_and_the_next_command_is_right(
    rig: Rig, fault: Any, nth: int
) -> None:
    intent = rig.intend(FAST)
    rig.bench.inject("instrument", fault, nth=nth)
    before, trouble = held(rig), None
    try:
        result = rig.set(FAST)
        assert held(rig) == pytest.approx(before + 0.4, abs=1e-3)
        assert result["contents_mL"] == pytest.approx(held(rig), abs=1e-3)
    except InstrumentError as error:
        trouble = error
    rig.bench.wire("instrument").mend()
    rig.device.halt()
    found = rig.reconcile(intent)
    if isinstance(trouble, Refused):
        assert found.verdict == "not"
    elif trouble is not None:
        assert isinstance(trouble, LinkError | InstrumentAlarm)
    moved = held(rig) - before
    assert moved == pytest.approx(found.amount, abs=1e-3)
    assert moved <= 0.4 + 1e-3  # never done twice
    if held(rig) < 0.9:
        assert rig.set(Withdraw(0.1, 12.0))["contents_mL"] == pytest.approx(before + moved + 0.1, abs=1e-3)
    else:
        assert rig.set(Dispense(0.1, 12.0))["contents_mL"] == pytest.approx(before + moved - 0.1, abs=1e-3)


@pytest.mark.parametrize("nth", range(1, 8))
def test_a_damaged_firmware_is_not_kept_as_its_name(make: Make, nth: int) -> None:
    rig = make()
    rig.bench.inject("instrument", "garble", nth=nth)
    try:
        rig.device.connect()
    except LinkError:
        rig.device.connect()
    assert rig.device.identify()["firmware"] == rig.far.firmware


@pytest.mark.parametrize("kind", ["cavro-dt", "cavro-oem", "hamilton"])
@pytest.mark.parametrize("nth", [3, 8, 14, 17])
@pytest.mark.parametrize("seconds", [1.02, 1.12, 1.6, 2.3])
def test_a_belated_answer_is_never_believed(rig: Rig, nth: int, seconds: float) -> None:
    rig.device.connect()
    rig.bench.inject("instrument", "late", nth=nth, seconds=seconds)
    for command, left in ((Withdraw(0.4, 12.0), 0.9), (Dispense(0.1, 12.0), 0.8)):
        try:
            assert rig.set(command)["contents_mL"] == pytest.approx(left, abs=1e-3)
        except (LinkError, Refused):  # what cannot be told apart is refused or in doubt, not believed
            rig.device.halt()
            assert rig.device.contents_mL.get() == pytest.approx(held(rig), abs=1e-3)
            return
        assert held(rig) == pytest.approx(left, abs=1e-3)


# ---- settings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"inlet": "nowhere"}, "inlet 'nowhere' is none of the ports: in, out"),
        ({"outlet": "nowhere"}, "outlet 'nowhere' is none of the ports"),
        ({"contents_mL": 2.0}, "more than the syringe holds"),
        ({"limits": {"rate": (3, 1)}}, "low <= high"),
        ({"limits": {"speed": (1, 3)}}, "limits"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_settings_that_cannot_be_are_told(virtual: Clock, kind: str, settings: dict[str, Any], match: str) -> None:
    _, driver, usual = KINDS[kind]
    with pytest.raises(InputError, match=match):
        driver("pump", address="memory://x", clock=virtual, **{"volume_mL": 1.0, **usual, **settings})


@pytest.mark.parametrize("bus", [16, 200])
def test_a_bus_address_that_does_not_exist_is_told(virtual: Clock, kind: str, bus: int) -> None:
    _, driver, usual = KINDS[kind]
    with pytest.raises(InputError, match=f"bus address {bus} does not exist"):
        driver("pump", address=f"serial:///dev/ttyUSB0?bus={bus}", clock=virtual, volume_mL=1.0, **usual)


def test_two_names_of_one_place_are_refused(virtual: Clock, kind: str) -> None:
    _, driver, usual = KINDS[kind]
    ports = dict.fromkeys(("in", "out"), next(iter(driver.settings_model(volume_mL=1.0, **usual).valve_ports.values())))  # type: ignore[attr-defined]  # each model has ports
    with pytest.raises(InputError, match="has two names"):
        driver("pump", address="memory://x", clock=virtual, volume_mL=1.0, **{**usual, "valve_ports": ports})


def test_its_samples_can_be_carried_out(make: Make) -> None:
    rig = make(options={"initialized": False})
    for value in rig.device.samples():
        rig.set(value)
    for port in rig.device.valve.samples():
        rig.set(str(port), "valve")
    told = rig.read()
    assert (told["initialized"], told["moving"], told["trouble"]) == (True, False, "")
