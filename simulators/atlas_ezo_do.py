"""Atlas Scientific EZO-DO: a circuit that measures dissolved oxygen with a galvanic probe.

The probe feels the pressure of oxygen, not its concentration:

    share = oxygen / C(T, 0)                      of that in water under air of 1 atm; lags behind the liquid's
    raw   = GAIN * share + DARK                   what the circuit sees
    told  = (raw - zero) * gain * C(T_comp, S_comp)      mg/L
          = 100 (raw - zero) * gain * ATM / P_comp       percent of saturation

`C` is the solubility of oxygen in water under moist air of 1 atm, by temperature and salinity: Benson and Krause (Limnol.
Oceanogr. 29 (1984) 620). Calibration: `Cal` takes what it sees as air, `Cal,0` as free of oxygen.

| symbol | value and reason |
|---|---|
| GAIN, DARK | 0.93 and 0.01: a used membrane gives less than a new one, and a little without oxygen |
| noise, drift | 0.01 and 0.02 mg/L: the circuit's accuracy is 0.05 mg/L |
| response | 8 s: 99 percent in about 40 s, as of a small galvanic probe |

Commands, forms of answers (`?,O,%,mg`, `?,P,90.25`, `?S,0,uS` with a Greek mu), the order of outputs, the compensation's
defaults (20 degC, 0, 101.3 kPa; the temperature forgotten without power, the others kept) are those of the maker's data
sheet for EZO-DO as public clients quote it. `[M]`: the ranges of compensations, the conversion of a conductivity to a
salinity (1 PSU per 1786 uS/cm, straight), that the pressure of vapour does not count, and when air is refused.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Final

from autolab.simulators.atlas_ezo_frames import Answer, Task, number_in, short, told
from autolab.simulators.atlas_ezo_probe import ProbeSimulator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autolab.model.actions import JSON

GAIN, DARK = 0.93, 0.01
DARKEST: Final = 0.05  # less than this cannot be air [M]
ATM: Final = 101.325  # kPa
PER_PSU: Final = 1786.0  # uS/cm
OUTPUTS: Final = ("mg", "%")
MOST: Final = (100.0, 400.0)  # mg/L, percent
UNCALIBRATED: Final[Mapping[str, JSON]] = {"zero": 0.0, "gain": 1.0, "points": 0}
_A: Final = (-139.34411, 1.575701e5, -6.642308e7, 1.243800e10, -8.621949e11)
_B: Final = (0.017674, -10.754, 2140.7)


def solubility(celsius: float, salinity: float) -> float:
    """Return the oxygen in water under moist air of 1 atm, mg/L.

    >>> round(solubility(25.0, 0.0), 2), round(solubility(20.0, 35.0), 1)  # tables: 8.26, and 7.4 in sea water
    (8.26, 7.4)
    """
    kelvin = celsius + 273.15
    fresh = sum(a / kelvin**power for power, a in enumerate(_A))
    salt = sum(b / kelvin**power for power, b in enumerate(_B))
    return math.exp(fresh - salinity * salt)


class DOSimulator(ProbeSimulator):
    """The oxygen circuit and its probe; options as of every probe.

    Attributes:
        zero: Raw value that counts as none.
        gain: Share of saturation per raw value.
        points: Calibration points in force, 0 to 2.
        salinity: For which it compensates, in `salinity_unit`: `uS` or `ppt`.
        pressure: For which it compensates, kPa.
        outputs: What a reading holds, of `mg` and `%`.
    """

    kind: ClassVar[str] = "D.O."
    firmware: ClassVar[str] = "1.98"
    calibrating_s: ClassVar[float] = 1.3
    usual_temperature: ClassVar[float] = 20.0
    quantity: ClassVar[str] = "oxygen"
    usual: ClassVar[tuple[float, float, float]] = (8.0, 0.01, 0.02)
    factory: ClassVar[Mapping[str, JSON]] = {
        **UNCALIBRATED, "salinity": 0.0, "salinity_unit": "uS", "pressure": 101.3, "outputs": ["mg"],
    }  # fmt: skip
    zero: float
    gain: float
    points: int
    salinity: float
    salinity_unit: str
    pressure: float
    outputs: list[str]

    def forget(self) -> None:
        """Go back to the factory's settings."""
        super().forget()
        self.outputs = list(self.outputs)  # its own

    def adjust(self) -> None:
        """Be calibrated for the probe as it is."""
        self.zero, self.gain, self.points = DARK, 1.0 / GAIN, 2

    def clear(self) -> None:
        """Forget the calibration."""
        for name, value in UNCALIBRATED.items():
            setattr(self, name, value)

    # ---- measuring ---------------------------------------------------------------------------------------------

    def raw(self) -> float:
        """Return what the circuit sees, without noise: about the share of saturation."""
        return GAIN * self.seen / solubility(self.site.seen["temperature"], 0.0) + DARK

    def measure(self) -> str:
        """Return the enabled outputs, in their order."""
        share = (self.raw() - self.zero) * self.gain
        share += self.astray() / solubility(self.temperature, 0.0)
        psu = self.salinity if self.salinity_unit == "ppt" else self.salinity / PER_PSU
        values = (share * solubility(self.temperature, psu), 100.0 * share * ATM / self.pressure)
        texts = {
            output: f"{min(most, max(0.0, value)):.{decimals}f}"
            for output, value, most, decimals in zip(OUTPUTS, values, MOST, (2, 1), strict=True)
        }
        return ",".join(texts[output] for output in OUTPUTS if output in self.outputs) or "no output"

    # ---- commands ----------------------------------------------------------------------------------------------

    def own(self, word: str, arguments: list[str]) -> Task | None:
        """Return what a command of this circuit does, or None for an error."""
        match word, arguments:
            case "CAL", _:
                takes = {(): self._take_air, ("0",): self._take_none}
                return self.calibrating(self.points, [one.upper() for one in arguments], takes.get(tuple(arguments)))
            case "S", ["?"]:
                unit = "ppt" if self.salinity_unit == "ppt" else "\u00b5S"
                return told(f"?S,{short(self.salinity)},{unit}")
            case "S", _:
                return self._s(arguments)
            case "P", ["?"]:
                return told(f"?,P,{short(self.pressure)}")
            case "P", _:
                return self.setting("P", arguments, "pressure", lambda value: 10.0 <= value <= 1000.0)
            case "O", ["?"]:
                listed = [output for output in reversed(OUTPUTS) if output in self.outputs]
                return told(",".join(["?,O", *listed]))
            case "O", [output, "0" | "1"] if output.lower() in OUTPUTS:
                return Task(lambda: self._enable(output.lower(), on=arguments[1] == "1"))
        return None

    def _take_air(self) -> bool:
        seen = self.raw() - self.zero
        if seen < DARKEST:
            return False
        self.gain = self.pressure / ATM / seen
        self.points = max(self.points, 1)
        return True

    def _take_none(self) -> bool:
        self.zero, self.points = self.raw(), 2
        return True

    def _s(self, arguments: list[str]) -> Task | None:
        unit = "ppt" if [one.lower() for one in arguments[1:]] == ["ppt"] else "uS"
        value = number_in(arguments[:1])
        if unit == "uS" and [one.lower() for one in arguments[1:]] not in ([], ["us"], ["\u00b5s"]):
            return None
        if value is None or not 0.0 <= value <= (100.0 if unit == "ppt" else 100_000.0):
            return None
        return Task(lambda: self._set_salinity(value, unit))

    def _set_salinity(self, value: float, unit: str) -> Answer:
        self.salinity, self.salinity_unit = value, unit
        return []

    def _enable(self, output: str, *, on: bool) -> Answer:
        wanted = {*self.outputs, output} if on else {*self.outputs} - {output}
        self.outputs = [name for name in OUTPUTS if name in wanted]
        return []
