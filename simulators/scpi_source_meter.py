"""Keithley source meters: Series 2400, and the 2450 in its own SCPI dialect.

Sources: 2400 Series SourceMeter User's Manual, 2400S-900-01 Rev. K, section 18; Model 2450 Reference Manual,
2450-901-01, section 6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from autolab.model.errors import InputError
from autolab.simulators import scpi_grammar as grammar
from autolab.simulators.electrics import load_of, source_current, source_voltage
from autolab.simulators.scpi_grammar import Fault
from autolab.simulators.scpi_instrument import ScpiInstrument

if TYPE_CHECKING:
    from autolab.simulators.simulator import Place

LINE = 50.0  # Hz
OVERFLOW, NO_NUMBER = 9.9e37, 9.91e37
ENVELOPES = {  # V, A: what may go together
    "2400": ((21.0, 1.05), (210.0, 0.105)),
    "2401": ((21.0, 1.05),),
    "2450": ((21.0, 1.05), (210.0, 0.105)),
}
SPANS = {"VOLT": (210.0, "V"), "CURR": (1.05, "A")}
RANGES = {"VOLT": (0.2, 2.0, 20.0, 200.0), "CURR": (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0)}
OTHER = {"VOLT": "CURR", "CURR": "VOLT"}
ELEMENTS = ("VOLTage", "CURRent", "RESistance", "TIME", "STATus")
BUFFER = ("SOURce", "READing", "RELative", "TSTamp", "UNIT", "SOURUNIT", "STATus", "SOURSTATus")
IDENTITIES = {"2400": "C33   Mar 31 2015 09:32:39/A02  /W/M", "2401": "C33   Mar 31 2015 09:32:39/A02  /W/M",
              "2450": "1.7.12b"}  # fmt: skip


class SourceMeterSimulator(ScpiInstrument):
    """A source meter with a load at its terminals.

    Options: `serial_number`, `firmware`, `load` (resistor, diode), `ohm`, `stuck` (the output relay does not open).
    """

    options: ClassVar[tuple[str, ...]] = ("serial_number", "firmware", "load", "ohm", "stuck")
    kept: ClassVar[tuple[str, ...]] = (*ScpiInstrument.kept, "tripped", "last")

    def __init__(self, place: Place) -> None:
        self.model = str(place.settings.get("model", "2400"))
        if self.model not in ENVELOPES:
            msg = (
                f"instruments.{place.name}.model: {self.model!r} cannot be simulated; there are {', '.join(ENVELOPES)}"
            )
            raise InputError(msg)
        self.load = load_of(place.options)
        self.tripped = False
        self.last: list[list[float]] = []
        super().__init__(place)
        self._born = place.clock.loop.time()
        if self.is_2450:
            self.digits = ".6E"

    @property
    def is_2450(self) -> bool:
        """Whether it speaks the dialect of the 2450."""
        return self.model == "2450"

    def identity(self) -> str:
        """Return the answer to *IDN?."""
        serial = self.place.options.get("serial_number", "1234567")
        firmware = self.place.options.get("firmware", IDENTITIES[self.model])
        return f"KEITHLEY INSTRUMENTS INC.,MODEL {self.model},{serial},{firmware}"

    def error_text(self, code: int) -> str:
        """Return an entry of the queue; the 2450 adds the kind and time of the event."""
        if not self.is_2450:
            return super().error_text(code)
        when = "0,0" if code == 0 else "2026/01/01 12:00:00.000"
        return f'{code},"{grammar.ERRORS[code]};{0 if code == 0 else 1};{when}"'.replace(";0;0,0", ";0,0,0")

    # ---- its commands ------------------------------------------------------------------------------------------

    def build(self) -> None:
        """Declare what both dialects have, then each its own."""
        self.switch(":OUTPut[1][:STATe]", "output")
        self.choice(":SOURce[1]:FUNCtion[:MODE]", "function", ["VOLTage", "CURRent"], "VOLT")
        self.choice(":ROUTe:TERMinals", "terminals", ["FRONt", "REAR"], "FRON")
        self.command(":MEASure[:VOLTage][:CURRent][:RESistance][:DC]", None, self._measure)
        for name, (most, unit) in SPANS.items():
            word = {"VOLT": "VOLTage", "CURR": "CURRent"}[name]
            source, sense = f":SOURce[1]:{word}", f"[:SENSe[1]]:{word}[:DC]"
            self.number(f"{source}[:LEVel][:IMMediate][:AMPLitude]", f"{name} level", 0.0, -most, most, unit)
            self.number(f"{source}:RANGe", f"{name} source range", most, -most, most, unit, f"{name} source auto")
            self.switch(f"{source}:RANGe:AUTO", f"{name} source auto", True)
            self.number(f"{sense}:RANGe[:UPPer]", f"{name} range", most, -most, most, unit, f"{name} auto")
            self.switch(f"{sense}:RANGe:AUTO", f"{name} auto", True)
            self.number(f"{sense}:NPLCycles", f"{name} nplc", 1.0, 0.01, 10.0)
        self.number("[:SENSe[1]]:RESistance:RANGe[:UPPer]", "RES range", 210e3, 0.0, 210e6, "OHM", "RES auto")
        self.switch("[:SENSe[1]]:RESistance:RANGe:AUTO", "RES auto", True)
        self.number("[:SENSe[1]]:RESistance:NPLCycles", "RES nplc", 1.0, 0.01, 10.0)
        self.number(":TRACe:POINts", "points", 100, 1, 2500)
        self.ignored(":TRACe:CLEar")
        (self._build_2450 if self.is_2450 else self._build_2400)()

    def _build_2400(self) -> None:
        for name, (most, unit) in SPANS.items():
            word = {"VOLT": "VOLTage", "CURR": "CURRent"}[name]
            limit = {"VOLT": 21.0, "CURR": 105e-6}[name]
            self.choice(f":SOURce[1]:{word}:MODE", f"{name} mode", ["FIXed", "LIST", "SWEep"], "FIX")
            protection = f"[:SENSe[1]]:{word}[:DC]:PROTection"
            self.number(f"{protection}[:LEVel]", f"{name} limit", limit, -most, most, unit)
            self.command(f"{protection}:TRIPped", None, lambda _, of=name: self._trips(of))  # type: ignore[misc]  # bound now
        self.defaults["functions"], self.defaults["elements"] = ["CURR"], [short(name) for name in ELEMENTS]
        self.command("[:SENSe[1]]:FUNCtion[:ON]", self._functions, lambda _: self._say_functions())
        self.command("[:SENSe[1]]:FUNCtion[:ON]:ALL", lambda _: self.state.update(functions=["VOLT", "CURR", "RES"]))
        self.command("[:SENSe[1]]:FUNCtion:OFF:ALL", lambda _: self.state.update(functions=[]))
        self.command(":FORMat:ELEMents[:SENSe[1]]", self._elements, lambda _: ",".join(self._list("elements")))
        self.command(":READ", None, self._read_2400)
        self.command(":FETCh", None, lambda _: self._say_rows())
        self.command(":TRACe:DATA", None, lambda _: self._say_rows())
        self.command(":SYSTem:TIME:RESet", lambda _: setattr(self, "_born", self.place.clock.loop.time()))
        self.command(":SOURce[1]:CLEar[:IMMediate]", lambda _: self.state.update(output=False))
        self.switch("[:SENSe[1]]:FUNCtion:CONCurrent", "concurrent", True)
        self.switch(":SOURce[1]:CLEar:AUTO", "clear")
        self.switch(":SYSTem:RSENse", "remote")
        self.switch(":SYSTem:AZERo[:STATe]", "zero", True)
        self.number(":SOURce[1]:DELay", "delay", 0.0, 0.0, 9999.998)
        self.switch(":SOURce[1]:DELay:AUTO", "delay auto", True)
        self.number(":TRIGger:COUNt", "count", 1, 1, 2500)
        self.number(":ARM:COUNt", "arms", 1, 1, 2500)
        self.number(":TRIGger:DELay", "trigger delay", 0.0, 0.0, 999.9999)
        self.choice(":OUTPut[1]:SMODe", "off", ["HIMPedance", "NORMal", "ZERO", "GUARd"], "NORM")
        self.choice("[:SENSe[1]]:RESistance:MODE", "RES mode", ["AUTO", "MANual"], "MAN")
        self.switch("[:SENSe[1]]:AVERage[:STATe]", "average")
        self.number("[:SENSe[1]]:AVERage:COUNt", "averages", 10, 1, 100)
        self.choice("[:SENSe[1]]:AVERage:TCONtrol", "filter", ["REPeat", "MOVing"], "REP")
        self.choice(":FORMat[:DATA]", "format", ["ASCii", "REAL", "SREal"], "ASC")
        self.choice(":TRACe:FEED", "feed", ["SENSe[1]", "CALCulate"], "SENS")
        self.choice(":TRACe:FEED:CONTrol", "feeding", ["NEVer", "NEXT"], "NEV")

    def _build_2450(self) -> None:
        for name, (most, unit) in SPANS.items():
            word, limit = {"VOLT": ("VOLTage", "VLIMit"), "CURR": ("CURRent", "ILIMit")}[name]
            other = {"VOLT": "CURRent", "CURR": "VOLTage"}[name]
            default = {"VOLT": 21.0, "CURR": 105e-6}[name]
            source, sense = f":SOURce[1]:{other}", f"[:SENSe[1]]:{word}[:DC]"
            self.number(f"{source}:{limit}[:LEVel]", f"{name} limit", default, -most, most, unit)
            self.command(
                f"{source}:{limit}[:LEVel]:TRIPped",
                None,
                lambda _, of=name: self._trips(of),  # type: ignore[misc]  # bound now
            )
            self.switch(f":SOURce[1]:{word}:READ:BACK", f"{name} back", True)
            self.number(f":SOURce[1]:{word}:DELay", f"{name} delay", 0.0, 0.0, 10000.0)
            self.switch(f":SOURce[1]:{word}:DELay:AUTO", f"{name} delay auto", True)
            self.switch(f"{sense}:RSENse", f"{name} remote")
            self.switch(f"{sense}:AVERage[:STATe]", f"{name} average")
            self.number(f"{sense}:AVERage:COUNt", f"{name} averages", 10, 1, 100)
            self.choice(f":OUTPut[1]:{word}:SMODe", f"{name} off", ["NORMal", "HIMPedance", "ZERO", "GUARd"], "NORM")
        self.switch("[:SENSe[1]]:RESistance:RSENse", "RES remote")
        functions = ["VOLTage[:DC]", "CURRent[:DC]", "RESistance"]
        self.choice("[:SENSe[1]]:FUNCtion[:ON]", "sense", functions, "CURR", quoted=True)
        self.number("[:SENSe[1]]:COUNt", "count", 1, 1, 300000)
        self.command(":READ", None, self._read_2450)
        self.command(":FETCh", None, lambda given: self._say_buffer(given))
        self.command("*LANG", None, lambda _: "SCPI")

    def changed(self, key: str) -> None:
        """Refuse what goes beyond the power envelope; note whether the limit holds."""
        if key.split(" ")[-1] in ("level", "limit") or key == "function":
            quantity = OTHER[self.measured]
            pair = {quantity: abs(self.value(f"{quantity} level")), self.measured: abs(self.limit)}
            if not any(pair["VOLT"] <= v and pair["CURR"] <= i for v, i in ENVELOPES[self.model]):
                raise Fault(-221)
        if key.endswith(" level") and not self.state[f"{key[:4]} source auto"]:
            reach = abs(self.value(f"{key[:4]} source range"))
            scale = next((scale for scale in RANGES[key[:4]] if scale >= reach * (1 - 1e-9)), RANGES[key[:4]][-1])
            if abs(self.value(key)) > 1.05 * scale:
                raise Fault(-222)
        if key == "output" and not self.state["output"] and self.place.options.get("stuck"):
            self.state["output"] = True

    def reset(self) -> None:
        """Switch the output off and take the defaults."""
        super().reset()
        self.tripped, self.last = False, []

    # ---- measuring ---------------------------------------------------------------------------------------------

    @property
    def measured(self) -> str:
        """The quantity that is not sourced, and limited."""
        return OTHER[str(self.state["function"])]

    @property
    def limit(self) -> float:
        """The limit of that quantity."""
        return self.value(f"{self.measured} limit")

    def point(self) -> tuple[float, float]:
        """Return the true voltage and current at the terminals, V and A."""
        if not self.state["output"]:
            self.tripped = False
            return 0.0, 0.0
        level = self.value(f"{OTHER[self.measured]} level")
        solve = source_voltage if self.measured == "CURR" else source_current
        v, i, self.tripped = solve(self.load, level, abs(self.limit))
        return v, i

    def _trips(self, of: str) -> str:
        self.point()
        return str(int(self.tripped and self.measured == of))

    def sample(self) -> tuple[float, float]:
        """Measure: voltage and current with noise, V and A; takes its time."""
        v, i = self.point()
        cycles = self.value(f"{self.measured} nplc")
        self.taking += 3 * cycles / LINE
        quiet = self.place.noise / max(cycles, 0.01) ** 0.5
        v += quiet * float(self.chance.normal(0.0, 2e-6 + 5e-6 * abs(v)))
        i += quiet * float(self.chance.normal(0.0, 2e-11 + 1e-5 * abs(i)))
        return v, i

    @property
    def age(self) -> float:
        """The time stamp, s."""
        return round(self.place.clock.loop.time() - self._born + self.taking, 4)

    def _measure(self, arguments: tuple[str, ...]) -> str:
        """Answer :MEASure?: the output goes on for it."""
        self.state["output"] = True
        return self._read_2450(()) if self.is_2450 else self._read_2400(())

    def _read_2400(self, arguments: tuple[str, ...]) -> str:
        if not self.state["output"]:
            raise Fault(802)
        rows = int(self.value("count") * self.value("arms"))
        self.last = [self._row() for _ in range(rows)]
        if self.state["clear"]:
            self.state["output"] = False
        return self._say_rows()

    def _row(self) -> list[float]:
        v, i = self.sample()
        functions = self._list("functions")
        source = OTHER[self.measured]
        v = v if "VOLT" in functions or source == "VOLT" else NO_NUMBER
        i = i if "CURR" in functions or source == "CURR" else NO_NUMBER
        ohm = (v / i if i else OVERFLOW) if "RES" in functions else NO_NUMBER
        status = (1 << 2) | (int(self.tripped) << 3) | (1 << 15 if source == "VOLT" else 1 << 14)
        return [v, i, ohm, self.age, float(status)]

    def _say_rows(self) -> str:
        places = [[short(name) for name in ELEMENTS].index(name) for name in self._list("elements")]
        if not self.last:
            raise Fault(-230)
        return ",".join(self.say_number(row[place]) for row in self.last for place in places)

    def _read_2450(self, arguments: tuple[str, ...]) -> str:
        self.last = []
        for _ in range(int(self.value("count"))):
            v, i = self.sample()
            sense = str(self.state["sense"])
            ohm = v / i if i else OVERFLOW
            source = v if self.measured == "CURR" else i
            self.last.append([source, {"VOLT": v, "CURR": i, "RES": ohm}[sense], self.age])
        return self._say_buffer(arguments)

    def _say_buffer(self, arguments: tuple[str, ...]) -> str:
        names = [grammar.choice(name, BUFFER) for name in arguments if not name.startswith(('"', "'"))] or ["READ"]
        if not self.last:
            raise Fault(-230)
        source, reading, when = self.last[-1]
        told = {"SOUR": self.say_number(source), "READ": self.say_number(reading), "REL": f"{when:.6f}", "STAT": "0"}
        if any(name not in told for name in names):
            raise Fault(-224)
        return ",".join(told[name] for name in names)

    def _functions(self, arguments: tuple[str, ...]) -> None:
        names = [grammar.choice(name, ["VOLTage[:DC]", "CURRent[:DC]", "RESistance"]) for name in arguments]
        if not names:
            raise Fault(-109)
        self.state["functions"] = [*names] if not self.state["concurrent"] else [*self._list("functions"), *names]

    def _say_functions(self) -> str:
        says = {"VOLT": '"VOLT:DC"', "CURR": '"CURR:DC"', "RES": '"RES"'}
        return ",".join(says[name] for name in dict.fromkeys(self._list("functions")))

    def _elements(self, arguments: tuple[str, ...]) -> None:
        chosen = {grammar.choice(name, ELEMENTS) for name in arguments}
        if not chosen:
            raise Fault(-109)
        self.state["elements"] = [name for name in map(short, ELEMENTS) if name in chosen]

    def _list(self, key: str) -> list[str]:
        value = self.state[key]
        return [str(name) for name in value] if isinstance(value, list) else []

    def is_safe(self) -> bool:
        """Say whether the output is off."""
        return not self.state["output"]

    def wake(self) -> None:
        """Come up with the output off."""
        super().wake()
        self._born = self.place.clock.loop.time()


def short(name: str) -> str:
    """Return the short form of a word as manuals write it."""
    return "".join(letter for letter in name if not letter.islower())
