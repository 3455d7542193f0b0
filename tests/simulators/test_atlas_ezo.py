"""The conductivity circuit on its line: modes, commands, calibration, what it makes of a liquid."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from autolab.model.clock import Clock
from autolab.model.errors import InputError
from autolab.simulators.bench import Bench
from autolab.simulators.simulator import Simulator


class Lines:
    """Somebody on the circuit's line, and the liquid at its tip."""

    def __init__(self, clock: Clock, settings: dict[str, Any], options: dict[str, Any]) -> None:
        self.clock = clock
        self.bench = Bench.single("atlas_ezo.EC", clock=clock, settings=settings, options=options, seed=7)
        self.circuit = self.bench.instrument("instrument")
        self.channel = self.bench.channel("instrument")
        self.liquid = {"conductivity": 0.0, "temperature": 25.0}
        self.circuit.site.truth = lambda: self.liquid
        self.circuit.site.seen = dict(self.liquid)
        self._heard = b""
        self.channel.open()
        self.channel.on_bytes(self._hear)

    def _hear(self, data: bytes) -> None:
        self._heard += data

    def hear(self) -> list[str]:
        """Return the lines that came since the last call."""
        heard, self._heard = self._heard, b""
        assert heard == b"" or heard.endswith(b"\r"), heard
        return heard.decode("latin-1").split("\r")[:-1]

    def wait(self, seconds: float) -> list[str]:
        self.clock.run(asyncio.sleep(seconds))
        return self.hear()

    def say(self, *commands: str, wait: float = 2.0) -> list[str]:
        """Send commands, let `wait` s pass, and return the lines that came."""
        self.channel.write("".join(f"{command}\r" for command in commands).encode("latin-1"))
        return self.wait(wait)

    def dip(self, conductivity: float) -> None:
        """Put the tip into a liquid (mS/cm) and wait until it has come to it."""
        self.liquid["conductivity"] = conductivity
        self.wait(100.0)

    def value(self) -> float:
        """Return a reading, uS/cm."""
        line, code = self.say("R")
        assert code == "*OK"
        return float(line)

    def do(self, act: Callable[[], object]) -> None:
        async def acted() -> None:
            act()

        self.clock.run(acted())


@pytest.fixture
def make(clock: Clock) -> Callable[..., Lines]:
    """Make a circuit without noise and drift, silent unless told otherwise."""

    def one(settings: dict[str, Any] | None = None, **options: Any) -> Lines:
        for name in ("noise", "drift_per_h"):
            options.setdefault(name, 0.0)
        options.setdefault("continuous", False)
        return Lines(clock, settings or {}, options)

    return one


@pytest.fixture
def lines(make: Callable[..., Lines]) -> Lines:
    return make()


# ---- modes ---------------------------------------------------------------------------------------------------------


def test_it_talks_unasked_from_power_up(make: Callable[..., Lines]) -> None:
    lines = make(continuous=True)
    assert lines.wait(5.5) == ["0.00"] * 5
    assert lines.say("C,?", wait=0.4) == ["?C,1", "*OK"]
    assert lines.say("C,0", wait=10.0) == ["*OK"]
    assert lines.say("C,?") == ["?C,0", "*OK"]


def test_it_talks_at_the_pace_that_is_asked_for(lines: Lines) -> None:
    assert lines.say("C,5", wait=16.0) == ["*OK", "0.00", "0.00", "0.00"]
    assert lines.say("C,1", wait=3.5) == ["*OK", "0.00", "0.00", "0.00"]


def test_a_command_in_hand_comes_before_the_next_reading_unasked(make: Callable[..., Lines]) -> None:
    lines = make(continuous=True)
    lines.wait(0.8)
    assert lines.say("R", wait=0.9) == ["0.00", "*OK"]


def test_a_reading_takes_its_time(lines: Lines) -> None:
    assert lines.say("R", wait=0.6) == []
    assert lines.wait(0.1) == ["0.00", "*OK"]


