# mypy: ignore-errors
"""PyMeasure measures with a Keithley 2000."""

import sys

from scpi_ports import SETTINGS, resource


def main(url: str) -> None:
    from pymeasure.instruments.keithley import Keithley2000

    meter = Keithley2000(resource(url), **SETTINGS)
    assert meter.id.startswith("KEITHLEY INSTRUMENTS INC.,MODEL 2000")
    meter.measure_resistance(max_resistance=10e3, wires=4)
    assert meter.mode == "resistance 4W"
    meter.resistance_4W_nplc = 0.1
    assert abs(meter.resistance - 1000) < 1
    meter.measure_resistance(max_resistance=10e3)
    assert abs(meter.resistance - 1000.2) < 1
    assert meter.resistance_range == 10e3
    meter.measure_voltage(max_voltage=1)
    assert abs(meter.voltage) < 1e-3
    meter.measure_temperature()
    assert meter.mode == "temperature"
    assert abs(meter.temperature - 21) < 0.2
    meter.measure_voltage(ac=True)
    assert meter.mode == "voltage ac"
    meter.beep_state = "disabled"
    assert meter.beep_state == "disabled"
    meter.trigger_count = 1


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
