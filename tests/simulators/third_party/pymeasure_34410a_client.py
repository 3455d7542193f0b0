# mypy: ignore-errors
"""PyMeasure's class of the 34410A, whose commands the 34461A shares, measures by MEASure and CONFigure."""

import sys

from scpi_ports import SETTINGS, resource


def main(url: str) -> None:
    from pymeasure.instruments.agilent import Agilent34410A

    meter = Agilent34410A(resource(url), **SETTINGS)
    assert "34461A" in meter.id
    assert abs(meter.voltage_dc) < 1e-3
    assert abs(meter.current_dc) < 1e-3
    assert abs(meter.resistance - 1000.2) < 1
    assert abs(meter.resistance_4w - 1000) < 1


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
