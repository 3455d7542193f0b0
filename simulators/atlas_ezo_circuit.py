"""What all Atlas Scientific EZO circuits have in common: their line, their modes, their memory.

9600 8N1, lines ended by CR in both directions, commands in any case. From power-up a circuit tells a reading every
second unasked. With response codes on, each command is followed by `*OK` or `*ER`, after its data; a restart says
`*RS` and `*RE`, falling asleep `*SL`, waking `*WA`.

The facts are those of the project's instrument sheet; that codes come after data is how a public library for these
circuits reads them. `[M]` marks what comes from memory of such circuits: what is kept without power (all but the
temperature, and continuous mode, which is back), the letters of `Status`, that commands sent while it is busy are
carried out in turn, that the line which wakes it is lost, the length of a name, and `Find`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, ClassVar, Final

from autolab.simulators.atlas_ezo_frames import NAME, SPEEDS, Answer, Memory, Task, change, number_in, short, told
from autolab.simulators.simulator import Place, Send, check_keys
from autolab.simulators.world import number, part

if TYPE_CHECKING:
    from autolab.model.actions import JSON

LONGEST_LINE: Final = 64
BOOTS: Final = 0.8  # s from *RS to *RE [M]
SLOWEST: Final = 99  # s between two readings in continuous mode


class EZOSimulator:
    """A circuit; a kind of probe is a subclass that knows its own commands and takes its readings.

    Options of all (under `virtual.instruments.<name>` in the lab file): `firmware`, `name`, `voltage`, `codes` (false:
    somebody has turned response codes off), `continuous` (false: it was told to be silent).

    Args:
        place: Where it stands.

    Attributes:
        frozen: For tests: from now on every reading is the last one again.
    """

    kind: ClassVar[str]
    firmware: ClassVar[str]
    options: ClassVar[tuple[str, ...]] = ()
    reading_s: ClassVar[float] = 0.6
    calibrating_s: ClassVar[float] = 1.6
    usual_temperature: ClassVar[float] = 25.0
    """For which it compensates after a start, degC."""
    compensates: ClassVar[bool] = True
    """Whether it knows `T` and `RT`."""

    def __init__(self, place: Place) -> None:
        known = ("firmware", "name", "voltage", "codes", "continuous", "frozen", *self.options)
        check_keys(f"virtual.instruments.{place.name}", place.options, known)
        self.name, self.place, self.world = place.name, place, place.world
        self.reaction = 0.02
        self.version = str(place.options.get("firmware", self.firmware))
        self.voltage = number(place.options, "voltage", 5.038)
        self.memory = Memory(str(place.options.get("name", "")), bool(place.options.get("codes", True)))
        self.frozen = bool(place.options.get("frozen", False))
        self.every = 1.0 if place.options.get("continuous", True) else 0.0  # s between readings unasked; 0: silent
        self.temperature = self.usual_temperature
        self.cause = "P"  # of the last restart
        self.asleep = self.booting = False
        self._last: str | None = None
        self._send: Send = _nowhere
        self._line = b""
        self._waiting: deque[str] = deque()
        self._busy: asyncio.TimerHandle | None = None
        self._ticking: asyncio.TimerHandle | None = None
        place.clock.loop.call_soon_threadsafe(self._tick_again)

    @property
    def baud(self) -> int:
        """Speed of its line, bit/s."""
        return self.memory.baud

    # ---- what a kind of probe knows ----------------------------------------------------------------------------

    def measure(self) -> str:
        """Return a reading as it is told."""
        raise NotImplementedError

    def own(self, word: str, arguments: list[str]) -> Task | None:
        """Return what a command of this kind of probe does, or None for an error."""
        return None

    def forget(self) -> None:
        """Go back to the factory's settings, as far as they are this kind's own."""

    def kept(self) -> dict[str, JSON]:
        """Return the state that is this kind's own."""
        return {}

    def put(self, state: Mapping[str, JSON]) -> None:
        """Go back to `kept`."""

    # ---- the line ----------------------------------------------------------------------------------------------

    def attach(self, send: Send) -> None:
        """Let `send` carry its bytes from now on."""
        self._send = send

    def receive(self, data: bytes) -> None:
        """Take bytes from the line; a command ends at CR, and LF counts for nothing."""
        if self.booting:
            return
        if self.asleep:
            self.asleep, self._line = False, b""
            self._tell_code("*WA")
            self._tick_again()
            return
        self._line += data.replace(b"\n", b"")
        while b"\r" in self._line:
            line, _, self._line = self._line.partition(b"\r")
            self._take(line)
        if len(self._line) > LONGEST_LINE:
            self._line = b""
            self._take(b"?")  # nothing that it knows

    def _take(self, line: bytes) -> None:
        self._waiting.append(line.decode("latin-1").strip())
        self._go_on()

    def _go_on(self) -> None:
        """Begin what has waited longest, unless something is in hand."""
        while self._waiting and self._busy is None:
            task = self._task(self._waiting.popleft()) or Task(lambda: None)
            if task.seconds > 0:
                self._busy = self.place.clock.loop.call_later(task.seconds, self._done, task)
            else:
                self._finish(task)

    def _done(self, task: Task) -> None:
        self._busy = None
        self._finish(task)
        self._go_on()

    def _finish(self, task: Task) -> None:
        answer = task.act()
        for line in answer or ():
            self._say(line)
        self._tell_code("*ER" if answer is None else task.code)

    def _say(self, text: str) -> None:
        self._send(text.encode("latin-1") + b"\r")

    def _tell_code(self, code: str) -> None:
        if self.memory.codes and code:
            self._say(code)

    # ---- readings ----------------------------------------------------------------------------------------------

    def read(self) -> str:
        """Return a reading now."""
        self.world.advance()
        told = self.measure()
        if not self.frozen or self._last is None:
            self._last = told
        return self._last

    def _tick_again(self) -> None:
        """Set the timer of continuous mode anew; none while it is silent or asleep."""
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None
        if self.every > 0 and not self.asleep and not self.booting:
            self._ticking = self.place.clock.loop.call_later(self.every, self._tick)

    def _tick(self) -> None:
        self._ticking = None
        if self._busy is None:  # a command in hand comes first; this reading is left out
            self._say(self.read())
        self._tick_again()

    # ---- commands ----------------------------------------------------------------------------------------------

    def _task(self, text: str) -> Task | None:
        """Return what a command does, or None for an error."""
        if len(text) > LONGEST_LINE:
            return None
        word, *arguments = text.split(",")
        word, arguments = word.strip().upper(), [argument.strip() for argument in arguments]
        common: dict[str, Callable[[list[str]], Task | None]] = {
            "R": self._r, "RT": self._rt, "T": self._t, "C": self._c, "I": self._i, "STATUS": self._status,
            "L": self._l, "*OK": self._ok, "NAME": self._name, "BAUD": self._baud, "SLEEP": self._sleep,
            "FACTORY": self._factory, "FIND": self._find,
        }  # fmt: skip
        if word in common and (self.compensates or word not in ("T", "RT")):
            return common[word](arguments)
        return self.own(word, arguments)

    def _r(self, arguments: list[str]) -> Task | None:
        return None if arguments else Task(lambda: [self.read()], self.reading_s)

    def _rt(self, arguments: list[str]) -> Task | None:
        celsius = number_in(arguments)
        return None if celsius is None else Task(lambda: self._read_at(celsius), self.reading_s)

    def _read_at(self, celsius: float) -> Answer:
        self.temperature = celsius
        return [self.read()]

    def _t(self, arguments: list[str]) -> Task | None:
        return self.setting("T", arguments, "temperature", lambda value: -126.0 <= value <= 1254.0)

    def _c(self, arguments: list[str]) -> Task | None:
        if arguments == ["?"]:
            return told(f"?C,{self.every:.0f}")
        value = number_in(arguments)
        if value is None or value != int(value) or not 0 <= value <= SLOWEST:
            return None
        return Task(lambda: self._set_pace(value))

    def _set_pace(self, seconds: float) -> Answer:
        self.every = seconds
        self._tick_again()
        return []

    def _i(self, arguments: list[str]) -> Task | None:
        return None if arguments else told(f"?I,{self.kind},{self.version}")

    def _status(self, arguments: list[str]) -> Task | None:
        return None if arguments else told(f"?Status,{self.cause},{self.voltage:.3f}")

    def _l(self, arguments: list[str]) -> Task | None:
        return self._switch("L", arguments, "led")

    def _ok(self, arguments: list[str]) -> Task | None:
        return self._switch("*OK", arguments, "codes")

    def _switch(self, word: str, arguments: list[str], field: str) -> Task | None:
        if arguments == ["?"]:
            return told(f"?{word},{getattr(self.memory, field):d}")
        if arguments not in (["0"], ["1"]):
            return None
        return change(self.memory, field, arguments == ["1"])

    def _name(self, arguments: list[str]) -> Task | None:
        if arguments == ["?"]:
            return told(f"?Name,{self.memory.name}")
        if len(arguments) != 1 or (arguments[0] and NAME.fullmatch(arguments[0]) is None):
            return None
        return change(self.memory, "name", arguments[0])

    def _baud(self, arguments: list[str]) -> Task | None:
        if arguments == ["?"]:
            return told(f"?Baud,{self.memory.baud}")
        if len(arguments) != 1 or arguments[0] not in map(str, SPEEDS):
            return None
        return change(self.memory, "baud", int(arguments[0]))

    def _sleep(self, arguments: list[str]) -> Task | None:
        return None if arguments else Task(self._fall_asleep, code="*SL")

    def _fall_asleep(self) -> Answer:
        self.asleep = True
        self._waiting.clear()
        self._tick_again()
        return []

    def _find(self, arguments: list[str]) -> Task | None:
        return None if arguments else Task(lambda: self._set_pace(0.0))  # its light blinks, and it is silent

    def _factory(self, arguments: list[str]) -> Task | None:
        return None if arguments else Task(self._to_factory, code="")

    def _to_factory(self) -> Answer:
        self.memory = Memory(baud=self.memory.baud)
        self.forget()
        self._restart("S")
        return []

    def setting(self, word: str, arguments: list[str], attribute: str, allowed: Callable[[float], bool]) -> Task | None:
        """Return what a command does that sets a number, or asks for it."""
        if arguments == ["?"]:
            return told(f"?{word},{short(getattr(self, attribute))}")
        value = number_in(arguments)
        if value is None or not allowed(value):
            return None
        return change(self, attribute, value)

    # ---- power, state ------------------------------------------------------------------------------------------

    def power_cycle(self) -> None:
        """Lose power and come back: temperature and silence are forgotten, and it says that it has restarted."""
        self._restart("P")

    def _restart(self, cause: str) -> None:
        self._quiet()
        self.cause, self.temperature, self.every = cause, self.usual_temperature, 1.0
        self.asleep, self.booting = False, True
        self._tell_code("*RS")
        self._busy = self.place.clock.loop.call_later(BOOTS, self._booted)

    def _booted(self) -> None:
        self._busy, self.booting = None, False
        self._tell_code("*RE")
        self._tick_again()

    def _quiet(self) -> None:
        """Forget what was going on."""
        for timer in (self._busy, self._ticking):
            if timer is not None:
                timer.cancel()
        self._busy = self._ticking = None
        self._waiting.clear()
        self._line = b""

    def is_safe(self) -> bool:
        """A probe always is."""
        return True

    def reseed(self, seed: int) -> None:
        """Draw its noise anew."""

    def snapshot(self) -> dict[str, JSON]:
        """Return its state as JSON; commands in hand are left out."""
        self.world.advance()
        return {
            "memory": asdict(self.memory),
            "every": self.every,
            "temperature": self.temperature,
            "cause": self.cause,
            "asleep": self.asleep,
            "frozen": self.frozen,
            "last": self._last,
            "own": self.kept(),
        }

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go on from `snapshot`; what was going on is forgotten."""
        self._quiet()
        for name, value in part(state, "memory").items():
            setattr(self.memory, name, value)
        self.every, self.temperature = float(str(state["every"])), float(str(state["temperature"]))
        self.cause, self.asleep, self.frozen = str(state["cause"]), bool(state["asleep"]), bool(state["frozen"])
        self.booting = False
        last = state["last"]
        self._last = None if last is None else str(last)
        self.put(part(state, "own"))
        self._tick_again()


def _nowhere(data: bytes) -> None:
    """Send nothing: no line is attached."""
