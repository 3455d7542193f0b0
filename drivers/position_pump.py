"""Syringe pumps that know where their plunger is, and have a valve: what they hold is asked of them, never counted.

Every movement is to an absolute position, the valve first and verified. A position means something once the pump was
initialised, which pushes out what the syringe holds: a command of its own, never done by connecting. Position and
initialising outlive this process, and end with the pump's power.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from autolab.drivers.pump_machine import PumpMachine
from autolab.drivers.pump_positions import PumpState, with_trouble
from autolab.model.actions import JSON, ActionClass, Intent, Reconciled, Verb
from autolab.model.errors import InstrumentAlarm, InstrumentTimeout, LinkError, Refused
from autolab.model.roles import Dispense, Withdraw, command_from_json

if TYPE_CHECKING:
    from autolab.drivers.acting import ActionStatus

INITIALIZE: Final = "initialize"
_SLOW: Final = 0.1  # part of its time that a movement may take longer: ramps
_MARGIN: Final = 10.0  # and so many lab seconds


class PositionPump(PumpMachine):
    """A pump with a syringe and a valve: `set(Withdraw(...))`, `set(Dispense(...))`, `set("initialize")`.

    Withdraw draws in by the port `inlet`, Dispense pushes out by the port `outlet`. A driver gives `strokes`,
    `rate_range`, `nearest_rate` and what stands in `PumpMachine` under "what a driver implements".
    """

    # ---- what may be asked of it -------------------------------------------------------------------------------

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """A movement can be asked of the pump; whether initialising was done in full only a person can see."""
        return "once" if value == INITIALIZE else super().action_class(verb, value)

    def check_value(self, value: object) -> None:
        """Check a command against pump, syringe, contents and limits.

        Raises:
            OutsideLimits: It must not be sent.
        """
        if isinstance(value, str) and value == INITIALIZE:
            return
        if not isinstance(value, Dispense | Withdraw):
            raise self.outside(
                f"{value!r} is no command of a pump: Dispense(volume, rate), Withdraw(volume, rate) or 'initialize'"
            )
        super().check_value(value)

    def check_resolution(self, command: Dispense | Withdraw) -> None:
        """Raise OutsideLimits for less than a step."""
        if self.scale.steps(command.volume) < 1:
            raise self.outside(
                f"volume {command.volume:g} mL is less than one step of this syringe, {self.resolution_mL:.3g} mL"
            )

    def _check_contents(self, command: Dispense | Withdraw) -> None:
        if self._known:  # else the pump is asked first
            super()._check_contents(command)

    def samples(self) -> Sequence[object]:
        """Return initialising, and a movement each way."""
        return (INITIALIZE, *super().samples())

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Take over what the syringe held, unless the pump itself has told."""
        if not self._known:
            super().restore(state)

    # ---- commands ----------------------------------------------------------------------------------------------

    async def do_prepare(self, verb: Verb, value: object) -> Mapping[str, JSON]:
        """See that it can begin, and note where the plunger is.

        Raises:
            Refused: It moves, or was not initialised.
        """
        if verb != "set":
            return {}
        state = await self.rest(f"carry out {value!r}", initializing=value == INITIALIZE)
        if value != INITIALIZE:
            await self.set_scale()
            state = await self.see()
        self._baseline = state.position
        return {"position": state.position, "contents_mL": float(self.contents_mL.get())}

    async def do_set(self, value: Dispense | Withdraw | str, status: ActionStatus) -> Mapping[str, JSON]:
        """Initialise, or turn the valve, move the plunger and see that it has arrived."""
        with self.alone("initialising" if isinstance(value, str) else "moving its plunger"), self._named():
            if isinstance(value, str):
                return await self._initialize(status)
            if self._baseline is None:
                await self.do_prepare("set", value)
            before, self._baseline = self._baseline or 0.0, None
            return await self._pump(value, round(before * self.strokes), status)

    async def _pump(self, value: Dispense | Withdraw, before: int, status: ActionStatus) -> Mapping[str, JSON]:
        goal = self.scale.goal(value, before)
        rate, out = self.nearest_rate(value.rate), isinstance(value, Dispense)
        if not 0 <= goal <= self.strokes:
            held = before * self.resolution_mL
            raise self.outside(
                f"{value!r} goes beyond the syringe: it holds {held:.4g} of {self.settings.volume_mL:g} mL"
            )
        port = self.settings.outlet if out else self.settings.inlet
        with self._not_begun():
            await self.turn(port)
            await self.load_rate(rate)
            now = round((await self.rest(f"carry out {value!r}")).position * self.strokes)
            if now != before:
                raise self.refused(f"stands at step {now} instead of {before}: somebody else works with this pump")
        self._target = goal * self.resolution_mL
        self.rate.tell(rate)
        begun = self.clock.now()
        await self.begin_move(goal, rate)
        await self._arrive(before, goal, rate, status)
        moved = abs(goal - before) * self.resolution_mL
        return {
            "volume_mL": round(moved, 6),
            "requested_mL": value.volume,
            "rate_mL_min": rate,
            "seconds": round(self.clock.now() - begun, 3),
            "port": port,
            "contents_mL": self.contents_mL.get(),
            "state": {"contents_mL": self.contents_mL.get()},
        }

    async def _arrive(self, before: int, goal: int, rate: float, status: ActionStatus) -> None:
        """Wait until it stands still at its goal.

        Raises:
            InstrumentTimeout: It goes on well after it should have ended; it was stopped.
            InstrumentAlarm: It stands somewhere else.
        """
        wanted = abs(goal - before) * self.resolution_mL
        expected, begun = wanted / rate * 60.0, self.clock.now()
        last: list[PumpState] = []

        async def stands() -> bool:
            last[:] = [with_trouble(await self.see(), last)]
            self.volume.tell(round(abs(last[0].position * self.strokes - before) * self.resolution_mL, 6))
            status.progress(float(self.volume.get()), wanted, "mL")
            return not last[0].moving

        while (left := begun + expected - self.clock.now()) > self.settings.poll_s:
            await asyncio.sleep(min(left, self.settings.watch_s))
            if await stands():
                break
        if not await self.until(stands, poll_s=self.settings.poll_s, timeout_s=expected * _SLOW + _MARGIN):
            await self._stop()
            msg = f"still moved after {self.clock.now() - begun:.1f} s; {wanted:g} mL at {rate:g} mL/min take {expected:.1f} s; stopped"
            raise InstrumentTimeout(msg)
        reached = round(last[0].position * self.strokes)
        if last[0].trouble or last[0].initialized is False or reached != goal:
            why = last[0].trouble or "it was halted, lost its power, or was used by somebody else"
            raise InstrumentAlarm(f"moved {self.volume.get():g} of {wanted:g} mL: {why}")

    async def _initialize(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Initialise and wait for it.

        Raises:
            InstrumentAlarm: It failed.
        """
        await self.rest("initialise", initializing=True)
        self._baseline, self._target, self._known = None, 0.0, False
        await self.begin_initialize()
        state = await self.settled(self.settings.initialize_s, "initialising")
        if not state.trouble:
            await self.set_scale()
            state = await self.see()
        if state.trouble or state.initialized is False:
            why = state.trouble or "the pump says that it is not initialised"
            raise InstrumentAlarm(f"initialising failed: {why}. Look at syringe, valve and tubes, then do it again")
        return {
            "initialized": True,
            "port": await self.where(),
            "contents_mL": self.contents_mL.get(),
            "state": {"contents_mL": self.contents_mL.get()},
        }

    # ---- stopping, and settling what is in doubt ---------------------------------------------------------------

    async def do_reconcile(self, intent: Intent) -> Reconciled:
        """Compare the position with that before the action; the pump must have been halted."""
        await self.ready()
        with self._named():
            state = await self.see()
        command, before = command_from_json(intent.value), intent.context.get("position")
        if not isinstance(command, Dispense | Withdraw) or not isinstance(before, int | float):
            return Reconciled("unknown", why=f"the intent is no movement with its position: {intent.value!r}")
        if state.initialized is False:
            return Reconciled(
                "unknown", why=f"its position means nothing: {state.trouble or 'its power was interrupted'}"
            )
        return self.scale.settle(command, round(float(before) * self.strokes), state)

    # ---- errors ------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _not_begun(self) -> Iterator[None]:
        """Say that the plunger was not moved, where something fails before it is told to."""
        try:
            yield
        except (LinkError, InstrumentAlarm) as error:
            msg = f"the plunger was not moved: {error.message}"
            raise Refused(msg, command=error.command, seen=error.seen) from error
