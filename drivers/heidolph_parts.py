"""Heater and stirrer of a Heidolph MR Hei-Connect."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, cast

from autolab.drivers import heidolph_protocol as wire
from autolab.drivers.hotplate_heater import HeaterPart
from autolab.drivers.hotplate_part import Part
from autolab.drivers.hotplate_stirrer import StirrerPart
from autolab.model.errors import InstrumentAlarm, Refused

if TYPE_CHECKING:
    from autolab.drivers.heidolph import HeiConnect

MOST: Final = 300.0  # degC, datasheet
FASTEST: Final = 1400.0  # rpm, datasheet
_LOST: Final = "its power was interrupted, or somebody has used its knobs"


class HeiPart(Part):
    """What both have in common on this maker's wire: numbers of their own, and a status that tells who is in control.

    Attributes:
        switch: Number of `START_` and `STOP_`.
        question: Asks for the set point; the command that sets it is `OUT_` for `IN_`.
    """

    switch: ClassVar[str]
    question: ClassVar[str]

    @property
    def hei(self) -> HeiConnect:
        """The instrument, as the class that it is."""
        return cast("HeiConnect", self.plate_device)

    def command(self, sent: str) -> str:
        """Return the command that gives it a set point."""
        return f"{self.question.replace('IN', 'OUT')} {sent}"

    async def give(self, command: str) -> float:
        """Send a set point and return what the plate has then."""
        return await self.hei.ask(command)

    async def go_on(self) -> None:
        """Switch on, and see that the plate obeys.

        Raises:
            Refused: It is not under remote control.
        """
        await self.hei.order(f"START_{self.switch}")
        why = self.hei.uncontrolled(await self.hei.read_status())
        if why:
            await self.switch_off()
            raise Refused(f"does not start: {why}", instrument=self.name, port=self.address.port)

    async def go_off(self) -> float:
        """Switch off, and return the set point."""
        await self.hei.order(f"STOP_{self.switch}")
        return await self.hei.ask(self.question)

    async def examine(self) -> None:
        """See whether the plate is still under remote control, and what should be on is."""
        why = self.hei.uncontrolled(int(self.hei.status.get())) if self.target and self.started else ""
        if why:
            await self.give_up(why)
        else:
            await super().examine()


class Heater(HeiPart, HeaterPart):
    """The heater: `set(degC)` is done when the temperature has stayed near for the dwell; `set("off")` at once."""

    switch: ClassVar[str] = "1"
    question: ClassVar[str] = "IN_SP_1"
    went_by_itself: ClassVar[str] = "by its link watch (PC Err on its panel), its safety circuit or its knob"
    signs: ClassVar[str] = "PC Err or another error on the panel"
    lost_set_point: ClassVar[str] = _LOST

    def written(self, value: float) -> str:
        """Return a temperature as it is sent."""
        return wire.temperature(value)

    def check_value(self, value: object) -> None:
        """Check a temperature against the lab's limits and the plate's range.

        Raises:
            OutsideLimits: It must not be sent.
        """
        super().check_value(value)
        if value != "off" and float(str(value)) > MOST:
            raise self.outside(f"{value!r} degC is more than the {MOST:g} degC that it can heat to")

    async def allow(self, celsius: float) -> None:
        """See that the plate controls the temperature that is waited for.

        Raises:
            Refused: Its probe is out where it should be in, or the other way round.
        """
        external = await self.hei.ask("IN_MODE_1") == 1
        if external != (self.settings.sensor == "external"):
            found, other = ("the probe", "external") if external else ("the plate", "plate")
            msg = f"controls the temperature of {found}: see to the probe's plug, or say `sensor: {other}`"
            raise Refused(msg, instrument=self.name, port=self.address.port, command="IN_MODE_1")

    async def look(self) -> None:
        """Read temperatures, set point and status.

        Raises:
            InstrumentAlarm: The probe that is to be read is not there.
        """
        hei = self.hei
        told, hot = await hei.again(lambda: wire.values("IN_SP_1", "IN_PV_3", pace=hei.pace))
        self.setpoint.tell(told)
        self.plate.tell(hot)
        await hei.read_status()
        if self.settings.sensor == "plate":
            self.readback.tell(hot)
            return
        probe = await hei.ask("IN_PV_1")
        if probe >= wire.NO_PROBE:
            self.readback.tell(float("nan"))
            if self.on.get():
                await self.give_up("its external probe is not plugged in (it reads 999.9)")
            msg = "its external probe is not plugged in: plug it in, or say `sensor: plate`"
            raise InstrumentAlarm(msg, instrument=self.name, port=self.address.port, command="IN_PV_1")
        self.readback.tell(probe)


class Stirrer(HeiPart, StirrerPart):
    """The stirrer: `set(rpm)` is done when it turns so fast; `set(0)` and `set("off")` when it stands still."""

    switch: ClassVar[str] = "2"
    question: ClassVar[str] = "IN_SP_3"
    lost_set_point: ClassVar[str] = _LOST

    def written(self, value: float) -> str:
        """Return a speed as it is sent."""
        return wire.speed(value)

    def check_value(self, value: object) -> None:
        """Check a speed against the lab's limits and the plate's range.

        Raises:
            OutsideLimits: It must not be sent.
        """
        super().check_value(value)
        if value != "off" and float(str(value)) > FASTEST:
            raise self.outside(f"{value!r} rpm is more than the {FASTEST:g} rpm that it can turn")

    async def look(self) -> None:
        """Read speed, set point and status."""
        hei = self.hei
        told, turns = await hei.again(lambda: wire.values("IN_SP_3", "IN_PV_5", pace=hei.pace))
        self.setpoint.tell(told)
        self.readback.tell(turns)
        await hei.read_status()
