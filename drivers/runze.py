"""Runze selector valves: SV-06, and the valve of a Smart SY-01 pump.

Written from public clients and excerpts of the maker's manuals; not yet checked on hardware.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import runze_protocol as wire
from autolab.drivers.query import Query
from autolab.drivers.rotary_valve import RotaryValve, Standing
from autolab.drivers.rotary_valve_settings import Place
from autolab.drivers.runze_settings import ValveSettings
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON


class Valve(RotaryValve):
    """A selector valve: `set(3)` connects port 3, `set("home")` connects none.

    Attributes:
        firmware: As it tells it, such as `1.9`.
    """

    settings_model = ValveSettings
    settings: ValveSettings
    frame_end: ClassVar[bytes] = b"\xdd"  # nothing comes unasked
    line_settings: ClassVar[Mapping[str, str]] = {"baud": "57600"}

    firmware = Cpt(Reading, value="", dtype="string", kind=Kind.config)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        bus = self.address.bus
        self.number_on_bus = self.settings.device_address if bus is None else bus
        self._homed = False  # by us, and nothing since: it tells no place for that

    # ---- meeting it --------------------------------------------------------------------------------------------

    def identify_query(self) -> Query[object]:
        """Ask for its address and version."""
        return wire.identity(self.number_on_bus, None if self._link is None else self._link.identity)

    async def do_greet(self) -> None:
        """See where it stands; move nothing."""
        await self.where()

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return its version; it tells neither model nor serial number."""
        _, number = await self.again(lambda: wire.version(self.number_on_bus))
        text = f"{number >> 8}.{number & 0xFF}"
        self.firmware.tell(text)
        return {"model": None, "firmware": text, "serial_number": None}

    def disconnect(self) -> None:
        """Give the port back: what stands there later may be another."""
        super().disconnect()
        self._homed = False

    # ---- where it is, and where it goes ------------------------------------------------------------------------

    def look(self) -> Query[Standing]:
        """Ask whether its motor turns, and at which port it stands."""
        if (yield from wire.motor(self.number_on_bus)):
            return Standing(None, moving=True)
        port = yield from wire.port(self.number_on_bus, self.settings.positions)
        if port is None and self._homed:
            return Standing("home")
        self._homed = False
        return Standing(port)

    def turn(self, place: Place) -> Query[object]:
        """Send it to a port, the way that is declared, or home."""
        self._homed = False
        yield from wire.move(self.number_on_bus, *self._way(place))
        self._homed = place == "home"
        return None

    def _way(self, place: Place) -> tuple[int, ...]:
        """Return function and parameters that lead to a place: a neighbour through which to come says which way."""
        if not isinstance(place, int):
            return (wire.HOME,)
        if self.settings.direction == "shortest":
            return wire.GO, place
        step = 1 if self.settings.direction == "cw" else -1
        return wire.GO_BY, (place - 1 + step) % self.settings.positions + 1, place
