import math
from collections.abc import Generator
from typing import Any

import pytest
from bluesky import plan_stubs as bps
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.contracts import Procedure
from autolab.model.errors import InputError, InstrumentError, OutsideEnvelope, TrialFailed
from autolab.model.roles import Dispense, Withdraw
from autolab.model.trial import as_outcome
from autolab.protocols.gravimetric import Gravimetric, outcome_of

POINT = {"rate": 5.0, "suck_back": 20.0, "dwell": 4.0}
WATER = {"density": 1.0}


def about(number: float) -> Any:
    """Return what equals `number` but for rounding; untyped, so that it fits into commands."""
    return pytest.approx(number)


def ready(bench: Any, protocol: Gravimetric) -> None:
    """Bring the apparatus to what `perform` expects."""
    bench.run(protocol.recover(bench.lab))
    bench.done.clear()


def attempt(bench: Any, protocol: Gravimetric, point: dict[str, float]) -> Any:
    """Perform one attempt in a run and return its outcome."""

    def plan() -> Generator[Any, Any, Any]:
        yield from bps.open_run()
        outcome = yield from protocol.perform(bench.lab, point)
        yield from bps.close_run()
        return outcome

    return bench.run(plan())


def test_it_is_a_protocol_with_units() -> None:
    assert isinstance(Gravimetric(), Procedure)
    assert Gravimetric.needs == {"pump": "pump", "waste": "pump", "balance": "balance"}
    assert Gravimetric.parameters == {"rate": "mL/min", "suck_back": "uL", "dwell": "s"}
    assert set(Gravimetric.outcomes) == {"error", "bias", "spread", "seconds"}


def test_without_suck_back_a_perfect_pump_makes_no_error(bench: Any) -> None:
    protocol = Gravimetric(**WATER)
    ready(bench, protocol)
    outcome = attempt(bench, protocol, {**POINT, "suck_back": 0.0})
    assert outcome["error"] == (pytest.approx(0.0, abs=1e-6), pytest.approx(0.0, abs=1e-6))
    assert outcome["spread"] == pytest.approx(0.0, abs=1e-6)
    assert outcome["seconds"] == pytest.approx(12.0 + 4.0)
    assert set(as_outcome(outcome)) == set(Gravimetric.outcomes)


def test_every_dose_brings_back_what_the_last_one_took(bench: Any) -> None:
    protocol = Gravimetric(repeats=2, **WATER)
    ready(bench, protocol)
    outcome = attempt(bench, protocol, POINT)
    doses = [(Dispense(about(1.02), 5.0)), Withdraw(0.02, 2.0)]
    prime = [(Dispense(about(0.32), 5.0)), Withdraw(0.02, 2.0)]
    assert bench.commands("dosing") == [*prime, *doses, *doses]
    # This pump refills from its stock alone, so that the whole suck-back falls too much: 20 of 1000 uL.
    assert outcome["bias"][0] == pytest.approx(2.0, abs=1e-6)
    assert outcome["seconds"] == pytest.approx(1.02 * 12 + 0.02 * 30 + 4.0, abs=1e-3)


def test_only_what_the_check_valve_lets_back_is_brought_back(bench: Any) -> None:
    protocol = Gravimetric(repeats=2, nozzle_uL=5.0, **WATER)
    ready(bench, protocol)
    outcome = attempt(bench, protocol, POINT)
    assert bench.commands("dosing")[2:4] == [Dispense(about(1.005), 5.0), Withdraw(0.02, 2.0)]
    assert outcome["bias"][0] == pytest.approx(0.5, abs=1e-6)


def test_settings_hold_for_what_the_point_leaves_open(bench: Any) -> None:
    protocol = Gravimetric(repeats=2, rate=4.0, suck_back=10.0, dwell=1.0, prime_mL=0, **WATER)
    ready(bench, protocol)
    attempt(bench, protocol, {"rate": 6.0})
    assert bench.commands("dosing")[:2] == [Dispense(about(1.01), 6.0), Withdraw(0.01, 2.0)]


def test_errors_are_told_with_their_statistics(bench: Any) -> None:
    protocol = Gravimetric(repeats=2, **WATER)
    ready(bench, protocol)
    bench.pump.arrives = 0.97
    outcome = attempt(bench, protocol, {**POINT, "suck_back": 0.0})
    assert outcome["error"][0] == pytest.approx(3.0, abs=1e-6)
    assert outcome["bias"][0] == pytest.approx(-3.0, abs=1e-6)


