"""Eurotherm controllers by EI-Bisynch: frames of the fact sheet, and what only they do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.drivers import eurotherm_bisynch as wire
from autolab.drivers.addresses import Address
from autolab.drivers.eurotherm import Controller
from autolab.drivers.testing import play
from autolab.model.clock import Clock
from autolab.model.errors import GarbledReply, InputError, InstrumentAlarm, LinkError, OutsideLimits, Refused

TONGUE = wire.Tongue(1)


def check(body: bytes) -> bytes:
    """The check character, one exclusive or after the other."""
    value = 0
    for byte in body:
        value = value ^ byte
    return bytes([value])


def asks(mnemonic: str, address: str = "0011") -> tuple[str, bytes]:
    return (">", f"\x04{address}{mnemonic}\x05".encode())


def answers(body: str) -> tuple[str, bytes]:
    data = body.encode() + b"\x03"
    return ("<", b"\x02" + data + check(data))


MARK = [asks("II"), answers("II>2480")]


# ---- frames --------------------------------------------------------------------------------------------------------


def test_a_question_and_its_answer() -> None:
    assert asks("PV")[1] == b"\x040011PV\x05"
    assert answers("PV 16.4")[1] == b"\x02PV 16.4\x03" + bytes([0x50 ^ 0x56 ^ 0x20 ^ 0x31 ^ 0x36 ^ 0x2E ^ 0x34 ^ 0x03])
    assert play(TONGUE.numbers("PV"), [asks("PV"), answers("PV 16.4"), *MARK]) == (16.4,)


def test_group_and_unit_are_said_twice() -> None:
    transcript = [asks("PV", "2277"), answers("PV16.4"), asks("II", "2277"), answers("II>2480")]
    assert play(wire.Tongue(27).numbers("PV"), transcript) == (16.4,)


def test_an_order_is_acknowledged_and_read_back() -> None:
    body = b"SL40.0\x03"
    transcript = [(">", b"\x040011\x02" + body + check(body)), ("<", b"\x06"), asks("SL"), answers("SL 40.0"), *MARK]
    assert play(TONGUE.write("SL", "40.0", "SL"), transcript) == (40.0,)


@pytest.mark.parametrize(("code", "match"), [("0004", "outside its limits"), ("0002", "check sum"), ("0009", "manual")])
def test_an_order_that_is_not_acknowledged_is_refused_in_words(code: str, match: str) -> None:
    body = b"SL900.0\x03"
    transcript = [(">", b"\x040011\x02" + body + check(body)), ("<", b"\x15"), asks("EE"), answers(f"EE>{code}"), *MARK]
    with pytest.raises(Refused, match=match):
        play(TONGUE.write("SL", "900.0", "SL"), transcript)


@pytest.mark.parametrize("reply", [b"\x04", b"\x02SL 40.0\x03\x00", b"x"])
def test_an_order_is_answered_by_ack_or_nak(reply: bytes) -> None:
    body = b"SL40.0\x03"
    with pytest.raises(GarbledReply, match="neither ACK nor NAK"):
        play(TONGUE.write("SL", "40.0", "SL"), [(">", b"\x040011\x02" + body + check(body)), ("<", reply)])


def test_a_check_character_may_be_any_character() -> None:
    for value in range(1000):
        kind, frame = answers(f"PV{value / 10:.1f}")
        assert play(TONGUE.numbers("PV"), [asks("PV"), (kind, frame), *MARK]) == (value / 10,)


@pytest.mark.parametrize(
    ("reply", "match"),
    [
        (answers("SL 16.4")[1], "'SL' is answered instead of 'PV'"),
        (answers("PV 16.4")[1][:-1] + b"\x7f", "wrong check character"),
        (answers("PV 16,4")[1], "must have a decimal point"),
        (answers("PV nan")[1], "no number"),
        (answers("PV 1 2")[1], "no number"),
        (answers("PV")[1], "no number"),
        (b"\x06", "is no answer"),
        (b"PV16.4", "is no answer"),
        (b"\x02PV\xb06.4\x03" + check(b"PV\xb06.4\x03"), "no line of ASCII"),
    ],
)
def test_what_is_no_answer_is_garbled(reply: bytes, match: str) -> None:
    with pytest.raises(GarbledReply, match=match):
        play(TONGUE.numbers("PV"), [asks("PV"), ("<", reply)])


def test_a_parameter_that_there_is_not_is_refused() -> None:
    with pytest.raises(Refused, match="has no parameter XX"):
        play(TONGUE.numbers("XX"), [asks("XX"), ("<", b"\x04")])


def test_an_identity_is_a_word_or_there_is_none() -> None:
    assert play(TONGUE.identity(), MARK) == ">2480"
    assert play(TONGUE.identity(), [asks("II"), ("<", b"\x04")]) == ""
    with pytest.raises(GarbledReply, match="a word such as >2480"):
        play(TONGUE.identity(), [asks("II"), answers("II16.4")])


@given(st.floats(-999, 9999), st.integers(0, 2), st.integers(0, 6))
def test_every_number_is_read_as_written(value: float, decimals: int, width: int) -> None:
    text = f"{value:{width}.{decimals}f}"
    frame = answers(f"PV{text}")[1]
    assert wire.number(wire.parse(frame, "PV"), "PV") == float(text)


@given(st.binary(max_size=12))
def test_any_bytes_are_an_answer_or_an_error(data: bytes) -> None:
    try:
        text = wire.parse(data, "PV")
    except (GarbledReply, Refused):
        return
    assert data.startswith(b"\x02PV" + text.encode())


# ---- the controller on a scripted line -----------------------------------------------------------------------------


class Far:
    """A controller's parameters, which tests change.

    Attributes:
        orders: What was written.
        says: Parameter -> text.
        obeys: Whether it takes orders.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.orders: list[str] = []
        self.says = {
            "PV": " 21.0",
            "SL": "  0.0",
            "OP": "  0.0",
            "LS": "  0.0",
            "HS": "300.0",
            "II": ">2480",
            "EE": ">0004",
        }
        self.obeys = True
        self.heats_on = 0.0
        self._off = 0.0

    def answer(self, data: bytes) -> list[bytes]:
        if data[5:6] == b"\x02":
            name, text = data[6:8].decode(), data[8:-2].decode()
            self.orders.append(f"{name} {text}")
            if not self.obeys:
                return [b"\x15"]
            self.says[name] = text
            self._off = self.clock.now()
            return [b"\x06"]
        name = data[5:7].decode()
        if name == "OP" and self.clock.now() - self._off < self.heats_on:
            return [answers("OP 50.0")[1]]
        return [answers(f"{name}{self.says[name]}")[1]] if name in self.says else [b"\x04"]


