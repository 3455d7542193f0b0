"""Modbus controllers: frames of the fact sheet and of the specification, maps, and what only they do."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.drivers import modbus_map
from autolab.drivers.modbus import Controller
from autolab.drivers.modbus_frames import Frames, ModbusRefused
from autolab.drivers.testing import play
from autolab.model.clock import Clock
from autolab.model.errors import (
    GarbledReply,
    InputError,
    InstrumentAlarm,
    InstrumentTimeout,
    LinkError,
    MissingExtra,
    Refused,
)


def crc(data: bytes) -> bytes:
    """The check sum of the specification (appendix B), bit by bit."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0xA001 if value & 1 else 0)
    return value.to_bytes(2, "little")


def rtu(text: str) -> bytes:
    data = bytes.fromhex(text)
    return data + crc(data)


# ---- frames --------------------------------------------------------------------------------------------------------


def test_check_sums_of_the_specification() -> None:
    assert rtu("0207") == bytes.fromhex("02074112")  # appendix B of the serial line specification
    assert rtu("010300010001") == bytes.fromhex("010300010001d5ca")


def test_reading_one_register() -> None:
    transcript = [(">", rtu("010300010001")), ("<", rtu("01030200d2"))]
    assert play(Frames("rtu", 1).read(1, 1), transcript) == [210]


def test_reading_input_registers() -> None:
    transcript = [(">", rtu("010400080001")), ("<", rtu("010402000a"))]  # section 6.4 of the specification
    assert play(Frames("rtu", 1).read(8, 1, "input"), transcript) == [10]


def test_reading_three_registers() -> None:
    transcript = [(">", rtu("1103006b0003")), ("<", rtu("110306022b00000064"))]  # section 6.3 of the specification
    assert play(Frames("rtu", 0x11).read(0x6B, 3), transcript) == [555, 0, 100]


def test_writing_one_register() -> None:
    transcript = [(">", rtu("010600020190")), ("<", rtu("010600020190"))]
    assert play(Frames("rtu", 1).write(2, [400]), transcript) is None


def test_writing_two_registers() -> None:
    transcript = [(">", rtu("01100001000204000a0102")), ("<", rtu("011000010002"))]  # section 6.12
    assert play(Frames("rtu", 1).write(1, [10, 0x0102]), transcript) is None


def test_tcp_numbers_its_requests() -> None:
    frames = Frames("tcp", 1)
    for number in (1, 2):
        head = f"000{number}0000"
        sent, said = bytes.fromhex(f"{head}0006010300010001"), bytes.fromhex(f"{head}000501030200d2")
        assert play(frames.read(1, 1), [(">", sent), ("<", said)]) == [210]


@pytest.mark.parametrize(
    ("reply", "match"),
    [
        (bytes.fromhex("01030200d20000"), "check sum"),
        (rtu("02030200d2"), "of unit 2"),
        (rtu("01040200d2"), "no reply to function 3"),
        (rtu("01030400d200d3"), "2 registers were answered instead of 1"),
        (rtu("010300"), "0 registers were answered instead of 1"),
        (rtu("010600010001"), "no reply to function 3"),
        (rtu("018402"), "no reply to function 3"),
        (b"hello", "no Modbus frame"),
        (b"\x01\x63\x00", "no Modbus frame"),
    ],
)
def test_what_is_no_reply_to_this_request_is_garbled(reply: bytes, match: str) -> None:
    with pytest.raises(GarbledReply, match=match):
        play(Frames("rtu", 1).read(1, 1), [(">", rtu("010300010001")), ("<", reply)])


@pytest.mark.parametrize("reply", ["010600020191", "010600030190"])
def test_an_echo_must_be_what_was_written(reply: str) -> None:
    with pytest.raises(GarbledReply, match="echoes something else"):
        play(Frames("rtu", 1).write(2, [400]), [(">", rtu("010600020190")), ("<", rtu(reply))])


