import asyncio
from collections.abc import Generator
from typing import Any

import pytest
from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autolab.model.contracts import Procedure
from autolab.model.errors import InputError, InstrumentAlarm, InstrumentError, OutsideEnvelope, TrialFailed
from autolab.model.roles import Dispense, Withdraw
from autolab.model.trial import as_outcome
from autolab.protocols.formulation import Formulation
from autolab.protocols.liquids import DoseOff, NotEmpty
from autolab.protocols.rinsing import NotClean, ProbeDrifts

NAMES = ("solvent", "blend", "salt")
POINT = {"solvent": 0.25, "blend": 0.25, "salt": 0.5, "temperature": 40.0}
QUICK = {"mix_s": 10.0, "equilibrate_s": 5.0}


def made(**changed: Any) -> Formulation:
    return Formulation(**{"stocks": NAMES, **QUICK, **changed})


def attempt(bench: Any, protocol: Formulation, point: Any = POINT) -> Any:
    """Perform one attempt in a run and return its outcome."""

    def plan() -> Generator[Any, Any, Any]:
        yield from bps.open_run()
        outcome = yield from protocol.perform(bench.lab, point)
        yield from bps.close_run()
        return outcome

    return bench.run(plan())


def full(bench: Any) -> None:
    """Fill all pumps of stocks, so that no attempt refills them."""
    for name, pump in bench.pumps.items():
        pump.contents = 50.0
        pump.liquid.volumes = {name: 50.0}


# ---- what it is


