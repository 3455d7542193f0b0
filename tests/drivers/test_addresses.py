"""Addresses: what is read, and what is said about what cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.drivers.addresses import Address
from autolab.model.errors import InputError


@pytest.mark.parametrize(
    ("text", "port", "target", "settings", "bus"),
    [
        ("serial:///dev/ttyUSB0?bus=1&baud=9600", "serial:///dev/ttyUSB0", "/dev/ttyUSB0", {"baud": "9600"}, 1),
        ("serial://COM4", "serial://COM4", "COM4", {}, None),
        (
            "serial:///dev/pts/3?bits=7&parity=O&stop=1.5",
            "serial:///dev/pts/3",
            "/dev/pts/3",
            {"bits": "7", "parity": "O", "stop": "1.5"},
            None,
        ),
        ("tcp://localhost:4001?bus=0", "tcp://localhost:4001", "localhost:4001", {}, 0),
        ("tcp://[::1]:4001", "tcp://[::1]:4001", "[::1]:4001", {}, None),
        ("socket://10.0.0.5:7777", "socket://10.0.0.5:7777", "10.0.0.5:7777", {}, None),
        ("rfc2217://moxa:4001?baud=19200", "rfc2217://moxa:4001", "moxa:4001", {"baud": "19200"}, None),
        ("memory://pump_bus?bus=2", "memory://pump_bus", "pump_bus", {}, 2),
    ],
)
def test_an_address_is_read(text: str, port: str, target: str, settings: dict[str, str], bus: int | None) -> None:
    address = Address.parse(text)
    assert (address.port, address.target, dict(address.settings), address.bus) == (port, target, settings, bus)
    assert str(address) == text


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("/dev/ttyUSB0", "unknown scheme ''"),
        ("COM4", "unknown scheme ''"),
        ("http://x:1", "unknown scheme 'http'"),
        ("serial://", "no device is named"),
        ("tcp://host", "a host and a port number"),
        ("tcp://host:99999", "a host and a port number"),
        ("tcp://:4001", "a host and a port number"),
        ("tcp://host:4001/path", "a host and a port number"),
        ("serial://COM4?baud=fast", "baud='fast' must be a whole number from 50 to 4000000"),
        ("serial://COM4?bus=256", "bus='256' must be a whole number from 0 to 255"),
        ("serial://COM4?bus=-1", "bus='-1' must be a whole number"),
        ("serial://COM4?parity=odd", "parity='odd' must be one of N, E, O, M, S"),
        ("serial://COM4?speed=9600", "unknown setting 'speed'; known: baud, bits, bus, parity, stop, flow"),
        ("serial://COM4?bus=1&bus=2", "'bus' is given twice"),
    ],
)
def test_a_faulty_address_says_what_is_allowed(text: str, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        Address.parse(text)
    assert repr(text) in str(caught.value)
    assert "Allowed forms: serial:///dev/ttyUSB0" in str(caught.value)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_an_input_error(text: str) -> None:
    try:
        address = Address.parse(text)
    except InputError:
        return
    assert Address.parse(address.text) == address


@given(st.integers(0, 255), st.integers(1, 65535))
def test_the_bus_address_is_no_part_of_the_port(bus: int, number: int) -> None:
    address = Address.parse(f"tcp://host:{number}?bus={bus}")
    assert address.port == Address.parse(f"tcp://host:{number}").port
    assert address.bus == bus