def test_an_echo_of_more_registers_too() -> None:
    transcript = [(">", rtu("01100001000204000a0102")), ("<", rtu("011000010001"))]
    with pytest.raises(GarbledReply, match="echoes something else"):
        play(Frames("rtu", 1).write(1, [10, 0x0102]), transcript)


@pytest.mark.parametrize(
    ("head", "match"), [("00020000", "to request 2"), ("00010001", "no Modbus frame"), ("00000000", "to request 0")]
)
def test_another_number_in_the_header_is_another_reply(head: str, match: str) -> None:
    sent = bytes.fromhex("000100000006010300010001")
    with pytest.raises(GarbledReply, match=match):
        play(Frames("tcp", 1).read(1, 1), [(">", sent), ("<", bytes.fromhex(f"{head}000501030200d2"))])


@pytest.mark.parametrize(
    ("code", "match"), [(1, "this function"), (2, "no such register"), (3, "this value"), (6, "busy"), (99, "manual")]
)
def test_exceptions_are_refusals_in_words(code: int, match: str) -> None:
    transcript = [(">", rtu("010300010001")), ("<", rtu(f"0183{code:02x}"))]
    with pytest.raises(ModbusRefused, match=match) as caught:
        play(Frames("rtu", 1).read(1, 1), transcript)
    assert caught.value.code == code


@given(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=20), st.integers(1, 247), st.sampled_from(["rtu", "tcp"]))
def test_every_reply_is_read_as_it_was_made(words: list[int], unit: int, framing: Any) -> None:
    pdu = bytes([3, 2 * len(words)]) + b"".join(word.to_bytes(2, "big") for word in words)
    request = bytes([unit, 3, 0, 9, 0, len(words)])
    reply = bytes([unit]) + pdu
    if framing == "tcp":
        request = b"\0\1\0\0\0\6" + request
        reply = b"\0\1\0\0" + len(reply).to_bytes(2, "big") + reply
    else:
        request, reply = request + crc(request), reply + crc(reply)
    assert play(Frames(framing, unit).read(9, len(words)), [(">", request), ("<", reply)]) == words


@given(st.binary(min_size=1, max_size=16))
def test_any_bytes_are_a_reply_or_an_error(data: bytes) -> None:
    query = Frames("rtu", 1).read(1, 1)
    next(query)
    query.send(None)
    wanted = query.send(None)
    end = wanted.end(data)  # type: ignore[union-attr]  # the third effect is the wait
    assert 0 <= end <= len(data)
    if end:
        with pytest.raises((GarbledReply, ModbusRefused)):
            query.send(data[:end])


@pytest.mark.parametrize("rest", [b"", b"\0", b"\xff\xff", b"\x04\x00\x00", b"\x04\x00\x00\x00\x00\x00\x00\x00"])
def test_no_function_code_is_too_much_for_it(rest: bytes) -> None:
    for function in range(256):
        body = bytes([1, function]) + rest
        for data in (body, body + crc(body)):
            query = Frames("rtu", 1).read(1, 1)
            next(query)
            query.send(None)
            end = query.send(None).end(data)  # type: ignore[union-attr]  # the third effect is the wait
            with pytest.raises((GarbledReply, ModbusRefused)):
                query.send(data[:end] if end else data)


# ---- maps ----------------------------------------------------------------------------------------------------------


def test_the_maps_that_come_along_are_sound_and_say_where_they_are_from() -> None:
    assert modbus_map.names() == ["eurotherm_2400", "watlow_pm"]
    for name in modbus_map.names():
        assert modbus_map.load(name).source


@pytest.mark.parametrize(
    ("kind", "value", "order", "words"),
    [
        ("int16", -1.5, "high_first", [0xFFF1]),
        ("uint16", 6553.5, "high_first", [0xFFFF]),
        ("int32", -0.1, "high_first", [0xFFFF, 0xFFFF]),
        ("uint32", 6553.6, "high_first", [0x0001, 0x0000]),
        ("uint32", 6553.6, "low_first", [0x0000, 0x0001]),
    ],
)
def test_values_in_registers(kind: Any, value: float, order: str, words: list[int]) -> None:
    register = modbus_map.Register(address=1, type=kind, scale=0.1)
    assert register.written(value, order) == words
    assert register.read(words, order) == value


