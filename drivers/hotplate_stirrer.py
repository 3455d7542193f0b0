"""The stirrer of a hotplate, whoever made it: turning so fast, and noticing that it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers.arrival import Arrival
from autolab.drivers.hotplate_part import NAN, Part
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON
from autolab.model.roles import Role

if TYPE_CHECKING:
    from autolab.drivers.acting import ActionStatus

_SLACK_RPM: Final = 0.02  # of the speed: as near as a loaded motor keeps it
_STALLED: Final = 2  # looks in a row at a motor that does not turn


class StirrerPart(Part):
    """The stirrer: `set(rpm)` is done when it turns so fast; `set(0)` and `set("off")` when it stands still.

    Attributes:
        readback: Speed, rpm.
        setpoint: As the plate tells it, rpm.
        on: Whether it was switched on.
    """

    role: ClassVar[Role] = "stirrer"
    unit: ClassVar[str] = "rpm"
    same: ClassVar[float] = 0.6  # it is told to 1
    lost_set_point: ClassVar[str]
    """What may have changed its set point, for errors."""

    readback = Cpt(Reading, value=NAN, units="rpm", precision=0, kind=Kind.hinted)
    setpoint = Cpt(Reading, value=NAN, units="rpm", precision=0, kind=Kind.normal)
    on = Cpt(Reading, value=False, dtype="boolean", kind=Kind.normal)

    def __init__(self, prefix: str = "", **kwargs: Any) -> None:  # noqa: ANN401  ophyd's own
        super().__init__(prefix, **kwargs)
        self._stalled = 0
        self._turned = False  # has come to its speed since it was set

    @property
    def still(self) -> bool:
        """Whether it stands still, by the last reading."""
        return bool(float(self.readback.get()) <= self.settings.tolerance_rpm)

    def found_turning(self) -> None:
        """Take what was found when the plate was met: a motor that turns is on.

        One that this process has switched on should turn: whether it does is told by watching it.
        """
        if not self.target:
            self.on.tell(not self.still)

    def samples(self) -> Sequence[object]:
        """Return a speed, and off."""
        return (300.0, "off")

    def check_value(self, value: object) -> None:
        """Check a speed against the lab's limits.

        Raises:
            OutsideLimits: It must not be sent.
        """
        if value == "off":
            return
        rpm = self.number(value, f"a number of {self.unit}, or 'off'")
        if rpm < 0:
            raise self.outside(f"{rpm:g} rpm: it turns one way only, from 0 up")
        if rpm > 0:
            self.check_limit(rpm, "rpm")
            if rpm < 1:
                raise self.outside(f"{rpm:g} rpm is less than the 1 rpm that can be told it; 'off' stops it")

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Read speed and set point.

        Raises:
            InstrumentAlarm: It went off by itself.
        """
        await self.look_closely()
        return {
            "speed_rpm": float(self.readback.get()),
            "speed_setpoint_rpm": float(self.setpoint.get()),
            **await self.more(),
            "stirring": bool(self.on.get()),
        }

    async def more(self) -> Mapping[str, JSON]:
        """Read what this maker's motor tells besides."""
        return {}

    async def do_set(self, value: float | str, status: ActionStatus) -> Mapping[str, JSON]:
        """Turn so fast, or stand still.

        Raises:
            InstrumentAlarm: It went off by itself, or does not get there in time; it is off then.
        """
        self.raise_trouble()
        target = 0.0 if value == "off" else float(value)
        self._stalled, self._turned = 0, False
        if target == 0.0:
            await self.switch_off()
            self.target = 0.0
        else:
            await self.switch_on(target)
        await self._arrive(target, status)
        return {"speed_rpm": float(self.readback.get()), "commanded_rpm": float(self.written(target))}

    async def do_make_safe(self) -> None:
        """Switch the motor off."""
        await self.do_halt()
        self.forgive()

    async def examine(self) -> None:
        """See whether it still has its set point and still turns."""
        if not self.target or self._changing:
            return
        told, turns, wanted = float(self.setpoint.get()), float(self.readback.get()), float(self.written(self.target))
        self._stalled = self._stalled + 1 if self._turned and turns < 0.2 * wanted else 0
        if abs(told - wanted) > self.same:
            await self.give_up(f"its set point reads {told:g} instead of {wanted:g} rpm: {self.lost_set_point}")
        elif self._stalled >= _STALLED:
            await self.give_up(f"it turns at {turns:g} instead of {wanted:g} rpm: its motor is blocked or went off")

    async def _arrive(self, target: float, status: ActionStatus) -> None:
        """Wait until it turns so fast.

        Raises:
            InstrumentAlarm: It went off by itself, or time is over; it is off then.
        """
        settings, begun = self.settings, self.clock.now()
        arrival = Arrival(target, max(settings.tolerance_rpm, _SLACK_RPM * target))
        while True:
            await self.look()
            now, turns = self.clock.now(), float(self.readback.get())
            status.progress(turns, target, "rpm")
            if arrival.see(now, turns):
                self._turned = True
                return
            self.raise_trouble()
            if now - begun > settings.spin_s:
                if target:
                    await self.switch_off()
                raise self.alarm(
                    f"turns at {turns:g} instead of {target:g} rpm after {now - begun:.0f} s. Try: look for a stir bar that "
                    "has jumped, a liquid too thick, or a speed outside its range"
                )
            await asyncio.sleep(min(settings.poll_s, 1.0))
