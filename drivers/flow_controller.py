"""What all mass flow controllers have in common: a flow is set, arrives and stays, or the valve is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers.arrival import Arrival
from autolab.drivers.flow_settings import GasFlowSettings
from autolab.drivers.instrument import ActionStatus, OphydInstrument
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON, ActionClass, Intent, Reconciled, Verb
from autolab.model.errors import InstrumentAlarm, Refused
from autolab.model.roles import Role

NAN: Final = float("nan")
_CLOSES: Final = 30.0  # s of lab time that a closed valve may take to let nothing through


class GasFlowController(OphydInstrument):
    """A mass flow controller: `set(mL/min)` is done when the flow has stayed near for the dwell; 0 or "closed" closes.

    A driver implements `look` and `command`, and tells `full_scale` when it has met the apparatus.

    Attributes:
        flow: mL/min at the apparatus's own reference conditions.
        setpoint: As the apparatus tells it, mL/min.
        full_scale: The most that it measures, mL/min.
        target: What it was told last by this process, mL/min; None before.
    """

    role: ClassVar[Role] = GasFlowSettings.role
    settings: GasFlowSettings

    flow = Cpt(Reading, value=NAN, units="mL/min", precision=3, kind=Kind.hinted)
    setpoint = Cpt(Reading, value=NAN, units="mL/min", precision=3, kind=Kind.normal)
    full_scale = Cpt(Reading, value=NAN, units="mL/min", kind=Kind.config)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self.target: float | None = None

    # ---- what a driver implements ------------------------------------------------------------------------------

    async def look(self) -> None:
        """Read flow and set point, and tell the signals."""
        raise NotImplementedError

    def objection(self) -> str:
        """Return why its flows are wrong altogether, by the last look (another gas); empty where they are right."""
        return ""

    def doubt(self) -> str:
        """Return why the flow of the last look is not to be believed (over range); empty where it is."""
        return ""

    async def command(self, flow: float, *, urgent: bool = False) -> float:
        """Send a set point and return it as it reads back, both mL/min."""
        raise NotImplementedError

    @property
    def step(self) -> float:
        """How near a set point reads back to what was sent, mL/min."""
        raise NotImplementedError

    def controls(self) -> bool:
        """Say whether it has a valve; a meter has none."""
        return True

    def details(self) -> Mapping[str, JSON]:
        """Return what else it last told, for results."""
        return {}

    # ---- what may be asked of it -------------------------------------------------------------------------------

    @property
    def tolerance(self) -> float:
        """How near a flow must be, mL/min."""
        return self.settings.tolerance_percent / 100 * float(self.full_scale.get())

    def samples(self) -> Sequence[object]:
        """Return flows, and closed."""
        return (100.0, 20.0, 0, 50.0, "closed") if self.controls() else ()

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """An absolute set point can be given again."""
        return "read" if verb == "trigger" else "idempotent"

    def locate(self) -> Mapping[str, Any]:
        """Return the set point (None while none was given) and the last readback."""
        return {"setpoint": self.target, "readback": float(self.flow.get())}

    def check_value(self, value: object) -> None:
        """Check a flow against the lab's limits and, once it is known, the full scale.

        Raises:
            OutsideLimits: It must not be sent.
        """
        if not self.controls():
            raise self.outside(f"{value!r}: this is a meter; it has no valve")
        if value == "closed":
            return
        flow = self.number(value, "a flow in mL/min, or 'closed'")
        if flow < 0:
            raise self.outside(f"{flow:g} mL/min: a flow is not negative")
        if flow > 0:
            self.check_limit("flow", flow, "mL/min")
        if flow > float(self.full_scale.get()) * (1 + 1e-9):  # never with NaN, before it was read
            raise self.outside(f"{flow:g} mL/min is more than its full scale, {self.full_scale.get():g} mL/min")

    # ---- verbs -------------------------------------------------------------------------------------------------

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Read the flow.

        Raises:
            InstrumentAlarm: Its set point is not the one that it was given, or its measurement is not to be believed.
        """
        await self.look()
        self._compare()
        if why := self.objection() or self.doubt():
            raise self.alarm(why)
        return {"flow_mL_min": float(self.flow.get()), **self._told(), **self.details()}

    async def do_set(self, value: float | str, status: ActionStatus) -> Mapping[str, JSON]:
        """Have the flow come to a set point and stay there.

        Raises:
            Refused: It does not take the set point.
            InstrumentAlarm: The flow would be wrong, and nothing was sent; or it does not arrive, and the valve is closed.
        """
        self.check_value(value)  # again: now its full scale is known
        flow = 0.0 if value == "closed" else float(value)
        begun = self.clock.now()
        if flow > 0:
            await self.look()
            if why := self.objection():
                raise self.alarm(why)
        await self._order(flow)
        await self._arrive(flow, status)
        return {
            "flow_mL_min": float(self.flow.get()),
            "requested_mL_min": flow,
            **self._told(),
            "seconds": round(self.clock.now() - begun, 3),
            **self.details(),
        }

    async def do_halt(self) -> None:
        """Close the valve."""
        self.end_action()
        await self.ready()
        if self.controls():
            await self._order(0.0, urgent=True)

    async def do_make_safe(self) -> None:
        """Close the valve and see that nothing flows any more.

        Raises:
            InstrumentAlarm: Gas still flows.
        """
        await self.do_halt()
        if self.controls() and not await self.until(self._still, poll_s=self.settings.poll_s, timeout_s=_CLOSES):
            raise self.alarm(
                f"{self.flow.get():g} mL/min still flow {_CLOSES:g} s after it was closed (set point "
                f"{self.setpoint.get():g} mL/min): close the gas at the bottle; tare the apparatus if nothing flows"
                f"{'. ' * bool(self.doubt())}{self.doubt()}"
            )

    async def do_reconcile(self, intent: Intent) -> Reconciled:
        """Say by the set point whether a command was heard; it can be given again either way."""
        if intent.verb != "set":
            return Reconciled("not", why="a reading leaves nothing behind")
        wanted = 0.0 if intent.value == "closed" else float(str(intent.value))
        await self.ready()
        await self.look()
        told = float(self.setpoint.get())
        heard = abs(told - wanted) <= self.step
        return Reconciled(
            "partial" if heard else "not", why=f"its set point reads {told:g} mL/min; it can be given again"
        )

    # ---- within ------------------------------------------------------------------------------------------------

    def alarm(self, message: str) -> InstrumentAlarm:
        """Return the error for an apparatus that does not do what it was told."""
        return InstrumentAlarm(message, instrument=self.name, port=self.address.port)

    def _told(self) -> Mapping[str, JSON]:
        return {"setpoint_mL_min": float(self.setpoint.get())} if self.controls() else {}

    async def _order(self, flow: float, *, urgent: bool = False) -> None:
        """Send a set point and see that it was taken.

        Raises:
            Refused: It reads back otherwise.
        """
        told = await self.command(flow, urgent=urgent)
        self.setpoint.tell(told)
        if abs(told - flow) > self.step:
            msg = (
                f"does not take {flow:g} mL/min: its set point reads {told:g} mL/min. Look whether it listens to the line "
                "(set point source digital), and at its range"
            )
            raise Refused(msg, instrument=self.name, port=self.address.port)
        self.target = flow

    def _compare(self) -> None:
        """Raise InstrumentAlarm when its set point is no longer the one that it was given."""
        told = float(self.setpoint.get())
        if self.target is not None and self.controls() and abs(told - self.target) > self.step:
            target, self.target = self.target, None
            raise self.alarm(
                f"its set point reads {told:g} instead of {target:g} mL/min: its power was interrupted, or somebody has "
                "used its panel. Give it its set point again"
            )

    async def _still(self) -> bool:
        await self.look()
        return not self.doubt() and abs(float(self.flow.get())) <= self.tolerance

    async def _arrive(self, flow: float, status: ActionStatus) -> None:
        """Wait until the flow is there and stays.

        Raises:
            InstrumentAlarm: Time is over; the valve is closed then.
        """
        settings, begun = self.settings, self.clock.now()
        arrival = Arrival(flow, self.tolerance, settings.dwell_s)
        while True:
            await self.look()
            now, reached = self.clock.now(), float(self.flow.get())
            status.progress(reached, flow, "mL/min")
            self._compare()
            if arrival.see(now, NAN if self.doubt() else reached):
                return
            if now - begun > settings.timeout_s:
                why = self.doubt()
                await self._order(0.0)
                raise self.alarm(f"{why}. It was closed" if why else self._late(flow, reached, now - begun))
            await asyncio.sleep(settings.poll_s)

    def _late(self, flow: float, reached: float, seconds: float) -> str:
        """Return what was reached, and what to try."""
        if flow == 0:
            remedy = "close the gas at the bottle; tare the apparatus if nothing flows"
        elif reached < flow:
            remedy = "look at the bottle's valve, the supply pressure and what lies behind the outlet"
        else:
            remedy = "look at the valve, and whether the supply pressure is too high"
        return (
            f"did not stay within {self.tolerance:g} mL/min of {flow:g} mL/min in {seconds:.0f} s: {reached:g} mL/min. "
            f"It was closed. Try: {remedy}"
        )
