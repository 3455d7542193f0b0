"""Simulated source meters and multimeters, byte for byte after the manuals; the grammar of SCPI."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.errors import InputError
from autolab.simulators import scpi_grammar as grammar

if TYPE_CHECKING:
    from tests.simulators.conftest import Speaker
from autolab.simulators.scpi_grammar import Fault
from autolab.simulators.simulator import Simulator


def ask(meter: Speaker, command: str) -> str:
    said = meter.say(command)
    assert said.endswith(b"\n"), said
    return said[:-1].decode()


def do(meter: Speaker, *commands: str) -> None:
    for command in commands:
        assert meter.say(command, 0.1) == b"", command


def numbers(meter: Speaker, command: str) -> list[float]:
    return [float(field) for field in ask(meter, command).split(",")]


@pytest.fixture
def make(meet_one: Callable[..., Speaker]) -> Callable[..., Speaker]:
    def one(key: str, settings: Any = None, **options: Any) -> Speaker:
        return meet_one(key, settings, options, pause=1.0, end=b"\n")

    return one


@pytest.fixture
def meter(make: Callable[..., Speaker]) -> Speaker:
    return make("scpi.SourceMeter")


@pytest.fixture
def newer(make: Callable[..., Speaker]) -> Speaker:
    return make("scpi.SourceMeter", {"model": "2450"})


@pytest.fixture
def agilent(make: Callable[..., Speaker]) -> Speaker:
    return make("scpi.Multimeter", volt=1.0)


# ---- the grammar ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "headers"),
    [
        (":SOUR:VOLT 1", [":SOUR:VOLT"]),
        ("sour:volt 1;CURR 2", [":SOUR:VOLT", ":SOUR:CURR"]),
        (":SOUR:VOLT:RANG 1;LEV 2;*OPC;MODE FIX;:OUTP 1", [":SOUR:VOLT:RANG", ":SOUR:VOLT:LEV", "*OPC", ":SOUR:VOLT:MODE", ":OUTP"]),
        (" *IDN? ; ", ["*IDN"]),
    ],
)  # fmt: skip
def test_compound_messages(message: str, headers: list[str]) -> None:
    assert [command.header for command in grammar.commands(message)] == headers


def test_parameters_are_split_outside_quotes() -> None:
    (command,) = grammar.commands(":SENS:FUNC 'VOLT;CURR', \"A,B\",(@1,2)")
    assert command.arguments == ("'VOLT;CURR'", '"A,B"', "(@1,2)")


@pytest.mark.parametrize(
    ("message", "code"), [("5", -102), (":SOUR:", -102), ("*", -102), ("VOLT!1", -102), ("\x07", -101)]
)
def test_faults_of_grammar(message: str, code: int) -> None:
    with pytest.raises(Fault) as fault:
        list(grammar.commands(message))
    assert fault.value.code == code


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("1", "V", 1.0), ("-1.5E-3", "V", -1.5e-3), (".5", "V", 0.5), ("5.", "V", 5.0), ("2 E 1", "V", 20.0),
        ("10mV", "V", 0.01), ("10 kV", "V", 1e4), ("3 uA", "A", 3e-6), ("3mA", "A", 3e-3), ("2MOHM", "OHM", 2e6),
        ("2kohm", "OHM", 2e3), ("5MA", "", 5e6), ("MIN", "V", -1e5), ("MAXimum", "V", 1e7), ("def", "V", 7.0),
    ],
)  # fmt: skip
def test_numbers(text: str, unit: str, value: float) -> None:
    assert grammar.number(text, unit, -1e5, 1e7, 7.0) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "code"),
    [("1,5", -104), ("one", -104), ("", -104), ("1 X", -131), ("3 A", -131), ("1e9", -222), ("MAXI", -104)],
)
def test_what_is_no_number(text: str, code: int) -> None:
    with pytest.raises(Fault) as fault:
        grammar.number(text, "V", -1e5, 1e5, 0)
    assert fault.value.code == code


def test_words() -> None:
    assert [grammar.boolean(text) for text in ("ON", "off", "1", "0", "2")] == [True, False, True, False, True]
    assert grammar.choice('"CURR:DC"', ["VOLTage[:DC]", "CURRent[:DC]"]) == "CURR"
    for text in ("CUR", "CURRE", "", "FRON"):
        with pytest.raises(Fault):
            grammar.choice(text, ["CURRent"])


@given(st.text(max_size=60))
def test_any_text_is_commands_or_a_fault(text: str) -> None:
    with contextlib.suppress(Fault):
        for command in grammar.commands(text):
            assert command.header.startswith((":", "*"))


@given(st.floats(-1e9, 1e9))
def test_numbers_come_back(value: float) -> None:
    assert grammar.number(f"{value:.17g}", "V", -1e9, 1e9, 0) == value


# ---- the message exchange ------------------------------------------------------------------------------------------


def test_who_they_are(meter: Speaker, newer: Speaker, agilent: Speaker, make: Callable[..., Speaker]) -> None:
    assert isinstance(meter.inside, Simulator)
    assert ask(meter, "*IDN?").startswith("KEITHLEY INSTRUMENTS INC.,MODEL 2400,1234567,C33")
    assert ask(newer, "*idn?") == "KEITHLEY INSTRUMENTS INC.,MODEL 2450,1234567,1.7.12b"
    assert ask(agilent, "*IDN?").split(",")[:3] == ["Keysight Technologies", "34461A", "MY53220001"]
    old = make("scpi.Multimeter", {"model": "2000"}, serial_number="42")
    assert ask(old, "*IDN?") == "KEITHLEY INSTRUMENTS INC.,MODEL 2000,42,A20  /A02"


def test_models_that_cannot_be(make: Callable[..., Speaker]) -> None:
    for key in ("scpi.SourceMeter", "scpi.Multimeter"):
        with pytest.raises(InputError, match="cannot be simulated"):
            make(key, {"model": "6430"})
    with pytest.raises(InputError, match="load: 'coil' is none"):
        make("scpi.SourceMeter", load="coil")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_any_end_of_line_is_taken(meter: Speaker, end: bytes) -> None:
    assert meter.say(b"*OPC?" + end) == b"1\n"


@pytest.mark.parametrize(("setting", "end"), [("CR", b"\r"), ("CRLF", b"\r\n")])
def test_answers_end_as_the_panel_says(make: Callable[..., Speaker], setting: str, end: bytes) -> None:
    assert make("scpi.SourceMeter", {"terminator": setting}).say(b"*OPC?\n") == b"1" + end


def test_short_and_long_forms_and_case(meter: Speaker) -> None:
    do(meter, "Source1:Voltage:Level:Immediate:Amplitude 1.25")
    for header in (":SOUR:VOLT?", "sour:volt:lev?", ":SOURCE:VOLTAGE:LEV:IMM:AMPL?", "SOUR1:VOLT:LEV:IMM?"):
        assert ask(meter, header) == "+1.250000E+00"
    assert ask(meter, ":SOUR:VOLT? MAX;:SOUR:VOLT? MIN;:SOUR:VOLT? DEF") == "+2.100000E+02;-2.100000E+02;+0.000000E+00"
    do(meter, "SOURC:VOLT 2")
    assert ask(meter, "SYST:ERR?") == '-113,"Undefined header"'


def test_it_is_silent_on_orders_and_joins_answers(meter: Speaker) -> None:
    assert meter.say(b":SOUR:FUNC CURR;:SOUR:CURR 1e-3;CURR?;:OUTP?;*OPC?\n") == b"+1.000000E-03;0;1\n"
    assert meter.say(b"*CLS;*RST\n") == b""
    assert ask(meter, ":SOUR:FUNC?") == "VOLT"


def test_a_message_in_pieces_and_two_at_once(meter: Speaker) -> None:
    meter.channel.write(b"*OP")
    assert meter.say(b"C?\n*ESR?\n") == b"1\n128\n"


def test_control_c_forgets_what_came_before(meter: Speaker) -> None:
    assert meter.say(b"garbage\x03*OPC?\n") == b"1\n"
    assert ask(meter, "SYST:ERR?") == '0,"No error"'


@pytest.mark.parametrize(
    ("message", "entry"),
    [
        ("FOO", '-113,"Undefined header"'),
        (":SOUR:VOLT", '-109,"Missing parameter"'),
        (":SOUR:VOLT 1,2", '-108,"Parameter not allowed"'),
        (":SOUR:VOLT abc", '-104,"Data type error"'),
        (":SOUR:VOLT 1 KG", '-131,"Invalid suffix"'),
        (":SOUR:VOLT 211", '-222,"Parameter data out of range"'),
        (":SOUR:FUNC OHM", '-224,"Illegal parameter value"'),
        (":SOUR:VOLT 100;:SENS:CURR:PROT 1", '-221,"Settings conflict"'),
        (":SOUR:VOLT:RANG 2;:SOUR:VOLT 3", '-222,"Parameter data out of range"'),
        (":READ?", '802,"Not permitted with OUTPUT off"'),
        (":FETC?", '-230,"Data corrupt or stale"'),
        ("OUTP? 1;:OUTP!", '-102,"Syntax error"'),
    ],
)
def test_faults_are_queued(meter: Speaker, message: str, entry: str) -> None:
    meter.say(message.encode() + b"\n")
    assert ask(meter, ":SYSTem:ERRor:NEXT?") == entry
    assert ask(meter, "SYST:ERR?") == '0,"No error"'


def test_a_refused_value_changes_nothing(meter: Speaker) -> None:
    do(meter, ":SOUR:VOLT 5", ":SOUR:VOLT 500")
    assert ask(meter, ":SOUR:VOLT?") == "+5.000000E+00"


def test_the_queue_overflows(meter: Speaker, agilent: Speaker) -> None:
    for person, length, none in ((meter, 10, '0,"No error"'), (agilent, 20, '+0,"No error"')):
        do(person, *["FOO"] * (length + 3))
        entries = [ask(person, "SYST:ERR?") for _ in range(length + 1)]
        assert entries == ['-113,"Undefined header"'] * (length - 1) + ['-350,"Queue overflow"', none]


def test_the_status_registers(meter: Speaker) -> None:
    assert [ask(meter, "*ESR?") for _ in range(2)] == ["128", "0"]
    do(meter, "FOO", ":SOUR:VOLT 500", "*OPC", "*ESE 32")
    assert ask(meter, "*ESE?") == "32"
    assert ask(meter, "*STB?") == str(4 + 32)
    assert ask(meter, "*ESR?") == str(32 + 16 + 1)
    do(meter, "*CLS")
    assert ask(meter, "*STB?;*ESR?;:SYST:ERR:COUN?") == "0;0;0"


def test_a_line_without_end_is_forgotten(meter: Speaker) -> None:
    meter.say(b"A" * 5000, 10.0)
    assert ask(meter, "SYST:ERR?") == '-363,"Input buffer overrun"'


# ---- source meters -------------------------------------------------------------------------------------------------


def test_ohms_law(meter: Speaker) -> None:
    do(meter, ":SENS:CURR:PROT 10 mA", ":SOUR:VOLT 5", ":SENS:FUNC:ALL", ":OUTP ON")
    volt, ampere, ohm, _, status = numbers(meter, ":READ?")
    assert [volt, ampere, ohm] == pytest.approx([5, 5e-3, 1e3], rel=1e-3)
    assert int(status) & 8 == 0
    assert meter.bench.is_safe() == {"instrument": False}


def test_the_limit_holds_and_says_so(meter: Speaker, newer: Speaker) -> None:
    do(meter, ":SENS:CURR:PROT 1e-3", ":SOUR:VOLT 5", ":OUTP ON")
    volt, ampere, *_, status = numbers(meter, ":READ?")
    assert [volt, ampere] == pytest.approx([1, 1e-3], rel=1e-3)
    assert int(status) & 8
    assert ask(meter, ":SENS:CURR:PROT:TRIP?;:SENS:VOLT:PROT:TRIP?") == "1;0"
    do(newer, ":SOUR:FUNC CURR", ":SOUR:CURR:VLIM 2", ":SOUR:CURR 5e-3", ":OUTP ON")
    assert ask(newer, ":SOUR:CURR:VLIM:TRIP?") == "1"
    do(newer, ":SOUR:CURR 1e-3")
    assert ask(newer, ":SOUR:CURR:VLIM:TRIP?") == "0"


def test_elements_of_a_reading(meter: Speaker) -> None:
    assert ask(meter, ":FORM:ELEM?") == "VOLT,CURR,RES,TIME,STAT"
    do(meter, ":FORM:ELEM STAT,VOLTage", ":OUTP ON")
    assert ask(meter, ":FORM:ELEM?") == "VOLT,STAT"
    assert len(numbers(meter, ":READ?")) == 2
    do(meter, ":FORM:ELEM RES")
    assert ask(meter, ":READ?") == "+9.910000E+37"  # not measured
    do(meter, ":FORM:ELEM CURR", ":TRIG:COUN 3")
    assert len(numbers(meter, ":READ?")) == 3
    assert len(numbers(meter, ":FETC?")) == 3


def test_functions_add_up_while_concurrent(meter: Speaker) -> None:
    assert ask(meter, ":SENS:FUNC?") == '"CURR:DC"'
    do(meter, ":SENS:FUNC 'VOLT'")
    assert ask(meter, ":SENS:FUNC?") == '"CURR:DC","VOLT:DC"'
    do(meter, ":SENS:FUNC:CONC OFF", ":SENS:FUNC 'RES'")
    assert ask(meter, ":SENS:FUNC?") == '"RES"'


def test_a_reading_takes_its_time_and_others_wait(meter: Speaker) -> None:
    do(meter, ":SENS:CURR:NPLC 10", ":OUTP ON")
    assert meter.say(b":READ?\n*OPC?\n", 0.3) == b""
    meter.clock.run(asyncio.sleep(1.0))
    assert meter.heard.endswith(b"\n1\n")


def test_time_stamps_go_up_and_can_be_reset(meter: Speaker) -> None:
    do(meter, ":FORM:ELEM TIME", ":OUTP ON")
    first, second = numbers(meter, ":READ?")[0], numbers(meter, ":READ?")[0]
    assert second > first
    do(meter, ":SYST:TIME:RES")
    assert numbers(meter, ":READ?")[0] < 1.0


def test_the_output_goes_off_by_itself_where_that_was_asked(meter: Speaker) -> None:
    do(meter, ":SOUR:CLE:AUTO ON", ":OUTP ON")
    numbers(meter, ":READ?")
    assert ask(meter, ":OUTP?") == "0"
    numbers(meter, ":MEAS:CURR?")  # this one switches it on
    do(meter, ":SOUR:CLE:AUTO OFF", ":OUTP ON", ":SOUR:CLE")
    assert meter.inside.is_safe()


def test_counts_are_said_as_counts(meter: Speaker) -> None:
    do(meter, ":SENS:AVER:COUN 5")
    assert ask(meter, ":SENS:AVER:COUN?;:TRIG:COUN? MAX") == "5;2500"


def test_a_range_switches_the_automatic_off(meter: Speaker) -> None:
    do(meter, ":SENS:CURR:RANG 1e-3")
    assert ask(meter, ":SENS:CURR:RANG:AUTO?;:SENS:CURR:RANG?") == "0;+1.000000E-03"


def test_the_2450_in_its_own_words(newer: Speaker) -> None:
    assert ask(newer, "*LANG?") == "SCPI"
    assert ask(newer, "SYST:ERR?") == '0,"No error;0,0,0"'
    do(newer, ":SENS:FUNC 'VOLT'", ":SENS:CURR:PROT 1")  # the 2400's limit is no command here
    assert ask(newer, "SYST:ERR?").startswith('-113,"Undefined header;1;')
    assert ask(newer, ":SENS:FUNC?") == '"VOLT"'
    do(newer, ":SOUR:VOLT 2", ":SOUR:VOLT:ILIM 0.01", ":SENS:FUNC 'CURR'", ":OUTP ON")
    source, reading, when = numbers(newer, ':READ? "defbuffer1",SOUR,READ,REL')
    assert [source, reading] == pytest.approx([2, 2e-3], rel=1e-4)
    assert numbers(newer, ':FETC? "defbuffer1",REL') == [when]
    assert numbers(newer, ":READ?")[0] == pytest.approx(2e-3, rel=1e-4)
    newer.say(b':READ? "defbuffer1",COLOUR\n')
    assert ask(newer, "SYST:ERR?").startswith("-224")


def test_noise_follows_the_factor_and_the_seed(make: Callable[..., Speaker]) -> None:
    person = make("scpi.SourceMeter")
    do(person, ":SENS:CURR:PROT 1", ":SOUR:VOLT 1", ":OUTP ON", ":FORM:ELEM CURR")
    person.inside.reseed(1)
    first = [ask(person, ":READ?") for _ in range(3)]
    person.inside.reseed(1)
    assert [ask(person, ":READ?") for _ in range(3)] == first
    assert len(set(first)) == 3


# ---- multimeters ---------------------------------------------------------------------------------------------------


def test_functions_of_a_multimeter(agilent: Speaker, make: Callable[..., Speaker]) -> None:
    assert float(ask(agilent, "MEAS:VOLT:DC?")) == pytest.approx(1.0, rel=1e-4)
    assert ask(agilent, "CONF?") == '"VOLT +1.000000E+00,+1.000000E-06"'
    do(agilent, "CONF:FRES 10 kOHM")
    assert ask(agilent, "FUNC?;:SENS:FRES:RANG?;:SENS:FRES:RANG:AUTO?") == '"FRES";+1.00000000E+04;0'
    do(agilent, "FUNC 'TEMP'")
    assert float(ask(agilent, "READ?")) == pytest.approx(21.0, abs=0.1)
    do(agilent, "UNIT:TEMP K")
    assert float(ask(agilent, "READ?")) == pytest.approx(294.15, abs=0.1)
    do(agilent, "CONF:VOLT:AC")
    assert ask(agilent, "CONF?") == '"VOLT:AC"'
    old = make("scpi.Multimeter", {"model": "2000"})
    do(old, ":CONF:CURR:DC")
    assert ask(old, ":SENS:FUNC?") == '"CURR:DC"'


def test_leads_are_seen_by_two_wires(make: Callable[..., Speaker]) -> None:
    person = make("scpi.Multimeter", ohm=100.0)
    assert float(ask(person, "MEAS:RES?")) == pytest.approx(100.2, rel=1e-4)
    assert float(ask(person, "MEAS:FRES?")) == pytest.approx(100.0, rel=1e-4)


@pytest.mark.parametrize(
    ("options", "message", "said"),
    [
        ({"ohm": None}, "MEAS:RES?", "+9.90000000E+37"),
        ({"celsius": None}, "MEAS:TEMP?", "+9.90000000E+37"),
        ({"volt": 5.0}, "MEAS:VOLT:DC? 1", "+9.90000000E+37"),
        ({"volt": -5.0}, "MEAS:VOLT:DC? 1", "-9.90000000E+37"),
    ],
)
def test_overload(make: Callable[..., Speaker], options: Any, message: str, said: str) -> None:
    assert ask(make("scpi.Multimeter", **options), message) == said


def test_the_2000_measures_on_and_on_at_first(make: Callable[..., Speaker]) -> None:
    person = make("scpi.Multimeter", {"model": "2000"}, volt=0.5)
    assert person.say(b":READ?\n") == b""
    assert ask(person, "SYST:ERR?") == '-213,"Init ignored"'
    do(person, ":INIT:CONT OFF")
    assert float(ask(person, ":READ?")) == pytest.approx(0.5, rel=1e-4)
    assert ask(person, ":FETC?") == ask(person, ":FETC?")
    person.inside.power_cycle()
    assert ask(person, ":INIT:CONT?") == "1"
    person.say(b":FETC?\n")
    assert ask(person, "SYST:ERR?").startswith("-230")


def test_several_samples(agilent: Speaker) -> None:
    do(agilent, "CONF:VOLT:DC", "SENS:VOLT:DC:NPLC 0.02", "SAMP:COUN 4")
    assert len(numbers(agilent, "READ?")) == 4
    do(agilent, "INIT")
    do(agilent, "*TRG")
    assert len(numbers(agilent, "FETC?")) == 1


# ---- their life ----------------------------------------------------------------------------------------------------


def test_power_cycle(meter: Speaker) -> None:
    do(meter, ":SOUR:VOLT 5", ":OUTP ON", "FOO")
    meter.inside.power_cycle()
    assert meter.inside.is_safe()
    assert ask(meter, ":SOUR:VOLT?;:SYST:ERR?;*ESR?") == '+0.000000E+00;0,"No error";128'


def test_power_lost_in_the_middle_of_a_reading(meter: Speaker) -> None:
    do(meter, ":SENS:CURR:NPLC 10", ":OUTP ON")
    meter.say(b":READ?\n*OPC?\n", 0.1)
    meter.inside.power_cycle()
    assert meter.say(b"*OPC?\n") == b"1\n"


def test_snapshot_and_restore(meter: Speaker) -> None:
    do(meter, ":SOUR:VOLT 5", ":OUTP ON", "FOO")
    state = json.loads(json.dumps(meter.bench.snapshot()))
    do(meter, "*RST", "*CLS")
    meter.bench.restore(state)
    assert ask(meter, ":SOUR:VOLT?;:OUTP?;:SYST:ERR?") == '+5.000000E+00;1;-113,"Undefined header"'


def test_a_stuck_relay(make: Callable[..., Speaker]) -> None:
    person = make("scpi.SourceMeter", stuck=True)
    do(person, ":OUTP ON", ":OUTP OFF")
    assert ask(person, ":OUTP?") == "1"
    assert not person.inside.is_safe()
