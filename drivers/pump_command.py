"""What is a command of any pump, with a syringe or without."""

from __future__ import annotations

import math

from autolab.drivers.acting import Acting
from autolab.model.roles import Dispense, Withdraw


def pump_command(pump: Acting, value: object) -> Dispense | Withdraw:
    """Return a `set` value as the pump's command that it is.

    Raises:
        OutsideLimits: It is none, or its numbers are none.
    """
    if not isinstance(value, Dispense | Withdraw):
        raise pump.outside(f"{value!r} is no command of a pump: Dispense(volume, rate) or Withdraw(volume, rate)")
    if not all(isinstance(x, int | float) and math.isfinite(x) and x > 0 for x in (value.volume, value.rate)):
        raise pump.outside(f"volume and rate must be positive numbers, got {value!r}")
    return value
