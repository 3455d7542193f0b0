"""What is inside a hotplate stirrer: the controller of its heater, and its motor.

The heater's controller is a cascade, as makers describe it for work with a probe: the outer loop turns the error of the
vessel into a temperature for the plate, the inner one brings the plate there. All constants are our own, chosen so that
20 mL of a carbonate go from 21 to 50 degC in about five minutes and stay within 0.1 K above; no maker tells theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autolab.model.actions import JSON
    from autolab.simulators.heating import HotPlate

OUTER = 0.6  # K of the plate per K that the vessel is short
RESET_TIME = 60.0  # s, of the outer loop's integral; it works within `NEAR` K only
NEAR = 3.0
REACH = (-10.0, 40.0)  # K that the integral may add to the plate: beyond, something is broken
INNER = 30.0  # W per K that the plate is short
ACCELERATION = 150.0  # 1/min per s, of the motor with its magnet and bar
SLOWEST = 50.0  # 1/min; below this it stands still
MARGIN = 10.0  # K that the plate is kept below the safety temperature
_ARRIVED = 1e-9


class HeatControl:
    """The controller of a heater; it is a `heating.Controller`.

    Attributes:
        on: Whether it heats.
        setpoint: degC.
        probe: Whether the vessel's probe is plugged in; without it the plate itself is brought to the set point.
        safety: Safety temperature, degC.
        strength: What part of the power the heater really gives: 1 when it is sound.
        tripped: Whether the safety circuit has cut the heater off.
    """

    def __init__(self, safety: float, strength: float, *, probe: bool) -> None:
        self.on = self.tripped = False
        self.setpoint = 0.0
        self.probe, self.safety, self.strength = probe, safety, strength
        self.integral = 0.0  # K

    def switch(self, plate: HotPlate, *, on: bool) -> None:
        """Start or stop heating; stopping cuts the power at once."""
        if on != self.on:
            self.integral = 0.0
        self.on = on
        if not on:
            plate.power = 0.0

    def __call__(self, plate: HotPlate, dt: float) -> None:
        """Set the heater's power for the next `dt` s."""
        self.tripped = self.tripped or plate.plate >= self.safety
        if not self.on or self.tripped:
            plate.power = 0.0
            return
        options = plate.options
        losses = options.plate_loss * (plate.plate - options.ambient)
        losses += options.contact * (plate.plate - plate.vessel)
        wanted = INNER * (self._wanted(plate) - plate.plate) + losses
        power = max(0.0, min(options.heater, wanted))
        if self.probe and power == wanted:  # an integral that grows while the heater can do no more overshoots later
            self._integrate(self.setpoint - plate.vessel, dt)
        plate.power = power * self.strength

    def _wanted(self, plate: HotPlate) -> float:
        """Return where the plate should be, degC."""
        wanted = self.setpoint
        if self.probe:
            wanted += OUTER * (self.setpoint - plate.vessel) + self.integral
        return min(wanted, self.safety - MARGIN)

    def _integrate(self, error: float, dt: float) -> None:
        if abs(error) < NEAR:
            self.integral = max(REACH[0], min(REACH[1], self.integral + OUTER * error * dt / RESET_TIME))

    def snapshot(self) -> dict[str, JSON]:
        """Return what changes."""
        return {"on": self.on, "tripped": self.tripped, "setpoint": self.setpoint, "integral": self.integral}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go back to `snapshot`."""
        self.on, self.tripped = bool(state["on"]), bool(state["tripped"])
        self.setpoint, self.integral = float(str(state["setpoint"])), float(str(state["integral"]))


class Motor:
    """A motor that comes to its speed along a ramp, and leaves it likewise.

    Attributes:
        on: Whether it is to turn.
        setpoint: 1/min.
    """

    def __init__(self) -> None:
        self.on = False
        self.setpoint = 0.0
        self._speed, self._since = 0.0, 0.0

    @property
    def wanted(self) -> float:
        """The speed to which it goes, 1/min."""
        return self.setpoint if self.on and self.setpoint >= SLOWEST else 0.0

    def speed(self, now: float) -> float:
        """Return its speed at a time (s), 1/min."""
        return towards(self._speed, self.wanted, max(0.0, now - self._since))

    def change(self, now: float, *, on: bool | None = None, setpoint: float | None = None) -> None:
        """Switch it, or give it another speed, at a time (s)."""
        self._speed, self._since = self.speed(now), now
        self.on = self.on if on is None else on
        self.setpoint = self.setpoint if setpoint is None else setpoint

    def settled(self, now: float) -> bool:
        """Say whether it turns at the speed to which it goes."""
        return abs(self.speed(now) - self.wanted) < _ARRIVED

    def snapshot(self, now: float) -> dict[str, JSON]:
        """Return what changes."""
        return {"on": self.on, "setpoint": self.setpoint, "speed": self.speed(now)}

    def restore(self, state: Mapping[str, JSON], now: float) -> None:
        """Go back to `snapshot`, at a time (s)."""
        self.on, self.setpoint = bool(state["on"]), float(str(state["setpoint"]))
        self._speed, self._since = float(str(state["speed"])), now


def towards(speed: float, wanted: float, dt: float) -> float:
    """Return the speed after `dt` s of the ramp towards another one, 1/min.

    >>> towards(0.0, 600.0, 2.0), towards(600.0, 0.0, 60.0)
    (300.0, 0.0)
    """
    most = ACCELERATION * dt
    return speed + max(-most, min(most, wanted - speed))
