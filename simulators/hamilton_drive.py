"""One syringe of a Microlab 600 with its valve: a buffer of commands, carried out one after the other in lab time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio

    from autolab.model.actions import JSON
    from autolab.simulators.ledger import Ended
    from autolab.simulators.plunger import Plunger

FULL: Final = 48000  # steps of a full stroke
REACH: Final = 52800  # steps that it can go
SHORTEST, LONGEST = 2, 3692  # s for a stroke
HOMING: Final = 8  # s for a stroke, where no speed is told [M]
TURN: Final = 0.4  # s for a turn of the valve [M]
NOT_INITIALIZED, INIT_ERROR, OVERLOAD = 1, 4, 8

Step = tuple[str, int, int]


@dataclass
class Side:
    """A syringe and its valve.

    Attributes:
        plunger: The world's.
        stroke: mm.
        later: Calls something in so many s of lab time.
        stuck: Movements end half-way, by an overload.
        waiting: Commands that have yet to be carried out.
        angle: Of the valve, degrees.
        turning: Whether the valve turns.
        syringe_error: Bits as E2 tells them: 1 not initialised, 4 initialising failed, 8 overload.
        valve_error: 1 not initialised.
        values: Settings by the last letter of their command.
    """

    plunger: Plunger
    stroke: float
    later: Callable[[float, Callable[[], None]], asyncio.TimerHandle]
    stuck: bool = False
    waiting: list[Step] = field(default_factory=list)
    angle: int = 0
    turning: bool = False
    syringe_error: int = 0
    valve_error: int = 0
    values: dict[str, int] = field(default_factory=dict)
    _origin: float = 0.0
    _paused: bool = False
    _timer: asyncio.TimerHandle | None = None
    _goal: Step | None = None  # of the way that is being gone

    @property
    def initialized(self) -> bool:
        """Whether syringe and valve were."""
        return not (self.syringe_error or self.valve_error)

    @property
    def busy(self) -> bool:
        """Whether anything moves."""
        return self.plunger.moving or self._timer is not None

    @property
    def position(self) -> int:
        """Steps; 0 is where it was initialised, or where it stood when power came."""
        return round((self.plunger.position - self._origin) / self.plunger.syringe.volume * FULL)

    def come_up(self, *, initialized: bool) -> None:
        """Take what is so when power comes."""
        self.plunger.stop()
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._goal, self._paused, self.turning, self.waiting = None, None, False, False, []
        self._origin = 0.0 if initialized else self.plunger.position
        self.syringe_error = self.valve_error = 0 if initialized else NOT_INITIALIZED
        self.values = {"S": 15, "B": 0, "N": 0, "F": 240, "T": 12}

    def to_json(self) -> dict[str, JSON]:
        """Return its state at rest."""
        return {
            "angle": self.angle, "syringe_error": self.syringe_error, "valve_error": self.valve_error,
            "origin": self._origin, "values": dict(self.values),
        }  # fmt: skip

    def from_json(self, state: Mapping[str, JSON]) -> None:
        """Go on from `to_json`."""
        self.come_up(initialized=True)
        self.angle, self._origin = int(str(state["angle"])), float(str(state["origin"]))
        self.syringe_error, self.valve_error = int(str(state["syringe_error"])), int(str(state["valve_error"]))
        values = state["values"]
        if isinstance(values, dict):
            self.values = {key: int(str(value)) for key, value in values.items()}

    # ---- what it is told ---------------------------------------------------------------------------------------

    def halt(self) -> None:
        """Stop the plunger; what is left of its way waits."""
        self._paused = True
        if self._goal is not None:
            self.waiting.insert(0, self._goal)
        self.plunger.stop()
        self._goal = None

    def clear(self) -> None:
        """Forget what waits."""
        self.waiting, self._paused = [], False

    def go(self) -> None:
        """Carry out what waits."""
        self._paused = False
        self._go_on()

    def _go_on(self) -> None:
        while self.waiting and not self.busy and not self._paused:
            self._do(*self.waiting.pop(0))

    def _do(self, letter: str, amount: int, seconds: int) -> None:
        if seconds < 0:
            self.values[letter] = amount
        elif letter == "X":
            self._home(seconds or HOMING, valve=amount == 0)
        elif letter in ("L", "V"):
            self._turn(amount, homing=letter == "V")
        else:
            here = self.position
            goal = {"M": amount, "P": here + amount, "D": here - amount}[letter]
            self._move(min(max(goal, 0), REACH), seconds or self.values["S"])

    # ---- what it does ------------------------------------------------------------------------------------------

    def _turn(self, angle: int, *, homing: bool = False) -> None:
        def there() -> None:
            self.angle, self.turning = angle, False
            if homing:
                self.valve_error = 0

        self.turning = True
        self._wait(0.0 if angle == self.angle and not homing else TURN, there)

    def _move(self, goal: int, seconds: int) -> None:
        here = self.position
        if goal == here:
            return
        exact = self._origin + goal / FULL * self.plunger.syringe.volume
        way = abs(exact - self.plunger.position) / self.plunger.syringe.area
        speed = self.stroke / seconds * (1.0 if goal < here else -1.0)
        self._goal = ("M", goal, seconds)
        self._travel(speed, way / 2 if self.stuck else way, self._arrived)

    def _arrived(self, ended: Ended) -> None:
        self._goal = None
        if ended == "stalled" or self.stuck:
            self.syringe_error, self.waiting = OVERLOAD, []
        self._go_on()

    def _home(self, seconds: int, *, valve: bool) -> None:
        self.syringe_error = NOT_INITIALIZED
        if valve:
            self.valve_error = NOT_INITIALIZED

        def home() -> None:
            self._origin, self.plunger.position, self.syringe_error = 0.0, 0.0, 0
            if valve:
                self.angle, self.valve_error = 0, 0

        def up(ended: Ended) -> None:
            self._wait(TURN, home)

        way = self.plunger.position / self.plunger.syringe.area
        if way > 0:
            self._travel(self.stroke / seconds, way, up)
        else:
            up("done")

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        def over() -> None:
            self._timer = None
            then()
            self._go_on()

        self._timer = self.later(seconds, over)

    def _travel(self, speed: float, way: float, then: Callable[[Ended], None]) -> None:
        """Move the plunger at so many mm/s by so many mm; at its end the world is woken, so that what follows begins."""
        self.plunger.start(speed, way, then)
        if self.plunger.end is not None:
            world = self.plunger.world
            self.later(max(0.0, self.plunger.end - world.clock.loop.time()) + 1e-6, world.advance)
