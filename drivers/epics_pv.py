"""A process variable behind EPICS: a number or a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ophyd import Component as Cpt
from ophyd import EpicsSignal, EpicsSignalRO, Kind

from autolab.drivers.acting import ActionStatus
from autolab.drivers.epics_instrument import EpicsInstrument, known
from autolab.drivers.epics_settings import PVSettings
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON, ActionClass, Intent, Reconciled, Verb
from autolab.model.errors import InstrumentAlarm, WrongInstrument
from autolab.model.roles import Role


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

    def locate(self) -> Mapping[str, Any]:
        """Return what was last written, and what was last read."""
        told = str(self.text.get()) or None if self.settings.kind == "text" else known(self.readback.get())
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
