"""Serving over real ports."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from autolab.model.clock import Clock
from autolab.model.errors import InputError
from autolab.simulators.bench import Bench
from autolab.simulators.serving import listening

posix = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")


@pytest.fixture
def fast() -> Iterator[Clock]:
    """Lab time twenty times as fast as the wall's."""
    clock = Clock("scaled", scale=20.0)
    yield clock
    clock.close()


def connect(address: str) -> socket.socket:
    parts = urlsplit(address)
    assert parts.hostname is not None
    assert parts.port is not None
    return socket.create_connection((parts.hostname, parts.port), timeout=5.0)


def ask(line: socket.socket, command: bytes, end: bytes) -> bytes:
    """Send a command and read until the end of the answer."""
    line.sendall(command)
    answer = b""
    while not answer.endswith(end):
        piece = line.recv(1000)
        assert piece, answer
        answer += piece
    return answer


def ended(line: socket.socket) -> bool:
    """Wait for the other side to end the connection."""
    try:
        return line.recv(1000) == b""
    except ConnectionError:
        return True


def test_addresses_name_wire_and_bus(lab: dict[str, Any], fast: Clock) -> None:
    with Bench(lab, clock=fast) as bench:
        addresses = bench.serve("tcp://127.0.0.1:0")
        assert list(addresses) == ["dosing", "waste", "balance"]
        assert addresses["dosing"].removesuffix("?bus=0") == addresses["waste"].removesuffix("?bus=1")
        assert "?" not in addresses["balance"]
        with connect(addresses["dosing"]) as pumps, connect(addresses["balance"]) as balance:
            assert ask(pumps, b"1VER\r", b"\x03") == b"\x0201A?R\x03"
            assert ask(pumps, b"1VER\r", b"\x03") == b"\x0201SNE1000V3.928\x03"
            assert ask(balance, b"I4\r\n", b"\r\n") == b'I4 A "B207696838"\r\n'


def test_pump_goes_on_without_its_client(lab: dict[str, Any], fast: Clock) -> None:
    with Bench(lab, clock=fast) as bench:
        address = bench.serve("tcp://127.0.0.1:0")["dosing"]
        with connect(address) as line:
            for command in (b"0\r", b"0VOL0.5\r", b"0RAT6MM\r", b"0DIRINF\r", b"0RUN\r"):
                ask(line, command, b"\x03")
        with connect(address) as line:
            while ask(line, b"0\r", b"\x03") == b"\x0200I\x03":
                pass
            assert ask(line, b"0DIS\r", b"\x03") == b"\x0200SI0.500W0.000ML\x03"
        assert [round(entry.volume, 6) for entry in bench.ledger] == [0.5]


def test_next_client_takes_over(lab: dict[str, Any], fast: Clock) -> None:
    with Bench(lab, clock=fast) as bench:
        address = bench.serve("tcp://127.0.0.1:0")["dosing"]
        with connect(address) as first:
            ask(first, b"0\r", b"\x03")
            with connect(address) as second:
                assert ask(second, b"0\r", b"\x03") == b"\x0200S\x03"
                assert ended(first)
                assert ask(second, b"0\r", b"\x03") == b"\x0200S\x03"


def test_connection_can_be_cut(lab: dict[str, Any], fast: Clock) -> None:
    with Bench(lab, clock=fast) as bench:
        address = bench.serve("tcp://127.0.0.1:0")["dosing"]
        with connect(address) as line:
            ask(line, b"0\r", b"\x03")
            bench.inject("dosing", "disconnect")
            line.sendall(b"0\r")
            assert ended(line)
        with connect(address) as line:
            assert ask(line, b"0\r", b"\x03") == b"\x0200S\x03"


def test_port_is_free_after_closing(lab: dict[str, Any], fast: Clock) -> None:
    bench = Bench(lab, clock=fast)
    address = bench.serve("tcp://127.0.0.1:0")["dosing"]
    bench.close()
    with pytest.raises(OSError, match=r"refused|Errno"):
        connect(address)


@posix
def test_pseudo_terminal_is_a_serial_port(lab: dict[str, Any], fast: Clock) -> None:
    import serial

    with Bench(lab, clock=fast) as bench:
        addresses = bench.serve("pty")
        path = urlsplit(addresses["waste"]).path
        assert addresses["waste"] == f"serial://{path}?bus=1"
        for answer in (b"\x0201A?R\x03", b"\x0201S\x03"):  # opened, closed, opened again
            with serial.Serial(path, 9600, timeout=5.0) as port:
                port.write(b"1\r")
                assert port.read_until(b"\x03") == answer
    assert not os.path.exists(path)


@posix
def test_unread_pseudo_terminal_harms_nobody(fast: Clock) -> None:
    with Bench.single("mettler_toledo.Balance", clock=fast) as bench:
        address = bench.serve("pty")["instrument"]
        line = os.open(urlsplit(address).path, os.O_RDWR | os.O_NOCTTY)
        try:
            os.write(line, b"SIR\r\n")
            start = fast.now()
            while fast.now() < start + 5.0:
                time.sleep(0.01)
            assert bench.is_safe() == {"instrument": True}
            assert os.read(line, 100).startswith(b"S S")
        finally:
            os.close(line)


@pytest.mark.parametrize(
    "listen", ["udp://127.0.0.1:0", "tcp://127.0.0.1", "tcp://:5", "127.0.0.1:0", "tcp://127.0.0.1:x", ""]
)
def test_senseless_places_to_listen_are_refused(listen: str) -> None:
    with pytest.raises(InputError, match=r"write pty, or tcp://127\.0\.0\.1:0"):
        listening(listen)


def test_one_port_is_not_enough_for_two_wires(lab: dict[str, Any], fast: Clock) -> None:
    with Bench(lab, clock=fast) as bench, pytest.raises(InputError, match="listen on port 0"):
        bench.serve("tcp://127.0.0.1:40000")


def test_port_in_use_is_told(fast: Clock, lab: dict[str, Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, Bench.single("new_era.NE1000", clock=fast) as bench:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match="choose a free port"):
            bench.serve(f"tcp://127.0.0.1:{port}")


def test_serving_without_pseudo_terminals_is_told(fast: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pty", None)
    with Bench.single("new_era.NE1000", clock=fast) as bench, pytest.raises(InputError, match="listen on tcp"):
        bench.serve("pty")


def test_every_module_imports_without_posix(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib
    import pkgutil

    import autolab.simulators as room

    for name in ("fcntl", "termios", "tty", "pty"):
        monkeypatch.setitem(sys.modules, name, None)
    for module in pkgutil.iter_modules(room.__path__):
        full = f"autolab.simulators.{module.name}"
        monkeypatch.delitem(sys.modules, full, raising=False)
        importlib.import_module(full)
