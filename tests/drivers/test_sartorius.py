"""The Sartorius balance: bytes from the fact sheet, and the driver on its simulator."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.drivers import sartorius_sbi as sbi
from autolab.drivers.sartorius import Balance, Unstable
from autolab.drivers.testing import DriverContract, ScriptedChannel, play
from autolab.drivers.wire import Ports
from autolab.model.actions import Intent
from autolab.model.clock import Clock
from autolab.model.errors import (
    GarbledReply,
    InputError,
    InstrumentAlarm,
    InstrumentTimeout,
    LinkError,
    OutsideLimits,
    WrongInstrument,
)
from autolab.simulators.bench import Bench

if TYPE_CHECKING:
    from tests.drivers.conftest import Rig

QUIET = {"white_g": 0.0, "sway_g": 0.0, "drift_g": 0.0}


def met(rigs: Callable[..., Rig], clock: Clock, options: dict[str, Any] | None = None, **settings: Any) -> Rig:
    rig = rigs(
        "sartorius.Balance", Balance, clock, name="scale", settings=settings, far_settings={},
        options={**QUIET, **(options or {})}, seed=2,
    )  # fmt: skip
    rig.wait(3.0)
    return rig


def put(rig: Rig, grams: float, wait: float = 10.0) -> None:
    """Have so much on the pan."""

    async def change() -> None:
        rig.look().pan.load = grams
        await asyncio.sleep(wait)

    rig.clock.run(change())


@pytest.fixture
def make(virtual: Clock, rigs: Callable[..., Rig]) -> Callable[..., Rig]:
    def one(options: dict[str, Any] | None = None, **settings: Any) -> Rig:
        rig = met(rigs, virtual, options, **settings)
        rig.device.connect()
        rig.heard.clear()
        return rig

    return one


@pytest.fixture
def rig(make: Callable[..., Rig]) -> Rig:
    return make()


class TestBalance(DriverContract):
    @pytest.fixture
    def instrument(self, scaled: Clock) -> Iterator[Balance]:
        bench = Bench.single("sartorius.Balance", clock=scaled)
        channel = bench.channel("instrument")
        balance = Balance("scale", address="memory://instrument", channel=channel, clock=scaled, ports=Ports(scaled))
        yield balance
        balance.disconnect()
        bench.close()

    @pytest.fixture
    def command(self) -> object:
        return "tare"


# ---- bytes, from the fact sheet ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "number", "unit", "decimals"),
    [
        (b"N     + 123.4567 g  ", 123.4567, "g", 4),
        (b"N     +   123.56 g  ", 123.56, "g", 2),
        (b"G#    +   1255.7 g  ", 1255.7, "g", 1),
        (b"G     -   1255.7    ", -1255.7, "", 1),
        (b"N         0.0000 g  ", 0.0, "g", 4),
        (b"N     +      253 kg ", 253.0, "kg", 0),
        (b"+ 123.4567 g  ", 123.4567, "g", 4),
        (b"-   0.0002    ", -0.0002, "", 4),
        (b"    0.0000    ", 0.0, "", 4),
    ],
)
def test_a_weight_is_read_by_its_columns(line: bytes, number: float, unit: str, decimals: int) -> None:
    found = play(sbi.weight(), [(">", b"\x1bP\r\n"), ("<", line + b"\r\n")])
    assert found == sbi.Weight(number, unit, decimals)
    assert found.stable is (unit != "")


@pytest.mark.parametrize(
    ("line", "error", "match"),
    [
        (b"Stat     ERR  55    ", sbi.Overload, "overload"),
        (b"Stat     ERR  54    ", sbi.Underload, "put its pan on"),
        (b"Stat     Err  54    ", sbi.Underload, "put its pan on"),
        (b"Stat        High    ", sbi.Overload, "overload"),
        (b"      High    ", sbi.Overload, "overload"),
        (b"Stat         Low    ", sbi.Underload, "underload"),
        (b"Stat     ERR 243    ", sbi.BalanceFault, "reports error 243: see the troubleshooting table"),
        (b"Stat     APP.ERR    ", sbi.BalanceFault, "cannot use this weight"),
        (b"Stat     DIS.ERR    ", sbi.BalanceFault, "cannot show this weight"),
        (b"Stat       OFF      ", sbi.BalanceFault, "its display is off"),
    ],
)
def test_what_stands_in_place_of_a_weight(line: bytes, error: type[InstrumentAlarm], match: str) -> None:
    with pytest.raises(error, match=match):
        play(sbi.weight(), [(">", b"\x1bP\r\n"), ("<", line + b"\r\n")])


@pytest.mark.parametrize("line", [b"Stat     Cal.Int.   ", b"Stat     Cal.Ext.   ", b"Stat                "])
def test_a_busy_balance_tells_no_weight(line: bytes) -> None:
    assert play(sbi.weight(), [(">", b"\x1bP\r\n"), ("<", line + b"\r\n")]) is None


@pytest.mark.parametrize(
    ("line", "match"),
    [
        (b"N     + 123,4567 g  ", "is no weight. It writes a comma"),
        (b"N     +12.3.4567 g  ", "is no weight"),
        (b"N     + 123.4567 g ", "is no weight"),
        (b"N     + 123.4567  g  ", "is no weight"),
        (b"N     * 123.4567 g  ", "is no weight"),
        (b"N     + 1 3.4567 g  ", "is no weight"),
        (b"Qnt   + 123.4567 pcs", "is no weight"),
        (b"N     + 123.4567 pcs", "the unit 'pcs' of .* is not known.*set the balance to g"),
        (b"          0037454321", "is no weight"),
        (b"            12345678", "is no weight"),
        (b"", "is no weight"),
        (b"N     +\xb7123.456 g  ", "no line of a balance"),
        (b"Stat     nonsense   ", "is no weight"),
    ],
)
def test_what_is_no_weight_is_never_one(line: bytes, match: str) -> None:
    with pytest.raises(GarbledReply, match=match):
        play(sbi.weight(), [(">", b"\x1bP\r\n"), ("<", line + b"\r\n")])


@pytest.mark.parametrize("line", [b"          0037454321", b"0037454321", b"37454321            ", b"37454321"])
def test_a_serial_number_is_read_however_it_is_padded(line: bytes) -> None:
    told = play(sbi.text("x2_"), [(">", b"\x1bx2_\r\n"), ("<", line + b"\r\n")])
    assert told in ("0037454321", "37454321")


@pytest.mark.parametrize(
    "line", [b"N     + 123.4567 g  ", b"+ 123.4567 g  ", b"-   0.0002    ", b"Stat     ERR  55    ", b"", b"\xff\xff"]
)
def test_a_weight_is_no_serial_number(line: bytes) -> None:
    with pytest.raises(GarbledReply):
        play(sbi.text("x2_"), [(">", b"\x1bx2_\r\n"), ("<", line + b"\r\n")])


@given(st.floats(-220, 220), st.sampled_from(["g", ""]), st.booleans())
def test_every_weight_comes_back(grams: float, unit: str, short: bool) -> None:
    body = f"{'-' if grams < 0 else '+'}{abs(grams):9.4f} {unit:<3}"
    line = body if short else f"N     {body}"
    found = play(sbi.weight(), [(">", b"\x1bP\r\n"), ("<", line.encode() + b"\r\n")])
    assert found is not None
    assert found.number == pytest.approx(grams, abs=5.1e-5)
    assert found.unit == unit


@given(st.binary(max_size=24))
def test_any_bytes_are_a_weight_or_an_error(data: bytes) -> None:
    query = sbi.weight()
    query.send(None)
    query.send(None)
    with pytest.raises((StopIteration, GarbledReply, InstrumentAlarm)) as ended:
        query.send(data + b"\r\n")
    if isinstance(ended.value, StopIteration) and ended.value.value is not None:
        assert math.isfinite(ended.value.value.number)


# ---- meeting it ----------------------------------------------------------------------------------------------------


def test_it_is_met_and_tells_who_it_is(virtual: Clock, rigs: Callable[..., Rig]) -> None:
    rig = met(rigs, virtual, serial_number="0037454321")
    told = {"model": "ENTRIS224I-1S", "firmware": "00-37-09", "serial_number": "0037454321"}
    assert rig.device.identify() == told
    assert set(rig.heard) == {"x1", "x2", "x3"}
    assert rig.device.read_configuration()["scale_model"]["value"] == "ENTRIS224I-1S"
    settings = dict(Balance("x", address="serial:///dev/ttyS9", clock=virtual).address.settings)
    assert settings == {"parity": "O"}
    rig.device.disconnect()


def test_another_balance_is_refused(virtual: Clock, rigs: Callable[..., Rig]) -> None:
    rig = met(rigs, virtual, serial_number="1")
    with pytest.raises(WrongInstrument, match="balance '0037454321' answers instead of '1'"):
        rig.device.connect()


@pytest.mark.parametrize(
    ("settings", "match"), [({"limits": {"weight": [5, 1]}}, "low <= high"), ({"unit": "g"}, "Settings: .*stability")]
)
def test_settings_that_cannot_be(virtual: Clock, settings: Any, match: str) -> None:
    with pytest.raises(InputError, match=match):
        Balance("scale", address="memory://x", clock=virtual, **settings)


# ---- weighing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "grams"),
    [
        ({}, 123.4567),
        ({"columns": 16}, 123.4567),
        ({"unit": "mg"}, 1.5),
        ({"unit": "kg", "resolution_g": 0.01, "capacity_g": 4000}, 1255.7),
        ({}, -1.5),
    ],
)
def test_a_stable_weight_is_told_in_grams(make: Callable[..., Rig], options: Any, grams: float) -> None:
    rig = make(options)
    put(rig, grams)
    assert rig.read() == {"weight_g": pytest.approx(grams, abs=1e-6), "stable": True}
    assert rig.heard == ["P"]
    assert rig.device.hints == {"fields": ["scale_weight"]}
    assert rig.device.describe()["scale_weight"]["units"] == "g"
    json.dumps(rig.device.read())


def test_a_moving_weight_is_waited_for(rig: Rig) -> None:
    put(rig, 50.0, wait=0.3)
    begun = rig.clock.now()
    assert rig.read() == {"weight_g": pytest.approx(50.0, abs=0.002), "stable": True}
    assert 1.0 < rig.clock.now() - begun < 10.0
    assert rig.heard.count("P") > 3


@pytest.mark.parametrize("settings", [{"stability": "immediate"}, {"stable_timeout_s": 2.0}])
def test_a_weight_that_is_not_stable_is_told_as_such(make: Callable[..., Rig], settings: Any) -> None:
    rig = make({"white_g": 0.0}, **settings)
    rig.read()  # learns the unit
    rig.far.stable = lambda: False
    put(rig, 50.0)
    told = rig.read()
    assert told == {"weight_g": pytest.approx(50.0, abs=0.001), "stable": False}


def test_an_unstable_weight_of_an_unknown_unit_is_never_a_value(make: Callable[..., Rig]) -> None:
    rig = make({"unit": "mg"}, stability="immediate")
    rig.far.stable = lambda: False
    put(rig, 0.5)
    with pytest.raises(Unstable, match="tells 500 without a unit, as balances do while a weight is not stable"):
        rig.read()
    assert math.isnan(rig.device.weight.get())
    del rig.far.stable
    assert rig.read() == {"weight_g": 0.5, "stable": True}


def test_waiting_in_vain_can_be_a_failure(make: Callable[..., Rig]) -> None:
    rig = make(on_unstable="fail", stable_timeout_s=3.0)
    rig.far.stable = lambda: False
    with pytest.raises(Unstable, match="did not become stable within 3 s"):
        rig.read()


def test_overload_underload_and_standby_are_alarms(rig: Rig) -> None:
    put(rig, 500.0)
    with pytest.raises(sbi.Overload, match="scale on memory://instrument: overload"):
        rig.read()
    put(rig, -20.0)
    with pytest.raises(sbi.Underload):
        rig.read()
    put(rig, 0.0)
    rig.far.on = False
    with pytest.raises(sbi.BalanceFault, match="its display is off"):
        rig.read()
    rig.far.on = True
    assert rig.read()["weight_g"] == 0.0


def test_an_adjustment_is_waited_for(make: Callable[..., Rig]) -> None:
    rig = make()
    rig.wait(0)
    rig.far.hear(b"Z")
    assert rig.read()["stable"] is True
    busy = make(stability="immediate")
    busy.far.hear(b"Z")
    with pytest.raises(Unstable, match="busy with an adjustment"):
        busy.read()


def test_a_weight_outside_the_limits_is_an_alarm(make: Callable[..., Rig]) -> None:
    rig = make(limits={"weight": [-0.1, 100]})
    put(rig, 150.0)
    with pytest.raises(InstrumentAlarm, match=r"weight 150 g is outside the limits -0\.1\.\.100 g"):
        rig.read()


def test_a_balance_that_prints_when_stable_only_is_read_when_it_is(make: Callable[..., Rig]) -> None:
    rig = make({"prints": "stable"})
    put(rig, 50.0)
    assert rig.read()["weight_g"] == 50.0


# ---- taring and zeroing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"tare_line": True}])
def test_taring_is_done_when_the_weight_is_zero(make: Callable[..., Rig], options: Any) -> None:
    rig = make(options)
    put(rig, 50.0, wait=0.3)
    assert rig.set("tare") == {"weight_g": 0.0, "stable": True}
    assert rig.heard[0] == "T"
    assert rig.heard.count("T") == 1
    put(rig, 60.0)
    assert rig.read()["weight_g"] == pytest.approx(10.0, abs=0.001)
    assert rig.device.locate() == {"setpoint": "tare", "readback": rig.device.weight.get()}


def test_zeroing_is_done_when_the_weight_is_zero_and_refused_outside_its_range(make: Callable[..., Rig]) -> None:
    rig = make(stable_timeout_s=5.0)
    put(rig, 3.0)
    assert rig.set("zero") == {"weight_g": 0.0, "stable": True}
    put(rig, 53.0)
    with pytest.raises(InstrumentAlarm, match=r"did not zero within 5 s: it shows 50 g.*within its zero range"):
        rig.set("zero")


def test_a_tare_that_never_becomes_stable_is_an_alarm(make: Callable[..., Rig]) -> None:
    rig = make(stable_timeout_s=5.0)
    rig.far.stable = lambda: False
    with pytest.raises(InstrumentAlarm, match="did not tare within 5 s: its weight did not become stable"):
        rig.set("tare")


@pytest.mark.parametrize("value", ["clear_tare", "", 1.0, None, ["tare"]])
def test_other_commands_are_refused(rig: Rig, value: Any) -> None:
    with pytest.raises(OutsideLimits, match="is no command of a balance; there are 'tare', 'zero'; nothing was sent"):
        rig.device.set(value)
    assert rig.heard == []


def test_classes_reconciling_and_safety(rig: Rig) -> None:
    assert (rig.device.action_class("trigger", None), rig.device.action_class("set", "tare")) == (
        "read",
        "idempotent",
    )
    found = rig.clock.run(rig.device.do_reconcile(Intent("scale", "set", "tare", "idempotent")))
    assert found.verdict == "unknown"
    assert rig.device.samples() == ("tare", "zero")
    rig.device.halt()
    rig.device.make_safe()
    assert rig.heard == []


# ---- what can go wrong on the line ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["drop", "late", "garble", "disconnect"])
def test_a_fault_of_the_line_costs_a_repetition_or_is_typed_and_the_next_weight_is_right(rig: Rig, fault: Any) -> None:
    put(rig, 20.0)
    rig.bench.inject("instrument", fault, seconds=5.0)
    with contextlib.suppress(LinkError):
        assert rig.read()["weight_g"] == 20.0
    put(rig, 70.0)
    assert rig.read()["weight_g"] == 70.0
    assert rig.set("tare")["weight_g"] == 0.0


def test_a_balance_that_hangs_is_typed_and_right_when_it_is_back(rig: Rig) -> None:
    rig.bench.inject("instrument", "hang")
    with pytest.raises(LinkError):
        rig.read()
    rig.bench.wire("instrument").mend()
    put(rig, 20.0)
    assert rig.read()["weight_g"] == 20.0


def test_a_halt_in_the_middle_of_a_tare_ends_it_on_our_side(rig: Rig) -> None:
    rig.far.stable = lambda: False

    async def both() -> Any:
        status = rig.device.set("tare")
        await asyncio.sleep(2.0)
        await rig.device.do_halt()
        await asyncio.sleep(0.1)
        return status

    assert rig.clock.run(both()).exception(0) is not None
    rig.heard.clear()
    rig.wait(60.0)
    assert len(rig.heard) <= 1


def test_another_balance_behind_a_reconnect_is_refused(virtual: Clock) -> None:
    serial = "1"

    def answer(data: bytes) -> list[bytes]:
        said = {b"\x1bx2_\r\n": f"{serial:>20}\r\n".encode(), b"\x1bP\r\n": b"N     +   1.0000 g  \r\n"}
        said[b"\x1bx3_\r\n"] = b"00-37-09\r\n"
        return [said.get(data, b"MODEL 1\r\n")]

    channel = ScriptedChannel(answer, clock=virtual)
    balance = Balance("scale", address="memory://bench", clock=virtual, ports=Ports(virtual), channel=channel)
    balance.connect()
    serial = "2"
    channel.say(0.0, b"stray\r\n")

    async def weigh() -> Any:
        status = balance.trigger()
        while not status.done:
            await asyncio.sleep(0.1)
        return status.exception(0)

    assert isinstance(virtual.run(weigh()), WrongInstrument)
    balance.disconnect()


def test_silence_times_out() -> None:
    with pytest.raises(InstrumentTimeout):
        play(sbi.weight(), [(">", b"\x1bP\r\n")])
