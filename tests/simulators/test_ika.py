"""The hotplate stirrer: its lines byte for byte, its heat, its motor, its watchdogs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from autolab.model.clock import Clock
from autolab.model.errors import InputError
from autolab.simulators.bench import Bench
from autolab.simulators.hotplate_body import HeatControl, Motor
from autolab.simulators.ika import RCTSimulator
from autolab.simulators.ika_watchdog import Watchdog
from autolab.simulators.simulator import Simulator


class Plate:
    """Somebody who talks to a plate in lab time, and looks inside."""

    def __init__(self, clock: Clock, settings: dict[str, Any] | None = None, **options: Any) -> None:
        self.clock = clock
        self.bench = Bench.single("ika.RCT", clock=clock, settings=settings, options={"noise_C": 0.0, **options})
        self.inside: RCTSimulator = self.bench.instrument("instrument")
        self.heard = b""
        self.channel = self.bench.channel("instrument")
        self.channel.open()
        self.channel.on_bytes(self._hear)

    def _hear(self, data: bytes) -> None:
        self.heard += data

    def say(self, data: bytes, wait: float = 0.2) -> bytes:
        self.heard = b""
        self.channel.write(data)
        self.wait(wait)
        return self.heard

    def ask(self, command: str) -> str:
        said = self.say(command.encode() + b"\r\n")
        assert said.endswith(b"\r\n"), said
        return said[:-2].decode()

    def do(self, *commands: str) -> None:
        for command in commands:
            assert self.say(command.encode() + b"\r\n") == b"", command

    def number(self, command: str) -> float:
        return float(self.ask(command).split()[0])

    def wait(self, seconds: float) -> None:
        self.clock.run(asyncio.sleep(seconds))

    def look(self) -> RCTSimulator:
        self.bench.world.advance()
        return self.inside


@pytest.fixture
def make(clock: Clock) -> Iterator[Callable[..., Plate]]:
    made: list[Plate] = []

    def plate(settings: dict[str, Any] | None = None, **options: Any) -> Plate:
        made.append(Plate(clock, settings, **options))
        return made[-1]

    yield plate
    for one in made:
        one.bench.close()


# ---- lines ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"IN_NAME\r\n", b"RCT digital\r\n"),
        (b"IN_PV_1\r\n", b"21.0 1\r\n"),
        (b"IN_PV_2\r\n", b"21.0 2\r\n"),
        (b"IN_PV_4\r\n", b"0.0 4\r\n"),
        (b"IN_PV_5\r\n", b"0.0 5\r\n"),
        (b"IN_SP_1\r\n", b"0.0 1\r\n"),
        (b"IN_SP_3\r\n", b"360.0 3\r\n"),
        (b"IN_SP_4\r\n", b"0.0 4\r\n"),
        (b"IN_SP_4 \r\n", b"0.0 4\r\n"),  # a blank before the end, as the maker's own text has it
        (b"IN_SP_4\r", b"0.0 4\r\n"),
        (b"IN_SP_4\n", b"0.0 4\r\n"),
        (b"\nIN_SP_4\r\n", b"0.0 4\r\n"),
        (b"\xc9N_SP_4\r\n", b"0.0 4\r\n"),  # a parity bit that an eight-bit host sees
        (b"OUT_SP_12@55\r\n", b"55.0\r\n"),
        (b"OUT_SP_12 55\r\n", b"55.0\r\n"),
        (b"OUT_SP_42@100\r\n", b"100.0\r\n"),
        (b"OUT_WD1@20\r\n", b"20.0\r\n"),
        (b"OUT_WD2@1500\r\n", b"1500.0\r\n"),
        (b"OUT_WD2@0\r\n", b"0.0\r\n"),
    ],
)
def test_it_says_this_to_that(make: Callable[..., Plate], sent: bytes, said: bytes) -> None:
    assert make().say(sent) == said


@pytest.mark.parametrize(
    "sent",
    [
        b"OUT_SP_1 50\r\n", b"OUT_SP_4 300\r\n", b"START_1\r\n", b"STOP_1\r\n", b"START_4\r\n", b"STOP_4\r\n", b"RESET\r\n",
        b"SET_MODE_A\r\n", b"SET_MODE_B\r\n", b"SET_MODE_D\r\n",
        b"\r\n", b"in_name\r\n", b"IN_PV_3\r\n", b"OUT_SP_1\r\n", b"OUT_SP_1 hot\r\n", b"SET_MODE_C\r\n", b"START_1 now\r\n",
        b"OUT_WD1@19\r\n", b"OUT_WD1@1501\r\n", b"OUT_WD1@\r\n", b"OUT_WD1 60\r\n", b"OUT_SP_12@400\r\n", b"OUT_SP_42@9999\r\n",
        b"OUT_SP_9@1\r\n", b"I" * 100 + b"\r\n", b"\x00\x01\x02\r\n", b"IN_NAME",
    ],
)  # fmt: skip
def test_it_says_nothing_to_a_setting_and_to_nonsense(make: Callable[..., Plate], sent: bytes) -> None:
    assert make().say(sent) == b""


def test_a_line_may_come_in_pieces_and_after_nonsense(make: Callable[..., Plate]) -> None:
    plate = make()
    plate.say(b"x" * 500)
    assert plate.say(b"\r\nIN_") == b""
    assert plate.say(b"NAME\r\n") == b"RCT digital\r\n"


def test_set_points_are_taken_in_range_only(make: Callable[..., Plate]) -> None:
    plate = make(safety_C=200.0)
    assert plate.ask("IN_SP_3") == "200.0 3"
    plate.do("OUT_SP_1 150", "OUT_SP_4 1500")
    assert (plate.ask("IN_SP_1"), plate.ask("IN_SP_4")) == ("150.0 1", "1500.0 4")
    plate.do("OUT_SP_1 150.1", "OUT_SP_1 -1", "OUT_SP_4 1501", "OUT_SP_4 -5")
    assert (plate.ask("IN_SP_1"), plate.ask("IN_SP_4")) == ("150.0 1", "1500.0 4")


def test_the_highest_set_point_is_the_makers_with_the_screw_fully_open(make: Callable[..., Plate]) -> None:
    plate = make()
    plate.do("OUT_SP_1 310")
    assert plate.number("IN_SP_1") == 310.0
    plate.do("OUT_SP_1 311")
    assert plate.number("IN_SP_1") == 310.0


def test_commands_that_come_too_soon_are_lost_where_that_is_wanted(make: Callable[..., Plate]) -> None:
    lenient, strict = make(), make(strict_pacing=True)
    both = b"OUT_SP_4 100\r\nOUT_SP_1 40\r\n"
    for plate, expected in ((lenient, 40.0), (strict, 0.0)):
        plate.say(both)
        assert plate.number("IN_SP_4") == 100.0
        assert plate.number("IN_SP_1") == expected


def test_control_is_taken_by_the_line_and_given_back(make: Callable[..., Plate]) -> None:
    plate = make()
    assert not plate.inside.remote
    plate.say(b"nonsense\r\n")
    assert not plate.inside.remote
    plate.do("OUT_SP_1 40", "START_1", "OUT_SP_4 200", "START_4")
    assert plate.inside.remote
    assert not plate.inside.is_safe()
    plate.do("RESET")
    assert not plate.inside.remote
    assert plate.inside.is_safe()


@pytest.mark.parametrize(
    ("settings", "options", "probe"),
    [
        ({}, {}, True),
        ({"sensor": "external"}, {}, True),
        ({"sensor": "plate"}, {}, False),
        ({"sensor": "plate"}, {"probe": True}, True),
        ({}, {"probe": False}, False),
    ],
)
def test_an_unplugged_probe_says_nothing(make: Callable[..., Plate], settings: Any, options: Any, probe: bool) -> None:
    plate = make(settings, **options)
    assert plate.say(b"IN_PV_1\r\n") == (b"21.0 1\r\n" if probe else b"")
    assert plate.say(b"IN_PV_2\r\n") == b"21.0 2\r\n"


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"safety_C": 20}, "safety_C: 20 degC cannot be set on the panel; it goes from 100 to 360"),
        ({"heater_fault": "tired"}, "heater_fault: 'tired' is none; write none, weak, dead"),
        ({"heater_fault": 1.5}, "heater_fault: 1.5"),
        ({"heater_fault": True}, "heater_fault: True"),
        ({"saftey_C": 200}, "'saftey_C' is not known here. Did you mean 'safety_C'"),
        ({"noise_C": "much"}, "noise_C: 'much' is not a number"),
    ],
)
def test_options_that_cannot_be_are_named(clock: Clock, options: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        Bench.single("ika.RCT", clock=clock, options=options)


def test_it_keeps_the_contract(make: Callable[..., Plate]) -> None:
    assert isinstance(make().inside, Simulator)


# ---- heat ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("contents", [18.0, 45.0])  # J/K: 8 and 20 mL of a carbonate
def test_a_vessel_comes_to_its_temperature_as_a_real_one_does(make: Callable[..., Plate], contents: float) -> None:
    plate = make()
    body = plate.inside.plate
    body.contents = contents
    plate.do("OUT_SP_1 50", "START_1")
    times = []
    for second in range(5, 1800, 5):
        plate.wait(5.0)
        times.append((second, plate.look().plate.vessel))
    late = [second for second, value in times if abs(value - 50.0) > 0.5]
    assert 240 <= max(late) <= 600
    assert max(value for _, value in times) < 51.0
    assert plate.number("IN_PV_1") == pytest.approx(50.0, abs=0.1)
    assert plate.number("IN_PV_2") == pytest.approx(50.0 + 29.0 * 0.06 / 0.8, abs=0.2)  # what the vessel loses


def test_cold_liquid_is_made_good(make: Callable[..., Plate]) -> None:
    plate = make()
    plate.do("OUT_SP_1 40", "START_1")
    plate.wait(1200.0)
    body = plate.look().plate
    body.pour(45.0, 21.0)
    body.contents += 45.0
    assert body.vessel < 30.0
    plate.wait(600.0)
    assert plate.look().plate.vessel == pytest.approx(40.0, abs=0.3)


def test_without_a_probe_the_plate_itself_is_controlled(make: Callable[..., Plate]) -> None:
    plate = make(probe=False)
    plate.do("OUT_SP_1 80", "START_1")
    plate.wait(900.0)
    assert plate.number("IN_PV_2") == pytest.approx(80.0, abs=0.1)
    assert plate.look().plate.vessel < 80.0


def test_it_cools_by_its_losses_alone(make: Callable[..., Plate]) -> None:
    plate = make()
    plate.do("OUT_SP_1 60", "START_1")
    plate.wait(1200.0)
    hot = plate.look().plate.vessel
    plate.do("STOP_1")
    assert plate.look().plate.power == 0.0
    plate.wait(60.0)
    warm = plate.look().plate.vessel
    plate.wait(7200.0)
    assert hot > warm > plate.look().plate.vessel > 20.9
    assert plate.look().plate.vessel == pytest.approx(21.0, abs=0.2)


@pytest.mark.parametrize(("fault", "reached"), [("dead", 21.0), ("weak", 35.0), (0.03, 35.0)])
def test_a_faulty_heater_does_not_get_there(make: Callable[..., Plate], fault: Any, reached: float) -> None:
    plate = make(heater_fault=fault)
    plate.do("OUT_SP_1 50", "START_1")
    plate.wait(7200.0)
    assert plate.number("IN_PV_1") == pytest.approx(reached, abs=1.5)


def test_the_plate_stays_below_its_safety_temperature(make: Callable[..., Plate]) -> None:
    plate = make(safety_C=100.0)
    plate.inside.plate.plate = plate.inside.plate.vessel = -60.0  # far away, so that the plate has to become hot
    plate.inside.plate.contents = 4000.0  # a litre of water
    plate.do("OUT_SP_1 50", "START_1")
    highest = 0.0
    for _ in range(200):
        plate.wait(10.0)
        highest = max(highest, plate.look().plate.plate)
    assert 89.0 < highest < 90.5
    assert not plate.inside.heater.tripped


def test_the_safety_circuit_cuts_a_heater_that_is_stuck(make: Callable[..., Plate]) -> None:
    plate = make(safety_C=100.0)
    plate.do("OUT_SP_1 50", "START_1")
    plate.look().plate.plate = 120.0
    plate.wait(7200.0)
    assert plate.look().plate.vessel == pytest.approx(21.0, abs=0.5)  # though it is still switched on
    assert plate.inside.heater.on
    assert plate.inside.heater.tripped
    plate.inside.power_cycle()
    assert not plate.inside.heater.tripped


def test_the_integral_does_not_wind_up_while_the_heater_can_do_no_more() -> None:
    from autolab.simulators.heating import HotPlate

    plate, control = HotPlate(), HeatControl(360.0, 1.0, probe=True)
    control.on, control.setpoint = True, 23.0
    plate.plate = -200.0  # so far away that all power is given
    control(plate, 1.0)
    assert (plate.power, control.integral) == (600.0, 0.0)


def test_looking_changes_nothing(clock: Clock) -> None:
    seen = []
    for pieces in (1, 240):
        plate = Plate(clock)
        plate.do("OUT_SP_1 45", "START_1")
        for _ in range(pieces):
            plate.wait(1200.0 / pieces)
            plate.look()
        seen.append(plate.look().plate.vessel)
        plate.bench.close()
    assert seen[0] == pytest.approx(seen[1], abs=1e-6)


# ---- stirring ------------------------------------------------------------------------------------------------------


def test_the_motor_takes_its_time(make: Callable[..., Plate]) -> None:
    plate = make()
    plate.do("OUT_SP_4 600", "START_4")
    assert 0 < plate.number("IN_PV_4") < 100
    plate.wait(1.0)
    assert 100 < plate.number("IN_PV_4") < 300
    plate.wait(4.0)
    assert plate.ask("IN_PV_4") == "600.0 4"
    assert plate.look().plate.rpm == 600.0
    plate.do("STOP_4")
    assert 500 < plate.number("IN_PV_4") < 600
    plate.wait(4.0)
    assert plate.ask("IN_PV_4") == "0.0 4"
    plate.wait(2.0)
    assert plate.look().plate.rpm == 0.0


def test_a_speed_below_the_slowest_does_not_turn_it(make: Callable[..., Plate]) -> None:
    plate = make()
    plate.do("OUT_SP_4 40", "START_4")
    plate.wait(5.0)
    assert plate.number("IN_PV_4") == 0.0


def test_the_trend_begins_when_it_turns_steadily(make: Callable[..., Plate]) -> None:
    plate = make()
    plate.do("OUT_SP_4 600", "START_4")
    assert plate.number("IN_PV_5") == 0.0
    plate.wait(5.0)
    assert plate.number("IN_PV_5") == pytest.approx(100.0, abs=2.0)


def test_a_ramp_that_is_changed_goes_on_from_where_it_is() -> None:
    motor = Motor()
    motor.change(0.0, on=True, setpoint=600.0)
    motor.change(2.0, setpoint=150.0)
    assert motor.speed(2.0) == 300.0
    assert motor.speed(2.5) == 225.0
    assert motor.speed(60.0) == 150.0
    assert not motor.settled(2.5)
    assert motor.settled(4.0)


# ---- watchdogs -----------------------------------------------------------------------------------------------------


def busy(plate: Plate) -> Plate:
    plate.do("OUT_SP_1 40", "OUT_SP_4 300", "START_1", "START_4")
    return plate


def test_watchdog_one_switches_everything_off_when_nobody_speaks(make: Callable[..., Plate]) -> None:
    plate = busy(make())
    assert plate.ask("OUT_WD1@30") == "30.0"
    plate.wait(29.0)
    assert not plate.inside.is_safe()
    plate.wait(2.0)
    assert plate.inside.is_safe()
    assert plate.inside.panel == "ER 2"
    assert plate.inside.plate.power == 0.0
    assert plate.ask("IN_SP_1") == "40.0 1"


def test_any_command_feeds_the_watchdog_but_nonsense_does_not(make: Callable[..., Plate]) -> None:
    plate = busy(make())
    plate.ask("OUT_WD1@30")
    for _ in range(5):
        plate.wait(20.0)
        plate.ask("IN_PV_1")
    assert not plate.inside.is_safe()
    plate.wait(20.0)
    plate.say(b"nonsense\r\n")
    plate.wait(15.0)
    assert plate.inside.panel == "ER 2"


def test_a_strict_watchdog_wants_its_own_command(make: Callable[..., Plate]) -> None:
    plate = busy(make(strict_watchdog=True))
    plate.ask("OUT_WD1@30")
    for _ in range(3):
        plate.wait(20.0)
        plate.ask("OUT_WD1@30")
    assert not plate.inside.is_safe()
    plate.wait(20.0)
    plate.ask("IN_PV_1")
    plate.wait(15.0)
    assert plate.inside.panel == "ER 2"


def test_watchdog_two_falls_back_to_other_set_points(make: Callable[..., Plate]) -> None:
    plate = busy(make())
    assert [plate.ask(text) for text in ("OUT_SP_12@25", "OUT_SP_42@100", "OUT_WD2@20")] == ["25.0", "100.0", "20.0"]
    plate.wait(25.0)
    assert plate.inside.panel == "WD"
    assert not plate.inside.is_safe()
    assert (plate.ask("IN_SP_1"), plate.ask("IN_SP_4")) == ("25.0 1", "100.0 4")
    assert plate.ask("OUT_WD2@0") == "0.0"
    assert plate.inside.panel == ""


@pytest.mark.parametrize("reset", ["OUT_WD1@0", "OUT_WD2@0", "RESET"])
def test_a_watchdog_is_called_off(make: Callable[..., Plate], reset: str) -> None:
    plate = busy(make())
    plate.ask("OUT_WD1@20")
    plate.say(reset.encode() + b"\r\n")
    plate.do("START_1")
    plate.wait(100.0)
    assert (plate.inside.panel, plate.inside.heater.on) == ("", True)


def test_after_its_watchdog_it_can_be_started_again_unless_it_locks(make: Callable[..., Plate]) -> None:
    for locks in (False, True):
        plate = busy(make(error_locks=locks))
        plate.ask("OUT_WD1@20")
        plate.wait(25.0)
        plate.do("START_1")
        assert plate.inside.heater.on is not locks
        plate.ask("OUT_WD1@0")
        plate.do("START_1")
        assert plate.inside.heater.on


def test_settings_of_the_watchdog_may_be_silent(make: Callable[..., Plate]) -> None:
    plate = make(echo=False)
    plate.do("OUT_SP_12@30", "OUT_WD2@20")
    plate.wait(25.0)
    assert plate.ask("IN_SP_1") == "30.0 1"


def test_a_watchdog_counts_from_its_last_feeding(clock: Clock) -> None:
    bitten: list[tuple[str, float]] = []
    dog = Watchdog(clock.loop, lambda kind: bitten.append((kind, clock.now())))
    dog.feed()  # not armed: nothing to feed

    async def live() -> None:
        dog.arm("OUT_WD2", 30.0)
        await asyncio.sleep(20.0)
        dog.feed()
        await asyncio.sleep(20.0)
        assert dog.snapshot() == ["OUT_WD2", 30.0, 10.0]
        await asyncio.sleep(20.0)

    clock.run(live())
    assert bitten == [("OUT_WD2", 50.0)]
    assert (dog.kind, dog.snapshot()) == ("", None)


def test_no_timer_is_left_without_a_watchdog(make: Callable[..., Plate]) -> None:
    plate = busy(make())
    assert plate.inside.watchdog.snapshot() is None
    plate.ask("OUT_WD1@20")
    assert plate.inside.watchdog.snapshot() is not None
    plate.ask("OUT_WD1@0")
    assert plate.inside.watchdog.snapshot() is None


# ---- power, snapshots, noise ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "goes_on"), [("A", False), ("B", True), ("D", False)])
def test_the_mode_says_what_happens_when_power_comes_back(make: Callable[..., Plate], mode: str, goes_on: bool) -> None:
    plate = busy(make())
    plate.do(f"SET_MODE_{mode}")
    plate.ask("OUT_WD1@20")
    plate.inside.power_cycle()
    assert (plate.inside.heater.on, plate.inside.motor.on) == (goes_on, goes_on)
    assert plate.ask("IN_SP_1") == "40.0 1"
    plate.wait(60.0)
    assert plate.inside.panel == ""  # the watchdog is forgotten


def test_a_snapshot_is_json_and_goes_on_as_it_was(make: Callable[..., Plate]) -> None:
    plate = busy(make(noise_C=0.05))
    plate.ask("OUT_WD1@600")
    plate.wait(100.3)
    state = json.loads(json.dumps(plate.bench.snapshot()))

    def history() -> list[str]:
        told = []
        for _ in range(5):
            plate.wait(17.0)
            told += [plate.ask("IN_PV_1"), plate.ask("IN_PV_2"), plate.ask("IN_PV_4")]
        return told

    first = history()
    plate.do("RESET", "OUT_SP_1 99", "OUT_SP_4 700")
    plate.bench.restore(state)
    assert history() == first


def test_a_watchdog_is_restored_with_the_time_it_had_left(make: Callable[..., Plate]) -> None:
    plate = busy(make())
    plate.ask("OUT_WD1@30")
    plate.wait(20.0)
    state = plate.bench.snapshot()
    plate.ask("OUT_WD1@0")
    plate.bench.restore(state)
    plate.wait(9.0)
    assert plate.inside.panel == ""
    plate.wait(2.0)
    assert plate.inside.panel == "ER 2"


def test_noise_is_the_same_from_the_same_seed(make: Callable[..., Plate]) -> None:
    plate = make(noise_C=0.5)
    told = []
    for _ in range(2):
        plate.bench.reseed(3, 1)
        told.append([plate.ask("IN_PV_1") for _ in range(8)])
    assert told[0] == told[1]
    assert len(set(told[0])) > 1
