"""The circuits for pH, oxygen and temperature on their lines: commands, calibration, what they make of a liquid."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.clock import Clock
from autolab.model.errors import InputError
from autolab.simulators.atlas_ezo_do import solubility
from autolab.simulators.atlas_ezo_ph import nernst
from autolab.simulators.atlas_ezo_rtd import in_scale, to_celsius
from autolab.simulators.bench import Bench
from autolab.simulators.sensing import Site
from autolab.simulators.simulator import Simulator


class Lines:
    """Somebody on a circuit's line, and the liquid at its tip."""

    def __init__(self, clock: Clock, kind: str, options: dict[str, Any]) -> None:
        self.clock = clock
        self.bench = Bench.single(f"atlas_ezo.{kind}", clock=clock, options=options, seed=7)
        self.circuit: Any = self.bench.instrument("instrument")
        self.channel = self.bench.channel("instrument")
        self.liquid = {"conductivity": 0.0, "temperature": 25.0, "pH": 7.0, "oxygen": 8.263}
        self.circuit.site.truth = lambda: self.liquid
        self.circuit.site.seen = dict(self.liquid)
        self._heard = b""
        self.channel.open()
        self.channel.on_bytes(self._hear)

    def _hear(self, data: bytes) -> None:
        self._heard += data

    def wait(self, seconds: float) -> list[str]:
        """Let lab time pass, and return the lines that came."""
        self.clock.run(asyncio.sleep(seconds))
        heard, self._heard = self._heard, b""
        return heard.decode("latin-1").split("\r")[:-1]

    def say(self, *commands: str, wait: float = 2.0) -> list[str]:
        """Send commands, let `wait` s pass, and return the lines that came."""
        self.channel.write("".join(f"{command}\r" for command in commands).encode("latin-1"))
        return self.wait(wait)

    def dip(self, **liquid: float) -> None:
        """Put the tip into another liquid and wait until it has come to it."""
        self.liquid.update(liquid)
        self.wait(200.0)

    def value(self) -> float:
        """Return a reading of one number."""
        line, code = self.say("R")
        assert code == "*OK"
        return float(line)


@pytest.fixture
def make(clock: Clock) -> Callable[..., Lines]:
    """Make a circuit without noise and drift, silent unless told otherwise."""

    def one(kind: str, **options: Any) -> Lines:
        quiet = {"noise": 0.0, "drift_per_h": 0.0, "continuous": False}
        return Lines(clock, kind, {**quiet, **options})

    return one


# ---- commands ------------------------------------------------------------------------------------------------------

PH_SAYS = [
    ("i", ["?I,pH,2.15"]), ("R", ["7.000"]), ("RT,19.5", ["7.000"]), ("T,?", ["?T,25.0"]), ("T,19.5", []), ("Cal,?", ["?Cal,3"]),
    ("Slope,?", ["?Slope,98.2,97.6,-9.00"]), ("pHext,?", ["?pHext,0"]), ("pHext,1", []), ("Cal,mid,7.00", []),
    ("cal,low,6.99", []), ("Cal,clear", []), ("Status", ["?Status,P,5.038"]), ("Name,?", ["?Name,"]), ("L,?", ["?L,1"]),
]  # fmt: skip
DO_SAYS = [
    ("i", ["?I,D.O.,1.98"]), ("R", ["9.09"]), ("RT,25", ["8.26"]), ("T,?", ["?T,20.0"]), ("S,?", ["?S,0.0,\xb5S"]), ("S,50000", []),
    ("S,37.5,ppt", []), ("S,5000,uS", []), ("P,?", ["?,P,101.3"]), ("P,90.25", []), ("O,?", ["?,O,mg"]), ("O,%,1", []),
    ("o,MG,0", []), ("Cal", []), ("Cal,0", []), ("Cal,clear", []), ("Cal,?", ["?Cal,2"]),
]  # fmt: skip
RTD_SAYS = [
    ("i", ["?I,RTD,2.01"]), ("R", ["25.000"]), ("S,?", ["?S,c"]), ("S,K", []), ("s,f", []), ("Cal,?", ["?Cal,1"]), ("Cal,25.5", []),
    ("Cal,clear", []), ("D,?", ["?D,0"]), ("D,6", []), ("M,?", ["?M,0"]), ("M,clear", []),
]  # fmt: skip
SAYS = [(kind, *case) for kind, cases in (("PH", PH_SAYS), ("DO", DO_SAYS), ("RTD", RTD_SAYS)) for case in cases]


