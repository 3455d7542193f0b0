"""An Alicat mass flow controller or meter (19200 8N1, lines ended by CR, unit letter first).

The facts are those of the project's instrument sheet; the tables (`??M*`, `??D*`, `??G*`), `FPF`, `LS`, `GS` and the holds
follow the maker's serial primer as public clients quote it. A command for another letter is not answered; one that is not
understood is answered with `?`; one that needs a valve is passed over by a meter. A letter with digits behind it is a set
point in 64000ths of full scale. `[M]`: the set point is 0 after power-up, and what is out of range is taken at the end of the range.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final

from autolab.simulators.gas import PLENTY, FlowBody
from autolab.simulators.simulator import Place
from autolab.simulators.talker import Talker
from autolab.simulators.world import number

if TYPE_CHECKING:
    pass

GASES: Final = (
    "Air", "Ar", "CH4", "CO", "CO2", "C2H6", "H2", "He", "N2", "N2O", "Ne", "O2", "C3H8", "nC4H10", "C2H2", "C2H4",
    "iC4H10", "Kr", "Xe", "SF6", "C-25", "C-10", "C-8", "C-2", "C-75", "He-25", "He-75", "A1025", "Star29", "P-5",
)  # fmt: skip
UNITS: Final = {
    "SmL/s": 3, "SmL/m": 4, "SmL/h": 5, "SL/s": 6, "SLPM": 7, "SL/h": 8, "SCCS": 11, "SCCM": 12,
    "NmL/s": 33, "NmL/m": 34, "NmL/h": 35, "NL/s": 36, "NLPM": 37, "NL/h": 38, "NCCS": 41, "NCCM": 42,
}  # fmt: skip
LEGACY_FULL_SCALE: Final = 64000
OVER_RANGE: Final = 1.28  # of full scale: so far its sensor measures
VALVE: Final = ("S", "LS", "LSRC", "SR", "H", "HP", "HC", "C")
POINTS: Final = (34, 36, 37, 38, 39)
_REGISTER: Final = re.compile(r"([RW])(\d+)(?:=(\d+))?", re.IGNORECASE)
_LETTER: Final = ord("A")


class FlowControllerSimulator(Talker):
    """A controller, or a meter where the settings say so; its letter is that of its bus address, A for 0.

    Options: `unit` (by default the settings'), `full_scale`, `decimals`, `gas`, `model`, `serial_number`, `firmware`,
    `totaliser`, `modern` (false: without the commands of firmware 6 and later), `supply` (the most that flows),
    `drift` (of the zero, a minute), `tau_s`, `analog` (true: it does not listen to set points on the line),
    `broken` (true: its converter has failed).

    Attributes:
        setpoint: In its unit.
        held: How its valve is held: empty for not at all.
        locked: Whether its keys are.
        registers: By number.
    """

    frame_end: ClassVar[tuple[bytes, ...]] = (b"\r",)
    options: ClassVar[tuple[str, ...]] = (
        "unit", "full_scale", "decimals", "gas", "model", "serial_number", "firmware", "totaliser", "modern", "supply",
        "drift", "tau_s", "analog", "broken",
    )  # fmt: skip
    kept: ClassVar[tuple[str, ...]] = ("setpoint", "held", "locked", "gas", "point", "ramp", "ramps")
    baud = 19200

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        options, settings = place.options, place.settings
        self.letter = chr(_LETTER + place.bus)
        self.meter = settings.get("kind") == "meter"
        self.unit = str(options.get("unit", settings.get("unit", "SCCM")))
        self.full_scale = number(options, "full_scale", 500.0)
        self.decimals = int(number(options, "decimals", 2))
        self.modern, self.totaliser = bool(options.get("modern", True)), bool(options.get("totaliser", False))
        self.analog, self.broken = bool(options.get("analog", False)), bool(options.get("broken", False))
        self.model = str(options.get("model", "M-500SCCM-D" if self.meter else "MC-500SCCM-D"))
        self.serial = str(options.get("serial_number", "521641"))
        self.firmware = str(options.get("firmware", "10v20.0-R24" if self.modern else "5v12.0-R22"))
        self.gas = GASES.index(str(options.get("gas") or settings.get("gas") or "N2"))
        self.setpoint, self.held, self.locked = 0.0, "", False
        self.point = 37
        self.ramp, self.ramps = [0.0, 4], [0, 0, 0, 0]
        self.registers = {21: 450, 22: 0, 23: 90, 85: 1}
        body = FlowBody(number(options, "tau_s", 0.3), number(options, "supply", PLENTY), number(options, "drift", 0.0))
        self.body = self.world.body(place.name, lambda: body)

    def is_safe(self) -> bool:
        """Say whether its valve is closed; a meter has none."""
        return self.meter or self.body.asked == 0

    def wake(self) -> None:
        """Come up with its valve closed."""
        self.held = ""
        self._ask(0.0)

    def hear(self, frame: bytes) -> None:
        """Take one command; lower case is as good as upper."""
        text = frame.decode("ascii", "replace").strip()
        if text[:1].upper() != self.letter:
            return
        self.world.advance()
        body = text[1:].strip().removeprefix("$$")
        answer = self._answer(body)
        for line in [answer] if isinstance(answer, str) else answer or ():
            self.say(line.encode("ascii") + b"\r")

    # ---- commands

    def _answer(self, body: str) -> str | list[str] | None:
        if not body:
            return self._frame()
        if re.fullmatch(r"-?\d+", body):
            return None if self.meter else self._set(float(body) / LEGACY_FULL_SCALE * self.full_scale)
        register = _REGISTER.fullmatch(body.replace(" ", ""))
        if register is not None:
            return self._register(register[1].upper(), int(register[2]), register[3])
        found = re.fullmatch(r"([A-Za-z?]+\*?)\s*(.*)", body)
        if found is None:
            return "?"
        word, argument = found[1].upper(), found[2]
        if word in VALVE and self.meter:
            return None
        for group in (self._old, self._later if self.modern else _nothing):
            answer = group(word, argument)
            if answer is not None:
                return answer
        return "?"

    def _old(self, word: str, argument: str) -> str | list[str] | None:
        """Answer what every firmware knows."""
        if word == "VE":
            return f"{self.letter}   {self.firmware} Jan  9 2025,15:04:07"
        if word in ("L", "U"):
            self.locked = word == "L"
        elif word == "S":
            value = _float(argument)
            return "?" if value is None else self._set(value)
        elif word in ("H", "HP", "HC", "C"):
            self._hold({"H": "position", "HP": "position", "HC": "closed", "C": ""}[word])
        elif word == "T" and self.totaliser and argument in ("", "1"):
            self.body.total = 0.0
        elif word == "V":
            self.body.offset = -self.body.flow  # a tare while gas flows is wrong, and it does so all the same
        elif word == "G" and argument.isdigit() and int(argument) < len(GASES):
            self.gas = int(argument)
        elif word != "PC":
            return None
        return self._frame()

    def _later(self, word: str, argument: str) -> str | list[str] | None:
        """Answer what came with later firmware."""
        match word:
            case "??M*":
                return self._maker()
            case "??D*":
                return self._table()
            case "??G*":
                return [f"{self.letter} G{at:02d} {gas:>8}" for at, gas in enumerate(GASES)]
            case "FPF" if argument.partition(" ")[0] in ("4", "5", "37"):
                return f"{self.letter} {self._number(self.full_scale)} {UNITS.get(self.unit, 0)} {self.unit}"
            case "LS":
                value = _float(argument) if argument else None
                if value is not None:
                    self._set(value)
                told = self._number(self.setpoint)
                return f"{self.letter} {told} {told} {UNITS.get(self.unit, 0)} {self.unit}"
            case "LSS":
                return f"{self.letter} {'A' if self.analog else 'S'}"
            case "GS":
                return self._gas(argument)
            case "LSRC" | "SR":
                return self._ramps(word, argument.split())
        return None

    def _register(self, way: str, at: int, value: str | None) -> str | None:
        if at == 122 and self.meter:
            return None
        if way == "W" and value is not None:
            if at == 46 and int(value) < len(GASES):
                self.gas = int(value)
            elif at == 122 and int(value) in POINTS:
                self.point = int(value)
            elif at in self.registers:
                self.registers[at] = int(value)
        told = {46: self.gas, 122: self.point, **self.registers}.get(at)
        return "?" if told is None or (way == "W") != (value is not None) else f"{self.letter}   {at:03d} = {told}"

    def _gas(self, argument: str) -> str:
        wanted = argument.partition(" ")[0]
        if wanted and not (wanted.isdigit() and int(wanted) < len(GASES)):
            return "?"
        self.gas = int(wanted) if wanted else self.gas
        return f"{self.letter} {self.gas} {GASES[self.gas]} {GASES[self.gas]}"

    def _ramps(self, word: str, arguments: list[str]) -> str:
        if word == "LSRC":
            self.ramps = [int(one == "1") for one in arguments] if len(arguments) == 4 else self.ramps
            return f"{self.letter} {' '.join(map(str, self.ramps))}"
        if len(arguments) == 2:
            self.ramp = [float(arguments[0]), int(arguments[1])]
        time = {3: "ms", 4: "s", 5: "m", 6: "h", 7: "d"}.get(int(self.ramp[1]), "s")
        return f"{self.letter} {self.ramp[0]:.7f} {UNITS.get(self.unit, 0)} {int(self.ramp[1])} {self.unit}/{time}"

    # ---- flow

    def _set(self, value: float) -> str:
        if not self.analog:
            self.setpoint = max(0.0, min(self.full_scale, round(value, self.decimals)))
            if not self.held:
                self.body.asked = self.setpoint
        return self._frame()

    def _ask(self, value: float) -> None:
        self.setpoint = self.body.asked = value

    def _hold(self, how: str) -> None:
        self.held = how
        self.body.asked = {"position": self.body.flow, "closed": 0.0}.get(how, self.setpoint)

    # ---- what it says

    def _number(self, value: float) -> str:
        return f"{value:+0{self.decimals + 5}.{self.decimals}f}"

    def _frame(self) -> str:
        mass = self.body.shown
        shown = [14.62, 21.89, mass * 0.995, mass]
        shown += [] if self.meter else [self.setpoint]
        shown += [self.body.total] if self.totaliser else []
        words = [f"{shown[0]:+07.2f}", f"{shown[1]:+07.2f}", *map(self._number, shown[2:]), f"{GASES[self.gas]:>6}"]
        flags = {
            "ADC": self.broken,
            "MOV": abs(mass) > OVER_RANGE * self.full_scale,
            "HLD": bool(self.held),
            "LCK": self.locked,
        }
        return " ".join([self.letter, *words, *(flag for flag, on in flags.items() if on)])

    def _maker(self) -> list[str]:
        rows = [
            "ALICAT SCIENTIFIC", "www.alicat.com", "Ph   520-290-6060", "info@alicat.com", f"Model Number {self.model}",
            f"Serial Number {self.serial}", "Date Manufactured 03/02/2025", "Date Calibrated   03/02/2025",
            "Calibrated By     BL", f"Software Revision {self.firmware}",
        ]  # fmt: skip
        return [f"{self.letter}  M{at:02d} {row}" for at, row in enumerate(rows)]

    def _table(self) -> list[str]:
        """Return the columns of its frame, as firmware 6 and later lays them out; an empty line ends the table."""
        width, code = f"{self.decimals + 5}/{self.decimals}", f"{UNITS.get(self.unit, 0):03d} {self.decimals:02d}"
        fields = [("700", "Unit ID", "string", "1", ""), ("002", "Abs Press", "s decimal", "7/2", "010 02 PSIA")]
        fields += [("003", "Flow Temp", "s decimal", "7/2", "002 02 `C")]
        fields += [("004", "Volu Flow", "s decimal", width, f"{code} CCM")]
        fields += [("005", "Mass Flow", "s decimal", width, f"{code} {self.unit}")]
        fields += [] if self.meter else [("037", "Mass Flow Setpt", "s decimal", width, f"{code} {self.unit}")]
        fields += [("009", "Mass Total", "s decimal", width, f"{code} {self.unit}")] if self.totaliser else []
        fields += [("703", "Gas", "string", "6", ""), ("701", "*Error", "string", "3", "ADC")]
        fields += [("702", "*Status", "string", "3", flag) for flag in ("MOV", "HLD", "LCK")]
        rows = [f"{self.letter} D00 ID_ NAME______________________ TYPE_______ WIDTH NOTES___________________"]
        rows += [
            f"{self.letter} D{at:02d} {one[0]} {one[1]:<26} {one[2]:<11} {one[3]:>5} {one[4]}".rstrip()
            for at, one in enumerate(fields, start=1)
        ]
        return [*rows, ""]


def _float(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[+-]?\d+(\.\d*)?|[+-]?\.\d+", text.strip()) else None


def _nothing(word: str, argument: str) -> None:
    """Know no command."""
