# mypy: ignore-errors
"""The package marlin-host talks to a gantry in numbered lines: names, homing, a program, the position, an emergency stop."""

import sys

from ports import device


def main(url: str) -> None:
    from marlin_host import HaltError, MarlinHost, SerialTransport

    host = MarlinHost(SerialTransport(device(url), 115200, reset_on_open=False), reliable=True)
    host.connect()
    assert "Marlin 2.1.2" in str(host.capabilities()), host.capabilities()
    host.send("G28")
    program = ["G90", "G1 F6000", *(f"G1 X{1 + n % 5} Y{1 + n % 3}" for n in range(30)), "G1 X7 Y8 Z1", "M400"]
    told = list(host.stream(program))
    assert told[-1].commands_sent == len(program)
    assert [host.position()[axis] for axis in "XYZ"] == [7.0, 8.0, 1.0]
    host.send("G1 X100 F600")
    host.emergency_stop()
    try:
        host.send("M114")
    except HaltError:
        pass
    else:
        raise AssertionError
    host.close()


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