@pytest.mark.parametrize(("kind", "command", "answer"), SAYS)
def test_commands_and_their_answers(make: Callable[..., Lines], kind: str, command: str, answer: list[str]) -> None:
    lines = make(kind)
    if command == "cal,low,6.99":
        lines.dip(pH=6.5)
    assert lines.say(command) == [*answer, "*OK"]


WRONG = {
    "PH": ["Slope", "pHext", "pHext,2", "Cal,mid", "Cal,mid,x", "Cal,low,8", "Cal,high,4", "Cal,7", "Cal", "K,1", "O,?", "S,?", "foo"],
    "DO": ["Cal,1", "Cal,mid,7", "S,-1", "S,1,psu", "S", "P,0", "P,x", "O,EC,1", "O,%", "Slope,?", "T,x", "foo"],
    "RTD": ["T,?", "T,20", "RT,20", "S,r", "Cal,x", "Cal,5000", "D,-1", "D,0.5", "M", "M,all", "M,9", "Slope,?", "foo"],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "command"), [(kind, command) for kind, words in WRONG.items() for command in words])
def test_what_it_does_not_know_or_take(make: Callable[..., Lines], kind: str, command: str) -> None:
    lines = make(kind)
    assert lines.say(command) == ["*ER"]
    assert lines.say("i")[0].startswith("?I,")


@pytest.mark.parametrize("kind", ["PH", "DO", "RTD"])
def test_it_is_a_simulator_and_talks_unasked(make: Callable[..., Lines], kind: str) -> None:
    lines = make(kind, continuous=True)
    assert isinstance(lines.circuit, Simulator)
    assert len(lines.wait(5.5)) == 5
    assert lines.circuit.is_safe()


