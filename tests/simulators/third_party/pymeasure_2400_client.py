# mypy: ignore-errors
"""PyMeasure sources, limits and measures with a Keithley 2400."""

import sys

from scpi_ports import SETTINGS, resource


def main(url: str) -> None:
    from pymeasure.instruments.keithley import Keithley2400

    meter = Keithley2400(resource(url), **SETTINGS)
    assert meter.id.startswith("KEITHLEY INSTRUMENTS INC.,MODEL 2400")
    meter.reset()
    meter.reset_data_format()
    meter.source_mode = "voltage"
    assert meter.source_mode == "voltage"
    meter.compliance_current = 0.01
    meter.source_voltage_range = 20
    meter.source_voltage = 5
    meter.current_nplc = 0.1
    meter.current_range_auto_enabled = True
    assert (meter.compliance_current, meter.source_voltage, meter.current_nplc) == (0.01, 5.0, 0.1)
    meter.source_enabled = True
    assert meter.source_enabled is True
    everything = meter.measure_all()
    assert abs(everything["voltage"] - 5) < 1e-3
    assert abs(everything["current"] - 5e-3) < 1e-5
    assert abs(everything["resistance"] - 1000) < 1
    assert not everything["status"] & 8
    assert abs(meter.current - 5e-3) < 1e-5
    assert abs(meter.voltage - 5) < 1e-3
    meter.source_voltage = 15
    assert meter.measure_all()["status"] & 8
    meter.source_enabled = False
    meter.source_mode = "current"
    meter.compliance_voltage = 2
    meter.source_current_range = 0.01
    meter.source_current = 1e-3
    meter.source_enabled = True
    assert abs(meter.voltage - 1) < 1e-3
    meter.filter_enabled = True
    meter.filter_count = 5
    meter.repeat_filter_enabled = True
    meter.auto_zero_enabled = False
    assert (meter.filter_count, meter.auto_zero_enabled) == (5, False)
    assert meter.check_errors() == []
    meter.write("FOO")
    assert meter.next_error[0] == -113
    meter.shutdown()
    assert meter.source_enabled is False


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
