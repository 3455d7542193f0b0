"""What all pumps with an absolute position keep: valve first, nothing believed, nothing done twice, initialising on command."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from autolab.drivers.hamilton import ML600
from autolab.drivers.instrument import ActionStatus
from autolab.drivers.position_pump import PositionPump
from autolab.drivers.tecan import XCalibur
from autolab.drivers.testing import DriverContract
from autolab.model.actions import Intent, Reconciled
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
from autolab.simulators.bench import Bench

KINDS: dict[str, tuple[str, type[PositionPump], dict[str, Any]]] = {
    "cavro-dt": ("tecan.XCalibur", XCalibur, {"protocol": "dt"}),
    "cavro-oem": ("tecan.XCalibur", XCalibur, {"protocol": "oem"}),
    "hamilton": ("hamilton.ML600", ML600, {}),
    "hamilton-angle": ("hamilton.ML600", ML600, {"valve_by": "angle", "valve_ports": {"in": "0", "out": "135"}}),
    "hamilton-right": ("hamilton.ML600", ML600, {"drive": "right"}),
}
FAST, MIDDLE = Withdraw(0.4, 12.0), Withdraw(0.4, 2.4)
FAULTS = ("drop", "late", "garble", "hang", "disconnect")


class Rig:
    """A pump of 1 mL on its simulator, in virtual time, and a person."""

    def __init__(self, clock: Clock, kind: str, settings: dict[str, Any], options: dict[str, Any]) -> None:
        key, driver, usual = KINDS[kind]
        settings = {"volume_mL": 1.0, "poll_s": 0.2, **usual, **settings}
        self.clock, self.kind, self.settings, self.driver = clock, kind, settings, driver
        given = {name: value for name, value in settings.items() if name != "limits"}
        self.bench = Bench.single(key, clock=clock, settings=given, options=options)
        self.far = self.bench.instrument("instrument")
        self.pump = self.another()

    def another(self) -> PositionPump:
        """Return the driver of a process that begins anew."""
        channel = self.bench.channel("instrument")
        return self.driver("pump", address="memory://instrument", channel=channel, clock=self.clock, **self.settings)

    @property
    def held(self) -> float:
        """What the syringe truly holds, mL."""
        self.clock.run(asyncio.sleep(0))
        self.bench.world.advance()
        return round(self.bench.world.plungers["instrument"].position, 4)

    def run(self, begin: Callable[[], ActionStatus]) -> dict[str, Any]:
        """Carry an action out: return its result or raise what it failed with."""

        async def done() -> ActionStatus:
            status, over = begin(), asyncio.Event()
            status.add_callback(lambda _: self.clock.loop.call_soon_threadsafe(over.set))
            await over.wait()
            return status

        status = self.clock.run(done())
        error = status.exception(0)
        if error is not None:
            raise error
        return dict(status.result)

    def set(self, value: object) -> dict[str, Any]:
        return self.run(lambda: self.pump.set(value))

    def turn(self, port: str) -> dict[str, Any]:
        return self.run(lambda: self.pump.valve.set(port))

    def begin(self, value: object, seconds: float) -> ActionStatus:
        """Begin an action and let so much lab time pass."""

        async def started() -> ActionStatus:
            status = self.pump.set(value)
            await asyncio.sleep(seconds)
            return status

        return self.clock.run(started())

    def intend(self, value: Dispense | Withdraw) -> Intent:
        context = self.clock.run(self.pump.do_prepare("set", value))
        return Intent("pump", "set", command_to_json(value), self.pump.action_class("set", value), context)

    def reconcile(self, intent: Intent) -> Reconciled:
        return self.clock.run(self.pump.do_reconcile(intent))


Make = Callable[..., Rig]


@pytest.fixture
def make(virtual: Clock, kind: str) -> Iterator[Make]:
    made: list[Rig] = []

    def one(options: dict[str, Any] | None = None, **settings: Any) -> Rig:
        made.append(Rig(virtual, kind, settings, options or {}))
        return made[-1]

    yield one
    for rig in made:
        rig.pump.disconnect()


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def rig(make: Make) -> Rig:
    rig = make(contents_mL=0.5)
    rig.pump.connect()
    return rig


class TestPositionPump(DriverContract):
    @pytest.fixture
    def instrument(self, scaled: Clock, kind: str) -> Iterator[PositionPump]:
        rig = Rig(scaled, kind, {"contents_mL": 0.5}, {})
        yield rig.pump
        rig.pump.disconnect()

    @pytest.fixture
    def command(self) -> object:
        return Withdraw(0.1, 20.0)


class TestPumpValve(DriverContract):
    @pytest.fixture
    def instrument(self, scaled: Clock, kind: str) -> Iterator[Any]:
        rig = Rig(scaled, kind, {}, {})
        yield rig.pump.valve
        rig.pump.disconnect()

    @pytest.fixture
    def command(self) -> object:
        return "out"


# ---- meeting it ----------------------------------------------------------------------------------------------------


def test_meeting_it_moves_nothing_and_takes_its_contents_over(rig: Rig) -> None:
    assert rig.held == 0.5
    assert (rig.pump.contents_mL.get(), rig.pump.initialized.get()) == (pytest.approx(0.5), True)
    assert rig.pump.identify()["model"] == rig.settings.get("model_name", rig.pump.settings.model_name)
    assert rig.pump.locate()["readback"] == pytest.approx(0.5)


def test_a_pump_that_is_not_initialised_is_met_and_refuses_in_words(make: Make) -> None:
    rig = make(options={"initialized": False}, contents_mL=0.5)
    rig.pump.connect()
    rig.pump.connect()
    assert rig.held == 0.5
    assert not rig.pump.initialized.get()
    told = rig.run(rig.pump.trigger)
    assert (told["initialized"], told["contents_mL"], told["port"]) == (False, None, None)
    with pytest.raises(Refused, match=r"not initialised.*set\(\"initialize\"\).*pushes out"):
        rig.set(Withdraw(0.1, 6.0))
    with pytest.raises(Refused, match="not initialised"):
        rig.turn("out")
    assert rig.held == 0.5


def test_initialising_is_a_command_and_empties_the_syringe(make: Make) -> None:
    rig = make(options={"initialized": False}, contents_mL=0.5)
    assert rig.pump.action_class("set", "initialize") == "once"
    result = rig.set("initialize")
    assert (result["initialized"], result["contents_mL"]) == (True, 0.0)
    assert rig.held == 0.0
    assert rig.set(FAST)["contents_mL"] == pytest.approx(0.4)


# ---- pumping -------------------------------------------------------------------------------------------------------


def test_withdraw_comes_by_the_inlet_and_dispense_goes_by_the_outlet(rig: Rig) -> None:
    drawn = rig.set(Withdraw(0.2, 6.0))
    assert (drawn["volume_mL"], drawn["port"], drawn["contents_mL"]) == (0.2, "in", pytest.approx(0.7))
    assert rig.pump.valve.readback.get() == "in"
    pushed = rig.set(Dispense(0.6, 6.0))
    assert (pushed["volume_mL"], pushed["port"], pushed["contents_mL"]) == (0.6, "out", pytest.approx(0.1))
    assert rig.pump.valve.readback.get() == "out"
    assert rig.held == pytest.approx(0.1)
    assert pushed["state"] == {"contents_mL": pushed["contents_mL"]}
    assert rig.pump.locate()["setpoint"] == pytest.approx(0.1)


@pytest.mark.parametrize("rate", [0.3, 1.2, 6.0])
def test_it_takes_as_long_as_the_rate_says(rig: Rig, rate: float) -> None:
    result = rig.set(Dispense(0.3, rate))
    assert result["rate_mL_min"] == pytest.approx(rate, rel=0.02)
    assert result["seconds"] == pytest.approx(0.3 / result["rate_mL_min"] * 60, abs=0.6)


def test_progress_is_told(rig: Rig) -> None:
    seen: list[float] = []
    rig.run(lambda: _watched(rig.pump.set(Dispense(0.4, 0.6)), seen))
    assert seen[-1] == pytest.approx(0.4)
    assert sorted(seen) == seen
    assert any(0 < value < 0.4 for value in seen)


def _watched(status: ActionStatus, seen: list[float]) -> ActionStatus:
    status.watch(lambda **told: seen.append(told["current"]))
    return status


def test_the_whole_syringe_can_be_filled_and_emptied(rig: Rig) -> None:
    rig.set(Withdraw(0.5, 12.0))
    assert rig.held == 1.0
    rig.set(Dispense(1.0, 12.0))
    assert rig.held == 0.0


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
        rig.pump.set(command)


def test_limits_of_the_lab_hold(make: Make) -> None:
    rig = make(limits={"rate": (0.1, 3.0), "volume": (0, 0.2)})
    for command, match in ((Withdraw(0.1, 6.0), "rate 6"), (Withdraw(0.3, 2.0), "volume 0.3")):
        with pytest.raises(OutsideLimits, match=f"{match}.*outside the limits"):
            rig.pump.set(command)


def test_before_it_is_connected_its_contents_are_asked_first(make: Make) -> None:
    rig = make(contents_mL=0.5)
    status = rig.run(lambda: rig.pump.set(Dispense(0.4, 12.0)))
    assert status["contents_mL"] == pytest.approx(0.1)
    other = rig.another()
    rig.pump.disconnect()
    rig.pump = other
    with pytest.raises(OutsideLimits, match=r"goes beyond the syringe: it holds 0.1 of 1 mL"):
        rig.set(Dispense(0.4, 12.0))
    assert rig.held == pytest.approx(0.1)


# ---- the valve -----------------------------------------------------------------------------------------------------


def test_the_valve_turns_to_named_ports_alone(rig: Rig) -> None:
    assert rig.turn("out") == {"position": "out"}
    assert rig.pump.valve.locate() == {"setpoint": "out", "readback": "out"}
    assert rig.run(rig.pump.valve.trigger) == {"position": "out"}
    assert rig.pump.valve.action_class("set", "out") == "idempotent"
    with pytest.raises(OutsideLimits, match="'drain' is no port: in, out"):
        rig.pump.valve.set("drain")


def test_the_valve_does_not_turn_while_the_plunger_moves(rig: Rig) -> None:
    status = rig.begin(Dispense(0.4, 1.2), 2.0)
    with pytest.raises(Refused, match="moving its plunger"):
        rig.turn("in")
    rig.clock.run(asyncio.sleep(25.0))
    assert status.success
    assert rig.pump.valve.readback.get() == "out"


def test_a_pump_that_somebody_else_moves_is_left_alone(rig: Rig) -> None:
    other = rig.another()
    rig.begin(Dispense(0.4, 1.2), 2.0)
    rig.pump.disconnect()
    rig.pump = other
    with pytest.raises(Refused, match="at work though nobody asked"):
        rig.set(Withdraw(0.1, 6.0))
    with pytest.raises(Refused, match="at work though nobody asked"):
        rig.turn("in")


def test_a_second_command_is_refused(rig: Rig) -> None:
    rig.begin(Dispense(0.4, 1.2), 2.0)
    with pytest.raises(Refused, match="busy with another action"):
        rig.set(Withdraw(0.1, 6.0))


# ---- stopping ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["halt", "make_safe"])
def test_it_stops_in_mid_motion_and_knows_what_it_holds(rig: Rig, how: str) -> None:
    status = rig.begin(Dispense(0.4, 1.2), 5.0)
    assert not rig.far.is_safe()
    getattr(rig.pump, how)()
    assert rig.far.is_safe()
    assert isinstance(status.exception(1), InDoubt)
    assert 0.35 < rig.held < 0.45
    assert rig.pump.contents_mL.get() == pytest.approx(rig.held, abs=1e-3)
    assert rig.set(Withdraw(0.1, 12.0))["contents_mL"] == pytest.approx(rig.held, abs=1e-3)


def test_stopping_goes_through_a_line_that_fails_once(rig: Rig) -> None:
    rig.begin(Dispense(0.4, 1.2), 5.0)
    rig.bench.inject("instrument", "drop")
    rig.pump.halt()
    assert rig.far.is_safe()


# ---- what is in doubt ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "verdict", "amount"), [(0.0, "not", 0.0), (2.5, "partial", None), (30.0, "happened", 0.4)]
)
def test_an_action_in_doubt_is_settled_by_the_position(
    rig: Rig, after: float, verdict: str, amount: float | None
) -> None:
    intent = rig.intend(MIDDLE)
    before = rig.held
    if after:
        rig.begin(MIDDLE, after)
    rig.pump.disconnect()
    rig.pump = rig.another()  # a process that begins anew
    rig.pump.halt()
    found = rig.reconcile(intent)
    assert found.verdict == verdict
    assert found.amount == pytest.approx(rig.held - before if amount is None else amount, abs=1e-3)
    assert found.result["contents_mL"] == pytest.approx(rig.held, abs=1e-3)


def test_a_position_that_nobody_can_explain_is_unknown(rig: Rig) -> None:
    intent = rig.intend(MIDDLE)
    rig.pump.disconnect()
    rig.pump = rig.another()
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
    first, rig.pump = rig.pump, rig.another()
    first.disconnect()
    rig.set(Dispense(0.2, 12.0))
    rig.pump.disconnect()
    rig.pump = first
    with pytest.raises(Refused, match="somebody else works with this pump"):
        rig.set(MIDDLE)


def test_a_state_that_was_recorded_gives_way_to_what_the_pump_tells(make: Make) -> None:
    rig = make(contents_mL=0.5)
    rig.pump.restore({"contents_mL": 0.3})
    assert rig.pump.contents_mL.get() == 0.3
    rig.pump.connect()
    rig.pump.restore({"contents_mL": 0.3})
    assert rig.pump.contents_mL.get() == pytest.approx(0.5)


# ---- a line that fails ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["cavro-dt", "cavro-oem", "hamilton"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("nth", range(1, 22))
def test_each_fault_of_the_line_is_a_typed_error_or_none_and_the_next_command_is_right(
    rig: Rig, fault: Any, nth: int
) -> None:
    intent = rig.intend(FAST)
    rig.bench.inject("instrument", fault, nth=nth)
    before, trouble = rig.held, None
    try:
        result = rig.set(FAST)
        assert rig.held == pytest.approx(before + 0.4, abs=1e-3)
        assert result["contents_mL"] == pytest.approx(rig.held, abs=1e-3)
    except InstrumentError as error:
        trouble = error
    rig.bench.wire("instrument").mend()
    rig.pump.halt()
    found = rig.reconcile(intent)
    if isinstance(trouble, Refused):
        assert found.verdict == "not"
    elif trouble is not None:
        assert isinstance(trouble, LinkError | InstrumentAlarm)
    moved = rig.held - before
    assert moved == pytest.approx(found.amount, abs=1e-3)
    assert moved <= 0.4 + 1e-3  # never done twice
    if rig.held < 0.9:
        assert rig.set(Withdraw(0.1, 12.0))["contents_mL"] == pytest.approx(before + moved + 0.1, abs=1e-3)
    else:
        assert rig.set(Dispense(0.1, 12.0))["contents_mL"] == pytest.approx(before + moved - 0.1, abs=1e-3)


@pytest.mark.parametrize("nth", range(1, 8))
def test_a_damaged_firmware_is_not_kept_as_its_name(make: Make, nth: int) -> None:
    rig = make()
    rig.bench.inject("instrument", "garble", nth=nth)
    try:
        rig.pump.connect()
    except LinkError:
        rig.pump.connect()
    assert rig.pump.identify()["firmware"] == rig.far.firmware


@pytest.mark.parametrize("kind", ["cavro-dt", "cavro-oem", "hamilton"])
@pytest.mark.parametrize("nth", [3, 8, 14, 17])
@pytest.mark.parametrize("seconds", [1.02, 1.12, 1.6, 2.3])
def test_a_belated_answer_is_never_believed(rig: Rig, nth: int, seconds: float) -> None:
    rig.pump.connect()
    rig.bench.inject("instrument", "late", nth=nth, seconds=seconds)
    for command, held in ((Withdraw(0.4, 12.0), 0.9), (Dispense(0.1, 12.0), 0.8)):
        try:
            assert rig.set(command)["contents_mL"] == pytest.approx(held, abs=1e-3)
        except (LinkError, Refused):  # what cannot be told apart is refused or in doubt, not believed
            rig.pump.halt()
            assert rig.pump.contents_mL.get() == pytest.approx(rig.held, abs=1e-3)
            return
        assert rig.held == pytest.approx(held, abs=1e-3)


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
    for value in rig.pump.samples():
        rig.set(value)
    for port in rig.pump.valve.samples():
        rig.turn(str(port))
    told = rig.run(rig.pump.trigger)
    assert (told["initialized"], told["moving"], told["trouble"]) == (True, False, "")