def test_the_vessel_is_emptied_and_every_weighing_is_an_event(bench: Any) -> None:
    protocol = Gravimetric(repeats=3, **WATER)
    ready(bench, protocol)
    attempt(bench, protocol, POINT)
    assert bench.vessel.grams == pytest.approx(0.0)
    assert bench.waste.contents == 0.0
    weights = [event["balance_weight"] for event in bench.events()]
    assert weights == pytest.approx([0.32 + 1.02, 0.32 + 2.04, 0.32 + 3.06])


def test_a_known_volume_is_drawn_without_much_air(bench: Any) -> None:
    protocol = Gravimetric(repeats=3, **WATER)
    ready(bench, protocol)
    attempt(bench, protocol, POINT)
    first, *_ = [command for command in bench.commands("waste") if isinstance(command, Withdraw)]
    assert first.volume == pytest.approx(1.1 * 3.38 + 2)


@pytest.mark.parametrize("repeats", [12, 25])
def test_the_pump_is_refilled_and_primed_when_it_runs_low(bench: Any, repeats: int) -> None:
    protocol = Gravimetric(repeats=repeats, **WATER)
    ready(bench, protocol)
    outcome = attempt(bench, protocol, {**POINT, "suck_back": 0.0})
    assert outcome["error"][0] == pytest.approx(0.0, abs=1e-6)
    commands = bench.commands("dosing")
    refills = [index for index, command in enumerate(commands) if isinstance(command, Withdraw)]
    assert len(refills) == (repeats - 1) // 9
    assert all(commands[index + 1] == Dispense(0.3, 5.0) for index in refills)


def test_one_attempt_lasts_longer_than_ten_minutes(bench: Any) -> None:
    protocol = Gravimetric(**WATER)
    ready(bench, protocol)
    attempt(bench, protocol, POINT)
    began = bench.clock.now()
    attempt(bench, protocol, {"rate": 15.0, "suck_back": 0.0, "dwell": 0.0})
    assert bench.clock.now() - began >= 600


# ---- failures


@pytest.mark.parametrize(
    ("arrives", "match"),
    [(0.0, "dose 1 weighed 0.0000 g instead of 1.0000 g: hardly anything arrived"), (4.0, "far more arrived than")],
)
def test_an_absurd_dose_is_the_experiments_failure(bench: Any, arrives: float, match: str) -> None:
    protocol = Gravimetric(**WATER)
    ready(bench, protocol)
    bench.pump.arrives = arrives
    with pytest.raises(TrialFailed, match=match):
        attempt(bench, protocol, POINT)


def test_a_vessel_that_would_overflow_ends_the_trial(bench: Any) -> None:
    protocol = Gravimetric(vessel_mL=6.0, **WATER)
    ready(bench, protocol)
    bench.pump.arrives = 1.5
    with pytest.raises(TrialFailed, match=r"the vessel holds 5\.1 of 6 mL: another 1\.02 mL would overflow it"):
        attempt(bench, protocol, POINT)
    assert bench.vessel.grams < 6.0


def test_a_weight_that_does_not_settle_after_a_dose_is_the_points_fault(bench: Any) -> None:
    protocol = Gravimetric(**WATER)
    ready(bench, protocol)
    bench.balance.errors = iter([0.0] * 3 + [0.01 * (n % 2) for n in range(200)])
    with pytest.raises(TrialFailed, match=r"did not settle to 0\.002 g within 60 s of a dose"):
        attempt(bench, protocol, POINT)


def test_a_balance_that_does_not_settle_at_rest_is_the_machines(bench: Any) -> None:
    protocol = Gravimetric(**WATER)
    ready(bench, protocol)
    bench.balance.stable = False
    with pytest.raises(InstrumentError, match=r"balance: does not settle to 0\.002 g within 60 s: look for draught"):
        attempt(bench, protocol, POINT)


def test_a_vessel_that_cannot_be_emptied_is_the_machines(bench: Any) -> None:
    protocol = Gravimetric(**WATER)
    ready(bench, protocol)
    bench.waste.source = None  # its line has slipped off
    with pytest.raises(InstrumentError, match=r"waste: 5\.42 g are left in the vessel \(allowed: 0\.5 g\)"):
        attempt(bench, protocol, POINT)


def test_a_vessel_that_fills_while_it_is_emptied_ends_recovering(bench: Any) -> None:
    protocol = Gravimetric(vessel_mL=40.0, **WATER)
    bench.vessel.grams = 1000.0
    with pytest.raises(InstrumentError, match=r"waste: the vessel is not empty after 3 strokes of 50 mL"):
        bench.run(protocol.recover(bench.lab))


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf, "fast", None, True])
@pytest.mark.parametrize("name", ["rate", "suck_back", "dwell"])
def test_a_point_that_no_pump_can_perform_is_outside(name: str, value: Any) -> None:
    with pytest.raises(OutsideEnvelope, match=f"{name} must be a number, 0 or more, got"):
        Gravimetric().check(None, {**POINT, name: value})