def test_floats_of_the_watlow_manual() -> None:
    register = modbus_map.Register(address=2160, type="float32")
    assert register.written(75.0, "low_first") == [0x0000, 0x4296]
    assert register.read([0x0000, 0x4296], "low_first") == 75.0


@given(
    st.floats(-3000, 3000), st.sampled_from(["int16", "int32", "float32"]), st.sampled_from(["high_first", "low_first"])
)
def test_values_round_trip(value: float, kind: Any, order: str) -> None:
    register = modbus_map.Register(address=1, type=kind, scale=0.1)
    assert register.read(register.written(value, order), order) == pytest.approx(value, abs=0.051)


def test_what_is_no_number_or_does_not_fit() -> None:
    with pytest.raises(GarbledReply, match="no number"):
        modbus_map.Register(address=1, type="float32").read([0x7FC0, 0], "high_first")
    with pytest.raises(InputError, match=r"40000 does not fit into register 1 .int16, steps of 1."):
        modbus_map.Register(address=1).written(40000, "high_first")


OWN = """
make: Nobody's
source: this test
mark: {address: 10, count: 3}
temperature: {address: 0, scale: 0.01, table: input}
setpoint: {address: 1, scale: 0.01}
state: {address: 1}
on_when: [3000]
switch_off: [{register: {address: 1}, value: 0}]
"""