def test_commands_are_carried_out_in_turn(lines: Lines) -> None:
    assert lines.say("R", "K,?", "foo", "R", wait=0.7) == ["0.00", "*OK", "?K,1.0", "*OK", "*ER"]
    assert lines.wait(0.6) == ["0.00", "*OK"]


@pytest.mark.parametrize("asleep", ["Sleep", "SLEEP"])
def test_any_byte_wakes_it_and_is_lost(make: Callable[..., Lines], asleep: str) -> None:
    lines = make(continuous=True)
    assert lines.say(asleep, wait=10.0) == ["*SL"]
    assert lines.say("C,0", wait=0.5) == ["*WA"]
    assert lines.wait(2.0) == ["0.00", "0.00"]
    assert lines.say("C,0") == ["*OK"]


@pytest.mark.parametrize(("codes", "said"), [(True, ["*RS", "*RE"]), (False, [])])
def test_a_restart_is_told_and_it_talks_again(make: Callable[..., Lines], codes: bool, said: list[str]) -> None:
    lines = make(codes=codes, K=10.0, name="cell")
    lines.say("T,50", "L,0", "O,TDS,1")
    lines.do(lines.circuit.power_cycle)
    assert lines.say("K,?", wait=1.5) == said  # it does not hear while it starts
    assert lines.wait(1.0) == ["0.00,0"]
    lines.say("C,0", "*OK,1")
    answers = [lines.say(command)[0] for command in ("T,?", "K,?", "L,?", "Name,?", "O,?")]
    assert answers == ["?T,25.0", "?K,10.0", "?L,0", "?Name,cell", "?O,EC,TDS"]


def test_the_factorys_settings(make: Callable[..., Lines]) -> None:
    lines = make(K=10.0, name="cell")
    lines.say("TDS,0.7", "O,SG,1", "L,0")
    assert lines.say("Factory", wait=0.9) == ["*RS", "*RE"]
    lines.say("C,0", wait=5.0)
    commands = ("K,?", "TDS,?", "O,?", "L,?", "Name,?", "Cal,?", "Status")
    assert [lines.say(command)[0] for command in commands] == [
        "?K,1.0", "?TDS,0.54", "?O,EC", "?L,1", "?Name,", "?Cal,0", "?Status,S,5.038",
    ]  # fmt: skip


# ---- commands ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("i", ["?I,EC,2.10"]), ("I", ["?I,EC,2.10"]), ("STATUS", ["?Status,P,5.038"]), ("cal,?", ["?Cal,1"]),
        ("l,?", ["?L,1"]), ("L,0", []), ("*ok,?", ["?*OK,1"]), ("Name,?", ["?Name,"]), ("name,probe_1", []), ("Name,", []),
        ("Baud,?", ["?Baud,9600"]), ("K,?", ["?K,1.0"]), ("k,0.1", []), ("T,?", ["?T,25.0"]), ("t,19.5", []),
        ("O,?", ["?O,EC"]), ("o,tds,1", []), ("TDS,?", ["?TDS,0.54"]), ("tds,0.7", []), ("r", ["0.00"]), ("rt,19.5", ["0.00"]),
        ("Cal,clear", []), ("Cal,dry", []), ("Find", []), (" K , ? ", ["?K,1.0"]), ("C,99", []),
    ],
)  # fmt: skip
def test_commands_and_their_answers(lines: Lines, command: str, answer: list[str]) -> None:
    assert lines.say(command) == [*answer, "*OK"]


@pytest.mark.parametrize(
    "command",
    [
        "", "foo", "R,1", "RT", "RT,x", "T", "T,", "T,1,2", "T,-200", "C", "C,2.5", "C,100", "C,-1", "I,1", "Status,1", "L", "L,2",
        "*OK", "*OK,2", "Name", "Name,a b", "Name,01234567890123456", "Baud", "Baud,1", "Sleep,1", "Factory,1", "Find,1",
        "K,0", "K,11", "O", "O,EC", "O,pH,1", "O,EC,2", "TDS,0", "TDS,2", "Cal", "Cal,x", "Cal,mid,7", "Cal,one", "Cal,low,0",
        "Cal,one,1413", "Import,1", "\xff", "x" * 65,
    ],
)  # fmt: skip
def test_what_it_does_not_know_or_take(lines: Lines, command: str) -> None:
    assert lines.say(command) == ["*ER"]  # Cal,one in air is one of them
    assert lines.say("K,?") == ["?K,1.0", "*OK"]


