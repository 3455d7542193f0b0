"""The stirrer of an IKA hotplate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, cast

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import ika_protocol as wire
from autolab.drivers.hotplate_part import NAN
from autolab.drivers.hotplate_stirrer import StirrerPart
from autolab.drivers.ika_heater import Heater
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON

if TYPE_CHECKING:
    from autolab.drivers.ika import RCT


class Stirrer(StirrerPart):
    """The stirrer: `set(rpm)` is done when it turns so fast; `set(0)` and `set("off")` when it stands still.

    Attributes:
        viscosity: How the torque has changed since the last start, percent.
    """

    lost_set_point: ClassVar[str] = Heater.lost_set_point

    viscosity = Cpt(Reading, value=NAN, units="%", precision=0, kind=Kind.normal)

    @property
    def rct(self) -> RCT:
        """The instrument, as the class that it is."""
        return cast("RCT", self.plate_device)

    async def more(self) -> Mapping[str, JSON]:
        """Read the trend of the viscosity."""
        self.viscosity.tell(await self.rct.again(lambda: wire.value("IN_PV_5", pace=self.rct.pace)))
        return {"viscosity_percent": float(self.viscosity.get())}

    # ---- the wire ----------------------------------------------------------------------------------------------

    def written(self, value: float) -> str:
        """Return a speed as it is sent."""
        return wire.speed(value)

    def command(self, sent: str) -> str:
        """Return the command that gives it a set point."""
        return f"OUT_SP_4 {sent}"

    async def give(self, command: str) -> float:
        """Send a set point and return what the plate has then."""
        return await self.rct.ordered([command], "IN_SP_4")

    async def go_on(self) -> None:
        """Switch on."""
        await self.rct.again(lambda: wire.order("START_4", pace=self.rct.pace))

    async def go_off(self) -> float:
        """Switch off, see that the plate listens, and return its set point."""
        return await self.rct.ordered(["STOP_4"], "IN_SP_4")

    async def look(self) -> None:
        """Read speed and set point."""
        plate = self.rct
        told, turns = await plate.again(lambda: wire.values("IN_SP_4", "IN_PV_4", pace=plate.pace))
        self.setpoint.tell(told)
        self.readback.tell(turns)
