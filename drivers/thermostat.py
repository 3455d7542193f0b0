"""What circulators and temperature controllers have in common: a set point, on or off, and waiting for a temperature."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers.arrival import Arrival
from autolab.drivers.instrument import ActionStatus, OphydInstrument
from autolab.drivers.signals import Reading
from autolab.drivers.thermostat_settings import ThermostatSettings
from autolab.model.actions import JSON, ActionClass, Intent, Reconciled, Verb
from autolab.model.errors import InstrumentAlarm, Refused, WrongInstrument

NAN: Final = float("nan")
_LAZY: Final = 3
"""Far from its target a temperature is looked at so many times less often."""


class Thermostat(OphydInstrument):
    """`set(degC)` is done when the temperature has stayed near for the dwell; `set("off")` when it is off.

    A driver implements `look`, `write_setpoint`, `switch` and, where the apparatus tells them, `read_range` and `refusal`.

    Attributes:
        readback: The temperature that is waited for, degC.
        setpoint: As the apparatus tells it, degC.
        on: Whether it controls, as the apparatus tells.
        model: What it calls itself.
        firmware: Of the apparatus; empty where it does not tell.
        serial_number: Likewise.
    """

    settings: ThermostatSettings
    resolution: float = 0.01
    """Step of the set point on the wire, degC."""
    off_is: ClassVar[str] = "off"
    """For errors: what it is when it is off."""

    readback = Cpt(Reading, value=NAN, units="degC", precision=2, kind=Kind.hinted)
    setpoint = Cpt(Reading, value=NAN, units="degC", precision=2, kind=Kind.normal)
    on = Cpt(Reading, value=False, dtype="boolean", kind=Kind.normal)
    model = Cpt(Reading, value="", dtype="string", kind=Kind.config)
    firmware = Cpt(Reading, value="", dtype="string", kind=Kind.config)
    serial_number = Cpt(Reading, value="", dtype="string", kind=Kind.config)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self.target: float | None = None
        self.range: tuple[float, float] = (-math.inf, math.inf)

    # ---- what a driver implements ------------------------------------------------------------------------------

    async def look(self) -> None:
        """Read temperature, set point and whether it is on, tell the signals, and raise an alarm if there is one."""
        raise NotImplementedError

    async def write_setpoint(self, celsius: float) -> float:
        """Give it a set point and return what it reads then, degC."""
        raise NotImplementedError

    async def switch(self, *, on: bool, urgent: bool = False) -> bool:
        """Switch it on or off and return whether it is on then, as it tells."""
        raise NotImplementedError

    async def read_range(self) -> tuple[float, float]:
        """Return the lowest and highest set point that it takes now, degC."""
        return self.range

    async def refusal(self) -> str:
        """Say why it may not have taken a set point."""
        return f"look at its range and its panel (it told {self.range[0]:g}..{self.range[1]:g} degC)"

    # ---- what may be asked of it -------------------------------------------------------------------------------

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """An absolute set point can be given again."""
        return "read" if verb == "trigger" else "idempotent"

    def samples(self) -> Sequence[object]:
        """Return a temperature near that of a room, within the lab's limits, and off."""
        low, high = self.settings.limits.get("temperature", (30.0, 30.0))
        return (min(max(30.0, low), high), "off")

    def check_value(self, value: object) -> None:
        """Check a temperature against the lab's limits and the range that the apparatus told when it was met.

        Raises:
            OutsideLimits: It must not be sent.
        """
        if isinstance(value, str) and value == "off":
            return
        celsius = self.number(value, "a number of degC, or 'off'")
        for one in (celsius, self._on_the_wire(celsius)):  # rounding must not lead beyond a limit
            self.check_limit("temperature", one, "degC")
            self._check_range(one)

    def _check_range(self, celsius: float) -> None:
        low, high = self.range
        if not low <= celsius <= high:
            raise self.outside(f"{celsius:g} degC is outside what it takes, {low:g}..{high:g} degC")

    def locate(self) -> Mapping[str, Any]:
        """Return the set point (None while it is off) and the last readback."""
        return {"setpoint": self.target, "readback": float(self.readback.get())}

    # ---- verbs -------------------------------------------------------------------------------------------------

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Read temperature, set point and whether it is on.

        Raises:
            InstrumentAlarm: It has one.
        """
        await self.look()
        return self.readings()

    def readings(self) -> dict[str, JSON]:
        """Return what `look` read last."""
        return {
            "temperature_C": float(self.readback.get()),
            "setpoint_C": float(self.setpoint.get()),
            "on": bool(self.on.get()),
        }

    async def do_set(self, value: float | str, status: ActionStatus) -> Mapping[str, JSON]:
        """Go to a temperature and wait until it stays there, or switch off.

        Raises:
            OutsideLimits: Its range has become narrower since it was met.
            Refused: It does not take the set point.
            InstrumentAlarm: It has one, went off by itself, or does not get there in time; it is off then.
        """
        if value == "off":
            await self._switch_off()
            return {"on": False}
        begun, target = self.clock.now(), self._on_the_wire(float(value))
        self.range = await self.read_range()
        self._check_range(target)
        try:
            await self._begin_at(target)
            await self._arrive(target, status)
        except InstrumentAlarm:
            await self._switch_off()
            raise
        return {
            "temperature_C": float(self.readback.get()),
            "requested_C": float(value),
            "commanded_C": target,
            "seconds": round(self.clock.now() - begun, 3),
        }

    async def do_halt(self) -> None:
        """Switch it off.

        Raises:
            InstrumentAlarm: It stays on.
        """
        self.end_action()
        await self.ready()
        await self._switch_off(urgent=True)

    async def do_reconcile(self, intent: Intent) -> Reconciled:
        """Absolute set points leave nothing to settle: they can be given again."""
        return Reconciled("not", why=f"{intent.verb} of {self.name} can be done again")

    async def do_make_safe(self) -> None:
        """Switch it off, and read once more that it is."""
        await self.do_halt()
        if await self.switch(on=False):
            raise self.alarm(f"came on again after it was switched off. {self._by_hand}")

    # ---- steps -------------------------------------------------------------------------------------------------

    def _on_the_wire(self, celsius: float) -> float:
        return round(round(celsius / self.resolution) * self.resolution, 6) + 0.0  # no minus zero

    def same(self, told: float, sent: float) -> bool:
        """Say whether a set point is the one that was sent."""
        return abs(told - sent) <= 0.51 * self.resolution

    async def _begin_at(self, target: float) -> None:
        told = await self.write_setpoint(target)
        self.setpoint.tell(told)
        if not self.same(told, target):
            msg = f"does not take {target:g} degC: its set point reads {told:g}; {await self.refusal()}"
            raise Refused(msg, instrument=self.name, port=self.address.port)
        self.target = target
        if not await self.switch(on=True):
            raise self.alarm(f"did not go on: look at its panel; {await self.refusal()}")
        self.on.tell(True)

    async def _switch_off(self, *, urgent: bool = False) -> None:
        on = await self.switch(on=False, urgent=urgent)
        self.on.tell(on)
        if on:
            raise self.alarm(f"is still on after it was told to be {self.off_is}. {self._by_hand}")
        self.target = None

    async def _arrive(self, target: float, status: ActionStatus) -> None:
        settings, begun = self.settings, self.clock.now()
        arrival, looks = Arrival(target, settings.tolerance_C, settings.dwell_s), 0

        async def look() -> bool:
            nonlocal looks
            looks += 1
            if arrival.near or looks % _LAZY == 1:
                await self.look()
                self._examine(target)
                status.progress(float(self.readback.get()), target, "degC")
                return arrival.see(self.clock.now(), float(self.readback.get()))
            return False

        if not await self.until(look, poll_s=settings.poll_s, timeout_s=settings.timeout_s):
            raise self.alarm(self._late(arrival, self.clock.now() - begun))

    def _examine(self, target: float) -> None:
        told = float(self.setpoint.get())
        if not self.on.get():
            raise self.alarm(f"went {self.off_is} by itself: its power was interrupted, or somebody used its panel")
        if not self.same(told, target):
            raise self.alarm(
                f"has {told:g} instead of {target:g} degC as its set point: somebody used its panel, or its power was "
                "interrupted"
            )

    def _late(self, arrival: Arrival, seconds: float) -> str:
        """Return what was reached, how it goes on, and what to try."""
        way = "rises" if arrival.rate > 0 else "falls"
        change = f"{way} by {abs(arrival.rate):.2g} degC/min" if abs(arrival.rate) > 0.01 else "stands still"
        return (
            f"did not stay within {arrival.tolerance:g} degC of {arrival.target:g} degC in {seconds:.0f} s: it is at "
            f"{float(self.readback.get()):g} degC, which {change}. It was switched off. Try: more time (timeout_s), "
            "a target within its power, a look at its liquid, its sensor and its cooling"
        )

    # ---- errors ------------------------------------------------------------------------------------------------

    @property
    def _by_hand(self) -> str:
        return "Switch it off by hand"

    def alarm(self, message: str) -> InstrumentAlarm:
        """Return the error for an apparatus that does not do what it was told."""
        return InstrumentAlarm(message, instrument=self.name, port=self.address.port)

    def wrong(self, found: str, wanted: str, setting: str) -> WrongInstrument:
        """Return the error for another instrument than the settings want."""
        msg = f"{found!r} answers instead of {wanted!r}. Check the cables, or {setting} in the lab file"
        return WrongInstrument(msg, instrument=self.name, port=self.address.port)
