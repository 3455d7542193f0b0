"""Simulated source meters and multimeters that speak SCPI."""

from autolab.simulators.scpi_multimeter import MultimeterSimulator
from autolab.simulators.scpi_source_meter import SourceMeterSimulator

__all__ = ["MultimeterSimulator", "SourceMeterSimulator"]
