"""What all Atlas Scientific EZO circuits have in common before a reading is taken: being met, restarting, being set up."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import atlas_ezo_protocol as wire
from autolab.drivers.atlas_ezo_settings import EZOSettings
from autolab.drivers.instrument import OphydInstrument
from autolab.drivers.query import Query
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON
from autolab.model.errors import GarbledReply, WrongInstrument
from autolab.model.roles import Role

_log: Final = logging.getLogger("autolab.drivers.atlas_ezo")


class Circuit(OphydInstrument):
    """An EZO circuit as it is met and set up; `atlas_ezo_family.EZO` reads it.

    All that is set is set only where it differs: settings outlive the circuit's power, and wear its memory.

    Attributes:
        circuit: What `i` must say, such as `EC`.
        calibration_points: As the circuit counts them.
        restart_reason: Why it started last.
        supply: Its supply voltage, V.
    """

    role: ClassVar[Role] = EZOSettings.role
    settings_model = EZOSettings
    settings: EZOSettings
    frame_end: ClassVar[bytes] = wire.CR
    circuit: ClassVar[str]

    model = Cpt(Reading, value="", dtype="string", kind=Kind.config)
    firmware = Cpt(Reading, value="", dtype="string", kind=Kind.config)
    calibration_points = Cpt(Reading, value=0, dtype="integer", kind=Kind.config)
    restart_reason = Cpt(Reading, value="", dtype="string", kind=Kind.config)
    supply = Cpt(Reading, value=0.0, units="V", precision=3, kind=Kind.config)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self._manners = wire.Manners()
        self._news: list[str] = []  # codes that came unasked since the circuit was set up
        self._unsure = False  # whether it may have gone back to continuous mode, or lost a setting

    async def do_configure(self) -> None:
        """Set what the lab file wants, where the circuit has something else."""

    # ---- meeting it ----------------------------------------------------------------------------------------------

    def identify_query(self) -> Query[object]:
        """Ask what it is; the line does so whenever it lost trust, and then the circuit may have restarted too."""
        self._unsure = True
        return wire.info()

    def takes(self, frame: bytes, sent: bytes) -> bool:
        """Take what the circuit says unasked: its codes, a reading that nobody asked for, an *OK that came late."""
        try:
            said = wire.text(frame)
        except GarbledReply:
            return False
        if said.upper() in wire.NEWS:
            self._news.append(said.upper())
            self._unsure = True
            _log.info("%s: %s", self.name, wire.NEWS[said.upper()])
            return True
        if wire.is_reading(said) and not sent.upper().startswith(b"R"):
            self._unsure = True
            return True
        return said.upper() == "*OK" and not sent

    async def do_greet(self) -> None:
        """End continuous mode, learn who it is, have it acknowledge everything, and set it up.

        Raises:
            WrongInstrument: It is another kind of circuit, or has another name.
        """
        self._manners = wire.Manners()
        await self.query(wire.hush())
        kind, _ = await self.again(wire.info)
        if kind != self.circuit:
            raise self._wrong(f"says that it is an EZO-{kind} circuit; the lab file has an EZO-{self.circuit} here")
        await self.again(lambda: wire.put("*OK,1"))  # first: without it the next one would not be acknowledged
        if self.settings.device_name is not None:
            named = ",".join(await self.ask("Name,?"))
            if named != self.settings.device_name:
                raise self._wrong(f"is named {named!r} instead of {self.settings.device_name!r}")
        await self.configure()

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return model and firmware, and tell calibration, supply and the last restart; it has no serial number."""
        known: Any = self.identity if not self.met else None  # it was asked a moment ago
        kind, firmware = known or await self.query(wire.info())
        self.model.tell(f"EZO-{kind}")
        self.firmware.tell(firmware)
        await self.do_calibration()
        reason, volts = await self.fields("Status", 2)
        self.restart_reason.tell(wire.REASONS.get(reason.upper(), reason))
        self.supply.tell(wire.number(volts, "supply voltage"))
        self._unsure = bool(self._news)
        return {"model": f"EZO-{kind}", "firmware": firmware, "serial_number": None}

    async def set_up(self) -> None:
        """Bring it where the lab file wants it, after a restart or any doubt."""
        self._news.clear()
        await self.again(lambda: wire.put("*OK,1"))
        await self.configure()

    async def configure(self) -> None:
        """End continuous mode for sure, and set what the lab file wants."""
        await self.again(lambda: wire.put("C,0"))
        await self.do_configure()
        self._unsure = bool(self._news)

    def _wrong(self, message: str) -> WrongInstrument:
        return WrongInstrument(f"{message}. Check the cables or the lab file", instrument=self.name, command="i")

    async def do_calibration(self) -> int:
        """Return how many points the circuit is calibrated at."""
        (points,) = await self.fields("Cal,?", 1)
        count = int(wire.number(points, "calibration"))
        self.calibration_points.tell(count)
        return count

    # ---- the wire ------------------------------------------------------------------------------------------------

    async def ask(self, command: str) -> tuple[str, ...]:
        """Return the fields of an answer."""
        return await self.again(lambda: wire.inquire(command, self._manners))

    async def fields(self, command: str, count: int) -> tuple[str, ...]:
        """Ask, and insist on so many fields.

        Raises:
            GarbledReply: There are others.
        """
        found = await self.ask(command)
        if len(found) != count:
            msg = f"the reply to {command!r} holds {len(found)} fields instead of {count}: {','.join(found)!r}"
            raise GarbledReply(msg, instrument=self.name, command=command)
        return found

    async def choose_outputs(self, known: Sequence[str], wanted: Sequence[str]) -> None:
        """Have a reading hold what is wanted of what is known, and see that it does.

        Raises:
            GarbledReply: It does not change.
        """
        for attempt in (1, 2):
            enabled = {output.upper() for output in await self.ask("O,?")}
            wrong = [output for output in known if (output.upper() in enabled) != (output in wanted)]
            if not wrong:
                return
            if attempt == 1:
                for output in sorted(wrong, key=lambda one: one not in wanted):  # on before off: never without any
                    on = int(output in wanted)
                    await self.again(lambda chosen=f"O,{output},{on}": wire.put(chosen))  # type: ignore[misc]  # a default binds it now
        msg = f"outputs {', '.join(wrong)} do not change: it has {', '.join(sorted(enabled)) or 'none'}"
        raise GarbledReply(msg, instrument=self.name, command="O,?")

    async def settle(self, word: str, wanted: float, digits: int = 2) -> float:
        """Set a number where the circuit has another one, read it back and return it.

        Raises:
            GarbledReply: It reads back otherwise.
        """
        for attempt in (1, 2):
            (told,) = await self.fields(f"{word},?", 1)
            if abs(wire.number(told, word) - wanted) < 0.51 * 10.0**-digits:
                return wire.number(told, word)
            if attempt == 1:
                await self.again(lambda: wire.put(f"{word},{round(float(wanted), digits or None)}"))
        msg = f"{word} reads back {told!r} after it was set to {wanted:g}"
        raise GarbledReply(msg, instrument=self.name, command=f"{word},?")
