"""Simulated source meters and multimeters, byte for byte after the manuals; the grammar of SCPI."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.clock import Clock
from autolab.model.errors import InputError
from autolab.simulators import scpi_grammar as grammar
from autolab.simulators.bench import Bench
from autolab.simulators.scpi_grammar import Fault
from autolab.simulators.simulator import Simulator


class Person:
    """Somebody who talks to an instrument in lab time."""

    def __init__(self, clock: Clock, key: str, settings: Any = None, **options: Any) -> None:
        self.clock = clock
        self.bench = Bench.single(key, clock=clock, settings=settings or {}, options=options)
        self.inside = self.bench.instrument("instrument")
        self.heard = b""
        self.channel = self.bench.channel("instrument")
        self.channel.open()
        self.channel.on_bytes(self._hear)

    def _hear(self, data: bytes) -> None:
        self.heard += data

    def say(self, data: bytes, wait: float = 1.0) -> bytes:
        self.heard = b""
        self.channel.write(data)
        self.clock.run(asyncio.sleep(wait))
        return self.heard

    def ask(self, command: str) -> str:
        said = self.say(command.encode() + b"\n")
        assert said.endswith(b"\n"), said
        return said[:-1].decode()

    def do(self, *commands: str) -> None:
        for command in commands:
            assert self.say(command.encode() + b"\n", 0.1) == b"", command

    def numbers(self, command: str) -> list[float]:
        return [float(field) for field in self.ask(command).split(",")]


@pytest.fixture
def meter(clock: Clock) -> Person:
    return Person(clock, "scpi.SourceMeter")


@pytest.fixture
def newer(clock: Clock) -> Person:
    return Person(clock, "scpi.SourceMeter", {"model": "2450"})


@pytest.fixture
def agilent(clock: Clock) -> Person:
    return Person(clock, "scpi.Multimeter", volt=1.0)


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


def test_who_they_are(meter: Person, newer: Person, agilent: Person, clock: Clock) -> None:
    assert isinstance(meter.inside, Simulator)
    assert meter.ask("*IDN?").startswith("KEITHLEY INSTRUMENTS INC.,MODEL 2400,1234567,C33")
    assert newer.ask("*idn?") == "KEITHLEY INSTRUMENTS INC.,MODEL 2450,1234567,1.7.12b"
    assert agilent.ask("*IDN?").split(",")[:3] == ["Keysight Technologies", "34461A", "MY53220001"]
    old = Person(clock, "scpi.Multimeter", {"model": "2000"}, serial_number="42")
    assert old.ask("*IDN?") == "KEITHLEY INSTRUMENTS INC.,MODEL 2000,42,A20  /A02"


def test_models_that_cannot_be(clock: Clock) -> None:
    for key in ("scpi.SourceMeter", "scpi.Multimeter"):
        with pytest.raises(InputError, match="cannot be simulated"):
            Person(clock, key, {"model": "6430"})
    with pytest.raises(InputError, match="load: 'coil' is none"):
        Person(clock, "scpi.SourceMeter", load="coil")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_any_end_of_line_is_taken(meter: Person, end: bytes) -> None:
    assert meter.say(b"*OPC?" + end) == b"1\n"


@pytest.mark.parametrize(("setting", "end"), [("CR", b"\r"), ("CRLF", b"\r\n")])
def test_answers_end_as_the_panel_says(clock: Clock, setting: str, end: bytes) -> None:
    assert Person(clock, "scpi.SourceMeter", {"terminator": setting}).say(b"*OPC?\n") == b"1" + end


def test_short_and_long_forms_and_case(meter: Person) -> None:
    meter.do("Source1:Voltage:Level:Immediate:Amplitude 1.25")
    for header in (":SOUR:VOLT?", "sour:volt:lev?", ":SOURCE:VOLTAGE:LEV:IMM:AMPL?", "SOUR1:VOLT:LEV:IMM?"):
        assert meter.ask(header) == "+1.250000E+00"
    assert meter.ask(":SOUR:VOLT? MAX;:SOUR:VOLT? MIN;:SOUR:VOLT? DEF") == "+2.100000E+02;-2.100000E+02;+0.000000E+00"
    meter.do("SOURC:VOLT 2")
    assert meter.ask("SYST:ERR?") == '-113,"Undefined header"'


def test_it_is_silent_on_orders_and_joins_answers(meter: Person) -> None:
    assert meter.say(b":SOUR:FUNC CURR;:SOUR:CURR 1e-3;CURR?;:OUTP?;*OPC?\n") == b"+1.000000E-03;0;1\n"
    assert meter.say(b"*CLS;*RST\n") == b""
    assert meter.ask(":SOUR:FUNC?") == "VOLT"


def test_a_message_in_pieces_and_two_at_once(meter: Person) -> None:
    meter.channel.write(b"*OP")
    assert meter.say(b"C?\n*ESR?\n") == b"1\n128\n"


def test_control_c_forgets_what_came_before(meter: Person) -> None:
    assert meter.say(b"garbage\x03*OPC?\n") == b"1\n"
    assert meter.ask("SYST:ERR?") == '0,"No error"'


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
def test_faults_are_queued(meter: Person, message: str, entry: str) -> None:
    meter.say(message.encode() + b"\n")
    assert meter.ask(":SYSTem:ERRor:NEXT?") == entry
    assert meter.ask("SYST:ERR?") == '0,"No error"'


def test_a_refused_value_changes_nothing(meter: Person) -> None:
    meter.do(":SOUR:VOLT 5", ":SOUR:VOLT 500")
    assert meter.ask(":SOUR:VOLT?") == "+5.000000E+00"


def test_the_queue_overflows(meter: Person, agilent: Person) -> None:
    for person, length, none in ((meter, 10, '0,"No error"'), (agilent, 20, '+0,"No error"')):
        person.do(*["FOO"] * (length + 3))
        entries = [person.ask("SYST:ERR?") for _ in range(length + 1)]
        assert entries == ['-113,"Undefined header"'] * (length - 1) + ['-350,"Queue overflow"', none]


def test_the_status_registers(meter: Person) -> None:
    assert [meter.ask("*ESR?") for _ in range(2)] == ["128", "0"]
    meter.do("FOO", ":SOUR:VOLT 500", "*OPC", "*ESE 32")
    assert meter.ask("*ESE?") == "32"
    assert meter.ask("*STB?") == str(4 + 32)
    assert meter.ask("*ESR?") == str(32 + 16 + 1)
    meter.do("*CLS")
    assert meter.ask("*STB?;*ESR?;:SYST:ERR:COUN?") == "0;0;0"


def test_a_line_without_end_is_forgotten(meter: Person) -> None:
    meter.say(b"A" * 5000, 10.0)
    assert meter.ask("SYST:ERR?") == '-363,"Input buffer overrun"'


# ---- source meters -------------------------------------------------------------------------------------------------


def test_ohms_law(meter: Person) -> None:
    meter.do(":SENS:CURR:PROT 10 mA", ":SOUR:VOLT 5", ":SENS:FUNC:ALL", ":OUTP ON")
    volt, ampere, ohm, _, status = meter.numbers(":READ?")
    assert [volt, ampere, ohm] == pytest.approx([5, 5e-3, 1e3], rel=1e-3)
    assert int(status) & 8 == 0
    assert meter.bench.is_safe() == {"instrument": False}


def test_the_limit_holds_and_says_so(meter: Person, newer: Person) -> None:
    meter.do(":SENS:CURR:PROT 1e-3", ":SOUR:VOLT 5", ":OUTP ON")
    volt, ampere, *_, status = meter.numbers(":READ?")
    assert [volt, ampere] == pytest.approx([1, 1e-3], rel=1e-3)
    assert int(status) & 8
    assert meter.ask(":SENS:CURR:PROT:TRIP?;:SENS:VOLT:PROT:TRIP?") == "1;0"
    newer.do(":SOUR:FUNC CURR", ":SOUR:CURR:VLIM 2", ":SOUR:CURR 5e-3", ":OUTP ON")
    assert newer.ask(":SOUR:CURR:VLIM:TRIP?") == "1"
    newer.do(":SOUR:CURR 1e-3")
    assert newer.ask(":SOUR:CURR:VLIM:TRIP?") == "0"


def test_elements_of_a_reading(meter: Person) -> None:
    assert meter.ask(":FORM:ELEM?") == "VOLT,CURR,RES,TIME,STAT"
    meter.do(":FORM:ELEM STAT,VOLTage", ":OUTP ON")
    assert meter.ask(":FORM:ELEM?") == "VOLT,STAT"
    assert len(meter.numbers(":READ?")) == 2
    meter.do(":FORM:ELEM RES")
    assert meter.ask(":READ?") == "+9.910000E+37"  # not measured
    meter.do(":FORM:ELEM CURR", ":TRIG:COUN 3")
    assert len(meter.numbers(":READ?")) == 3
    assert len(meter.numbers(":FETC?")) == 3


def test_functions_add_up_while_concurrent(meter: Person) -> None:
    assert meter.ask(":SENS:FUNC?") == '"CURR:DC"'
    meter.do(":SENS:FUNC 'VOLT'")
    assert meter.ask(":SENS:FUNC?") == '"CURR:DC","VOLT:DC"'
    meter.do(":SENS:FUNC:CONC OFF", ":SENS:FUNC 'RES'")
    assert meter.ask(":SENS:FUNC?") == '"RES"'


def test_a_reading_takes_its_time_and_others_wait(meter: Person) -> None:
    meter.do(":SENS:CURR:NPLC 10", ":OUTP ON")
    assert meter.say(b":READ?\n*OPC?\n", 0.3) == b""
    meter.clock.run(asyncio.sleep(1.0))
    assert meter.heard.endswith(b"\n1\n")


def test_time_stamps_go_up_and_can_be_reset(meter: Person) -> None:
    meter.do(":FORM:ELEM TIME", ":OUTP ON")
    first, second = meter.numbers(":READ?")[0], meter.numbers(":READ?")[0]
    assert second > first
    meter.do(":SYST:TIME:RES")
    assert meter.numbers(":READ?")[0] < 1.0


def test_the_output_goes_off_by_itself_where_that_was_asked(meter: Person) -> None:
    meter.do(":SOUR:CLE:AUTO ON", ":OUTP ON")
    meter.numbers(":READ?")
    assert meter.ask(":OUTP?") == "0"
    meter.numbers(":MEAS:CURR?")  # this one switches it on
    meter.do(":SOUR:CLE:AUTO OFF", ":OUTP ON", ":SOUR:CLE")
    assert meter.inside.is_safe()


def test_counts_are_said_as_counts(meter: Person) -> None:
    meter.do(":SENS:AVER:COUN 5")
    assert meter.ask(":SENS:AVER:COUN?;:TRIG:COUN? MAX") == "5;2500"


def test_a_range_switches_the_automatic_off(meter: Person) -> None:
    meter.do(":SENS:CURR:RANG 1e-3")
    assert meter.ask(":SENS:CURR:RANG:AUTO?;:SENS:CURR:RANG?") == "0;+1.000000E-03"


def test_the_2450_in_its_own_words(newer: Person) -> None:
    assert newer.ask("*LANG?") == "SCPI"
    assert newer.ask("SYST:ERR?") == '0,"No error;0,0,0"'
    newer.do(":SENS:FUNC 'VOLT'", ":SENS:CURR:PROT 1")  # the 2400's limit is no command here
    assert newer.ask("SYST:ERR?").startswith('-113,"Undefined header;1;')
    assert newer.ask(":SENS:FUNC?") == '"VOLT"'
    newer.do(":SOUR:VOLT 2", ":SOUR:VOLT:ILIM 0.01", ":SENS:FUNC 'CURR'", ":OUTP ON")
    source, reading, when = newer.numbers(':READ? "defbuffer1",SOUR,READ,REL')
    assert [source, reading] == pytest.approx([2, 2e-3], rel=1e-4)
    assert newer.numbers(':FETC? "defbuffer1",REL') == [when]
    assert newer.numbers(":READ?")[0] == pytest.approx(2e-3, rel=1e-4)
    newer.say(b':READ? "defbuffer1",COLOUR\n')
    assert newer.ask("SYST:ERR?").startswith("-224")


def test_noise_follows_the_factor_and_the_seed(clock: Clock) -> None:
    person = Person(clock, "scpi.SourceMeter")
    person.do(":SENS:CURR:PROT 1", ":SOUR:VOLT 1", ":OUTP ON", ":FORM:ELEM CURR")
    person.inside.reseed(1)
    first = [person.ask(":READ?") for _ in range(3)]
    person.inside.reseed(1)
    assert [person.ask(":READ?") for _ in range(3)] == first
    assert len(set(first)) == 3


# ---- multimeters ---------------------------------------------------------------------------------------------------


def test_functions_of_a_multimeter(agilent: Person, clock: Clock) -> None:
    assert float(agilent.ask("MEAS:VOLT:DC?")) == pytest.approx(1.0, rel=1e-4)
    assert agilent.ask("CONF?") == '"VOLT +1.000000E+00,+1.000000E-06"'
    agilent.do("CONF:FRES 10 kOHM")
    assert agilent.ask("FUNC?;:SENS:FRES:RANG?;:SENS:FRES:RANG:AUTO?") == '"FRES";+1.00000000E+04;0'
    agilent.do("FUNC 'TEMP'")
    assert float(agilent.ask("READ?")) == pytest.approx(21.0, abs=0.1)
    agilent.do("UNIT:TEMP K")
    assert float(agilent.ask("READ?")) == pytest.approx(294.15, abs=0.1)
    agilent.do("CONF:VOLT:AC")
    assert agilent.ask("CONF?") == '"VOLT:AC"'
    old = Person(clock, "scpi.Multimeter", {"model": "2000"})
    old.do(":CONF:CURR:DC")
    assert old.ask(":SENS:FUNC?") == '"CURR:DC"'


def test_leads_are_seen_by_two_wires(clock: Clock) -> None:
    person = Person(clock, "scpi.Multimeter", ohm=100.0)
    assert float(person.ask("MEAS:RES?")) == pytest.approx(100.2, rel=1e-4)
    assert float(person.ask("MEAS:FRES?")) == pytest.approx(100.0, rel=1e-4)


@pytest.mark.parametrize(
    ("options", "message", "said"),
    [
        ({"ohm": None}, "MEAS:RES?", "+9.90000000E+37"),
        ({"celsius": None}, "MEAS:TEMP?", "+9.90000000E+37"),
        ({"volt": 5.0}, "MEAS:VOLT:DC? 1", "+9.90000000E+37"),
        ({"volt": -5.0}, "MEAS:VOLT:DC? 1", "-9.90000000E+37"),
    ],
)
def test_overload(clock: Clock, options: Any, message: str, said: str) -> None:
    assert Person(clock, "scpi.Multimeter", **options).ask(message) == said


def test_the_2000_measures_on_and_on_at_first(clock: Clock) -> None:
    person = Person(clock, "scpi.Multimeter", {"model": "2000"}, volt=0.5)
    assert person.say(b":READ?\n") == b""
    assert person.ask("SYST:ERR?") == '-213,"Init ignored"'
    person.do(":INIT:CONT OFF")
    assert float(person.ask(":READ?")) == pytest.approx(0.5, rel=1e-4)
    assert person.ask(":FETC?") == person.ask(":FETC?")
    person.inside.power_cycle()
    assert person.ask(":INIT:CONT?") == "1"
    person.say(b":FETC?\n")
    assert person.ask("SYST:ERR?").startswith("-230")


def test_several_samples(agilent: Person) -> None:
    agilent.do("CONF:VOLT:DC", "SENS:VOLT:DC:NPLC 0.02", "SAMP:COUN 4")
    assert len(agilent.numbers("READ?")) == 4
    agilent.do("INIT")
    agilent.do("*TRG")
    assert len(agilent.numbers("FETC?")) == 1


# ---- their life ----------------------------------------------------------------------------------------------------


def test_power_cycle(meter: Person) -> None:
    meter.do(":SOUR:VOLT 5", ":OUTP ON", "FOO")
    meter.inside.power_cycle()
    assert meter.inside.is_safe()
    assert meter.ask(":SOUR:VOLT?;:SYST:ERR?;*ESR?") == '+0.000000E+00;0,"No error";128'


def test_power_lost_in_the_middle_of_a_reading(meter: Person) -> None:
    meter.do(":SENS:CURR:NPLC 10", ":OUTP ON")
    meter.say(b":READ?\n*OPC?\n", 0.1)
    meter.inside.power_cycle()
    assert meter.say(b"*OPC?\n") == b"1\n"


def test_snapshot_and_restore(meter: Person) -> None:
    meter.do(":SOUR:VOLT 5", ":OUTP ON", "FOO")
    state = json.loads(json.dumps(meter.bench.snapshot()))
    meter.do("*RST", "*CLS")
    meter.bench.restore(state)
    assert meter.ask(":SOUR:VOLT?;:OUTP?;:SYST:ERR?") == '+5.000000E+00;1;-113,"Undefined header"'


def test_a_stuck_relay(clock: Clock) -> None:
    person = Person(clock, "scpi.SourceMeter", stuck=True)
    person.do(":OUTP ON", ":OUTP OFF")
    assert person.ask(":OUTP?") == "1"
    assert not person.inside.is_safe()
