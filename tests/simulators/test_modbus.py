"""The Modbus controllers' simulator, byte for byte, and the block that they heat."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest

from autolab.model.clock import Clock
from autolab.model.errors import InputError
from autolab.simulators.bench import Bench
from autolab.simulators.modbus import crc

Met = tuple[Any, Any]


@pytest.fixture
def meet(clock: Clock, talk: Callable[[Bench, str], Any]) -> Callable[..., Met]:
    def one(make: str = "eurotherm_2400", framing: str = "rtu", bus: int | None = None, **options: Any) -> Met:
        options.setdefault("noise_C", 0.0)
        address = "memory://instrument" + (f"?bus={bus}" if bus else "")
        settings = {"map": make, "framing": framing, "address": address}
        bench = Bench.single("modbus.Controller", clock=clock, settings=settings, options=options)
        return bench, talk(bench, "instrument")

    return one


def rtu(text: str) -> bytes:
    data = bytes.fromhex(text)
    return data + crc(data)


def test_check_sums_of_the_specification() -> None:
    assert crc(bytes.fromhex("0207")) == bytes.fromhex("4112")


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("010300010001", "01030200d2"),  # 21.0 degC
        ("010400010001", "01040200d2"),
        ("010300020001", "01030200c8"),
        ("010300010002", "01030400d200c8"),
        ("010300790002", "010304000e2480"),
        ("0103006f0002", "0103040bb80000"),
        ("010301110001", "0103020001"),  # manual
        ("010600020190", "010600020190"),
        ("0110000200010201f4", "011000020001"),
        ("01080000a537", "01080000a537"),
        ("010303e70001", "018302"),  # no such register
        ("010300000001", "018302"),
        ("010303e80001", "018302"),
        ("010300010000", "018303"),
        ("01030001007e", "018303"),
        ("010603e70001", "018602"),
        ("010600010001", "018602"),  # can only be read
        ("010600020bb9", "018603"),  # 300.1 degC
        ("01060002ffff", "018603"),
        ("010601110002", "018603"),
        ("01070000abcd", "018701"),
        ("01080001a537", "018801"),
        ("0110000200020201f4", "019003"),
    ],
)
def test_what_it_answers(meet: Callable[..., Met], request_: str, answer: str) -> None:
    _, speaker = meet()
    assert speaker.say(rtu(request_)) == rtu(answer)


@pytest.mark.parametrize("request_", ["020300010001", "000300010001", "ff0300010001"])
def test_other_addresses_are_not_answered(meet: Callable[..., Met], request_: str) -> None:
    _, speaker = meet()
    assert speaker.say(rtu(request_)) == b""
    assert speaker.say(rtu("010300010001")) == rtu("01030200d2")


def test_its_address_is_the_one_on_the_bus(meet: Callable[..., Met]) -> None:
    _, speaker = meet(bus=5)
    assert speaker.say(rtu("010300010001")) == b""
    assert speaker.say(rtu("050300010001")) == rtu("05030200d2")


def test_a_wrong_check_sum_is_not_answered(meet: Callable[..., Met]) -> None:
    _, speaker = meet()
    assert speaker.say(bytes.fromhex("0103000100010000")) == b""
    assert speaker.say(rtu("010300010001")) == rtu("01030200d2")


def test_frames_may_come_in_pieces(meet: Callable[..., Met]) -> None:
    _, speaker = meet()
    frame = rtu("01100002000102012c")
    assert speaker.say(frame[:5], 0.05) == b""
    assert speaker.say(frame[5:]) == rtu("011000020001")


def test_after_a_silence_a_new_frame_begins(meet: Callable[..., Met]) -> None:
    _, speaker = meet()
    assert speaker.say(b"\x01\x03\x00", 1.0) == b""
    assert speaker.say(rtu("010300010001")) == rtu("01030200d2")


def test_tcp_has_a_header_and_no_check_sum(meet: Callable[..., Met]) -> None:
    _, speaker = meet(framing="tcp")
    assert speaker.say(bytes.fromhex("123400000006010300010001")) == bytes.fromhex("12340000000501030200d2")
    assert speaker.say(bytes.fromhex("123500000006010303e70001")) == bytes.fromhex("123500000003018302")
    assert speaker.say(bytes.fromhex("123600010006010300010001")) == b""  # another protocol
    assert speaker.say(bytes.fromhex("123700000006020300010001")) == b""


def test_it_heats_in_automatic(meet: Callable[..., Met]) -> None:
    bench, speaker = meet()
    assert bench.is_safe() == {"instrument": True}
    speaker.say(rtu("010600020190"))  # 40 degC
    speaker.say(rtu("010601110000"), 30)
    assert bench.is_safe() == {"instrument": False}
    assert speaker.say(rtu("010300030001")) == rtu("01030203e8")  # 100 %
    speaker.wait(1200)
    assert speaker.say(rtu("010300010001")) == rtu("0103020190")
    speaker.say(rtu("010601110001"))
    assert bench.is_safe() == {"instrument": False}  # manual, without a bump: the output stays
    speaker.say(rtu("010600030000"))
    assert bench.is_safe() == {"instrument": True}
    speaker.wait(20000)
    assert speaker.say(rtu("010300010001")) == rtu("01030200d2")


def test_manual_output(meet: Callable[..., Met]) -> None:
    bench, speaker = meet()
    assert speaker.say(rtu("0106000303e9")) == rtu("018603")
    speaker.say(rtu("010600030064"), 60)  # 10 %: 50 W on 3 kJ/K
    assert bench.is_safe() == {"instrument": False}
    assert speaker.say(rtu("010300010001")) == rtu("01030200dc")
    speaker.say(rtu("010601110000"))
    assert speaker.say(rtu("010600030064")) == rtu("018603")  # not in automatic


def test_a_broken_sensor(meet: Callable[..., Met]) -> None:
    _, speaker = meet(broken=True)
    assert speaker.say(rtu("010301020001")) == rtu("0103020001")


def test_parameters_are_kept(meet: Callable[..., Met]) -> None:
    bench, speaker = meet()
    speaker.say(rtu("010600060064"))
    kept = bench.snapshot()
    speaker.say(rtu("010600060032"))
    bench.restore(kept)
    assert speaker.say(rtu("010300060001")) == rtu("0103020064")


def test_power_comes_back_as_it_was_or_off(meet: Callable[..., Met]) -> None:
    bench, speaker = meet()
    speaker.say(rtu("010601110000"))
    bench.instrument("instrument").power_cycle()
    assert bench.is_safe() == {"instrument": False}
    other, speaker = meet(after_power="off")
    speaker.say(rtu("010601110000"))
    other.instrument("instrument").power_cycle()
    assert other.is_safe() == {"instrument": True}


def low_first(value: float) -> str:
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return f"{low:04x}{high:04x}"


def test_a_watlow_has_floats_in_fahrenheit_low_word_first(meet: Callable[..., Met]) -> None:
    bench, speaker = meet("watlow_pm")
    assert speaker.say(rtu("010301680002"))[3:7].hex() == low_first(21.0 * 1.8 + 32)
    assert speaker.say(rtu("011008700002040000" + "4296")) == rtu("011008700002")  # 75 degF, the manual's example
    assert speaker.say(rtu("010308700002")) == rtu("01030400004296")
    assert speaker.say(rtu("010307580001")) == rtu("010302003e")  # off
    speaker.say(rtu("01060758000a"), 600)
    assert bench.is_safe() == {"instrument": False}
    assert speaker.say(rtu("010601680001")) == rtu("018602")
    assert speaker.say(rtu("010607580001")) == rtu("018603")
    assert bench.instrument("instrument").bath.temperature == pytest.approx(23.889, abs=0.01)


def test_a_watlow_takes_no_nonsense(meet: Callable[..., Met]) -> None:
    _, speaker = meet("watlow_pm")
    assert speaker.say(rtu("011008700002040000" + "7fc0")) == rtu("019003")  # not a number
    assert speaker.say(rtu("01100870000204" + low_first(5000.0))) == rtu("019003")


def test_snapshots_go_on_where_they_were(meet: Callable[..., Met]) -> None:
    bench, speaker = meet()
    speaker.say(rtu("010600020190"))
    speaker.say(rtu("010601110000"), 60)
    kept = bench.snapshot()
    there = speaker.say(rtu("010300010001"), 100)
    speaker.say(rtu("010601110001"), 1000)
    bench.restore(kept)
    assert speaker.say(rtu("010300010001"), 100) == there
    assert speaker.say(rtu("010301110001")) == rtu("0103020000")


def test_makes_that_are_not_simulated(meet: Callable[..., Met]) -> None:
    with pytest.raises(InputError, match=r"no simulated make 'mine.yaml': say `make`, eurotherm_2400 or watlow_pm"):
        meet("mine.yaml")
