"""Atlas Scientific EZO-RTD: a circuit that measures temperature with a platinum probe.

    told = in C, K or F, whichever scale is set, of (seen + ERROR + offset), with drift and noise

| symbol | value and reason |
|---|---|
| ERROR | 0.12 K: the circuit's accuracy is 0.1 + 0.0017 T |
| noise, drift | 0.003 and 0.005 K |
| response | 8 s: a probe in a steel sheath |

Calibration: `Cal,t`, in the scale that is set, takes the offset. Commands, the range, the time of a reading (0.6 s), the
circuit's memory (`D,n` writes a reading every n * 10 s, `M` recalls) and -1023.000 for a missing probe are those of the
maker's data sheet for EZO-RTD as public clients quote it. `[M]`: that -1023.000 is said in every scale, that the scale and
what is remembered are kept without power, that a full memory forgets its oldest value, and that `M` of an empty
memory is an error.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar, Final

from autolab.model.errors import InputError
from autolab.simulators.atlas_ezo_frames import Answer, Task, change, number_in, told
from autolab.simulators.atlas_ezo_probe import ProbeSimulator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autolab.model.actions import JSON
    from autolab.simulators.simulator import Place

ERROR: Final = 0.12  # K
RANGE: Final = (-126.0, 1254.0)  # degC
SCALES: Final = ("c", "k", "f")
NO_PROBE: Final = "-1023.000"
LOG_STEP: Final = 10.0  # s, of `D,n`
LOG_PLACES: Final = 50
SLOWEST_LOG: Final = 32_000


def in_scale(celsius: float, scale: str) -> float:
    """Return a temperature in a scale.

    >>> in_scale(25.0, "c"), in_scale(25.0, "k"), in_scale(25.0, "f")
    (25.0, 298.15, 77.0)
    """
    return {"c": celsius, "k": celsius + 273.15, "f": celsius * 9.0 / 5.0 + 32.0}[scale]


def to_celsius(value: float, scale: str) -> float:
    """Return a temperature of a scale in degC.

    >>> to_celsius(212.0, "f")
    100.0
    """
    return {"c": value, "k": value - 273.15, "f": (value - 32.0) * 5.0 / 9.0}[scale]


class RTDSimulator(ProbeSimulator):
    """The temperature circuit and its probe.

    Options as of every probe, `scale` (in its memory at the start) and `probe` (false: it is unplugged).

    Attributes:
        offset: K, added by calibration.
        points: Calibration points in force, 0 or 1.
        scale: c, k or f.
        plugged: Whether there is a probe.
        log_every: Of `D,n`; 0: nothing is remembered.
        log: degC, remembered.
    """

    kind: ClassVar[str] = "RTD"
    firmware: ClassVar[str] = "2.01"
    calibrating_s: ClassVar[float] = 0.6
    compensates: ClassVar[bool] = False
    quantity: ClassVar[str] = "temperature"
    usual: ClassVar[tuple[float, float, float]] = (8.0, 0.003, 0.005)
    factory: ClassVar[Mapping[str, JSON]] = {"offset": 0.0, "points": 0, "scale": "c", "log_every": 0, "log": []}
    options: ClassVar[tuple[str, ...]] = (*ProbeSimulator.options, "scale", "probe")
    offset: float
    points: int
    scale: str
    log_every: int
    log: list[float]

    def __init__(self, place: Place) -> None:
        self.plugged = bool(place.options.get("probe", True))
        self._recalled = 0
        self._logging: asyncio.TimerHandle | None = None
        super().__init__(place)
        self.site.prompt = frozenset()
        self.scale = str(place.options.get("scale", "c"))
        if self.scale not in SCALES:
            msg = f"{place.name}: scale {self.scale!r} is none; choose from {', '.join(SCALES)}"
            raise InputError(msg)

    def forget(self) -> None:
        """Go back to the factory's settings."""
        super().forget()
        self.log = []
        self._log_again()

    def adjust(self) -> None:
        """Be calibrated for the probe as it is."""
        self.offset, self.points = -ERROR, 1

    def clear(self) -> None:
        """Forget the calibration."""
        self.offset, self.points = 0.0, 0

    # ---- measuring ---------------------------------------------------------------------------------------------

    def celsius(self) -> float:
        """Return a reading, degC; noise is drawn for it."""
        return min(RANGE[1], max(RANGE[0], self.seen + ERROR + self.offset + self.astray()))

    def measure(self) -> str:
        """Return a reading, in the scale that is set."""
        return f"{in_scale(self.celsius(), self.scale):.3f}" if self.plugged else NO_PROBE

    # ---- commands ----------------------------------------------------------------------------------------------

    def own(self, word: str, arguments: list[str]) -> Task | None:
        """Return what a command of this circuit does, or None for an error."""
        lower = [argument.lower() for argument in arguments]
        match word, lower:
            case "CAL", _:
                value = number_in(arguments)
                take = None if value is None else lambda: self._point(value)
                return self.calibrating(self.points, [one.upper() for one in arguments], take)
            case "S", ["?"]:
                return told(f"?S,{self.scale}")
            case "S", ["c" | "k" | "f"]:
                return change(self, "scale", lower[0])
            case "D", ["?"]:
                return told(f"?D,{self.log_every}")
            case "D", _:
                return self._d(arguments)
            case "M", _:
                return self._m(lower)
        return None

    def _point(self, value: float) -> bool:
        celsius = to_celsius(value, self.scale)
        if not self.plugged or not RANGE[0] <= celsius <= RANGE[1]:
            return False
        self.offset, self.points = celsius - (self.seen + ERROR + self.drift()), 1
        return True

    # ---- its memory --------------------------------------------------------------------------------------------

    def _d(self, arguments: list[str]) -> Task | None:
        value = number_in(arguments)
        if value is None or value != int(value) or not 0 <= value <= SLOWEST_LOG:
            return None
        return Task(lambda: self._log_at(int(value)))

    def _log_at(self, every: int) -> Answer:
        self.log_every = every
        self._log_again()
        return []

    def _log_again(self) -> None:
        if self._logging is not None:
            self._logging.cancel()
            self._logging = None
        if self.log_every:
            self._logging = self.place.clock.loop.call_later(LOG_STEP * self.log_every, self._note)

    def _note(self) -> None:
        self.world.advance()
        self.log = [*self.log[-LOG_PLACES + 1 :], round(self.celsius(), 3)]
        self._log_again()

    def _m(self, arguments: list[str]) -> Task | None:
        texts = [f"{in_scale(value, self.scale):.2f}" for value in self.log]
        match arguments:
            case ["?"]:
                return told(f"?M,{len(self.log)}")
            case ["all"] if texts:
                return told(",".join(texts))
            case ["clear"]:
                return change(self, "log", [])
            case [] if texts:
                place = self._recalled % len(texts)
                self._recalled = place + 1
                return told(f"{place + 1},{texts[place]}")
        return None

    def put(self, state: Mapping[str, JSON]) -> None:
        """Go back to `kept`."""
        super().put(state)
        self._log_again()
