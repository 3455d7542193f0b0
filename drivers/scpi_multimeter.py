"""Multimeters that speak SCPI: Keithley 2000, Keysight 34461A.

Written from the makers' manuals; not yet checked on hardware.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers.instrument import ActionStatus
from autolab.drivers.query import Query
from autolab.drivers.scpi_meter import ScpiMeter
from autolab.drivers.scpi_protocol import OVERFLOW, fault, numbers
from autolab.drivers.scpi_settings import MultimeterSettings
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON, ActionClass, Verb
from autolab.model.errors import GarbledReply, InstrumentAlarm, Refused
from autolab.model.roles import Role

_log = logging.getLogger("autolab.drivers.scpi")
WORDS: Final = {
    "voltage_dc": "VOLT:DC",
    "current_dc": "CURR:DC",
    "resistance_2w": "RES",
    "resistance_4w": "FRES",
    "temperature": "TEMP",
}
_INIT_IGNORED: Final = -213  # it measures on and on, as the 2000 does when it was switched on
_AT_ONCE: Final = 3.0  # s
_SLOW: Final = 0.2  # s per power line cycle: zero, reference, a change of range


class Overload(InstrumentAlarm):
    """What it measures is more than its range: there is no value."""


class Multimeter(ScpiMeter):
    """A multimeter: `trigger` measures what the settings say.

    Attributes:
        value: In the unit of the function.
    """

    role: ClassVar[Role] = MultimeterSettings.role
    settings_model = MultimeterSettings
    settings: MultimeterSettings
    line_settings: ClassVar[Mapping[str, str]] = {"baud": "4800"}  # the 2000's; the 34461A has no serial port

    value = Cpt(Reading, value=float("nan"), kind=Kind.hinted)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self.word = WORDS[self.settings.function]
        self.value.measure_in(self.settings.unit)

    async def do_greet(self) -> None:
        """See that it is the right one, and choose the function."""
        await super().do_greet()
        await self.again(self._set_up)

    # ---- verbs -------------------------------------------------------------------------------------------------

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """Readings can be taken again."""
        return "read"

    def check_value(self, value: object) -> None:
        """Refuse everything.

        Raises:
            OutsideLimits: Always.
        """
        raise self.outside(f"{value!r}: a multimeter has nothing to set; `trigger` measures")

    def locate(self) -> Mapping[str, Any]:
        """Return the last value, in the function's unit."""
        return {"setpoint": None, "readback": float(self.value.get())}

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Measure.

        Raises:
            Overload: There is more than the range takes, or nothing is connected.
            InstrumentAlarm: The value is outside the limits.
        """
        unit = self.settings.unit
        value = await self.again(self._measure)
        if abs(value) >= OVERFLOW:
            msg = f"overload ({value:g}): {self.settings.function} is beyond its range, or nothing is connected"
            raise Overload(msg, instrument=self.name, port=self.address.port, command=":READ?")
        self.value.tell(value)
        bounds = self.settings.limits.get("value")
        if bounds is not None and not bounds[0] <= value <= bounds[1]:
            msg = f"{value:g} {unit} is outside the limits {bounds[0]:g}..{bounds[1]:g} {unit}"
            raise InstrumentAlarm(msg, instrument=self.name, port=self.address.port)
        return {f"{self.settings.function}_{unit}": value}

    # ---- the wire ----------------------------------------------------------------------------------------------

    def _set_up(self) -> Query[None]:
        """Choose function, range and integration time; CONFigure also ends continuous measuring."""
        settings = self.settings
        orders = [f":CONF:{self.word}", f":SENS:{self.word}:NPLC {settings.nplc:g}"]
        if settings.range is not None:
            orders.append(f":SENS:{self.word}:RANG {settings.range:.6g}")
        if settings.function == "temperature":
            orders.append(":UNIT:TEMP C")
            if settings.probe is not None:
                header = ":SENS:TEMP:TC:TYPE" if settings.model == "2000" else ":SENS:TEMP:TRAN:TYPE"
                orders.append(f"{header} {settings.probe}")
        yield from self.talk.order(":INIT:CONT OFF", *orders) if settings.model == "2000" else self.talk.order(*orders)

    def _measure(self) -> Query[float]:
        """Measure, and have the function told in the same answer: a meter that restarted measures something else."""
        for attempt in (1, 2):
            function, value = yield from self._take()
            if function == self.word.removesuffix(":DC"):
                return value
            _log.warning("%s measures %s instead of %s: it is set up again", self.name, function, self.word)
            if attempt == 1:
                yield from self._set_up()
        msg = f"measures {function} however often it is told {self.word}"
        raise Refused(msg, command=f":CONF:{self.word}")

    def _take(self) -> Query[tuple[str, float]]:
        question = ":SENS:FUNC?;:READ?"
        answer = yield from self.talk.measure(question, _AT_ONCE + _SLOW * self.settings.nplc)
        function, separator, value = answer.partition(";")
        if not separator:  # it told its function alone: the queue says why it did not measure
            found = yield from self.talk.errors()
            if any(code == _INIT_IGNORED for code, _ in found):
                return "nothing", 0.0
            if found:
                raise fault(found, question)
        if not separator or len(function) < 3 or (function[0], function[-1]) != ('"', '"'):
            msg = f"{question} is answered by {answer!r}, not by a quoted function and a number"
            raise GarbledReply(msg, seen=answer.encode())
        return function.strip('"').removesuffix(":DC"), numbers(value, 1, ":READ?")[0]
