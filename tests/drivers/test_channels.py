"""Channels on real sockets and pseudo-terminals."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from autolab.drivers.addresses import Address
from autolab.drivers.channels import SerialChannel, TcpChannel, open_channel
from autolab.model.channel import ByteChannel
from autolab.model.errors import InputError, InstrumentDisconnected

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals need POSIX")


@pytest.fixture
def server() -> Iterator[socket.socket]:
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(5)
    yield listening
    listening.close()


def address_of(server: socket.socket, scheme: str = "tcp") -> str:
    return f"{scheme}://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("scheme", ["tcp", "socket"])
def test_bytes_go_both_ways_over_tcp(server: socket.socket, scheme: str) -> None:
    channel = open_channel(Address.parse(address_of(server, scheme)))
    assert isinstance(channel, ByteChannel)
    channel.open()
    channel.open()  # does nothing
    peer, _ = server.accept()
    channel.write(b"VER\r")
    assert peer.recv(100) == b"VER\r"
    peer.sendall(b"\x0200S\x03")
    got = channel.read(2.0)
    while len(got) < 5:
        got += channel.read(2.0)
    assert got == b"\x0200S\x03"
    channel.close()
    channel.close()
    peer.close()


@pytest.mark.parametrize("scheme", ["tcp", "socket"])
def test_a_read_waits_no_longer_than_it_may(server: socket.socket, scheme: str) -> None:
    channel = open_channel(Address.parse(address_of(server, scheme)))
    channel.open()
    begun = time.monotonic()
    assert channel.read(0.0) == b""
    assert channel.read(0.1) == b""
    assert 0.09 < time.monotonic() - begun < 0.5
    channel.close()


@pytest.mark.parametrize("scheme", ["tcp", "socket"])
def test_a_hang_up_is_a_disconnect_and_it_can_be_opened_again(server: socket.socket, scheme: str) -> None:
    channel = open_channel(Address.parse(address_of(server, scheme)))
    channel.open()
    peer, _ = server.accept()
    peer.close()
    with pytest.raises(InstrumentDisconnected, match="lost"):
        channel.read(2.0)
    with pytest.raises(InstrumentDisconnected):
        channel.write(b"x")
    channel.open()
    peer, _ = server.accept()
    channel.write(b"again")
    assert peer.recv(10) == b"again"
    channel.close()
    peer.close()


def test_nobody_listening_is_a_disconnect_that_says_what_to_check(server: socket.socket) -> None:
    url = address_of(server)
    server.close()
    with pytest.raises(InstrumentDisconnected, match=r"cannot connect: .*Check the address"):
        TcpChannel(Address.parse(url)).open()


def test_reading_a_closed_channel_is_a_disconnect(server: socket.socket) -> None:
    with pytest.raises(InstrumentDisconnected, match="not connected"):
        TcpChannel(Address.parse(address_of(server))).read(0.1)
    with pytest.raises(InstrumentDisconnected, match="not open"):
        SerialChannel(Address.parse("serial://COM99")).read(0.1)


def test_memory_cannot_be_opened_by_address() -> None:
    with pytest.raises(InputError, match="through the virtual lab that owns it"):
        open_channel(Address.parse("memory://pump"))


@pytest.fixture
def pty_pair() -> Iterator[tuple[int, str]]:
    if sys.platform == "win32":
        pytest.skip("pseudo-terminals need POSIX")
    import pty
    import tty

    master, slave = pty.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    for descriptor in (slave, master):
        try:
            os.close(descriptor)
        except OSError:
            continue


@posix_only
def test_bytes_go_both_ways_over_a_pty(pty_pair: tuple[int, str]) -> None:
    master, name = pty_pair
    channel = open_channel(Address.parse(f"serial://{name}?baud=19200&bits=7&parity=E"))
    channel.open()
    channel.write(b"0VER\r")
    assert os.read(master, 100) == b"0VER\r"
    assert channel.read(0.0) == b""
    os.write(master, b"\x0200SNE1000V3.928\x03")
    got = channel.read(2.0)
    while len(got) < 17:
        got += channel.read(2.0)
    assert got == b"\x0200SNE1000V3.928\x03"
    channel.close()


@posix_only
def test_a_serial_port_is_opened_exclusively(pty_pair: tuple[int, str]) -> None:
    url = f"serial://{pty_pair[1]}"
    first, second = (open_channel(Address.parse(url)) for _ in range(2))
    first.open()
    with pytest.raises(InstrumentDisconnected, match=r"cannot open: .*no other program has it open"):
        second.open()
    first.close()
    second.open()
    second.close()


@posix_only
def test_a_read_that_waits_is_woken_by_the_first_byte(pty_pair: tuple[int, str]) -> None:
    master, name = pty_pair
    channel = open_channel(Address.parse(f"serial://{name}"))
    channel.open()
    threading.Timer(0.05, os.write, (master, b"x")).start()
    begun = time.monotonic()
    assert channel.read(5.0) == b"x"
    assert time.monotonic() - begun < 1
    channel.close()


@posix_only
def test_a_port_that_vanishes_is_a_disconnect(pty_pair: tuple[int, str]) -> None:
    master, name = pty_pair
    channel = open_channel(Address.parse(f"serial://{name}"))
    channel.open()
    os.close(master)
    with pytest.raises(InstrumentDisconnected, match="lost"):
        channel.read(2.0)


def test_a_port_that_does_not_exist_is_a_disconnect() -> None:
    with pytest.raises(InstrumentDisconnected, match=r"cannot open: .*"):
        open_channel(Address.parse("serial:///dev/autolab-has-no-such-port")).open()
