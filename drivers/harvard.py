"""Harvard Apparatus Pump 11 Elite (and KDS Legato, which speaks the same): a syringe pump.

Written from public descriptions of the protocol; not yet checked on hardware.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import harvard_protocol as wire
from autolab.drivers.counting_pump import CountingPump
from autolab.drivers.harvard_settings import Elite11Settings
from autolab.drivers.harvard_talk import PumpTalk
from autolab.drivers.instrument import ActionStatus
from autolab.drivers.pump_run import Run
from autolab.drivers.query import Query
from autolab.drivers.signals import Reading
from autolab.drivers.volume_counters import Baseline, Counted, settle
from autolab.model.actions import JSON, Intent, Reconciled, Verb
from autolab.model.errors import (
    GarbledReply,
    InstrumentTimeout,
    LinkError,
    Refused,
)
from autolab.model.roles import Dispense, Withdraw, command_from_json

_log = logging.getLogger("autolab.drivers.harvard")
_NEAR: Final = 1e-3  # of the volume: its counter agrees when it is so near, besides two steps and its six digits


class Elite11(CountingPump):
    """A Harvard Apparatus Pump 11 Elite.

    `set(Dispense(volume, rate))` and `set(Withdraw(...))` give the pump a target volume, run it once, and are done when
    its counter agrees. The counters are cleared in `do_prepare` and nowhere else.

    Attributes:
        infused: Counter, mL.
        withdrawn: Counter, mL.
        status: In words.
    """

    settings_model = Elite11Settings
    settings: Elite11Settings
    frame_end: ClassVar[bytes] = wire.XON
    line_settings: ClassVar[Mapping[str, str]] = {"baud": "115200"}

    infused = Cpt(Reading, value=0.0, units="mL", precision=4, kind=Kind.normal)
    withdrawn = Cpt(Reading, value=0.0, units="mL", precision=4, kind=Kind.normal)
    status = Cpt(Reading, value="", dtype="string", kind=Kind.omitted)
    model = Cpt(Reading, value="", dtype="string", kind=Kind.config)
    firmware = Cpt(Reading, value="", dtype="string", kind=Kind.config)
    syringe = Cpt(Reading, value=0.0, units="mm", kind=Kind.config)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self._talk = PumpTalk(self, self._bus)
        self.syringe.tell(self.settings.syringe_mm)

    # ---- meeting it --------------------------------------------------------------------------------------------

    def identify_query(self) -> Query[object]:
        """Ask for model and firmware, bringing the pump back to polling mode."""
        return self._talk.identify()

    async def do_greet(self) -> None:
        """Bring it to polling mode, and take status and counters over; settings are no longer stored at each change."""
        self._talk.lost = ""
        await self.again(self.identify_query)
        await self._talk.spare_memory()
        await self._talk.look()
        self._tell(await self._talk.counters())

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return model, firmware and serial number."""
        found = await self.again(lambda: wire.version(self._bus))
        try:
            serial = await self.again(lambda: wire.serial_number(self._bus))
        except Refused:
            serial = None
        self.model.tell(found.model)
        self.firmware.tell(found.firmware)
        return {**found.identity, "serial_number": serial}

    # ---- what may be asked of it -------------------------------------------------------------------------------

    @property
    def resolution_mL(self) -> float:  # noqa: N802  the unit's symbol
        """A step of its motor, mL."""
        return self.settings.step_mL

    def check_resolution(self, command: Dispense | Withdraw) -> None:
        """Raise OutsideLimits for less than a few steps, more than its target holds, or a pump that cannot draw in."""
        if command.volume < 10 * self.resolution_mL:
            raise self.outside(f"volume {command.volume:g} mL is less than ten steps of {self.resolution_mL:.2g} mL")
        if command.volume > self.settings.volume_mL:
            raise self.outside(
                f"volume {command.volume:g} mL is more than the syringe of {self.settings.volume_mL:g} mL"
            )
        model = str(self.model.get()).upper()
        if isinstance(command, Withdraw) and "ELITE" in model and "I/W" not in model:
            raise self.outside(f"{model!r} cannot draw in")

    # ---- commands ----------------------------------------------------------------------------------------------

    async def do_prepare(self, verb: Verb, value: object) -> Mapping[str, JSON]:
        """See that the pump rests, set the syringe, clear both counters and see that they are zero.

        Raises:
            Refused: It is moving.
            OutsideLimits: The rate is none for this pump and syringe.
            InstrumentAlarm: It stays stalled, or its counters do not clear.
        """
        if verb != "set":
            return {}
        await self.ready()
        await self._talk.rest()
        self._tell(await self._talk.counters())  # what came after an action that failed
        await self._talk.put_syringe()
        if isinstance(value, Dispense | Withdraw):
            low, high = await self.again(lambda: wire.limits(self._bus, _way(value)))
            if not low * (1 - 1e-5) <= value.rate <= high * (1 + 1e-5):
                raise self.outside(f"rate {value.rate:g} mL/min is outside {low:.3g}..{high:.4g} mL/min of this pump")
        await self._talk.clear()
        self.infused.tell(0.0)
        self.withdrawn.tell(0.0)
        if isinstance(value, Dispense | Withdraw):  # lost with power, as the counters are: `do_reconcile` looks for it
            await self._talk.put("tvolume", wire.volume_text(value.volume), "volume")
        self._baseline = Baseline(0.0, 0.0, float(self.contents_mL.get()))
        self._prepared = True
        return {**self._baseline.to_json(), "step_mL": self.resolution_mL}

    async def do_set(self, value: Dispense | Withdraw, status: ActionStatus) -> Mapping[str, JSON]:
        """Run the pump until the target is reached and the counter agrees."""
        if not self._prepared:
            await self.do_prepare("set", value)
        self._prepared = False
        way, begun = _way(value), self.clock.now()
        target, rate = await self._load(value)
        sign = -1.0 if way == "i" else 1.0
        self._target = float(self.contents_mL.get()) + sign * target
        self.rate.tell(rate)
        await self.query(wire.run(self._bus, way), command=f"{way}run".encode())
        run = Run(target, rate, self.settings.poll_s, self.settings.watch_s)
        if not await run.over(self.clock, self._moving, status):
            await self._talk.stop()
            msg = f"still moved well after {run.seconds:.1f} s; stopped"
            raise InstrumentTimeout(msg, command=f"{way}run", instrument=self.name, port=self.address.port)
        moved = await self._counted(way, target)
        return {
            "volume_mL": moved,
            "requested_mL": value.volume,
            "commanded_mL": round(target, 9),
            "rate_mL_min": rate,
            "seconds": round(self.clock.now() - begun, 3),
            "contents_mL": self.contents_mL.get(),
            "state": {"contents_mL": self.contents_mL.get()},
        }

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Read status and counters."""
        await self._talk.look()
        self._tell(await self._talk.counters())
        return {
            "status": self.status.get(),
            "infused_mL": self.infused.get(),
            "withdrawn_mL": self.withdrawn.get(),
            "contents_mL": self.contents_mL.get(),
        }

    async def _load(self, value: Dispense | Withdraw) -> tuple[float, float]:
        """Set target and rate, read them back, see that nobody moved it, and return them (mL, mL/min).

        Raises:
            Refused: Anything went wrong: nothing was started.
        """
        way = _way(value)
        try:
            target = await self._talk.put("tvolume", wire.volume_text(value.volume), "volume")
            rate = await self._talk.put(f"{way}rate", wire.rate_text(value.rate), "rate")
            infused, withdrawn = await self._talk.counters()
            if infused or withdrawn or self._talk.lost:
                msg = (
                    self._talk.lost
                    or f"its counters moved to {infused:g} and {withdrawn:g} mL: somebody else works with it"
                )
                raise GarbledReply(msg, command="ivolume")
        except LinkError as error:
            msg = f"was not started: {error.message}"
            raise Refused(msg, instrument=self.name, port=self.address.port, command=error.command) from error
        return target, rate

    async def _counted(self, way: wire.Way, wanted: float) -> float:
        """Return the volume moved by the counter, mL.

        Raises:
            InstrumentAlarm: It is not what was wanted.
        """
        infused, withdrawn = await self._talk.counters()
        if self._talk.lost:
            raise self._talk.alarm(f"what it moved is not known: {self._talk.lost}")
        self._tell((infused, withdrawn))
        moved, opposite = (infused, withdrawn) if way == "i" else (withdrawn, infused)
        self.volume.tell(moved)
        prompt = str(self.status.get())
        if prompt == wire.STATUSES["*"]:
            raise self._talk.alarm(f"stalled after {moved:g} of {wanted:g} mL: look for a blockage, or raise `force`")
        if opposite or abs(moved - wanted) > self._exactly(wanted):
            raise self._talk.alarm(
                f"moved {moved:g} of {wanted:g} mL and is {prompt}: it was halted, or used by somebody else"
            )
        return moved

    # ---- stopping, and settling what is in doubt ---------------------------------------------------------------

    async def do_halt(self) -> None:
        """Stop the motor; the counters stay."""
        self.end_action()
        self._prepared = False
        await self.ready()
        await self._talk.stop()
        try:
            self._tell(await self._talk.counters())
        except LinkError:
            _log.warning("%s: stopped, but its counters could not be read", self.name, exc_info=True)

    async def do_reconcile(self, intent: Intent) -> Reconciled:
        """Compare the counters with those before the action; the pump must have been halted."""
        await self.ready()
        infused, withdrawn = await self._talk.counters()
        prompt = await self._talk.look()
        command = command_from_json(intent.value)
        exact, lost = 0.0, self._talk.lost
        if isinstance(command, Dispense | Withdraw):
            exact = self._exactly(command.volume)
            target = await self.again(lambda: wire.target(self._bus))
            if target is None or not math.isclose(target, command.volume, rel_tol=2e-5):
                lost = lost or "its target is no longer that of the action: its power was interrupted"
        found = settle(
            intent,
            Counted(infused, withdrawn, exact),
            moving=prompt in wire.MOVING,
            lost=lost,
            swapped=False,
            commanded=lambda asked: asked,
        )
        return self.believe(found)

    # ---- bookkeeping -------------------------------------------------------------------------------------------

    async def _moving(self) -> bool:
        return await self._talk.look() in wire.MOVING

    def _exactly(self, volume: float) -> float:
        """How near a counter must be to a volume, mL."""
        return _NEAR * volume + 2 * self.resolution_mL

    def _tell(self, counters: tuple[float, float]) -> None:
        infused, withdrawn = counters
        self.infused.tell(infused)
        self.withdrawn.tell(withdrawn)
        if self._baseline is not None and not self._talk.lost:
            self.contents_mL.tell(round(self._baseline.contents - infused + withdrawn, 6))


def _way(value: Dispense | Withdraw) -> wire.Way:
    return "i" if isinstance(value, Dispense) else "w"
