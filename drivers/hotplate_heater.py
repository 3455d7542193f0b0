"""The heater of a hotplate, whoever made it: heating until a temperature stays, and noticing that it went off."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers.arrival import Arrival
from autolab.drivers.fading import Fading
from autolab.drivers.hotplate_part import NAN, Part
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON
from autolab.model.roles import Role

if TYPE_CHECKING:
    from autolab.drivers.acting import ActionStatus


class HeaterPart(Part):
    """The heater: `set(degC)` is done when the temperature has stayed near for the dwell; `set("off")` at once.

    Attributes:
        readback: The temperature that is controlled, by the external probe or of the plate, degC.
        setpoint: As the plate tells it, degC.
        plate: Temperature of the plate, degC.
        on: Whether it was switched on.
    """

    role: ClassVar[Role] = "heater"
    unit: ClassVar[str] = "degC"
    same: ClassVar[float] = 0.06  # it is told to 0.1
    went_by_itself: ClassVar[str]
    """What may have switched it off, for errors."""
    signs: ClassVar[str]
    """Where the plate shows that it has gone off, for errors."""
    lost_set_point: ClassVar[str]
    """What may have changed its set point, for errors."""

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

    async def allow(self, celsius: float) -> None:
        """Raise what forbids a temperature now; asked before anything is set."""

    def ceiling(self, plate: float) -> str:
        """Return what to do where the plate is as hot as it may be (degC), else nothing."""
        return ""

    def check_value(self, value: object) -> None:
        """Check a temperature against the lab's limits.

        Raises:
            OutsideLimits: It must not be sent.
        """
        if value == "off":
            return
        celsius = self.number(value, f"a number of {self.unit}, or 'off'")
        self.check_limit(celsius, "degC")
        if celsius < 0:
            raise self.outside(f"{celsius:g} degC: a hotplate cannot cool")

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Read temperatures and set point.

        Raises:
            InstrumentAlarm: It went off by itself.
        """
        await self.look_closely()
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
        await self.allow(target)
        self._fading = Fading()
        begun = self.clock.now()
        await self.switch_on(target)
        await self._arrive(target, status)
        return {
            "temperature_C": float(self.readback.get()),
            "requested_C": target,
            "commanded_C": float(self.written(target)),
            "seconds": round(self.clock.now() - begun, 3),
        }

    async def do_make_safe(self) -> None:
        """Switch the heater off."""
        await self.do_halt()
        self.forgive()

    async def examine(self) -> None:
        """See whether it still has its set point and still heats."""
        if self.target is None or self._changing:
            return
        told, wanted = float(self.setpoint.get()), float(self.written(self.target))
        if abs(told - wanted) > self.same:
            await self.give_up(f"its set point reads {told:g} instead of {wanted:g} degC: {self.lost_set_point}")
        elif self._fading.see(float(self.readback.get()), float(self.plate.get()), self.target):
            now = float(self.readback.get())
            await self.give_up(
                f"liquid and plate cool though {now:g} degC is below its set point {wanted:g} degC: its heater went off, "
                f"{self.went_by_itself}"
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
        plate = float(self.plate.get())
        ceiling = self.ceiling(plate)
        if reached > arrival.target:
            remedy = "a hotplate cannot cool: wait longer (timeout_s), or cool it from outside"
        elif ceiling:
            remedy = ceiling
        elif sensor == "external probe" and plate > reached + 30 and abs(arrival.rate) < 0.5:
            remedy = "the plate is hot and the probe is not: is the probe in the liquid?"
        else:
            remedy = f"look at the probe's plug, at {self.signs} and at its fuse, or allow more time (timeout_s)"
        return (
            f"did not stay within {arrival.tolerance:g} degC of {arrival.target:g} degC in {seconds:.0f} s: {reached:g} degC "
            f"by the {sensor}, which {change}; the plate is at {plate:g} degC. It was "
            f"switched off. Try: {remedy}"
        )
