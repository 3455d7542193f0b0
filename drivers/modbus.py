"""Temperature controllers that speak Modbus RTU or TCP, by a register map.

Written from public descriptions of the registers; not yet checked on hardware.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import modbus_map
from autolab.drivers.modbus_settings import ControllerSettings
from autolab.drivers.query import Query
from autolab.drivers.signals import Reading
from autolab.drivers.thermostat import NAN, Thermostat
from autolab.model.actions import JSON
from autolab.model.errors import GarbledReply, InputError, MissingExtra, Refused
from autolab.model.roles import Role

if TYPE_CHECKING:
    from autolab.drivers.modbus_frames import Frames
    from autolab.drivers.modbus_map import Order, Register


class Controller(Thermostat):
    """A controller: `set(degC)` heats and waits, `set("off")` has it heat no more.

    An RTU reply does not say which request it answers. So registers that follow one another are read at once, in blocks
    of few equal lengths, and every query begins and ends with the map's mark: a read of so many
    registers as no other read has. With a reply too many before it, the mark gets one of another length, and nothing of
    the query is believed.

    Attributes:
        output: Power, %; not a number where the map has none.
    """

    role: ClassVar[Role] = ControllerSettings.role
    settings_model = ControllerSettings
    settings: ControllerSettings

    output = Cpt(Reading, value=NAN, units="%", precision=1, kind=Kind.normal)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self.map = modbus_map.load(self.settings.map)
        self.resolution = self.map.resolution
        self._frames = self._make_frames()

    def _make_frames(self) -> Frames:
        try:
            from autolab.drivers.modbus_frames import GAP, Frames
        except ModuleNotFoundError as error:
            msg = f"{self.name}: Modbus needs {error.name}, which is not installed: pip install 'autolab-sdl[modbus]'"
            raise MissingExtra(msg) from None
        unit = 1 if self.address.bus is None else self.address.bus
        if not 1 <= unit <= 247:
            msg = f"{self.name}: bus={unit} is no address of a Modbus unit: 1 to 247"
            raise InputError(msg)
        return Frames(self.settings.framing, unit, GAP / max(1.0, self.clock.scale))

    # ---- queries -----------------------------------------------------------------------------------------------

    def identify_query(self) -> Query[object]:
        """Read the mark; where it may change, only that it is there counts."""
        words = yield from self._mark()
        return words if self.map.mark.constant else (self.map.make, len(words))

    def _mark(self) -> Query[tuple[int, ...]]:
        mark = self.map.mark
        words = yield from self._frames.read(mark.address, mark.count, mark.table)
        return tuple(words)

    def _read(self, *registers: Register) -> Query[list[float]]:
        yield from self._mark()
        values = yield from self._read_behind_mark(*registers)
        return values

    def _read_behind_mark(self, *registers: Register) -> Query[list[float]]:
        held: dict[tuple[str, int], int] = {}
        for block in modbus_map.blocks(registers):
            words = yield from self._frames.read(block.address, block.count, block.table)
            held.update({(block.table, address): word for address, word in enumerate(words, block.address)})
        yield from self._mark()
        return [
            one.read([held[one.table, one.address + more] for more in range(one.count)], self.map.word_order)
            for one in registers
        ]

    def _change(self, orders: tuple[Order, ...], *registers: Register) -> Query[list[float]]:
        yield from self._mark()
        for order in orders:
            register = order.register_
            yield from self._frames.write(register.address, register.written(order.value, self.map.word_order))
        values = yield from self._read_behind_mark(*registers)
        return values

    # ---- meeting it --------------------------------------------------------------------------------------------

    async def do_greet(self) -> None:
        """Read its mark, its limits and its state; change nothing.

        Raises:
            WrongInstrument: It is not the one that is wanted, or has not the map's registers.
        """
        try:
            words = await self.again(self._mark)
        except Refused as error:
            raise self.wrong(f"a unit that {error.message}", self.map.make, "choose another `map`") from None
        wanted = self.settings.identity
        if wanted is not None and words != wanted:
            raise self.wrong(str(list(words)), str(list(wanted)), "correct `identity`")
        self.range = await self.read_range()
        setpoint, state = await self.again(lambda: self._read(self.map.setpoint, self.map.state))
        self.setpoint.tell(self.map.celsius(setpoint))
        self.on.tell(state in self.map.on_when)

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return the map's make, and what its mark holds where that never changes."""
        words = await self.again(self._mark)
        self.model.tell(self.map.make)
        mark: dict[str, JSON] = {"identity": list(words)} if self.map.mark.constant else {}
        return {"model": self.map.make, "firmware": None, "serial_number": None, **mark}

    # ---- what it does ------------------------------------------------------------------------------------------

    async def look(self) -> None:
        """Read temperature, set point, state, output and alarms.

        Raises:
            InstrumentAlarm: It has one.
        """
        temperature, setpoint, state, *more = await self.again(lambda: self._read(*self.map.looked_at))
        self.readback.tell(self.map.celsius(temperature))
        self.setpoint.tell(self.map.celsius(setpoint))
        self.on.tell(state in self.map.on_when)
        if self.map.output is not None:
            self.output.tell(more.pop(0))
        words = [alarm.words for alarm, value in zip(self.map.alarms, more, strict=True) if alarm.stands(value)]
        if words:
            raise self.alarm("; ".join(words))

    async def write_setpoint(self, celsius: float) -> float:
        """Give it a set point and return what it reads then."""
        order = modbus_map.Order(register=self.map.setpoint, value=self.map.on_wire(celsius))
        (told,) = await self.again(lambda: self._change((order,), self.map.setpoint))
        return self.map.celsius(told)

    async def switch(self, *, on: bool, urgent: bool = False) -> bool:
        """Have it control, or heat no more; return whether it controls then, and heats, as far as it tells."""
        orders = self.map.switch_on if on else self.map.switch_off
        registers = (self.map.state,) if on or self.map.output is None else (self.map.state, self.map.output)
        state, *output = await self.again(lambda: self._change(orders, *registers), urgent=urgent)
        return state in self.map.on_when or any(power > 0 for power in output)

    async def read_range(self) -> tuple[float, float]:
        """Return the limits of its set point, where the map has them."""
        lowest, highest = self.map.lowest, self.map.highest
        if lowest is None or highest is None:
            return self.range
        (low,) = await self.again(lambda: self._read(lowest))
        (high,) = await self.again(lambda: self._read(highest))
        if low > high:
            raise GarbledReply(f"its lowest set point {low:g} is above its highest {high:g}", instrument=self.name)
        return (self.map.celsius(low), self.map.celsius(high))
