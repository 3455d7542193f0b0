"""Byte channels to real ports: serial lines (by pyserial) and TCP connections."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any, Final

from autolab.drivers.addresses import Address
from autolab.model.channel import ByteChannel
from autolab.model.errors import InputError, InstrumentDisconnected

_SLICE: Final = 0.05
"""Longest single wait of a serial read, s: pyserial's own timeout stays fixed, changing it re-configures the port."""
_CONNECT_TIMEOUT: Final = 5.0
_CHUNK: Final = 4096


def open_channel(address: Address) -> ByteChannel:
    """Return the channel for an address, still closed.

    Raises:
        InputError: An address of a virtual lab's memory, which only its owner can give.
    """
    if address.scheme == "tcp":
        return TcpChannel(address)
    if address.scheme in ("serial", "socket", "rfc2217"):
        return SerialChannel(address)
    if address.scheme == "people":
        msg = f"address {address.text!r}: people have no port; only an operator has such an address"
        raise InputError(msg)
    msg = f"address {address.text!r}: memory is reached through the virtual lab that owns it, not by address"
    raise InputError(msg)


class TcpChannel:
    """A plain TCP connection, as serial device servers in raw mode and instruments with Ethernet offer it."""

    def __init__(self, address: Address) -> None:
        self.url = address.port
        host, _, port = address.target.rpartition(":")
        self._peer = (host.strip("[]"), int(port))
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Connect; does nothing when connected."""
        if self._socket is not None:
            return
        try:
            connection = socket.create_connection(self._peer, timeout=_CONNECT_TIMEOUT)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        except OSError as error:
            msg = f"cannot connect: {error}. Check the address, the cable and that nothing else holds the connection"
            raise InstrumentDisconnected(msg, port=self.url) from error
        self._socket = connection

    def close(self) -> None:
        """Hang up; does nothing when closed."""
        connection, self._socket = self._socket, None
        if connection is not None:
            connection.close()

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        connection = self._connected()
        try:
            connection.settimeout(_CONNECT_TIMEOUT)
            connection.sendall(data)
        except OSError as error:
            raise self._lost(error) from error

    def read(self, timeout: float) -> bytes:
        """Return what is there, waiting up to `timeout` s for the first byte."""
        connection = self._connected()
        try:
            connection.settimeout(timeout)
            piece = connection.recv(_CHUNK)
        except (BlockingIOError, TimeoutError):
            return b""
        except OSError as error:
            raise self._lost(error) from error
        if not piece:
            raise self._lost("the other side hung up")
        return piece

    def _connected(self) -> socket.socket:
        if self._socket is None:
            raise self._lost("not connected")
        return self._socket

    def _lost(self, cause: object) -> InstrumentDisconnected:
        self.close()
        return InstrumentDisconnected(f"connection lost: {cause}", port=self.url)


class SerialChannel:
    """A serial port, or what pyserial reaches by URL (`socket://`, `rfc2217://`), opened exclusively."""

    def __init__(self, address: Address) -> None:
        self.url = address.port
        self._target = address.target if address.scheme == "serial" else address.port
        self._settings = _pyserial_settings(address)
        self._serial: Any = None

    def open(self) -> None:
        """Open the port exclusively and with its line settings; does nothing when it is open."""
        if self._serial is not None:
            return
        import serial

        try:
            self._serial = serial.serial_for_url(self._target, exclusive=True, **self._settings)
        except _failures(ValueError) as error:
            msg = f"cannot open: {error}. Check the name, the cable, your rights, and that no other program has it open"
            raise InstrumentDisconnected(msg, port=self.url) from error

    def close(self) -> None:
        """Close the port; does nothing when it is closed."""
        port, self._serial = self._serial, None
        if port is not None:
            with contextlib.suppress(*_failures()):
                port.close()

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        port = self._opened()
        try:
            port.write(data)
        except _failures() as error:
            raise self._lost(error) from error

    def read(self, timeout: float) -> bytes:
        """Return what is there, waiting up to `timeout` s for the first byte."""
        port = self._opened()
        until = time.monotonic() + timeout
        try:
            while True:
                waiting = port.in_waiting
                if waiting or time.monotonic() < until:
                    piece: bytes = port.read(max(1, waiting))
                    if piece:
                        return piece + (port.read(port.in_waiting) if port.in_waiting else b"")
                if time.monotonic() >= until:
                    return b""
        except _failures() as error:
            raise self._lost(error) from error

    def _opened(self) -> Any:  # noqa: ANN401  pyserial has a class for each platform and scheme
        if self._serial is None:
            raise self._lost("not open")
        return self._serial

    def _lost(self, cause: object) -> InstrumentDisconnected:
        self.close()
        return InstrumentDisconnected(f"port lost: {cause}", port=self.url)


def _pyserial_settings(address: Address) -> dict[str, Any]:
    given = address.settings
    flow = given.get("flow", "none")
    return {
        "baudrate": int(given.get("baud", 9600)),
        "bytesize": int(given.get("bits", 8)),
        "parity": given.get("parity", "N"),
        "stopbits": float(given.get("stop", 1)),
        "rtscts": flow == "rtscts",
        "xonxoff": flow == "xonxoff",
        "timeout": _SLICE,
        "write_timeout": _CONNECT_TIMEOUT,
    }


def _failures(*more: type[Exception]) -> tuple[type[Exception], ...]:
    """Return what a dying serial port may raise; `termios.error` is no OSError and exists on POSIX only."""
    try:
        import termios
    except ImportError:
        return (OSError, *more)
    return (OSError, termios.error, *more)
