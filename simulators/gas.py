"""Gas: a mass flow controller's valve, and a vessel that a pump evacuates; exact in however many pieces the time comes.

A mass flow controller (`FlowBody`): the flow q follows what its valve is asked for with a first-order lag,

    dq/dt = (r - q) / tau,    r = min(asked, supply)

and so does the total that its totaliser counts, in closed form. What its sensor shows is q and an offset, which
grows evenly with time where the sensor drifts.

A vessel (`VesselBody`): with volume V, pumping speed S and lowest pressure e of the pump, leak L, venting valve C and the
room's pressure a, the pressure p obeys

    V dp/dt = -S (p - e) + (L + C) (a - p)

which is linear: p goes to its end with one rate. A two-point controller (`hold`) switches the pump off at the set point
and on above it by a margin; the moments of switching are solved for, not stepped to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from autolab.model.actions import JSON

NEVER: Final = float("inf")
PLENTY: Final = 1e9
"""What a supply gives that never ends."""
MARGIN: Final = 2.0  # mbar above the set point at which a two-point controller pumps again
_NOW: Final = 1e-9  # s


@dataclass
class FlowBody:
    """A controller's valve and sensor; all flows in one unit a minute.

    Attributes:
        tau: Lag of valve and sensor, s.
        supply: What the supply can give at most.
        drift: How the sensor's zero creeps, flow a minute.
        asked: What the valve is asked for; 0 closes it.
        flow: True flow.
        total: What has flowed since the totaliser was reset, in the flow's unit times minutes.
        offset: What the sensor shows at no flow.
    """

    tau: float = 0.5
    supply: float = PLENTY
    drift: float = 0.0
    asked: float = 0.0
    flow: float = 0.0
    total: float = 0.0
    offset: float = 0.0

    @property
    def target(self) -> float:
        """Where the flow goes."""
        return min(self.asked, self.supply)

    @property
    def shown(self) -> float:
        """What the sensor shows."""
        return self.flow + self.offset

    def integrate(self, dt: float) -> None:
        """Go on for `dt` s."""
        left = math.exp(-dt / self.tau)
        behind = self.flow - self.target
        counted = self.target * dt + behind * self.tau * (1 - left)
        self.flow = self.target + behind * left
        self.total += (counted + self.offset * dt + 0.5 * self.drift * dt * dt / 60) / 60
        self.offset += self.drift * dt / 60

    def snapshot(self) -> dict[str, JSON]:
        """Return what changes."""
        return {name: getattr(self, name) for name in ("asked", "flow", "total", "offset")}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go back to `snapshot`."""
        for name in ("asked", "flow", "total", "offset"):
            setattr(self, name, float(str(state[name])))


@dataclass
class VesselBody:
    """A vessel with pump, leak and venting valve.

    Attributes:
        volume: L.
        speed: Of the pump, L/s.
        lowest: Pressure that the pump reaches at no leak, mbar.
        leak: Conductance to the room, L/s.
        vent: Conductance of the open venting valve, L/s.
        room: mbar.
        pressure: mbar.
        pumping: Whether the pump draws on the vessel now.
        venting: Whether the venting valve is open.
        hold: Set point of the two-point controller, mbar; None while nobody controls.
    """

    volume: float = 2.0
    speed: float = 0.5
    lowest: float = 2.0
    leak: float = 0.0002
    vent: float = 0.4
    room: float = 1000.0
    pressure: float = 1000.0
    pumping: bool = False
    venting: bool = False
    hold: float | None = None

    def integrate(self, dt: float) -> None:
        """Go on for `dt` s, from one moment of switching to the next."""
        while dt > _NOW:
            self.switch()
            step = min(dt, self._switches_in())
            self._flow(step)
            dt -= step
        self.switch()

    def switch(self) -> None:
        """Let the two-point controller look."""
        if self.hold is None:
            return
        if self.pressure <= self.hold + 1e-6:
            self.pumping = False
        elif self.pressure >= self.hold + MARGIN - 1e-6:
            self.pumping = True

    @property
    def _rate(self) -> float:
        """How fast the pressure goes to its end, 1/s."""
        return (self._pump + self._open) / self.volume

    @property
    def _end(self) -> float:
        """Where the pressure goes, mbar; where it is, if nothing changes it."""
        speed = self._pump + self._open
        return (self._pump * self.lowest + self._open * self.room) / speed if speed > 0 else self.pressure

    @property
    def _pump(self) -> float:
        return self.speed if self.pumping else 0.0

    @property
    def _open(self) -> float:
        return self.leak + (self.vent if self.venting else 0.0)

    def _flow(self, dt: float) -> None:
        end = self._end
        self.pressure = end + (self.pressure - end) * math.exp(-self._rate * dt)

    def _switches_in(self) -> float:
        """Return the time until the controller switches, s."""
        if self.hold is None or self._rate <= 0:
            return NEVER
        at = self.hold if self.pumping else self.hold + MARGIN
        end = self._end
        before, after = self.pressure - end, at - end
        if after == 0 or before / after <= 1:  # it does not come there
            return NEVER
        return max(math.log(before / after) / self._rate, 10 * _NOW)

    def snapshot(self) -> dict[str, JSON]:
        """Return what changes."""
        return {name: asdict(self)[name] for name in ("pressure", "pumping", "venting", "hold")}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go back to `snapshot`."""
        self.pressure = float(str(state["pressure"]))
        self.pumping, self.venting = bool(state["pumping"]), bool(state["venting"])
        self.hold = None if state["hold"] is None else float(str(state["hold"]))
