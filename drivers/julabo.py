"""Julabo circulators.

Written from public descriptions of the commands; not yet checked on hardware.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import ClassVar, Final

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import julabo_protocol as wire
from autolab.drivers.julabo_settings import CirculatorSettings
from autolab.drivers.query import Query
from autolab.drivers.signals import Reading
from autolab.drivers.thermostat import NAN, Thermostat
from autolab.model.actions import JSON
from autolab.model.errors import GarbledReply, Refused
from autolab.model.roles import Role

_log = logging.getLogger("autolab.drivers.julabo")
_CHANNELS: Final = {  # external sensor, power, highest, lowest set point
    "v1": ("IN_PV_01", "IN_PV_02", "IN_SP_01", "IN_SP_02"),
    "v2": ("IN_PV_02", "IN_PV_01", "IN_SP_03", "IN_SP_04"),
}


class Circulator(Thermostat):
    """A circulator: `set(degC)` goes there and waits, `set("off")` stops it.

    Attributes:
        power: Of heater (positive) or cooler, %.
        status: What it last said of itself.
    """

    role: ClassVar[Role] = CirculatorSettings.role
    settings_model = CirculatorSettings
    settings: CirculatorSettings
    frame_end: ClassVar[bytes] = wire.ANSWER_END
    line_settings: ClassVar[Mapping[str, str]] = {"baud": "4800", "bits": "7", "parity": "E"}
    off_is: ClassVar[str] = "stopped"

    power = Cpt(Reading, value=NAN, units="%", precision=0, kind=Kind.normal)
    status = Cpt(Reading, value="", dtype="string", kind=Kind.normal)

    @property
    def tongue(self) -> wire.Tongue:
        """How it is talked to: only a simulator lives in scaled time, and needs its pauses in its own."""
        return wire.Tongue(self.settings.lower_case, wire.GAP / max(1.0, self.clock.scale))

    # ---- meeting it --------------------------------------------------------------------------------------------

    def identify_query(self) -> Query[object]:
        """Ask for its version, which no reading looks like."""
        return self.tongue.version()

    async def do_greet(self) -> None:
        """Read who it is, its limits and its state; change nothing.

        Raises:
            WrongInstrument: It is not the one that is wanted.
        """
        version = await self.again(self.tongue.version)
        wanted = self.settings.version
        if wanted is not None and wanted not in version:
            raise self.wrong(version, wanted, "say `version`")
        self.range = await self.read_range()
        told = await self.again(lambda: self.tongue.read("IN_SP_00", "IN_MODE_05"))
        self.setpoint.tell(told.numbers[0])
        self.on.tell(_switch(told.numbers[1]))
        self.status.tell(told.status.words)

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return what it answers to VERSION; it tells no serial number."""
        version = await self.again(self.tongue.version)
        self.model.tell(version)
        return {"model": version, "firmware": None, "serial_number": None}

    # ---- what it does ------------------------------------------------------------------------------------------

    async def look(self) -> None:
        """Read temperature, set point, power, whether it circulates, and its state.

        Raises:
            InstrumentAlarm: It has one.
        """
        external, power, _, _ = _CHANNELS[self.settings.dialect]
        probe = external if self.settings.sensor == "external" else "IN_PV_00"
        told = await self.again(lambda: self.tongue.read(probe, "IN_SP_00", power, "IN_MODE_05"))
        temperature, setpoint, percent, mode = told.numbers
        self.on.tell(_switch(mode))
        self.readback.tell(temperature)
        self.setpoint.tell(setpoint)
        self.power.tell(percent)
        self.status.tell(told.status.words)
        if told.status.alarm:
            raise self.alarm(told.status.words)
        if told.status.code < 0:
            _log.warning("%s: %s", self.name, told.status.words)

    async def write_setpoint(self, celsius: float) -> float:
        """Give it a set point, unless its panel has it.

        Raises:
            Refused: It is under manual control, or says no.
        """
        await self._must_obey()
        order = f"OUT_SP_00 {celsius:.2f}"
        told = await self.again(lambda: self.tongue.change(order, "IN_SP_00"))
        self._check(told.status, order)
        return told.numbers[0]

    async def switch(self, *, on: bool, urgent: bool = False) -> bool:
        """Start or stop it, and return whether it circulates then."""
        if on:
            await self._must_obey()
        order = f"OUT_MODE_05 {int(on)}"
        told = await self.again(lambda: self.tongue.change(order, "IN_MODE_05"), urgent=urgent)
        is_on = _switch(told.numbers[0])
        if is_on != on:
            self._check(told.status, order)
        return is_on

    async def read_range(self) -> tuple[float, float]:
        """Return its limits, where it tells them."""
        if not self.settings.tells_limits:
            return self.range
        _, _, highest, lowest = _CHANNELS[self.settings.dialect]
        told = await self.again(lambda: self.tongue.read(lowest, highest))
        return (told.numbers[0], told.numbers[1])

    async def refusal(self) -> str:
        """Return its state in words."""
        status = await self.again(self.tongue.status)
        return f"it says {status.words!r}; its limits are {self.range[0]:g}..{self.range[1]:g} degC"

    async def _must_obey(self) -> None:
        status = await self.again(self.tongue.status)
        if status.manual:
            msg = f"is under control of its panel ({status.text}) and obeys no orders: set it to remote control there"
            raise Refused(msg, instrument=self.name, port=self.address.port)
        if status.alarm:
            raise self.alarm(status.words)

    def _check(self, status: wire.Status, order: str) -> None:
        if status.refusal:
            msg = f"refuses {order!r}: {status.refusal} ({status.text})"
            raise Refused(msg, instrument=self.name, port=self.address.port, command=order)
        if status.alarm:
            raise self.alarm(status.words)


def _switch(number: float) -> bool:
    if number not in (0.0, 1.0):
        raise GarbledReply(f"{number:g} is no answer to IN_MODE_05: 0 or 1 was expected")
    return number == 1.0
