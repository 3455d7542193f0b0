"""Talking to one pump of Harvard Apparatus or KDS: polling mode, asking again where that is harmless, stopping, resting."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Final

from autolab.drivers import harvard_protocol as wire
from autolab.drivers.query import Query
from autolab.model.errors import InstrumentAlarm, InstrumentTimeout, Refused, WrongInstrument

if TYPE_CHECKING:
    from autolab.drivers.harvard import Elite11

_FIRST: Final = 0.3  # s for an answer in polling mode; one in another mode never gets its end


class PumpTalk:
    """What is said to one pump.

    Args:
        pump: The device.
        bus: Its address, 0..99.

    Attributes:
        lost: Why the counters mean nothing; empty while they count.
    """

    def __init__(self, pump: Elite11, bus: int) -> None:
        self.pump, self.bus, self.lost = pump, bus, "it was just met"

    def identify(self) -> Query[object]:
        """Ask for model and firmware; a pump out of polling mode is brought back to it, its counters being in doubt.

        Raises:
            WrongInstrument: Its name is not one that is wanted.
        """
        try:
            found = yield from wire.version(self.bus, _FIRST)
        except Refused:  # half a command, from before, stood in front of it
            found = yield from wire.version(self.bus)
        except InstrumentTimeout as error:
            if not error.seen:  # silence is no other mode: there it would have said something
                raise
            yield from wire.poll_on(self.bus)
            self.lost = "it was not in polling mode: its power was interrupted, or somebody else works with it"
            found = yield from wire.version(self.bus)
        wanted = (self.pump.settings.model,) if self.pump.settings.model else ("ELITE", "LEGATO")
        if not any(name.upper() in found.model.upper() for name in wanted):
            msg = f"{found.model!r} answers, wanted is {' or '.join(wanted)}. Check the cables, or say `model:`"
            raise WrongInstrument(msg)
        return found.identity

    async def spare_memory(self) -> None:
        """Have it keep settings out of a memory that wears; models differ in the word for it."""
        for word in ("none", "off"):
            with contextlib.suppress(Refused):
                await self.order(f"nvram {word}")
                return

    # ---- asking and setting ------------------------------------------------------------------------------------------

    async def order(self, text: str) -> None:
        """Give an order that may be given again."""
        await self.pump.again(lambda: wire.order(self.bus, text))

    async def quantity(self, name: str, kind: wire.Kind) -> float:
        """Return a quantity: mL, mL/min, mm."""
        return await self.pump.again(lambda: wire.quantity(self.bus, name, kind))

    async def put(self, name: str, text: str, kind: wire.Kind) -> float:
        """Set a quantity, and return what it reads then."""
        return await self.pump.again(lambda: wire.put(self.bus, name, text, kind))

    async def look(self, *, urgent: bool = False) -> str:
        """Return the prompt, and tell the status."""
        found = await self.pump.again(lambda: wire.version(self.bus), urgent=urgent)
        self.pump.status.tell(wire.STATUSES[found.prompt])
        return found.prompt

    async def counters(self) -> tuple[float, float]:
        """Return what was infused and withdrawn, mL."""
        return await self.pump.again(lambda: wire.counters(self.bus))

    # ---- resting -----------------------------------------------------------------------------------------------------

    async def stop(self) -> None:
        """Stop the motor and see that it rests.

        Raises:
            InstrumentAlarm: It does not.
        """
        await self.pump.again(lambda: wire.order(self.bus, "stp"), urgent=True)
        if await self.look(urgent=True) in wire.MOVING:
            raise self.alarm("does not stop: switch it off")

    async def rest(self) -> None:
        """See that it stands still; a target that was reached and a stall are cleared by `stp`, which moves nothing.

        Raises:
            Refused: It moves.
            InstrumentAlarm: It stays stalled.
        """
        prompt = await self.look()
        if prompt in wire.MOVING:
            msg = f"is {wire.STATUSES[prompt]} though nobody asked: halt it first"
            raise Refused(msg, instrument=self.pump.name, port=self.pump.address.port)
        if prompt != ":":
            await self.stop()
        if await self.look() == "*":
            raise self.alarm("is stalled: look for a blockage, and clear it at the pump's display")

    # ---- before an action --------------------------------------------------------------------------------------------

    async def put_syringe(self) -> None:
        """Set diameter, volume and force where they differ.

        Raises:
            InstrumentAlarm: The force does not read back.
        """
        settings = self.pump.settings
        wishes: tuple[tuple[str, float, str, wire.Kind], ...] = (
            ("diameter", settings.syringe_mm, f"{settings.syringe_mm:.4f}", "length"),
            ("svolume", settings.volume_mL, wire.volume_text(settings.volume_mL), "volume"),
        )
        for name, wanted, text, kind in wishes:
            now = await self.quantity(name, kind)
            if not math.isclose(now, wanted, rel_tol=1e-4):
                await self.put(name, text, kind)
        if settings.force is not None and await self.pump.again(lambda: wire.force(self.bus)) != settings.force:
            await self.order(f"force {settings.force}")
            if (now := await self.pump.again(lambda: wire.force(self.bus))) != settings.force:
                raise self.alarm(f"its force reads back {now} after it was set to {settings.force} percent")

    async def clear(self) -> None:
        """Clear both counters.

        Raises:
            InstrumentAlarm: They are not zero.
        """
        self.lost = ""
        await self.order("cvolume")
        counters = await self.counters()
        if any(counters):
            raise self.alarm(f"its counters do not clear: infused {counters[0]:g} mL, withdrawn {counters[1]:g} mL")

    def alarm(self, message: str) -> InstrumentAlarm:
        """Return the error for a pump that does not do what it was told."""
        return InstrumentAlarm(message, instrument=self.pump.name, port=self.pump.address.port)