def test_codes_can_be_turned_off(lines: Lines) -> None:
    assert lines.say("*OK,0", "K,?", "K,2", "foo", "R") == ["?K,1.0", "0.00"]
    assert lines.say("*OK,1", "foo") == ["*OK", "*ER"]


def test_an_endless_line_is_an_error_and_lf_counts_for_nothing(lines: Lines) -> None:
    lines.channel.write(b"x" * 100)
    assert lines.wait(0.5) == ["*ER"]
    lines.channel.write(b"\nK,?\r\n")
    assert lines.wait(0.5) == ["?K,1.0", "*OK"]


def test_commands_may_come_in_pieces(lines: Lines) -> None:
    for piece in (b"K", b",", b"?"):
        lines.channel.write(piece)
        assert lines.wait(0.5) == []
    lines.channel.write(b"\r")
    assert lines.wait(0.5) == ["?K,1.0", "*OK"]


def test_a_slower_line_takes_longer(lines: Lines) -> None:
    lines.say("Baud,300")
    assert lines.circuit.baud == 300
    assert lines.say("Status", wait=0.3) == []
    assert lines.wait(1.0) == ["?Status,P,5.038", "*OK"]


def test_identity_can_be_chosen(make: Callable[..., Lines]) -> None:
    lines = make(firmware="2.16", name="cell_1", voltage=3.3)
    answers = [lines.say(command)[0] for command in ("i", "Name,?", "Status")]
    assert answers == ["?I,EC,2.16", "?Name,cell_1", "?Status,P,3.300"]


def test_what_cannot_be_chosen_is_refused(clock: Clock) -> None:
    with pytest.raises(InputError, match=r"'probe' is not known here.*probe_constant"):
        Bench.single("atlas_ezo.EC", clock=clock, options={"probe": 1.0})


# ---- readings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("conductivity", "text"), [(0.0123, "12.30"), (1.413, "1413"), (8.0, "8000"), (80.0, "80000")])
def test_a_calibrated_circuit_tells_the_truth(lines: Lines, conductivity: float, text: str) -> None:
    lines.dip(conductivity)
    assert lines.say("R") == [text, "*OK"]


def test_the_tip_lags(make: Callable[..., Lines]) -> None:
    lines = make(response_s=30.0)
    assert lines.circuit.site.response == 30.0
    lines.circuit.site.seen["conductivity"] = 0.0
    lines.liquid["conductivity"] = 8.0
    lines.wait(30.0)
    first = lines.value()
    assert 8000 * (1 - 2.72**-1) < first < 8000 * (1 - 2.71**-1.15)
    lines.wait(300.0)
    assert lines.value() == 8000


@pytest.mark.parametrize(("conductivity", "text"), [(0.00006, "0.00"), (0.00008, "0.08"), (600.0, "500000")])
def test_the_ends_of_its_range(lines: Lines, conductivity: float, text: str) -> None:
    lines.dip(conductivity)
    assert lines.say("R")[0] == text


@pytest.mark.parametrize(
    ("settings", "options", "factor"),
    [
        ({"cell_constant": 1.0}, {}, 1.0),
        ({"cell_constant": 0.1}, {"K": 0.1}, 1.0),
        ({"cell_constant": 10.0}, {"K": 1.0}, 0.1),
        ({"cell_constant": 1.0}, {"probe_constant": 0.5, "K": 1.0}, 2.0),
    ],
)
def test_a_wrong_probe_constant_is_a_wrong_reading(
    make: Callable[..., Lines], settings: dict[str, Any], options: dict[str, Any], factor: float
) -> None:
    lines = make(settings, **options)
    lines.dip(5.0)
    assert lines.value() == pytest.approx(5000 * factor, abs=1)


