"""An axis behind an EPICS motor record."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from ophyd import Component as Cpt
from ophyd import EpicsMotor, EpicsSignalRO, Kind

from autolab.drivers.acting import ActionStatus
from autolab.drivers.epics_instrument import EpicsInstrument, known
from autolab.drivers.epics_settings import MotorSettings
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON, ActionClass, Intent, Reconciled, Verb
from autolab.model.errors import InstrumentAlarm, Refused, WrongInstrument
from autolab.model.roles import Role


class MotorRecord(EpicsMotor):  # type: ignore[misc]  # ophyd ships no types
    """Ophyd's motor, and what a record tells of itself."""

    description = Cpt(EpicsSignalRO, ".DESC", kind="omitted", string=True)
    record_type = Cpt(EpicsSignalRO, ".RTYP", kind="omitted", string=True)


class Motor(EpicsInstrument):
    """An axis: `set(12.5)` moves it there, in the record's unit.

    Attributes:
        readback: Where it is.
        setpoint: Where it was last told to go.
        unit: As the record tells it.
        description: The same.
    """

    role: ClassVar[Role] = MotorSettings.role
    settings_model = MotorSettings
    settings: MotorSettings

    readback = Cpt(Reading, value=float("nan"), kind=Kind.hinted)
    setpoint = Cpt(Reading, value=float("nan"), kind=Kind.normal)
    unit = Cpt(Reading, value="", dtype="string", kind=Kind.config)
    description = Cpt(Reading, value="", dtype="string", kind=Kind.config)

    _soft: tuple[float, float] | None = None

    def open_record(self) -> Any:  # noqa: ANN401  ophyd ships no types
        """Return ophyd's motor of that name."""
        return MotorRecord(self.address.target, name=f"{self.name}_record")

    async def greet(self) -> None:
        """See that it is a motor record in the declared unit; learn its limits and where it is."""
        kind = str(await self.get(self._record.record_type))
        if kind != "motor":
            raise self.named(WrongInstrument(f"is a record of type {kind!r}, not a motor. Check the address"))
        unit = str(await self.get(self._record.motor_egu))
        if self.settings.unit is not None and unit != self.settings.unit:
            raise self.named(WrongInstrument(f"counts in {unit!r}, declared is {self.settings.unit!r}"))
        self.unit.tell(unit)
        await self._learn_limits()
        await self.where()

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return type and description of the record, and its unit."""
        description = str(await self.get(self._record.description))
        self.description.tell(description)
        return {
            "model": "motor record", "firmware": None, "serial_number": None,
            "description": description, "unit": str(self.unit.get()),
        }  # fmt: skip

    # ---- verbs -------------------------------------------------------------------------------------------------

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """What became of a movement, its position tells."""
        return "read" if verb == "trigger" else "queryable"

    def check_value(self, value: object) -> None:
        """Refuse what is no number, or outside the limits of the lab or, as far as they are known, of the record."""
        position = self.number(value, "a position, in the record's unit")
        self.check_limit("position", position)
        if self._soft is not None and not self._soft[0] <= position <= self._soft[1]:
            low, high = self._soft
            raise self.outside(f"position {position:g} is outside the record's soft limits {low:g}..{high:g}")

    def locate(self) -> Mapping[str, Any]:
        """Return the last set point and readback."""
        return {"setpoint": known(self.setpoint.get()), "readback": known(self.readback.get())}

    async def do_prepare(self, verb: Verb, value: object) -> Mapping[str, JSON]:
        """Return where it is."""
        await self.ready()
        return {"position": await self.where()}

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Read where it is."""
        return self._result(await self.where())

    async def do_set(self, value: Any, status: ActionStatus) -> Mapping[str, JSON]:  # noqa: ANN401  checked
        """Move to a position, and return when it stands there.

        Raises:
            OutsideLimits: The record's soft limits forbid it; nothing was sent.
            Refused: It moves already.
            InstrumentAlarm: It stands somewhere else, or does not come to rest in time.
        """
        await self._learn_limits()
        self.check_value(value)
        if await self._moves():
            raise self.named(Refused("moves already. Halt it first"))
        target = float(value)
        self.setpoint.tell(target)
        if (
            abs(await self.where() - target) > self.settings.tolerance
            or await self.get(self._record.user_setpoint) != target
        ):
            await self.put(self._record.user_setpoint, target, wait=False)
            await self._arrive(target, status)
        return self._result(await self.where())

    async def do_halt(self) -> None:
        """Stop it, and wait until it stands."""
        self.end_action()
        await self.ready()
        await self.put(self._record.motor_stop, 1, wait=False)
        await self._rest()

    async def do_make_safe(self) -> None:
        """Stop it.

        Raises:
            InstrumentAlarm: It goes on moving.
        """
        await self.do_halt()
        if await self._moves():
            msg = f"still moves {self.settings.timeout_s:g} s after it was stopped. Press its emergency stop"
            raise self.named(InstrumentAlarm(msg))

    async def do_reconcile(self, intent: Intent) -> Reconciled:
        """Say by its position how far it came."""
        await self.ready()
        await self._rest()
        position = await self.where()
        target, begun = intent.value, intent.context.get("position")
        told = f"it stands at {position:g} {self.unit.get()}"
        if isinstance(target, int | float) and abs(position - target) <= self.settings.tolerance:
            return Reconciled("happened", result=self._result(position), why=told)
        if isinstance(begun, int | float) and abs(position - begun) <= self.settings.tolerance:
            return Reconciled("not", why=f"{told}, where it began")
        return Reconciled("partial", amount=position, why=told)

    # ---- where it is -------------------------------------------------------------------------------------------

    async def where(self) -> float:
        """Return where it is, and tell the signal."""
        position = float(await self.get(self._record.user_readback))
        if not math.isfinite(position):
            raise self.named(InstrumentAlarm(f"tells {position} for its position. Look at its encoder"))
        self.readback.tell(position)
        return position

    async def _moves(self) -> bool:
        return not await self.get(self._record.motor_done_move)

    async def _learn_limits(self) -> None:
        low = float(await self.get(self._record.low_limit_travel))
        high = float(await self.get(self._record.high_limit_travel))
        self._soft = (low, high) if low < high else None  # both 0: none

    async def _rest(self) -> bool:
        async def rests() -> bool:
            return not await self._moves()

        return await self.until(rests, poll_s=self.settings.poll_s, timeout_s=self.settings.timeout_s)

    async def _arrive(self, target: float, status: ActionStatus) -> None:
        """Wait until it says for a while that it is done, and see where it is then."""
        begun, still = await self.where(), float("-inf")
        quiet = 0.0

        async def done() -> bool:
            nonlocal still, quiet
            moves, position = await self._moves(), await self.where()
            status.progress(abs(position - begun), abs(target - begun), str(self.unit.get()))
            now = self.clock.now()
            if moves:
                still = float("-inf")
            elif still == float("-inf"):
                still = now
            quiet = now - still if not moves else 0.0
            near = abs(position - target) <= self.settings.tolerance
            return not moves and (near or quiet >= self.settings.settle_s)

        stands = await self.until(done, poll_s=self.settings.poll_s, timeout_s=self.settings.timeout_s)
        position = await self.where()
        if not stands:
            msg = f"has not come to rest within {self.settings.timeout_s:g} s on its way to {target:g}: it is at {position:g}"
            raise self.named(InstrumentAlarm(msg))
        if abs(position - target) > self.settings.tolerance:
            switch = await self._switch()
            raise self.named(InstrumentAlarm(f"stands at {position:g} instead of {target:g}{switch}"))

    async def _switch(self) -> str:
        for signal, name in ((self._record.high_limit_switch, "high"), (self._record.low_limit_switch, "low")):
            if await self.get(signal):
                return f": its {name} limit switch is reached. Move it back by hand or from its own panel"
        return ": it was stopped by somebody, or its motor does not turn. Look at it before it moves again"

    def _result(self, position: float) -> Mapping[str, JSON]:
        return {"position": position, "unit": str(self.unit.get())}
