# mypy: ignore-errors
"""The package ismatec sets, runs and reads the channels of a Reglo ICC.

It sends LF behind the CR that ends a command. Known faults of the client, worked around here: `get_cause_of_run_error`
reads the limit as a number a thousand times too large; `get_volume_dispensed_since_reset` multiplies uL by a thousand
and asks channel 1 whatever it is told.
"""

import sys
import time

from ports import device


def main(url: str) -> None:
    from ismatec.errors import CommandError, PumpError
    from ismatec.peristaltic_pump import RegloICCFourChannel

    pump = RegloICCFourChannel(device(url), safe_start=True)
    assert pump.get_communication_mode() == 1
    assert pump.get_event_messaging_mode() == 0
    assert pump.get_serial_protocol_version() == 8
    assert pump.get_pump_firmware_version() == 208
    assert pump.get_pump_serial_number() == "A123456789"
    assert pump.get_pump_info()[:2] == ("REGLO ICC", 208)
    assert pump.get_n_pump_channels() == 4
    pump.disable_pump_ui()
    pump.write_to_display("Write to pump")
    pump.set_control_from_pump_ui()
    for mode in pump._PUMP_MODES:
        pump.set_pump_mode(mode, pump_channel=1)
        assert pump.get_pump_mode(pump_channel=1) == mode
    for channel in (1, 2):
        pump.set_counter_clockwise(channel)
        assert not pump.clockwise(channel)
        pump.set_clockwise(channel)
        assert pump.clockwise(channel)
        pump.set_flow_rate_rpm(1, channel)
        assert pump.get_flow_rate_rpm(channel) == 1
        pump.set_flow_rate_ml_min(0.07, channel)
        assert pump.get_flow_rate_ml_min(channel) == 0.07
        pump.set_volume(0.05, channel)
        assert pump.get_volume(channel) == 0.05
        pump.set_run_time(15, channel)
        assert pump.get_run_time(channel) == 15
        pump.set_cycle_count(3, channel)
        assert pump.get_cycle_count(channel) == 3
        pump.set_tubing_inner_diameter(1.52, channel)
        assert pump.get_tubing_inner_diameter(channel) == 1.52
    try:
        pump.set_tubing_inner_diameter(1.5, 1)
    except CommandError:
        pass
    else:
        raise AssertionError("a hose that the pump does not know was taken")
    most = pump.get_max_flow_rate(1)
    assert most == pump.get_max_flow_rate_using_calibration(1) > 1
    pump.set_mode_pump_volume_at_rate(1, flow_rate=0.9 * most, volume=0.1)
    pump.start(1)
    assert pump.running()
    time.sleep(1.5)
    assert not pump.running()
    pump.set_mode_pump_flow_rate(1, flow_rate=9 * most)
    try:
        pump.start(1)
    except PumpError:
        assert pump.get_cause_of_run_error()[0] == "R"
    else:
        raise AssertionError("a flow beyond the highest was taken")
    pump.set_mode_pump_flow_rate(2, flow_rate=1.0)
    pump.start(2)
    pump.stop(0)
    pump.disconnect()


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
