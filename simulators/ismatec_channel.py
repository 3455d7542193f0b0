"""One channel of a Reglo ICC: its settings, its modes, and what it may not be started with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from autolab.model.actions import JSON
    from autolab.simulators.ismatec_hoses import Hose

TUBES = (
    0.13, 0.19, 0.25, 0.38, 0.44, 0.51, 0.57, 0.64, 0.76, 0.89, 0.95, 1.02, 1.09, 1.14, 1.22, 1.30, 1.42, 1.43, 1.52,
    1.65, 1.75, 1.85, 2.06, 2.29, 2.54, 2.79, 3.17,
)  # fmt: skip
"""Inner diameters that it knows, mm."""
TOP_RPM, LEAST_RPM = 100.0, 0.01
MODES = "LMOGQNP"
CONTINUOUS = "LM"


def most_flow(tube: float) -> float:
    """Return the flow at 100 rpm, mL/min: 0.138 and 0.281 are known for 0.13 and 0.19 mm, the others lie on their line.

    >>> round(most_flow(0.13), 3), round(most_flow(0.19), 3)
    (0.138, 0.281)
    """
    return float(0.138 * (tube / 0.13) ** 1.8737)


class Later(Protocol):
    """Calls something later."""

    def __call__(self, seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        """Call it in so many seconds of lab time."""


@dataclass
class Settings:
    """What a channel is told.

    Attributes:
        mode: L rpm, M flow rate, O volume at rate, G volume over time, Q volume and pause, N time, P time and pause.
        by_flow: In the other modes, whether the rate is a flow (`f`) or a speed (`S`).
        clockwise: Direction; clockwise pushes.
        rpm, flow, volume: mL/min, mL.
        run_s, pause_s: s.
        cycles: Of the modes with a pause.
        tube: Inner diameter, mm.
        factor: What calibration has made of the volume of a turn.
    """

    mode: str = "L"
    by_flow: bool = True
    clockwise: bool = True
    rpm: float = 10.0
    flow: float = 0.0
    volume: float = 0.0
    run_s: float = 0.0
    pause_s: float = 0.0
    cycles: int = 0
    backsteps: int = 0
    tube: float = 1.52
    factor: float = 1.0
    target: float = 1.0
    calibration_s: float = 60.0


class Channel:
    """A channel.

    Args:
        hose: What it moves.
        later: For the ends of runs and pauses.
        told: Called with `U` when it starts and `X` when it ends.
        stuck: The rollers do not turn, and it does not notice.
    """

    def __init__(self, hose: Hose, later: Later, told: Callable[[str], None], *, stuck: bool) -> None:
        self.hose, self._later, self._told, self.stuck = hose, later, told, stuck
        self.settings = Settings()
        self.running = False
        self.cause = ("C", 0.0)
        self._left = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def most(self) -> float:
        """Highest flow with this hose and calibration, mL/min."""
        return most_flow(self.settings.tube) * self.settings.factor

    @property
    def rate(self) -> float:
        """Flow that the settings ask for, mL/min."""
        told = self.settings
        if told.mode == "G":
            return 60.0 * told.volume / told.run_s if told.run_s > 0 else float("inf")
        by_flow = told.mode == "M" or (told.mode != "L" and told.by_flow)
        return told.flow if by_flow else self.most * told.rpm / TOP_RPM

    @property
    def volume(self) -> float | None:
        """Volume of one run, mL; None where it goes on."""
        told = self.settings
        if told.mode in CONTINUOUS:
            return None
        return self.rate * told.run_s / 60 if told.mode in "NP" else told.volume

    def start(self) -> str:
        """Begin, and return the answer's sign."""
        if self.running:
            return "#"
        told, rate = self.settings, self.rate
        if told.mode in "QP" and told.cycles == 0:
            self.cause = ("C", 0.0)
            return "-"
        if not self.most * LEAST_RPM / TOP_RPM * 0.999 <= rate <= self.most * 1.0005:
            self.cause = ("R", self.most)
            return "-"
        if (volume := self.volume) is not None and not 0 < volume <= self.most * 999 * 60:
            self.cause = ("V", self.most * 999 * 60)
            return "-"
        self.running, self._left = True, told.cycles if told.mode in "QP" else 1
        self._run()
        self._told("U")
        return "*"

    def stop(self) -> None:
        """Stand still."""
        self._cancel()
        self.hose.stop()
        if self.running:
            self.running = False
            self._told("X")

    def reset(self) -> None:
        """Take the settings of the factory, but for the hose."""
        self.settings = Settings(tube=self.settings.tube)

    def snapshot(self) -> dict[str, JSON]:
        """Return what it was told."""
        return asdict(self.settings)

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go back to `snapshot`, at a standstill."""
        self._cancel()
        self.running = False
        for field in fields(Settings):
            setattr(self.settings, field.name, state[field.name])

    def _run(self) -> None:
        volume, flow = self.volume, self.rate / 60.0
        if not self.stuck:
            self.hose.start(flow if self.settings.clockwise else -flow, volume)
            if volume is not None:
                self._timer = self._later(volume / flow, self._over)

    def _over(self) -> None:
        self.hose.world.advance()
        self._left -= 1
        if self._left > 0:
            self._timer = self._later(self.settings.pause_s, self._run)
            return
        self._timer, self.running = None, False
        self._told("X")

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
