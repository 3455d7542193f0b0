"""The Eurotherm controller's simulator, byte for byte, and the block that it heats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autolab.model.clock import Clock
from autolab.simulators.bench import Bench

Met = tuple[Any, Any]
ACK, NAK, EOT = b"\x06", b"\x15", b"\x04"


@pytest.fixture
def meet(clock: Clock, talk: Callable[[Bench, str], Any]) -> Callable[..., Met]:
    def one(bus: int | None = None, **options: Any) -> Met:
        options.setdefault("noise_C", 0.0)
        settings = {"address": f"memory://instrument?bus={bus}"} if bus else {}
        bench = Bench.single("eurotherm.Controller", clock=clock, settings=settings, options=options)
        return bench, talk(bench, "instrument")

    return one


def framed(body: str) -> bytes:
    data = body.encode() + b"\x03"
    check = 0
    for byte in data:
        check ^= byte
    return b"\x02" + data + bytes([check])


def ask(mnemonic: str, address: str = "0011") -> bytes:
    return f"\x04{address}{mnemonic}\x05".encode()


def order(body: str, address: str = "0011") -> bytes:
    return f"\x04{address}".encode() + framed(body)


@pytest.mark.parametrize(
    ("mnemonic", "text"),
    [
        ("PV", " 21.0"),
        ("SL", "  0.0"),
        ("SP", "  0.0"),
        ("OP", "  0.0"),
        ("LS", "  0.0"),
        ("HS", "300.0"),
        ("XP", " 10.0"),
        ("TI", "120.0"),
        ("TD", " 20.0"),
        ("HO", "100.0"),
        ("EE", ">0000"),
        ("II", ">2480"),
    ],
)
def test_what_it_answers(meet: Callable[..., Met], mnemonic: str, text: str) -> None:
    _, speaker = meet()
    assert speaker.say(ask(mnemonic)) == framed(mnemonic + text)


def test_a_mnemonic_that_there_is_not(meet: Callable[..., Met]) -> None:
    _, speaker = meet()
    assert speaker.say(ask("QQ")) == EOT
    assert speaker.say(ask("EE")) == framed("EE>0001")


@pytest.mark.parametrize("address", ["0012", "0111", "1111", "0000", "001A"])
def test_other_addresses_are_not_answered(meet: Callable[..., Met], address: str) -> None:
    bench, speaker = meet()
    assert speaker.say(ask("PV", address)) == b""
    assert speaker.say(order("SL40.0", address)) == b""
    assert bench.instrument("instrument").target == 0.0


def test_its_address_is_the_one_on_the_bus(meet: Callable[..., Met]) -> None:
    _, speaker = meet(bus=27)
    assert speaker.say(ask("SL")) == b""
    assert speaker.say(ask("SL", "2277")) == framed("SL  0.0")


@pytest.mark.parametrize("text", ["40.0", " 40.0", "40", "+40.", "040.0"])
def test_orders(meet: Callable[..., Met], text: str) -> None:
    bench, speaker = meet()
    assert speaker.say(order(f"SL{text}")) == ACK
    assert speaker.say(ask("SL")) == framed("SL 40.0")
    assert bench.is_safe() == {"instrument": False}


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (order("SL300.1"), "0004"),
        (order("SL-0.1"), "0004"),
        (order("PV40.0"), "0004"),
        (order("OP40.0"), "0004"),
        (order("SLwarm"), "0005"),
        (order("SL"), "0005"),
        (order("SL4,0"), "0005"),
        (order("QQ1.0"), "0001"),
        (order("SL40.0")[:-1] + b"\x7f", "0002"),
    ],
)
def test_what_it_does_not_acknowledge(meet: Callable[..., Met], frame: bytes, code: str) -> None:
    bench, speaker = meet()
    assert speaker.say(frame) == NAK
    assert speaker.say(ask("EE")) == framed(f"EE>{code}")
    assert bench.instrument("instrument").target == 0.0


def test_a_check_character_may_look_like_a_beginning(meet: Callable[..., Met]) -> None:
    _, speaker = meet()
    frames = [order(f"SL{value / 10:.1f}") for value in range(10, 1000)]
    special = {frame[-1] for frame in frames} & {2, 3, 4, 5}
    assert special  # it happens
    for frame in frames:
        if frame[-1] in special:
            assert speaker.say(frame, 0.1) == ACK


def test_a_new_beginning_ends_what_was_not_complete(meet: Callable[..., Met]) -> None:
    _, speaker = meet()
    assert speaker.say(b"\x040011\x02SL40" + ask("SL")) == framed("SL  0.0")
    assert speaker.say(b"\x0400" + ask("SL")) == framed("SL  0.0")
    assert speaker.say(b"\r\nnonsense" + ask("SL") + b"\r\n") == framed("SL  0.0")


def test_frames_may_come_in_pieces_and_with_a_parity_bit(meet: Callable[..., Met]) -> None:
    _, speaker = meet()
    assert speaker.say(ask("SL")[:3]) == b""
    assert speaker.say(ask("SL")[3:]) == framed("SL  0.0")
    assert speaker.say(bytes(byte | 0x80 for byte in ask("SL"))) == framed("SL  0.0")


def test_nak_has_the_last_answer_said_again(meet: Callable[..., Met]) -> None:
    _, speaker = meet()
    speaker.say(ask("SL"))
    assert speaker.say(NAK) == framed("SL  0.0")


def test_parameters(meet: Callable[..., Met]) -> None:
    _, speaker = meet()
    for name in ("XP", "TI", "TD", "HO", "OR", "AT"):
        assert speaker.say(order(f"{name}1.5")) == ACK
        assert speaker.say(ask(name)) == framed(f"{name}  1.5")


def test_it_heats_to_its_set_point(meet: Callable[..., Met]) -> None:
    bench, speaker = meet()
    assert bench.is_safe() == {"instrument": True}
    speaker.say(order("SL60.0"), 30)
    assert speaker.say(ask("OP")) == framed("OP100.0")
    speaker.wait(1500)
    assert speaker.say(ask("PV")) == framed("PV 60.0")
    speaker.say(order("SL0.0"))
    assert speaker.say(ask("OP")) == framed("OP  0.0")
    assert bench.is_safe() == {"instrument": True}


def test_one_in_manual_heats_whatever_its_set_point(meet: Callable[..., Met]) -> None:
    bench, speaker = meet(manual_output=30.0)
    speaker.say(order("SL0.0"), 60)
    assert speaker.say(ask("OP")) == framed("OP 30.0")
    assert bench.is_safe() == {"instrument": False}


def test_power(meet: Callable[..., Met]) -> None:
    bench, speaker = meet()
    speaker.say(order("SL60.0"))
    bench.instrument("instrument").power_cycle()
    assert speaker.say(ask("SL")) == framed("SL 60.0")
    other, speaker = meet(after_power="off")
    speaker.say(order("SL60.0"))
    other.instrument("instrument").power_cycle()
    assert speaker.say(ask("SL")) == framed("SL  0.0")


def test_snapshots_go_on_where_they_were(meet: Callable[..., Met]) -> None:
    bench, speaker = meet()
    speaker.say(order("SL60.0"))
    speaker.say(order("XP5.0"), 60)
    kept = bench.snapshot()
    there = speaker.say(ask("PV"), 100)
    speaker.say(order("XP6.0"))
    speaker.say(order("SL0.0"), 1000)
    bench.restore(kept)
    assert speaker.say(ask("PV"), 100) == there
    assert speaker.say(ask("SL")) == framed("SL 60.0")
    assert speaker.say(ask("XP")) == framed("XP  5.0")
