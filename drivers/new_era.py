"""New Era NE-1000 family (also sold as WPI Aladdin AL-1000): a syringe pump, in its basic protocol.

Written from public descriptions of the protocol; not yet checked on hardware.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import new_era_protocol as wire
from autolab.drivers.counting_pump import CountingPump
from autolab.drivers.instrument import ActionStatus
from autolab.drivers.new_era_settings import NE1000Settings
from autolab.drivers.new_era_talk import PumpTalk
from autolab.drivers.query import Query
from autolab.drivers.signals import Reading
from autolab.drivers.volume_counters import Baseline, settle
from autolab.model.actions import JSON, Intent, Reconciled, Verb
from autolab.model.errors import (
    GarbledReply,
    InstrumentAlarm,
    InstrumentTimeout,
    LinkError,
    Refused,
)
from autolab.model.roles import Dispense, Withdraw

_log = logging.getLogger("autolab.drivers.new_era")
_SLOW: Final = 1.05  # a run may last so much longer than volume / rate
_MARGIN: Final = 5.0  # and so many lab seconds more
_WALL_MARGIN: Final = 2.0  # and so many wall seconds: in scaled time a hiccup of the computer is long
_EXACTLY: Final = 1.001  # one step of the counter, and the noise of binary fractions


class NE1000(CountingPump):
    """A New Era NE-1000 syringe pump.

    `set(Dispense(volume, rate))` and `set(Withdraw(...))` run the pump once and are done when its counter agrees.
    Numbers have four digits on this wire: the result tells the volume and rate that were commanded, and the volume
    by the counter. The counters are cleared in `do_prepare` and nowhere else.

    Attributes:
        infused: Counter, mL.
        withdrawn: Counter, mL.
        status: In words.
        alarm: The last alarm's letter, or empty.
    """

    settings_model = NE1000Settings
    settings: NE1000Settings
    frame_end: ClassVar[bytes] = wire.ETX

    infused = Cpt(Reading, value=0.0, units="mL", precision=3, kind=Kind.normal)
    withdrawn = Cpt(Reading, value=0.0, units="mL", precision=3, kind=Kind.normal)
    status = Cpt(Reading, value="", dtype="string", kind=Kind.omitted)
    alarm = Cpt(Reading, value="", dtype="string", kind=Kind.omitted)
    model = Cpt(Reading, value="", dtype="string", kind=Kind.config)
    firmware = Cpt(Reading, value="", dtype="string", kind=Kind.config)
    syringe = Cpt(Reading, value=0.0, units="mm", kind=Kind.config)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self._talk = PumpTalk(name, self._bus, self.query, self.alarm.tell)
        self._unit = wire.unit_for(self.settings.syringe_mm)
        self.syringe.tell(self.settings.syringe_mm)

    # ---- meeting it --------------------------------------------------------------------------------------------

    def identify_query(self) -> Query[object]:
        """Ask for model and firmware."""
        return self._talk.identify()

    async def do_greet(self) -> None:
        """Wake the pump, note what alarm it has, and take its status and counters over."""
        await self._talk.greet()
        self.status.tell(wire.STATUSES[await self._talk.read(wire.status, through_alarms=True)])
        self._tell(await self._talk.read(wire.dispensed, through_alarms=True))

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return model and firmware; these pumps have no serial number to tell."""
        found: Any = await self._talk.ask(self.identify_query())
        self._talk.met = True
        self.model.tell(found["model"])
        self.firmware.tell(found["firmware"])
        return {"model": found["model"], "firmware": found["firmware"], "serial_number": None}

    async def do_diagnose(self) -> Mapping[str, JSON]:
        """Return its status and the last alarm, which after power came is that it was gone."""
        with self._named():
            status = wire.STATUSES[await self._talk.read(wire.status, through_alarms=True)]
        letter = str(self.alarm.get())
        return {"status": status, "last_alarm": wire.ALARMS.get(letter, "")}

    # ---- what may be asked of it -------------------------------------------------------------------------------

    @property
    def resolution_mL(self) -> float:  # noqa: N802  the unit's symbol
        """A step of its counter, mL."""
        return 1e-3 / wire.PER_ML[self._unit]

    def check_resolution(self, command: Dispense | Withdraw) -> None:
        """Raise OutsideLimits for what four digits cannot say."""
        try:
            self._portions(command.volume)
            wire.fit_rate(command.rate)
        except ValueError as error:
            raise self.outside(f"{command!r} is below what the pump can express in {self._unit}: {error}") from None

    def _portions(self, volume: float) -> list[float]:
        """Return the runs that make a volume, mL, each as its four digits say it."""
        per_ml = wire.PER_ML[self._unit]
        count = max(1, math.ceil(volume * per_ml / 9999))
        return [float(wire.fit(volume * per_ml / count)) / per_ml] * count

    # ---- commands ----------------------------------------------------------------------------------------------

    async def do_prepare(self, verb: Verb, value: object) -> Mapping[str, JSON]:
        """Bring the pump to rest, set syringe and unit, clear both counters and see that they are zero.

        Raises:
            Refused: It is moving.
            InstrumentAlarm: It reports an alarm, or the counters do not clear.
        """
        if verb != "set":
            return {}
        await self.ready()
        with self._named():
            await self._talk.rest()
            self._tell(await self._talk.ask(wire.dispensed(self._talk.bus)))  # what came after an action that failed
            await self._talk.put_syringe(self.settings.syringe_mm, self._unit)
            counters = await self._talk.clear_counters()
        self._baseline = Baseline(counters.infused, counters.withdrawn, float(self.contents_mL.get()))
        self._prepared = True
        self._tell(counters)
        return {**self._baseline.to_json(), "unit": counters.unit, "resolution_mL": counters.resolution}

    async def do_set(self, value: Dispense | Withdraw, status: ActionStatus) -> Mapping[str, JSON]:
        """Run the pump until the volume is reached and the counter agrees."""
        if not self._prepared:
            await self.do_prepare("set", value)
        self._prepared = False
        portions = self._portions(value.volume)
        number, unit = wire.fit_rate(value.rate)
        rate = float(number) / wire.PER_ML_MIN[unit]
        sign = -1.0 if isinstance(value, Dispense) else 1.0
        self._target = float(self.contents_mL.get()) + sign * sum(portions)
        self.rate.tell(rate)
        begun, moved = self.clock.now(), 0.0
        for portion in portions:
            with self._named(), self._begun(moved):
                await self._load(value, portion, (number, unit), moved)
                await self._talk.ask(wire.command(self._talk.bus, "RUN"))
            with self._named():
                await self._wait(portion, rate, status)
                moved = await self._counted(value, moved + portion)
        return {
            "volume_mL": moved,
            "requested_mL": value.volume,
            "commanded_mL": round(sum(portions), 6),
            "rate_mL_min": rate,
            "seconds": round(self.clock.now() - begun, 3),
            "contents_mL": self.contents_mL.get(),
            "state": {"contents_mL": self.contents_mL.get()},
        }

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Read status and counters."""
        with self._named():
            self.status.tell(wire.STATUSES[await self._talk.read(wire.status)])
            self._tell(await self._talk.read(wire.dispensed))
        return {
            "status": self.status.get(),
            "infused_mL": self.infused.get(),
            "withdrawn_mL": self.withdrawn.get(),
            "contents_mL": self.contents_mL.get(),
        }

    async def _load(self, value: Dispense | Withdraw, portion: float, rate: tuple[str, str], moved: float) -> None:
        """Set one run and read it back.

        Raises:
            Refused: Anything went wrong: this run was not started.
        """
        try:
            await self._talk.put("VOL", wire.fit(portion * wire.PER_ML[self._unit]), self._unit)
            await self._talk.put("RAT", *rate)
            await self._talk.put_direction(self._direction(value))
            counters = await self._talk.ask(wire.dispensed(self._talk.bus))
            now = self._moved(value, counters)
            if abs(now - moved) > counters.resolution * _EXACTLY:
                msg = f"its counter stands at {now:g} instead of {moved:g} mL: somebody else works with this pump"
                raise GarbledReply(msg, command="DIS")
        except (LinkError, InstrumentAlarm) as error:
            msg = f"was not started: {error.message}"
            raise Refused(msg, command=error.command, seen=error.seen) from error

    async def _wait(self, volume: float, rate: float, status: ActionStatus) -> None:
        """Wait until the pump stands still.

        Raises:
            InstrumentTimeout: It goes on well after it should have ended; it was stopped.
        """
        expected = volume / rate * 60
        latest = expected * _SLOW + _MARGIN + _WALL_MARGIN * self.clock.scale
        begun, pause = self.clock.now(), min(expected, self.settings.watch_s)
        while True:
            await asyncio.sleep(pause)
            letter = await self._talk.read(wire.status)
            elapsed = self.clock.now() - begun
            self.status.tell(wire.STATUSES[letter])
            status.progress(min(elapsed / expected, 1.0) * volume, volume, "mL")
            if letter not in wire.MOVING:
                return
            if elapsed > latest:
                await self._talk.stop_motion()
                msg = f"still moved after {elapsed:.1f} s; {volume:g} mL at {rate:g} mL/min take {expected:.1f} s; stopped"
                raise InstrumentTimeout(msg, command="RUN")
            left = expected - elapsed
            pause = min(self.settings.watch_s, left) if left > self.settings.poll_s else self.settings.poll_s

    async def _counted(self, value: Dispense | Withdraw, wanted: float) -> float:
        """Return the volume moved by the counter, mL.

        Raises:
            InstrumentAlarm: It is not what was wanted.
        """
        counters = await self._talk.read(wire.dispensed)
        self._tell(counters)
        moved = self._moved(value, counters)
        self.volume.tell(moved)
        if abs(moved - wanted) > counters.resolution * _EXACTLY:
            state = self.status.get()
            msg = f"moved {moved:g} of {wanted:g} mL and is {state}: it was halted, stalled, or used by somebody else"
            raise InstrumentAlarm(msg, command="DIS")
        return moved

    # ---- stopping, and settling what is in doubt ---------------------------------------------------------------

    async def do_halt(self) -> None:
        """Stop the motor and end the program; the counters stay."""
        self.end_action()
        self._prepared = False
        await self.ready()
        with self._named():
            await self._talk.stop_motion()
            self.status.tell(wire.STATUSES["S"])
            try:
                self._tell(await self._talk.read(wire.dispensed, through_alarms=True))
            except LinkError:
                _log.warning("%s: stopped, but its counters could not be read", self.name, exc_info=True)

    async def do_reconcile(self, intent: Intent) -> Reconciled:
        """Compare the counters with those before the action; the pump must have been halted."""
        await self.ready()
        with self._named():
            counters = await self._talk.read(wire.dispensed, through_alarms=True)
            letter = await self._talk.read(wire.status, through_alarms=True)
        found = settle(
            intent,
            counters,
            moving=letter in wire.MOVING,
            lost=self._talk.counters_lost,
            swapped=self.settings.reversed,
            commanded=lambda volume: sum(self._portions(volume)),
        )
        return self.believe(found)

    # ---- bookkeeping -------------------------------------------------------------------------------------------

    def _direction(self, value: Dispense | Withdraw) -> str:
        return "INF" if isinstance(value, Dispense) != self.settings.reversed else "WDR"

    def _moved(self, value: Dispense | Withdraw, counters: wire.Dispensed) -> float:
        return counters.infused if self._direction(value) == "INF" else counters.withdrawn

    def _tell(self, counters: wire.Dispensed) -> None:
        self.infused.tell(counters.infused)
        self.withdrawn.tell(counters.withdrawn)
        if self._baseline is not None and not self._talk.counters_lost:
            self.contents_mL.tell(self._baseline.contents_after(counters, swapped=self.settings.reversed))

    @contextlib.contextmanager
    def _begun(self, moved: float) -> Iterator[None]:
        """Turn a refusal into an alarm where an earlier run of the same command has moved something already."""
        try:
            yield
        except Refused as error:
            if not moved:
                raise
            msg = f"moved {moved:g} mL, then: {error.message}"
            raise InstrumentAlarm(msg, command=error.command, seen=error.seen) from error
