"""What all Atlas Scientific EZO circuits have in common: readings that agree with each other, calibration."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, TypeVar

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import atlas_ezo_protocol as wire
from autolab.drivers.atlas_ezo_circuit import Circuit
from autolab.drivers.instrument import ActionStatus
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON, ActionClass, Intent, Reconciled, Verb
from autolab.model.errors import InstrumentAlarm, LinkError, Refused

T = TypeVar("T")
_TRIES: Final = 3


class EZO(Circuit):
    """An EZO circuit: `trigger` takes readings, and there is nothing to set.

    A class for one kind of circuit gives `circuit`, its signals, `numbers`, `tolerance` and `do_tell`, and of
    `do_configure`, `do_verify` and `check_reading` what it needs.

    Attributes:
        stable: Whether the last readings agreed.
        readings: How many the last `trigger` took.
    """

    stable = Cpt(Reading, value=False, dtype="boolean", kind=Kind.normal)
    readings = Cpt(Reading, value=0, dtype="integer", kind=Kind.normal)

    # ---- what a kind of circuit implements -----------------------------------------------------------------------

    @property
    def numbers(self) -> int:
        """How many numbers a reading holds."""
        return 1

    async def do_verify(self) -> None:
        """Raise InstrumentAlarm where the readings just taken mean something else than they seem to."""

    def tolerance(self, mean: float) -> float:
        """Return how far agreeing readings may lie apart, in the circuit's unit."""
        raise NotImplementedError

    def check_reading(self, values: Sequence[float]) -> None:
        """Raise GarbledReply or InstrumentAlarm for what cannot be a reading, in the circuit's units."""

    def do_tell(self, values: Sequence[float]) -> Mapping[str, JSON]:
        """Tell the signals a reading (in the circuit's units), and return it; raise InstrumentAlarm outside limits."""
        raise NotImplementedError

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
        await self.do_verify()
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
                await self.set_up()
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
        raise self.alarm(msg)

    def _check_restart(self, cause: LinkError | None) -> None:
        restarts = [code for code in self._news if code in wire.RESTARTS]
        if restarts:
            msg = f"restarted ({', '.join(restarts)}) while it was read; it is set up anew before its next reading"
            raise self.alarm(msg) from cause

    async def do_reconcile(self, intent: Intent) -> Reconciled:
        """Readings leave nothing behind."""
        return Reconciled("unknown", why="a reading leaves nothing behind; take it again")

    async def verify_outputs(self, known: Sequence[str], wanted: Sequence[str]) -> None:
        """See that a reading held what it was taken for: one number looks like another.

        Raises:
            InstrumentAlarm: Somebody has changed the outputs; they are set back.
        """
        enabled = [output for output in await self.ask("O,?") if output]
        if {output.upper() for output in enabled} != {output.upper() for output in wanted}:
            await self.choose_outputs(known, wanted)
            found, again = ", ".join(enabled) or "none", ", ".join(wanted)
            raise self.alarm(f"its outputs were changed to {found}: the reading is void. They are {again} again")

    def check_range(self, quantity: str, value: float, unit: str) -> None:
        """Raise InstrumentAlarm for a reading outside the lab's limits."""
        limits: dict[str, tuple[float, float]] = getattr(self.settings, "limits", {})
        bounds = limits.get(quantity)
        if bounds is not None and not bounds[0] <= value <= bounds[1]:
            between = f"{bounds[0]:g}..{bounds[1]:g}{unit}"
            raise self.alarm(f"{quantity} {value:g}{unit} is outside the limits {between}")

    def alarm(self, message: str) -> InstrumentAlarm:
        """Return the error for a reading that is not to be gone on with."""
        return InstrumentAlarm(message, instrument=self.name, port=self.address.port, command="R")

    async def do_diagnose(self) -> Mapping[str, JSON]:
        """Return calibration points, supply voltage and why it started last."""
        return {
            "calibration_points": int(self.calibration_points.get()),
            "supply_V": float(self.supply.get()),
            "restart_reason": str(self.restart_reason.get()),
        }

    # ---- for people ----------------------------------------------------------------------------------------------

    async def do_calibrate(self, *commands: str) -> int:
        """Send a calibration, the first of `commands` that the circuit understands, and count its points.

        Raises:
            Refused: It understands none, or is being read.
        """
        await self.idle()
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
        await self.idle()
        await self.query(wire.put(f"L,{int(on)}"))

    async def do_find(self) -> None:
        """Let it blink until it hears its next command.

        Source: the maker's data sheets; general knowledge.
        """
        await self.idle()
        await self.query(wire.put("Find"))

    def calibration(self) -> int:
        """Return how many points it is calibrated at, and wait for it."""
        return self.people(self.do_calibration)

    def clear_calibration(self) -> int:
        """Forget the calibration; return how many points are left."""
        return self.people(lambda: self.do_calibrate("Cal,clear"))

    def show_led(self, *, on: bool) -> None:
        """Switch its light on or off, and wait for it."""
        self.people(lambda: self.do_show_led(on=on))

    def find(self) -> None:
        """Let it blink until it hears its next command."""
        self.people(self.do_find)

    def people(self, what: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Connect, carry something out and wait for it."""
        return self.clock.run(self._when_ready(what))

    async def idle(self) -> None:
        """Connect, and see that nothing is under way.

        Raises:
            Refused: It is being read.
        """
        await self.ready()
        if self._action is not None and not self._action.done():
            msg = "is being read: this would spoil the reading. Wait for its status first"
            raise Refused(msg, instrument=self.name)