def test_k_can_be_set(make: Callable[..., Lines]) -> None:
    lines = make({"cell_constant": 10.0})
    lines.dip(5.0)
    assert lines.say("K,10") == ["*OK"]
    assert lines.value() == 5000


@pytest.mark.parametrize("command", ["T,35", "RT,35"])
def test_compensation_is_that_of_water(lines: Lines, command: str) -> None:
    lines.dip(8.0)
    lines.say(command)
    assert lines.value() == pytest.approx(8000 / 1.19, abs=1)
    assert lines.say("T,?")[0] == "?T,35.0"


def test_all_outputs_in_their_order(lines: Lines) -> None:
    lines.dip(53.065)
    lines.say("O,SG,1", "O,S,1", "O,TDS,1")
    assert lines.say("R")[0] == "53060,28655,35.00,1.027"
    lines.say("TDS,1", "O,EC,0", "O,SG,0")
    assert lines.say("R")[0] == "53065,35.00"
    lines.say("O,S,0", "O,TDS,0")
    assert lines.say("R", "O,?") == ["no output", "*OK", "?O,no output", "*OK"]


# ---- calibration ---------------------------------------------------------------------------------------------------


def test_an_uncalibrated_circuit_is_wrong_until_it_is_calibrated(make: Callable[..., Lines]) -> None:
    lines = make(calibrated=False)
    assert lines.value() == 4.0  # in air
    lines.dip(8.0)
    assert lines.value() == pytest.approx(0.94 * 8000 + 4, abs=1)
    lines.dip(0.0)
    assert lines.say("Cal,dry", wait=1.6) == []
    assert lines.wait(0.1) == ["*OK"]
    assert lines.say("Cal,?")[0] == "?Cal,0"
    lines.dip(1.413)
    assert lines.say("Cal,one,1413") == ["*OK"]
    assert lines.say("Cal,?")[0] == "?Cal,1"
    lines.dip(8.0)
    assert lines.value() == 8000


@pytest.mark.parametrize("commands", [("Cal,low,84", "Cal,high,12880"), ("cal,LOW,84.0", "Cal,High,12880")])
def test_two_points(make: Callable[..., Lines], commands: tuple[str, str]) -> None:
    lines = make(calibrated=False)
    for conductivity, command in zip((0.084, 12.88), commands, strict=True):
        lines.dip(conductivity)
        assert lines.say(command) == ["*OK"]
    assert lines.say("Cal,?")[0] == "?Cal,2"
    lines.dip(8.0)
    assert lines.value() == 8000
    assert lines.say("Cal,clear", "Cal,?") == ["*OK", "?Cal,0", "*OK"]
    assert lines.value() == pytest.approx(7524, abs=1)


def test_older_firmware_names_no_point(make: Callable[..., Lines]) -> None:
    lines = make(calibrated=False)
    lines.say("Cal,dry")
    lines.dip(1.413)
    assert lines.say("Cal,1413", "Cal,?") == ["*OK", "?Cal,1", "*OK"]
    assert lines.value() == 1413


def test_it_believes_the_wrong_liquid(lines: Lines) -> None:
    lines.dip(2.826)
    lines.say("Cal,one,1413")
    assert lines.value() == 1413


# ---- noise, drift, trouble -----------------------------------------------------------------------------------------


def test_noise_is_relative_and_scaled(clock: Clock) -> None:
    def spread(noise: float) -> float:
        lines = Lines(clock, {}, {"noise": noise, "drift_per_h": 0.0, "continuous": False})
        lines.dip(8.0)
        values = [lines.value() / 8000 - 1 for _ in range(60)]
        return float((sum(value * value for value in values) / len(values)) ** 0.5)

    assert spread(0.0) == 0.0
    assert spread(0.01) == pytest.approx(0.01, rel=0.4)


def test_reseeding_draws_the_same_again(make: Callable[..., Lines]) -> None:
    lines = make(noise=0.01)
    lines.dip(8.0)
    drawn = []
    for seed in (5, 6, 5):
        lines.bench.reseed(trial=seed, attempt=1)
        drawn.append([lines.value() for _ in range(5)])
    assert drawn[0] == drawn[2] != drawn[1]


