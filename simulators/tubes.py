"""Tubes and syringes that several liquids pass one after the other: dead volumes, films, carry-over.

| symbol | means | value and reason |
|---|---|---|
| dead | what a tube holds, mL | 0.30: 60 cm of 1/16 inch tube, 0.8 mm wide; 0.25: 50 cm of it |
| film | share of a tube that air leaves wet | 0.04: a film of 1 % of the width on the wall (Taylor's bubbles: 1.34 Ca^(2/3) radii, Ca about 1e-3) |
| wet | what stays in a syringe that air has emptied, mL | 0.02: on the plunger's rim and in the hub [order of magnitude] |

Air is a fluid without mass. In a tube, plugs follow one another without mixing at their borders (a slug longer than
ten widths, pushed fast, mixes over less than a tenth of the tube). A syringe mixes what it draws, for the jet stirs it;
its outlet points down, so that liquid leaves before air.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autolab.simulators.fluids import NOTHING, Fluid, Vessel, sum_of
from autolab.simulators.world import number, part

if TYPE_CHECKING:
    from autolab.model.actions import JSON

FILM = 0.04
WET = 0.02  # mL
ALIKE = 1e-4  # g/mL: neighbours closer than this are one plug
SOON = 1e-6  # s: no border is met sooner, so that time goes on in spite of rounding


class Tube:
    """A tube that holds plugs of liquid and air, and the film that liquid leaves on its wall.

    Plugs and film always fill it: what comes in at one end drives as much out at the other.

    Args:
        volume: mL.
        filling: What it is full of; air when None.
        film: Share of the volume that air leaves wet.
    """

    def __init__(self, volume: float, filling: Fluid | None = None, film: float = FILM) -> None:
        self.volume, self.share = volume, film
        self.film = Fluid()
        self.plugs = deque([Fluid({}, volume) if filling is None else filling])

    @property
    def liquid(self) -> Fluid:
        """All liquid in it, as one."""
        return sum_of(fluid for fluid in (*self.plugs, self.film) if fluid.grams)

    def front(self, *, backwards: bool = False) -> Fluid:
        """Return the plug that comes out next; nothing from a tube without volume."""
        if not self.plugs:
            return Fluid()
        return self.plugs[0] if backwards else self.plugs[-1]

    def push(self, fluid: Fluid, *, backwards: bool = False) -> list[Fluid]:
        """Push a fluid in and return what comes out, in order.

        Args:
            fluid: Of one composition; air has no mass.
            backwards: From the far end.
        """
        volume, pieces = fluid.volume, list[Fluid]()
        if fluid.grams:
            fluid.add(self.film.pour_out())
        else:
            self._leave_film(volume, backwards=backwards)
        self._enter(fluid, backwards=backwards)
        while volume > NOTHING and self.plugs:
            out = self.plugs[0] if backwards else self.plugs[-1]
            piece = out.take(volume)
            if out.volume <= NOTHING:
                self._drop(backwards=backwards)
            volume -= piece.volume
            pieces.append(piece)
        return pieces

    def snapshot(self) -> dict[str, JSON]:
        """Return what is in it."""
        return {"plugs": [plug.snapshot() for plug in self.plugs], "film": self.film.snapshot()}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go back to `snapshot`."""
        self.film.restore(part(state, "film"))
        self.plugs.clear()
        plugs = state["plugs"]
        for one in plugs if isinstance(plugs, list) else []:
            plug = Fluid()
            plug.restore(one if isinstance(one, dict) else {})
            self.plugs.append(plug)

    def _enter(self, fluid: Fluid, *, backwards: bool) -> None:
        """Join the neighbour, or become a plug of its own."""
        neighbour = self.front(backwards=not backwards)
        both_air = not (neighbour.grams or fluid.grams)
        if self.plugs and (both_air or neighbour.resembles(fluid, ALIKE)):
            neighbour.add(fluid)
        elif backwards:
            self.plugs.append(fluid)
        else:
            self.plugs.appendleft(fluid)

    def _leave_film(self, air: float, *, backwards: bool) -> None:
        """Let `air` mL that come in take the place of liquid, a part of which stays on the wall."""
        room = min(self.share * air, self.share * self.volume - self.film.volume)
        if room <= 0:
            return
        for plug in reversed(self.plugs) if backwards else self.plugs:
            if plug.grams:
                self.film.add(plug.take(min(room, plug.volume)))
                break

    def _drop(self, *, backwards: bool) -> None:
        """Forget a plug that is used up; what rounding left of it stays on the wall."""
        left = self.plugs.popleft() if backwards else self.plugs.pop()
        if left.grams:
            self.film.add(left)