Met = tuple[Controller, Far]
Do = Callable[[Any, object], dict[str, Any]]


@pytest.fixture
def make(virtual: Clock, scripted_device: Callable[..., Any]) -> Callable[..., Met]:
    def one(address: str = "memory://b", **settings: Any) -> Met:
        far = Far(virtual)
        return scripted_device(Controller, far.answer, virtual, "oven", address, **settings), far

    return one


def test_its_line_is_7e1() -> None:
    address = Address.parse("serial:///dev/ttyUSB0").usually(Controller.line_settings)
    assert dict(address.settings) == {"bits": "7", "parity": "E"}


def test_it_is_met_without_orders(make: Callable[..., Met]) -> None:
    controller, far = make()
    assert controller.identify() == {"model": ">2480", "firmware": None, "serial_number": None}
    assert controller.range == (0.0, 300.0)
    assert far.orders == []


def test_one_without_identity_is_met_too(make: Callable[..., Met], do: Do) -> None:
    controller, far = make()
    del far.says["II"]
    assert controller.identify()["model"] == "Eurotherm"
    assert do(controller, None)["temperature_C"] == 21.0


@pytest.mark.parametrize("bus", [100, 255])
def test_addresses_have_two_digits(make: Callable[..., Met], bus: int) -> None:
    with pytest.raises(InputError, match="0 to 99"):
        make(f"memory://b?bus={bus}")


def test_it_is_set_and_off_by_its_set_point(make: Callable[..., Met], do: Do) -> None:
    controller, far = make(off_C=5.0, decimals=2)
    controller.connect()
    far.says["SL"] = "5.00"
    assert do(controller, 21.0)["commanded_C"] == 21.0
    assert do(controller, "off") == {"on": False}
    assert far.orders == ["SL 21.00", "SL 5.00"]


def test_the_set_point_that_is_off_is_not_one_to_go_to(make: Callable[..., Met]) -> None:
    controller, _ = make()
    controller.connect()
    with pytest.raises(OutsideLimits, match=r"0 degC is the set point that is off .off_C.: say 'off'"):
        controller.set(0)


def test_it_is_off_only_when_its_output_is_0(make: Callable[..., Met], do: Do) -> None:
    controller, far = make()
    controller.connect()
    far.heats_on = 20.0
    begun = controller.clock.now()
    do(controller, "off")
    assert 20 <= controller.clock.now() - begun < 25
    far.heats_on = 1e6
    with pytest.raises(InstrumentAlarm, match=r"is still on after it was told to be off"):
        controller.make_safe()
    assert do(controller, None)["on"] is True


def test_a_set_point_that_is_not_acknowledged_is_refused(make: Callable[..., Met], do: Do) -> None:
    controller, far = make()
    controller.connect()
    far.obeys = False
    with pytest.raises(Refused, match=r"does not take SL 40.0: the value is outside its limits"):
        do(controller, 40)


def test_one_that_acknowledges_and_keeps_its_set_point(make: Callable[..., Met], do: Do) -> None:
    controller, far = make()
    controller.connect()
    answer = far.answer
    controller._channel.answer = lambda data: [b"\x06"] if data[5:6] == b"\x02" else answer(data)  # type: ignore[union-attr]
    with pytest.raises(Refused, match=r"does not take 40 degC: its set point reads 0"):
        do(controller, 40)


def test_limits_the_wrong_way_round_are_not_believed(make: Callable[..., Met]) -> None:
    controller, far = make()
    far.says["HS"] = "-10.0"
    with pytest.raises(LinkError, match="lowest set point 0 is above its highest -10"):
        controller.connect()


def test_one_that_could_not_be_switched_off_is_not_taken(make: Callable[..., Met]) -> None:
    controller, far = make()
    far.says["LS"] = " 20.0"
    with pytest.raises(
        InputError, match=r"off_C 0 is outside what it takes, 20..300 degC: it could not be switched off"
    ):
        controller.connect()
    assert far.orders == []
