"""Vacuubrand CVC 3000 vacuum controller.

Written from public descriptions of its commands; not yet checked on hardware.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final, TypeVar

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import vacuubrand_protocol as wire
from autolab.drivers.arrival import Arrival
from autolab.drivers.instrument import ActionStatus, OphydInstrument
from autolab.drivers.query import Query
from autolab.drivers.signals import Reading
from autolab.drivers.vacuubrand_settings import CVC3000Settings
from autolab.model.actions import JSON, ActionClass, Intent, Reconciled, Verb
from autolab.model.errors import InstrumentAlarm, Refused, WrongInstrument
from autolab.model.roles import Role

T = TypeVar("T")
NAN: Final = float("nan")
_STOPS: Final = 15.0  # s of lab time that a pump may take to stop
_MBAR: Final = ("0", "2")  # digits of the units mbar and hPa


class CVC3000(OphydInstrument):
    """A vacuum controller: `set(bar)` evacuates and holds, `set("off")` stops, `set("vent")` stops and lets air in.

    Attributes:
        pressure: bar, absolute.
        setpoint: bar.
        state: What its control does, in words.
        venting: Whether the venting valve is open.
        pumping: Whether the pump runs.
        firmware: Name and version.
        target: What it was told last by this process, bar; None while it is off.
    """

    role: ClassVar[Role] = CVC3000Settings.role
    settings_model = CVC3000Settings
    settings: CVC3000Settings
    frame_end: ClassVar[bytes] = wire.CRLF
    line_settings: ClassVar[Mapping[str, str]] = {"baud": "19200"}

    pressure = Cpt(Reading, value=NAN, units="bar", precision=4, kind=Kind.hinted)
    setpoint = Cpt(Reading, value=NAN, units="bar", precision=3, kind=Kind.normal)
    state = Cpt(Reading, value="", dtype="string", kind=Kind.normal)
    venting = Cpt(Reading, value=False, dtype="boolean", kind=Kind.normal)
    pumping = Cpt(Reading, value=False, dtype="boolean", kind=Kind.normal)
    firmware = Cpt(Reading, value="", dtype="string", kind=Kind.config)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self.target: float | None = None
        self._version = ""

    @property
    def pace(self) -> float:
        """Time between two commands, s of wall time: only a simulator lives in scaled time, and it paces in its own."""
        return wire.PACE / max(1.0, self.clock.scale)

    # ---- meeting it --------------------------------------------------------------------------------------------

    def identify_query(self) -> Query[object]:
        """Ask name and version."""
        return wire.version(pace=self.pace)

    async def do_greet(self) -> None:
        """Take remote control with echoes; it goes on with what it does.

        Raises:
            WrongInstrument: Its name or version is not the one that is wanted, or its unit is Torr.
        """
        self._version = await self.again(lambda: wire.take_control(pace=self.pace))
        await self._check_remote()
        await self._look()

    async def _check_remote(self) -> None:
        wanted = self.settings.firmware
        if not self._version.startswith(wire.NAME) or wanted not in (None, self._version):
            msg = f"{self._version!r} answers, wanted is {wanted or wire.NAME}. Check the cables"
            raise WrongInstrument(msg, instrument=self.name, port=self.address.port, command="IN_VER")
        told = await self._fenced(lambda: wire.configuration(pace=self.pace))
        if told[2] not in _MBAR:
            msg = "shows Torr: set its unit to mbar at its panel"
            raise WrongInstrument(msg, instrument=self.name, port=self.address.port, command="IN_CFG")
        if told[-1] != "1":
            msg = "does not give remote control to the line: look at its panel"
            raise Refused(msg, instrument=self.name, port=self.address.port, command="REMOTE 1")

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return its name and version; it tells no serial number."""
        told = await self.again(lambda: wire.version(pace=self.pace))
        self.firmware.tell(told)
        return {"model": wire.NAME, "firmware": told.removeprefix(wire.NAME).strip(), "serial_number": None}

    # ---- what may be asked of it -------------------------------------------------------------------------------

    def samples(self) -> Sequence[object]:
        """Return pressures, venting, and off."""
        return (0.5, 0.1, "vent", 0.2, "off")

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """Set points, venting and off can be given again."""
        return "read" if verb == "trigger" else "idempotent"

    def locate(self) -> Mapping[str, Any]:
        """Return the set point (None while it is off) and the last pressure."""
        return {"setpoint": self.target, "readback": float(self.pressure.get())}

    def check_value(self, value: object) -> None:
        """Check a pressure against the lab's limits and the controller's range.

        Raises:
            OutsideLimits: It must not be sent.
        """
        if value in ("off", "vent"):
            return
        bar = self.number(value, "an absolute pressure in bar, 'vent' or 'off'")
        self.check_limit("pressure", bar, "bar")
        if not 1 <= round(bar * 1000) <= wire.HIGHEST:
            raise self.outside(f"{bar:g} bar is outside the controller's range, 0.001..{wire.HIGHEST / 1000:g} bar")

    # ---- verbs -------------------------------------------------------------------------------------------------

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Read the pressure.

        Raises:
            InstrumentAlarm: It reports a fault, or does no longer what it was told.
        """
        await self.look()
        self._compare()
        return self._result()

    async def do_set(self, value: float | str, status: ActionStatus) -> Mapping[str, JSON]:
        """Evacuate to a pressure, vent, or stop.

        Raises:
            Refused: It does not take the command.
            InstrumentAlarm: The pressure does not come in time; it is off then.
        """
        begun = self.clock.now()
        if value == "off":
            await self._stop()
        elif value == "vent":
            await self._vent(status)
        else:
            await self._evacuate(float(value), status)
        return {**self._result(), "seconds": round(self.clock.now() - begun, 3)}

    async def do_halt(self) -> None:
        """Stop the pump; the venting valve stays as it is."""
        self.end_action()
        await self.ready()
        await self._stop(urgent=True)

    async def do_make_safe(self) -> None:
        """Stop the pump, and see that it stands. Venting is never done by itself: it may do harm to what is in the vessel.

        Raises:
            InstrumentAlarm: It still runs.
        """
        await self.do_halt()

    async def do_reconcile(self, intent: Intent) -> Reconciled:
        """Say by the controller's state whether a command was heard; it can be given again either way."""
        if intent.verb != "set":
            return Reconciled("not", why="a reading leaves nothing behind")
        await self.ready()
        told = await self._look()
        if intent.value in ("off", "vent"):
            heard = told.control == 0 and (told.venting or intent.value == "off")
        else:
            heard = told.control != 0 and round(float(str(intent.value)) * 1000) == round(told.setpoint)
        why = f"its control is {wire.STATES[told.control]}, its set point {told.setpoint:g} mbar; it can be given again"
        return Reconciled("partial" if heard else "not", why=why)

    # ---- evacuating, venting, stopping -------------------------------------------------------------------------

    async def _evacuate(self, bar: float, status: ActionStatus) -> None:
        """Have it hold a pressure, and wait until it is there and stays.

        Raises:
            InstrumentAlarm: It does not come in time; it is off then.
        """
        mbar, told = round(bar * 1000), await self._look()
        commands = [] if told.mode == wire.VACUUM_CONTROL else ["STOP 1", f"OUT_MODE {wire.VACUUM_CONTROL}"]
        commands += ["OUT_VENT 0"] if told.venting else []
        running = told.control != 0 and not commands
        commands += [f"OUT_SP_1 {mbar}", *([] if running else ["START"])]
        await self._order(commands)
        told = await self._look()
        if round(told.setpoint) != mbar or told.control == 0:
            msg = f"does not start towards {mbar} mbar: its set point reads {told.setpoint:g} mbar, its control is {self.state.get()}"
            raise self._alarm(self._with_faults(msg, told))
        self.target = mbar / 1000
        await self._arrive(self.target, status)

    async def _arrive(self, bar: float, status: ActionStatus) -> None:
        settings, begun = self.settings, self.clock.now()
        arrival = Arrival(bar, settings.tolerance_bar, settings.dwell_s)
        while True:
            told = await self._look()
            if told.faults:
                await self._stop()
                raise self._alarm(f"{self._with_faults('reports', told)}. It was stopped")
            self._compare()
            now, reached = self.clock.now(), float(self.pressure.get())
            status.progress(reached, bar, "bar")
            if arrival.see(now, reached):
                return
            if now - begun > settings.timeout_s:
                await self._stop()
                raise self._alarm(self._late(bar, reached, now - begun))
            await asyncio.sleep(settings.poll_s)

    async def _vent(self, status: ActionStatus) -> None:
        """Stop, open the venting valve and wait for the room's pressure; the valve stays open.

        Raises:
            InstrumentAlarm: The vessel is not vented in time.
        """
        await self._stop()
        await self._order(["OUT_VENT 1"])
        wanted = self.settings.vented_bar

        async def vented() -> bool:
            told = await self._look()
            status.progress(told.pressure / 1000, wanted, "bar")
            return told.venting and told.pressure / 1000 >= wanted

        if not await self.until(vented, poll_s=self.settings.poll_s, timeout_s=self.settings.vent_s):
            raise self._alarm(
                f"is not vented after {self.settings.vent_s:g} s: {self.pressure.get():.3f} bar, venting valve "
                f"{'open' if self.venting.get() else 'closed'}. Look whether a venting valve is connected, and whether its inlet is free"
            )

    async def _stop(self, *, urgent: bool = False) -> None:
        """Stop the control, and see that the pump stands.

        Raises:
            InstrumentAlarm: It still runs.
        """
        self.target = None
        await self._order(["STOP 1"], urgent=urgent)

        async def stands() -> bool:
            told = await self._look(urgent=urgent)
            return told.control == 0 and not told.pumping

        if not await self.until(stands, poll_s=1.0, timeout_s=_STOPS):
            raise self._alarm(f"still runs {_STOPS:g} s after it was stopped: switch it off at its switch")

    # ---- within ------------------------------------------------------------------------------------------------

    async def _fenced(self, query: Callable[[], Query[T]], *, urgent: bool = False) -> T:
        return await self.again(lambda: wire.fenced(self._version, query(), self.pace), urgent=urgent)

    async def _order(self, commands: list[str], *, urgent: bool = False) -> None:
        """Give orders that may be given twice; take control again where it was lost with its power."""
        try:
            await self._fenced(lambda: wire.orders(commands, pace=self.pace), urgent=urgent)
        except Refused:
            told = await self._fenced(lambda: wire.configuration(pace=self.pace), urgent=urgent)
            if told[-1] == "1":
                raise
            await self.again(lambda: wire.take_control(pace=self.pace), urgent=urgent)
            await self._fenced(lambda: wire.orders(commands, pace=self.pace), urgent=urgent)

    async def look(self) -> None:
        """Read pressure and state.

        Raises:
            InstrumentAlarm: It reports a fault.
        """
        told = await self._look()
        if told.faults:
            raise self._alarm(self._with_faults("reports", told))

    async def _look(self, *, urgent: bool = False) -> wire.State:
        told = await self._fenced(lambda: wire.state(pace=self.pace), urgent=urgent)
        self.pressure.tell(told.pressure / 1000)
        self.setpoint.tell(told.setpoint / 1000)
        self.state.tell(wire.STATES[told.control])
        self.venting.tell(told.venting)
        self.pumping.tell(told.pumping)
        return told

    def _result(self) -> Mapping[str, JSON]:
        return {
            "pressure_bar": float(self.pressure.get()),
            "setpoint_bar": float(self.setpoint.get()),
            "state": self.state.get(),
            "venting": bool(self.venting.get()),
        }

    def _compare(self) -> None:
        """Raise InstrumentAlarm when it no longer does what it was told."""
        told, off = float(self.setpoint.get()), self.state.get() == wire.STATES[0]
        if self.target is None or (not off and abs(told - self.target) < 5e-4):
            return
        target, self.target = self.target, None
        raise self._alarm(
            f"was told to hold {target:g} bar, and now its control is {self.state.get()} with a set point of {told:g} bar: its power "
            "was interrupted, or somebody has used its panel"
        )

    def _late(self, bar: float, reached: float, seconds: float) -> str:
        """Return what was reached, and what to try."""
        if reached > bar:
            remedy = "look for a leak, at the pump and at boiling liquid; or allow more time (timeout_s)"
        else:
            remedy = 'the pressure is below, and a vacuum controller cannot raise it: set("vent") first'
        return (
            f"did not stay within {self.settings.tolerance_bar:g} bar of {bar:g} bar in {seconds:.0f} s: {reached:.4f} bar. It was "
            f"stopped. Try: {remedy}"
        )

    def _with_faults(self, message: str, told: wire.State) -> str:
        return f"{message}: {', '.join(told.faults)}. See its manual" if told.faults else message

    def _alarm(self, message: str) -> InstrumentAlarm:
        return InstrumentAlarm(message, instrument=self.name, port=self.address.port)
