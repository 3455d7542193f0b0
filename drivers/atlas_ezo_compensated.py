"""EZO circuits whose readings are compensated for a temperature that they must be told."""

from __future__ import annotations

import math
from typing import Any, Final

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers.atlas_ezo_family import EZO
from autolab.drivers.atlas_ezo_settings import COMPENSATION, CompensatedSettings
from autolab.drivers.signals import Reading

_DIGITS: Final = 2


class Compensated(EZO):
    """A circuit that knows `T`: the temperature for which it compensates, forgotten without power.

    Attributes:
        temperature: For which the circuit compensates, degC; not that of the liquid unless somebody has said so.
    """

    settings_model = CompensatedSettings
    settings: CompensatedSettings

    temperature = Cpt(Reading, value=float("nan"), units="degC", precision=2, kind=Kind.normal)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self._compensation = self.settings.temperature_compensation_C

    async def do_configure(self) -> None:
        """Set the temperature of the compensation where it differs."""
        self.temperature.tell(await self.settle("T", self._compensation, _DIGITS))

    async def do_compensate(self, celsius: float) -> float:
        """Compensate for another temperature (degC) from now on, also after a restart; return what the circuit has.

        Raises:
            OutsideLimits: It cannot compensate for that.
            Refused: It is being read.
        """
        low, high = COMPENSATION
        wanted = celsius if isinstance(celsius, int | float) and not isinstance(celsius, bool) else math.nan
        if not low < wanted < high:
            raise self.outside(
                f"{celsius!r} degC is no temperature to compensate for; it must lie in {low:g}..{high:g}"
            )
        await self.idle()
        self._compensation = float(wanted)
        told = await self.settle("T", self._compensation, _DIGITS)
        self.temperature.tell(told)
        return told

    def compensate(self, celsius: float) -> float:
        """Compensate for another temperature (degC), and wait for it."""
        return self.people(lambda: self.do_compensate(celsius))
