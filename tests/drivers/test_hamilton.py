"""What is the Microlab's own: its chain, its two drives, coarse speeds, valves by place and by angle, its errors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from autolab.drivers.hamilton import ML600
from autolab.drivers.testing import ScriptedChannel
from autolab.drivers.wire import Ports
from autolab.model.clock import Clock
from autolab.model.errors import InputError, InstrumentAlarm, OutsideLimits, Refused, WrongInstrument
from autolab.model.roles import Dispense, Withdraw

if TYPE_CHECKING:
    from tests.drivers.conftest import Rig


def held(rig: Rig) -> float:
    """What the syringe truly holds, mL."""
    rig.look()
    return round(float(rig.bench.world.plungers["instrument"].position), 4)


@pytest.fixture
def make(virtual: Clock, rigs: Callable[..., Rig]) -> Callable[..., Rig]:
    """Make a pump of 1 mL that holds half of it."""

    def one(options: dict[str, Any] | None = None, **settings: Any) -> Rig:
        settings = {"volume_mL": 1.0, "contents_mL": 0.5, **settings}
        return rigs("hamilton.ML600", ML600, virtual, name="pump", settings=settings, options=options)

    return one


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
    assert rig.device.identify() == {"model": "Hamilton Microlab 600", "firmware": "NV01.02.A", "serial_number": None}
    assert held(rig) == 0.5


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
        make(options={"dual": dual}, drive=drive).device.connect()


def test_another_device_of_this_protocol_is_refused(make: Callable[..., Rig]) -> None:
    with pytest.raises(WrongInstrument, match=r"'MV01.02.B' answers.*begins with NV"):
        make(options={"firmware": "MV01.02.B"}).device.connect()


# ---- speeds, valves, initialising ----------------------------------------------------------------------------------


def test_speeds_are_whole_seconds_for_a_stroke(make: Callable[..., Rig]) -> None:
    pump = make().device
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
    assert rig.run(rig.device.valve.trigger) == {"position": "in"}
    rig.far.sides["B"].angle = 90
    assert rig.run(rig.device.valve.trigger) == {"position": "90"}
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
    assert held(rig) == 0.0


def test_halting_leaves_nothing_in_the_buffer_that_would_go_on(make: Callable[..., Rig]) -> None:
    rig = make()

    async def begun() -> None:
        rig.device.set(Dispense(0.4, 1.2))
        await asyncio.sleep(5.0)

    rig.clock.run(begun())
    rig.device.halt()
    before = held(rig)
    rig.far.receive(b"a$R\ra$\r")
    rig.clock.run(asyncio.sleep(30.0))
    assert held(rig) == before


def test_somebody_s_command_that_waits_in_the_buffer_is_no_rest(make: Callable[..., Rig]) -> None:
    rig = make()
    rig.device.connect()
    rig.far.receive(b"aM0\r")
    with pytest.raises(Refused, match="at work though nobody asked"):
        rig.set(Dispense(0.1, 12.0))
    rig.device.halt()
    assert rig.set(Dispense(0.1, 12.0))["contents_mL"] == pytest.approx(0.4)
