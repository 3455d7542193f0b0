# mypy: ignore-errors
"""ezo-driver reads and sets everything of an EZO-PH circuit; serial ports only."""

import sys

from ezo_driver_probes import meet


def main(url: str) -> None:
    from ezo_driver import enums
    from ezo_driver import ph as own

    with meet(url, enums.ProductId.PH) as talk:
        assert 6.9 < talk.data(own.parse_reading, "R").ph < 7.1
        talk.do(own.build_temperature_command(20.0))
        assert talk.data(own.parse_temperature, "T,?").temperature_c == 20.0
        assert talk.data(own.parse_calibration_status, "Cal,?").level == 3
        assert talk.data(own.parse_slope, "Slope,?").acid_percent == 98.2
        talk.do(own.build_calibration_command(enums.PHCalibrationPoint.MID, 7.0))
        assert talk.data(own.parse_calibration_status, "Cal,?").level == 1
        talk.do(own.build_extended_range_command(enums.PHExtendedRange.ENABLED))
        assert talk.data(own.parse_extended_range, "pHext,?").enabled == enums.PHExtendedRange.ENABLED
        assert 6.9 < talk.data(own.parse_reading, "RT,25.0").ph < 7.1


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