def test_a_circuit_in_a_world_without_its_quantity_says_so(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autolab.simulators.world.WATER", {"conductivity": 1.0, "temperature": 25.0})
    with pytest.raises(InputError, match="this world knows no pH, only conductivity, temperature"):
        Bench.single("atlas_ezo.PH", clock=clock)


def test_unknown_options_are_named(make: Callable[..., Lines]) -> None:
    with pytest.raises(InputError, match="colour"):
        make("PH", colour="blue")
    with pytest.raises(InputError, match="scale 'r' is none; choose from c, k, f"):
        make("RTD", scale="r")


@pytest.mark.parametrize("kind", ["PH", "DO", "RTD"])
def test_readings_take_their_time(make: Callable[..., Lines], kind: str) -> None:
    takes = {"PH": 0.9, "DO": 0.6, "RTD": 0.6}[kind]
    lines = make(kind)
    assert lines.say("R", wait=takes) == []
    assert len(lines.wait(0.1)) == 2


@pytest.mark.parametrize("kind", ["PH", "DO", "RTD"])
def test_the_factorys_settings_forget_the_calibration(make: Callable[..., Lines], kind: str) -> None:
    lines = make(kind, name="cell")
    assert lines.say("Factory", wait=0.9) == ["*RS", "*RE"]
    lines.say("C,0", wait=3.0)
    assert lines.say("Cal,?", "Name,?") == ["?Cal,0", "*OK", "?Name,", "*OK"]


@pytest.mark.parametrize(("kind", "change", "told"), [
    ("PH", "pHext,1", ("pHext,?", "?pHext,1")), ("DO", "P,90", ("P,?", "?,P,90.0")), ("RTD", "S,k", ("S,?", "?S,k")),
])  # fmt: skip
def test_settings_outlive_the_power_and_a_snapshot(
    make: Callable[..., Lines], kind: str, change: str, told: tuple[str, str]
) -> None:
    lines = make(kind, noise=0.01, drift_per_h=1.0)
    lines.say(change)
    lines.wait(3600.0)

    async def cycle() -> dict[str, Any]:
        lines.circuit.power_cycle()
        state: dict[str, Any] = lines.circuit.snapshot()
        return state

    state = lines.clock.run(cycle())
    lines.wait(3.0)
    lines.say("C,0")
    assert lines.say(told[0]) == [told[1], "*OK"]
    lines.say("Factory", wait=3.0)

    async def restore() -> None:
        lines.circuit.restore(state)

    lines.clock.run(restore())
    lines.say("C,0")
    assert lines.say(told[0]) == [told[1], "*OK"]
    assert lines.circuit.snapshot()["own"]["wander"][0] == state["own"]["wander"][0]


# ---- pH ------------------------------------------------------------------------------------------------------------


def test_ph_without_calibration_is_off_and_three_points_set_it_right(make: Callable[..., Lines]) -> None:
    lines = make("PH", calibrated=False)
    assert lines.value() == pytest.approx(7.0 + 9.0 / 59.159, abs=0.001)
    assert lines.say("Slope,?") == ["?Slope,100.0,100.0,0.00", "*OK"]
    assert lines.say("Cal,low,4.00") == ["*ER"]
    assert lines.say("Cal,mid,7.00", "Cal,?") == ["*OK", "?Cal,1", "*OK"]
    lines.dip(pH=4.0)
    assert lines.value() == pytest.approx(7.0 - 3.0 * 0.982, abs=0.001)
    assert lines.say("Cal,low,4.00", "Cal,?", wait=3.0) == ["*OK", "?Cal,2", "*OK"]
    lines.dip(pH=10.0)
    assert lines.say("Cal,high,10.00", "Cal,?", wait=3.0) == ["*OK", "?Cal,3", "*OK"]
    assert lines.say("Slope,?") == ["?Slope,98.2,97.6,-9.00", "*OK"]
    for true in (1.0, 5.0, 9.0, 13.0):
        lines.dip(pH=true)
        assert lines.value() == pytest.approx(true, abs=0.001)
    lines.dip(pH=7.0)
    assert lines.say("Cal,mid,7.00", "Cal,?", wait=3.0) == ["*OK", "?Cal,1", "*OK"]


def test_ph_depends_on_the_temperature_that_is_told(make: Callable[..., Lines]) -> None:
    lines = make("PH")
    lines.dip(pH=4.0, temperature=60.0)
    assert lines.value() == pytest.approx(7.0 - 3.0 * nernst(60.0) / nernst(25.0), abs=0.01)
    assert float(lines.say("RT,60")[0]) == pytest.approx(4.0, abs=0.02)
    assert lines.say("T,?") == ["?T,60.0", "*OK"]


def test_ph_stays_within_the_range_that_is_set(make: Callable[..., Lines]) -> None:
    lines = make("PH")
    lines.dip(pH=15.0)
    assert lines.value() == 14.0
    lines.say("pHext,1")
    assert lines.value() == pytest.approx(15.0, abs=0.001)


def test_a_point_on_its_wrong_side_is_an_error(make: Callable[..., Lines]) -> None:
    lines = make("PH")
    lines.dip(pH=9.0)
    assert lines.say("Cal,low,4.00") == ["*ER"]  # the electrode says that this is no acid


# ---- oxygen --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("celsius", "salinity", "table"),  # Benson and Krause, as in the tables of the US Geological Survey, mg/L
    [
        (0.0, 0.0, 14.62),
        (10.0, 0.0, 11.29),
        (20.0, 0.0, 9.09),
        (30.0, 0.0, 7.56),
        (20.0, 35.0, 7.38),
        (10.0, 20.0, 9.94),
    ],
)
def test_the_solubility_of_oxygen_is_that_of_the_tables(celsius: float, salinity: float, table: float) -> None:
    assert solubility(celsius, salinity) == pytest.approx(table, abs=0.02)


def test_oxygen_is_compensated_for_temperature_salinity_and_pressure(make: Callable[..., Lines]) -> None:
    lines = make("DO")
    lines.say("T,25", "O,%,1")
    assert lines.say("R") == ["8.26,100.0", "*OK"]
    lines.say("S,35,ppt")
    assert float(lines.say("R")[0].split(",")[0]) == pytest.approx(solubility(25.0, 35.0), abs=0.01)
    lines.say("S,0", "P,90.25")
    assert lines.say("R") == ["8.26,112.3", "*OK"]
    assert lines.say("O,?") == ["?,O,%,mg", "*OK"]
    lines.say("O,mg,0")
    assert lines.say("R") == ["112.3", "*OK"]
    lines.say("O,%,0")
    assert lines.say("R", "O,?") == ["no output", "*OK", "?,O", "*OK"]