def test_ones_own_map_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(OWN, encoding="utf-8")
    assert modbus_map.load(str(path)).make == "Nobody's"


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("count: 3", "count: 1", "mark.count 1 is also the count of a reading"),
        ("make: Nobody's", "", "make: Field required"),
        ("switch_off:", "switch_of:", "switch_of: Extra inputs"),
        ("address: 0", "address: 70000", "temperature.address"),
        ("make:", "lowest: {address: 5}\nmake:", "both or not at all"),
        ("{address: 10, count: 3}", "{", "no YAML"),
    ],
)
def test_faults_of_a_map_are_told(tmp_path: Path, old: str, new: str, match: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(OWN.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=match):
        modbus_map.load(str(path))


@pytest.mark.parametrize("name", ["eurotherm", "missing.yaml", "../secret"])
def test_a_map_that_there_is_not(name: str) -> None:
    with pytest.raises(InputError, match=r"no Modbus map .*There is eurotherm_2400, watlow_pm"):
        modbus_map.load(name)


# ---- the controller on a scripted line -----------------------------------------------------------------------------


class Far:
    """An Eurotherm's registers, which tests change.

    Attributes:
        heard: Requests as received, without check sum.
        words: Register -> word.
        fixed: Registers that are echoed and not changed.
    """

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.words = {1: 210, 2: 200, 3: 0, 111: 3000, 112: 0, 121: 14, 122: 0x2480, 258: 0, 273: 1}
        self.fixed: set[int] = set()
        self.instead: list[bytes] | None = None

    def answer(self, data: bytes) -> list[Any]:
        self.heard.append(data[:-2].hex())
        unit, function, address, value = data[0], data[1], data[2] << 8 | data[3], data[4] << 8 | data[5]
        if self.instead is not None:
            return self.instead
        if function == 6:
            if address not in self.fixed:
                self.words[address] = value
            return [data]
        wanted = range(address, address + value)
        if any(place not in self.words for place in wanted):
            return [rtu(f"{unit:02x}8302")]
        return [rtu(f"{unit:02x}03{2 * value:02x}" + "".join(f"{self.words[place]:04x}" for place in wanted))]

    @property
    def written(self) -> list[str]:
        return [request[4:] for request in self.heard if request[2:4] == "06"]


Met = tuple[Controller, Far]
Do = Callable[[Any, object], dict[str, Any]]


@pytest.fixture
def make(virtual: Clock, scripted_device: Callable[..., Any]) -> Callable[..., Met]:
    def one(address: str = "memory://b", **settings: Any) -> Met:
        far = Far()
        settings.setdefault("map", "eurotherm_2400")
        return scripted_device(Controller, far.answer, virtual, "block", address, **settings), far

    return one


def test_it_is_met_without_writing(make: Callable[..., Met]) -> None:
    controller, far = make()
    assert controller.identify()["identity"] == [14, 0x2480]
    assert far.written == []
    assert controller.range == (0.0, 300.0)


def test_its_unit_is_the_address_on_the_bus(make: Callable[..., Met]) -> None:
    controller, far = make("memory://b?bus=17")
    controller.connect()
    assert {request[:2] for request in far.heard} == {"11"}


@pytest.mark.parametrize("bus", [0, 248])
def test_units_are_1_to_247(make: Callable[..., Met], bus: int) -> None:
    with pytest.raises(InputError, match="1 to 247"):
        make(f"memory://b?bus={bus}")


def test_every_query_begins_and_ends_with_the_mark(make: Callable[..., Met], do: Do) -> None:
    controller, far = make()
    controller.connect()
    far.heard.clear()
    do(controller, None)
    mark = "010300790002"
    assert far.heard == [mark, "010300010003", "010301020001", "010301110001", mark]


def test_it_heats_in_automatic_and_is_off_in_manual_without_output(make: Callable[..., Met], do: Do) -> None:
    controller, far = make()
    assert do(controller, 21.0)["commanded_C"] == 21.0
    assert far.written == ["000200d2", "01110000"]
    far.heard.clear()
    do(controller, "off")
    assert far.written == ["01110001", "00030000"]


def test_an_output_that_stays_is_not_off(make: Callable[..., Met]) -> None:
    controller, far = make()
    controller.connect()
    far.words[3] = 500
    far.fixed.add(3)
    with pytest.raises(InstrumentAlarm, match="is still on after it was told to be off"):
        controller.make_safe()


def test_a_set_point_that_is_not_taken_is_refused(make: Callable[..., Met], do: Do) -> None:
    controller, far = make()
    controller.connect()
    far.fixed.add(2)
    with pytest.raises(Refused, match=r"does not take 40 degC: its set point reads 20"):
        do(controller, 40)
    assert "01110000" not in far.written


def test_a_broken_sensor_is_an_alarm(make: Callable[..., Met], do: Do) -> None:
    controller, far = make()
    far.words[258] = 1
    with pytest.raises(InstrumentAlarm, match="its sensor is broken or open"):
        do(controller, None)


def test_limits_the_wrong_way_round_are_not_believed(make: Callable[..., Met]) -> None:
    controller, far = make()
    far.words[111], far.words[112] = 0, 100
    with pytest.raises(LinkError, match="lowest set point 10 is above its highest 0"):
        controller.connect()


def test_silence_is_a_timeout(make: Callable[..., Met]) -> None:
    controller, far = make()
    far.instead = []
    with pytest.raises(InstrumentTimeout):
        controller.connect()


def test_a_late_reply_of_equal_shape_is_not_believed(make: Callable[..., Met], do: Do) -> None:
    """The reply to an earlier read of one register, where the next read is of one register too."""
    controller, far = make()
    do(controller, None)
    far.heard.clear()
    answer, count = far.answer, 0

    def late(data: bytes) -> list[Any]:
        nonlocal count
        count += 1
        said = answer(data)
        return [rtu("0103020000"), *said] if count == 3 else said  # register 258, of one word as 273

    controller._channel.answer = late  # type: ignore[union-attr]  # a scripted one
    assert do(controller, None) == {"temperature_C": 21.0, "setpoint_C": 20.0, "on": False}
    assert count > 6  # asked again


def test_without_pymodbus_it_says_what_to_install(make: Callable[..., Met], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "autolab.drivers.modbus_frames")
    monkeypatch.setitem(sys.modules, "pymodbus.exceptions", None)
    monkeypatch.setitem(sys.modules, "pymodbus", None)
    with pytest.raises(MissingExtra, match=r"pip install 'autolab-sdl\[modbus\]'"):
        make()
