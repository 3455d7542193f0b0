"""Source meters and multimeters: bytes after the manuals, the drivers on their simulators, and the contract kit."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import bluesky.plans as bp
import pytest
from bluesky import RunEngine
from event_model import DocumentNames, schema_validators
from hypothesis import given
from hypothesis import strategies as st

from autolab.drivers import scpi_protocol as protocol
from autolab.drivers.instrument import OphydInstrument
from autolab.drivers.scpi import InCompliance, Multimeter, Overload, SourceMeter
from autolab.drivers.scpi_dialects import Measured, dialect
from autolab.drivers.scpi_protocol import Identity, Talk
from autolab.drivers.testing import TRIGGER, DriverContract, play
from autolab.model.actions import Intent
from autolab.model.clock import Clock
from autolab.model.errors import (
    GarbledReply,
    InDoubt,
    InputError,
    InstrumentAlarm,
    InstrumentError,
    InstrumentTimeout,
    LinkError,
    OutsideLimits,
    Refused,
    WrongInstrument,
)
from autolab.simulators.bench import Bench

if TYPE_CHECKING:
    from tests.drivers.conftest import Rig

TALK = Talk()
VOLTS = {"source": "voltage", "compliance": 0.01}
AMPERES = {"source": "current", "compliance": 5.0}
NO_ERROR = [(">", b":SYST:ERR?\n"), ("<", b'0,"No error"\n')]

# ---- bytes, after the manuals --------------------------------------------------------------------------------------


def test_who_it_is() -> None:
    said = b"KEITHLEY INSTRUMENTS INC.,MODEL 2450,01234567,1.0.0i\n"  # 2450 Reference Manual, page B-5
    found = play(TALK.identity(), [(">", b"*IDN?\n"), ("<", said)])
    assert found == Identity("KEITHLEY INSTRUMENTS INC.", "2450", "01234567", "1.0.0i")
    said = b"Keysight Technologies,34461A,MY53220001,A.02.14-02.40-02.14-00.49-03-01\n"
    assert play(TALK.identity(), [(">", b"*IDN?\n"), ("<", said)]).model == "34461A"


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lines_end_as_the_panel_says(end: bytes) -> None:
    assert play(Talk(end).is_on(":OUTP?"), [(">", b":OUTP?" + end), ("<", b"1" + end)]) is True


@pytest.mark.parametrize("said", [b"2\n", b"ON\n", b"\n", b"1,1\n", b"1\xfe\n", b"1;0\n"])
def test_a_boolean_is_0_or_1(said: bytes) -> None:
    with pytest.raises(GarbledReply):
        play(TALK.is_on(":OUTP?"), [(">", b":OUTP?\n"), ("<", said)])


def test_orders_are_silent_and_the_queue_answers_behind_them() -> None:
    sent = [(">", b"*CLS\n"), (">", b":SOUR:FUNC VOLT\n"), (">", b":OUTP ON\n")]
    play(TALK.order(":SOUR:FUNC VOLT", ":OUTP ON"), [*sent, *NO_ERROR])
    play(TALK.order(), [(">", b"*CLS\n"), (">", b":SYST:ERR?\n"), ("<", b'0,"No error;0,0,0"\n')])  # a 2450
    play(TALK.order(), [(">", b"*CLS\n"), (">", b":SYST:ERR?\n"), ("<", b'+0,"No error"\n')])  # a 34461A


@pytest.mark.parametrize(
    ("entry", "error", "words"),
    [
        (b'-222,"Parameter data out of range"', Refused, "did not take it: -222 'Parameter data out of range'"),
        (b'-113,"Undefined header;1;2019/01/01 12:00:00.000"', Refused, "-113 'Undefined header'"),
        (b'802,"Not permitted with OUTPUT off"', Refused, "802"),
        (b'-350,"Queue overflow"', InstrumentAlarm, "reports -350"),
        (b'+302,"Device over temperature"', InstrumentAlarm, "302 'Device over temperature'"),
    ],
)
def test_an_entry_of_the_queue_is_an_error_in_words(entry: bytes, error: type[InstrumentError], words: str) -> None:
    sent = [(">", b"*CLS\n"), (">", b":OUTP ON\n"), (">", b":SYST:ERR?\n"), ("<", entry + b"\n")]
    with pytest.raises(error, match=words):
        play(TALK.order(":OUTP ON"), [*sent, *NO_ERROR])


@pytest.mark.parametrize("said", [b"No error\n", b"0,No error\n", b"+1.0E+00\n", b'0,"No error"x\n'])
def test_a_queue_that_says_something_else_is_garbled(said: bytes) -> None:
    with pytest.raises(GarbledReply, match="no code and text"):
        play(TALK.errors(), [(">", b":SYST:ERR?\n"), ("<", said)])


def test_a_reading_of_a_2400() -> None:
    # 2400 Series User's Manual, page 18-53: 10 kOhm, current sourced; bits 2, 10 to 13 and 15 of the status
    said = b"+1.000236E+00,+1.000000E-04,+1.000236E+04,+7.282600E+01,+4.813200E+04\n"
    read = dialect("2400", TALK, "current", 1.0).read()
    assert play(read, [(">", b":READ?\n"), ("<", said)]) == Measured(1.000236, 1e-4, 72.826, False)
    held = said.replace(b"+4.813200E+04", b"+8.000000E+00")  # bit 3: compliance, page 18-50
    read = dialect("2400", TALK, "current", 1.0).read()
    assert play(read, [(">", b":READ?\n"), ("<", held)]).in_compliance


@pytest.mark.parametrize(("source", "trip", "volt"), [("voltage", "VOLT:ILIM", 1.5), ("current", "CURR:VLIM", 2e-3)])
def test_a_reading_of_a_2450(source: Any, trip: str, volt: float) -> None:
    sent = [(">", b':READ? "defbuffer1",SOUR,READ,REL\n'), ("<", b"1.500000E+00,2.000000E-03,3.25\n")]
    tripped = [(">", f":SOUR:{trip}:TRIP?\n".encode()), ("<", b"1\n")]
    found = play(dialect("2450", TALK, source, 1.0).read(), [*sent, *tripped])
    assert (found.voltage, found.in_compliance, found.when) == (volt, True, 3.25)


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        (b"+9.900000E+37,+1.0E-04,+9.91E+37,+1.0E+00,+0.0E+00\n", InstrumentAlarm, "voltage is beyond its range"),
        (b"+1.0E+00,+9.910000E+37,+9.91E+37,+1.0E+00,+0.0E+00\n", InstrumentAlarm, "current is beyond its range"),
        (b"1,0E+00,+1.0E-04,+9.91E+37,+1.0E+00,+0.0E+00\n", GarbledReply, "6 fields instead of 5 .a decimal comma"),
        (b"+1.0E+00,+1.0E-04\n", GarbledReply, "2 fields instead of 5"),
        (b"nan,+1.0E-04,+9.91E+37,+1.0E+00,+0.0E+00\n", GarbledReply, "'nan', which is no number"),
        (b"+1.0E+999,+1.0E-04,+9.91E+37,+1.0E+00,+0.0E+00\n", GarbledReply, "no number"),
    ],
)
def test_what_is_no_reading(said: bytes, error: type[InstrumentError], words: str) -> None:
    with pytest.raises(error, match=words):
        play(dialect("2400", TALK, "voltage", 1.0).read(), [(">", b":READ?\n"), ("<", said)])


def test_where_no_reading_comes_the_queue_says_why() -> None:
    sent = [(">", b":READ?\n"), (">", b":SYST:ERR?\n"), ("<", b'802,"Not permitted with OUTPUT off"\n')]
    with pytest.raises(Refused, match="802"):
        play(TALK.measure(":READ?", 1.0), [*sent, *NO_ERROR])
    with pytest.raises(InstrumentTimeout):
        play(TALK.measure(":READ?", 1.0), [(">", b":READ?\n"), *NO_ERROR])


@given(st.lists(st.floats(-1e37, 1e37), min_size=1, max_size=6))
def test_numbers_come_back(values: list[float]) -> None:
    answer = ",".join(f"{value:+.16E}" for value in values)
    assert protocol.numbers(answer, len(values), ":READ?") == values


@given(st.text(alphabet="0123456789+-.,Ee aN", max_size=20), st.integers(1, 3))
def test_any_text_is_numbers_or_garbled(text: str, count: int) -> None:
    with contextlib.suppress(GarbledReply):
        assert len(protocol.numbers(text, count, "?")) == count


# ---- on the simulators ---------------------------------------------------------------------------------------------


Make = Callable[..., "Rig"]


@pytest.fixture
def make(virtual: Clock, rigs: Make) -> Make:
    def one(key: str = "scpi.SourceMeter", options: Any = None, **settings: Any) -> Rig:
        source = key == "scpi.SourceMeter"
        settings = {**VOLTS, **settings} if source else settings
        known = {name: value for name, value in settings.items() if name in ("model", "terminator")}
        driver = SourceMeter if source else Multimeter
        return rigs(key, driver, virtual, name="meter", settings=settings, far_settings=known, options=options)

    return one


MODELS = pytest.mark.parametrize("model", ["2400", "2450"])


@MODELS
def test_a_level_is_sourced_measured_and_switched_off(make: Make, model: str) -> None:
    rig = make(model=model)
    result = rig.set(2.0)
    assert (result["level_V"], result["output"], result["in_compliance"]) == (2.0, True, False)
    assert result["voltage_V"] == pytest.approx(2.0, rel=1e-4)
    assert result["current_A"] == pytest.approx(2e-3, rel=1e-4)
    assert result["resistance_Ohm"] == pytest.approx(1000.0, rel=1e-4)
    assert not rig.far.is_safe()
    assert rig.read().keys() == {"voltage_V", "current_A", "resistance_Ohm", "in_compliance"}
    assert rig.device.locate() == {"setpoint": 2.0, "readback": pytest.approx(2.0, rel=1e-4)}
    assert rig.set("off") == {"output": False}
    assert rig.far.is_safe()
    assert rig.far.errors == []


@MODELS
def test_current_is_sourced_likewise(make: Make, model: str) -> None:
    rig = make(model=model, **AMPERES)
    result = rig.set(-1e-3)
    assert result["voltage_V"] == pytest.approx(-1.0, rel=1e-4)
    assert rig.device.describe()["meter_level"]["units"] == "A"
    result = rig.set(0.02)  # 20 V over 1 kOhm
    assert result["in_compliance"]
    assert result["voltage_V"] == pytest.approx(5.0, rel=1e-4)


@MODELS
def test_compliance_is_told_or_fails_with_the_output_off(make: Make, model: str) -> None:
    rig = make(model=model)
    result = rig.set(20.0)
    assert result["in_compliance"]
    assert result["current_A"] == pytest.approx(0.01, rel=1e-3)
    assert rig.device.in_compliance.get() is True
    rig = make(model=model, on_compliance="fail")
    with pytest.raises(InCompliance, match=r"holds at 9\.99.* 20.0 V is not reached; the output is off|holds at 10"):
        rig.set(20.0)
    assert rig.far.is_safe()


def test_a_diode_rectifies(make: Make) -> None:
    rig = make(options={"load": "diode"})
    assert rig.set(-5.0)["current_A"] == pytest.approx(-1e-9, abs=1e-9)
    assert rig.set(5.0)["in_compliance"]
    assert 0.5 < rig.read()["voltage_V"] < 1.0


def test_measuring_needs_an_output(make: Make) -> None:
    rig = make()
    with pytest.raises(Refused, match="output is off, there is nothing to measure"):
        rig.read()
    assert rig.far.is_safe()


def test_meeting_it_changes_nothing(make: Make) -> None:
    rig = make()
    before = dict(rig.far.state)
    assert rig.device.identify()["model"] == "2400"
    assert rig.far.state == before


@pytest.mark.parametrize(
    ("settings", "options", "words"),
    [
        ({"serial_number": "7"}, {}, "number '1234567' answers instead of '7'"),
        ({}, {"firmware": "x"}, ""),
    ],
)
def test_only_the_wanted_one_is_taken(make: Make, settings: Any, options: Any, words: str) -> None:
    rig = make(options=options, **settings)
    if not words:
        rig.device.connect()
        return
    with pytest.raises(WrongInstrument, match=words):
        rig.device.connect()


def test_another_model_is_refused(make: Make) -> None:
    rig = make(model="2400")
    rig.far.model = "2401"
    with pytest.raises(WrongInstrument, match="2401 answers instead of a 2400"):
        rig.device.connect()


@pytest.mark.parametrize(
    ("settings", "limits", "value", "words"),
    [
        ({}, {"voltage": (0, 5)}, 6.0, r"voltage 6 V is outside the limits 0\.\.5 V"),
        ({}, {"current": (0, 0.001)}, 1.0, "the compliance"),
        ({"compliance": 0.5}, {}, 100.0, "100 V with 0.5 A is more than a 2400 can"),
        ({}, {}, 300.0, "more than a 2400 can"),
        ({"source_range": 2.0}, {}, 3.0, "beyond source_range"),
        ({}, {}, float("nan"), "a level in V, or 'off'"),
        ({}, {}, True, "a level in V, or 'off'"),
        ({}, {}, "on", "a level in V, or 'off'"),
    ],
)
def test_what_must_not_be_sent_is_not(make: Make, settings: Any, limits: Any, value: Any, words: str) -> None:
    rig = make(limits=limits, **settings)
    with pytest.raises(OutsideLimits, match=words):
        rig.device.set(value)
    assert rig.far.is_safe()


def test_settings_that_cannot_be() -> None:
    with pytest.raises(InputError, match="compliance 2 is more than a 2400 can"):
        SourceMeter("meter", address="memory://bench", source="voltage", compliance=2.0)
    with pytest.raises(InputError, match="a temperature has no range"):
        Multimeter("meter", address="memory://bench", function="temperature", range=1.0)
    with pytest.raises(InputError, match="more than a 2000 can"):
        Multimeter("meter", address="memory://bench", function="voltage_dc", model="2000", nplc=100)


def test_a_fixed_range_and_four_wires_are_set(make: Make) -> None:
    rig = make(source_range=2.0, four_wire=True, terminals="rear", nplc=0.1)
    rig.set(1.5)
    state = rig.far.state
    assert (state["VOLT source range"], state["VOLT source auto"], state["remote"]) == (2.0, False, True)
    assert (state["terminals"], state["CURR nplc"]) == ("REAR", 0.1)


def test_what_changes_under_load_is_changed_with_the_output_off(make: Make) -> None:
    rig = make()
    rig.device.connect()
    rig.far.state.update({"output": True, "function": "CURR", "CURR level": 0.001})
    seen: list[tuple[str, bool]] = []
    changed = rig.far.changed

    def watch(key: str) -> None:
        seen.append((key, rig.far.state["output"]))
        changed(key)

    rig.far.changed = watch
    rig.set(1.0)
    assert [key for key, on in seen if on and key in ("function", "CURR limit", "remote", "terminals")] == []
    seen.clear()
    rig.set(1.5)  # all is as it should be: the output stays on
    assert ("output", False) not in seen


def test_a_compliance_that_is_not_taken_is_refused_with_the_output_off(make: Make) -> None:
    rig = make()
    rig.device.connect()

    def forget(key: str) -> None:
        if key == "CURR limit":
            rig.far.state[key] = 1.0

    rig.far.changed = forget
    with pytest.raises(Refused, match=r"reads back another function, compliance.*its output is off"):
        rig.set(1.0)
    assert rig.far.is_safe()


def test_a_power_cycle_is_seen_and_the_next_set_sets_all_up(make: Make) -> None:
    rig = make()
    rig.set(1.0)
    rig.far.power_cycle()
    with pytest.raises(Refused, match="output is off"):
        rig.read()
    assert rig.device.output.get() is False
    assert rig.set(2.0)["current_A"] == pytest.approx(2e-3, rel=1e-3)


def test_reconciling_reads_output_and_level_back(make: Make) -> None:
    rig = make()
    rig.set(1.0)

    def verdict(value: Any) -> str:
        return str(rig.clock.run(rig.device.do_reconcile(Intent("meter", "set", value, "idempotent"))).verdict)

    assert [verdict(value) for value in (1.0, 2.0, "off")] == ["happened", "not", "not"]
    rig.set("off")
    assert verdict("off") == "happened"
    assert rig.device.action_class("set", 1.0) == "idempotent"


def test_halting_in_the_middle_of_a_set_switches_off(make: Make) -> None:
    rig = make(settle_s=60.0)

    async def story() -> Any:
        status = rig.device.set(3.0)
        await asyncio.sleep(5.0)
        assert not rig.far.is_safe()
        await rig.device.do_make_safe()
        return status

    status = rig.clock.run(story())
    assert isinstance(status.exception(), InDoubt)
    assert rig.far.is_safe()


def test_an_output_that_stays_on_is_an_alarm(make: Make) -> None:
    rig = make(options={"stuck": True})
    rig.set(1.0)
    with pytest.raises(InstrumentAlarm, match="still on behind :OUTP OFF: press OUTPUT"):
        rig.device.make_safe()


def test_the_same_reading_twice_is_none(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = make()
    rig.set(1.0)
    read: list[Any] = []
    again = rig.device._read

    def counted() -> Any:
        read.append(1)
        return again()

    monkeypatch.setattr(rig.device, "_read", counted)
    monkeypatch.setattr(type(rig.far), "age", property(lambda _: 99.0))
    rig.read()
    rig.read()  # with the time stamp of the one before: asked again
    assert len(read) == 3


FAULTS = pytest.mark.parametrize("kind", ["drop", "late", "garble", "hang", "disconnect"])


@FAULTS
@MODELS
def test_each_fault_of_the_wire_is_typed_or_made_good_and_the_next_set_is_right(
    make: Make, kind: Any, model: str
) -> None:
    for nth in range(1, 9):
        rig = make(model=model)
        rig.set(1.0)
        rig.bench.inject("instrument", kind, nth=nth, **({"seconds": 30.0} if kind == "late" else {}))
        try:
            assert rig.set(2.0)["voltage_V"] == pytest.approx(2.0, rel=1e-3)
        except LinkError:
            assert kind in ("hang", "late", "disconnect")
        rig.bench.wire("instrument").mend()
        rig.clock.run(asyncio.sleep(30.0))  # what is late holds up what comes behind it
        assert rig.set(3.0)["voltage_V"] == pytest.approx(3.0, rel=1e-3)
        assert rig.read()["current_A"] == pytest.approx(3e-3, rel=1e-3)


# ---- the multimeter ------------------------------------------------------------------------------------------------

CASES = pytest.mark.parametrize("model", ["2000", "34461A"])


@CASES
@pytest.mark.parametrize(
    ("function", "options", "value", "unit"),
    [
        ("voltage_dc", {"volt": -1.25}, -1.25, "V"),
        ("current_dc", {"ampere": 0.02}, 0.02, "A"),
        ("resistance_2w", {"ohm": 100.0}, 100.2, "Ohm"),
        ("resistance_4w", {"ohm": 100.0}, 100.0, "Ohm"),
        ("temperature", {"celsius": 37.5}, 37.5, "degC"),
    ],
)
def test_a_function_is_measured(make: Make, model: str, function: str, options: Any, value: float, unit: str) -> None:
    rig = make("scpi.Multimeter", model=model, function=function, options=options, nplc=1)
    result = rig.read()
    assert result == {f"{function}_{unit}": pytest.approx(value, rel=2e-3)}
    assert rig.device.describe()["meter_value"]["units"] == unit
    assert rig.device.read()["meter_value"]["value"] == next(iter(result.values()))
    assert rig.far.errors == []


@CASES
def test_overload_is_never_a_value(make: Make, model: str) -> None:
    rig = make("scpi.Multimeter", model=model, function="resistance_2w", options={"ohm": None}, nplc=1)
    with pytest.raises(Overload, match="beyond its range, or nothing is connected"):
        rig.read()
    assert rig.device.value.get() != rig.device.value.get()  # not a number: nothing was told
    rig.far.connected["ohm"] = 50.0
    assert rig.read()["resistance_2w_Ohm"] == pytest.approx(50.2, rel=1e-3)
    rig = make("scpi.Multimeter", model=model, function="voltage_dc", range=1.0, options={"volt": -5.0}, nplc=1)
    with pytest.raises(Overload, match=r"overload .-9\.9e\+37"):
        rig.read()


@CASES
def test_a_meter_that_restarted_is_set_up_again(make: Make, model: str) -> None:
    rig = make("scpi.Multimeter", model=model, function="resistance_4w", options={"ohm": 470.0, "volt": 1.0}, nplc=1)
    rig.read()
    rig.far.power_cycle()
    assert rig.read()["resistance_4w_Ohm"] == pytest.approx(470.0, rel=1e-3)


def test_a_meter_that_measures_something_else_for_ever_is_refused(make: Make) -> None:
    rig = make("scpi.Multimeter", function="temperature")
    rig.device.connect()
    rig.far._configure = lambda key, arguments: rig.far.state.update(function="VOLT")
    rig.far.state["function"] = "VOLT"
    with pytest.raises(Refused, match="measures VOLT however often it is told TEMP"):
        rig.read()


def test_probe_and_integration_time_are_set(make: Make) -> None:
    rig = make("scpi.Multimeter", model="2000", function="temperature", probe="K", nplc=0.5)
    rig.device.connect()
    assert (rig.far.state["couple"], rig.far.state["TEMP nplc"], rig.far.state["continuous"]) == ("K", 0.5, False)
    rig = make("scpi.Multimeter", function="temperature", probe="RTD")
    rig.device.connect()
    assert rig.far.state["probe"] == "RTD"
    with pytest.raises(Refused, match="-224"):
        make("scpi.Multimeter", function="temperature", probe="K").device.connect()


def test_a_value_outside_the_limits_is_an_alarm(make: Make) -> None:
    rig = make("scpi.Multimeter", function="voltage_dc", limits={"value": (-1, 1)}, options={"volt": 2.0})
    with pytest.raises(InstrumentAlarm, match=r"is outside the limits -1\.\.1 V"):
        rig.read()


@FAULTS
@CASES
def test_each_fault_of_the_wire_leaves_the_next_reading_right(make: Make, kind: Any, model: str) -> None:
    for nth in (1, 2):
        rig = make("scpi.Multimeter", model=model, function="voltage_dc", options={"volt": 1.0}, nplc=1)
        rig.read()
        rig.bench.inject("instrument", kind, nth=nth, **({"seconds": 30.0} if kind == "late" else {}))
        try:
            assert rig.read()["voltage_dc_V"] == pytest.approx(1.0, rel=1e-3)
        except LinkError:
            assert kind in ("hang", "late", "disconnect")
        rig.bench.wire("instrument").mend()
        rig.clock.run(asyncio.sleep(30.0))  # what is late holds up what comes behind it
        rig.far.connected["volt"] = 3.0
        assert rig.read()["voltage_dc_V"] == pytest.approx(3.0, rel=1e-3)


def test_documents_validate(real: Clock, ports: Any) -> None:
    documents: list[str] = []

    def keep(name: str, document: Any) -> None:
        schema_validators[DocumentNames[name]].validate(document)
        documents.append(name)

    with Bench.single("scpi.Multimeter", clock=real) as bench:
        channel = bench.channel("instrument")
        meter = Multimeter(
            "meter",
            address="memory://bench",
            clock=real,
            ports=ports(real),
            channel=channel,
            function="voltage_dc",
            nplc=0.1,
        )
        RunEngine(context_managers=[])(bp.count([meter], num=2), keep)
        meter.disconnect()
    assert documents.count("event") == 2


# ---- the contract kit ----------------------------------------------------------------------------------------------


class Kit(DriverContract):
    key, settings, value = "", {}, TRIGGER  # type: ignore[var-annotated]  # given by those below

    @pytest.fixture
    def instrument(self, real: Clock, ports: Any) -> Iterator[OphydInstrument]:
        driver = SourceMeter if self.key == "scpi.SourceMeter" else Multimeter
        shown = {name: value for name, value in self.settings.items() if name == "model"}
        with Bench.single(self.key, clock=real, settings=shown) as bench:
            channel = bench.channel("instrument")
            made = driver(
                "meter", address="memory://bench", clock=real, ports=ports(real), channel=channel, **self.settings
            )
            yield made
            made.disconnect()

    @pytest.fixture
    def command(self) -> object:
        return self.value


class TestSourceMeter2400(Kit):
    key, settings, value = "scpi.SourceMeter", {**VOLTS, "settle_s": 0.0, "nplc": 0.1}, 1.0


class TestSourceMeter2450(Kit):
    key, settings, value = "scpi.SourceMeter", {**AMPERES, "model": "2450", "settle_s": 0.0, "nplc": 0.1}, 1e-3


class TestMultimeter2000(Kit):
    key, settings = "scpi.Multimeter", {"function": "temperature", "model": "2000", "nplc": 0.1}


class TestMultimeter34461A(Kit):
    key, settings = "scpi.Multimeter", {"function": "voltage_dc", "nplc": 0.1}


del Kit
