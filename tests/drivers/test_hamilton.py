"""What is the Microlab's own: its chain, its two drives, coarse speeds, valves by place and by angle, its errors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from autolab.drivers.hamilton import ML600
from autolab.drivers.instrument import ActionStatus
from autolab.drivers.testing import ScriptedChannel
from autolab.drivers.wire import Ports
from autolab.model.clock import Clock
from autolab.model.errors import InputError, InstrumentAlarm, OutsideLimits, Refused, WrongInstrument
from autolab.model.roles import Dispense, Withdraw
from autolab.simulators.bench import Bench


class Rig:
    """A Microlab of 1 mL on its simulator, in virtual time."""

    def __init__(self, clock: Clock, options: dict[str, Any], settings: dict[str, Any]) -> None:
        settings = {"volume_mL": 1.0, "contents_mL": 0.5, **settings}
        self.clock = clock
        self.bench = Bench.single("hamilton.ML600", clock=clock, settings=settings, options=options)
        self.far = self.bench.instrument("instrument")
        channel = self.bench.channel("instrument")
        self.pump = ML600("pump", address="memory://instrument", channel=channel, clock=clock, **settings)

    @property
    def held(self) -> float:
        self.bench.world.advance()
        return round(float(self.bench.world.plungers["instrument"].position), 4)

    def run(self, begin: Callable[[], ActionStatus]) -> dict[str, Any]:
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


@pytest.fixture
def make(virtual: Clock) -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def one(options: dict[str, Any] | None = None, **settings: Any) -> Rig:
        made.append(Rig(virtual, options or {}, settings))
        return made[-1]

    yield one
    for rig in made:
        rig.pump.disconnect()


def test_a_movement_says_what_the_sheet_says(virtual: Clock) -> None:
    """From the sheet alone: the valve by its place, then the plunger; each question has `F` behind it."""
    valve, position, said = "1", 0, []

    def answer(data: bytes) -> list[bytes]:
        nonlocal valve, position
        text = data.decode()[1:-1]
        said.append(text)
        if text.startswith("LP0"):
            valve = text[3]
        if text.startswith("M"):
            position = int(text[1:].partition("S")[0])
        told = {"UR": "NV01.02.A", "F": "Y", "H": "Y", "E2": "@@PP", "YQPR": str(position), "LQPR": valve}
        return [b"\x06" + told.get(text, "").encode() + b"\r"]

    channel = ScriptedChannel(answer, clock=virtual)
    pump = ML600("pump", address="memory://x", clock=virtual, ports=Ports(virtual), channel=channel, volume_mL=10.0)
    pump.connect()
    asked = ["UR", "UR", "F"]
    assert said == [*asked, "H", *asked, "F", "E2", "YQPR", "F", "LQPR", "F", *asked, *asked]
    pump.set(Withdraw(5.0, 10.0))
    virtual.run(asyncio.sleep(60.0))
    said.clear()
    status = pump.set(Dispense(2.5, 20.0))
    virtual.run(asyncio.sleep(60.0))
    assert status.success
    assert [text for text in said if text not in ("F", "E2", "YQPR", "LQPR")] == ["LP02R", "M12000S30R"]
    pump.disconnect()


# ---- the chain -----------------------------------------------------------------------------------------------------


def test_a_chain_that_has_no_addresses_yet_is_met(make: Callable[..., Rig]) -> None:
    rig = make(options={"addressed": False})
    assert rig.pump.identify() == {"model": "Hamilton Microlab 600", "firmware": "NV01.02.A", "serial_number": None}
    assert rig.held == 0.5


def test_after_a_power_cycle_it_is_addressed_again_and_must_be_initialised(make: Callable[..., Rig]) -> None:
    rig = make()
    rig.set(Withdraw(0.1, 12.0))
    rig.far.power_cycle()
    with pytest.raises(Refused, match="not initialised"):
        rig.set(Withdraw(0.1, 12.0))
    rig.set("initialize")
    assert rig.set(Withdraw(0.1, 12.0))["contents_mL"] == pytest.approx(0.1)


def test_a_unit_that_says_each_command_first_is_understood(make: Callable[..., Rig]) -> None:
    rig = make(options={"echo": True})
    assert rig.set(Dispense(0.2, 12.0))["contents_mL"] == pytest.approx(0.3)


def test_its_line_is_7o1_unless_the_address_says_otherwise(virtual: Clock) -> None:
    def settings(address: str) -> dict[str, str]:
        return dict(ML600("pump", address=address, clock=virtual, volume_mL=1.0).address.settings)

    assert settings("serial:///dev/ttyUSB2?bus=1") == {"bits": "7", "parity": "O"}
    assert settings("serial://COM4?parity=N&bits=8") == {"bits": "8", "parity": "N"}


# ---- its drives ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("drive", "side", "other"), [("left", "B", "C"), ("right", "C", "B")])
def test_one_drive_of_two_moves_alone(make: Callable[..., Rig], drive: str, side: str, other: str) -> None:
    rig = make(drive=drive)
    rig.set(Dispense(0.2, 12.0))
    assert rig.far.sides[side].plunger.position == pytest.approx(0.3)
    assert rig.far.sides[other].plunger.position == 0.0
    rig.far.sides[other].plunger.position = 0.7
    rig.set("initialize")
    assert rig.far.sides[side].plunger.position == 0.0
    assert rig.far.sides[other].plunger.position == 0.7  # initialising one does not empty the other


@pytest.mark.parametrize(
    ("dual", "drive", "match"), [(True, "single", "two syringes"), (False, "right", "one syringe")]
)
def test_the_settings_must_say_how_many_syringes_it_has(
    make: Callable[..., Rig], dual: bool, drive: str, match: str
) -> None:
    with pytest.raises(WrongInstrument, match=f"has {match}: set `drive` to"):
        make(options={"dual": dual}, drive=drive).pump.connect()


def test_another_device_of_this_protocol_is_refused(make: Callable[..., Rig]) -> None:
    with pytest.raises(WrongInstrument, match=r"'MV01.02.B' answers.*begins with NV"):
        make(options={"firmware": "MV01.02.B"}).pump.connect()


# ---- speeds, valves, initialising ----------------------------------------------------------------------------------


def test_speeds_are_whole_seconds_for_a_stroke(make: Callable[..., Rig]) -> None:
    pump = make().pump
    assert pump.rate_range[0] == pytest.approx(60 / 3692)
    assert pump.rate_range[1] == 30.0
    assert (pump.nearest_rate(30.0), pump.nearest_rate(6.1)) == (30.0, 6.0)
    with pytest.raises(OutsideLimits, match="near it are 20 and 30 mL/min"):
        pump.set(Withdraw(0.1, 25.0))
    with pytest.raises(OutsideLimits, match="near it are 12 and 15 mL/min"):
        pump.set(Withdraw(0.1, 13.3))


@pytest.mark.parametrize("off", [-1, 1, 359])
def test_an_angle_that_is_a_degree_off_is_still_the_port(make: Callable[..., Rig], off: int) -> None:
    rig = make(valve_by="angle", valve_ports={"in": "0", "out": "135"})
    rig.far.sides["B"].angle = off % 360
    assert rig.run(rig.pump.valve.trigger) == {"position": "in"}
    rig.far.sides["B"].angle = 90
    assert rig.run(rig.pump.valve.trigger) == {"position": "90"}
    assert rig.set(Dispense(0.1, 12.0))["port"] == "out"
    assert rig.far.sides["B"].angle == 135


def test_initialising_takes_as_long_as_it_is_told(make: Callable[..., Rig]) -> None:
    rig = make(home_s=40)
    begun = rig.clock.now()
    rig.set("initialize")
    assert 20.0 < rig.clock.now() - begun < 23.0


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"valve_ports": {"in": "1", "out": "9"}}, r"out is at '9'; with valve_by: place it must be 1 to 8"),
        ({"valve_by": "angle", "valve_ports": {"in": "0", "out": "360"}}, "must be 0 to 359"),
        ({"valve_ports": {"in": "i", "out": "o"}}, "in is at 'i'"),
        ({"drive": "middle"}, "drive"),
    ],
)
def test_settings_that_cannot_be_are_told(virtual: Clock, settings: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        ML600("pump", address="memory://x", clock=virtual, volume_mL=1.0, **settings)


# ---- trouble -------------------------------------------------------------------------------------------------------


def test_a_blocked_plunger_is_an_alarm_with_what_was_reached(make: Callable[..., Rig]) -> None:
    rig = make(options={"stuck": True})
    with pytest.raises(InstrumentAlarm, match=r"moved 0.2 of 0.4 mL: its syringe is overloaded.*initialise it again"):
        rig.set(Dispense(0.4, 12.0))
    with pytest.raises(InstrumentAlarm, match=r"cannot carry out .*: its syringe is overloaded"):
        rig.set(Dispense(0.1, 12.0))
    rig.set("initialize")
    assert rig.held == 0.0


def test_halting_leaves_nothing_in_the_buffer_that_would_go_on(make: Callable[..., Rig]) -> None:
    rig = make()

    async def begun() -> None:
        rig.pump.set(Dispense(0.4, 1.2))
        await asyncio.sleep(5.0)

    rig.clock.run(begun())
    rig.pump.halt()
    held = rig.held
    rig.far.receive(b"a$R\ra$\r")
    rig.clock.run(asyncio.sleep(30.0))
    assert rig.held == held


def test_somebody_s_command_that_waits_in_the_buffer_is_no_rest(make: Callable[..., Rig]) -> None:
    rig = make()
    rig.pump.connect()
    rig.far.receive(b"aM0\r")
    with pytest.raises(Refused, match="at work though nobody asked"):
        rig.set(Dispense(0.1, 12.0))
    rig.pump.halt()
    assert rig.set(Dispense(0.1, 12.0))["contents_mL"] == pytest.approx(0.4)
