# mypy: ignore-errors
"""labmcp-atlas-ezo reads, compensates and calibrates an EZO-RTD circuit."""

import sys

from labmcp_ezo_steps import meet


def main(url: str) -> None:
    circuit = meet(url, "RTD")
    told = circuit.read()
    assert 24.9 < told.values["temperature"] < 25.1, told
    circuit.command("S,k")
    circuit.refresh_config()
    told = circuit.read()
    assert 298.0 < told.values["temperature"] < 298.3, told
    assert told.units["temperature"] == "K"
    circuit.command("S,c")
    circuit.refresh_config()
    circuit.calibrate("single", 26.0)
    assert 25.9 < circuit.read().values["temperature"] < 26.1
    circuit.clear_calibration()
    assert circuit.calibration_points() == 0
    circuit.close()


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
