# mypy: ignore-errors
"""labmcp-atlas-ezo reads, compensates and calibrates an EZO-DO circuit."""

import sys

from labmcp_ezo_steps import meet


def main(url: str) -> None:
    circuit = meet(url, "DO")
    assert circuit.enabled == ["mg"]
    circuit.command("O,%,1")
    circuit.refresh_config()
    circuit.set_temperature_compensation(25.0)
    values = circuit.read().values
    assert 8.0 < values["do_mg_l"] < 8.5, values
    assert 98.0 < values["do_percent_saturation"] < 102.0, values
    assert circuit.salinity() == (0.0, "\xb5S/cm")
    circuit.set_salinity(37.5, ppt=True)
    assert circuit.salinity() == (37.5, "ppt")
    circuit.set_pressure_kpa(90.25)
    assert circuit.pressure_kpa() == 90.25
    circuit.calibrate("atmospheric", None)
    assert circuit.calibration_points() == 2
    circuit.close()


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
