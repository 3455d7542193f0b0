"""Instruments behind EPICS: an axis with a motor record, and any process variable."""

from autolab.drivers.epics_motor import Motor
from autolab.drivers.epics_pv import PV

__all__ = ["PV", "Motor"]
