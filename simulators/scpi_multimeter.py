"""Multimeters: Keithley 2000 and Keysight 34461A, each with its words for the functions.

Sources: Model 2000 Multimeter User's Manual, 2000-900 Rev. J, sections 4 and 5; Keysight Truevolt Series Operating and
Service Guide, 34460-90901.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from autolab.model.errors import InputError
from autolab.simulators import scpi_grammar as grammar
from autolab.simulators.scpi_grammar import Fault
from autolab.simulators.scpi_instrument import ScpiInstrument, one

if TYPE_CHECKING:
    from autolab.simulators.simulator import Place

LINE = 50.0  # Hz
OVERLOAD = 9.9e37
# what can be measured: header, what it hangs at in `options`, most, full scales for the automatic range
FUNCTIONS = {
    "VOLT": ("VOLTage[:DC]", "volt", 1010.0, (0.1, 1.0, 10.0, 100.0, 1000.0)),
    "CURR": ("CURRent[:DC]", "ampere", 3.1, (0.01, 0.1, 1.0, 3.0)),
    "RES": ("RESistance", "ohm", 120e6, (100.0, 1e3, 10e3, 100e3, 1e6, 10e6, 100e6)),
    "FRES": ("FRESistance", "ohm", 120e6, (100.0, 1e3, 10e3, 100e3, 1e6, 10e6, 100e6)),
    "TEMP": ("TEMPerature", "celsius", 1372.0, (1372.0,)),
}
UNITS = {"VOLT": "V", "CURR": "A", "RES": "OHM", "FRES": "OHM", "TEMP": ""}
AC = {"VOLT:AC": "VOLTage:AC", "CURR:AC": "CURRent:AC"}
EMPTY = {"volt": 0.0, "ampere": 0.0, "ohm": 1000.0, "celsius": 21.0}
OVERRANGE = 1.2  # a range reads so much more than its full scale
LEADS = 0.2  # Ohm that two-wire measurements see besides


class MultimeterSimulator(ScpiInstrument):
    """A multimeter with something at its terminals.

    Options: `serial_number`, `firmware`, and what it measures: `volt`, `ampere`, `ohm`, `celsius`; null for nothing
    connected, which overloads resistance and temperature.
    """

    options: ClassVar[tuple[str, ...]] = ("serial_number", "firmware", *EMPTY)
    kept: ClassVar[tuple[str, ...]] = (*ScpiInstrument.kept, "last")

    def __init__(self, place: Place) -> None:
        self.model = str(place.settings.get("model", "34461A"))
        if self.model not in ("2000", "34461A"):
            msg = f"instruments.{place.name}.model: {self.model!r} cannot be simulated; there are 2000, 34461A"
            raise InputError(msg)
        self.connected = {**EMPTY, **place.options}
        self.last: float | None = None
        super().__init__(place)
        self.digits = "+.8E"
        if not self.is_2000:
            self.queue_length = 20
        self.wake()

    @property
    def is_2000(self) -> bool:
        """Whether it is the Keithley."""
        return self.model == "2000"

    def identity(self) -> str:
        """Return the answer to *IDN?."""
        serial = self.place.options.get("serial_number", "1234567" if self.is_2000 else "MY53220001")
        if self.is_2000:
            return f"KEITHLEY INSTRUMENTS INC.,MODEL 2000,{serial},{self.place.options.get('firmware', 'A20  /A02')}"
        firmware = self.place.options.get("firmware", "A.03.03-03.15-03.03-00.52-04-02")
        return f"Keysight Technologies,34461A,{serial},{firmware}"

    def error_text(self, code: int) -> str:
        """Return an entry of the queue; the Keysight says a sign before zero."""
        said = super().error_text(code)
        return said if self.is_2000 or code < 0 else f"+{said}"

    # ---- its commands ------------------------------------------------------------------------------------------

    def build(self) -> None:
        """Declare functions, ranges and the verbs of measuring."""
        self.defaults["function"] = "VOLT"
        self.command("[:SENSe[1]]:FUNCtion[:ON]", self._choose, lambda _: f'"{self.named}"')
        self.command(":CONFigure", None, lambda _: self._configuration())
        for key, (header, _, most, scales) in FUNCTIONS.items():
            low = -most if key in ("VOLT", "CURR", "TEMP") else 0.0
            sense = f"[:SENSe[1]]:{header}"
            self.number(f"{sense}:RANGe[:UPPer]", f"{key} range", scales[-1], low, most, UNITS[key], f"{key} auto")
            self.switch(f"{sense}:RANGe:AUTO", f"{key} auto", True)
            self.number(f"{sense}:NPLCycles", f"{key} nplc", 10.0 if not self.is_2000 else 1.0, 0.01, 100.0)
            self.number(f"{sense}:REFerence", f"{key} reference", 0.0, low, most, UNITS[key])
            self.number(f"{sense}:DIGits", f"{key} digits", 6, 4, 7)
            self.command(f":CONFigure:{header}", lambda given, of=key: self._configure(of, given))  # type: ignore[misc]  # bound now
            self.command(f":MEASure:{header}", None, lambda given, of=key: self._measure(of, given))  # type: ignore[misc]  # bound now
        for key, header in AC.items():
            self.command(f":CONFigure:{header}", lambda given, of=key: self._configure(of, given))  # type: ignore[misc]  # bound now
        self.switch(":INITiate:CONTinuous", "continuous")
        self.command(":INITiate[:IMMediate]", lambda _: self._initiate())
        self.command(":READ", None, lambda _: self._read())
        self.command(":FETCh", None, lambda _: self._fetch())
        self.number(":TRIGger:COUNt", "count", 1, 1, 9999)
        self.number(":TRIGger[:SEQuence][1]:DELay", "delay", 0.0, 0.0, 999999.999)
        self.number(":SAMPle:COUNt", "samples", 1, 1, 1024)
        self.choice(":TRIGger:SOURce", "source", ["IMMediate", "BUS", "EXTernal"], "IMM")
        self.choice(":UNIT:TEMPerature", "unit", ["Celsius", "Fahrenheit", "Kelvin"], "C")
        self.choice("[:SENSe[1]]:TEMPerature:TCouple:TYPE", "couple", ["J", "K", "T"], "J")
        self.choice(
            "[:SENSe[1]]:TEMPerature:TRANsducer:TYPE", "probe", ["RTD", "FRTD", "THERmistor", "FTHermistor"], "FRTD"
        )
        self.choice(":FORMat[:DATA]", "format", ["ASCii", "REAL", "SREal"], "ASC")
        self.switch(":SYSTem:BEEPer:STATe", "beeps", True)
        self.ignored(":FORMat:ELEMents", ":TRACe:CLEar", ":TRIGger:CLEar")

    @property
    def function(self) -> str:
        """The function chosen, short."""
        return str(self.state["function"])

    @property
    def named(self) -> str:
        """The function as FUNCtion? and CONFigure? name it."""
        direct = self.is_2000 and self.function in ("VOLT", "CURR")
        return f"{self.function}:DC" if direct else self.function

    def _choose(self, arguments: tuple[str, ...]) -> None:
        word = one(arguments)
        for key, (header, *_) in FUNCTIONS.items():
            if grammar.pattern(header).fullmatch(word.strip("'\"").upper()):
                self.state["function"] = key
                return
        raise Fault(-224)

    def _configuration(self) -> str:
        if self.is_2000 or self.function in AC:
            return f'"{self.named}"'
        reach = self._scale(self._true() or 0.0)
        return f'"{self.named} {reach:+.6E},{reach * 1e-6:+.6E}"'

    def _configure(self, key: str, arguments: tuple[str, ...]) -> None:
        if len(arguments) > 2:
            raise Fault(-108)
        self.state.update(function=key, continuous=False, count=1, samples=1)
        if key in AC or key == "TEMP":
            return
        self.state[f"{key} auto"] = True
        if arguments and arguments[0].upper() not in ("AUTO", "DEF", "DEFAULT"):
            _, _, most, scales = FUNCTIONS[key]
            self.state[f"{key} range"] = grammar.number(arguments[0], UNITS[key], -most, most, scales[-1])
            self.state[f"{key} auto"] = False

    def _measure(self, key: str, arguments: tuple[str, ...]) -> str:
        self._configure(key, arguments)
        return self._read()

    # ---- measuring ---------------------------------------------------------------------------------------------

    def _true(self) -> float | None:
        """Return what is at the terminals; None for nothing."""
        if self.function in AC:
            return 0.0
        given = self.connected[FUNCTIONS[self.function][1]]
        if given is None:
            return None if self.function in ("RES", "FRES", "TEMP") else 0.0
        value = float(str(given))
        if self.function == "TEMP":
            return {"C": value, "K": value + 273.15, "F": value * 1.8 + 32.0}[str(self.state["unit"])]
        return value + (LEADS if self.function == "RES" else 0.0)

    def _scale(self, value: float) -> float:
        """Return the full scale in use."""
        scales: tuple[float, ...] = FUNCTIONS[self.function][3]
        wanted = abs(value) / OVERRANGE
        if not self.state[f"{self.function} auto"]:
            wanted = abs(self.value(f"{self.function} range"))
        return next((scale for scale in scales if scale >= wanted * (1 - 1e-9)), scales[-1])

    def _sample(self) -> float:
        cycles = 1.0 if self.function in AC else self.value(f"{self.function} nplc")
        self.taking += 2 * cycles / LINE
        true = self._true()
        if true is None:
            return OVERLOAD
        if self.function in AC:
            return 0.0
        scale = self._scale(true)
        if abs(true) > OVERRANGE * scale:
            return OVERLOAD if true > 0 else -OVERLOAD
        spread = 1e-6 * scale if self.function != "TEMP" else 0.01
        noise = self.place.noise * spread * float(self.chance.normal())
        return true + noise / math.sqrt(max(cycles, 0.01))

    def _initiate(self) -> None:
        if self.state["continuous"]:
            raise Fault(-213)
        self.last = self._sample()

    def trigger(self) -> None:
        """Take a sample."""
        self.last = self._sample()

    def _read(self) -> str:
        if self.state["continuous"]:
            raise Fault(-213)
        values = [self._sample() for _ in range(int(self.value("count") * self.value("samples")))]
        self.last = values[-1]
        return ",".join(self.say_number(value) for value in values)

    def _fetch(self) -> str:
        if self.last is None:
            raise Fault(-230)
        return self.say_number(self.last)

    def is_safe(self) -> bool:
        """It only measures."""
        return True

    def wake(self) -> None:
        """Come up; the Keithley measures on and on until it is told otherwise."""
        super().wake()
        self.last = None
        self.state["continuous"] = self.is_2000
