# mypy: ignore-errors
"""matterlab-valves turns a selector the shortest way and both others, homes it, and stops between two ports.

It opens and closes the port around each command, and checks where the valve is after two seconds at most.
"""

import sys
import time

from ports import device


def main(url: str) -> None:
    from matterlab_valves import runze_valve

    valve = runze_valve.RunzeSelectionValve(device(url), address=0, num_port=6, baudrate=57600)
    for port, clockwise in ((2, None), (3, False), (2, True), (6, None)):
        valve.set_current_port(port, direction_CW=clockwise)
        assert valve.port == port
        assert valve.check_motor() == 0
    valve.set_between_ports(6)
    time.sleep(1)
    valve.reset()
    time.sleep(5)
    assert valve.check_motor() == 0
    valve.port = 1
    assert valve.port == 1
    try:
        valve.port = 7
    except ValueError:
        pass
    else:
        raise AssertionError("a port that it does not have was taken")


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
