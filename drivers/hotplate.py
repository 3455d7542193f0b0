"""Hotplate stirrers, whoever made them: a heater and a stirrer on one line, watched while anything is on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal

from autolab.drivers.hotplate_heater import HeaterPart
from autolab.drivers.hotplate_stirrer import StirrerPart
from autolab.drivers.instrument import ActionStatus, OphydInstrument
from autolab.model.actions import JSON, ActionClass, Verb
from autolab.model.errors import InstrumentAlarm, InstrumentError, LinkError

_log = logging.getLogger("autolab.drivers.hotplate")
_COASTS: Final = 20.0  # s of lab time that a motor may take to stand still


class Plate(OphydInstrument):
    """A hotplate stirrer: `heater` and `stirrer` are set and read; `trigger` on the whole reads both.

    While anything is on, a task on the clock's loop feeds what the plate watches the line with, and reads temperatures
    and speed, so that interlocks see them also when no protocol looks. What it finds wrong is told by the next verb of
    that part.

    A maker's own class declares `heater` and `stirrer` and gives what stands first below.
    """

    role: ClassVar[Literal[""]] = ""
    heater: HeaterPart
    stirrer: StirrerPart

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self._watcher: asyncio.Task[None] | None = None
        self._fed = float("-inf")  # lab time at which the plate last heard that somebody watches, s

    # ---- what a maker's class implements -----------------------------------------------------------------------

    @property
    def silence_s(self) -> float | None:
        """Silence after which the plate acts by itself, s of lab time; None where it does not."""
        raise NotImplementedError

    async def arm(self) -> None:
        """Have the plate watch the line; what an earlier silence has locked is freed."""
        raise NotImplementedError

    async def disarm(self) -> None:
        """Have the plate watch the line no longer."""
        raise NotImplementedError

    async def feed(self) -> None:
        """Tell the plate that somebody watches, and see that it was heard."""
        raise NotImplementedError

    async def stop_all(self) -> float:
        """Stop motor and heater before all else that waits, disarm, and return the speed, rpm."""
        raise NotImplementedError

    async def prove_safe(self) -> None:
        """See that the heater is off, as well as this plate can tell.

        Raises:
            InstrumentAlarm: It is not.
        """
        raise NotImplementedError

    # ---- verbs -------------------------------------------------------------------------------------------------

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """All that it does can be done again."""
        return "read" if verb == "trigger" else "idempotent"

    def check_value(self, value: object) -> None:
        """Refuse: its parts are set, not the whole."""
        raise self.outside(f"{value!r}: set {self.name}.heater or {self.name}.stirrer, not the whole")

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Read temperatures, speed and set points."""
        return {**await self.heater.do_trigger(status), **await self.stirrer.do_trigger(status)}

    async def do_halt(self) -> None:
        """Stop the motor, and switch the heater off."""
        for part in (self.heater, self.stirrer, self):
            part.end_action()
        await self.ready()
        self._rest()  # first: nothing may feed the plate behind its being disarmed
        try:
            rpm = await self.stop_all()
        except BaseException:
            self.resume()
            raise
        self.stirrer.readback.tell(rpm)
        for part in (self.heater, self.stirrer):
            part.went_off()

    async def do_make_safe(self) -> None:
        """Switch heater and motor off and see that the motor comes to rest.

        Raises:
            InstrumentAlarm: The motor still turns, or the heater is on.
        """
        await self.do_halt()
        await self.prove_safe()
        for part in (self.heater, self.stirrer):
            part.forgive()
        begun = self.clock.now()
        while not self.stirrer.still:
            if self.clock.now() - begun > _COASTS:
                rpm = self.stirrer.readback.get()
                msg = f"still turns at {rpm:g} rpm {_COASTS:g} s after it was stopped: switch it off at its switch"
                raise InstrumentAlarm(msg, instrument=self.name, port=self.address.port)
            await asyncio.sleep(1.0)
            await self.stirrer.look()

    def disconnect(self) -> None:
        """Give the port back and watch no longer; what is on stays on, until the plate itself acts."""
        self._end_watch()
        super().disconnect()

    # ---- for its parts -----------------------------------------------------------------------------------------

    async def wake(self) -> None:
        """Have the plate watch the line before anything goes on, and watch it from now on."""
        if self._watcher is None or self._watcher.done():
            await self.arm()
            self.heard()
            self._watcher = self.clock.loop.create_task(self._watch())

    def resume(self) -> None:
        """Watch again what this process has switched on."""
        mine = self.heater.target is not None or bool(self.stirrer.target)
        if mine and (self._watcher is None or self._watcher.done()):
            self._watcher = self.clock.loop.create_task(self._watch())

    @property
    def resting(self) -> bool:
        """Whether nothing is on."""
        return not (self.heater.on.get() or self.stirrer.on.get())

    async def slacken(self) -> None:
        """Disarm and watch no longer, if nothing is on any more."""
        if self.resting:
            self._rest()
            await self.disarm()

    def heard(self) -> None:
        """Note that the plate has heard now that somebody watches."""
        self._fed = self.clock.now()

    # ---- watching ----------------------------------------------------------------------------------------------

    def _rest(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None and watcher is not asyncio.current_task():
            watcher.cancel()

    def _end_watch(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None and not self.clock.loop.is_closed():
            self.clock.loop.call_soon_threadsafe(watcher.cancel)

    async def _watch(self) -> None:
        """Feed the plate and look at everything, while anything is on."""
        pause, silence = self.settings.watch_s, self.silence_s
        if silence is not None:
            pause = min(pause, silence / 3)
        while self._watcher is asyncio.current_task():
            await asyncio.sleep(pause)
            try:
                await self._beat()
            except InstrumentError as error:
                _log.warning("%s cannot be watched, is tried again in %g s: %s", self.name, pause, error)
            except Exception:
                _log.exception("%s: watching failed, is tried again in %g s", self.name, pause)

    async def _beat(self) -> None:
        silence, most = self.clock.now() - self._fed, self.silence_s
        if most is not None and silence > most:
            why = f"the line was silent for {silence:.0f} s, so that its watchdog ({most:g} s) has acted"
            for part in (self.heater, self.stirrer):
                await part.give_up(why)
        if self.resting:
            await self.slacken()
            return
        await self.feed()
        self.heard()
        for part in (self.heater, self.stirrer):
            if part.on.get():
                try:
                    await part.look()
                except LinkError as error:  # the plate was heard just now: what cannot be read must not stay on
                    await part.give_up(f"its readings do not come ({error.message})")
                else:
                    await part.examine()
