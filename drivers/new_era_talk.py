"""Talking to one New Era pump: asking, asking again where that is harmless, stopping, and what its alarms mean."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Coroutine
from typing import Any, Final, Literal, Protocol, TypeVar

from autolab.drivers import new_era_protocol as wire
from autolab.drivers.query import Query, ReadUntil, Write
from autolab.model.errors import GarbledReply, InstrumentAlarm, InstrumentTimeout, LinkError, Refused, WrongInstrument

T = TypeVar("T")
_log = logging.getLogger("autolab.drivers.new_era")
_TRIES: Final = 3  # of what may be asked again: status, counters, stop


class _Ask(Protocol):
    def __call__(self, query: Query[T], *, command: bytes = b"", urgent: bool = False) -> Coroutine[Any, Any, T]: ...


class PumpTalk:
    """What is said to one pump.

    Args:
        name: The instrument's, for the log.
        bus: The pump's address, 0..99.
        ask: Carries a query out.
        on_alarm: Told each alarm's letter; called on the port's thread too.

    Attributes:
        met: Whether the pump is known: from then on an interruption of its power ends what is in progress.
        counters_lost: Why the counters mean nothing; empty while they count.
    """

    def __init__(self, name: str, bus: int, ask: _Ask, on_alarm: Callable[[str], None]) -> None:
        self.name, self.bus = name, bus
        self.met = False
        self.counters_lost = ""
        self._carry_out, self._on_alarm = ask, on_alarm

    # ---- meeting it --------------------------------------------------------------------------------------------

    def identify(self) -> Query[object]:
        """Ask for model and firmware, passing over belated replies.

        Raises:
            WrongInstrument: What answers is no New Era pump.
            PumpAlarm: A pump that was known lost its power meanwhile; nothing else is sent to it now.
        """
        said = ""
        interrupted = False
        for _ in range(_TRIES):
            yield Write(f"{self.bus}VER\r".encode("ascii"))
            for _ in range(_TRIES * 4):
                reply = _sound((yield ReadUntil(wire.ETX, wire.DEADLINE)) or b"", self.bus)
                if reply is None:
                    continue
                self.note(reply.alarm)  # an alarm may stand before the answer, or instead of it
                interrupted = interrupted or reply.alarm == "R"
                if (found := wire.version(reply)) is not None:
                    if interrupted and self.met:
                        raise wire.alarm_of("R")
                    return found
                said = said or reply.data
                if reply.alarm or reply.error is not None:
                    break  # it did not take the command: ask again
        msg = f"does not say that it is a New Era pump (NE...): {said!r}"
        raise WrongInstrument(msg)

    async def greet(self) -> None:
        """Wake the pump; the first command after power-up may be lost, or answered with an alarm."""
        self.met = False
        if b"A?R" in await self._carry_out(wire.flush(self.bus)):
            self.note("R")
        for attempt in range(1, _TRIES + 1):
            try:
                if attempt == _TRIES:
                    await self._carry_out(wire.leave_safe_mode(self.bus))
                await self._carry_out(self.identify())
                break
            except InstrumentTimeout:
                if attempt == _TRIES:
                    raise
                self.counters_lost = "its first command went unanswered, as after a power cycle"

    def note(self, alarm: str) -> None:
        """Take note of an alarm's letter; none for an empty one."""
        if alarm == "R":
            self.counters_lost = "its power was interrupted"
        if alarm:
            self._on_alarm(alarm)

    # ---- asking ------------------------------------------------------------------------------------------------

    async def ask(self, query: Query[T]) -> T:
        """Carry a query out, once; an alarm is noted before it is raised."""
        try:
            return await self._carry_out(query)
        except wire.PumpAlarm as alarm:
            self.note(alarm.alarm)
            raise

    async def read(self, query: Callable[[int], Query[T]], *, through_alarms: bool = False) -> T:
        """Carry out a query that only reads, again if the line fails it.

        Args:
            query: Makes it, given the pump's address.
            through_alarms: Ask again also after an alarm, which the pump clears by telling it.
        """
        for _ in range(_TRIES - 1):
            try:
                return await self.ask(query(self.bus))
            except LinkError as error:
                _log.warning("%s: asking again after: %s", self.name, error)
            except wire.PumpAlarm as alarm:
                if not through_alarms:
                    raise
                _log.warning("%s: %s", self.name, alarm.message)
        return await self.ask(query(self.bus))

    async def put(self, setting: Literal["DIA", "VOL", "RAT"], number: str, unit: str = "") -> None:
        """Send a setting and read it back.

        Raises:
            GarbledReply: It reads back otherwise.
        """
        suffix = unit if setting == "RAT" else ""
        await self.ask(wire.command(self.bus, f"{setting}{number}{suffix}"))
        told, told_unit = await self.ask(wire.quantity(self.bus, setting))
        agree(f"unit of {setting}", unit, told_unit)
        if not math.isclose(told, float(number), rel_tol=1e-6):
            agree(setting, number, f"{told:g}")

    async def put_direction(self, direction: str) -> None:
        """Set INF or WDR and read it back."""
        await self.ask(wire.command(self.bus, f"DIR{direction}"))
        agree("direction", direction, await self.ask(wire.word(self.bus, "DIR")))

    async def put_syringe(self, diameter: float, unit: wire.Unit) -> None:
        """Set diameter (mm) and volume unit where they differ: changing them may reset the pump's other numbers."""
        told, _ = await self.ask(wire.quantity(self.bus, "DIA"))
        if not math.isclose(told, float(wire.fit(diameter)), rel_tol=1e-6):
            await self.put("DIA", wire.fit(diameter))
        _, in_force = await self.ask(wire.quantity(self.bus, "VOL"))
        if in_force != unit:
            await self.ask(wire.command(self.bus, f"VOL{unit}"))
            _, in_force = await self.ask(wire.quantity(self.bus, "VOL"))
            agree("volume unit", unit, in_force)

    async def clear_counters(self) -> wire.Dispensed:
        """Clear both counters and return them as they read then.

        Raises:
            InstrumentAlarm: They are not zero.
        """
        await self.ask(wire.command(self.bus, "CLDINF"))
        await self.ask(wire.command(self.bus, "CLDWDR"))
        counters = await self.ask(wire.dispensed(self.bus))
        if counters.infused or counters.withdrawn:
            msg = f"its counters do not clear: infused {counters.infused:g} mL, withdrawn {counters.withdrawn:g} mL"
            raise InstrumentAlarm(msg, command="CLD")
        self.counters_lost = ""
        return counters

    # ---- stopping ----------------------------------------------------------------------------------------------

    async def rest(self) -> None:
        """See that the pump stands still; one that is paused is stopped, which moves nothing.

        Raises:
            Refused: It moves.
        """
        letter = await self.ask(wire.status(self.bus))
        if letter in wire.MOVING:
            msg = f"is {wire.STATUSES[letter]} though nobody asked: halt it first"
            raise Refused(msg)
        if letter != "S":
            await self.stop_motion()

    async def stop_motion(self) -> None:
        """Send STP until the pump says that it is stopped: the first one pauses, the second one stops.

        Raises:
            InstrumentAlarm: It does not stop.
        """
        trouble: LinkError | None = None
        letter = ""
        for _ in range(2 * _TRIES):
            try:
                reply = await self._carry_out(wire.exchange(self.bus, "STP"), command=b"STP", urgent=True)
            except wire.PumpAlarm:
                continue  # its power was interrupted, which stopped it; ask again
            except LinkError as error:  # stopping twice is harmless: ask again
                trouble = error
                continue
            trouble = None
            self.note(reply.alarm)
            letter = reply.status
            if letter == "S":
                return
        if trouble is not None:
            raise trouble
        msg = f"does not stop: it is {wire.STATUSES.get(letter, 'in alarm')}. Switch it off"
        raise InstrumentAlarm(msg, command="STP")


def agree(what: str, wanted: str, told: str) -> None:
    """Raise GarbledReply when a setting reads back otherwise than it was set."""
    if wanted != told:
        msg = f"{what} reads back {told!r} after it was set to {wanted!r}"
        raise GarbledReply(msg)


def _sound(frame: bytes, address: int) -> wire.Reply | None:
    """Return a frame of this pump, or None for what can be passed over while re-synchronising."""
    try:
        reply = wire.parse(frame)
    except GarbledReply:
        return None
    return reply if reply.address == address else None