def test_it_is_a_protocol_whose_needs_follow_its_stocks() -> None:
    protocol = made(composition={"EC": (0, 0.6), "LiPF6": (0.2, 2.3)})
    assert isinstance(protocol, Procedure)
    assert list(protocol.needs) == [*NAMES, "rinse", "transfer", "waste", "balance", "heater", "stirrer", "cell"]
    assert {protocol.needs[name] for name in (*NAMES, "rinse", "transfer", "waste")} == {"pump"}
    assert protocol.parameters == {"solvent": "", "blend": "", "salt": "", "temperature": "degC"}
    assert protocol.outcomes == {
        "conductivity": "mS/cm",
        "cost": "",
        "temperature_measured": "degC",
        "EC": "",
        "LiPF6": "mol/kg",
    }
    assert set(Formulation.needs) == set(protocol.needs) - set(NAMES)
    assert Formulation.parameters == {"temperature": "degC"}


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"stocks": []}, "stocks: Tuple should have at least 1 item"),
        ({"stocks": ["a", "a"]}, r"each stock once, got \['a', 'a'\]"),
        ({"stocks": ["a-b"]}, "'a-b' cannot name a stock's role: use letters, digits and _"),
        ({"stocks": ["rinse"]}, "'rinse' means something else here: call the stock's role 'rinse_stock'"),
        ({"batch_mL": 25}, "batch_mL 25 does not fit: mixer_mL is 20"),
        ({"batch_mL": 15, "cell_mL": 12}, "batch_mL 15 does not fit: cell_mL is 12"),
        ({"rinse_mL": 4}, "rinse_mL 4 would not cover the probe: immersion_mL is 5"),
        ({"rinses": 5}, "rinses 5 is more than max_rinses 4"),
        ({"smallest_mL": 9}, "smallest_mL 9 is more than the batch"),
        ({"composition": {"EC": (0.6, 0.1)}}, r"EC: a range is \[low, high\] with 0 <= low <= high, got \[0.6, 0.1\]"),
        ({"replicates": 1}, "replicates: Input should be greater than or equal to 2, got 1"),
        ({"repeats": 3}, "repeats: Extra inputs are not permitted, got 3. Settings: stocks, batch_mL"),
    ],
)
def test_faulty_settings_are_told(changed: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        made(**changed)


# ---- an attempt


def test_an_attempt_gives_conductivity_cost_temperature_and_composition(mixing_bench: Any) -> None:
    outcome = attempt(mixing_bench, made())
    assert outcome["conductivity"] == (pytest.approx(20 * 0.5 * 1.3, rel=1e-6), pytest.approx(0.0, abs=1e-9))
    assert outcome["cost"] == pytest.approx(0.25 * 0.4 + 0.25 * 0.5 + 0.5 * 1.5)
    assert outcome["temperature_measured"] == 40.0
    pc, blend, salt = 2 * 1.2, 2 * 1.1, 4 * 1.3
    solvent_of_salt = salt / (1 + 2 * 0.151905)
    solvent = pc + blend + solvent_of_salt
    assert outcome["PC"] == pytest.approx(pc / solvent, abs=1e-6)
    assert outcome["EC"] == pytest.approx((blend / 2 + 0.3 * solvent_of_salt) / solvent, abs=1e-6)
    assert outcome["EMC"] == pytest.approx((blend / 2 + 0.7 * solvent_of_salt) / solvent, abs=1e-6)
    assert outcome["LiPF6"] == pytest.approx(2 * solvent_of_salt / solvent, abs=1e-6)
    assert set(made().outcomes) <= set(as_outcome(outcome))


def test_the_composition_is_that_of_the_weights_and_the_cost_that_of_the_point(mixing_bench: Any) -> None:
    mixing_bench.pumps["solvent"].arrives = 0.98
    outcome = attempt(mixing_bench, made())
    pc, rest = 0.98 * 2 * 1.2, 2 * 1.1 + 4 * 1.3 / (1 + 2 * 0.151905)
    assert outcome["PC"] == pytest.approx(pc / (pc + rest), abs=1e-6)
    assert outcome["cost"] == pytest.approx(0.975)


def test_a_species_called_like_a_parameter_is_told_apart(mixing_bench: Any) -> None:
    mixing_bench.lab.PC = mixing_bench.lab.solvent
    mixing_bench.lab.stocks = {**mixing_bench.lab.stocks, "PC": mixing_bench.lab.stocks["solvent"]}
    protocol = made(stocks=("PC", "salt"), composition={"PC": (0, 1)})
    outcome = attempt(mixing_bench, protocol, {"PC": 0.5, "salt": 0.5})
    assert protocol.outcomes["PC_measured"] == ""
    assert "PC" not in outcome
    assert outcome["PC_measured"] == pytest.approx(4.8 / (4.8 + 5.2 / 1.30381), abs=1e-6)


def test_a_stock_of_which_there_is_nothing_is_not_dosed(mixing_bench: Any) -> None:
    outcome = attempt(mixing_bench, made(), {"solvent": 0.5, "blend": 1e-9, "salt": 0.5 - 1e-9})
    assert mixing_bench.commands("pump_blend") == []
    assert outcome["temperature_measured"] == 25.0
    assert outcome["EC"] > 0  # of the salt's stock


def test_species_that_are_absent_are_told_as_nothing(mixing_bench: Any) -> None:
    outcome = attempt(mixing_bench, made(), {"solvent": 0.0, "blend": 1.0, "salt": 0.0})
    assert {name: outcome[name] for name in ("PC", "EC", "EMC", "LiPF6")} == {
        "PC": 0.0,
        "EC": 0.5,
        "EMC": 0.5,
        "LiPF6": 0.0,
    }


def test_the_movements_of_an_attempt(mixing_bench: Any) -> None:
    full(mixing_bench)
    attempt(mixing_bench, made())
    about: Any = pytest.approx
    through = [("transfer", Withdraw), ("transfer", Dispense)]
    assert mixing_bench.movements()[:5] == [
        ("pump_solvent", Dispense(2.0, 12.0)),
        ("pump_blend", Dispense(2.0, 12.0)),
        ("pump_salt", Dispense(4.0, 12.0)),
        ("transfer", Withdraw(about(8 * 1.1 + 3), 20.0)),
        ("transfer", Dispense(about(8 * 1.1 + 3), 20.0)),
    ]
    kinds = [(who, type(what)) for who, what in mixing_bench.movements()[5:]]
    waste = [("waste", Withdraw), ("waste", Dispense)]
    assert kinds == [*waste, ("pump_rinse", Dispense), *through, *waste]


def test_one_attempt_of_four_stocks_needs_fourteen_movements_at_most(mixing_bench: Any) -> None:
    full(mixing_bench)
    attempt(mixing_bench, made())
    assert len(mixing_bench.movements()) + 1 <= 14


def test_pumps_that_hold_too_little_are_refilled_at_the_same_time(mixing_bench: Any) -> None:
    full(mixing_bench)
    for name, held in (("solvent", 1.9), ("salt", 3.0), ("rinse", 23.0)):
        mixing_bench.pumps[name].contents = mixing_bench.pumps[name].liquid.volumes[name] = held
    began = mixing_bench.clock.now()
    attempt(mixing_bench, made())
    refills = [one for one in mixing_bench.movements() if isinstance(one[1], Withdraw) and one[0].startswith("pump")]
    about: Any = pytest.approx
    assert sorted(refills, key=str) == [
        ("pump_rinse", Withdraw(27.0, 15.0)),
        ("pump_salt", Withdraw(47.0, 15.0)),
        ("pump_solvent", Withdraw(about(48.1), 15.0)),
    ]
    dosed = next(index for index, (who, _what) in enumerate(mixing_bench.done) if who == "balance")
    assert all(mixing_bench.done.index(one) < dosed for one in refills)
    assert mixing_bench.clock.now() - began < 48.1 * 4 + 800  # together they would take 490 s one after the other


def test_a_dose_that_is_more_than_a_syringe_holds_is_made_of_several(mixing_bench: Any) -> None:
    mixing_bench.pumps["salt"].capacity = 3.0
    outcome = attempt(mixing_bench, made(), {**POINT, "solvent": 0.0, "blend": 0.0, "salt": 1.0})
    assert outcome["LiPF6"] == pytest.approx(2.0, abs=1e-6)
    pushed = [one.volume for one in mixing_bench.commands("pump_salt") if isinstance(one, Dispense)]
    assert pushed == pytest.approx([3.0, 3.0, 2.0])


def test_a_batch_that_is_more_than_the_transfer_syringe_holds_goes_in_several_strokes(mixing_bench: Any) -> None:
    full(mixing_bench)
    mixing_bench.transfer.capacity = 5.0
    outcome = attempt(mixing_bench, made())
    assert outcome["conductivity"][0] == pytest.approx(13.0)
    assert mixing_bench.mixer.total == pytest.approx(0.02)


def test_it_ends_ready_for_the_next(mixing_bench: Any) -> None:
    protocol = made()
    first = attempt(mixing_bench, protocol)
    assert mixing_bench.mixer.total == pytest.approx(0.02)
    assert mixing_bench.cell.total == pytest.approx(0.05)
    assert (mixing_bench.transfer.contents, mixing_bench.waste.contents) == (0.0, 0.0)
    assert not mixing_bench.heater.on
    assert not mixing_bench.stirrer.on
    second = attempt(mixing_bench, protocol)
    assert second["conductivity"][0] == pytest.approx(first["conductivity"][0], rel=0.02)


def test_phases_come_in_order(mixing_bench: Any) -> None:
    seen: list[str] = []
    mixing_bench.engine.msg_hook = lambda message: seen.append(message.kwargs.get("phase", ""))
    attempt(mixing_bench, made())
    told = [phase for phase in seen if phase]
    assert told == ["prepare", "dose", "transfer", "heat", "equilibrate", "measure", "empty", "rinse"]


def test_weighings_measurements_and_rinses_are_events(mixing_bench: Any) -> None:
    attempt(mixing_bench, made(replicates=4))
    streams = {document["uid"]: document["name"] for name, document in mixing_bench.documents if name == "descriptor"}
    found: dict[str, list[Any]] = {}
    for name, document in mixing_bench.documents:
        if name == "event":
            found.setdefault(streams[document["descriptor"]], []).append(document["data"])
    assert [one["balance_weight"] for one in found["weighings"]] == pytest.approx(
        [2.4, 4.6, 9.8, 6.02 + 0.024], abs=0.02
    )
    assert len(found["conductivity"]) == 4
    assert found["conductivity"][0]["plate_heater_readback"] == 40.0
    assert found["conductivity"][0]["probe_conductivity"] == pytest.approx(13.0)
    assert len(found["rinses"]) == 1


def test_the_mixture_is_stirred_and_warmed_before_it_is_measured(mixing_bench: Any) -> None:
    attempt(mixing_bench, made())
    order = [one for one in mixing_bench.done if one[0] in ("plate_heater", "plate_stirrer", "probe")]
    assert order[:2] == [("plate_stirrer", 400.0), ("plate_heater", 40.0)]
    assert order[2:5] == [("probe", "measured")] * 3
    assert order[5] == ("plate_heater", "off")
    assert order[-1] == ("plate_stirrer", "off")


def test_rinsing_goes_on_until_it_is_clean(mixing_bench: Any) -> None:
    mixing_bench.cell.film = 0.6  # a tenth of a rinse
    outcome = attempt(mixing_bench, made())
    rinses = [one for one in mixing_bench.commands("pump_rinse") if isinstance(one, Dispense)]
    assert len(rinses) == 2
    assert outcome["conductivity"][0] == pytest.approx(13.0)


def test_as_many_rinses_as_are_wanted_are_made(mixing_bench: Any) -> None:
    attempt(mixing_bench, made(rinses=3))
    assert len([one for one in mixing_bench.commands("pump_rinse") if isinstance(one, Dispense)]) == 3


# ---- failures: all of them the machine's


@pytest.mark.parametrize(
    ("arrives", "match"),
    [
        (
            0.9,
            r"pump_salt: dosed 4\.680 g of LiPF6_2m instead of 5\.200 g \(4\.000 mL of 1\.3 g/mL; allowed are 0\.156 g",
        ),
        (0.0, r"dosed 0\.000 g of LiPF6_2m .* too little came: is the bottle empty, is air in the line, .* clogged"),
        (1.1, r"dosed 5\.720 g of LiPF6_2m .* too much came: does a line leak or siphon"),
    ],
)
def test_a_dose_that_is_off_is_the_machines_failure(mixing_bench: Any, arrives: float, match: str) -> None:
    mixing_bench.pumps["salt"].arrives = arrives
    with pytest.raises(DoseOff, match=match) as caught:
        attempt(mixing_bench, made())
    assert isinstance(caught.value, InstrumentError)
    assert not isinstance(caught.value, TrialFailed)
    assert (caught.value.stock, caught.value.instrument) == ("LiPF6_2m", "pump_salt")
    assert caught.value.wanted == pytest.approx(5.2)
    assert caught.value.found == pytest.approx(5.2 * arrives)
    assert mixing_bench.commands("transfer") == []


@pytest.mark.parametrize("arrives", [0.975, 1.025])
def test_a_dose_within_its_tolerance_is_none(mixing_bench: Any, arrives: float) -> None:
    mixing_bench.pumps["salt"].arrives = arrives
    assert attempt(mixing_bench, made())["cost"] == pytest.approx(0.975)


def test_a_bottle_that_runs_dry_in_mid_dose_is_told_by_weight(mixing_bench: Any) -> None:
    mixing_bench.bottles["salt"].volumes = {"salt": 3.0}
    with pytest.raises(DoseOff, match=r"dosed 3\.900 g of LiPF6_2m instead of 5\.200 g .* is the bottle empty"):
        attempt(mixing_bench, made())


def test_air_behind_a_short_dose_is_driven_out(mixing_bench: Any) -> None:
    mixing_bench.bottles["salt"].volumes = {"salt": 3.0}
    pump = mixing_bench.pumps["salt"]
    with pytest.raises(DoseOff):
        attempt(mixing_bench, made())
    assert (pump.contents, pump.spilled) == (pytest.approx(0.0), 0.0)
    mixing_bench.bottles["salt"].volumes = {"salt": 500.0}
    mixing_bench.run(made().recover(mixing_bench.lab))
    asked = made().composition_of(POINT, mixing_bench.stocks)
    assert attempt(mixing_bench, made())["LiPF6"] == pytest.approx(asked.amount("LiPF6"), abs=0.01)


@pytest.mark.parametrize("arrives", [0.9, 0.5, 0.0])
def test_driving_air_out_of_a_clogged_line_never_overflows(mixing_bench: Any, arrives: float) -> None:
    pump = mixing_bench.pumps["salt"]
    pump.arrives = arrives
    with pytest.raises(DoseOff):
        attempt(mixing_bench, made())
    assert pump.spilled == 0.0
    assert mixing_bench.mixer.total <= 0.9 * 20.0 + 1e-9
    assert pump.contents < (1e-9 if arrives == 0.0 else 40.0)


def test_no_more_is_pushed_than_shows_that_liquid_comes_again(mixing_bench: Any) -> None:
    pump = mixing_bench.pumps["salt"]
    bubble = iter([0.0])  # of the first stroke nothing arrives
    end = pump._end

    def ending(command: Any) -> None:
        pump.arrives = next(bubble, 1.0) if isinstance(command, Dispense) else 1.0
        end(command)

    pump._end = ending
    with pytest.raises(DoseOff, match=r"dosed 0\.000 g of LiPF6_2m"):
        attempt(mixing_bench, made())
    pushed = [one.volume for one in mixing_bench.commands("pump_salt") if isinstance(one, Dispense)]
    assert pushed == pytest.approx([4.0, 10.0])


def test_a_small_dose_has_the_absolute_tolerance(mixing_bench: Any) -> None:
    point = {"solvent": 0.01, "blend": 0.0, "salt": 0.99}
    mixing_bench.pumps["solvent"].arrives = 0.75  # 0.096 g are wanted: 3 % are 3 mg, and 30 mg are allowed
    attempt(mixing_bench, made(), point)
    mixing_bench.pumps["solvent"].arrives = 0.65
    with pytest.raises(DoseOff, match=r"allowed are 0\.030 g more or less"):
        attempt(mixing_bench, made(), point)


def test_a_balance_that_does_not_settle_is_named(mixing_bench: Any) -> None:
    mixing_bench.balance.stable = False
    with pytest.raises(InstrumentError, match=r"balance: does not settle to 0\.005 g within 60 s: look for a drip"):
        attempt(mixing_bench, made())


def test_a_vessel_that_the_transfer_does_not_empty_is_told(mixing_bench: Any) -> None:
    mixing_bench.mixer.film = 1.0
    with pytest.raises(NotEmpty, match=r"transfer: 1\.23 g are left in the mixing vessel \(allowed: 0\.3 g\)"):
        attempt(mixing_bench, made())
    assert len(mixing_bench.commands("transfer")) == 2 * 4


def test_a_residue_is_drawn_by_another_stroke(mixing_bench: Any) -> None:
    """At first the line draws some air."""
    take, missing = mixing_bench.mixer.take, iter([0.5])
    mixing_bench.mixer.take = lambda volume: take(min(volume, mixing_bench.mixer.total - next(missing, 0.0)))
    attempt(mixing_bench, made())
    assert len(mixing_bench.commands("transfer")) == 2 * 3


def test_a_cell_that_does_not_empty_is_seen_by_the_probe(mixing_bench: Any) -> None:
    mixing_bench.waste.source = type(mixing_bench.cell)()  # its line has slipped off
    with pytest.raises(NotEmpty, match=r"waste: the cell is not empty: the probe still reads .* Does the waste line"):
        attempt(mixing_bench, made())
    assert len(mixing_bench.commands("waste")) == 4
    assert mixing_bench.cell.total < 20


def test_a_cell_that_does_not_get_clean_is_told(mixing_bench: Any) -> None:
    mixing_bench.bottles["rinse"].volumes = {"salt": 500.0, "rinse": 9500.0}
    with pytest.raises(NotClean, match=r"probe: still reads 0\.\d+ mS/cm after 4 rinses of 6 mL \(clean: 0\.2\)"):
        attempt(mixing_bench, made(tolerance_percent=10.0))


def test_a_rinse_that_does_not_come_is_told(mixing_bench: Any) -> None:
    mixing_bench.pumps["rinse"].arrives = 0.1
    with pytest.raises(DoseOff, match=r"pump_rinse: dosed 0\.600 g of rinse instead of 6\.000 g"):
        attempt(mixing_bench, made())


def test_a_probe_that_drifts_is_told(mixing_bench: Any) -> None:
    mixing_bench.probe.errors = iter([0.3 * n for n in range(100)])
    with pytest.raises(
        ProbeDrifts, match=r"probe: the probe drifts, it read 13\.9, 14\.2, 14\.5 mS/cm: they change by"
    ):
        attempt(mixing_bench, made())


def test_a_series_that_settles_meanwhile_is_measured_anew(mixing_bench: Any) -> None:
    mixing_bench.probe.errors = iter([-2.0, -1.0, -0.4])
    assert attempt(mixing_bench, made())["conductivity"][0] == pytest.approx(13.0)


def test_a_reading_that_does_not_settle_is_told(mixing_bench: Any) -> None:
    mixing_bench.probe.stable = False
    with pytest.raises(ProbeDrifts, match=r"probe: reading 1 does not settle \(last: 13 mS/cm\): look for a bubble"):
        attempt(mixing_bench, made())


def test_a_probe_outside_the_liquid_is_told(mixing_bench: Any) -> None:
    mixing_bench.probe.factor = 0.0
    with pytest.raises(InstrumentError, match=r"probe: reads 0 mS/cm in a salt solution, no more than in a clean cell"):
        attempt(mixing_bench, made())


def test_a_mixture_without_salt_may_conduct_nothing(mixing_bench: Any) -> None:
    outcome = attempt(mixing_bench, made(), {"solvent": 0.5, "blend": 0.5, "salt": 0.0})
    assert outcome["conductivity"] == (0.0, 0.0)
    assert outcome["EC"] > 0


@pytest.mark.filterwarnings("ignore")
def test_a_plate_that_does_not_reach_its_temperature_ends_the_attempt(mixing_bench: Any) -> None:
    mixing_bench.heater.fault = InstrumentAlarm("reached 31.2 instead of 40 degC", instrument="plate")
    with pytest.raises(InstrumentAlarm, match=r"reached 31\.2 instead of 40 degC"):
        attempt(mixing_bench, made())


# ---- the envelope


@pytest.mark.parametrize(
    ("point", "match"),
    [
        ({**POINT, "salt": 0.6}, r"must add up to 1, not 1\.1 \(solvent 0\.25, blend 0\.25, salt 0\.6\)"),
        ({**POINT, "salt": -0.1, "blend": 0.85}, "salt = -0.1 is no volume fraction: it must be 0 or more"),
        ({**POINT, "temperature": "hot"}, "temperature must be a number, got 'hot'"),
        ({**POINT, "temperature": float("nan")}, "temperature must be a number, got nan"),
        ({**POINT, "salt": None}, "salt must be a number, got None"),
        ({"solvent": 1.0, "blend": 0.0, "salt": 0.0}, r"LiPF6 would be 0 mol/kg, .* allows 0\.1 to 2 .* use more salt"),
    ],
)
def test_points_outside_the_envelope(mixing_bench: Any, point: Any, match: str) -> None:
    protocol = made(composition={"LiPF6": (0.1, 2.0)})
    protocol.check(mixing_bench.lab, POINT)
    with pytest.raises(OutsideEnvelope, match=match):
        protocol.check(mixing_bench.lab, point)
    with pytest.raises(OutsideEnvelope, match=match):
        attempt(mixing_bench, protocol, point)
    assert mixing_bench.done == []


@pytest.mark.parametrize("lacking", ["blend", "rinse"])
def test_a_stock_that_the_lab_does_not_describe_is_named(mixing_bench: Any, lacking: str) -> None:
    mixing_bench.lab.stocks = {name: stock for name, stock in mixing_bench.stocks.items() if name != lacking}
    with pytest.raises(
        OutsideEnvelope, match=f"does not say what the pump of '{lacking}' draws: give it `stock: NAME`"
    ):
        made().check(mixing_bench.lab, POINT)


def test_the_composition_that_a_point_asks_for(mixing_bench: Any) -> None:
    asked = made().composition_of(POINT, mixing_bench.stocks)
    found = attempt(mixing_bench, made())
    for species in ("EC", "PC", "EMC", "LiPF6"):
        assert asked.amount(species) == pytest.approx(found[species], abs=1e-6)


@settings(max_examples=50)
@given(
    held=st.lists(st.floats(0, 50), min_size=4, max_size=4),
    shares=st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda shares: sum(shares) > 0.1),
)
def test_draws_are_what_is_missing_where_too_little_is_held(held: list[float], shares: list[float]) -> None:
    point = {name: share / sum(shares) for name, share in zip(NAMES, shares, strict=True)}
    protocol = made()
    roles = (*NAMES, "rinse")
    draws = protocol.draws(point, dict(zip(roles, held, strict=True)), dict.fromkeys(roles, 50.0))
    needed = {**protocol.doses(point), "rinse": 24.0}
    for role, contents in zip(roles, held, strict=True):
        lacking = contents + 0.0005 < needed.get(role, 0.0)
        assert draws[role] == (pytest.approx(50 - contents) if lacking else 0.0)


