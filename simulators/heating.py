"""Heat: a hotplate, the vessel on it, and the room, as two coupled bodies; stepped by the plate's own controller.

| symbol | means |
|---|---|
| p, v, a | temperature of plate, vessel and room, degC |
| C, D | heat capacity of the plate, and of the vessel with its contents, J/K |
| k | heat flow from plate to vessel, W/K |
| l, m | heat flow from plate and vessel to the room, W/K |
| P | power of the heater, W |

    C dp/dt = P - k (p - v) - l (p - a)
    D dv/dt = k (p - v) - m (v - a)

With constant P this is linear and solved in closed form, so that it makes no difference in how many pieces the time
comes. The controller looks at fixed times, `STEP` apart, whoever else looks when.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autolab.model.actions import JSON

Controller = Callable[["HotPlate", float], None]
"""Called as `controller(plate, STEP)` every `STEP` s; sets `plate.power` and `plate.rpm`, which then hold so long."""

STEP = 1.0  # s between two looks of a plate's own controller
CHANGING = ("plate", "vessel", "power", "rpm", "contents", "due")
NOW = 1e-9  # s: below this a time is over


@dataclass(frozen=True)
class HeatOptions:
    """What a plate and the vessel on it are like.

    Attributes:
        ambient: degC.
        heater: Power of the heater, W; 600 of an IKA RCT.
        plate_capacity: Heat capacity of the plate, J/K: 1 kg of aluminium at 0.9 J/(g K).
        vessel_capacity: Of the empty vessel, J/K: 30 g of glass at 0.83 J/(g K).
        contact: Heat flow from plate to vessel, W/K: a flat bottom of 10 cm2 over an air gap, stirred inside.
        plate_loss: Heat flow from plate to room, W/K: 0.1 m2 of plate and housing at 12 W/(m2 K).
        vessel_loss: Heat flow from vessel to room, W/K: 50 cm2 of wall at 12 W/(m2 K).
    """

    ambient: float = 21.0
    heater: float = 600.0
    plate_capacity: float = 900.0
    vessel_capacity: float = 25.0
    contact: float = 0.8
    plate_loss: float = 1.2
    vessel_loss: float = 0.06


class HotPlate:
    """A hotplate with a vessel on it, whose temperature its external probe sees.

    Attributes:
        options: What it is like.
        plate: Temperature of the plate, degC.
        vessel: Temperature of the vessel and what is in it, degC.
        power: What the heater gives now, W.
        rpm: What the stirrer turns now, 1/min.
        contents: Heat capacity of what is in the vessel, J/K; the world keeps it up to date.
        controller: The instrument's own control loop; None while nobody controls it.
        due: s until it looks next.
    """

    def __init__(self, options: HeatOptions | None = None) -> None:
        self.options = options or HeatOptions()
        self.plate = self.vessel = self.options.ambient
        self.power = self.rpm = 0.0
        self.contents = 0.0
        self.controller: Controller | None = None
        self.due = 0.0

    def integrate(self, dt: float) -> None:
        """Go on for `dt` s; it does not matter in how many pieces that is done."""
        while dt > NOW:
            if self.due <= NOW:
                self.due = STEP
                if self.controller is not None:
                    self.controller(self, STEP)
            step = min(self.due, dt)
            self._step(step)
            self.due -= step
            dt -= step

    def pour(self, heat: float, temperature: float) -> None:
        """Add something to the vessel: its heat capacity (J/K) and temperature (degC)."""
        total = self.options.vessel_capacity + self.contents
        self.vessel = (total * self.vessel + heat * temperature) / (total + heat)

    def snapshot(self) -> dict[str, JSON]:
        """Return what changes."""
        return {name: float(getattr(self, name)) for name in CHANGING}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go back to `snapshot`."""
        for name in CHANGING:
            setattr(self, name, float(str(state[name])))

    def _step(self, dt: float) -> None:
        """Go on for `dt` s with constant power: x(t) = x* + exp(A t) (x - x*), of the table above."""
        o = self.options
        size = o.vessel_capacity + self.contents
        leave, come = (o.plate_loss + o.contact) / o.plate_capacity, o.contact / o.plate_capacity
        gain, lose = o.contact / size, (o.contact + o.vessel_loss) / size
        heat = self.power / o.plate_capacity
        determinant = leave * lose - come * gain
        plate_end, vessel_end = o.ambient + heat * lose / determinant, o.ambient + heat * gain / determinant
        mean, half = -0.5 * (leave + lose), math.sqrt(0.25 * (leave - lose) ** 2 + come * gain)
        once = math.exp(mean * dt) * math.cosh(half * dt)
        twice = math.exp(mean * dt) * math.sinh(half * dt) / half
        plate, vessel, skew = self.plate - plate_end, self.vessel - vessel_end, 0.5 * (lose - leave)
        self.plate = plate_end + (once + twice * skew) * plate + twice * come * vessel
        self.vessel = vessel_end + twice * gain * plate + (once - twice * skew) * vessel
