"""Atlas Scientific EZO-RTD: temperature.

Written from public descriptions of the commands; not yet checked on hardware.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import atlas_ezo_protocol as wire
from autolab.drivers.atlas_ezo_family import EZO
from autolab.drivers.atlas_ezo_rtd_settings import RTDSettings
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON
from autolab.model.errors import GarbledReply

RANGE: Final = (-126.0, 1254.0)  # degC, datasheet
NO_PROBE: Final = -1023.0  # datasheet
SCALES: Final = {"c": "degC", "k": "K", "f": "degF"}


class RTD(EZO):
    """An EZO-RTD circuit with its platinum probe; it is kept in degC, and asked behind each reading whether it was.

    Attributes:
        temperature: degC.
    """

    settings_model = RTDSettings
    settings: RTDSettings
    circuit: ClassVar[str] = "RTD"

    temperature = Cpt(Reading, value=float("nan"), units="degC", precision=3, kind=Kind.hinted)

    async def do_configure(self) -> None:
        """Have it tell degC.

        Raises:
            GarbledReply: It stays with another scale.
        """
        if await self._scale() == "c":
            return
        await self.again(lambda: wire.put("S,c"))
        left = await self._scale()
        if left != "c":
            msg = f"its scale reads back {left!r} ({SCALES[left]}) after it was set to 'c'"
            raise GarbledReply(msg, instrument=self.name, command="S,?")

    async def _scale(self) -> str:
        (told,) = await self.fields("S,?", 1)
        if told.lower() not in SCALES:
            msg = f"{told!r} is no scale; there are {', '.join(SCALES)}"
            raise GarbledReply(msg, instrument=self.name, command="S,?")
        return told.lower()

    async def do_verify(self) -> None:
        """See that the readings were in degC: the three scales look alike.

        Raises:
            InstrumentAlarm: Somebody has changed the scale.
        """
        scale = await self._scale()
        if scale != "c":
            await self.do_configure()
            raise self.alarm(f"its scale was changed to {SCALES[scale]}: the reading is void. It is degC again")

    def tolerance(self, mean: float) -> float:
        """Return how far agreeing readings may lie apart, degC."""
        return self.settings.within_C

    def check_reading(self, values: Sequence[float]) -> None:
        """Check a reading.

        Raises:
            InstrumentAlarm: There is no probe.
            GarbledReply: No temperature that it can measure, in any scale.
        """
        if values[0] == NO_PROBE:
            raise self.alarm("has no probe: plug it in, and check its cable")
        low, high = RANGE[0], RANGE[1] * 1.8 + 32
        if not low * 1.8 + 32 <= values[0] <= high:
            msg = f"{values[0]:g} is no temperature that it can measure"
            raise GarbledReply(msg, instrument=self.name, port=self.address.port, command="R")

    def do_tell(self, values: Sequence[float]) -> Mapping[str, JSON]:
        """Tell the signals a reading, and return it.

        Raises:
            InstrumentAlarm: Outside the circuit's range, or the limits.
        """
        celsius = values[0]
        if not RANGE[0] <= celsius <= RANGE[1]:
            raise self.alarm(f"{celsius:g} degC is beyond its range, {RANGE[0]:g}..{RANGE[1]:g} degC")
        self.temperature.tell(celsius)
        self.check_range("temperature", celsius, " degC")
        return {"temperature_C": celsius}

    def locate(self) -> Mapping[str, Any]:
        """Return the last temperature, degC."""
        return {"setpoint": None, "readback": float(self.temperature.get())}

    # ---- for people ------------------------------------------------------------------------------------------------

    async def do_calibrate_at(self, celsius: float) -> int:
        """Calibrate at a temperature (degC); return how many points the circuit counts.

        Raises:
            OutsideLimits: It cannot measure that.
            Refused: It is being read.
        """
        low, high = RANGE
        if isinstance(celsius, bool) or not isinstance(celsius, int | float) or not low <= celsius <= high:
            raise self.outside(f"{celsius!r} degC is no temperature to calibrate at; it must lie in {low:g}..{high:g}")
        await self.idle()
        await self.do_configure()  # the number that is sent is in the scale that is set
        return await self.do_calibrate(f"Cal,{celsius:.3f}")

    def calibrate(self, celsius: float) -> int:
        """Calibrate at the true temperature of the probe (degC); return how many points the circuit counts."""
        return self.people(lambda: self.do_calibrate_at(celsius))
