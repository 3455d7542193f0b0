"""The heater of an IKA hotplate."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from autolab.drivers import ika_protocol as wire
from autolab.drivers.hotplate_heater import HeaterPart
from autolab.model.errors import InstrumentTimeout

if TYPE_CHECKING:
    from autolab.drivers.ika import RCT


class Heater(HeaterPart):
    """The heater: `set(degC)` is done when the temperature has stayed near for the dwell; `set("off")` at once."""

    went_by_itself: ClassVar[str] = "by its watchdog (ER 2 on its panel), its safety circuit or its panel"
    signs: ClassVar[str] = "ER 2 (watchdog) on the panel"
    lost_set_point: ClassVar[str] = "its power was interrupted, its watchdog has acted, or somebody has used its panel"

    @property
    def rct(self) -> RCT:
        """The instrument, as the class that it is."""
        return cast("RCT", self.plate_device)

    def check_value(self, value: object) -> None:
        """Check a temperature against the lab's limits and the plate's safety temperature, as it was last read.

        Raises:
            OutsideLimits: It must not be sent.
        """
        super().check_value(value)
        if value != "off":
            self._check_safety(float(str(value)), float(self.rct.safety_temperature.get()))

    async def allow(self, celsius: float) -> None:
        """Check a temperature against the plate's safety temperature as it is now.

        Raises:
            OutsideLimits: It must not be sent.
        """
        self._check_safety(celsius, await self.rct.read_safety())

    def _check_safety(self, celsius: float, safety: float) -> None:
        if celsius > safety - wire.MARGIN:  # never with NaN, before it was read
            raise self.outside(
                f"{celsius:g} degC is more than {safety - wire.MARGIN:g} degC, the highest with the plate's safety "
                f"temperature at {safety:g} degC (less {wire.MARGIN:g}); turn that up at the plate if the liquid allows it"
            )

    def ceiling(self, plate: float) -> str:
        """Return what to do where the plate is as hot as its safety temperature lets it be."""
        safety = float(self.rct.safety_temperature.get())
        if plate > safety - wire.MARGIN:
            return f"the plate is at its safety temperature ({safety:g} degC): turn that up, or heat less at once"
        return ""

    # ---- the wire ----------------------------------------------------------------------------------------------

    def written(self, value: float) -> str:
        """Return a temperature as it is sent."""
        return wire.temperature(value)

    def command(self, sent: str) -> str:
        """Return the command that gives it a set point."""
        return f"OUT_SP_1 {sent}"

    async def give(self, command: str) -> float:
        """Send a set point and return what the plate has then."""
        return await self.rct.ordered([command], "IN_SP_1")

    async def go_on(self) -> None:
        """Switch on."""
        await self.rct.again(lambda: wire.order("START_1", pace=self.rct.pace))

    async def go_off(self) -> float:
        """Switch off, see that the plate listens, and return its set point."""
        return await self.rct.ordered(["STOP_1"], "IN_SP_1")

    async def look(self) -> None:
        """Read temperatures and set point."""
        plate = self.rct
        told, hot = await plate.again(lambda: wire.values("IN_SP_1", "IN_PV_2", pace=plate.pace))
        self.setpoint.tell(told)
        self.plate.tell(hot)
        self.readback.tell(hot if self.settings.sensor == "plate" else await self._probe())

    async def _probe(self) -> float:
        """Return the temperature at the external probe, degC."""
        plate = self.rct
        try:
            return await plate.again(lambda: wire.value("IN_PV_1", pace=plate.pace))
        except InstrumentTimeout as error:
            hint = "the plate is there, but its external probe is not: plug it in, or say `sensor: plate`"
            error.message = f"{error.message}; {hint}"
            raise