@pytest.mark.parametrize("held", [0.0, 3.0, 30.0])
def test_draws_are_what_the_plan_draws(mixing_bench: Any, held: float) -> None:
    for name, pump in mixing_bench.pumps.items():
        pump.contents = pump.liquid.volumes[name] = held
    before = {name: bottle.total for name, bottle in mixing_bench.bottles.items()}
    roles = (*NAMES, "rinse")
    told = made().draws(POINT, dict.fromkeys(roles, held), dict.fromkeys(roles, 50.0))
    attempt(mixing_bench, made())
    taken = {name: before[name] - bottle.total for name, bottle in mixing_bench.bottles.items()}
    assert taken == pytest.approx(told)


# ---- recovering


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    mixer=st.floats(0, 20),
    cell=st.floats(0, 20),
    line=st.floats(0, 50),
    waste=st.floats(0, 50),
    wet=st.floats(0, 1),
    tared=st.floats(-30, 30),
    held=st.floats(0, 50),
)
def test_recover_makes_ready_from_any_state(
    mixing_bench: Any, mixer: float, cell: float, line: float, waste: float, wet: float, tared: float, held: float
) -> None:
    bench = mixing_bench
    bench.bottles["rinse"].volumes = {"rinse": 1000.0}
    bench.mixer.volumes, bench.cell.volumes = {"salt": mixer}, {"salt": cell}
    bench.transfer.contents, bench.transfer.liquid.volumes = line, {"salt": wet * line}
    bench.waste.contents, bench.waste.liquid.volumes = waste, {"salt": wet * waste}
    bench.transfer.spilled = 0.0
    bench.balance.tare = tared
    bench.heater.on = bench.stirrer.on = True
    for name, pump in bench.pumps.items():
        pump.contents = pump.liquid.volumes[name] = held
    bench.run(made().recover(bench.lab))
    assert bench.transfer.spilled <= 0
    assert bench.mixer.total == pytest.approx(0.02, abs=0.001)
    assert bench.cell.total == pytest.approx(0.05, abs=0.001)
    assert 20 * bench.cell.volumes.get("salt", 0.0) / bench.cell.total <= 0.2
    assert bench.transfer.contents < 0.0005
    assert bench.waste.contents < 0.0005
    assert not bench.heater.on
    assert not bench.stirrer.on
    assert bench.balance.tare == bench.mixer.grams


