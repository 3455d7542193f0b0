"""Eurotherm controllers by EI-Bisynch.

Written from public descriptions of the protocol; not yet checked on hardware.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import eurotherm_bisynch as wire
from autolab.drivers.eurotherm_settings import ControllerSettings
from autolab.drivers.query import Query
from autolab.drivers.signals import Reading
from autolab.drivers.thermostat import NAN, Thermostat
from autolab.model.actions import JSON
from autolab.model.errors import GarbledReply, InputError
from autolab.model.roles import Role


class Controller(Thermostat):
    """A controller: `set(degC)` heats and waits, `set("off")` gives it a set point with nothing to heat for.

    Attributes:
        output: Power, %.
    """

    role: ClassVar[Role] = ControllerSettings.role
    settings_model = ControllerSettings
    settings: ControllerSettings
    frame_end: ClassVar[bytes] = wire.ETX
    line_settings: ClassVar[Mapping[str, str]] = {"bits": "7", "parity": "E"}

    output = Cpt(Reading, value=NAN, units="%", precision=1, kind=Kind.normal)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self.resolution = 10.0**-self.settings.decimals
        unit = 1 if self.address.bus is None else self.address.bus
        if not 0 <= unit <= 99:
            msg = f"{name}: bus={unit} is no address of a controller: 0 to 99, group and unit"
            raise InputError(msg)
        self._tongue = wire.Tongue(unit)

    # ---- meeting it --------------------------------------------------------------------------------------------

    def identify_query(self) -> Query[object]:
        """Ask for its identity."""
        return self._tongue.identity()

    async def do_greet(self) -> None:
        """Read its identity, its limits and its set point; change nothing.

        Raises:
            WrongInstrument: It is not the one that is wanted.
            InputError: It does not take the set point that is off.
        """
        identity, wanted = await self.again(self._tongue.identity), self.settings.identity
        if wanted is not None and identity != wanted:
            raise self.wrong(identity, wanted, "correct `identity`")
        self.range = await self.read_range()
        low, high = self.range
        if not low <= self.settings.off_C <= high:
            msg = f"{self.name}: off_C {self.settings.off_C:g} is outside what it takes, {low:g}..{high:g} degC: it could not be switched off"
            raise InputError(msg)
        setpoint, output = await self.again(lambda: self._tongue.numbers("SL", "OP"))
        self._tell(setpoint, output)

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return its identity; it tells no serial number."""
        model = await self.again(self._tongue.identity) or "Eurotherm"
        self.model.tell(model)
        return {"model": model, "firmware": None, "serial_number": None}

    # ---- what it does ------------------------------------------------------------------------------------------

    def check_value(self, value: object) -> None:
        """Check a temperature; the set point that is off is not one to go to.

        Raises:
            OutsideLimits: It must not be sent.
        """
        super().check_value(value)
        if not isinstance(value, str) and self._is_off(float(str(value))):
            raise self.outside(f"{value} degC is the set point that is off (off_C): say 'off'")

    async def look(self) -> None:
        """Read temperature, set point and output."""
        temperature, setpoint, output = await self.again(lambda: self._tongue.numbers("PV", "SL", "OP"))
        self.readback.tell(temperature)
        self._tell(setpoint, output)

    async def write_setpoint(self, celsius: float) -> float:
        """Give it a set point, with which it begins to heat, and return what it reads then."""
        return (await self._write(celsius))[0]

    async def switch(self, *, on: bool, urgent: bool = False) -> bool:
        """Say whether it heats, by its set point; off, also by its output, which may take a while to go to 0."""
        if on:
            setpoint, output = await self.again(lambda: self._tongue.numbers("SL", "OP"))
            self._tell(setpoint, output)
            return not self._is_off(setpoint)
        setpoint, output = await self._write(self.settings.off_C, urgent=urgent)

        async def rests() -> bool:
            nonlocal setpoint, output
            setpoint, output = await self.again(lambda: self._tongue.numbers("SL", "OP"), urgent=urgent)
            return output <= 0

        if self._is_off(setpoint) and output > 0:
            await self.until(rests, poll_s=1.0, timeout_s=self.settings.off_s)
        self._tell(setpoint, output)
        return not self._is_off(setpoint) or output > 0

    async def read_range(self) -> tuple[float, float]:
        """Return the limits of its set point."""
        low, high = await self.again(lambda: self._tongue.numbers("LS", "HS"))
        if low > high:
            raise GarbledReply(f"its lowest set point {low:g} is above its highest {high:g}", instrument=self.name)
        return (low, high)

    async def _write(self, celsius: float, *, urgent: bool = False) -> tuple[float, float]:
        text = f"{celsius:.{self.settings.decimals}f}"
        setpoint, output = await self.again(lambda: self._tongue.write("SL", text, "SL", "OP"), urgent=urgent)
        return setpoint, output

    def _tell(self, setpoint: float, output: float) -> None:
        self.setpoint.tell(setpoint)
        self.output.tell(output)
        self.on.tell(not self._is_off(setpoint) or output > 0)

    def _is_off(self, setpoint: float) -> bool:
        return self.same(setpoint, self.settings.off_C)
