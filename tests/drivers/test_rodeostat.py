"""The Rodeostat: lines after its firmware, runs on the simulator in virtual time, and the contract kit."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import bluesky.plans as bp
import pytest
from bluesky import RunEngine
from event_model import DocumentNames, schema_validators
from hypothesis import given
from hypothesis import strategies as st

from autolab.drivers import rodeostat_protocol as wire
from autolab.drivers.instrument import OphydInstrument
from autolab.drivers.rodeostat import Rodeostat, Saturated, same
from autolab.drivers.rodeostat_protocol import Sample
from autolab.drivers.rodeostat_settings import RodeostatSettings
from autolab.drivers.testing import TRIGGER, DriverContract, play
from autolab.drivers.wire import Ports
from autolab.model.actions import Intent
from autolab.model.clock import Clock
from autolab.model.errors import (
    GarbledReply,
    InDoubt,
    InputError,
    InstrumentAlarm,
    InstrumentTimeout,
    LinkError,
    OutsideLimits,
    Refused,
    WrongInstrument,
)
from autolab.simulators.bench import Bench

if TYPE_CHECKING:
    from tests.drivers.conftest import Rig

CV = {"kind": "cyclic", "low_V": -0.2, "high_V": 0.6, "scan_rate_V_s": 0.4}
DUMMY: dict[str, Any] = {"cell": "resistor", "ohm": 1e4}
TESTS: dict[str, tuple[dict[str, Any], int]] = {
    "cyclic": (CV, 400),
    "sinusoid": ({"kind": "sinusoid", "amplitude_V": 0.2, "offset_V": 0.1, "period_s": 1.0, "cycles": 2}, 200),
    "constant": ({"kind": "constant", "value_V": 0.3, "duration_s": 0.5, "quiet_s": 0.2, "quiet_V": -0.1}, 70),
    "linear_sweep": ({"kind": "linear_sweep", "start_V": 0.5, "end_V": -0.5, "scan_rate_V_s": 1.0}, 100),
    "chronoamperometry": ({"kind": "chronoamperometry", "steps": [[0.5, 0.0], [1.0, 0.4]]}, 150),
    "steps": ({"kind": "steps", "steps": [[0.2, 0.1], [0.2, 0.2], [0.1, -0.3]]}, 50),
    "square_wave": ({"kind": "square_wave", "start_V": -0.1, "end_V": 0.3, "step_V": 0.01}, 39),
}  # kind -> settings, samples at 10 ms


def said(response: dict[str, Any], **more: Any) -> tuple[str, bytes]:
    return "<", json.dumps({"success": True, **more, "response": response}, separators=(",", ":")).encode() + b"\r\n"


# ---- lines, after the firmware -------------------------------------------------------------------------------------


def test_commands_are_json_lines_and_never_of_full_packets() -> None:
    assert wire.message("setVolt", v=0.5) == b'{"command":"setVolt","v":0.5}\n'
    lengths = {len(wire.message("setParam", test="x" * n)) for n in range(200)}
    assert not [length for length in lengths if length % 64 == 0]


@given(st.text(max_size=200))
def test_any_message_comes_back_and_is_no_multiple_of_64(text: str) -> None:
    line = wire.message("setParam", test=text)
    assert len(line) % 64
    assert json.loads(line) == {"command": "setParam", "test": text}


def test_a_value() -> None:
    found = play(
        wire.value("getVolt", "v", float), [(">", b'{"command":"getVolt"}\n'), said({"command": "getVolt", "v": 0})]
    )
    assert found == 0.0


@pytest.mark.parametrize(
    "line",
    [
        b'{"success":true,"response":{"command":"getCurr","v":0.1}}\r\n',
        b'{"success":true,"response":{"command":"getVolt"}}\r\n',
        b'{"success":true,"response":{"command":"getVolt","v":"0.1"}}\r\n',
        b'{"success":true,"response":{"command":"getVolt","v":true}}\r\n',
        b'{"success":1,"response":{"command":"getVolt","v":0.1}}\r\n',
        b'{"success":true,"response":{"command":"getVolt","v":NaN}}\r\n',
        b'{"success":true,"response":{"command":"getVolt","v":0,1}}\r\n',
        b"[]\r\n",
        b"\r\n",
        b"\xff\xfe\r\n",
    ],
)
def test_what_is_no_reply(line: bytes) -> None:
    with pytest.raises(GarbledReply):
        play(wire.value("getVolt", "v", float), [(">", b'{"command":"getVolt"}\n'), ("<", line)])


def test_it_says_no() -> None:
    no = b'{"success":false,"message":"voltRange, 3V, not found","response":{"command":"setVoltRange","voltRange":"1V"}}\r\n'
    with pytest.raises(Refused, match="did not do it: voltRange, 3V, not found"):
        play(
            wire.exchange("setVoltRange", voltRange="3V"),
            [(">", wire.message("setVoltRange", voltRange="3V")), ("<", no)],
        )


def test_samples_before_a_reply_are_passed_over() -> None:
    before = [("<", b'5,"i":0.5}\r\n'), ("<", b'{"t":20,"v":0.1,"i":0.5}\r\n'), ("<", b"{}\r\n")]
    sent = (">", b'{"command":"getVolt"}\n')
    assert play(wire.value("getVolt", "v", float), [sent, *before, said({"command": "getVolt", "v": 0.5})]) == 0.5


RUN = [(">", b'{"command":"runTest","test":"cyclic"}\n'), said({"command": "runTest", "test": "cyclic"})]


def run(halted: bool = False) -> Any:
    return wire.run("cyclic", 10, 1.0, lambda _: None, lambda: halted)


def test_a_run() -> None:
    lines = [("<", b'{"t":10,"v":-1,"i":-0.25}\r\n'), ("<", b'{"t":20,"v":-0.5,"i":0}\r\n'), ("<", b"{}\r\n")]
    assert play(run(), [*RUN, *lines]) == [Sample(10, -1.0, -0.25), Sample(20, -0.5, 0.0)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b'{"t":20,"v":-1,"i":-0.25}\r\n', "the sample at 10 ms is missing: the next is of 20 ms"),
        (b'{"t":10,"v":-1}\r\n', "no sample"),
        (b'{"t":10,"v":-1,"i":null}\r\n', "no sample"),
        (b'{"t":10,"v":-1,"i":1,"n":3}\r\n', "no sample"),
        (b'{"t":10.5,"v":-1,"i":1}\r\n', "no sample"),
        (b'{"t":10,"v\r\n', "no JSON object"),
    ],
)
def test_a_spoiled_run_is_stopped(line: bytes, words: str) -> None:
    with pytest.raises(GarbledReply, match=words):
        play(run(), [*RUN, ("<", line), (">", b'{"command":"stopTest"}\n')])


def test_a_run_that_falls_silent_is_stopped() -> None:
    with pytest.raises(InstrumentTimeout):
        play(run(), [*RUN, (">", b'{"command":"stopTest"}\n')])


def test_stopping_reads_through_to_the_end() -> None:
    lines = [
        ("<", b'{"t":10,"v":-1,"i":-0.25}\r\n'),
        (">", b'{"command":"stopTest"}\n'),
        ("<", b'{"t":20,"v":0,"i":0}\r\n'),
    ]
    end = [said({"command": "stopTest"}), ("<", b'{"t":30,"v":0,"i":0}\r\n'), ("<", b"{}\r\n")]
    volt = [(">", b'{"command":"getVolt"}\n'), said({"command": "getVolt", "v": 0.0})]
    with pytest.raises(Refused, match="cyclic was stopped after 0 samples"):
        play(run(halted=True), [*RUN, *lines, *end, *volt])


def test_parameters_agree_in_single_precision() -> None:
    assert same({"a": 0.10000000149, "step": [[10, 0.5]], "n": 3}, {"a": 0.1, "step": [[10, 0.5]], "n": 3})
    assert not same({"a": 0.1}, {"a": 0.2})
    assert not same({}, {"a": 0.2})
    assert not same({"step": [[10, 0.5]]}, {"step": [[10, 0.5], [10, 0.1]]})
    assert not same({"n": 4}, {"n": 3})


# ---- settings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("test", "words"),
    [
        ({**CV, "low_V": 0.7}, "must be less than high_V"),
        ({**CV, "start_V": 0.7}, "must be between low_V and high_V"),
        ({"kind": "linear_sweep", "start_V": 1, "end_V": 1, "scan_rate_V_s": 1}, "use `kind: constant`"),
        ({"kind": "square_wave", "start_V": 0.3, "end_V": -0.3}, "the firmware only climbs"),
        ({"kind": "chronoamperometry", "steps": [[1, 0.1]]}, "at least 2"),
        ({"kind": "impedance"}, "cyclic"),
        ({**CV, "high_V": 11}, "less than or equal to 10"),
    ],
)
def test_tests_that_cannot_be(test: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Rodeostat("cell", address="memory://bench", test=test)


def test_a_square_wave_keeps_step_with_its_samples(make: Make) -> None:
    wave = TESTS["square_wave"][0]
    with pytest.raises(InputError, match="must be a multiple of sample_s"):
        Rodeostat("cell", address="memory://bench", test={**wave, "quiet_s": 0.015})
    result = make(test={**wave, "quiet_s": 0.1}).read()
    assert result["samples"] == 50
    assert result["current_A"][:10] == [0.0] * 10


def test_cyclic_parameters() -> None:
    test = RodeostatSettings(test={**CV, "start_V": 0.2, "cycles": 3}).test  # type: ignore[arg-type]  # as a file has it
    assert test.all_parameters() == {
        "quietValue": 0.0, "quietTime": 0, "amplitude": pytest.approx(0.4), "offset": pytest.approx(0.2),
        "period": 4000, "numCycles": 3, "shift": pytest.approx(0.25),
    }  # fmt: skip
    assert test.lasts_ms(10) == 12000


# ---- on the simulator ----------------------------------------------------------------------------------------------


Make = Callable[..., "Rig"]


@pytest.fixture
def make(virtual: Clock, rigs: Make) -> Make:
    def one(options: Any = None, **settings: Any) -> Rig:
        settings = {"test": CV, **settings}
        options = DUMMY if options is None else options
        return rigs(
            "rodeostat.Rodeostat", Rodeostat, virtual, name="cell", settings=settings, far_settings={}, options=options
        )

    return one


@pytest.mark.parametrize("kind", TESTS)
def test_every_kind_runs_on_a_resistor(make: Make, kind: str) -> None:
    test, count = TESTS[kind]
    rig = make(test=test)
    begun = rig.clock.now()
    result = rig.read()
    assert (result["test"], result["samples"], result["saturated"]) == (kind, count, 0)
    assert result["time_s"] == pytest.approx([0.01 * (place + 1) for place in range(count)])
    assert rig.clock.now() - begun >= count * 0.01
    if kind != "square_wave":
        for volts, amperes in zip(result["voltage_V"][:-1], result["current_A"][:-1], strict=True):
            assert amperes == pytest.approx(volts / 1e4, abs=1e-7)
    else:
        assert result["current_A"][5] == pytest.approx(0.05 / 1e4, abs=1e-7)  # forward less reverse
    assert rig.far.is_safe()
    assert json.loads(json.dumps(result)) == result


def test_readings_are_arrays_with_their_shape(make: Make) -> None:
    rig = make()
    assert rig.device.describe()["cell_current"]["shape"] == [0]
    result = rig.read()
    described, read = rig.device.describe(), rig.device.read()
    for name, key in (("elapsed", "time_s"), ("voltage", "voltage_V"), ("current", "current_A")):
        assert described[f"cell_{name}"]["shape"] == [400]
        assert described[f"cell_{name}"]["dtype"] == "array"
        assert read[f"cell_{name}"]["value"] == result[key]
    assert read["cell_charge"]["value"] == pytest.approx(sum(result["current_A"]) * 0.01)


def test_a_reversible_couple_gives_its_peaks(make: Make) -> None:
    rig = make(options={"cell": "couple"}, current_range="100uA", test={**CV, "scan_rate_V_s": 0.1, "cycles": 1})
    result = rig.read()
    up = result["current_A"][: len(result["current_A"]) // 2]
    peak = 2.69e5 * 0.07 * math.sqrt(7e-6 * 0.1) * 1e-6  # Randles and Sevcik at 25 degC
    assert max(up) == pytest.approx(peak, rel=0.04)
    at = result["voltage_V"][up.index(max(up))]
    back = result["current_A"].index(min(result["current_A"]))
    assert at - result["voltage_V"][back] == pytest.approx(0.057, abs=0.02)  # noise moves a flat top


def test_a_randles_cell_decays_after_a_step(make: Make) -> None:
    options = {"cell": "randles", "series_ohm": 1e4, "transfer_ohm": 1e6, "farad": 1e-5}
    rig = make(options=options, test={"kind": "chronoamperometry", "steps": [[0.5, 0.0], [1.0, 0.5]]})
    amperes = rig.read()["current_A"]
    tau = 1e-5 / (1e-4 + 1e-6)
    steady = 0.5 / 1.01e6
    assert amperes[60] - steady == pytest.approx((0.5 / 1e4 - steady) * math.exp(-0.11 / tau), rel=0.03)


def test_who_it_is(make: Make) -> None:
    rig = make()
    before = dict(vars(rig.far))
    assert rig.device.identify() == {"model": "10V_microAmpV0.2", "firmware": "FW0.0.7", "serial_number": "1"}
    assert {key: before[key] for key in ("volt", "connected", "period")} == {
        key: vars(rig.far)[key] for key in ("volt", "connected", "period")
    }
    make(device_id=1).device.connect()
    with pytest.raises(WrongInstrument, match="device 1 answers instead of 7"):
        make(device_id=7).device.connect()


def test_classes_and_reconciling(make: Make) -> None:
    rig = make()
    assert rig.device.action_class("trigger", None) == "once"
    assert rig.device.action_class("set", 0.1) == "idempotent"
    rig.set(0.1)

    def verdict(verb: Any, value: Any) -> str:
        return str(rig.clock.run(rig.device.do_reconcile(Intent("cell", verb, value, "once"))).verdict)

    assert [verdict("set", 0.1), verdict("set", 0.5), verdict("set", "off")] == ["happened", "not", "not"]
    assert verdict("trigger", None) == "unknown"


def test_a_potential_is_held_and_let_go(make: Make) -> None:
    rig = make()
    assert rig.set(1.5)["voltage_V"] == pytest.approx(1.5, abs=1e-3)
    assert (rig.far.volt_range, rig.far.live) == ("2V", True)
    assert rig.device.locate()["readback"] == pytest.approx(1.5, abs=1e-3)
    assert rig.set("off")["voltage_V"] == pytest.approx(0.0, abs=1e-3)
    assert rig.far.is_safe()
    assert not rig.far.live


@pytest.mark.parametrize(
    ("value", "words"), [(11.0, "10 V"), (float("inf"), "a potential in V"), (2.0, "limits"), ("on", "'off'")]
)
def test_what_must_not_be_sent_is_not(make: Make, value: Any, words: str) -> None:
    limits = {"voltage": (-1, 1)} if value == 2.0 else None
    with pytest.raises(OutsideLimits, match=words):
        make(limits=limits).device.set(value)


def test_a_test_beyond_the_limits_is_refused_when_it_is_made(make: Make) -> None:
    with pytest.raises(InputError, match=r"test: 0.6 V is outside limits.voltage -0.5\.\.0.5 V"):
        make(limits={"voltage": (-0.5, 0.5)})


def test_a_saturated_current_fails_or_is_told(make: Make) -> None:
    rig = make(current_range="10uA")
    with pytest.raises(Saturated, match=r"the current left 10uA in \d+ of 400 samples: take a higher range"):
        rig.read()
    result = make(current_range="10uA", on_saturation="tell").read()
    assert 100 < result["saturated"] < 400
    with pytest.raises(InstrumentAlarm, match=r"current .* A is outside the limits"):
        make(limits={"current": (-1e-5, 1e-5)}).read()


def test_a_range_that_the_board_does_not_have(make: Make) -> None:
    with pytest.raises(Refused, match="currRange, 60nA, not found"):
        make(current_range="60nA").read()


@pytest.mark.parametrize("safe", ["do_halt", "do_make_safe"])
def test_a_run_is_stopped_in_the_middle(make: Make, safe: str) -> None:
    rig = make()

    async def story() -> Any:
        status = rig.device.trigger()
        await asyncio.sleep(1.0)
        assert not rig.far.is_safe()
        await getattr(rig.device, safe)()
        return status

    status = rig.clock.run(story())
    assert isinstance(status.exception(), InDoubt)
    assert rig.far.is_safe()
    assert rig.far.test is None
    assert rig.read()["samples"] == 400


def test_a_run_of_the_process_before_is_met_and_stopped(make: Make) -> None:
    first = make()

    async def begin() -> None:
        first.device.trigger()
        await asyncio.sleep(1.0)

    first.clock.run(begin())
    second = Rodeostat(
        "cell", address="memory://bench", clock=first.clock, ports=Ports(first.clock),
        channel=first.bench.channel("instrument"), test=CV,
    )  # fmt: skip
    second.make_safe()
    assert first.far.is_safe()
    second.disconnect()


def test_a_run_that_ends_early_is_an_alarm(make: Make) -> None:
    rig = make()

    async def story() -> Any:
        status = rig.device.trigger()
        await asyncio.sleep(1.0)
        rig.far._end()  # somebody else's stopTest
        await asyncio.sleep(5.0)
        return status

    error = rig.clock.run(story()).exception()
    assert isinstance(error, InstrumentAlarm)
    assert "of 400 samples: somebody stopped it" in str(error)


def test_one_that_does_not_stop_is_told(make: Make) -> None:
    rig = make(options={**DUMMY, "stuck": True})

    async def story() -> None:
        rig.device.trigger()
        await asyncio.sleep(1.0)
        await rig.device.do_make_safe()

    with pytest.raises((InstrumentAlarm, LinkError)):
        rig.clock.run(story())


def test_the_usb_buffer_does_not_swallow_a_command(make: Make) -> None:
    assert make(options={**DUMMY, "usb_bug": True}).read()["samples"] == 400


def test_progress_is_told(make: Make) -> None:
    rig = make()
    told: list[float] = []

    def begin() -> Any:
        status = rig.device.trigger()
        status.watch(lambda **more: told.append(more["current"]))
        return status

    rig.run(begin)
    assert told == pytest.approx([0.5 * (place + 1) for place in range(8)])


@pytest.mark.parametrize("kind", ["drop", "late", "garble", "hang", "disconnect"])
@pytest.mark.parametrize("nth", [1, 3, 5, 6, 40])
def test_each_fault_is_typed_and_the_next_run_is_right(make: Make, kind: Any, nth: int) -> None:
    rig = make()
    rig.device.connect()
    rig.bench.inject("instrument", kind, nth=nth, **({"seconds": 30.0} if kind == "late" else {}))
    try:
        assert rig.read()["samples"] == 400
    except LinkError:
        pass
    else:
        assert nth < 5  # what may be asked again was
    rig.bench.wire("instrument").mend()
    rig.clock.run(asyncio.sleep(30.0))  # what is late holds up what comes behind it
    result = rig.read()
    assert result["current_A"][100] == pytest.approx(result["voltage_V"][100] / 1e4, abs=1e-7)


def test_a_power_cycle_in_the_middle_is_told_and_the_next_run_is_right(make: Make) -> None:
    rig = make()

    async def story() -> Any:
        status = rig.device.trigger()
        await asyncio.sleep(1.0)
        rig.far.power_cycle()
        await asyncio.sleep(10.0)
        return status

    assert isinstance(rig.clock.run(story()).exception(), InstrumentTimeout)
    assert rig.read()["samples"] == 400


SHORT = {"kind": "constant", "value_V": 0.2, "duration_s": 0.1}


def test_documents_validate(real: Clock, ports: Any) -> None:
    documents: list[tuple[str, Any]] = []

    def keep(name: str, document: Any) -> None:
        schema_validators[DocumentNames[name]].validate(document)
        documents.append((name, document))

    with Bench.single("rodeostat.Rodeostat", clock=real, options=DUMMY) as bench:
        channel = bench.channel("instrument")
        cell = Rodeostat("cell", address="memory://bench", clock=real, ports=ports(real), channel=channel, test=SHORT)
        RunEngine(context_managers=[])(bp.count([cell], num=2), keep)
        cell.disconnect()
    (descriptor,) = [document for name, document in documents if name == "descriptor"]
    events = [document for name, document in documents if name == "event"]
    assert descriptor["data_keys"]["cell_current"]["shape"] == [10]
    assert [len(event["data"]["cell_current"]) for event in events] == [10, 10]


def test_a_run_is_stopped_in_wall_time_too(real: Clock, ports: Any) -> None:
    with Bench.single("rodeostat.Rodeostat", clock=real, options=DUMMY) as bench:
        channel = bench.channel("instrument")
        test = {"kind": "constant", "value_V": 0.2, "duration_s": 60}
        cell = Rodeostat("cell", address="memory://bench", clock=real, ports=ports(real), channel=channel, test=test)
        cell.connect()
        status = cell.trigger()
        while bench.is_safe()["instrument"]:
            pass  # until it has begun
        cell.make_safe()
        assert bench.is_safe() == {"instrument": True}
        with pytest.raises(InDoubt):
            status.wait(5)
        cell.disconnect()


class TestRodeostat(DriverContract):
    @pytest.fixture
    def instrument(self, real: Clock, ports: Any) -> Iterator[OphydInstrument]:
        with Bench.single("rodeostat.Rodeostat", clock=real, options=DUMMY) as bench:
            channel = bench.channel("instrument")
            made = Rodeostat(
                "cell", address="memory://bench", clock=real, ports=ports(real), channel=channel, test=SHORT
            )
            yield made
            made.disconnect()

    @pytest.fixture
    def command(self) -> object:
        return TRIGGER
