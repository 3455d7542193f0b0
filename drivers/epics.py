"""Instruments behind EPICS: an axis with a motor record, and any process variable."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ophyd import Component as Cpt
from ophyd import EpicsMotor, EpicsSignal, EpicsSignalRO, Kind

from autolab.drivers.acting import ActionStatus
from autolab.drivers.epics_instrument import EpicsInstrument
from autolab.drivers.epics_settings import MotorSettings, PVSettings
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON, ActionClass, Intent, Reconciled, Verb
from autolab.model.errors import InstrumentAlarm, Refused, WrongInstrument
from autolab.model.roles import Role

__all__ = ["PV", "Motor"]


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
        return {"setpoint": _number(self.setpoint.get()), "readback": _number(self.readback.get())}

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


class PV(EpicsInstrument):
    """A process variable: read by `trigger`, and written by `set` where `write` says how.

    Attributes:
        readback: What it tells, as a number or text.
        setpoint: What was last written.
        unit: As it tells it.
    """

    role: ClassVar[Role] = PVSettings.role
    settings_model = PVSettings
    settings: PVSettings

    readback = Cpt(Reading, value=float("nan"), kind=Kind.hinted)
    text = Cpt(Reading, value="", dtype="string", kind=Kind.normal)
    unit = Cpt(Reading, value="", dtype="string", kind=Kind.config)

    _wanted: float | str | None = None

    def open_record(self) -> Any:  # noqa: ANN401  ophyd ships no types
        """Return ophyd's signal of that name."""
        read = self.settings.readback or self.address.target
        text = self.settings.kind == "text"
        name = f"{self.name}_record"
        if self.settings.write == "no":
            return EpicsSignalRO(read, name=name, string=text)
        return EpicsSignal(read, write_pv=self.address.target, name=name, string=text)

    async def greet(self) -> None:
        """See that its unit is the declared one; learn what it holds."""
        unit = str(self._record.metadata.get("units") or "")
        if self.settings.unit is not None and unit != self.settings.unit:
            raise self.named(WrongInstrument(f"counts in {unit!r}, declared is {self.settings.unit!r}"))
        self.unit.tell(unit)
        await self.where()

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return its name and unit; a variable tells no more by itself."""
        return {"model": self.address.target, "firmware": None, "serial_number": None, "unit": str(self.unit.get())}

    # ---- verbs -------------------------------------------------------------------------------------------------

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """An absolute set point can be written again; what does something each time cannot."""
        if verb == "trigger":
            return "read"
        return "idempotent" if self.settings.write == "absolute" else "once"

    def check_value(self, value: object) -> None:
        """Refuse what must not be written."""
        if self.settings.write == "no":
            raise self.outside(f"{value!r}: it is read only. Say `write: absolute` (or `once`) to have it written")
        if self.settings.kind == "text":
            if not isinstance(value, str):
                raise self.outside(f"{value!r} is no text")
            return
        number = self.number(value, "a number, in its unit")
        self.check_limit("value", number)
        low, high = (self._record.limits if self._record is not None else None) or (0, 0)
        if low < high and not low <= number <= high:
            raise self.outside(f"{number:g} is outside its own limits {low:g}..{high:g}")

    def samples(self) -> Sequence[object]:
        """Nothing can be written unless it is said."""
        return ()

    def locate(self) -> Mapping[str, Any]:
        """Return what was last written, and what was last read."""
        told = str(self.text.get()) or None if self.settings.kind == "text" else _number(self.readback.get())
        return {"setpoint": self._wanted, "readback": told}

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Read it."""
        return self._result(await self.where())

    async def do_set(self, value: Any, status: ActionStatus) -> Mapping[str, JSON]:  # noqa: ANN401  checked
        """Write it once, and return when it tells the same.

        Raises:
            InstrumentAlarm: It does not in time.
        """
        self.check_value(value)
        await self._write(value)
        return self._result(await self.where())

    async def do_make_safe(self) -> None:
        """Write its safe value, where one is declared."""
        self.end_action()
        if self.settings.safe_value is not None:
            await self.ready()
            await self._write(self.settings.safe_value)

    async def do_reconcile(self, intent: Intent) -> Reconciled:
        """Say of an absolute set point by what it tells whether it was written."""
        await self.ready()
        told = await self.where()
        if self.settings.write == "absolute" and intent.verb == "set":
            if self._same(told, intent.value):
                return Reconciled("happened", result=self._result(told), why=f"it tells {told}")
            return Reconciled("not", why=f"it tells {told}; it can be written again")
        return Reconciled("unknown", why=f"it tells {told}, which does not say whether it was written")

    # ---- what it holds -----------------------------------------------------------------------------------------

    async def where(self) -> float | str:
        """Return what it tells, and tell the signals."""
        value = await self.get(self._record)
        if self.settings.kind == "text":
            self.text.tell(str(value))
            return str(value)
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise self.named(WrongInstrument(f"holds {value!r}, no number. Say `kind: text`")) from None
        self.readback.tell(number)
        return number

    async def _write(self, value: float | str) -> None:
        self._wanted = value
        await self.put(self._record, value)

        async def told() -> bool:
            return self._same(await self.where(), value)

        if not await self.until(told, poll_s=self.settings.poll_s, timeout_s=self.settings.timeout_s):
            msg = f"tells {await self.where()} {self.settings.timeout_s:g} s after {value!r} was written"
            raise self.named(InstrumentAlarm(msg))

    def _same(self, told: float | str, wanted: object) -> bool:
        if isinstance(told, str) or not isinstance(wanted, int | float):
            return told == wanted
        return abs(told - wanted) <= self.settings.tolerance

    def _result(self, value: float | str) -> Mapping[str, JSON]:
        return {"value": value, "unit": str(self.unit.get())}


def _number(value: object) -> float | None:
    number = float(str(value))
    return number if math.isfinite(number) else None
