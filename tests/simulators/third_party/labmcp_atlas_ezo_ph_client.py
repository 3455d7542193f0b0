# mypy: ignore-errors
"""labmcp-atlas-ezo reads, compensates and calibrates an EZO-pH circuit."""

import sys

from labmcp_ezo_steps import meet


def main(url: str) -> None:
    circuit = meet(url, "pH")
    assert 6.9 < circuit.read().values["ph"] < 7.1
    assert circuit.set_temperature_compensation(19.5) == 19.5
    assert circuit.calibration_points() == 3
    circuit.calibrate("mid", 7.0)
    assert circuit.calibration_points() == 1
    acid, base, zero = circuit.slope()
    assert (acid, base) == (100.0, 100.0)
    assert -15.0 < zero < 0.0
    circuit.clear_calibration()
    assert circuit.calibration_points() == 0
    circuit.close()


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