def test_recover_switches_off_before_anything_moves(mixing_bench: Any) -> None:
    mixing_bench.run(made().recover(mixing_bench.lab))
    assert mixing_bench.done[:2] == [("plate_heater", "off"), ("plate_stirrer", "off")]
    assert mixing_bench.done[-3:] == [("balance", "tare"), *[("balance", "weighed")] * 2]


def test_a_balance_that_was_switched_on_under_load_is_not_tared(mixing_bench: Any) -> None:
    mixing_bench.balance.zero = 19.0
    protocol = made()
    mixing_bench.run(protocol.recover(mixing_bench.lab))
    outcome = attempt(mixing_bench, protocol)
    assert outcome["conductivity"][0] == pytest.approx(13.0, rel=0.02)
    assert ("balance", "tare") not in mixing_bench.done
    assert outcome["LiPF6"] == pytest.approx(protocol.composition_of(POINT, mixing_bench.stocks).amount("LiPF6"))


def test_recover_empties_the_cell_before_the_transfer_pushes_into_it(mixing_bench: Any) -> None:
    mixing_bench.cell.volumes = {"salt": 18.0}
    mixing_bench.transfer.contents, mixing_bench.transfer.liquid.volumes = 30.0, {"salt": 30.0}
    mixing_bench.run(made().recover(mixing_bench.lab))
    order = [who for who, what in mixing_bench.movements() if isinstance(what, Dispense)]
    assert order[:4] == ["waste", "transfer", "waste", "transfer"]
    assert mixing_bench.transfer.spilled <= 0


