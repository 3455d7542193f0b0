"""Source meters and multimeters that speak SCPI."""

from autolab.drivers.scpi_multimeter import Multimeter, Overload
from autolab.drivers.scpi_source_meter import InCompliance, SourceMeter

__all__ = ["InCompliance", "Multimeter", "Overload", "SourceMeter"]
