# mypy: ignore-errors
"""The package ika reads and sets everything of a hotplate stirrer.

Known faults of the client, worked around here: it reads up to CR, so that an LF stays in front of the next reply (which
its `float` passes over); `read_device_name` compares with the CR still on, and raises ValueError; `watchdog_mode_1`
and `watchdog_mode_2` leave the echo of the watchdog's time unread.
"""

import sys
import time

from ports import device, let_serial_take_urls


def main(url: str) -> None:
    let_serial_take_urls()
    from ika.magnetic_stirrer import MagneticStirrer

    plate = MagneticStirrer(port=device(url))
    try:
        plate.read_device_name()
    except ValueError as error:
        assert "RCT" in str(error)  # noqa: PT017  what it stumbles over is the name
    assert 20.0 < plate.probe_temperature() < 22.0
    assert 20.0 < plate.hotplate_sensor_temperature() < 22.0
    assert plate.hardware_safety_temperature() == 360.0
    plate.set_target_temperature(45.5)
    plate.set_target_stir_rate(300)
    assert (plate.target_temperature(), plate.target_stir_rate()) == (45.5, 300.0)
    plate.set_target_temperature(400)  # too hot: ignored
    assert plate.target_temperature() == 45.5
    plate.start_stirring()
    plate.start_heating()
    time.sleep(2.5)
    assert plate.stir_rate() == 300.0
    assert plate.viscosity_trend() > 90.0
    assert plate.hotplate_sensor_temperature() > 21.2
    assert plate.set_wd_safety_limit_temperature("30") == 30.0
    assert plate.set_wd_safety_limit_speed(100) == 100.0
    plate.watchdog_mode_2("20")
    assert plate._ser.read_until(b"\r").strip() == b"20.0"
    plate.watchdog_mode_2("0")
    assert plate._ser.read_until(b"\r").strip() == b"0.0"
    plate.set_operating_mode_a()
    plate.stop_heating()
    plate.stop_stirring()
    plate.switch_to_normal_operating_mode()
    time.sleep(2.5)
    assert plate.stir_rate() == 0.0
    plate._ser.close()


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
