# mypy: ignore-errors
"""ezo-driver reads and sets everything of an EZO-RTD circuit; serial ports only."""

import sys

from ezo_driver_probes import meet


def main(url: str) -> None:
    from ezo_driver import enums
    from ezo_driver import rtd as own

    with meet(url, enums.ProductId.RTD) as talk:
        for scale, low in (
            (enums.RTDScale.KELVIN, 298.0),
            (enums.RTDScale.FAHRENHEIT, 76.8),
            (enums.RTDScale.CELSIUS, 24.9),
        ):
            talk.do(own.build_scale_command(scale))
            assert talk.data(own.parse_scale, "S,?").scale == scale
            reading = talk.data(own.parse_reading, "R", scale)
            assert low < reading.temperature < low + 0.4, reading
        talk.do(own.build_calibration_command(26.0))
        assert talk.data(own.parse_calibration_status, "Cal,?").calibrated
        talk.do(own.build_logger_command(1))
        assert talk.data(own.parse_logger_status, "D,?").interval_units == 1
        assert talk.data(own.parse_memory_status, "M,?").last_index == 0


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
