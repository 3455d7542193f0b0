# mypy: ignore-errors
"""labmcp-ika reads and sets everything of a hotplate stirrer, and keeps its watchdog quiet."""

import sys
import time


def main(url: str) -> None:
    from labmcp.transports import open_transport
    from labmcp_ika.driver import IKAStirrer

    transport = open_transport(url, read_termination="\r\n", write_termination=" \r\n", timeout=1.0)
    plate = IKAStirrer(transport)
    assert plate.identify()["model"] == "RCT digital"
    assert 20.0 < plate.external_temperature_c() < 22.0
    assert 20.0 < plate.hotplate_temperature_c() < 22.0
    assert plate.safety_temperature_c() == 360.0
    plate.set_temperature(45.5)
    plate.set_speed(300)
    assert (plate.temperature_setpoint_c(), plate.speed_setpoint_rpm()) == (45.5, 300.0)
    plate.start_heater()
    plate.start_motor()
    plate.set_watchdog_safety_values(30.0, 100.0)
    plate.enable_watchdog(2, 20, keepalive_interval_s=0.5)
    time.sleep(2.5)
    assert plate.watchdog_last_error is None
    assert plate.speed_rpm() == 300.0
    assert plate.hotplate_temperature_c() > 21.2
    assert plate.viscosity_trend() > 90.0
    plate.disable_watchdog()
    refusal = ""
    try:
        plate.set_watchdog_safety_values(2000.0, 100.0)
    except Exception as error:
        refusal = type(error).__name__
    assert refusal, "a fallback of 2000 degC was taken"
    assert plate.stop_all() == []
    time.sleep(2.5)
    assert plate.speed_rpm() == 0.0
    plate.close()


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
