"""Heidolph MR Hei-Connect hotplate stirrers: a heater and a stirrer on one line.

Written from public descriptions of the protocol; not yet checked on hardware.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import heidolph_protocol as wire
from autolab.drivers.heidolph_parts import Heater, Stirrer
from autolab.drivers.heidolph_settings import HeiConnectSettings
from autolab.drivers.hotplate import Plate
from autolab.drivers.query import Query
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON
from autolab.model.errors import InstrumentAlarm, WrongInstrument

LINK_S: Final = 10.0  # of silence, after which the plate stops by itself: the maker's operating instructions
NAMES: Final = {0: "manual", 1: "remote, started", 2: "remote, stopped", -1: "blocked: stopped at its panel"}


class HeiConnect(Plate):
    """A hotplate stirrer: `heater` and `stirrer` are set and read; `trigger` on the whole reads both.

    Attributes:
        heater: Sets and reads a temperature, degC.
        stirrer: Sets and reads a speed, rpm.
        firmware: As it tells it.
        status: Who is in control: 0 its knobs, 1 and 2 this driver (something on, all off), -1 stopped by hand, below
            that an error.
    """

    settings_model = HeiConnectSettings
    settings: HeiConnectSettings
    frame_end: ClassVar[bytes] = wire.CRLF
    line_settings: ClassVar[Mapping[str, str]] = {"bits": "7", "parity": "E"}

    heater = Cpt(Heater, kind=Kind.hinted)
    stirrer = Cpt(Stirrer, kind=Kind.normal)
    firmware = Cpt(Reading, value="", dtype="string", kind=Kind.config)
    status = Cpt(Reading, value=0, dtype="integer", kind=Kind.normal)

    @property
    def pace(self) -> float:
        """Time between two writes, s of wall time: only a simulator lives in scaled time, and it paces in its own."""
        return wire.PACE / max(1.0, self.clock.scale)

    # ---- meeting it --------------------------------------------------------------------------------------------

    def identify_query(self) -> Query[object]:
        """Have it speak the new protocol, as after a power cut, and ask for its firmware."""
        return wire.identity(pace=self.pace)

    async def do_greet(self) -> None:
        """Read who and how it is; it goes on with what it does.

        Raises:
            WrongInstrument: Its firmware is not the one that is wanted.
        """
        told, wanted = await self.again(self._who), self.settings.firmware
        if wanted is not None and told != wanted:
            msg = f"firmware {told!r} answers instead of {wanted!r}. Check the cables or the lab file"
            raise WrongInstrument(msg, instrument=self.name, port=self.address.port, command="SW_VERS")
        await self.stirrer.look()
        self.stirrer.found_turning()
        self.heater.setpoint.tell(await self.ask("IN_SP_1"))
        self.heater.plate.tell(await self.ask("IN_PV_3"))
        self.resume()

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return its firmware; it tells neither its model nor a serial number."""
        told = await self.again(self._who)
        self.firmware.tell(told)
        return {"model": "MR Hei-Connect", "firmware": told, "serial_number": None}

    def _who(self) -> Query[str]:
        return wire.identity(pace=self.pace)

    # ---- its link watch ----------------------------------------------------------------------------------------

    @property
    def silence_s(self) -> float | None:
        """Silence after which it stops by itself, s of lab time; None where that is not wanted."""
        return LINK_S * max(1.0, self.clock.scale) if self.settings.link_watch else None

    async def arm(self) -> None:
        """Have it watch the line, or make sure that it does not."""
        await self.order("CC_ON" if self.settings.link_watch else "CC_OFF")

    async def disarm(self) -> None:
        """Have it watch the line no longer."""
        await self.order("CC_OFF")

    async def feed(self) -> None:
        """Ask for its status, which is all that its link watch wants."""
        await self.read_status()

    async def stop_all(self) -> float:
        """Stop motor and heater, disarm, and return the speed, rpm."""
        await self.again(lambda: wire.order("STOP_2", "STOP_1", "CC_OFF", pace=self.pace), urgent=True)
        return await self.ask("IN_PV_5")

    async def prove_safe(self) -> None:
        """See by its status that nothing is on.

        Raises:
            InstrumentAlarm: Something is.
        """
        status = await self.read_status()
        if status == wire.STARTED:
            msg = "says that it is still on (STATUS 1) after it was stopped: switch it off at its switch"
            raise InstrumentAlarm(msg, instrument=self.name, port=self.address.port, command="STATUS")

    # ---- for its parts -----------------------------------------------------------------------------------------

    async def read_status(self) -> int:
        """Return who is in control."""
        told = await self.again(lambda: wire.status(pace=self.pace))
        self.status.tell(told)
        return told

    def uncontrolled(self, status: int) -> str:
        """Return why nothing can be on with this status; nothing where something may."""
        if status == wire.STARTED:
            return ""
        if status < wire.BLOCKED:
            return f"it reports error {status}: look at its panel and its manual"
        told = NAMES.get(status, f"status {status}, which is not known")
        return f"it is not under remote control ({told}): somebody has used its panel, or its power was interrupted"

    async def order(self, command: str) -> None:
        """Have a command carried out that is only echoed."""
        await self.again(lambda: wire.order(command, pace=self.pace))

    async def ask(self, command: str) -> float:
        """Return the number that a command is answered."""
        return await self.again(lambda: wire.value(command, pace=self.pace))

    # ---- for people --------------------------------------------------------------------------------------------

    async def do_local(self) -> None:
        """Give the plate back to its knobs (`RESET`), which also ends its being blocked."""
        await self.do_halt()
        await self.order("RESET")

    def local(self) -> None:
        """Give the plate back to its knobs, and wait for it."""
        self.clock.run(self._when_ready(self.do_local))
