"""A simple instrument that is described in the lab file: what is sent, what its answers look like, how it is set."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import generic_protocol as wire
from autolab.drivers.arrival import Arrival
from autolab.drivers.generic_settings import QuerySettings, Question, SetCommand
from autolab.drivers.instrument import ActionStatus, OphydInstrument
from autolab.drivers.query import Query as Asking
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON, ActionClass, Intent, Reconciled, Verb
from autolab.model.errors import GarbledReply, InstrumentAlarm, WrongInstrument
from autolab.model.roles import Role

_NAN = float("nan")


class Told(Reading):
    """A reading whose unit the lab file tells."""

    def of(self, units: str) -> None:
        """Take the unit over."""
        self._units = units


class Query(OphydInstrument):
    """An instrument that answers a question with a number, and may be set.

    Several may share a line, such as two quantities of one apparatus: `?bus=N` in their addresses tells them apart, and
    is not sent.

    Attributes:
        value: The reading, in the lab file's unit.
        setpoint: As last set by this process; not a number before.
        model: The name that it gives, where it is asked.
    """

    role: ClassVar[Role] = QuerySettings.role
    settings_model = QuerySettings
    settings: QuerySettings

    value = Cpt(Told, value=_NAN, kind=Kind.hinted)
    setpoint = Cpt(Told, value=_NAN, kind=Kind.normal)
    model = Cpt(Reading, value="", dtype="string", kind=Kind.config)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self.frame_end = self.settings.ends[1]  # type: ignore[misc]  # the lab file's, not the class's
        self.value.of(self.settings.unit)
        self.setpoint.of(self.settings.unit)
        self._known_as: str | None = None
        self._back = _NAN  # the last readback

    @property
    def pace(self) -> float:
        """Time left between two texts, s of wall time: only a simulator lives in scaled time, and it paces in its own."""
        return self.settings.pause_s / max(1.0, self.clock.scale)

    # ---- meeting it --------------------------------------------------------------------------------------------

    def identify_query(self) -> Asking[object]:
        """Ask for its name; where it has none, take a reading, which shows that it answers."""
        settings = self.settings
        if settings.identify is not None:
            return (yield from wire.text(settings, settings.identify, self.pace))
        yield from wire.text(settings, settings.reading, self.pace)
        return "answers"

    async def do_greet(self) -> None:
        """Ask who it is, and take a reading.

        Raises:
            WrongInstrument: What answers does not look like what the lab file describes.
        """
        try:
            found = await self.again(self.identify_query)
        except GarbledReply as error:
            msg = f"another instrument answers than its lab file describes: {error.message}"
            raise WrongInstrument(msg, command=error.command, seen=error.seen) from error
        self._known_as = str(found) if self.settings.identify is not None else None
        self.model.tell(self._known_as or "")
        await self._look()

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return its name, where it is asked."""
        await self.again(self.identify_query)
        return {"model": self._known_as, "firmware": None, "serial_number": None}

    # ---- what may be asked of it -------------------------------------------------------------------------------

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """An absolute set point can be given again."""
        return "read" if verb == "trigger" else "idempotent"

    def check_value(self, value: object) -> None:
        """Check a set point.

        Raises:
            OutsideLimits: It must not be sent.
        """
        if self.settings.set is None:
            raise self.outside(f"{value!r}: it can only be read, its lab file says no `set`")
        wanted = self.number(value, f"a number of {self.settings.unit or 'its unit'}")
        self.check_limit("value", wanted, self.settings.unit)

    def samples(self) -> Sequence[object]:
        """Return the middle of the limits, and a quarter, where it can be set."""
        bounds = self.settings.limits.get("value")
        if self.settings.set is None or bounds is None:
            return ()
        low, high = bounds
        return ((low + high) / 2, low + (high - low) / 4)

    def locate(self) -> Mapping[str, Any]:
        """Return set point and last reading."""
        wanted = float(self.setpoint.get())
        return {"setpoint": None if math.isnan(wanted) else wanted, "readback": float(self.value.get())}

    # ---- commands ----------------------------------------------------------------------------------------------

    async def do_set(self, value: float, status: ActionStatus) -> Mapping[str, JSON]:
        """Send the value, and wait until the readback has come to it."""
        told = self.settings.set
        if told is None:  # check_value has said so already
            raise self.outside("it can only be read")
        begun, start = self.clock.now(), float(self.value.get())
        arrival = Arrival(await self._send(told, float(value)), told.tolerance, told.dwell_s)

        async def look() -> bool:
            self._back = await self._ask(self.settings.readback)
            if self.settings.readback == self.settings.reading:
                self.value.tell(self._back)
            status.progress(self._back - start, arrival.target - start, self.settings.unit)
            return arrival.see(self.clock.now(), self._back)

        if not await self.until(look, poll_s=told.poll_s, timeout_s=told.timeout_s):
            msg = (
                f"came to {self._back:g} instead of {arrival.target:g} {self.settings.unit} within {told.timeout_s:g} s. "
                "Is it on, in remote control, and able to reach it? Or allow more `tolerance` or `timeout_s`"
            )
            raise InstrumentAlarm(msg, instrument=self.name, port=self.address.port)
        await self._look()
        return {
            "value": float(self.value.get()),
            "readback": self._back,
            "commanded": arrival.target,
            "unit": self.settings.unit,
            "seconds": round(self.clock.now() - begun, 3),
        }

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Take a reading."""
        return {"value": await self._look(), "unit": self.settings.unit}

    async def do_make_safe(self) -> None:
        """Set the safe value, where one is declared, and see that the instrument has it.

        Raises:
            InstrumentAlarm: The readback does not come to it.
        """
        await self.do_halt()
        told = self.settings.set
        if told is None or told.safe is None:
            return
        await self.ready()
        target = await self._send(told, told.safe)

        async def safe() -> bool:
            self._back = await self._ask(self.settings.readback)
            return abs(self._back - target) <= told.tolerance + 1e-9

        if not await self.until(safe, poll_s=told.poll_s, timeout_s=told.timeout_s):
            msg = f"stays at {self._back:g} instead of the safe {target:g} {self.settings.unit}: switch it off"
            raise InstrumentAlarm(msg, instrument=self.name, port=self.address.port)

    async def do_reconcile(self, intent: Intent) -> Reconciled:
        """An absolute set point leaves nothing to settle: it can be given again."""
        return Reconciled("not", why=f"{intent.verb} of {self.name} can be done again")

    async def _send(self, told: SetCommand, value: float) -> float:
        """Send a set point, and return it as the template has rounded it."""
        command = told.template.format(value=value)
        await self.again(lambda: wire.order(self.settings, command, told.answer, self.pace))
        before, _, behind = told.template.partition("{")
        try:
            sent = float(command.removeprefix(before).removesuffix(behind.rpartition("}")[2]))
        except ValueError:
            sent = value  # in another form than a decimal number
        self.setpoint.tell(sent)
        return sent

    async def _look(self) -> float:
        reading = await self._ask(self.settings.reading)
        self.value.tell(reading)
        return reading

    async def _ask(self, question: Question) -> float:
        return await self.again(lambda: wire.reading(self.settings, question, self._known_as, self.pace))