def test_a_vessel_that_fills_while_it_is_emptied_ends_recovering(mixing_bench: Any) -> None:
    mixing_bench.mixer.volumes = {"rinse": 500.0}
    with pytest.raises(NotEmpty, match="transfer: the mixing vessel gives more than the 20 mL that it holds"):
        mixing_bench.run(made().recover(mixing_bench.lab))


@pytest.mark.parametrize("seconds", [30.0, 90.0, 160.0, 250.0, 420.0, 500.0, 620.0, 680.0, 740.0])
def test_recover_follows_an_attempt_that_was_cut_off_anywhere(mixing_bench: Any, seconds: float) -> None:
    protocol = made()

    async def cut() -> None:
        await asyncio.sleep(seconds)
        await mixing_bench.engine._abort_coro("cut off")

    started: list[Any] = []

    def hook(_message: Any) -> None:
        if not started:
            started.append(mixing_bench.clock.loop.create_task(cut()))

    mixing_bench.engine.msg_hook = hook
    with mixing_bench.clock.running(), pytest.raises(Exception, match="abort"):
        mixing_bench.engine(bpp.run_wrapper(protocol.perform(mixing_bench.lab, POINT)))  # type: ignore[no-untyped-call]
    mixing_bench.run(stubs_wait(200.0))
    mixing_bench.run(protocol.recover(mixing_bench.lab))
    assert mixing_bench.transfer.spilled <= 0
    assert attempt(mixing_bench, protocol)["conductivity"][0] == pytest.approx(13.0, rel=0.02)


