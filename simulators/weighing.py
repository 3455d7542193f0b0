"""The weighing cell of a balance: response, drift, noise, resolution and the judgement of stability.

| symbol | means | value and reason |
|---|---|---|
| tau | response time of cell and filter | 0.35 s: an analytical balance settles to 0.1 mg in 2-4 s, about 8-10 tau |
| white | noise of each internal sample | 0.08 mg: repeatability of 0.1 mg balances is 0.07-0.1 mg |
| sway | slow noise (draughts, temperature), root mean square | 0.15 mg over 1-100 s: order of the drift over a minute |
| drift | the same, over 100 s to 3 h | 0.6 mg: 1-2 mg over some hours without internal adjustment |
| period | one internal sample | 0.1 s: 10 to 23 updates a second are usual |
| window, within | stable when the peak-to-peak of `window` is below `within` | 1.5 s, 0.6 mg for 0.1 mg resolution: a "fast" setting |
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from autolab.simulators.world import number

if TYPE_CHECKING:
    from autolab.model.actions import JSON
    from autolab.simulators.world import World

PERIOD = 0.1  # s
WINDOW = 1.5  # s
BLOCK = 256  # samples of white noise drawn at once
SETTLED = 2e-5  # g: closer than this to its load the cell moves in a straight line


@dataclass(frozen=True)
class CellOptions:
    """What a weighing cell is like; g and s.

    Attributes:
        capacity: Largest load above the preload, g.
        resolution: Last digit of the display, g.
        tau: Response time, s.
        white: Standard deviation of each sample, g.
        sway: Root mean square of the noise between 1 and 100 s, g.
        drift: Root mean square of the drift between 100 s and 3 h, g.
        noise: Factor on all three; 0 weighs like a textbook.
    """

    capacity: float = 220.0
    resolution: float = 0.0001
    tau: float = 0.35
    white: float = 0.00008
    sway: float = 0.00015
    drift: float = 0.0006
    noise: float = 1.0

    @property
    def within(self) -> float:
        """Peak-to-peak below which a weight counts as stable, g: six digits of the display."""
        return 6.0 * self.resolution


OPTIONS = ("capacity_g", "resolution_g", "response_s", "white_g", "sway_g", "drift_g")
"""As a lab file names them."""


def cell_options(options: Mapping[str, JSON], noise: float) -> CellOptions:
    """Return what a lab file says of a cell; a coarser balance has a coarser cell.

    Args:
        options: Of the instrument; other keys are passed over.
        noise: Factor on its noise.
    """
    usual = CellOptions()
    resolution = number(options, "resolution_g", usual.resolution)
    scale = resolution / usual.resolution
    return CellOptions(
        capacity=number(options, "capacity_g", usual.capacity),
        resolution=resolution,
        tau=number(options, "response_s", usual.tau),
        white=number(options, "white_g", usual.white * scale),
        sway=number(options, "sway_g", usual.sway * scale),
        drift=number(options, "drift_g", usual.drift * scale),
        noise=noise,
    )


class Noise:
    """Noise that depends on nothing but its seed and the time since it was seeded.

    Slow parts are sums of sinusoids with random phases (Shinozuka and Deodatis, Appl. Mech. Rev. 44 (1991) 191), white
    noise is drawn in blocks by their number: looking twice, or not at all, changes nothing.
    """

    def __init__(self, options: CellOptions, seed: int, since: float) -> None:
        self.options, self.seed, self.since = options, seed, since
        rng = np.random.default_rng([seed, 0])
        per_decade = 4
        fast = np.logspace(-2, 0, 2 * per_decade, endpoint=False)
        slow = np.logspace(-4, -2, 2 * per_decade, endpoint=False)
        frequencies = np.concatenate([fast, slow]) * rng.uniform(0.85, 1.15, 4 * per_decade)
        self._omega = 2 * np.pi * frequencies
        scale = options.noise * math.sqrt(2.0 / (2 * per_decade))
        self._amplitude = scale * np.repeat([options.sway, options.drift], 2 * per_decade)
        self._phase = rng.uniform(0, 2 * np.pi, 4 * per_decade)
        self._blocks: dict[int, np.ndarray[tuple[int], np.dtype[np.float64]]] = {}

    def at(self, number: int) -> float:
        """Return the noise of one sample, g; samples are numbered from the seeding, one each PERIOD."""
        swing = np.sin(self._omega * (number * PERIOD) + self._phase) - np.sin(self._phase)
        block, place = divmod(number, BLOCK)
        if block not in self._blocks:
            self._blocks = {key: values for key, values in self._blocks.items() if key >= block - 1}
            draw = np.random.default_rng([self.seed, 1 + max(block, 0)]).standard_normal(BLOCK)
            self._blocks[block] = self.options.noise * self.options.white * draw
        return float(self._amplitude @ swing) + float(self._blocks[block][place])


class WeighingCell:
    """What lies under the pan: feels the true load, and knows what it would say of it.

    Args:
        options: What it is like.
        world: Whose time it keeps.
        load: Load at the start, g, to which it has settled.
        seed: Of its noise.
    """

    def __init__(self, options: CellOptions, world: World, *, load: float, seed: int) -> None:
        self.options, self.world = options, world
        self.load = self.level = load
        self.noise = Noise(options, seed, world.time)
        self._curve: deque[tuple[float, float]] = deque([(world.time - WINDOW, load), (world.time, load)])
        self._samples: dict[int, float] = {}

    def feel(
        self,
        times: tuple[float, float],
        load: tuple[float, float],
        impulse: float = 0.0,
        bends: Iterable[tuple[float, float]] = (),
    ) -> None:
        """Take in what the load did; the response is first-order, in closed form.

        Args:
            times: Begin and end, s.
            load: Load at the begin and at the end, g, even in between but for `bends`.
            impulse: At the end, g s.
            bends: Pairs (size in g, time constant in s): the load also had size * (1 - exp(-t / constant)), less the
                straight line between its ends.
        """
        dt, tau = times[1] - times[0], self.options.tau
        if dt > 0:
            decay = math.exp(-dt / tau)
            lag = dt - tau * (1.0 - decay)  # the response to a ramp of 1 g/s
            self.level = load[0] + (load[1] - load[0]) / dt * lag + (self.level - load[0]) * decay
            for size, constant in bends:
                self.level += size * (_rise(dt, tau, constant) - (1.0 - math.exp(-dt / constant)) / dt * lag)
        self.level += impulse / tau
        self.load = load[1]
        self._curve.append((times[1], self.level))
        while len(self._curve) > 2 and self._curve[1][0] < times[1] - 2 * WINDOW:
            self._curve.popleft()

    def next_sample(self) -> float:
        """Return the loop time of the next sample, s."""
        return self.noise.since + (self._newest() + 1) * PERIOD

    @property
    def settled(self) -> bool:
        """Whether it follows its load in a straight line."""
        return abs(self.level - self.load) < SETTLED

    def reading(self) -> float:
        """Return the newest sample, g, unrounded."""
        return self._sample(self._newest())

    def stable(self) -> bool:
        """Say whether the samples of the last WINDOW lie within the limit."""
        newest = self._newest()
        count = round(WINDOW / PERIOD)
        values = [self._sample(number) for number in range(newest - count, newest + 1)]
        return max(values) - min(values) <= self.options.within

    def reseed(self, seed: int) -> None:
        """Draw the noise anew, from now on."""
        self.noise = Noise(self.options, seed, self.world.time)
        self._samples.clear()

    def snapshot(self) -> dict[str, JSON]:
        """Return its state, times relative to now."""
        now = self.world.time
        return {
            "level": self.level,
            "load": self.load,
            "seed": self.noise.seed,
            "since": self.noise.since - now,
            "curve": [[when - now, level] for when, level in self._curve],
        }

    def restore(self, state: dict[str, JSON]) -> None:
        """Go on from `snapshot` at the world's present time."""
        now = self.world.time
        self.level, self.load = float(str(state["level"])), float(str(state["load"]))
        self.noise = Noise(self.options, int(str(state["seed"])), now + float(str(state["since"])))
        curve = state["curve"]
        points = (
            [(float(str(p[0])), float(str(p[1]))) for p in curve if isinstance(p, list)]
            if isinstance(curve, list)
            else []
        )
        self._curve = deque((now + when, level) for when, level in points)
        self._samples.clear()

    def _newest(self) -> int:
        return math.floor((self.world.time - self.noise.since) / PERIOD + 1e-6)  # a sample is due a moment early

    def _sample(self, number: int) -> float:
        """Return one sample, g; each is taken once, as the real one does."""
        if number not in self._samples:
            if len(self._samples) > 4 * BLOCK:
                self._samples = {key: value for key, value in self._samples.items() if key > number - BLOCK}
            self._samples[number] = self._level_at(self.noise.since + number * PERIOD) + self.noise.at(number)
        return self._samples[number]

    def _level_at(self, when: float) -> float:
        after = None
        for point in reversed(self._curve):
            if point[0] <= when:
                if after is None or after[0] <= point[0]:
                    return point[1]
                return point[1] + (after[1] - point[1]) * (when - point[0]) / (after[0] - point[0])
            after = point
        return self._curve[0][1]


def _rise(dt: float, tau: float, constant: float) -> float:
    """Return the response of a first-order filter to 1 - exp(-t / constant)."""
    if abs(constant - tau) < 1e-6 * tau:
        constant = tau * (1 + 1e-6)
    fast, slow = math.exp(-dt / tau), math.exp(-dt / constant)
    return 1.0 - fast - constant / (constant - tau) * (slow - fast)
