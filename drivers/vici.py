"""VICI Valco actuators: multiposition selectors and two-position valves.

Written from the maker's manuals and public clients; not yet checked on hardware.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import vici_protocol as wire
from autolab.drivers.query import Query
from autolab.drivers.rotary_valve import RotaryValve, Standing
from autolab.drivers.rotary_valve_settings import Place, told
from autolab.drivers.signals import Reading
from autolab.drivers.vici_settings import ValveSettings
from autolab.model.actions import JSON
from autolab.model.errors import InputError, Refused, WrongInstrument

_BUS_IDS: Final = 10
_LEARNING: Final = 3.0  # s of lab time before it can be done: until then it may still say where it was


class Valve(RotaryValve):
    """A valve on a VICI actuator: `set(3)` of a selector, `set("A")` of a two-position valve.

    Attributes:
        firmware: As it tells it.
    """

    settings_model = ValveSettings
    settings: ValveSettings
    frame_end: ClassVar[bytes] = wire.CR

    firmware = Cpt(Reading, value="", dtype="string", kind=Kind.config)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        bus = self.address.bus
        if self.settings.device_id is None and bus is not None and bus >= _BUS_IDS:
            msg = f"{name}: bus={bus} is no id of an actuator; those are 0 to 9, or `device_id: A` to Z"
            raise InputError(msg)
        known = self.settings.device_id or ("" if bus is None else str(bus))
        self.prefix = wire.prefix_of(self.settings.interface, known)

    # ---- meeting it --------------------------------------------------------------------------------------------

    def identify_query(self) -> Query[object]:
        """Ask for its firmware."""
        return wire.firmware(self.prefix)

    async def do_greet(self) -> None:
        """See that it is the valve that is declared, and that it turns as declared; move nothing.

        Raises:
            WrongInstrument: It has other positions.
            Refused: It turns one way only, and the shortest is wanted.
        """
        standing = await self.where()
        if standing.place not in self.settings.places:
            raise self._other(f"stands at {standing.place}; declared are {told(self.settings.places)}")
        if self.settings.two_position:
            return
        count = await self.again(lambda: wire.count(self.prefix))
        if count != self.settings.positions:
            raise self._other(f"is set to {count} positions; declared are {self.settings.positions}")
        if self.settings.direction == "shortest" and self.settings.strict_direction:
            await self._check_rotation()

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return its firmware; it tells neither model nor serial number by themselves."""
        lines = await self.again(lambda: wire.firmware(self.prefix))
        self.firmware.tell(" ".join(lines))
        return {"model": lines[0], "firmware": " ".join(lines), "serial_number": None}

    def takes(self, frame: bytes, sent: bytes) -> bool:
        """Pass over what an actuator set to IFM1 or IFM2 says behind a movement."""
        return wire.is_echo(frame, self.prefix)

    # ---- where it is, and where it goes ------------------------------------------------------------------------

    def look(self) -> Query[Standing]:
        """Ask where it is."""
        return self._standing()

    def turn(self, place: Place) -> Query[object]:
        """Send it to a position."""
        return wire.move(self.prefix, self.settings.direction, place)

    # ---- for people --------------------------------------------------------------------------------------------

    def learn(self) -> None:
        """Have it find the stops of a two-position valve that was newly mounted: it turns to both, and ends at A.

        Raises:
            Refused: It is a selector, which has no stops.
        """
        self.clock.run(self._when_ready(self.do_learn))

    async def do_learn(self) -> None:
        """Find the stops, and wait until it stands."""
        if not self.settings.two_position:
            raise Refused("has no stops to learn: it is a selector", instrument=self.name)
        await self.query(wire.learn(self.prefix))
        await asyncio.sleep(_LEARNING)
        await self._arrive("A")

    def _standing(self) -> Query[Standing]:
        place = yield from wire.position(self.prefix)
        return Standing(place)

    async def _check_rotation(self) -> None:
        way = await self.again(lambda: wire.rotation(self.prefix))
        if way in ("F", "R"):
            name, known = ("forward", "cw") if way == "F" else ("in reverse", "ccw")
            msg = (
                f"turns {name} only (SM{way}), through other ports than the shortest way. "
                f"Say `direction: {known}`, set SMA at the actuator, or say `strict_direction: false`"
            )
            raise Refused(msg, instrument=self.name, port=self.address.port, command="SM")

    def _other(self, message: str) -> WrongInstrument:
        return WrongInstrument(f"{message}. Check cables and `positions`", instrument=self.name, port=self.address.port)
