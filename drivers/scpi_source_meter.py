"""Source meters that speak SCPI: Keithley 2400, 2401 and 2450.

Written from the makers' manuals; not yet checked on hardware.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers.instrument import ActionStatus
from autolab.drivers.query import Query
from autolab.drivers.scpi_dialects import OTHER, Measured, dialect
from autolab.drivers.scpi_meter import ScpiMeter
from autolab.drivers.scpi_settings import ENVELOPES, SourceMeterSettings
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON, ActionClass, Intent, Reconciled, Verb
from autolab.model.errors import GarbledReply, InstrumentAlarm, Refused
from autolab.model.roles import Role

OFF: Final = "off"
UNITS: Final = {"voltage": "V", "current": "A"}
_AGREE: Final = 2e-5  # of the value: 6 digits are sent back


class InCompliance(InstrumentAlarm):
    """The limit holds, so that the level is not reached, and the settings call that a failure."""


class SourceMeter(ScpiMeter):
    """A source meter: `set(level)` sources (V or A) and switches the output on, `set("off")` off; `trigger` measures.

    Attributes:
        voltage: V.
        current: A.
        resistance: Their ratio, Ohm; nan where no current flows.
        in_compliance: Whether the limit held at the last reading.
        output: Whether the output is on, as far as is known.
        level: The level that was last read back, in the unit of what is sourced.
    """

    role: ClassVar[Role] = SourceMeterSettings.role
    settings_model = SourceMeterSettings
    settings: SourceMeterSettings

    voltage = Cpt(Reading, value=float("nan"), units="V", kind=Kind.hinted)
    current = Cpt(Reading, value=float("nan"), units="A", kind=Kind.hinted)
    resistance = Cpt(Reading, value=float("nan"), units="Ohm", kind=Kind.normal)
    in_compliance = Cpt(Reading, value=False, dtype="boolean", kind=Kind.normal)
    output = Cpt(Reading, value=False, dtype="boolean", kind=Kind.normal)
    level = Cpt(Reading, value=0.0, kind=Kind.normal)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self.dialect = dialect(self.settings.model, self.talk, self.settings.source, self.settings.nplc)
        self.unit = UNITS[self.settings.source]
        self.level.measure_in(self.unit)
        self._when = math.nan
        self._target: float | str | None = None

    async def do_greet(self) -> None:
        """See that it is the right one, and that it speaks the right dialect."""
        await super().do_greet()
        self._when = math.nan
        if self.settings.model == "2450" and (language := await self.again(lambda: self.talk.ask("*LANG?"))) != "SCPI":
            raise self.wrong(f"its command set is {language}: choose SCPI (MENU, System, Settings)")
        self.output.tell(await self.again(lambda: self.talk.is_on(":OUTP?")))

    # ---- verbs -------------------------------------------------------------------------------------------------

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """Measuring reads; a level is absolute and can be set again."""
        return "read" if verb == "trigger" else "idempotent"

    def check_value(self, value: object) -> None:
        """Check a level, or "off".

        Raises:
            OutsideLimits: It is neither, or beyond the lab's limits or what the model can.
        """
        if isinstance(value, str) and value == OFF:
            return
        source, limited = self.settings.source, OTHER[self.settings.source]
        level = self.number(value, f"a level in {self.unit}, or 'off'")
        self.check_limit(source, level, self.unit)
        for sign in (1, -1):
            self.check_limit(limited, sign * self.settings.compliance, f"{UNITS[limited]} (the compliance)")
        pair = (abs(level), self.settings.compliance)
        volts, amperes = pair if source == "voltage" else pair[::-1]
        if not any(volts <= most_v and amperes <= most_a for most_v, most_a in ENVELOPES[self.settings.model]):
            raise self.outside(f"{volts:g} V with {amperes:g} A is more than a {self.settings.model} can")
        if self.settings.source_range is not None and abs(level) > 1.05 * self.settings.source_range:
            raise self.outside(
                f"{level:g} {self.unit} is beyond source_range {self.settings.source_range:g} {self.unit}"
            )

    def samples(self) -> Sequence[object]:
        """Return levels within the compliance of most loads, and off."""
        reach = self.settings.source_range or 0.01
        return (0.5 * reach, -0.5 * reach, 0.0, OFF)

    def locate(self) -> Mapping[str, Any]:
        """Return the last set point and the last reading of what is sourced, in its unit."""
        readback = self.voltage if self.settings.source == "voltage" else self.current
        return {"setpoint": self._target, "readback": float(readback.get())}

    async def do_set(self, value: float | str, status: ActionStatus) -> Mapping[str, JSON]:
        """Source a level with the output on, or switch it off.

        Raises:
            Refused: It did not take the level or the compliance.
            InCompliance: The level is not reached, where that is to fail.
        """
        self._target = value
        if isinstance(value, str):
            return await self._off()
        level = await self.again(lambda: self._source(float(value)))
        self.output.tell(True)
        self.level.tell(level)
        await asyncio.sleep(self.settings.settle_s)
        result = await self._measured()
        if result["in_compliance"] and self.settings.on_compliance == "fail":
            await self._off()
            raise InCompliance(self._held(result), instrument=self.name, port=self.address.port)
        return {f"level_{self.unit}": level, "output": True, **result}

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Measure; the output must be on.

        Raises:
            Refused: It is off.
            InstrumentAlarm: A reading is beyond its range.
        """
        return await self._measured()

    async def do_reconcile(self, intent: Intent) -> Reconciled:
        """Read output and level back."""
        await self.ready()
        on = await self.again(lambda: self.talk.is_on(":OUTP?"))
        level = await self.again(lambda: self.talk.number(f":SOUR:{self.dialect.sourced}:LEV?"))
        wanted = intent.value
        happened = not on if wanted == OFF else on and isinstance(wanted, int | float) and agree(level, wanted)
        why = f"the output is {'on' if on else 'off'}, the level {level:g} {self.unit}"
        return Reconciled("happened" if happened else "not", why=why)

    async def do_halt(self) -> None:
        """Switch the output off."""
        self.end_action()
        await self.ready()
        await self._off(urgent=True)

    async def do_make_safe(self) -> None:
        """Switch the output off, and see that it is.

        Raises:
            InstrumentAlarm: It says that it is still on.
        """
        await self.do_halt()

    # ---- the wire ----------------------------------------------------------------------------------------------

    async def _off(self, *, urgent: bool = False) -> Mapping[str, JSON]:
        on = await self.again(self._switch_off, urgent=urgent)
        self.output.tell(on)
        if on:
            msg = "its output is still on behind :OUTP OFF: press OUTPUT ON/OFF at its panel"
            raise InstrumentAlarm(msg, instrument=self.name, port=self.address.port, command=":OUTP OFF")
        return {"output": False}

    def _switch_off(self) -> Query[bool]:
        yield from self.talk.order(":OUTP OFF")
        return (yield from self.talk.is_on(":OUTP?"))

    def _source(self, level: float) -> Query[float]:
        """Set a level, switch the output on and read back what it is; what must not change under load is set without."""
        words, talk = self.dialect, self.talk
        if not (yield from self._is_set_up()):
            yield from talk.order(":OUTP OFF", f":SOUR:FUNC {words.sourced}", f":SOUR:{words.sourced}:LEV 0")
            yield from talk.order(*self._set_up())
            if not (yield from self._is_set_up()):
                msg = (
                    "reads back another function, compliance, sensing or terminals than it was told; its output is off"
                )
                raise Refused(msg, command="; ".join(self._set_up()))
        reach = self.settings.source_range
        scale = f"RANG {reach:.6g}" if reach is not None else "RANG:AUTO ON"
        yield from talk.order(
            *words.always(), f":SOUR:{words.sourced}:{scale}", f":SOUR:{words.sourced}:LEV {level:.7g}"
        )
        found = yield from talk.number(f":SOUR:{words.sourced}:LEV?")
        if not agree(found, level):
            msg = f"took {found:g} {self.unit} instead of {level:g} {self.unit}: look at its ranges and limits"
            raise Refused(msg, command=f":SOUR:{words.sourced}:LEV {level:.7g}")
        yield from talk.order(":OUTP ON")
        if not (yield from talk.is_on(":OUTP?")):
            msg = "its output stays off: is the output-enable line (interlock) open?"
            raise Refused(msg, command=":OUTP ON")
        return found

    def _set_up(self) -> list[str]:
        return [
            f"{self.dialect.limit} {self.settings.compliance:.7g}",
            f"{self.dialect.remote} {'ON' if self.settings.four_wire else 'OFF'}",
            f":ROUT:TERM {'FRON' if self.settings.terminals == 'front' else 'REAR'}",
        ]

    def _is_set_up(self) -> Query[bool]:
        words, talk = self.dialect, self.talk
        source = yield from talk.word(":SOUR:FUNC?", ("VOLT", "CURR", "MEM"))
        if source != words.sourced:
            return False
        compliance = yield from talk.number(f"{words.limit}?")
        remote = yield from talk.is_on(f"{words.remote}?")
        terminals = yield from talk.word(":ROUT:TERM?", ("FRON", "REAR"))
        wanted = (self.settings.four_wire, self.settings.terminals[:4].upper())
        return agree(compliance, self.settings.compliance) and (remote, terminals) == wanted

    async def _measured(self) -> dict[str, JSON]:
        reading = await self.again(self._read)
        self._when = reading.when
        ratio = reading.voltage / reading.current if reading.current else math.nan
        self.voltage.tell(reading.voltage)
        self.current.tell(reading.current)
        self.resistance.tell(ratio)
        self.in_compliance.tell(reading.in_compliance)
        return {
            "voltage_V": reading.voltage,
            "current_A": reading.current,
            "resistance_Ohm": ratio if math.isfinite(ratio) else None,
            "in_compliance": reading.in_compliance,
        }

    def _read(self) -> Query[Measured]:
        on = yield from self.talk.is_on(":OUTP?")
        self.output.tell(on)
        if not on:
            raise Refused("its output is off, there is nothing to measure: set a level first", command=":READ?")
        reading = yield from self.dialect.read()
        if reading.when == self._when:
            self._when = math.nan
            msg = f"the reading of {reading.when:g} s came twice"
            raise GarbledReply(msg)
        return reading

    def _held(self, result: Mapping[str, JSON]) -> str:
        reached = f"{result['voltage_V']:g} V, {result['current_A']:g} A"
        return (
            f"the compliance holds at {reached}, so that {self._target} {self.unit} is not reached; the output is off. "
            "Give a smaller level or a higher compliance, and look for a short or an open load"
        )


def agree(found: float, wanted: float) -> bool:
    """Say whether a number that was read back is the one sent."""
    return abs(found - wanted) <= _AGREE * abs(wanted) + 1e-12