def test_drift_goes_on_through_a_new_seed(make: Callable[..., Lines]) -> None:
    lines = make(drift_per_h=0.05)
    lines.dip(8.0)
    lines.wait(3 * 3600.0)
    before = lines.value()
    assert before != 8000
    lines.bench.reseed(trial=2, attempt=1)
    assert lines.value() == pytest.approx(before, rel=1e-3)


def test_a_trend_can_begin_at_any_time(lines: Lines) -> None:
    lines.dip(8.0)

    def begin() -> None:
        lines.circuit.world.advance()
        lines.circuit.trend = -0.5

    lines.do(begin)
    lines.wait(1800.0)
    assert lines.value() == pytest.approx(6000, rel=1e-3)


def test_a_frozen_probe_says_the_same_for_ever(lines: Lines) -> None:
    lines.dip(8.0)
    lines.value()
    lines.circuit.frozen = True
    lines.dip(1.0)
    assert lines.value() == 8000
    lines.circuit.frozen = False
    assert lines.value() == 1000


# ---- state ---------------------------------------------------------------------------------------------------------


def test_it_is_a_simulator_that_is_always_safe(lines: Lines) -> None:
    assert isinstance(lines.circuit, Simulator)
    assert lines.bench.is_safe() == {"instrument": True}


def test_it_goes_on_from_a_snapshot(make: Callable[..., Lines]) -> None:
    lines = make(noise=0.01, drift_per_h=0.05, trend_per_h=0.01, calibrated=False, name="cell")
    lines.say("K,1.1", "T,30", "O,TDS,1", "TDS,0.6", "L,0")
    lines.say("Cal,dry")
    lines.dip(8.0)
    lines.say("Cal,low,84")
    lines.say("R")
    taken = lines.bench.snapshot()
    later = [lines.say("R", wait=700.0) for _ in range(5)]
    lines.say("K,2", "T,25", "O,TDS,0", "Cal,clear", "Name,x", "C,1", wait=10.0)
    lines.bench.restore(taken)
    assert [lines.say("R", wait=700.0) for _ in range(5)] == later
    assert lines.bench.instrument("instrument").calibration.low is not None
    assert [lines.say(command)[0] for command in ("K,?", "Name,?", "C,?", "T,?")] == [
        "?K,1.1",
        "?Name,cell",
        "?C,0",
        "?T,30.0",
    ]


def test_a_probe_of_which_the_lab_file_says_something_else_was_exchanged(make: Callable[..., Lines]) -> None:
    drifting = make(trend_per_h=0.5, drift_per_h=0.0, noise=0.0)
    drifting.dip(8.0)
    drifting.wait(3600.0)
    taken = drifting.bench.snapshot()
    assert drifting.value() == pytest.approx(12_000, rel=0.02)
    for trend, reading in ((0.5, 12_000), (0.0, 8000)):
        lines = make(trend_per_h=trend, drift_per_h=0.0, noise=0.0)
        lines.bench.restore(taken)
        lines.dip(8.0)
        assert lines.value() == pytest.approx(reading, rel=0.02)


def test_continuous_mode_goes_on_after_a_restore(make: Callable[..., Lines]) -> None:
    lines = make(continuous=True)
    taken = lines.bench.snapshot()
    lines.say("C,0")
    lines.do(lambda: lines.bench.restore(taken))
    assert lines.wait(3.5) == ["0.00"] * 3


def test_a_sleeper_sleeps_on_after_a_restore(lines: Lines) -> None:
    lines.say("Sleep")
    taken = lines.bench.snapshot()
    lines.say("x")
    lines.bench.restore(taken)
    assert lines.say("R") == ["*WA"]


def test_an_idle_circuit_sets_no_timers(lines: Lines) -> None:
    lines.wait(1.0)
    assert lines.circuit._ticking is None
    assert lines.circuit._busy is None
