"""Bronkhorst mass flow controllers, on RS-232 or on a FLOW-BUS behind it.

Written from the maker's public documents; not yet checked on hardware.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, ClassVar

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import bronkhorst_protocol as wire
from autolab.drivers.bronkhorst_settings import PER_UNIT, FlowControllerSettings
from autolab.drivers.flow_controller import NAN, GasFlowController
from autolab.drivers.query import Query
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON
from autolab.model.errors import InputError, Refused, WrongInstrument


class FlowController(GasFlowController):
    """A Bronkhorst controller; `?bus=3` is its node, none or 128 whatever is at the other end of the line.

    Attributes:
        valve: How far its valve is driven, percent.
        mode: What it controls by, in words.
        alarms: What its alarm info tells; empty for nothing.
        gas: Fluid that it is set to.
        unit: Of its capacity.
        model: As it tells it.
    """

    settings_model = FlowControllerSettings
    settings: FlowControllerSettings
    line_settings: ClassVar[Mapping[str, str]] = {"baud": "38400"}

    valve = Cpt(Reading, value=NAN, units="%", precision=2, kind=Kind.normal)
    mode = Cpt(Reading, value="", dtype="string", kind=Kind.normal)
    alarms = Cpt(Reading, value="", dtype="string", kind=Kind.normal)
    gas = Cpt(Reading, value="", dtype="string", kind=Kind.config)
    unit = Cpt(Reading, value="", dtype="string", kind=Kind.config)
    model = Cpt(Reading, value="", dtype="string", kind=Kind.config)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self.node = wire.LOCAL if self.address.bus is None else self.address.bus
        if not 1 <= self.node <= wire.LOCAL:
            msg = (
                f"{name}: ?bus={self.node} is no node; write 1 to 127, or 128 for what is at the other end of the line"
            )
            raise InputError(msg)
        self.floats = True
        self._tags = itertools.count(1)
        self._capacity, self._per_unit = NAN, NAN

    # ---- meeting it --------------------------------------------------------------------------------------------

    def identify_query(self) -> Query[object]:
        """Ask its serial number."""
        return wire.text(self._line(), wire.SERIAL_NUMBER)

    async def do_greet(self) -> None:
        """Learn capacity, unit, fluid and whether it knows floating point; nothing is changed.

        Raises:
            WrongInstrument: Its unit or fluid is not that of the settings, or it measures something else than gas.
        """
        self._capacity = await self._number(wire.CAPACITY)
        self._check(await self._text(wire.UNIT), await self._text(wire.FLUID))
        self.full_scale.tell(self._capacity * self._per_unit)
        try:
            await self._number(wire.FMEASURE)
        except Refused:
            self.floats = False
        await self.look()

    def _check(self, unit: str, fluid: str) -> None:
        wanted = self.settings
        if unit not in PER_UNIT or wanted.unit not in (None, unit):
            msg = f"its capacity is in {unit!r}, wanted is {wanted.unit or 'one of ' + ', '.join(PER_UNIT)}"
            raise WrongInstrument(msg, instrument=self.name, port=self.address.port)
        if wanted.gas not in (None, fluid):
            msg = f"is set to the fluid {fluid!r}, wanted is {wanted.gas!r}: its flows would be wrong. Change its fluid set"
            raise WrongInstrument(msg, instrument=self.name, port=self.address.port)
        self.unit.tell(unit)
        self.gas.tell(fluid)
        self._per_unit = PER_UNIT[unit]

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return model, firmware and serial number.

        Raises:
            WrongInstrument: Its serial number is not the one that is wanted.
        """
        serial, wanted = await self._text(wire.SERIAL_NUMBER), self.settings.serial_number
        if wanted is not None and serial != wanted:
            msg = f"serial number {serial} answers, wanted is {wanted}. Check the cables"
            raise WrongInstrument(msg, instrument=self.name, port=self.address.port)
        self.model.tell(await self._text(wire.MODEL))
        return {"model": self.model.get(), "firmware": await self._text(wire.FIRMWARE), "serial_number": serial}

    # ---- flow --------------------------------------------------------------------------------------------------

    @property
    def step(self) -> float:
        """How near a set point reads back: the step of a word, mL/min."""
        return 1.01 * float(self.full_scale.get()) / wire.FULL

    def details(self) -> Mapping[str, JSON]:
        """Return how far the valve is driven, and alarms."""
        return {"valve_percent": float(self.valve.get()), "alarms": self.alarms.get()}

    def doubt(self) -> str:
        """Return which failure its alarm info tells; empty for none."""
        failed = [alarm for alarm in wire.FAILED if alarm in str(self.alarms.get()).split(", ")]
        return (
            f"reports: {', '.join(failed)}. Look at its LEDs and manual; its reading is not to be believed"
            if failed
            else ""
        )

    async def look(self) -> None:
        """Read flow, set point, control mode, valve and alarms."""
        flow = await self._flow(wire.FMEASURE, wire.MEASURE)
        setpoint = await self._flow(wire.FSETPOINT, wire.SETPOINT)
        await self._read_mode()
        valve, bits = await self._number(wire.VALVE), int(await self._number(wire.ALARM_INFO))
        self.flow.tell(flow)
        self.setpoint.tell(setpoint)
        self.valve.tell(100 * valve / 0xFFFFFF)
        self.alarms.tell(", ".join(alarm for bit, alarm in enumerate(wire.ALARMS) if bits >> bit & 1))

    async def command(self, flow: float, *, urgent: bool = False) -> float:
        """Send a set point, and read it back. Closing takes the control mode back to the bus.

        Raises:
            Refused: Its control mode is one in which the set point on the line does not count.
        """
        mode = await self._read_mode(urgent=urgent)
        if mode not in wire.LISTENS and flow > 0:
            msg = f"is in control mode {self.mode.get()}: the set point on this line does not count. Use do_listen()"
            raise Refused(msg, instrument=self.name, port=self.address.port)
        if self.floats:
            await self._write(wire.FSETPOINT, flow / self._per_unit, urgent=urgent)
        else:
            await self._write(wire.SETPOINT, flow / self._per_unit / self._capacity * wire.FULL, urgent=urgent)
        told = await self._flow(wire.FSETPOINT, wire.SETPOINT, urgent=urgent)
        if mode not in wire.LISTENS and abs(told) <= self.step:
            await self._listen(urgent=urgent)
        return told

    # ---- for people --------------------------------------------------------------------------------------------

    async def do_listen(self) -> None:
        """Have it follow the set point on the line (control mode 0), which is set to 0 first.

        Raises:
            Refused: It does not.
        """
        await self.ready()
        await self._order(0.0)
        await self._listen()

    async def do_wink(self, seconds: int = 9) -> None:
        """Have its LEDs wink for 1 to 9 seconds, so that it is found among others."""
        if seconds not in range(1, 10):
            raise self.outside(f"{seconds} s: it winks for 1 to 9 s")
        await self.ready()
        await self._write(wire.WINK, str(seconds))

    # ---- within ------------------------------------------------------------------------------------------------

    def _line(self) -> wire.Line:
        return wire.Line(self.settings.framing, self.node, next(self._tags))

    async def _number(self, parameter: wire.Parameter, *, urgent: bool = False) -> float:
        return await self.again(lambda: wire.number(self._line(), parameter), urgent=urgent)

    async def _text(self, parameter: wire.Parameter) -> str:
        return await self.again(lambda: wire.text(self._line(), parameter))

    async def _write(self, parameter: wire.Parameter, value: float | str, *, urgent: bool = False) -> None:
        await self.again(lambda: wire.write(self._line(), parameter, value), urgent=urgent)

    async def _flow(self, exact: wire.Parameter, word: wire.Parameter, *, urgent: bool = False) -> float:
        """Read a flow, mL/min."""
        if self.floats:
            return await self._number(exact, urgent=urgent) * self._per_unit
        return await self._number(word, urgent=urgent) / wire.FULL * self._capacity * self._per_unit

    async def _read_mode(self, *, urgent: bool = False) -> int:
        mode = int(await self._number(wire.CONTROL_MODE, urgent=urgent))
        self.mode.tell(f"{mode} ({wire.MODES.get(mode, 'unknown')})")
        return mode

    async def _listen(self, *, urgent: bool = False) -> None:
        await self._write(wire.CONTROL_MODE, wire.LISTENS[0], urgent=urgent)
        if await self._read_mode(urgent=urgent) != wire.LISTENS[0]:
            msg = f"stays in control mode {self.mode.get()}: close the gas at the bottle if it must not flow"
            raise self.alarm(msg)
