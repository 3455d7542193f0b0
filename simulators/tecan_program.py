"""The command strings of a Cavro pump: read into steps, and carried out one after the other in lab time.

Commands, ranges and when an error is told are those of the maker's manuals of the XLP 6000 (734237-C, chapter 3) and the
XP 3000 (725730C). `[M]` marks general knowledge: how long a valve takes to turn, how long initialising takes at its
end, and the depth of loops.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio

    from autolab.model.actions import JSON
    from autolab.simulators.ledger import Ended
    from autolab.simulators.plunger import Plunger

INVALID_COMMAND, INVALID_OPERAND, NOT_INITIALIZED, PLUNGER_OVERLOAD, NOT_ALLOWED, OVERFLOW = 2, 3, 7, 9, 11, 15
TURN: Final = 0.25  # s for one turn of the valve [M]
HOMING: Final = 1.5  # s that initialising takes beside the way of the plunger [M]
HOMING_STROKE: Final = 3.0  # s for a whole stroke at homing speed [M]
DEEPEST: Final = 10  # nested loops [M]
STARTS: Final = {"top": 1400, "start": 900, "cutoff": 900, "slope": 14, "backlash": 12, "home": 122, "mode": 0}
RANGES: Final = {
    "V": ("top", 5, 6000), "v": ("start", 50, 1000), "c": ("cutoff", 50, 2700), "L": ("slope", 1, 20),
    "K": ("backlash", 0, 248), "k": ("home", 0, 2040), "N": ("mode", 0, 2),
}  # fmt: skip
SPEEDS: Final = [
    6000, 5600, 5000, 4400, 3800, 3200, 2600, 2200, 2000, 1800, 1600, 1400, 1200, 1000, 800, 600, 400, 200, 190, 180, 170,
    160, 150, 140, 130, 120, 110, 100, 90, 80, 70, 60, 50, 40, 30, 20, 18, 16, 14, 12, 10,
]  # fmt: skip
_STEP = re.compile(r"([A-Za-z])(\d*(?:,\d*)*)")
_KNOWN: Final = frozenset("ZYWAaPpDdIOBESVvcLKkNgGMHXR")

Step = tuple[str, list[int | None]]


def read(text: str) -> list[Step] | None:
    """Return the steps of a command string; None where one of them is unknown.

    >>> read("Z1,2,3IV900A1500")
    [('Z', [1, 2, 3]), ('I', []), ('V', [900]), ('A', [1500])]
    """
    steps: list[Step] = []
    at = 0
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None or found[1] not in _KNOWN:
            return None
        numbers = [int(number) if number else None for number in found[2].split(",")] if found[2] else []
        steps.append((found[1], numbers))
        at = found.end()
    return steps


@dataclass
class Drive:
    """A plunger, its valve, and the program that moves them.

    Attributes:
        plunger: The world's.
        increments: Of a full stroke in the standard mode.
        pulses: Of a full stroke, in which speeds are told.
        stroke: mm.
        valves: Numbered ports; 0 for a valve with input, output and bypass.
        later: Calls something in so many s of lab time.
        stuck: A way of the plunger ends half-way, by an overload.
    """

    plunger: Plunger
    increments: int
    pulses: int
    stroke: float
    valves: int
    later: Callable[[float, Callable[[], None]], asyncio.TimerHandle]
    stuck: bool = False
    initialized: bool = False
    overloaded: bool = False
    error: int = 0
    origin: float = 0.0  # mL that position 0 stands for: what there was when power came, until it is initialised
    valve: str = "i"
    counts: dict[str, int] = field(default_factory=lambda: {"initialized": 0, "plunger": 0, "valve": 0})
    values: dict[str, int] = field(default_factory=lambda: dict(STARTS))
    _steps: list[Step] = field(default_factory=list)
    _next: int = 0
    _loops: list[list[int]] = field(default_factory=list)  # where each began, and how often it has yet to run
    _timer: asyncio.TimerHandle | None = None
    _quiet: bool = False  # the movement is one that does not count as busy
    _last: list[Step] = field(default_factory=list)
    halted: bool = False

    # ---- what it tells -----------------------------------------------------------------------------------------

    @property
    def working(self) -> bool:
        """Whether a program is being carried out."""
        return self._timer is not None or self.plunger.moving or self.halted

    @property
    def busy(self) -> bool:
        """Whether the status says so: not during a movement in small letters."""
        return self.working and not self._quiet

    @property
    def full(self) -> int:
        """Steps of a full stroke, in the mode in force."""
        return self.increments * (8 if self.values["mode"] else 1)

    @property
    def position(self) -> int:
        """Where the plunger is, in steps of the mode in force."""
        return round((self.plunger.position - self.origin) / self.plunger.syringe.volume * self.full)

    def to_json(self) -> dict[str, JSON]:
        """Return its state at rest."""
        return {
            "initialized": self.initialized, "overloaded": self.overloaded, "error": self.error, "origin": self.origin,
            "valve": self.valve, "counts": dict(self.counts), "values": dict(self.values),
        }  # fmt: skip

    def from_json(self, state: Mapping[str, JSON]) -> None:
        """Go on from `to_json`."""
        self.drop()
        for name in ("initialized", "overloaded", "error", "origin", "valve"):
            setattr(self, name, state[name])
        counts, values = state["counts"], state["values"]
        self.counts = {key: int(str(value)) for key, value in counts.items()} if isinstance(counts, dict) else {}
        self.values = {key: int(str(value)) for key, value in values.items()} if isinstance(values, dict) else {}

    # ---- being commanded ---------------------------------------------------------------------------------------

    def run(self, steps: list[Step]) -> int:
        """Begin a program; return the error that is told at once."""
        if steps and steps[0][0] == "X":
            steps = self._last + steps[1:]
        self._last = steps
        self._steps, self._next, self._loops, self.error = list(steps), 0, [], 0
        self._go_on()
        error = self.error if self.error != INVALID_OPERAND else 0  # a wrong number is told by Q alone
        return error

    def resume(self) -> None:
        """Go on after `H`."""
        if self.halted:
            self.halted = False
            self._go_on()

    def terminate(self) -> None:
        """End the program and the way of the plunger; a valve finishes its turn."""
        self._steps, self._next, self.halted, self._loops = [], 0, False, []
        if self.plunger.moving:
            self.plunger.stop()
            self._quiet = False

    def drop(self) -> None:
        """Forget everything that was going on, as without power."""
        self._steps, self._next, self.halted, self._quiet = [], 0, False, False
        self.plunger.stop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # ---- one step after the other ------------------------------------------------------------------------------

    def _go_on(self) -> None:
        since = 0
        while self._next < len(self._steps) and not self.working:
            since += 1
            if since > 100:  # a loop in which nothing takes time: some must pass, until T
                self._wait(0.01, lambda: None)
                return
            letter, numbers = self._steps[self._next]
            self._next += 1
            error = self._do(letter, numbers)
            if error:
                self._steps, self.error = [], error

    def _do(self, letter: str, numbers: list[int | None]) -> int:
        number = numbers[0] if numbers else None
        if letter in RANGES:
            return self._put(letter, number)
        if letter in "ZYW":
            return self._initialize(letter, number or 0, numbers[1:])
        if letter in "AaPpDd":
            return self._move(letter, number)
        if letter in "IOBE":
            return self._turn(letter, number)
        if letter == "S":
            if number is None or number >= len(SPEEDS):
                return INVALID_OPERAND
            self.values["top"] = SPEEDS[number]
        return self._control(letter, number)

    def _control(self, letter: str, number: int | None) -> int:
        if letter == "M":
            if number is None or not 0 <= number <= 30000:
                return INVALID_OPERAND
            self._wait(number / 1000, lambda: None)
        elif letter == "H":
            self.halted = True
        elif letter == "g":
            if len(self._loops) >= DEEPEST:
                return OVERFLOW
            self._loops.append([self._next, -1])
        elif letter == "G" and self._loops:
            self._loop(number or 0)
        return 0

    def _loop(self, times: int) -> None:
        """Go back to the loop's begin; 0 times is for ever."""
        loop = self._loops[-1]
        if loop[1] < 0:
            loop[1] = times
        if times and loop[1] <= 1:
            self._loops.pop()
            return
        loop[1] -= 1 if times else 0
        self._next = loop[0]

    def _put(self, letter: str, number: int | None) -> int:
        name, low, high = RANGES[letter]
        if number is None or not low <= number <= high:
            return INVALID_OPERAND
        if letter in "vc" and number > self.values["top"]:
            return INVALID_OPERAND
        self.values[name] = number
        return 0

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        def over() -> None:
            self._timer = None
            then()
            self._go_on()

        self._timer = self.later(seconds, over)

    def _initialize(self, letter: str, force: int, ports: list[int | None]) -> int:
        if not (0 <= force <= 2 or 10 <= force <= 40) or any((port or 0) > max(self.valves, 1) for port in ports):
            return INVALID_OPERAND
        self.initialized = self.overloaded = False

        def home() -> None:
            self.origin, self.plunger.position = 0.0, 0.0
            self.initialized, self.values["top"] = True, STARTS["top"]
            self.counts["initialized"] += 1
            if letter != "W":
                self.valve = str(ports[1] or self.valves if len(ports) > 1 else 1) if self.valves else "i"
                if letter == "Y" and not self.valves:
                    self.valve = "o"

        def up(ended: Ended) -> None:
            self._wait(HOMING, home)

        self._quiet = False
        way = self.plunger.position / self.plunger.syringe.area
        if way > 0:
            self._travel(self.stroke / HOMING_STROKE, way, up)
        else:
            up("done")
        return 0

    def _turn(self, letter: str, number: int | None) -> int:
        if not self.initialized:
            return NOT_INITIALIZED
        if self.valves:
            if number is None or not 1 <= number <= self.valves or letter in "BE":
                return INVALID_OPERAND
            place = str(number)
        elif number is not None:
            return INVALID_OPERAND
        else:
            place = letter.lower()

        def there() -> None:
            self.valve = place
            self.counts["valve"] += 1

        self._quiet = False
        self._wait(0.0 if place == self.valve else TURN, there)
        return 0

    def _move(self, letter: str, number: int | None) -> int:
        if not self.initialized:
            return PLUNGER_OVERLOAD if self.overloaded else NOT_INITIALIZED
        if self.valve == "b":
            return NOT_ALLOWED
        now = self.position
        goal = {"A": number or 0, "P": now + (number or 0), "D": now - (number or 0)}[letter.upper()]
        if number is None or not 0 <= goal <= self.full:
            return INVALID_OPERAND
        self._quiet = letter.islower()
        self.counts["plunger"] += 1
        if goal == now:
            self._wait(0.0, lambda: None)
            return 0
        pulses = self.pulses * (8 if self.values["mode"] == 2 else 1)
        speed = self.values["top"] / pulses * self.stroke * (1.0 if goal < now else -1.0)
        exact = self.origin + goal / self.full * self.plunger.syringe.volume
        way = abs(exact - self.plunger.position) / self.plunger.syringe.area
        self._travel(speed, way / 2 if self.stuck else way, self._moved)
        return 0

    def _travel(self, speed: float, way: float, then: Callable[[Ended], None]) -> None:
        """Move the plunger at so many mm/s by so many mm; at its end the world is woken, so that what follows begins."""
        self.plunger.start(speed, way, then)
        if self.plunger.end is not None:
            world = self.plunger.world
            self.later(max(0.0, self.plunger.end - world.clock.loop.time()) + 1e-6, world.advance)

    def _moved(self, ended: Ended) -> None:
        self._quiet = False
        if ended == "stalled" or self.stuck:
            self.error, self.overloaded, self.initialized, self._steps = PLUNGER_OVERLOAD, True, False, []
            return
        self._go_on()
