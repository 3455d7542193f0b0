"""The heater of an IKA hotplate."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import ika_protocol as wire
from autolab.drivers.arrival import Arrival
from autolab.drivers.ika_part import NAN, Part
from autolab.drivers.ika_watch import Fading
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON
from autolab.model.errors import InstrumentTimeout
from autolab.model.roles import Role

if TYPE_CHECKING:
    from autolab.drivers.acting import ActionStatus

_SAME_C: Final = 0.06  # a set point is the one that was sent, degC: it is told to 0.1


class Heater(Part):
    """The heater: `set(degC)` is done when the temperature has stayed near for the dwell; `set("off")` at once.

    Attributes:
        readback: The temperature that is controlled, by the external probe or of the plate, degC.
        setpoint: As the plate tells it, degC.
        plate: Temperature of the plate, degC.
        on: Whether it was switched on.
    """

    role: ClassVar[Role] = "heater"
    unit: ClassVar[str] = "degC"
    channel: ClassVar[str] = "1"

    readback = Cpt(Reading, value=NAN, units="degC", precision=1, kind=Kind.hinted)
    setpoint = Cpt(Reading, value=NAN, units="degC", precision=1, kind=Kind.normal)
    plate = Cpt(Reading, value=NAN, units="degC", precision=1, kind=Kind.normal)
    on = Cpt(Reading, value=False, dtype="boolean", kind=Kind.normal)

    def __init__(self, prefix: str = "", **kwargs: Any) -> None:  # noqa: ANN401  ophyd's own
        super().__init__(prefix, **kwargs)
        self._fading = Fading()

    def samples(self) -> Sequence[object]:
        """Return a temperature, and off."""
        return (40.0, "off")

    def check_value(self, value: object) -> None:
        """Check a temperature against the lab's limits and the plate's safety temperature, as it was last read.

        Raises:
            OutsideLimits: It must not be sent.
        """
        if value == "off":
            return
        celsius = self.number(value, f"a number of {self.unit}, or 'off'")
        self.check_limit(celsius, "degC")
        if celsius < 0:
            raise self.outside(f"{celsius:g} degC: a hotplate cannot cool")
        self._check_safety(celsius, float(self.plate_device.safety_temperature.get()))

    def _check_safety(self, celsius: float, safety: float) -> None:
        if celsius > safety - wire.MARGIN:  # never with NaN, before it was read
            raise self.outside(
                f"{celsius:g} degC is more than {safety - wire.MARGIN:g} degC, the highest with the plate's safety "
                f"temperature at {safety:g} degC (less {wire.MARGIN:g}); turn that up at the plate if the liquid allows it"
            )

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Read temperatures and set point.

        Raises:
            InstrumentAlarm: It went off by itself.
        """
        await self.look()
        if self.on.get():
            await self.examine()
        self.raise_trouble()
        temperature, plate = float(self.readback.get()), float(self.plate.get())
        return {"temperature_C": temperature, "plate_C": plate, "setpoint_C": self.setpoint.get(), "on": self.on.get()}

    async def do_set(self, value: float | str, status: ActionStatus) -> Mapping[str, JSON]:
        """Heat until the temperature is there and stays, or switch off.

        Raises:
            InstrumentAlarm: It went off by itself, or does not get there in time; it is off then.
        """
        self.raise_trouble()
        if value == "off":
            await self.switch_off()
            return {"on": False}
        target = float(value)
        self._check_safety(target, await self.plate_device.read_safety())
        self._fading = Fading()
        begun = self.clock.now()
        await self.switch_on(target, wire.temperature(target), _SAME_C)
        await self._arrive(target, status)
        return {
            "temperature_C": float(self.readback.get()),
            "requested_C": target,
            "commanded_C": float(wire.temperature(target)),
            "seconds": round(self.clock.now() - begun, 3),
        }

    async def do_make_safe(self) -> None:
        """Switch the heater off."""
        await self.do_halt()
        self.forgive()

    async def look(self) -> None:
        """Read temperatures and set point."""
        plate = self.plate_device
        told, hot = await plate.again(lambda: wire.values("IN_SP_1", "IN_PV_2", pace=plate.pace))
        self.setpoint.tell(told)
        self.plate.tell(hot)
        self.readback.tell(hot if self.settings.sensor == "plate" else await self._probe())

    async def _probe(self) -> float:
        """Return the temperature at the external probe, degC."""
        plate = self.plate_device
        try:
            return await plate.again(lambda: wire.value("IN_PV_1", pace=plate.pace))
        except InstrumentTimeout as error:
            hint = "the plate is there, but its external probe is not: plug it in, or say `sensor: plate`"
            error.message = f"{error.message}; {hint}"
            raise

    async def examine(self) -> None:
        """See whether it still has its set point and still heats."""
        if self.target is None or self._changing:
            return
        told, wanted = float(self.setpoint.get()), float(wire.temperature(self.target))
        if abs(told - wanted) > _SAME_C:
            await self.give_up(
                f"its set point reads {told:g} instead of {wanted:g} degC: its power was interrupted, its watchdog has "
                "acted, or somebody has used its panel"
            )
        elif self._fading.see(float(self.readback.get()), float(self.plate.get()), self.target):
            now = float(self.readback.get())
            await self.give_up(
                f"liquid and plate cool though {now:g} degC is below its set point {wanted:g} degC: its heater went off, "
                "by its watchdog (ER 2 on its panel), its safety circuit or its panel"
            )

    async def _arrive(self, target: float, status: ActionStatus) -> None:
        """Wait until the temperature is there and stays.

        Raises:
            InstrumentAlarm: It went off by itself, or time is over; it is off then.
        """
        settings, begun = self.settings, self.clock.now()
        arrival = Arrival(target, settings.tolerance_C, settings.dwell_s)
        while True:
            await self.look()
            now, reached = self.clock.now(), float(self.readback.get())
            status.progress(reached, target, "degC")
            if arrival.see(now, reached):
                return
            self.raise_trouble()
            if now - begun > settings.timeout_s:
                await self.switch_off()
                raise self.alarm(self._late(arrival, reached, now - begun))
            await asyncio.sleep(settings.poll_s if arrival.near else min(3 * settings.poll_s, settings.watch_s))

    def _late(self, arrival: Arrival, reached: float, seconds: float) -> str:
        """Return what was reached, how it goes on, and what to try."""
        sensor = "external probe" if self.settings.sensor == "external" else "plate"
        way = "rises" if arrival.rate > 0 else "falls"
        change = f"{way} by {abs(arrival.rate):.2g} degC/min" if abs(arrival.rate) > 0.01 else "stands still"
        plate, safety = float(self.plate.get()), float(self.plate_device.safety_temperature.get())
        if reached > arrival.target:
            remedy = "a hotplate cannot cool: wait longer (timeout_s), or cool it from outside"
        elif plate > safety - wire.MARGIN:
            remedy = f"the plate is at its safety temperature ({safety:g} degC): turn that up, or heat less at once"
        elif sensor == "external probe" and plate > reached + 30 and abs(arrival.rate) < 0.5:
            remedy = "the plate is hot and the probe is not: is the probe in the liquid?"
        else:
            remedy = "look at the probe's plug, at ER 2 (watchdog) on the panel and at its fuse, or allow more time (timeout_s)"
        return (
            f"did not stay within {arrival.tolerance:g} degC of {arrival.target:g} degC in {seconds:.0f} s: {reached:g} degC "
            f"by the {sensor}, which {change}; the plate is at {plate:g} degC. It was "
            f"switched off. Try: {remedy}"
        )
