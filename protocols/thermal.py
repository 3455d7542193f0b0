"""Plan stubs of hotplates: heat and stir, at once or begun now and waited for later.

What "reached" means (tolerance, dwell, how long it may take) is the instrument's own matter. No action is sent twice by
a pause: see `autolab.protocols.actions`.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from bluesky.utils import Msg

from autolab.protocols.actions import Begun, act, begin, finish

Device = Any  # an ophyd device or a leased handle; ophyd ships no types


def heat(heater: Device, celsius: float) -> Generator[Msg, Any, None]:
    """Set a temperature (degC) and wait until it is reached.

    >>> from types import SimpleNamespace
    >>> [one.command for one in heat(SimpleNamespace(name="heater"), 40.0)]
    ['rewindable', 'rewindable', 'set', 'rewindable', 'wait', 'checkpoint']
    """
    yield from act("set", heater, float(celsius))


def begin_heating(heater: Device, celsius: float) -> Generator[Msg, Any, Begun]:
    """Set a temperature (degC), and leave the waiting to `until_reached`.

    Meanwhile other instruments may be used; a heater that fails ends the plan wherever it is by then.
    """
    return (yield from begin("set", heater, float(celsius)))


def until_reached(begun: Begun) -> Generator[Msg, Any, None]:
    """Wait until the temperature of `begin_heating` is reached."""
    yield from finish(begun)


def heat_off(heater: Device) -> Generator[Msg, Any, None]:
    """Switch a heater off."""
    yield from act("set", heater, "off")


def stir(stirrer: Device, rpm: float) -> Generator[Msg, Any, None]:
    """Stir, and wait until the speed (1/min) is reached."""
    yield from act("set", stirrer, float(rpm))


def stir_off(stirrer: Device) -> Generator[Msg, Any, None]:
    """Switch a stirrer off."""
    yield from act("set", stirrer, "off")
