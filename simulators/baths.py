"""A bath (or block) with a heater and a cooler of finite power, that loses heat to the room: exact in closed form.

`C dT/dt = P - k (T - T_room)`, where the power `P` is what the apparatus's own controller asks for, within what it has:
`P = g (T_set - T) + k (T_set - T_room)`. Between two kinks of that line the temperature goes exponentially towards an
end, so that it does not matter in how many pieces the time comes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autolab.model.actions import JSON

NOW = 1e-9  # s: below this a time is over


@dataclass(frozen=True)
class BathOptions:
    """What a bath is like.

    Attributes:
        room: degC.
        capacity: Heat capacity of liquid and vessel, J/K: 3 L of water are 12600.
        loss: Heat flow to the room, W/K.
        heater: Highest power that heats, W.
        cooler: Highest power that cools, W; 0 for none.
        gain: Of the proportional part of its controller, W/K.
    """

    room: float = 21.0
    capacity: float = 12600.0
    loss: float = 3.0
    heater: float = 2000.0
    cooler: float = 900.0
    gain: float = 400.0


BLOCK = BathOptions(capacity=3000.0, loss=2.0, heater=500.0, cooler=0.0, gain=60.0)
"""A block of 3 kg of aluminium with a cartridge heater, which nothing cools but the room."""


class Bath:
    """A bath with its controller.

    Attributes:
        options: What it is like.
        temperature: degC.
        target: What it is controlled to, degC; None while nothing controls it.
        manual: Power that is given instead, W, as a controller does in manual mode; None else.
        strength: What part of their power heater and cooler still have.
    """

    def __init__(self, options: BathOptions | None = None) -> None:
        self.options = options or BathOptions()
        self.temperature = self.options.room
        self.target: float | None = None
        self.manual: float | None = None
        self.strength = 1.0

    @property
    def power(self) -> float:
        """What heater (positive) or cooler (negative) give now, W."""
        low, high = self._powers
        if self.manual is not None:
            return min(max(self.manual, low), high)
        if self.target is None:
            return 0.0
        return min(max(self._wanted(self.target, self.temperature), low), high)

    def integrate(self, dt: float) -> None:
        """Go on for `dt` s."""
        while dt > NOW:
            dt -= self._until_kink(dt)

    def snapshot(self) -> dict[str, JSON]:
        """Return what changes."""
        return {
            "temperature": self.temperature,
            "target": self.target,
            "manual": self.manual,
            "strength": self.strength,
        }

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go back to `snapshot`."""
        self.temperature, self.strength = float(str(state["temperature"])), float(str(state["strength"]))
        target, manual = state["target"], state["manual"]
        self.target = None if target is None else float(str(target))
        self.manual = None if manual is None else float(str(manual))

    @property
    def _powers(self) -> tuple[float, float]:
        return -self.options.cooler * self.strength, self.options.heater * self.strength

    def _wanted(self, target: float, temperature: float) -> float:
        o = self.options
        return o.gain * (target - temperature) + o.loss * (target - o.room)

    def _until_kink(self, dt: float) -> float:
        """Go on until the controller leaves or enters its proportional band, `dt` s at most; return how long."""
        o, low, high = self.options, *self._powers
        if self.manual is None and self.target is not None and low < self._wanted(self.target, self.temperature) < high:
            end, rate, kinks = self.target, (o.gain + o.loss) / o.capacity, self._band(self.target)
        else:
            end, rate = o.room + self.power / o.loss, o.loss / o.capacity
            kinks = [] if self.manual is not None or self.target is None else self._band(self.target)
        times = [time for kink in kinks if (time := _crossing(self.temperature, kink, end, rate)) is not None]
        step = min([dt, *times])
        self.temperature = end + (self.temperature - end) * math.exp(-rate * step)
        if times and step == min(times):
            self.temperature = _past(kinks, self.temperature, end)
        return step

    def _band(self, target: float) -> list[float]:
        """Return the temperatures at which the controller asks for all that there is, of either kind."""
        o = self.options
        return [target - (power - o.loss * (target - o.room)) / o.gain for power in self._powers]


def _crossing(begin: float, kink: float, end: float, rate: float) -> float | None:
    """Return when an exponential from `begin` to `end` passes `kink`, s; None when it does not."""
    if abs(begin - kink) < 1e-9 or (begin - kink) * (end - kink) >= 0:
        return None
    return math.log((begin - end) / (kink - end)) / rate


def _past(kinks: list[float], temperature: float, end: float) -> float:
    """Return the kink nearest to a temperature, a hair beyond: rounding must not put it before."""
    kink = min(kinks, key=lambda at: abs(at - temperature))
    return kink + math.copysign(2e-9, end - kink)