class Barrel:
    """The inside of a syringe: liquid, mixed, below air.

    Args:
        liquid: What is in it.
        air: mL.
    """

    def __init__(self, liquid: Fluid, air: float = 0.0) -> None:
        self.liquid, self.air = liquid, air

    @property
    def volume(self) -> float:
        """Liquid and air, mL."""
        return self.liquid.volume + self.air

    def push(self, volume: float) -> list[Fluid]:
        """Return what `volume` mL of travel drive out: liquid, then air; air passes the seal where there is none."""
        kept = WET if self.air > NOTHING else 0.0
        wet = self.liquid.take(min(volume, max(0.0, self.liquid.volume - kept)))
        dry = volume - wet.volume
        if dry <= NOTHING:
            return [wet]
        self.air = max(0.0, self.air - dry)
        return [wet, Fluid({}, dry)] if wet.grams else [Fluid({}, dry)]

    def draw(self, fluid: Fluid) -> None:
        """Take a fluid in."""
        if fluid.grams:
            self.liquid.add(fluid)
        else:
            self.air += fluid.volume

    def snapshot(self) -> dict[str, JSON]:
        """Return what is in it."""
        return {"liquid": self.liquid.snapshot(), "air": self.air}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go back to `snapshot`."""
        self.liquid.restore(part(state, "liquid"))
        self.air = number(state, "air", 0.0)


@dataclass(slots=True)
class SyringeLine:
    """A syringe between a source and a destination.

    Attributes:
        source: What it draws from.
        destination: What it pushes to.
        spilled: Catches what does not fit.
        leaked: Catches what a clogged line drives past the plunger.
        barrel: The syringe's inside.
        outlet: The tube to the destination.
        inlet: The tube from the source, behind check valves; None: the outlet serves both ways.
        passes: Share that a clogged line lets pass.
    """

    source: Vessel
    destination: Vessel
    spilled: Vessel
    leaked: Vessel
    barrel: Barrel
    outlet: Tube
    inlet: Tube | None = None
    passes: float = 1.0

    @property
    def liquid(self) -> Fluid:
        """All liquid in it, as one."""
        tubes = [self.outlet] if self.inlet is None else [self.inlet, self.outlet]
        return sum_of([self.barrel.liquid, *(tube.liquid for tube in tubes)])

    def move(self, volume: float) -> None:
        """Push `volume` mL, or draw them when it is negative."""
        if volume > NOTHING:
            self._push(volume)
        elif volume < -NOTHING:
            self._draw(-volume)

    def until_border(self, rate: float) -> float:
        """Return for how many seconds what leaves its source and reaches its destination stays the same.

        Args:
            rate: mL/s, positive pushing.
        """
        through = abs(rate) * self.passes
        if through <= 0:
            return float("inf")
        if rate < 0:
            left = self.source.available
            return max(SOON, left / through) if left > NOTHING else float("inf")
        front = self.outlet.front()
        left = front.volume
        if front.grams and self.destination.room > NOTHING:
            left = min(left, self.destination.room)
        return max(SOON, left / through)

    def weight_flow(self, vessel: Vessel, rate: float) -> float:
        """Return how fast it makes a vessel heavier now, g/s.

        Args:
            vessel: Any.
            rate: mL/s, positive pushing.
        """
        through = rate * self.passes
        if rate > 0 and vessel is self.destination and vessel.room > NOTHING:
            return through * self.outlet.front().density
        if rate < 0 and vessel is self.source and vessel.available > NOTHING:
            return through * vessel.fluid.density
        return 0.0

    def snapshot(self) -> dict[str, JSON]:
        """Return what changes."""
        state: dict[str, JSON] = {"barrel": self.barrel.snapshot(), "outlet": self.outlet.snapshot()}
        state["passes"] = self.passes
        return state if self.inlet is None else state | {"inlet": self.inlet.snapshot()}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go back to `snapshot`."""
        self.barrel.restore(part(state, "barrel"))
        self.outlet.restore(part(state, "outlet"))
        self.passes = number(state, "passes", 1.0)
        if self.inlet is not None:
            self.inlet.restore(part(state, "inlet"))

    def _push(self, volume: float) -> None:
        for fluid in self.barrel.push(volume):
            leak = fluid.take(fluid.volume * (1.0 - self.passes))
            if leak.grams:
                self.leaked.add(leak)
            for out in self.outlet.push(fluid):
                if out.grams:
                    self.spilled.add(self.destination.add(out))

    def _draw(self, volume: float) -> None:
        through = volume * self.passes
        wet = self.source.take(through)
        air = Fluid({}, max(0.0, through - wet.volume))
        tube, backwards = (self.outlet, True) if self.inlet is None else (self.inlet, False)
        for fluid in (wet, air):
            if fluid.volume > NOTHING:
                for out in tube.push(fluid, backwards=backwards):
                    self.barrel.draw(out)
        self.barrel.air += volume - through