def stubs_wait(seconds: float) -> Generator[Any, Any, None]:
    """Let what a cut-off attempt began come to its end."""
    yield from bps.sleep(seconds)


# ---- pauses


def count(bench: Any) -> int:
    seen: list[Any] = []
    bench.engine.msg_hook = seen.append
    attempt(bench, made())
    return len(seen)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_a_pause_at_any_message_repeats_nothing_and_loses_nothing(mixing_bench: Any, part: int) -> None:
    total = count(mixing_bench)
    mixing_bench.done.clear()
    wanted = attempt(mixing_bench, made())  # from now on, every attempt finds the same
    done = [one for one in mixing_bench.done if one[0] not in ("balance", "probe")]
    for index in range(part, total - 2, 8):
        full(mixing_bench)
        mixing_bench.done.clear()
        pause_at(mixing_bench, index)
        outcome = attempt(mixing_bench, made())
        moved = [one for one in mixing_bench.done if one[0] not in ("balance", "probe")]
        assert [who for who, _what in moved if _what is not None] == [who for who, _what in done], index
        assert outcome["cost"] == wanted["cost"]
        assert outcome["conductivity"][0] == pytest.approx(wanted["conductivity"][0], rel=0.01)


def pause_at(bench: Any, index: int) -> None:
    """Pause when the message of this number is about to be handled, and be resumed."""
    seen: list[Any] = []
    tasks: list[Any] = []

    async def pause() -> None:
        if bench.engine.state == "running":
            await bench.engine._request_pause_coro()

    def hook(message: Any) -> None:
        seen.append(message)
        if len(seen) == index + 1:
            tasks.append(bench.clock.loop.create_task(pause()))

    bench.engine.msg_hook = hook
