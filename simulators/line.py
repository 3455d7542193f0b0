"""The line from a syringe to its nozzle: compliance, check valves, the drop at the tip.

| symbol | means | value and reason |
|---|---|---|
| Q | what the plunger sweeps, mL/s, positive outwards | the pump's |
| c | elastic volume: liquid squeezed into (or missing from) syringe and tubing, mL | state |
| w | flow through the line, mL/s: c/tau | dc/dt = Q - c/tau |
| tau | relaxation time, s | 0.5 for water: 1 m of tube 0.5 mm wide (6.5e11 Pa s/m3) times a plastic syringe with a bubble of 0.08 mL (8e-13 m3/Pa); proportional to viscosity |
| m | liquid outside of the nozzle, mL; negative: the meniscus is drawn back into it | state |
| drop | largest volume that hangs at the tip, mL | 0.015: Tate's law for a needle of 1 mm outside, of which 0.65 falls |
| jet | flow above which liquid leaves in a jet, mL/s | 0.10: Weber number 4 at 0.4 mm |
| b | what has flowed back through the outlet's check valve since it was open, mL | state |
| shut | backflow at which the valve closes, mL | 0.015: a 1/8 inch cartridge with a ball |
| weep | flow from the stock through both open valves while a drop hangs and the pump stands, mL/s | 0.001: a bottle 7 cm above the nozzle, 690 Pa over 6.5e11 Pa s/m3 |
| wet | hanging volume below which the meniscus withstands that head, mL | 0.002: capillary pressure at a 0.4 mm orifice is 720 Pa, around a drop of 2 uL less than half of it |

Between events the solution is exact: with constant Q, c(t) = Q tau + (c0 - Q tau) exp(-t/tau), and what has passed
the line after t is Q t + c0 - c(t). Drops neck off earlier in a fast flow: each is smaller by up to 0.8 of `drop`, by
the flow at which it began to grow. A line without drops (it ends in a drain) does not weep.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autolab.model.actions import JSON
    from autolab.simulators.vessels import Container

FILL = 0.5  # mL in the line when it is full
NECKING = 0.8  # how much smaller a drop is at the onset of the jet
SPLASH = 0.008  # of a jet is lost beside the vessel, for each unit of flow above the onset [order of magnitude]
NEGLIGIBLE = 1e-9  # mL


@dataclass(frozen=True)
class LineOptions:
    """What a line is like; mL, s. See the table of this module.

    Attributes:
        tau: Relaxation time with water, s.
        drop: Largest hanging drop, mL; 0: it ends in a drain, without drops.
        jet: Onset of the jet, mL/s.
        shut: Backflow that closes the outlet's valve, mL; infinite without valves: it draws through its nozzle.
        weep: Flow while a drop hangs and the pump stands, mL/s.
        wet: Hanging volume from which it weeps, mL.
        spread: Relative standard deviation of drops and of the valve's closing.
    """

    tau: float = 0.5
    drop: float = 0.015
    jet: float = 0.10
    shut: float = 0.015
    weep: float = 0.001
    wet: float = 0.002
    spread: float = 0.06


class Line:
    """A syringe's inside and its line, from a source to a destination.

    Args:
        options: What it is like.
        contents: Volume in the syringe at the start, mL.
        ends: Source, destination, and what catches what is spilled.
        liquid: Density (g/mL), viscosity (mPa s) and volatility of what is in it at the start.
        chance: `chance(kind, number)` gives a standard normal number, the same each time.
    """

    def __init__(
        self,
        options: LineOptions,
        contents: float,
        ends: tuple[Container, Container, Container],
        liquid: tuple[float, float, float],
        chance: Callable[[str, int], float],
    ) -> None:
        self.options, self.chance = options, chance
        self.source, self.destination, self.spilled = ends
        density, viscosity, self.volatility = liquid
        self.tau = options.tau * viscosity
        self.squeezed = 0.0  # c
        self.outside = 0.0  # m
        self.backflow = 0.0  # b
        self.liquid, self.air = contents + FILL, 0.0
        self.mass = self.liquid * density
        self.fell = 0.0  # g that fell into the destination at once, as drops, at the end of the last step
        self.bends = (0.0, 0.0)  # g: how the load of source and destination bent away from a straight line in it
        self.drops = self.closings = 0
        self.next_drop = self._drop_at(0.0)

    @property
    def flow(self) -> float:
        """Flow through the line now, mL/s, positive outwards."""
        return self.squeezed / self.tau

    def weeping(self, swept: float) -> bool:
        """Say whether the stock runs through the standing line."""
        options = self.options
        return (
            swept == 0.0
            and options.weep > 0
            and options.drop > 0
            and math.isfinite(options.shut)
            and self.outside > options.wet
            and 0.0 <= self.squeezed <= options.weep * self.tau
            and self.source.available > 0
        )

    def quiet(self, swept: float) -> bool:
        """Say whether nothing flows and nothing will."""
        return swept == 0.0 and self.squeezed == 0.0 and not self.weeping(swept)

    def events(self, swept: float, horizon: float) -> Iterator[float]:
        """Yield after how many seconds something changes, within `horizon` s, if the plunger sweeps `swept` mL/s."""
        if self.weeping(swept):
            yield max(1e-6, min(self.next_drop - self.outside, self.source.available) / self.options.weep)
            return
        crossings = [horizon, *self._crossings(swept)]
        yield from crossings
        outwards = self.squeezed > 0 or (self.squeezed == 0 and swept > 0)
        room = self._room(outwards=outwards, jetting=self._jetting(swept))
        if room is not None:
            when = self._time_of(room if outwards else -room, swept, min(crossings))
            if when is not None:
                yield max(when, 1e-6)  # never stuck on a rounding error

    def step(self, swept: float, dt: float) -> None:
        """Go on for `dt` s, within which nothing changes."""
        self.fell = 0.0
        self.bends = (0.0, 0.0)
        if self.weeping(swept):
            self._weep(dt)
            return
        bend, lost = self.squeezed - swept * self.tau, self._splashed(swept, dt)
        passed, self.squeezed = self._passed(swept, dt), self._squeezed(swept, dt)
        if swept == 0.0 and abs(self.squeezed) < NEGLIGIBLE:
            passed, self.squeezed = passed + self.squeezed, 0.0
        taken, given = self.source.mass, self.destination.mass
        if passed >= 0:
            self._push(passed, lost)
        else:
            self._draw(-passed)
        if abs(passed) > NEGLIGIBLE:
            given = self.destination.mass - given - self.fell
            self.bends = ((self.source.mass - taken) * bend / passed, given * bend / passed)

    def snapshot(self) -> dict[str, JSON]:
        """Return its state."""
        names = ("squeezed", "outside", "backflow", "liquid", "air", "mass", "volatility", "next_drop")
        state: dict[str, JSON] = {name: float(getattr(self, name)) for name in names}
        return state | {"drops": self.drops, "closings": self.closings}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go back to `snapshot`."""
        for name, value in state.items():
            setattr(self, name, int(str(value)) if name in ("drops", "closings") else float(str(value)))

    # ---- flow in closed form

    def _squeezed(self, swept: float, dt: float) -> float:
        level = swept * self.tau
        return level + (self.squeezed - level) * math.exp(-dt / self.tau)

    def _passed(self, swept: float, dt: float) -> float:
        return swept * dt + (self.squeezed - swept * self.tau) * -math.expm1(-dt / self.tau)

    def _crossings(self, swept: float) -> Iterator[float]:
        """Yield when the flow turns, when the jet begins or ends, and when it may begin to weep."""
        level = swept * self.tau
        targets = [0.0, self.options.jet * self.tau]
        if swept == 0.0:
            targets.append(self.options.weep * self.tau)
        for target in targets:
            if target == level or (self.squeezed - target) * (level - target) >= 0:
                continue
            when = self.tau * math.log((self.squeezed - level) / (target - level))
            if when > 1e-9:
                yield when

    def _time_of(self, volume: float, swept: float, limit: float) -> float | None:
        """Return when `volume` (mL, signed) will have passed, if within `limit` s; the flow keeps its sign."""
        if abs(volume) > abs(self._passed(swept, limit)) + 1e-12:
            return None
        low, high = 0.0, limit
        when = min(limit, abs(volume / self.flow)) if self.squeezed else 0.5 * limit
        for _ in range(60):
            missing = volume - self._passed(swept, when)
            if abs(missing) < 1e-12:
                break
            low, high = (when, high) if missing * volume > 0 else (low, when)
            flow = self._squeezed(swept, when) / self.tau
            newton = when + missing / flow if flow else -1.0
            when = newton if low < newton < high else 0.5 * (low + high)
        return when

    def _jetting(self, swept: float) -> bool:
        """Whether liquid leaves in a jet during the step that begins now."""
        onset = self.options.jet * self.tau
        return self.squeezed > onset + 1e-12 or (abs(self.squeezed - onset) <= 1e-9 and swept > self.options.jet)

    # ---- what passes

    def _room(self, *, outwards: bool, jetting: bool) -> float | None:
        """Return how much may pass before a drop falls, the valve closes or the source is empty, mL."""
        if outwards and self.options.drop <= 0:
            return None
        if outwards and jetting:
            hanging = (1 - NECKING) * self.options.drop
            return hanging - self.outside if self.outside < hanging - NEGLIGIBLE else None
        if outwards:
            return max(0.0, self.next_drop - self.outside)
        if self.backflow < self.options.shut:
            return self.options.shut - self.backflow if math.isfinite(self.options.shut) else None
        return self.source.available if self.source.available > 0 else None

    def _splashed(self, swept: float, dt: float) -> float | None:
        """Return how much of a jet misses the vessel, mL: the integral of SPLASH w (w / jet - 1); None: no jet."""
        if self.options.drop <= 0 or not self._jetting(swept):
            return None
        fading = self.squeezed / self.tau - swept
        once, twice = -math.expm1(-dt / self.tau), -math.expm1(-2 * dt / self.tau)
        squared = swept**2 * dt + 2 * swept * fading * self.tau * once + fading**2 * self.tau * twice / 2
        return SPLASH * max(0.0, squared / self.options.jet - self._passed(swept, dt))

    def _push(self, volume: float, splashed: float | None) -> None:
        self.backflow = max(0.0, self.backflow - volume)
        before = self.outside
        self.outside += volume
        if self.options.drop <= 0:
            self._land(max(0.0, self.outside))
            self.outside = min(0.0, self.outside)
        elif splashed is None:
            self._drip()
        else:
            hanging = (1 - NECKING) * self.options.drop
            if before > hanging:  # what hung there is torn off
                self._fall(before - hanging)
            beyond = self.outside - hanging
            if beyond > 0:
                self._land(beyond, lost=min(1.0, splashed / beyond))
                self.outside = hanging
            self.next_drop = max(self.next_drop, 1.5 * hanging)

    def _fall(self, volume: float) -> None:
        mass = self.destination.mass
        self._land(volume)
        self.fell += self.destination.mass - mass
        self.outside -= volume

    def _drip(self) -> None:
        while self.outside >= self.next_drop - 1e-9:
            self._fall(self.next_drop)
            self.drops += 1
            self.next_drop = self._drop_at(self.flow)

    def _draw(self, volume: float) -> None:
        back = min(volume, self.options.shut - self.backflow)
        if back > 0:
            self.outside -= back
            self.backflow += back
            if self.backflow >= self.options.shut - NEGLIGIBLE:
                self.backflow = self.options.shut
                self.closings += 1
        rest = volume - max(0.0, back)
        if rest > 0:
            self.air += rest - self._take(rest)

    def _weep(self, dt: float) -> None:
        self.outside += self._take(self.options.weep * dt)
        self._drip()

    def _take(self, volume: float) -> float:
        """Draw from the source; return how much liquid came, mL."""
        density, volatility = self.source.density, self.source.volatility
        taken = self.source.take(volume)
        self.liquid += taken
        self.mass += taken * density
        if taken > 0:
            self.volatility = volatility
        return taken

    def _land(self, volume: float, lost: float = 0.0) -> None:
        """Let `volume` mL leave the nozzle, of which the fraction `lost` misses the vessel."""
        held = self.liquid + self.air
        if volume <= 0 or held <= 0:
            return
        wet = min(volume * self.liquid / held, self.liquid)
        density = self.mass / self.liquid if self.liquid > 0 else 1.0
        self.liquid -= wet
        self.mass -= wet * density
        self.air -= volume - wet
        over = self.destination.add(wet * (1 - lost), density, self.volatility)
        self.spilled.add(wet * lost + over, density)

    def _drop_at(self, flow: float) -> float:
        """Return the volume at which the next drop falls, mL, when it begins at a flow (mL/s)."""
        necked = 1.0 - NECKING * min(1.0, max(0.0, flow) / self.options.jet)
        return self.options.drop * necked * max(0.3, 1.0 + self.options.spread * self.chance("drop", self.drops))
