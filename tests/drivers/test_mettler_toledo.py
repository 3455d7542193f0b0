"""The balance: golden lines of the fact sheet, and the device in virtual time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.drivers import mettler_toledo_sics as sics
from autolab.drivers.mettler_toledo import Balance, Unstable
from autolab.drivers.testing import ScriptedChannel, play
from autolab.drivers.wire import Ports
from autolab.model.actions import Intent
from autolab.model.clock import Clock
from autolab.model.errors import (
    GarbledReply,
    InputError,
    InstrumentAlarm,
    InstrumentDisconnected,
    InstrumentTimeout,
    LinkError,
    OutsideLimits,
    Refused,
    WrongInstrument,
)

STABLE = b"S S     100.0012 g\r\n"


def line(text: str) -> bytes:
    return text.encode() + b"\r\n"


# ---- the command set -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "sent", "said", "finding"),
    [
        (sics.weigh("S"), "S", "S S     100.0012 g", sics.Weight(100.0012, True, 4)),
        (sics.weigh("SI"), "SI", "S D      -0.5 g", sics.Weight(-0.5, False, 1)),
        (sics.weigh("SC 5000"), "SC 5000", "S S  100 mg", sics.Weight(0.1, True, 0)),
        (sics.weigh("S"), "S", "S S  1.5 kg", sics.Weight(1500.0, True, 1)),
        (sics.weigh("T"), "T", "T S  12.5000 g", sics.Weight(12.5, True, 4)),
        (sics.weigh("TI"), "TI", "TI D 12.5000 g", None),
        (sics.weigh("TA"), "TA", "TA A  12.5000 g", sics.Weight(12.5, True, 4)),
        (sics.do("Z"), "Z", "Z A", None),
        (sics.do("TAC"), "TAC", "TAC A", None),
        (sics.do("M21 0 0"), "M21 0 0", "M21 A", None),
        (sics.do('D "hello"'), 'D "hello"', "D A", None),
        (sics.do("DW"), "DW", "DW A", None),
        (sics.serial_number(), "I4", 'I4 A "B207696838"', "B207696838"),
        (sics.serial_number("@"), "@", 'I4 A "B207696838"', "B207696838"),
        (sics.model(), "I2", 'I2 A "WXS205SDU WXA-Bridge 220.00900 g"', ("WXS205SDU WXA-Bridge", 220.009)),
        (sics.model(), "I2", 'I2 A "WXS205SDU" 220.00900 g', ("WXS205SDU", 220.009)),
        (sics.text("I1"), "I1", 'I1 A "0123" "2.00"', "0123 2.00"),
        (sics.text("I3"), "I3", 'I3 A "2.10 10.28.0.493.142"', "2.10 10.28.0.493.142"),
        (sics.text("I5"), "I5", 'I5 A "12121306A"', "12121306A"),
    ],
)
def test_a_query_says_and_understands_this(query: Any, sent: str, said: str, finding: object) -> None:
    found = play(query, [(">", line(sent)), ("<", line(said))])
    assert finding is None or found == finding


def test_a_list_goes_on_to_its_last_line() -> None:
    transcript = [(">", b"I0\r\n"), ("<", line('I0 B 0 "I0"')), ("<", line('I0 B 0 "S"')), ("<", line('I0 A 1 "SC"'))]
    assert play(sics.commands(), transcript) == {"I0", "S", "SC"}


def test_a_balance_that_cannot_list_its_commands_has_the_basic_ones() -> None:
    assert play(sics.commands(), [(">", b"I0\r\n"), ("<", b"ES\r\n")]) == sics.BASIC


def test_a_stream_is_ended_and_what_still_comes_is_passed_over() -> None:
    transcript = [(">", b"SIR\r\n"), ("<", line("S D 1.0 g")), ("<", line("S S 1.1 g")), (">", b"C\r\n")]
    transcript += [("<", line("S S 1.2 g")), ("<", b"C B\r\n"), ("<", b"C A\r\n")]
    assert [weight.grams for weight in play(sics.stream(2, "C"), transcript)] == [1.0, 1.1]


@pytest.mark.parametrize("cancel", [("C", ["C B", "C A"]), ("@", ['I4 A "B1"'])])
def test_waiting_for_stability_is_cancelled_in_time(cancel: tuple[str, list[str]]) -> None:
    transcript = [(">", b"S\r\n"), (">", line(cancel[0])), *(("<", line(said)) for said in cancel[1])]
    assert play(sics.within("S", 5.0, cancel[0]), transcript) is None


def test_a_balance_that_gives_up_waiting_itself_is_no_error() -> None:
    assert play(sics.within("S", 5.0, "C"), [(">", b"S\r\n"), ("<", b"S I\r\n")]) is None
    with pytest.raises(sics.SicsError, match="does not allow this parameter"):
        play(sics.within("S", 5.0, "C"), [(">", b"S\r\n"), ("<", b"S L\r\n")])


@pytest.mark.parametrize(
    ("said", "error", "match"),
    [
        ("ES", sics.SicsError, "does not know the command 'S'"),
        ("ET", sics.SicsError, "received the command damaged"),
        ("EL", sics.SicsError, "cannot execute"),
        ("S I", sics.SicsError, "is busy"),
        ("S L", sics.SicsError, "parameter"),
        ("S +", sics.Overload, "overload"),
        ("S -", sics.Underload, "underload"),
        ("S S Error 10b", sics.BalanceFault, r"hardware fault 10b .balance.: EEPROM"),
        ("S D Error 3t", sics.BalanceFault, r"hardware fault 3t .terminal.: checksum"),
        ("S S Error 99b", sics.BalanceFault, "see its manual"),
        ("S S 100.0 furlong", GarbledReply, "known are g, kg, mg"),
        ("S S 1OO.0 g", GarbledReply, "no weight"),
        ("S S 100.0", GarbledReply, "no weight"),
        ("T S 100.0 g", GarbledReply, "begins with 'T' and not with 'S'"),
        ("S", GarbledReply, "no status"),
        ("S Q 1 g", GarbledReply, "no status"),
        ('S S "1 g', GarbledReply, "no MT-SICS line"),
        ("", GarbledReply, "no MT-SICS line"),
    ],
)
def test_each_trouble_is_typed(said: str, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        play(sics.weigh("S"), [(">", b"S\r\n"), ("<", line(said))])


def test_codes_of_refusals_are_kept() -> None:
    with pytest.raises(sics.SicsError) as caught:
        play(sics.do("ZC 5"), [(">", b"ZC 5\r\n"), ("<", b"ES\r\n")])
    assert caught.value.code == "ES"


@given(st.floats(-1e4, 1e4), st.sampled_from(["g", "mg", "kg", "ct", "oz", "lb"]), st.booleans())
def test_every_weight_is_read_in_grams(value: float, unit: str, stable: bool) -> None:
    answer = sics.parse(line(f"S {'S' if stable else 'D'} {value:12.4f} {unit}"))
    grams = {"g": 1, "mg": 1e-3, "kg": 1e3, "ct": 0.2, "oz": 28.349523125, "lb": 453.59237}[unit]
    weight = sics.weight(answer)
    assert weight.grams == pytest.approx(round(value, 4) * grams, abs=1e-8)
    assert weight.stable is stable


@given(st.binary(max_size=40))
def test_any_bytes_are_a_line_or_garbled(data: bytes) -> None:
    try:
        answer = sics.parse(data)
    except GarbledReply:
        return
    assert answer.id


# ---- the device ----------------------------------------------------------------------------------------------------


class Rig:
    def __init__(self, clock: Clock, model: Any, **settings: Any) -> None:
        self.clock, self.far = clock, model()
        self.channel = ScriptedChannel(self.far.answer, clock=clock)
        self.balance = Balance(
            "scale", address="memory://bench", clock=clock, ports=Ports(clock), channel=self.channel, **settings
        )

    def wait(self, begin: Callable[[], Any]) -> Any:
        async def done() -> Any:
            status = begin()
            event = asyncio.Event()
            status.add_callback(lambda _: event.set())
            await event.wait()
            return status

        return self.clock.run(done())

    def weigh(self) -> dict[str, Any]:
        status = self.wait(self.balance.trigger)
        if status.exception() is not None:
            raise status.exception()
        return dict(status.result)

    def set(self, value: str) -> dict[str, Any]:
        status = self.wait(lambda: self.balance.set(value))
        if status.exception() is not None:
            raise status.exception()
        return dict(status.result)


@pytest.fixture
def make(virtual: Clock, balance_model: Any) -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def one(**settings: Any) -> Rig:
        made.append(Rig(virtual, balance_model, **settings))
        return made[-1]

    yield one
    for rig in made:
        rig.balance.disconnect()


@pytest.fixture
def rig(make: Callable[..., Rig]) -> Rig:
    made = make()
    made.balance.connect()
    made.far.heard.clear()
    return made


def without(rig: Rig, *commands: str) -> Rig:
    rig.far.lists = [command for command in rig.far.lists if command not in commands]
    return rig


def test_it_is_met_without_a_reset_and_set_to_grams(make: Callable[..., Rig]) -> None:
    rig = make()
    assert rig.balance.identify() == {
        "model": "WXS205SDU WXA-Bridge",
        "firmware": "2.10 10.28.0.493.142",
        "serial_number": "B123456789",
        "capacity_g": 220.009,
    }
    assert rig.far.heard[:3] == ["I4", "I0", "M21 0 0"]
    assert "@" not in rig.far.heard
    assert rig.balance.read_configuration()["scale_serial_number"]["value"] == "B123456789"


def test_a_balance_that_does_not_answer_is_reset(make: Callable[..., Rig]) -> None:
    rig = make()
    rig.far.replies["I4"] = []
    with pytest.raises(InstrumentTimeout):  # its reset works, but it must also say who it is
        rig.balance.connect()
    assert rig.far.heard[:3] == ["I4", "I4", "@"]


def test_a_balance_left_streaming_is_understood(make: Callable[..., Rig]) -> None:
    rig = make()
    rig.far.replies["I4"] = ["S D 1.0 g", "S S 1.0 g", f'I4 A "{rig.far.serial}"']
    assert rig.balance.identify()["serial_number"] == "B123456789"


def test_only_the_wanted_balance_is_taken(make: Callable[..., Rig]) -> None:
    make(serial_number="B123456789").balance.connect()
    with pytest.raises(WrongInstrument, match="balance 'B123456789' answers instead of 'B1'"):
        make(serial_number="B1").balance.connect()


def test_weighing_waits_for_stability_by_the_balances_own_timer(rig: Rig) -> None:
    assert rig.weigh() == {"weight_g": 100.0012, "stable": True}
    assert rig.far.heard == ["SC 30000"]
    reading = rig.balance.read()
    assert (reading["scale_weight"]["value"], reading["scale_stable"]["value"]) == (100.0012, True)
    assert rig.balance.describe()["scale_weight"]["units"] == "g"
    assert rig.balance.hints == {"fields": ["scale_weight"]}


def test_a_bridge_without_timers_waits_by_s_and_falls_back(make: Callable[..., Rig]) -> None:
    rig = without(make(stable_timeout_s=5), "SC", "ZC", "TC", "C", "D", "DW")
    assert rig.weigh()["stable"] is True
    rig.far.stable = False
    rig.far.heard.clear()
    begun = rig.clock.now()
    assert rig.weigh() == {"weight_g": 100.0012, "stable": False}
    assert rig.far.heard == ["S", "@", "I4", "SI"]
    assert 5 <= rig.clock.now() - begun < 6


def test_what_does_not_settle_can_be_a_failure(make: Callable[..., Rig]) -> None:
    for missing in ((), ("SC",)):
        rig = without(make(on_unstable="fail"), *missing)
        rig.far.stable = False
        with pytest.raises(Unstable, match="did not become stable within 30 s"):
            rig.weigh()


def test_immediate_readings_do_not_wait(make: Callable[..., Rig]) -> None:
    rig = make(stability="immediate")
    rig.far.stable = False
    assert rig.weigh()["stable"] is False
    assert rig.far.heard[-1] == "SI"


def test_taring_and_zeroing(rig: Rig) -> None:
    assert rig.set("tare") == {"tare_g": 100.0012, "stable": True}
    assert rig.weigh()["weight_g"] == 0.0
    assert rig.set("clear_tare") == {"tare_g": 0.0}
    assert rig.set("zero") == {"stable": True}
    assert rig.far.heard == ["TC 30000", "SC 30000", "TAC", "ZC 30000"]
    assert rig.balance.locate() == {"setpoint": "zero", "readback": 0.0}


def test_taring_falls_back_too(make: Callable[..., Rig]) -> None:
    rig = without(make(), "TC", "ZC")
    rig.far.replies["T"] = ["T I"]
    assert rig.set("tare") == {"tare_g": 100.0012, "stable": True}
    assert rig.far.heard[-2:] == ["T", "TI"]


@pytest.mark.parametrize("value", ["weigh", 1.0, None, ["tare"]])
def test_other_commands_are_refused_before_anything_is_sent(rig: Rig, value: Any) -> None:
    with pytest.raises(OutsideLimits, match="is no command of a balance; there are 'tare', 'zero', 'clear_tare'"):
        rig.balance.set(value)
    assert rig.far.heard == []


def test_classes_and_reconciling(rig: Rig) -> None:
    assert rig.balance.action_class("trigger", None) == "read"
    assert rig.balance.action_class("set", "tare") == "idempotent"
    found = rig.clock.run(rig.balance.do_reconcile(Intent("scale", "set", "tare", "idempotent")))
    assert found.verdict == "unknown"


FAULTS: dict[str, list[Any]] = {
    "late": [(40.0, STABLE)],
    "dropped": [],
    "truncated": [STABLE[:-2]],
    "garbled": ["S S 1x0.0 g"],
    "of another command": ["T S 1.0 g"],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_typed_and_the_next_weight_is_right(rig: Rig, fault: str) -> None:
    rig.far.replies["SC 30000"] = FAULTS[fault]
    with pytest.raises(LinkError) as caught:
        rig.weigh()
    assert (caught.value.instrument, caught.value.command) == ("scale", b"SC 30000\r\n")
    rig.far.replies.clear()
    rig.far.grams = 55.5
    assert rig.weigh()["weight_g"] == 55.5


def test_a_duplicated_weight_is_not_the_next_one(rig: Rig) -> None:
    rig.far.replies["SC 30000"] = [STABLE, STABLE]
    rig.weigh()
    rig.far.replies.clear()
    rig.far.grams = 55.5
    assert rig.weigh()["weight_g"] == 55.5


@pytest.mark.parametrize(
    ("said", "error"),
    [("S +", sics.Overload), ("S -", sics.Underload), ("ES", Refused), ("S S Error 2b", sics.BalanceFault)],
)
def test_the_balances_own_troubles_reach_the_status(rig: Rig, said: str, error: type[Exception]) -> None:
    rig.far.replies["SC 30000"] = [said]
    with pytest.raises(error, match="scale on memory://scripted"):
        rig.weigh()
    rig.far.replies.clear()
    assert rig.weigh()["stable"] is True


def test_a_weight_outside_the_limits_is_an_alarm(make: Callable[..., Rig]) -> None:
    rig = make(limits={"weight": [0, 50]})
    with pytest.raises(InstrumentAlarm, match=r"weight 100.001 g is outside the limits 0\.\.50 g"):
        rig.weigh()
    assert rig.balance.weight.get() == 100.0012
    with pytest.raises(InputError, match="low <= high"):
        make(limits={"weight": [5, 1]})


def test_a_balance_switched_on_again_says_so_and_its_tare_is_not_trusted(rig: Rig) -> None:
    rig.set("tare")
    rig.far.replies["SC 30000"] = [f'I4 A "{rig.far.serial}"', STABLE]
    with pytest.raises(InstrumentAlarm, match="its tare and zero are lost"):
        rig.weigh()
    assert rig.set("tare")["stable"] is True
    rig.far.replies["TC 30000"] = [f'I4 A "{rig.far.serial}"', "TC S 1.0 g"]
    with pytest.raises(InstrumentAlarm, match="Tare again"):
        rig.set("tare")


def test_another_balance_after_a_reconnect_is_refused(rig: Rig) -> None:
    rig.channel.die()
    with pytest.raises(InstrumentDisconnected):
        rig.weigh()
    rig.channel.revive()
    rig.far.serial = "B999"
    with pytest.raises(WrongInstrument, match="another instrument answers: 'B999' instead of 'B123456789'"):
        rig.weigh()
    rig.far.serial = "B123456789"
    assert rig.weigh()["stable"] is True


def test_the_display_is_written_where_there_is_one(make: Callable[..., Rig]) -> None:
    rig = make()
    rig.balance.connect()
    rig.clock.run(rig.balance.do_show("busy"))
    rig.clock.run(rig.balance.do_show(None))
    assert rig.far.heard[-2:] == ['D "busy"', "DW"]
    bare = without(make(), "D", "DW")
    bare.balance.connect()
    with pytest.raises(Refused, match="no display"):
        bare.clock.run(bare.balance.do_show("busy"))


def test_nothing_is_weighed_before_it_is(rig: Rig) -> None:
    assert math.isnan(rig.balance.weight.get())
