# mypy: ignore-errors
"""matterlab-valves turns a selector to its positions, both ways.

It opens and closes the port around each command. Its `connect` sends the number of positions as a Python tuple, and takes
what an actuator says to that for the number; so the steps of `connect` are done here one by one.
"""

import sys

from ports import device


def main(url: str) -> None:
    from matterlab_valves import valco_selection_valve

    valve = valco_selection_valve.ValcoSelectionValve(device(url), num_port=10, connect_hardware=False)
    valve._set_response_mode()
    valve._set_device_mode()
    valve.num_port = 10
    valve._home_valve()
    assert (valve.num_port, valve.port) == (10, 1), (valve.num_port, valve.port)
    valve.port = 3
    assert valve.port == 3
    valve.set_current_port(2, direction_CW=False)
    assert valve.port == 2
    valve.set_current_port(4, direction_CW=True)
    assert valve.port == 4
    valve.port = 1
    try:
        valve.port = 11
    except AssertionError:
        pass
    else:
        raise AssertionError("a position that it does not have was taken")


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