def test_oxygen_is_calibrated_in_air_and_without_any(make: Callable[..., Lines]) -> None:
    lines = make("DO", calibrated=False)
    lines.say("T,25")
    assert lines.value() == pytest.approx(0.94 * 8.26, abs=0.01)
    assert lines.say("Cal", "Cal,?", wait=3.0) == ["*OK", "?Cal,1", "*OK"]
    assert lines.value() == pytest.approx(8.26, abs=0.01)
    lines.dip(oxygen=0.0)
    assert lines.value() > 0.05
    assert lines.say("Cal,0", "Cal,?", wait=3.0) == ["*OK", "?Cal,2", "*OK"]
    assert lines.value() == 0.0


def test_a_dark_probe_cannot_be_air(make: Callable[..., Lines]) -> None:
    lines = make("DO")
    lines.dip(oxygen=0.0)
    assert lines.say("Cal") == ["*ER"]


# ---- temperature ---------------------------------------------------------------------------------------------------


def test_a_temperature_is_told_in_each_scale(make: Callable[..., Lines]) -> None:
    lines = make("RTD")
    for scale, told in (("k", "298.150"), ("f", "77.000"), ("c", "25.000")):
        lines.say(f"S,{scale}")
        assert lines.say("R") == [told, "*OK"]


def test_a_temperature_lags_and_is_calibrated_in_the_scale_that_is_set(make: Callable[..., Lines]) -> None:
    lines = make("RTD", calibrated=False, response_s=10.0)
    lines.liquid["temperature"] = 35.0
    lines.wait(10.0)
    assert 30.0 < lines.value() < 33.0
    lines.dip(temperature=35.0)
    assert lines.value() == pytest.approx(35.12, abs=0.001)
    lines.say("S,f")
    assert lines.say("Cal,95", "Cal,?") == ["*OK", "?Cal,1", "*OK"]
    assert lines.value() == pytest.approx(95.0, abs=0.001)
    lines.say("S,c")
    assert lines.value() == pytest.approx(35.0, abs=0.001)


def test_a_missing_probe_is_told(make: Callable[..., Lines]) -> None:
    lines = make("RTD", probe=False)
    assert lines.say("R") == ["-1023.000", "*OK"]
    assert lines.say("Cal,20") == ["*ER"]


def test_readings_are_remembered(make: Callable[..., Lines]) -> None:
    lines = make("RTD")
    lines.say("D,1", wait=25.0)
    lines.liquid["temperature"] = 30.0
    lines.wait(100.0)
    lines.say("D,0")
    assert lines.say("M,?") == ["?M,12", "*OK"]
    assert [lines.say("M")[0] for _ in range(2)] == ["1,25.00", "2,25.00"]
    every = lines.say("M,all")[0].split(",")
    assert (len(every), every[0], every[-1]) == (12, "25.00", "30.00")
    lines.wait(100.0)
    assert lines.say("M,?")[0] == "?M,12"
    lines.say("M,clear")
    assert lines.say("M,all") == ["*ER"]


def test_a_full_memory_forgets_its_oldest_value(make: Callable[..., Lines]) -> None:
    lines = make("RTD")
    lines.say("D,1", wait=600.0)
    assert lines.say("M,?")[0] == "?M,50"


@given(st.floats(-126, 1254), st.sampled_from("ckf"))
def test_scales_come_back(celsius: float, scale: str) -> None:
    assert to_celsius(in_scale(celsius, scale), scale) == pytest.approx(celsius, abs=1e-9)


def test_what_is_prompt_is_a_probes_own_affair() -> None:
    truth = {"temperature": 20.0}
    tip = Site(lambda: truth, 10.0)
    tip.prompt = frozenset()
    truth["temperature"] = 30.0
    tip.integrate(10.0)
    assert tip.seen["temperature"] == pytest.approx(26.32, abs=0.01)


def test_noise_and_drift_come_from_the_seed(clock: Clock) -> None:
    told = []
    for seed in (1, 1, 2):
        bench = Bench.single("atlas_ezo.PH", clock=clock, seed=seed)
        circuit: Any = bench.instrument("instrument")
        told.append([circuit.measure() for _ in range(20)])
    assert told[0] == told[1] != told[2]
