"""A circuit with one probe in one liquid: what pH, oxygen and temperature have in common.

What the probe makes of the liquid is a number that drifts and is noisy; what the circuit makes of that number is the
kind's own. Drift is a random walk, noise is drawn for each reading.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

from autolab.model.errors import InputError
from autolab.simulators.atlas_ezo_cell import Wandering
from autolab.simulators.atlas_ezo_circuit import EZOSimulator
from autolab.simulators.atlas_ezo_frames import Answer, Task, told
from autolab.simulators.world import number

if TYPE_CHECKING:
    from autolab.model.actions import JSON
    from autolab.simulators.simulator import Place

CLEARING = 0.3  # s


class ProbeSimulator(EZOSimulator):
    """A circuit and its probe, in the liquid of `place.world.site(name)`.

    Options besides those of every circuit: `calibrated` (false: as it left the factory), `response_s` (first order),
    `noise` (standard deviation of a reading) and `drift_per_h` (of its random walk after an hour), the last two in the
    quantity's unit.

    Args:
        place: Where it stands.

    Raises:
        InputError: The world knows nothing of this quantity.
    """

    quantity: ClassVar[str]
    """As the world calls it."""
    usual: ClassVar[tuple[float, float, float]]
    """Response (s), noise and drift where the lab file says nothing."""
    factory: ClassVar[Mapping[str, JSON]]
    """Attributes that are kept without power, and what the factory has set."""
    options: ClassVar[tuple[str, ...]] = ("calibrated", "response_s", "noise", "drift_per_h")

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.site = self.world.site(place.name)
        if self.quantity not in self.site.seen:
            known = ", ".join(self.site.seen)
            msg = f"{place.name}: this world knows no {self.quantity}, only {known}; put another probe there"
            raise InputError(msg)
        response, white, walk = self.usual
        self.site.response = number(place.options, "response_s", response)
        white, walk = number(place.options, "noise", white), number(place.options, "drift_per_h", walk)
        self._wander = Wandering(walk * place.noise, white * place.noise, place.seed, self.world.time)
        self.forget()
        if place.options.get("calibrated", True):
            self.adjust()

    @property
    def seen(self) -> float:
        """What the probe's tip has come to, in the world's unit."""
        return self.site.seen[self.quantity]

    def astray(self) -> float:
        """Return by how much the next reading is wrong, in the quantity's unit: drift, and noise drawn for it."""
        return self.drift() + self._wander.noise()

    def drift(self) -> float:
        """Return the drift now, in the quantity's unit."""
        return self._wander.walk(self.world.time)

    # ---- calibration -------------------------------------------------------------------------------------------

    def calibrating(self, points: int, arguments: list[str], take: Callable[[], bool] | None) -> Task | None:
        """Return what `Cal,...` does.

        Args:
            points: How many are in force, for `Cal,?`.
            arguments: Behind `Cal`, in capitals.
            take: Takes the point that they name and says whether that could be; None where they name none.
        """
        if arguments == ["?"]:
            return told(f"?Cal,{points}")
        if arguments == ["CLEAR"]:
            return Task(self._cleared, CLEARING)
        return None if take is None else Task(lambda: self._taken(take), self.calibrating_s)

    def adjust(self) -> None:
        """Be calibrated, as somebody has done it in the liquids that it takes."""
        raise NotImplementedError

    def clear(self) -> None:
        """Forget the calibration."""
        raise NotImplementedError

    def _cleared(self) -> Answer:
        self.clear()
        return []

    def _taken(self, take: Callable[[], bool]) -> Answer:
        self.world.advance()
        return [] if take() else None

    # ---- state -------------------------------------------------------------------------------------------------

    def forget(self) -> None:
        """Go back to the factory's settings."""
        for name, value in self.factory.items():
            setattr(self, name, value)

    def reseed(self, seed: int) -> None:
        """Draw its noise anew; the drift goes on from where it is."""
        self.world.advance()
        now, old = self.world.time, self._wander
        self._wander = Wandering(old.per_hour, old.white, seed, now, old.walk(now))

    def kept(self) -> dict[str, JSON]:
        """Return the state that is this circuit's own."""
        wander, now = self._wander, self.world.time
        noise: list[JSON] = [wander.seed, wander.since - now, wander.base, wander.readings]
        return {**{name: getattr(self, name) for name in self.factory}, "wander": noise}

    def put(self, state: Mapping[str, JSON]) -> None:
        """Go back to `kept`."""
        for name in self.factory:
            setattr(self, name, state[name])
        wander, old = state["wander"], self._wander
        seed, since, base, readings = (float(str(one)) for one in wander) if isinstance(wander, list) else (0, 0, 0, 0)
        self._wander = Wandering(old.per_hour, old.white, int(seed), self.world.time + since, base)
        self._wander.readings = int(readings)
