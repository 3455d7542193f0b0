"""IO Rodeo's Rodeostat.

Written from its firmware and the maker's library; not yet checked on hardware.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import rodeostat_protocol as wire
from autolab.drivers.instrument import ActionStatus, OphydInstrument
from autolab.drivers.query import Query
from autolab.drivers.rodeostat_protocol import Sample
from autolab.drivers.rodeostat_settings import RANGES, RodeostatSettings
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON, ActionClass, Intent, Reconciled, Verb
from autolab.model.errors import GarbledReply, InputError, InstrumentAlarm, Refused, WrongInstrument
from autolab.model.roles import Role

_log = logging.getLogger("autolab.drivers.rodeostat")
OFF: Final = "off"
VOLT_RANGES: Final = (("1V", 1.0), ("2V", 2.0), ("4V", 4.0), ("5V", 5.0), ("8V", 8.0), ("10V", 10.0))
_FULL: Final = 0.999  # part of the range from which a current may be cut off
_PATIENCE: Final = 2.0  # s that a sample may be late
_STEPS: Final = 4095  # of the 12-bit voltage output


class Saturated(InstrumentAlarm):
    """The current left its range: what was recorded is not what flowed."""


class Rodeostat(OphydInstrument):
    """A potentiostat: `trigger` runs the test of its settings; `set(volts)` holds a potential, `set("off")` lets go.

    Attributes:
        elapsed: Times of the samples, s.
        voltage: Potentials of the working electrode against the reference, V.
        current: Currents, A.
        charge: That passed, C.
        highest_current: A.
        lowest_current: A.
        held: The potential that is asked for, V.
    """

    role: ClassVar[Role] = RodeostatSettings.role
    settings_model = RodeostatSettings
    settings: RodeostatSettings
    line_settings: ClassVar[Mapping[str, str]] = {"baud": "115200"}

    elapsed = Cpt(Reading, value=[], dtype="array", units="s", kind=Kind.normal)
    voltage = Cpt(Reading, value=[], dtype="array", units="V", kind=Kind.normal)
    current = Cpt(Reading, value=[], dtype="array", units="A", kind=Kind.normal)
    charge = Cpt(Reading, value=float("nan"), units="C", kind=Kind.hinted)
    highest_current = Cpt(Reading, value=float("nan"), units="A", kind=Kind.hinted)
    lowest_current = Cpt(Reading, value=float("nan"), units="A", kind=Kind.normal)
    saturated = Cpt(Reading, value=0, dtype="integer", kind=Kind.normal)
    held = Cpt(Reading, value=0.0, units="V", kind=Kind.normal)
    model = Cpt(Reading, value="", dtype="string", kind=Kind.config)
    firmware = Cpt(Reading, value="", dtype="string", kind=Kind.config)
    serial_number = Cpt(Reading, value="", dtype="string", kind=Kind.config)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self.switched = False  # whether its electrodes can be let go: hardware V0.2
        self._halting = False
        self._target: float | str | None = None
        self.check_test()

    def check_test(self) -> None:
        """Refuse a test beyond the lab's limits.

        Raises:
            InputError: It goes there.
        """
        test = self.settings.test
        bounds = self.settings.limits.get("voltage")
        for volts in (*test.span(), *([test.quiet_V] if test.quiet_s else [])):
            if bounds is not None and not bounds[0] <= volts <= bounds[1]:
                msg = f"{self.name}: test: {volts:g} V is outside limits.voltage {bounds[0]:g}..{bounds[1]:g} V"
                raise InputError(msg)

    # ---- meeting it --------------------------------------------------------------------------------------------

    def identify_query(self) -> Query[object]:
        """Ask for variant and device number."""
        return wire.identity()

    def takes(self, frame: bytes, sent: bytes) -> bool:
        """Take samples of a run that nobody waits for, begun before this process was."""
        return not sent and wire.is_streamed(frame)

    async def do_greet(self) -> None:
        """See that it is the right one and what it can do; a run in progress goes on.

        Raises:
            WrongInstrument: It has another device number.
        """
        _, number = await self.again(wire.identity)
        wanted = self.settings.device_id
        if wanted is not None and number != wanted:
            msg = f"device {number} answers instead of {wanted}. Check the cables or the lab file"
            raise WrongInstrument(msg, instrument=self.name, port=self.address.port, command="getDeviceId")
        try:
            await self.again(lambda: wire.value("getHardwareVersion", "version", str))
            self.switched = True
        except Refused:
            self.switched = False  # V0.1 does not know the command

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return variant, firmware and device number."""
        variant, number = await self.again(wire.identity)
        firmware = await self.again(lambda: wire.value("getVersion", "version", str))
        self.model.tell(variant)
        self.firmware.tell(firmware)
        self.serial_number.tell(str(number))
        return {"model": variant, "firmware": firmware, "serial_number": str(number)}

    # ---- verbs -------------------------------------------------------------------------------------------------

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """A run changes the sample (it deposits, consumes, ages), so that it is not begun again; a potential is absolute."""
        return "once" if verb == "trigger" else "idempotent"

    def check_value(self, value: object) -> None:
        """Check a potential, or "off".

        Raises:
            OutsideLimits: It is neither, or beyond the limits or 10 V.
        """
        if isinstance(value, str) and value == OFF:
            return
        volts = self.number(value, "a potential in V, or 'off'")
        self.check_limit("voltage", volts, "V")
        if abs(volts) > VOLT_RANGES[-1][1]:
            raise self.outside(f"{volts:g} V is more than a Rodeostat can: 10 V")

    def samples(self) -> Sequence[object]:
        """Return potentials that all cells stand, and off."""
        return (0.1, -0.1, OFF)

    def locate(self) -> Mapping[str, Any]:
        """Return the potential last wanted and that asked for now, V."""
        return {"setpoint": self._target, "readback": float(self.held.get())}

    async def do_set(self, value: float | str, status: ActionStatus) -> Mapping[str, JSON]:
        """Hold a potential, or let the cell go at 0 V.

        Raises:
            Refused: The potential that it reads back is another.
        """
        self._target = value
        if isinstance(value, str):
            return await self._let_go()
        volts = await self.again(lambda: self._hold(float(value)))
        self.held.tell(volts)
        return {"voltage_V": volts}

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Run the test and return a summary and its samples.

        Raises:
            Refused: It does not know the test, the range or a parameter.
            Saturated: The current left its range, where that is to fail.
            InstrumentAlarm: It ended early, or the current was outside the limits.
        """
        self._halting = False
        await self.again(self._arrange)
        test, period = self.settings.test, self.settings.sample_ms
        done = await self.again(lambda: wire.value("getTestDoneTime", "testDoneTime", int, test=test.wire))
        self._check_duration(done)

        def progress(taken: Sample) -> None:
            if taken.ms % (50 * period) == 0:
                self.clock.loop.call_soon_threadsafe(status.progress, taken.ms / 1000, done / 1000, "s")

        patience = _PATIENCE + period / 1000 / min(1.0, self.clock.scale)
        samples = await self.query(wire.run(test.wire, period, patience, progress, lambda: self._halting))
        missing = done // period - len(samples)
        if missing and not (missing == 1 and test.last_may_lack):
            msg = f"{test.kind} ended after {len(samples)} of {done // period} samples: somebody stopped it"
            raise self._alarm(msg)
        self._check_volts(samples)
        return self._tell(samples)

    async def do_reconcile(self, intent: Intent) -> Reconciled:
        """Read the potential back; whether a run came to its end is not recorded."""
        if intent.verb == "trigger":
            return Reconciled("unknown", why="a Rodeostat keeps nothing of a run: look at the sample")
        await self.ready()
        volts = await self.again(lambda: wire.value("getVolt", "v", float))
        wanted = 0.0 if intent.value == OFF else intent.value
        same = isinstance(wanted, int | float) and abs(volts - wanted) <= self._step(wanted)
        return Reconciled("happened" if same else "not", why=f"{volts:g} V are asked for")

    async def do_halt(self) -> None:
        """Stop a run and ask for 0 V; a run in progress hears it with its next sample."""
        self._halting = True
        self.end_action()
        await self.ready()
        await self._let_go(urgent=True)

    async def do_make_safe(self) -> None:
        """Stop a run, ask for 0 V and let the electrodes go.

        Raises:
            InstrumentAlarm: It still asks for a potential.
        """
        await self.do_halt()

    # ---- the wire ----------------------------------------------------------------------------------------------

    async def _let_go(self, *, urgent: bool = False) -> Mapping[str, JSON]:
        volts = await self.again(self._stop, urgent=urgent)
        self.held.tell(volts)
        if abs(volts) > self._step(10.0):
            msg = f"still asks for {volts:g} V behind stopTest: pull its USB plug or an electrode's lead"
            raise self._alarm(msg)
        return {"voltage_V": volts}

    def _stop(self) -> Query[float]:
        yield from wire.stop()
        yield from wire.value("setVolt", "v", float, v=0.0)
        if self.switched:
            yield from wire.value("setAllElectConnected", "connected", bool, connected=False)
        return float((yield from wire.value("getVolt", "v", float)))

    def _hold(self, volts: float) -> Query[float]:
        names = [name for name, most in VOLT_RANGES if most >= abs(volts)]
        for name in names:
            try:
                yield from wire.value("setVoltRange", "voltRange", str, voltRange=name)
                break
            except Refused:
                if name == names[-1]:  # a variant has four of the six
                    raise
        yield from wire.value("setCurrRange", "currRange", str, currRange=self.settings.current_range)
        yield from wire.value("setVolt", "v", float, v=volts)
        if self.switched:
            yield from wire.value("setAllElectConnected", "connected", bool, connected=True)
        found = float((yield from wire.value("getVolt", "v", float)))
        if abs(found - volts) > self._step(volts):
            msg = f"took {found:g} V instead of {volts:g} V"
            raise Refused(msg, command="setVolt")
        return found

    def _arrange(self) -> Query[None]:
        """Set range, sample period and parameters, each read back; the period first, for a square wave counts with it."""
        settings, test = self.settings, self.settings.test
        name = yield from wire.value("setCurrRange", "currRange", str, currRange=settings.current_range)
        period = yield from wire.value("setSamplePeriod", "samplePeriod", int, samplePeriod=settings.sample_ms)
        wanted = test.all_parameters()
        found = yield from wire.value("setParam", "param", dict, test=test.wire, param=wanted)
        if (name, period) != (settings.current_range, settings.sample_ms) or not same(found, wanted):
            msg = f"reads back {name}, {period} ms and {found} instead of {wanted}"
            raise GarbledReply(msg)

    def _check_duration(self, done: int) -> None:
        test, period = self.settings.test, self.settings.sample_ms
        wanted = test.lasts_ms(period) + test.all_parameters()["quietTime"]
        if abs(done - wanted) > period:
            msg = f"{test.kind} would take {done} ms instead of {wanted} ms: its parameters are not understood"
            raise Refused(msg, instrument=self.name, port=self.address.port, command="getTestDoneTime")

    def _check_volts(self, samples: Sequence[Sample]) -> None:
        low, high = self.settings.test.span()
        quiet = self.settings.test.quiet_V
        edge = 1e-3 * max(1.0, abs(low), abs(high))
        for one in samples:
            inside = low - edge <= one.volts <= high + edge or abs(one.volts - quiet) <= edge or one is samples[-1]
            if not inside:  # behind its last step the firmware may say 0
                msg = f"the sample at {one.ms} ms is of {one.volts:g} V, which the test does not have"
                raise GarbledReply(msg, instrument=self.name, port=self.address.port)

    def _tell(self, samples: Sequence[Sample]) -> Mapping[str, JSON]:
        settings = self.settings
        times = [one.ms / 1000 for one in samples]
        volts = [one.volts for one in samples]
        amperes = [round(one.microamperes * 1e-6, 15) for one in samples]
        full = RANGES[settings.current_range] * _FULL
        over = sum(abs(one.microamperes) >= full for one in samples)
        charge = sum(amperes) * settings.sample_ms / 1000
        self.elapsed.tell(times)
        self.voltage.tell(volts)
        self.current.tell(amperes)
        self.charge.tell(charge)
        self.highest_current.tell(max(amperes, default=float("nan")))
        self.lowest_current.tell(min(amperes, default=float("nan")))
        self.saturated.tell(over)
        if over and settings.on_saturation == "fail":
            msg = f"the current left {settings.current_range} in {over} of {len(samples)} samples: take a higher range"
            raise Saturated(msg, instrument=self.name, port=self.address.port)
        self._check_current(amperes)
        return {
            "test": settings.test.kind,
            "samples": len(samples),
            "saturated": over,
            "charge_C": charge,
            "highest_current_A": max(amperes, default=None),
            "lowest_current_A": min(amperes, default=None),
            "time_s": [*times],
            "voltage_V": [*volts],
            "current_A": [*amperes],
        }

    def _check_current(self, amperes: Sequence[float]) -> None:
        bounds = self.settings.limits.get("current")
        outside = [one for one in amperes if bounds is not None and not bounds[0] <= one <= bounds[1]]
        if outside and bounds is not None:
            msg = f"current {max(outside, key=abs):g} A is outside the limits {bounds[0]:g}..{bounds[1]:g} A"
            raise self._alarm(msg)

    def _alarm(self, message: str) -> InstrumentAlarm:
        return InstrumentAlarm(message, instrument=self.name, port=self.address.port)

    def _step(self, volts: float) -> float:
        """Return how far a potential may be from the wanted one: a step of the range that it needs, V."""
        return 2.0 * next(most for _, most in VOLT_RANGES if most >= min(10.0, abs(volts))) / _STEPS


def same(found: Any, wanted: Any) -> bool:  # noqa: ANN401  JSON
    """Say whether parameters were read back as sent, in the firmware's single precision."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(key in found and same(found[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(same, found, wanted))
    if isinstance(wanted, float):
        single: float = struct.unpack("f", struct.pack("f", wanted))[0]
        return isinstance(found, int | float) and abs(found - single) <= 1e-5 + 1e-5 * abs(single)
    return bool(found == wanted)
