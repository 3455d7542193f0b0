# mypy: ignore-errors
"""PyMeasure sources, limits and measures with a Keithley 2450."""

import sys

from scpi_ports import SETTINGS, resource


def main(url: str) -> None:
    from pymeasure.instruments.keithley import Keithley2450

    meter = Keithley2450(resource(url), **SETTINGS)
    assert meter.id.startswith("KEITHLEY INSTRUMENTS INC.,MODEL 2450")
    meter.reset()
    meter.apply_voltage(voltage_range=20, compliance_current=0.01)
    meter.source_voltage = 5
    assert (meter.source_mode, meter.source_voltage, meter.compliance_current) == ("voltage", 5.0, 0.01)
    meter.measure_current(nplc=0.1)
    meter.enable_source()
    assert meter.source_enabled == 1
    assert abs(meter.current - 5e-3) < 1e-5
    meter.measure_resistance(nplc=0.1)
    assert abs(meter.resistance - 1000) < 1
    meter.disable_source()
    meter.apply_current(current_range=0.01, compliance_voltage=2)
    meter.source_current = 1e-3
    meter.measure_voltage(nplc=0.1)
    meter.enable_source()
    assert abs(meter.voltage - 1) < 1e-3
    meter.source_current = 5e-3
    assert abs(meter.voltage - 2) < 1e-3
    meter.use_front_terminals()
    meter.shutdown()
    assert not meter.source_enabled


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
