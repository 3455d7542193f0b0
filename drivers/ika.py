"""IKA hotplate stirrers (RCT digital, C-MAG HS7): a heater and a stirrer on one line.

Written from public descriptions of the protocol; not yet checked on hardware.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final, Literal

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import ika_protocol as wire
from autolab.drivers.hotplate import Plate
from autolab.drivers.ika_heater import Heater
from autolab.drivers.ika_settings import RCTSettings
from autolab.drivers.ika_stirrer import Stirrer
from autolab.drivers.query import Query
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON
from autolab.model.errors import WrongInstrument

_WALL_WATCHDOG: Final = 3.0  # s of wall time that a watchdog must last in scaled time: a hiccup of the computer is long


class RCT(Plate):
    """A hotplate stirrer: `heater` and `stirrer` are set and read; `trigger` on the whole reads both.

    Attributes:
        heater: Sets and reads a temperature, degC.
        stirrer: Sets and reads a speed, rpm.
        model: The name that it gives.
        safety_temperature: Set with a screwdriver at the plate, degC.
    """

    role: ClassVar[Literal[""]] = RCTSettings.role
    settings_model = RCTSettings
    settings: RCTSettings
    frame_end: ClassVar[bytes] = wire.CRLF
    line_settings: ClassVar[Mapping[str, str]] = {"bits": "7", "parity": "E"}

    heater = Cpt(Heater, kind=Kind.hinted)
    stirrer = Cpt(Stirrer, kind=Kind.normal)
    model = Cpt(Reading, value="", dtype="string", kind=Kind.config)
    safety_temperature = Cpt(Reading, value=float("nan"), units="degC", precision=1, kind=Kind.config)

    @property
    def pace(self) -> float:
        """Time between two writes, s of wall time: only a simulator lives in scaled time, and it paces in its own."""
        return wire.PACE / max(1.0, self.clock.scale)

    @property
    def watchdog_s(self) -> float:
        """Silence after which the plate acts by itself, s of lab time."""
        wanted = self.settings.watchdog_s or 0.0
        return min(1500.0, max(wanted, _WALL_WATCHDOG * self.clock.scale if self.clock.scale > 1 else wanted))

    # ---- meeting it --------------------------------------------------------------------------------------------

    def identify_query(self) -> Query[object]:
        """Ask for its name."""
        return wire.name(pace=self.pace)

    def recognises(self, identity: object) -> bool:
        """Say whether a name is that of a plate which this driver knows."""
        return identity in self._wanted

    @property
    def _wanted(self) -> tuple[str, ...]:
        return (self.settings.model,) if self.settings.model else wire.MODELS

    async def do_greet(self) -> None:
        """Read who and how it is. It goes on with what it does, under the watchdog that guards it, until made safe.

        Raises:
            WrongInstrument: Its name is not the one that is wanted.
        """
        name = await self.again(self._who)
        if name not in self._wanted:
            msg = f"{name!r} answers, wanted is {' or '.join(self._wanted)}. Check the cables, or say `model: {name}`"
            raise WrongInstrument(msg, instrument=self.name, port=self.address.port, command="IN_NAME")
        await self.heater.look()
        await self.stirrer.look()
        self.stirrer.found_turning()
        self.resume()

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return its name; it tells neither firmware nor serial number."""
        known = self.identity if not self.met else None  # it was asked a moment ago
        name = str(known or await self.again(self._who))
        safety = await self.read_safety()
        self.model.tell(name)
        return {"model": name, "firmware": None, "serial_number": None, "safety_temperature_C": safety}

    async def read_safety(self) -> float:
        """Return the safety temperature, degC."""
        safety = await self.again(lambda: wire.value("IN_SP_3", pace=self.pace))
        self.safety_temperature.tell(safety)
        return safety

    def _who(self) -> Query[str]:
        return wire.name(pace=self.pace)

    # ---- its watchdog ------------------------------------------------------------------------------------------

    @property
    def silence_s(self) -> float | None:
        """Silence after which its watchdog acts, s of lab time; None where none is wanted."""
        return self.watchdog_s if self.settings.guarded else None

    async def arm(self) -> None:
        """Arm the watchdog; what a tripped one has locked is freed."""
        await self.disarm()
        await self.feed()

    async def disarm(self) -> None:
        """Disarm the watchdog."""
        await self.again(lambda: wire.order(wire.DISARM, pace=self.pace))

    async def feed(self) -> None:
        """Feed the watchdog, and see by the plate's temperature that it was heard."""
        settings, orders = self.settings, list[str]()
        if settings.guarded:
            fallback = (settings.fallback_C, settings.fallback_rpm)
            orders = wire.watchdog(settings.watchdog, self.watchdog_s, fallback)
        self.heater.plate.tell(await self.ordered(orders, "IN_PV_2"))

    async def stop_all(self) -> float:
        """Stop motor and heater, disarm the watchdog, and return the speed, rpm."""
        return await self.ordered(["STOP_4", "STOP_1", wire.DISARM], "IN_PV_4", urgent=True)

    async def prove_safe(self) -> None:
        """Give it a set point of 0, with which it has nothing to heat for.

        Nothing on this wire tells whether a heater is on. That its set point follows is proof that it listens.
        """
        self.heater.setpoint.tell(await self.ordered([f"OUT_SP_1 {wire.temperature(0)}"], "IN_SP_1"))

    async def ordered(self, orders: Sequence[str], command: str, *, urgent: bool = False) -> float:
        """Send orders and return what `command` reads then: proof that they were heard."""
        return await self.again(lambda: wire.change(orders, command, pace=self.pace), urgent=urgent)

    # ---- for people --------------------------------------------------------------------------------------------

    async def do_local(self) -> None:
        """Give the plate back to its panel (`RESET`)."""
        await self.again(lambda: wire.order("RESET", pace=self.pace))

    async def do_mode(self, letter: Literal["A", "B", "D"]) -> None:
        """Choose what it does after it was switched on: see its manual."""
        await self.again(lambda: wire.order(f"SET_MODE_{letter}", pace=self.pace))
