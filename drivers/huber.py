"""Huber thermostats and chillers by their PB commands.

Written from public descriptions of the commands; not yet checked on hardware.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import ClassVar

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import huber_protocol as wire
from autolab.drivers.huber_settings import CirculatorSettings
from autolab.drivers.query import Query
from autolab.drivers.signals import Reading
from autolab.drivers.thermostat import NAN, Thermostat
from autolab.model.actions import JSON
from autolab.model.roles import Role

_log = logging.getLogger("autolab.drivers.huber")


class Circulator(Thermostat):
    """A thermostat: `set(degC)` goes there and waits, `set("off")` stops tempering and circulation.

    Attributes:
        bath: Of the liquid inside, degC.
        power: It heats with (positive) or cools, W.
    """

    role: ClassVar[Role] = CirculatorSettings.role
    settings_model = CirculatorSettings
    settings: CirculatorSettings
    frame_end: ClassVar[bytes] = wire.END

    bath = Cpt(Reading, value=NAN, units="degC", precision=2, kind=Kind.normal)
    power = Cpt(Reading, value=NAN, units="W", precision=0, kind=Kind.normal)

    # ---- meeting it --------------------------------------------------------------------------------------------

    def identify_query(self) -> Query[object]:
        """Ask for its serial number."""
        return wire.serial_number()

    async def do_greet(self) -> None:
        """Read its serial number, its limits and its state; change nothing.

        Raises:
            WrongInstrument: It is not the one that is wanted.
        """
        number, wanted = await self.again(wire.serial_number), self.settings.serial_number
        if wanted is not None and number != wanted:
            raise self.wrong(str(number), str(wanted), "correct `serial_number`")
        self.range = await self.read_range()
        setpoint, status = await self.again(lambda: wire.sentence(wire.SETPOINT, wire.STATUS))
        self.setpoint.tell(wire.celsius(setpoint))
        self.on.tell(wire.Status(status).tempering)

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return its serial number; these commands tell neither model nor firmware."""
        number = await self.again(wire.serial_number)
        self.model.tell("Huber")
        self.serial_number.tell(str(number))
        return {"model": "Huber", "firmware": None, "serial_number": str(number)}

    # ---- what it does ------------------------------------------------------------------------------------------

    async def look(self) -> None:
        """Read temperature, set point, power and state.

        Raises:
            InstrumentAlarm: It has an error, or the process probe is absent.
        """
        questions = (wire.SETPOINT, wire.INTERNAL, wire.POWER, wire.STATUS)
        setpoint, internal, power, status = await self.again(lambda: wire.sentence(*questions))
        state = wire.Status(status)
        self.setpoint.tell(wire.celsius(setpoint))
        self.bath.tell(self._present(internal, "its own sensor is broken"))
        self.power.tell(wire.signed(power))
        self.on.tell(state.tempering)
        if self.settings.sensor == "process":
            (probe,) = await self.again(lambda: wire.sentence(wire.PROCESS))
            self.readback.tell(
                self._present(probe, "the process probe is absent: plug it in, or say `sensor: internal`")
            )
        else:
            self.readback.tell(float(self.bath.get()))
        await self._raise_error(state)

    async def write_setpoint(self, celsius: float) -> float:
        """Give it a set point and return what it made of it."""
        return wire.celsius(await self.again(lambda: wire.change(wire.SETPOINT, wire.word(celsius))))

    async def switch(self, *, on: bool, urgent: bool = False) -> bool:
        """Start tempering, or end tempering and circulation; return whether any of it is going on then."""
        orders = ((wire.TEMPERING, 1),) if on else ((wire.TEMPERING, 0), (wire.CIRCULATION, 0))
        for variable, value in orders:
            await self._order(variable, value, urgent=urgent)
        (status,) = await self.again(lambda: wire.sentence(wire.STATUS), urgent=urgent)
        state = wire.Status(status)
        return state.tempering if on else state.tempering or state.circulating

    async def _order(self, variable: int, value: int, *, urgent: bool) -> None:
        await self.again(lambda: wire.change(variable, value), urgent=urgent)

    async def read_range(self) -> tuple[float, float]:
        """Return its limits."""
        low, high = await self.again(lambda: wire.sentence(wire.LOWEST, wire.HIGHEST))
        return (wire.celsius(low), wire.celsius(high))

    async def refusal(self) -> str:
        """Return its errors, and its limits."""
        error, _, status = await self.again(lambda: wire.sentence(wire.ERROR, wire.WARNING, wire.STATUS))
        trouble = f"error {wire.signed(error)}" if wire.Status(status).error else "no error"
        return f"it tells {trouble}; its limits are {self.range[0]:g}..{self.range[1]:g} degC"

    def _present(self, word: int, what: str) -> float:
        celsius = wire.celsius(word)
        if celsius == wire.NO_PROBE:
            raise self.alarm(f"tells {celsius:g} degC: {what}")
        return celsius

    async def _raise_error(self, state: wire.Status) -> None:
        if not (state.error or state.warning):
            return
        error, warning = await self.again(lambda: wire.sentence(wire.ERROR, wire.WARNING))
        if state.error:
            raise self.alarm(
                f"has an error, number {wire.signed(error)}: see its manual, and acknowledge it at its panel"
            )
        _log.warning("%s: warning %d", self.name, wire.signed(warning))
