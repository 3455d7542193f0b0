# mypy: ignore-errors
"""ezo-driver reads and sets everything of an EZO-DO circuit; serial ports only."""

import sys

from ezo_driver_probes import meet


def main(url: str) -> None:
    from ezo_driver import do as own
    from ezo_driver import enums

    with meet(url, enums.ProductId.DO) as talk:
        both = enums.DOOutputMask(3)
        assert talk.data(own.parse_output_config, "O,?").enabled_mask == enums.DOOutputMask.MG_L
        talk.do(
            own.build_output_command(enums.DOOutputMask.PERCENT_SATURATION, True), own.build_temperature_command(25.0)
        )
        assert talk.data(own.parse_output_config, "O,?").enabled_mask == both
        reading = talk.data(own.parse_reading, "R", both)
        assert 8.0 < reading.milligrams_per_liter < 8.5, reading
        assert 98.0 < reading.percent_saturation < 102.0, reading
        talk.do(own.build_salinity_command(37.5, enums.DOSalinityUnit.PPT), own.build_pressure_command(90.25))
        salinity = talk.data(own.parse_salinity, "S,?")
        assert (salinity.value, salinity.unit) == (37.5, enums.DOSalinityUnit.PPT)
        assert talk.data(own.parse_pressure, "P,?").pressure_kpa == 90.25
        talk.do(own.build_salinity_command(5000.0, enums.DOSalinityUnit.MICROSIEMENS))
        talk.do(own.build_calibration_command(enums.DOCalibrationPoint.ATMOSPHERIC))
        assert talk.data(own.parse_calibration_status, "Cal,?").level in (1, 2)


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
