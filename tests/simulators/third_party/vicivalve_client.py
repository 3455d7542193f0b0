# mypy: ignore-errors
"""vicivalve learns, homes, toggles and switches a two-position valve, with answers to movements (IFM1).

It reads one line behind everything that it sends, and takes the echo of the command for its success.
"""

import sys
import time

from ports import device


def main(url: str) -> None:
    import serial
    from vicivalve import VICI

    valve = VICI(serial.serial_for_url(device(url), baudrate=9600), positions=2)
    assert valve.current_position() == "A"
    assert valve.switch_valve("B") is True
    time.sleep(0.5)
    assert valve.current_position() == "B"
    assert valve.switch_valve(1) is True
    time.sleep(0.5)
    assert valve.current_position() == "A"
    assert valve.toggle() == "B"
    assert valve.home() is True
    assert valve.learn() is True
    assert valve.current_position() == "A"


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
