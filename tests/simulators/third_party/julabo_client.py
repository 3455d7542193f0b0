# mypy: ignore-errors
"""The package julabo reads and sets a circulator.

Known fault of the client, worked around here: its own connections ask pyserial for `read_until(terminator=...)`, an
argument that pyserial 3.5 calls `expected`. It takes any object with `write` and `write_readline` instead.
"""

import sys
import time

import serial
from ports import device


class Connection:
    """A pyserial port, as the client wants one."""

    def __init__(self, url: str) -> None:
        self.port = serial.serial_for_url(device(url), timeout=2)

    def write(self, data: bytes) -> int:
        return self.port.write(data)

    def write_readline(self, data: bytes) -> bytes:
        self.port.write(data)
        return self.port.read_until(b"\n")


def main(url: str) -> None:
    from julabo import JulaboCF

    bath = JulaboCF(Connection(url))
    assert "JULABO" in bath.identification()
    assert bath.status() == "02 REMOTE STOP"
    assert 20.5 < bath.bath_temperature() < 21.5
    assert 20.5 < bath.external_temperature() < 21.5
    bath.set_point_1(40)
    assert bath.set_point_1() == 40.0
    assert not bath.is_started()
    bath.start()
    time.sleep(2)
    assert bath.is_started()
    assert bath.status() == "03 REMOTE START"
    assert bath.heating_power() == 100.0
    assert bath.bath_temperature() > 21.1
    bath.stop()
    assert not bath.is_started()


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