def test_a_rate_of_nothing_is_outside() -> None:
    Gravimetric().check(None, POINT)
    with pytest.raises(OutsideEnvelope, match=r"rate must be positive, got 0\.0 mL/min"):
        Gravimetric().check(None, {**POINT, "rate": 0})


# ---- recovering


@given(
    vessel=st.floats(0, 100),
    tared=st.floats(-50, 50),
    held=st.floats(0, 50),
    pump=st.floats(0, 10),
    liquid=st.booleans(),
)
def test_recover_makes_ready_from_any_state(
    vessel: float, tared: float, held: float, pump: float, liquid: bool
) -> None:
    """Judged by messages alone: a small simulation of the apparatus answers them."""
    grams, contents, level = vessel, held, pump
    tare, taken = tared, held if liquid else 0.0
    lab = _Lab()
    plan = Gravimetric(**WATER).recover(lab)  # type: ignore[arg-type]  # what a protocol sees of a lab
    reply: Any = None
    while True:
        try:
            message = plan.send(reply)
        except StopIteration:
            break
        reply = None
        if message.command == "read":
            reply = message.obj.tell(contents_mL=contents if message.obj is lab.waste else level, weight=grams - tare)
        elif message.command == "set":
            command = message.args[0]
            if command == "tare":
                tare = grams
            elif message.obj is lab.pump:
                level += command.volume if isinstance(command, Withdraw) else -command.volume
            elif isinstance(command, Withdraw):
                contents, taken = contents + command.volume, taken + min(grams, command.volume)
                grams -= min(grams, command.volume)
            else:
                contents, taken = contents - command.volume, max(0.0, taken - command.volume)
            assert 0 <= contents <= 50 + 1e-9
            assert 0 <= level <= 10 + 1e-9
    assert grams <= 0.25
    assert contents <= 0.0005
    assert level == pytest.approx(10.0, abs=0.0005)
    assert tare == grams


class _Part:
    def __init__(self, name: str, capacity: float) -> None:
        self.name, self._capacity = name, capacity

    def tell(self, **fields: float) -> dict[str, dict[str, float]]:
        return {f"{self.name}_{field}": {"value": value} for field, value in fields.items()}

    def read_configuration(self) -> dict[str, dict[str, float]]:
        return self.tell(capacity=self._capacity)


class _Lab:
    def __init__(self) -> None:
        self.pump, self.waste, self.balance = _Part("pump", 10.0), _Part("waste", 50.0), _Part("balance", 0.0)


def test_recover_expels_before_it_draws(bench: Any) -> None:
    bench.waste.contents = bench.waste.liquid = 30.0
    bench.vessel.grams = 70.0
    bench.run(Gravimetric(**WATER).recover(bench.lab))
    strokes = [type(command).__name__ for command in bench.commands("waste")]
    assert strokes == ["Dispense", "Withdraw", "Dispense", "Withdraw", "Dispense", "Withdraw", "Dispense"]
    assert bench.vessel.grams == 0.0
    assert bench.pump.contents == 10.0
    assert bench.done[-1] == ("balance", "tare")


# ---- settings and numbers


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"repeats": 1}, "repeats: Input should be greater than or equal to 2, got 1"),
        ({"target": 1}, r"target: Extra inputs are not permitted, got 1\. Settings: target_mL, density"),
        ({"density": 998}, "density: Input should be less than 20"),
        ({"target_mL": 30, "repeats": 4}, r"make 120\.3 mL, more than the vessel holds \(vessel_mL 100\)"),
    ],
)
def test_faulty_settings_are_told(settings: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        Gravimetric(**settings)


def test_the_outcome_by_hand() -> None:
    outcome: Any = outcome_of([1.01, 0.99, 1.03], 1.0, [10.0, 11.0, 12.0])
    assert outcome["error"] == (
        pytest.approx(5 / 3, abs=1e-6),
        pytest.approx(math.sqrt(4 / 3) / math.sqrt(3), abs=1e-6),
    )
    assert outcome["bias"] == (pytest.approx(1.0), pytest.approx(2 / math.sqrt(3), abs=1e-6))
    assert outcome["spread"] == pytest.approx(100 * 0.02 / 1.01, abs=1e-6)
    assert outcome["seconds"] == 11.0


@given(st.lists(st.floats(0.5, 1.5), min_size=2, max_size=9))
def test_error_and_bias_agree(doses: list[float]) -> None:
    outcome: Any = outcome_of(doses, 1.0, [1.0])
    assert outcome["error"][0] >= abs(outcome["bias"][0]) - 1e-6
    if min(doses) > 1.0:
        assert outcome["error"] == outcome["bias"]
