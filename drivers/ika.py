"""IKA hotplate stirrers (RCT digital, C-MAG HS7): a heater and a stirrer on one line.

Written from public descriptions of the protocol; not yet checked on hardware.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal, TypeVar

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import ika_protocol as wire
from autolab.drivers.ika_heater import Heater
from autolab.drivers.ika_settings import RCTSettings
from autolab.drivers.ika_stirrer import Stirrer
from autolab.drivers.instrument import ActionStatus, OphydInstrument
from autolab.drivers.query import Query
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON, ActionClass, Verb
from autolab.model.errors import InstrumentAlarm, InstrumentError, LinkError, WrongInstrument

T = TypeVar("T")
_log = logging.getLogger("autolab.drivers.ika")
_COASTS: Final = 20.0  # s of lab time that a motor may take to stand still
_WALL_WATCHDOG: Final = 3.0  # s of wall time that a watchdog must last in scaled time: a hiccup of the computer is long


class RCT(OphydInstrument):
    """A hotplate stirrer: `heater` and `stirrer` are set and read; `trigger` on the whole reads both.

    While anything is on, a task on the clock's loop feeds the plate's watchdog and reads temperatures and speed, so
    that interlocks see them also when no protocol looks. What it finds wrong is told by the next verb of that part.

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

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self._watcher: asyncio.Task[None] | None = None
        self._fed = float("-inf")  # lab time at which the watchdog was last fed, s

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
        self._resume()

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return its name; it tells neither firmware nor serial number."""
        name = await self.again(self._who)
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
        self._rest()  # first: nothing may feed the watchdog behind its being disarmed
        stop = ("STOP_4", "STOP_1", wire.DISARM)
        try:
            rpm = await self.again(lambda: wire.change(stop, "IN_PV_4", pace=self.pace), urgent=True)
        except BaseException:
            self._resume()
            raise
        self.stirrer.readback.tell(rpm)
        for part in (self.heater, self.stirrer):
            part.went_off()

    async def do_make_safe(self) -> None:
        """Switch heater and motor off and see that the motor comes to rest; a set point of 0 has nothing to heat for.

        Nothing on this wire tells whether a heater is on. That its set point follows is proof that it listens.

        Raises:
            InstrumentAlarm: The motor still turns.
        """
        await self.do_halt()
        left = await self.again(lambda: wire.change([f"OUT_SP_1 {wire.temperature(0)}"], "IN_SP_1", pace=self.pace))
        self.heater.setpoint.tell(left)
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
        """Give the port back and watch no longer; what is on stays on, until the plate's own watchdog acts."""
        self._end_watch()
        super().disconnect()

    # ---- for people --------------------------------------------------------------------------------------------

    async def do_local(self) -> None:
        """Give the plate back to its panel (`RESET`)."""
        await self.again(lambda: wire.order("RESET", pace=self.pace))

    async def do_mode(self, letter: Literal["A", "B", "D"]) -> None:
        """Choose what it does after it was switched on: see its manual."""
        await self.again(lambda: wire.order(f"SET_MODE_{letter}", pace=self.pace))

    # ---- for its parts -----------------------------------------------------------------------------------------

    async def wake(self) -> None:
        """Arm the watchdog before anything goes on, and watch from now on."""
        if self._watcher is None or self._watcher.done():
            await self.again(lambda: wire.order(wire.DISARM, pace=self.pace))  # what a tripped one has locked is freed
            await self._feed()
            self._watcher = self.clock.loop.create_task(self._watch())

    def _resume(self) -> None:
        """Watch again what this process has switched on."""
        mine = self.heater.target is not None or bool(self.stirrer.target)
        if mine and (self._watcher is None or self._watcher.done()):
            self._watcher = self.clock.loop.create_task(self._watch())

    @property
    def resting(self) -> bool:
        """Whether nothing is on."""
        return not (self.heater.on.get() or self.stirrer.on.get())

    async def slacken(self) -> None:
        """Disarm the watchdog and watch no longer, if nothing is on any more."""
        if self.resting:
            self._rest()
            await self.again(lambda: wire.order(wire.DISARM, pace=self.pace))

    # ---- watching ----------------------------------------------------------------------------------------------

    def _rest(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None and watcher is not asyncio.current_task():
            watcher.cancel()

    def _end_watch(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None and not self.clock.loop.is_closed():
            self.clock.loop.call_soon_threadsafe(watcher.cancel)

    async def _feed(self) -> None:
        """Feed the watchdog, and see by the plate's temperature that it was heard."""
        settings, orders = self.settings, list[str]()
        if settings.guarded:
            fallback = (settings.fallback_C, settings.fallback_rpm)
            orders = wire.watchdog(settings.watchdog, self.watchdog_s, fallback)
        plate = await self.again(lambda: wire.change(orders, "IN_PV_2", pace=self.pace))
        self.heater.plate.tell(plate)
        self._fed = self.clock.now()

    async def _watch(self) -> None:
        """Feed the watchdog and look at everything, while anything is on."""
        pause = self.settings.watch_s
        if self.settings.guarded:
            pause = min(pause, self.watchdog_s / 3)
        while self._watcher is asyncio.current_task():
            await asyncio.sleep(pause)
            try:
                await self._beat()
            except InstrumentError as error:
                _log.warning("%s cannot be watched, is tried again in %g s: %s", self.name, pause, error)
            except Exception:
                _log.exception("%s: watching failed, is tried again in %g s", self.name, pause)

    async def _beat(self) -> None:
        silence = self.clock.now() - self._fed
        if self.settings.guarded and silence > self.watchdog_s:
            why = f"the line was silent for {silence:.0f} s, so that its watchdog ({self.watchdog_s:g} s) has acted"
            for part in (self.heater, self.stirrer):
                await part.give_up(why)
        if self.resting:
            await self.slacken()
            return
        await self._feed()
        for part in (self.heater, self.stirrer):
            if part.on.get():
                try:
                    await part.look()
                except LinkError as error:  # the plate was heard just now: what cannot be read must not stay on
                    await part.give_up(f"its readings do not come ({error.message})")
                else:
                    await part.examine()
