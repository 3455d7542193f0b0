"""What all Atlas Scientific EZO circuits have in common: being met, restarting, agreeing with themselves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, ClassVar, Final, TypeVar

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import atlas_ezo_protocol as wire
from autolab.drivers.atlas_ezo_settings import EZOSettings
from autolab.drivers.instrument import ActionStatus, OphydInstrument
from autolab.drivers.query import Query
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON, ActionClass, Intent, Reconciled, Verb
from autolab.model.errors import GarbledReply, InstrumentAlarm, LinkError, Refused, WrongInstrument
from autolab.model.roles import Role

T = TypeVar("T")
_log = logging.getLogger("autolab.drivers.atlas_ezo")
_TRIES: Final = 3


class EZO(OphydInstrument):
    """An EZO circuit: `trigger` takes readings, and there is nothing to set.

    A class for one kind of circuit gives `circuit`, its signals, `numbers` and `do_tell`, and of `do_configure` what it
    needs. All that is set is set only where it differs: settings outlive the circuit's power, and wear its memory.

    Attributes:
        circuit: What `i` must say, such as `EC`.
        stable: Whether the last readings agreed.
        readings: How many the last `trigger` took.
        calibration_points: As the circuit counts them.
        restart_reason: Why it started last.
        supply: Its supply voltage, V.
    """

    role: ClassVar[Role] = EZOSettings.role
    settings_model = EZOSettings
    settings: EZOSettings
    frame_end: ClassVar[bytes] = wire.CR
    circuit: ClassVar[str]

    stable = Cpt(Reading, value=False, dtype="boolean", kind=Kind.normal)
    readings = Cpt(Reading, value=0, dtype="integer", kind=Kind.normal)
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

    # ---- what a kind of circuit implements -----------------------------------------------------------------------

    @property
    def numbers(self) -> int:
        """How many numbers a reading holds."""
        return 1

    async def do_configure(self) -> None:
        """Set what the lab file wants, where the circuit has something else."""

    def tolerance(self, mean: float) -> float:
        """Return how far agreeing readings may lie apart, in the circuit's unit."""
        return abs(mean) * self.settings.within_percent / 100

    def check_reading(self, values: Sequence[float]) -> None:
        """Raise GarbledReply or InstrumentAlarm for what cannot be a reading, in the circuit's units."""

    def do_tell(self, values: Sequence[float]) -> Mapping[str, JSON]:
        """Tell the signals a reading (in the circuit's units), and return it; raise InstrumentAlarm outside limits."""
        raise NotImplementedError

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
        await self.again(lambda: wire.put("*OK,1"))
        await self._ask("i")  # only to learn whether *OK follows data
        if self.settings.device_name is not None:
            named = ",".join(await self._ask("Name,?"))
            if named != self.settings.device_name:
                raise self._wrong(f"is named {named!r} instead of {self.settings.device_name!r}")
        await self._set_up()

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return model and firmware, and tell calibration, supply and the last restart; it has no serial number."""
        kind, firmware = await self.query(wire.info())
        self.model.tell(f"EZO-{kind}")
        self.firmware.tell(firmware)
        await self.do_calibration()
        reason, volts = await self._fields("Status", 2)
        self.restart_reason.tell(wire.REASONS.get(reason.upper(), reason))
        self.supply.tell(wire.number(volts, "supply voltage"))
        self._unsure = bool(self._news)
        return {"model": f"EZO-{kind}", "firmware": firmware, "serial_number": None}

    async def _set_up(self) -> None:
        """Bring it where the lab file wants it, after a restart or any doubt."""
        self._news.clear()
        await self.again(lambda: wire.put("*OK,1"))  # first: without it the next one would not be acknowledged
        await self.again(lambda: wire.put("C,0"))
        await self.do_configure()
        self._unsure = bool(self._news)

    def _wrong(self, message: str) -> WrongInstrument:
        return WrongInstrument(f"{message}. Check the cables or the lab file", instrument=self.name, command="i")

    # ---- bluesky's verbs -----------------------------------------------------------------------------------------

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """Return `read`: readings can be taken again."""
        return "read"

    def check_value(self, value: object) -> None:
        """Refuse everything.

        Raises:
            OutsideLimits: Always.
        """
        raise self.outside(f"{value!r}: an EZO-{self.circuit} probe has nothing to set; `trigger` takes a reading")

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Take readings until they agree or the time is over, or one where that is wanted.

        Returns:
            The mean of those that agree, else the last one; `stable`, and how many `readings` were taken.

        Raises:
            InstrumentAlarm: It restarted meanwhile, or the reading is outside range or limits.
        """
        taken = [await self._reading(first=True)]
        begun, last = self.clock.now(), self.settings
        while last.stability == "stable" and not self._agree(taken):
            if self.clock.now() - begun + last.readings_s > last.timeout_s:
                break
            status.progress(self.clock.now() - begun, last.timeout_s, "s")
            await asyncio.sleep(last.readings_s)
            taken.append(await self._reading(first=False))
        agreed = self._agree(taken)
        chosen = taken[-last.agreeing :] if agreed else taken[-1:]
        self.stable.tell(agreed)
        self.readings.tell(len(taken))
        values = [sum(column) / len(chosen) for column in zip(*chosen, strict=True)]
        return {**self.do_tell(values), "stable": agreed, "readings": len(taken)}

    def _agree(self, taken: Sequence[Sequence[float]]) -> bool:
        """Say whether the last readings agree."""
        if self.settings.stability == "immediate" or len(taken) < self.settings.agreeing:
            return False
        first = [reading[0] for reading in taken[-self.settings.agreeing :]]
        return max(first) - min(first) <= self.tolerance(sum(first) / len(first))

    async def _reading(self, *, first: bool) -> tuple[float, ...]:
        """Take one reading.

        Raises:
            InstrumentAlarm: It restarted in the middle of the action.
        """
        for _ in range(_TRIES):
            await self.query(wire.listen())
            if not first:
                self._check_restart(None)
            if self._unsure:
                await self._set_up()
            try:
                values = await self.query(wire.read(self.numbers, self._manners))
            except LinkError as error:
                self._check_restart(error)
                if not self._unsure:
                    raise
                continue
            if not first:
                self._check_restart(None)
            if not self._unsure:  # else it may be in continuous mode: what came may be older than the question
                self.check_reading(values)
                return values
        msg = "goes on to send readings that nobody asked for, or to restart: switch it off and on, check its supply"
        raise InstrumentAlarm(msg, instrument=self.name, port=self.address.port, command="R")

    def _check_restart(self, cause: LinkError | None) -> None:
        restarts = [code for code in self._news if code in wire.RESTARTS]
        if restarts:
            msg = f"restarted ({', '.join(restarts)}) while it was read; it is set up anew before its next reading"
            raise InstrumentAlarm(msg, instrument=self.name, port=self.address.port, command="R") from cause

    async def do_reconcile(self, intent: Intent) -> Reconciled:
        """Readings leave nothing behind."""
        return Reconciled("unknown", why="a reading leaves nothing behind; take it again")

    # ---- for people ----------------------------------------------------------------------------------------------

    async def do_diagnose(self) -> Mapping[str, JSON]:
        """Return calibration points, supply voltage and why it started last."""
        return {
            "calibration_points": await self.do_calibration(),
            "supply_V": float(self.supply.get()),
            "restart_reason": str(self.restart_reason.get()),
        }

    async def do_calibration(self) -> int:
        """Return how many points the circuit is calibrated at."""
        (points,) = await self._fields("Cal,?", 1)
        count = int(wire.number(points, "calibration"))
        self.calibration_points.tell(count)
        return count

    async def do_calibrate(self, *commands: str) -> int:
        """Send a calibration, the first of `commands` that the circuit understands, and count its points.

        Raises:
            Refused: It understands none, or is being read.
        """
        await self._idle()
        refusal: wire.NotUnderstood | None = None
        for command in commands:
            try:
                await self.query(wire.put(command, wire.CALIBRATION))
                break
            except wire.NotUnderstood as error:
                refusal = refusal or error  # the first says what it was about
        else:
            raise refusal or Refused("was given nothing to calibrate", instrument=self.name)
        return await self.do_calibration()

    async def do_show_led(self, *, on: bool) -> None:
        """Switch its light on or off."""
        await self._idle()
        await self.query(wire.put(f"L,{int(on)}"))

    async def do_find(self) -> None:
        """Let it blink until it hears its next command.

        Source: the maker's data sheets; general knowledge.
        """
        await self._idle()
        await self.query(wire.put("Find"))

    def calibration(self) -> int:
        """Return how many points it is calibrated at, and wait for it."""
        return self._people(self.do_calibration)

    def clear_calibration(self) -> int:
        """Forget the calibration; return how many points are left."""
        return self._people(lambda: self.do_calibrate("Cal,clear"))

    def show_led(self, *, on: bool) -> None:
        """Switch its light on or off, and wait for it."""
        self._people(lambda: self.do_show_led(on=on))

    def find(self) -> None:
        """Let it blink until it hears its next command."""
        self._people(self.do_find)

    def _people(self, what: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return self.clock.run(self._when_ready(what))

    async def _idle(self) -> None:
        await self.ready()
        if self._action is not None and not self._action.done():
            msg = "is being read: this would spoil the reading. Wait for its status first"
            raise Refused(msg, instrument=self.name)

    # ---- the wire ------------------------------------------------------------------------------------------------

    async def _ask(self, command: str) -> tuple[str, ...]:
        return await self.again(lambda: wire.inquire(command, self._manners))

    async def _fields(self, command: str, count: int) -> tuple[str, ...]:
        """Ask, and insist on so many fields.

        Raises:
            GarbledReply: There are others.
        """
        found = await self._ask(command)
        if len(found) != count:
            msg = f"the reply to {command!r} holds {len(found)} fields instead of {count}: {','.join(found)!r}"
            raise GarbledReply(msg, instrument=self.name, command=command)
        return found

    async def settle(self, word: str, wanted: float, digits: int = 2) -> float:
        """Set a number where the circuit has another one, read it back and return it.

        Raises:
            GarbledReply: It reads back otherwise.
        """
        for attempt in (1, 2):
            (told,) = await self._fields(f"{word},?", 1)
            if abs(wire.number(told, word) - wanted) < 0.51 * 10.0**-digits:
                return wire.number(told, word)
            if attempt == 1:
                await self.again(lambda: wire.put(f"{word},{round(float(wanted), digits)}"))
        msg = f"{word} reads back {told!r} after it was set to {wanted:g}"
        raise GarbledReply(msg, instrument=self.name, command=f"{word},?")
