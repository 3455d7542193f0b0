# mypy: ignore-errors
"""matterlab-pumps draws and dispenses by numbered ports. It reads no answers to its commands, and opens the port anew for each.

It never asks whether an initialised pump should be initialised, and says `K` before `N`, both of which are allowed.
"""

import sys

from ports import device


def main(url: str) -> None:
    from matterlab_pumps.tecan_xc_pump import TecanXCPump

    pump = TecanXCPump(
        com_port=device(url), address=0, syringe_volume=1e-3, num_valve_port=6, ports={"water": 2, "vial": 3},
        init_valve=1, out_valve=6, top_speed=6000, top_speed_ml=0.9, timeout=0.5,
    )  # fmt: skip
    assert pump.initialization_status
    assert (pump.report_plunger_absolute_position(), pump.port) == (0, 6)
    pump.draw(volume=0.5, valve_port="water", speed=0.9)
    assert (pump.port, round(pump.volume, 3)) == (2, 0.5)
    pump.dispense(volume=0.2, valve_port="vial", speed=0.9)
    assert (pump.port, round(pump.volume, 3)) == (3, 0.3)
    refused = False
    try:
        pump.draw(volume=0.9, valve_port="water")
    except ValueError:
        refused = True
    assert refused, "it drew more than the syringe holds"


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
