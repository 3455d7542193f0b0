"""The instrument that is described in the lab file: its description, its bytes, and the driver on its simulator."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from autolab.drivers import generic_protocol as wire
from autolab.drivers.generic import Query
from autolab.drivers.generic_settings import QuerySettings
from autolab.drivers.instrument import ActionStatus
from autolab.drivers.testing import TRIGGER, DriverContract, ScriptedChannel, play
from autolab.drivers.wire import Ports
from autolab.model.actions import Intent
from autolab.model.clock import Clock
from autolab.model.errors import (
    GarbledReply,
    InstrumentAlarm,
    InstrumentError,
    LinkError,
    OutsideLimits,
    WrongInstrument,
)
from autolab.simulators.bench import Bench

METER: dict[str, Any] = {"query": "READ?", "pattern": r"(?P<value>[-+]?\d+\.\d+)", "unit": "V"}
OVEN: dict[str, Any] = {
    "query": "PV",
    "pattern": r"(?P<value>.+) C",
    "unit": "degC",
    "terminator": "\r",
    "identify": {"query": "ID", "pattern": "OVEN (?P<value>.+)"},
    "set": {"template": "SP {value:.1f}", "answer": "OK", "tolerance": 0.5, "timeout_s": 120.0, "safe": 20.0},
    "limits": {"value": (15.0, 90.0)},
}
FORMS = {"reply": "{value:.1f} C", "identity": "OVEN 7", "response_s": 5.0}


# ---- the description -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pattern": r"(\d+"}, "is no regular expression"),
        ({"pattern": r"\d+"}, "must have one named group"),
        ({"pattern": r"(?P<volts>\d+)"}, "it has volts"),
        ({"pattern": r"(?P<value>\d+)(?P<unit>V)"}, "it has value, unit"),
        ({"pattern": r"(?P<value>.*)"}, "takes an empty answer"),
        ({"query": ""}, "must be printable ASCII"),
        ({"query": "READ?\r"}, "its end belongs to `terminator`"),
        ({"query": "LÍS"}, "must be printable ASCII"),
        ({"terminator": ""}, "at least 1 character"),
        ({"terminator": "§"}, "no ASCII"),
        ({"limits": {"value": (0, 1)}}, "there is no `set`"),
        ({"set": {"template": "SP", "tolerance": 1}}, "must have {value} exactly once"),
        ({"set": {"template": "SP {value} {value}", "tolerance": 1}}, "must have {value} exactly once"),
        ({"set": {"template": "SP {volts}", "tolerance": 1}}, "must have {value} exactly once"),
        ({"set": {"template": "SP {value:d}", "tolerance": 1}}, "Unknown format code"),
        ({"set": {"template": "SP {value[0]}", "tolerance": 1}}, "must have {value} exactly once"),
        ({"set": {"template": "SP {value}"}}, "tolerance"),
        ({"set": {"template": "SP {value}", "tolerance": 1, "answer": "("}}, "is no regular expression"),
        (
            {
                "set": {
                    "template": "SP {value}",
                    "tolerance": 1,
                    "readback": {"query": "SP?", "pattern": r"(?P<value>.+)"},
                }
            },
            "`identify` is needed",
        ),
        ({"identify": {"query": "ID", "pattern": "x"}}, "must have one named group"),
        ({"unknown": 1}, "Extra inputs"),
    ],
)
def test_what_cannot_be_is_refused_when_the_file_is_read(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        QuerySettings.model_validate({**METER, **change})


def test_limits_must_be_in_order() -> None:
    with pytest.raises(ValidationError, match="low <= high"):
        QuerySettings.model_validate({**OVEN, "limits": {"value": (9, 1)}})


def test_the_readback_is_the_reading_unless_told() -> None:
    told = QuerySettings.model_validate(OVEN)
    assert told.readback == told.reading
    assert told.ends == (b"\r", b"\r")
    assert QuerySettings.model_validate({**METER, "send_terminator": ""}).ends == (b"", b"\r\n")


# ---- bytes ---------------------------------------------------------------------------------------------------------


def settings(**change: Any) -> QuerySettings:
    return QuerySettings.model_validate({**METER, **change})


@pytest.mark.parametrize(("answer", "value"), [(b"1.5\r\n", 1.5), (b"-0.25\r\n", -0.25), (b"+10.0\r\n", 10.0)])
def test_a_reading(answer: bytes, value: float) -> None:
    told = settings()
    assert play(wire.reading(told, told.reading, None, 0.0), [(">", b"READ?\r\n"), ("<", answer)]) == value


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"1,5\r\n", "decimal comma"),
        (b"inf\r\n", "no number"),
        (b"nan\r\n", "no number"),
        (b"1_0\r\n", "no number"),
        (b"1e999\r\n", "no number"),
        (b"0x10\r\n", "no number"),
        (b"\r\n", "which is not"),
        (b"\xff1\r\n", "which is not"),
    ],
)
def test_what_is_no_number_is_refused(answer: bytes, message: str) -> None:
    told = settings(pattern="(?P<value>.+)")
    with pytest.raises(GarbledReply, match=message):
        play(wire.reading(told, told.reading, None, 0.0), [(">", b"READ?\r\n"), ("<", answer)])


def test_the_whole_answer_must_fit() -> None:
    told = settings()
    for answer in (b"1.5 V\r\n", b"x1.5\r\n", b"READ?1.5\r\n"):
        with pytest.raises(GarbledReply, match="which is not"):
            play(wire.reading(told, told.reading, None, 0.0), [(">", b"READ?\r\n"), ("<", answer)])


def test_a_name_behind_a_reading_proves_it() -> None:
    told = QuerySettings.model_validate(OVEN)
    asked = [(">", b"PV\r"), ("<", b"25.0 C\r"), (">", b"ID\r")]
    assert play(wire.reading(told, told.reading, "7", 0.0), [*asked, ("<", b"OVEN 7\r")]) == 25.0
    with pytest.raises(GarbledReply, match="late answer to an earlier question"):
        play(wire.reading(told, told.reading, "7", 0.0), [*asked, ("<", b"OVEN 8\r")])
    with pytest.raises(GarbledReply, match="which is not"):
        play(wire.reading(told, told.reading, "7", 0.0), [*asked, ("<", b"24.0 C\r")])


def test_an_order_with_and_without_an_answer() -> None:
    told = QuerySettings.model_validate(OVEN)
    play(wire.order(told, "SP 40.0", "OK", 0.0), [(">", b"SP 40.0\r"), ("<", b"OK\r")])
    play(wire.order(told, "SP 40.0", None, 0.0), [(">", b"SP 40.0\r")])
    with pytest.raises(GarbledReply, match="which is not 'OK'"):
        play(wire.order(told, "SP 40.0", "OK", 0.0), [(">", b"SP 40.0\r"), ("<", b"ERR\r")])


# ---- on its simulator ----------------------------------------------------------------------------------------------


class Rig:
    """An instrument on its simulator, in virtual time."""

    def __init__(self, clock: Clock, told: dict[str, Any], options: dict[str, Any] | None = None) -> None:
        self.clock = clock
        there = {key: value for key, value in told.items() if key != "limits"}
        self.bench = Bench.single("generic.Query", clock=clock, settings=there, options=options)
        self.far = self.bench.instrument("instrument")
        self.device = Query(
            "oven", address="memory://instrument", clock=clock, ports=Ports(clock),
            channel=self.bench.channel("instrument"), **told,
        )  # fmt: skip

    def act(self, value: Any = None) -> ActionStatus:
        async def wait() -> ActionStatus:
            status = self.device.trigger() if value is None else self.device.set(value)
            done = asyncio.Event()
            status.add_callback(lambda _: done.set())
            await done.wait()
            return status

        return self.clock.run(wait())

    def done(self, value: Any = None) -> dict[str, Any]:
        status = self.act(value)
        assert status.exception() is None, status.exception()
        return dict(status.result)


@pytest.fixture
def make(virtual: Clock) -> Callable[..., Rig]:
    return lambda told, options=None: Rig(virtual, told, options)


@pytest.fixture
def oven(make: Callable[..., Rig]) -> Iterator[Rig]:
    rig = make(OVEN, FORMS)
    rig.device.connect()
    yield rig
    rig.device.disconnect()


def test_a_meter_is_read(make: Callable[..., Rig]) -> None:
    rig = make(METER, {"value": 1.25})
    assert rig.device.identify() == {"model": None, "firmware": None, "serial_number": None}
    assert rig.done() == {"value": 1.25, "unit": "V"}
    assert rig.device.read()["oven_value"]["value"] == 1.25
    assert rig.device.describe()["oven_value"]["units"] == "V"
    rig.device.make_safe()
    with pytest.raises(OutsideLimits, match="can only be read"):
        rig.device.set(1.0)
    assert rig.device.samples() == ()


def test_a_unitless_meter_has_no_unit(make: Callable[..., Rig]) -> None:
    rig = make({**METER, "unit": ""})
    assert "units" not in rig.device.describe()["oven_value"]


def test_an_oven_is_set_and_waited_for(oven: Rig) -> None:
    assert oven.device.identify()["model"] == "7"
    assert oven.device.locate() == {"setpoint": None, "readback": 20.0}
    result = oven.done(60.04)
    assert result["commanded"] == 60.0
    assert result["value"] == pytest.approx(60.0, abs=0.5)
    assert result["unit"] == "degC"
    assert 20.0 < result["seconds"] < 30.0
    assert oven.device.locate()["setpoint"] == 60.0
    assert [oven.done(value)["commanded"] for value in oven.device.samples()] == [52.5, 33.8]


def test_a_readback_of_its_own(make: Callable[..., Rig]) -> None:
    readback = {"query": "SP?", "pattern": r"(?P<value>.+) C"}
    rig = make({**OVEN, "set": {**OVEN["set"], "readback": readback}}, FORMS)
    result = rig.done(60.0)
    assert result["readback"] == 60.0
    assert result["value"] < 40.0  # the set point was read back, not the temperature
    assert result["seconds"] < 2.0


@pytest.mark.parametrize(
    ("value", "message"),
    [(100.0, r"outside the limits 15..90 degC"), (float("nan"), "no set point"), ("hot", "no set point")],
)
def test_what_must_not_be_sent_is_not(oven: Rig, value: Any, message: str) -> None:
    with pytest.raises(OutsideLimits, match=message):
        oven.device.set(value)


def test_what_does_not_come_is_an_alarm(make: Callable[..., Rig]) -> None:
    rig = make(OVEN, {**FORMS, "stuck": True})
    error = rig.act(60.0).exception()
    assert isinstance(error, InstrumentAlarm)
    assert "came to 20 instead of 60 degC within 120 s" in str(error)


def test_it_is_made_safe_in_the_middle_of_a_change(oven: Rig) -> None:
    async def begin() -> ActionStatus:
        status = oven.device.set(80.0)
        await asyncio.sleep(5.0)
        return status

    oven.clock.run(begin())
    assert oven.bench.is_safe() == {"instrument": False}
    oven.device.make_safe()
    assert oven.bench.is_safe() == {"instrument": True}
    assert abs(oven.done()["value"] - 20.0) <= 0.5


def test_a_safe_value_that_does_not_come_is_an_alarm(make: Callable[..., Rig]) -> None:
    rig = make({**OVEN, "set": {**OVEN["set"], "timeout_s": 10.0}}, {**FORMS, "value": 60.0, "stuck": True})
    with pytest.raises(InstrumentAlarm, match="stays at 60 instead of the safe 20"):
        rig.device.make_safe()


def test_all_that_it_does_can_be_done_again(oven: Rig) -> None:
    assert oven.device.action_class("set", 1.0) == "idempotent"
    assert oven.device.action_class("trigger", None) == "read"
    assert oven.clock.run(oven.device.do_reconcile(Intent("oven", "set", 60.0, "idempotent"))).verdict == "not"


def test_another_instrument_is_refused(make: Callable[..., Rig]) -> None:
    rig = make(OVEN, FORMS)
    rig.far.identity = "CHILLER 7"
    with pytest.raises(WrongInstrument, match="another instrument answers"):
        rig.device.connect()
    rig.far.identity = "OVEN 7"
    rig.device.connect()
    rig.far.identity = "OVEN 8"
    assert isinstance(rig.act().exception(), InstrumentError)


def test_two_quantities_share_a_line(virtual: Clock) -> None:
    told = {name: {**METER, "query": f"READ {name}"} for name in ("A", "B")}
    where = {"A": "memory://line?bus=0", "B": "memory://line?bus=1"}
    lab: Any = {
        "instruments": {name: {**told[name], "driver": "generic.Query", "address": where[name]} for name in told},
        "virtual": {"instruments": {"A": {"value": 1.0}, "B": {"value": 2.0}}},
    }
    bench, ports = Bench(lab, clock=virtual), Ports(virtual)
    devices = [
        Query(name, address=where[name], clock=virtual, ports=ports, channel=bench.channel(name), **told[name])
        for name in told
    ]

    async def both() -> list[Any]:
        statuses = [device.trigger() for device in devices]
        while not all(status.done for status in statuses):
            await asyncio.sleep(0.1)
        return [status.result["value"] for status in statuses]

    assert virtual.run(both()) == [1.0, 2.0]
    for device in devices:
        device.disconnect()


@pytest.mark.parametrize("told", [METER, OVEN], ids=["meter", "oven"])
@pytest.mark.parametrize("kind", ["drop", "late", "garble", "disconnect", "hang"])
@pytest.mark.parametrize("nth", [1, 2])
def test_each_fault_is_overcome_or_told_and_the_next_reading_is_right(
    make: Callable[..., Rig], told: dict[str, Any], kind: Any, nth: int
) -> None:
    rig = make(told, FORMS if told is OVEN else {})
    rig.device.connect()
    rig.bench.inject("instrument", kind, nth=nth, **({"seconds": 1.5} if kind == "late" else {}))
    error = rig.act().exception()
    assert error is None or isinstance(error, LinkError)
    rig.bench.wire("instrument").mend()
    rig.device.clock.run(asyncio.sleep(1.5))  # what is late holds up what comes behind it
    rig.far.lag.value = rig.far.lag.target = 33.5
    assert rig.done()["value"] == 33.5


@pytest.mark.parametrize("nth", range(1, 8))
def test_a_set_point_is_given_again_after_a_fault(oven: Rig, nth: int) -> None:
    oven.bench.inject("instrument", "garble", nth=nth)
    assert oven.done(40.0)["commanded"] == 40.0
    assert oven.far.lag.target == 40.0


def test_texts_are_paced(virtual: Clock) -> None:
    told: list[float] = []

    def answer(data: bytes) -> list[bytes]:
        told.append(virtual.now())
        return [b"1.5\r\n"]

    channel = ScriptedChannel(answer, clock=virtual)
    device = Query(
        "meter", address="memory://x", clock=virtual, channel=channel, ports=Ports(virtual), pause_s=0.5, **METER
    )
    device.connect()
    device.identify()
    assert all(later - before >= 0.5 for before, later in itertools.pairwise(told))
    device.disconnect()


class QueryContract(DriverContract):
    told: dict[str, Any]
    options: dict[str, Any]

    @pytest.fixture(params=["virtual", "scaled"])
    def instrument(self, request: pytest.FixtureRequest) -> Iterator[Query]:
        clock: Clock = request.getfixturevalue(request.param)
        with clock.running():
            rig = Rig(clock, self.told, self.options)
            yield rig.device
            rig.device.disconnect()


class TestMeter(QueryContract):
    told, options = METER, {}

    @pytest.fixture
    def command(self) -> object:
        return TRIGGER


class TestOven(QueryContract):
    told, options = OVEN, FORMS

    @pytest.fixture
    def command(self) -> object:
        return 40.0
