"""Atlas Scientific EZO-EC: a circuit that measures conductivity with a probe of known constant.

What it makes of the true conductivity, in uS/cm:

    seen      the tip's, which lags behind the liquid's (`response_s`, first order)
    raw       SLOPE * seen * K_set / K_probe + OFFSET       the circuit as it left the factory
    reading   (raw - zero) * gain                           after calibration; gain 1 and zero 0 before
    told      reading / (1 + 0.019 (T - 25)) * (1 + drift + noise), rounded and within the range

| symbol | value and reason |
|---|---|
| SLOPE, OFFSET | 0.94 and 4 uS/cm: an uncalibrated circuit reads some percent wrong, and not zero in air |
| 0.019 /K | compensation for water: natural waters change by 1.9 to 2 percent a degree (ISO 7888) |
| noise | 0.1 percent of the reading: well within the circuit's accuracy of 2 percent |
| drift | 0.1 percent in an hour, as a random walk: 2 percent would need 17 days |

Calibration: `Cal,dry` takes what it sees as zero, `Cal,one,n` as n; `Cal,low,n` and `Cal,high,n` give a straight line
once both are there. It believes what it is told, also when the probe stands in something else.

Salinity is by the practical salinity scale of 1978 at 25 degC (UNESCO Tech. Pap. Mar. Sci. 44 (1983)), relative density
1 + 0.00076 S. `[M]` besides what `atlas_ezo_circuit` marks: the number of digits told, the numbers of `Cal,?` (liquid
points in force), and what is told when no output is enabled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, ClassVar, Final

from autolab.simulators.atlas_ezo_cell import Calibration, Wandering, digits, practical_salinity
from autolab.simulators.atlas_ezo_circuit import EZOSimulator
from autolab.simulators.atlas_ezo_frames import Answer, Task, number_in, told
from autolab.simulators.world import number, part

if TYPE_CHECKING:
    from autolab.model.actions import JSON
    from autolab.simulators.simulator import Place

SLOPE: Final = 0.94
OFFSET: Final = 4.0  # uS/cm
LOWEST, HIGHEST = 0.07, 500_000.0  # uS/cm
PER_DEGREE: Final = 0.019
OUTPUTS: Final = ("EC", "TDS", "S", "SG")
CLEARING: Final = 0.3  # s


class ECSimulator(EZOSimulator):
    """The conductivity circuit and its probe, in the liquid of `place.world.site(name)`.

    Settings from the lab file: `cell_constant`, the probe's own. Options besides those of every circuit:
    `probe_constant` (the probe's, if the lab file is wrong about it), `K` (in the circuit's memory at the start),
    `calibrated` (false: as it left the factory), `response_s`, `noise` (relative standard deviation of a reading),
    `drift_per_h` (of its random walk after an hour, relative), `trend_per_h` (a steady relative drift), `outputs`.

    Args:
        place: Where it stands.

    Attributes:
        constant: K as the circuit believes it, 1/cm.
        trend: For tests: relative drift an hour, from when it is set.
    """

    kind: ClassVar[str] = "EC"
    firmware: ClassVar[str] = "2.10"
    options: ClassVar[tuple[str, ...]] = (
        "probe_constant", "K", "calibrated", "response_s", "noise", "drift_per_h", "trend_per_h", "outputs",
    )  # fmt: skip

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        options = place.options
        self.probe = number(options, "probe_constant", number(place.settings, "cell_constant", 1.0))
        self.constant = number(options, "K", 1.0)
        self.factor = 0.54
        self.outputs = _outputs(options.get("outputs"))
        calibrated = bool(options.get("calibrated", True))
        self.calibration = Calibration(OFFSET, 1 / SLOPE, 1) if calibrated else Calibration()
        self.site = self.world.site(place.name)
        self.site.response = number(options, "response_s", 3.0)
        self._declared = number(options, "trend_per_h", 0.0)
        self._steady = (0.0, self._declared, self.world.time)  # so far, an hour, since (s)
        white, walk = number(options, "noise", 0.001), number(options, "drift_per_h", 0.001)
        self._wander = Wandering(walk * place.noise, white * place.noise, place.seed, self.world.time)

    @property
    def trend(self) -> float:
        """Steady relative drift an hour."""
        return self._steady[1]

    @trend.setter
    def trend(self, per_hour: float) -> None:
        self._steady = (self._steadily(), per_hour, self.world.time)

    def _steadily(self) -> float:
        so_far, per_hour, since = self._steady
        return so_far + per_hour * (self.world.time - since) / 3600.0

    # ---- measuring ---------------------------------------------------------------------------------------------

    def raw(self) -> float:
        """Return what the circuit would say without calibration, compensation, drift and noise, uS/cm."""
        seen = 1000.0 * self.site.seen.get("conductivity", 0.0)
        return SLOPE * seen * self.constant / self.probe + OFFSET

    def conductivity(self) -> float:
        """Return a reading, uS/cm, unrounded; noise is drawn for it."""
        value = self.calibration.correct(self.raw()) / (1 + PER_DEGREE * (self.temperature - 25.0))
        value *= 1 + self._wander.walk(self.world.time) + self._steadily() + self._wander.noise()
        return 0.0 if value < LOWEST else min(value, HIGHEST)

    def measure(self) -> str:
        """Return the enabled outputs, in their order."""
        value = self.conductivity()
        salinity = practical_salinity(value)
        texts = {
            "EC": digits(value),
            "TDS": f"{value * self.factor:.0f}",
            "S": f"{salinity:.2f}",
            "SG": f"{1 + 0.00076 * salinity:.3f}",
        }
        return ",".join(texts[name] for name in self.outputs) or "no output"

    # ---- commands ----------------------------------------------------------------------------------------------

    def own(self, word: str, arguments: list[str]) -> Task | None:
        """Return what a command of this circuit does, or None for an error."""
        match word:
            case "K":
                return self.setting("K", arguments, "constant", lambda value: 0.01 <= value <= 10.2)
            case "TDS":
                return self.setting("TDS", arguments, "factor", lambda value: 0.01 <= value <= 1.0)
            case "O":
                return self._o(arguments)
            case "CAL":
                return self._cal([argument.upper() for argument in arguments])
        return None

    def _o(self, arguments: list[str]) -> Task | None:
        if arguments == ["?"]:
            return told(f"?O,{','.join(self.outputs) or 'no output'}")
        if len(arguments) != 2 or arguments[0].upper() not in OUTPUTS or arguments[1] not in ("0", "1"):
            return None
        return Task(lambda: self._enable(arguments[0].upper(), on=arguments[1] == "1"))

    def _enable(self, output: str, *, on: bool) -> Answer:
        wanted = {*self.outputs, output} if on else {*self.outputs} - {output}
        self.outputs = tuple(name for name in OUTPUTS if name in wanted)
        return []

    def _cal(self, arguments: list[str]) -> Task | None:
        """Return what `Cal,...` does; `Cal,n` is how older firmware says `Cal,one,n`."""
        if arguments == ["?"]:
            return told(f"?Cal,{self.calibration.points}")
        if arguments == ["CLEAR"]:
            return Task(lambda: self._calibrated("CLEAR", 0.0), CLEARING)
        if arguments == ["DRY"]:
            return Task(lambda: self._calibrated("DRY", 0.0), self.calibrating_s)
        which, rest = (arguments[0], arguments[1:]) if len(arguments) == 2 else ("ONE", arguments)
        value = number_in(rest)
        if which not in ("ONE", "LOW", "HIGH") or value is None:
            return None
        return Task(lambda: self._calibrated(which, value), self.calibrating_s)

    def _calibrated(self, which: str, value: float) -> Answer:
        self.world.advance()
        done, raw = True, self.raw()
        if which == "CLEAR":
            self.calibration = Calibration()
        elif which == "DRY":
            self.calibration.zero = raw
        elif which == "ONE":
            done = self.calibration.one(raw, value)
        else:
            done = self.calibration.end(which, raw, value)
        return [] if done else None

    # ---- state -------------------------------------------------------------------------------------------------

    def forget(self) -> None:
        """Go back to the factory's settings."""
        self.constant, self.factor, self.outputs, self.calibration = 1.0, 0.54, ("EC",), Calibration()

    def reseed(self, seed: int) -> None:
        """Draw its noise anew; the drift goes on from where it is."""
        self.world.advance()
        now, old = self.world.time, self._wander
        self._wander = Wandering(old.per_hour, old.white, seed, now, old.walk(now))

    def kept(self) -> dict[str, JSON]:
        """Return the state that is this circuit's own."""
        wander, now = self._wander, self.world.time
        return {
            "constant": self.constant,
            "factor": self.factor,
            "outputs": list(self.outputs),
            "calibration": asdict(self.calibration),
            "steady": [self._steadily(), self.trend],
            "declared": self._declared,
            "seed": wander.seed,
            "since": wander.since - now,
            "base": wander.base,
            "readings": wander.readings,
        }

    def put(self, state: Mapping[str, JSON]) -> None:
        """Go back to `kept`; a probe of which the lab file says something else since then was exchanged."""
        now, old = self.world.time, self._wander
        self.constant, self.factor = float(str(state["constant"])), float(str(state["factor"]))
        self.outputs = _outputs(state["outputs"])
        calibration = part(state, "calibration")
        low, high = _pair(calibration["low"]), _pair(calibration["high"])
        zero, gain = float(str(calibration["zero"])), float(str(calibration["gain"]))
        self.calibration = Calibration(zero, gain, int(str(calibration["points"])), low, high)
        steady = _pair(state["steady"]) or (0.0, 0.0)
        same = number(state, "declared", self._declared) == self._declared
        self._steady = (*steady, now) if same else (0.0, self._declared, now)
        seed, since = int(str(state["seed"])), now + float(str(state["since"]))
        self._wander = Wandering(old.per_hour, old.white, seed, since, float(str(state["base"])))
        self._wander.readings = int(str(state["readings"]))


def _outputs(given: object) -> tuple[str, ...]:
    names = ("EC",) if given is None else tuple(str(name).upper() for name in given) if isinstance(given, list) else ()
    return tuple(name for name in OUTPUTS if name in names)


def _pair(value: JSON) -> tuple[float, float] | None:
    return (float(str(value[0])), float(str(value[1]))) if isinstance(value, list | tuple) else None
