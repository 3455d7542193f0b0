# mypy: ignore-errors
"""The maker's own package propar reads and sets a controller, in binary and in ASCII, alone and in chains.

Its `serial_class` is called with a port's path; here it may be a URL.
"""

import sys
import time
from typing import Any

from ports import device


def use(instrument: Any) -> None:
    assert instrument.readParameter(92) == "M6212345A"
    assert instrument.readParameter(129).strip() == "mln/min"
    assert instrument.readParameter(21) == 500.0
    assert instrument.readParameter(25).strip() == "N2"
    assert instrument.writeParameter(12, 0)
    assert instrument.writeParameter(206, 100.0)
    time.sleep(2.5)
    assert abs(instrument.readParameter(205) - 100.0) < 0.5
    assert abs(instrument.measure - 6400) < 40
    assert instrument.setpoint == 6400
    assert instrument.wink(3)
    instrument.setpoint = 16000
    assert abs(instrument.readParameter(206) - 250.0) < 0.01
    assert not instrument.writeParameter(206, 9000.0)  # out of range
    assert not instrument.writeParameter(21, 9.0)  # read only
    assert instrument.readParameter(252) is None  # viscosity: it has none
    names = [instrument.db.get_parameter(number) for number in (8, 9, 205, 92, 12)]
    told = instrument.read_parameters(names)
    assert [one["status"] for one in told] == [0] * 5, told
    assert told[3]["data"] == "M6212345A"
    assert instrument.writeParameter(9, 0)


def main(url: str) -> None:
    import propar
    import serial

    instrument = propar.instrument(device(url), serial_class=serial.serial_for_url)
    use(instrument)
    nodes = instrument.master.get_nodes()
    assert [node["address"] for node in nodes] == [3], nodes
    assert nodes[0]["type"].strip() == "DMFC"
    instrument.master.propar.mode = propar.PP_MODE_ASCII
    use(instrument)


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
