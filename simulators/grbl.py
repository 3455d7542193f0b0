"""A gantry with a GRBL 1.1 controller (115200 8N1): a parser, a planner of motions, end stops, alarms that lock.

    > G0X-10                     < ok                 accepted, not finished
    > ?                          < <Run|MPos:-3.125,0.000,0.000|FS:0,0>

Realtime bytes are taken out of the stream as they come. The switches for homing are at the positive ends, so that the
machine's coordinates are negative. Each motion ends at rest: the look-ahead of the real planner is left out.
The facts are those of the project's instrument sheet and of the firmware's own documentation (`doc/markdown/interface.md`,
`doc/csv`); `protocol.c` tells the order of things.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Final

from autolab.simulators.axes import Gantry
from autolab.simulators.grbl_gcode import Dwell, GcodeError, Motion, Parser
from autolab.simulators.grbl_settings import SETTINGS, change
from autolab.simulators.simulator import Place
from autolab.simulators.talker import Talker
from autolab.simulators.world import number

if TYPE_CHECKING:
    from autolab.model.actions import JSON

RX: Final = 127  # bytes that wait to be read, at most
BLOCKS: Final = 15  # motions that wait in the planner
LINE: Final = 80  # characters of a line
RESET: Final = 0x18
BEYOND: Final = 3.0  # mm between the ends of travel and the end stops
START: Final = (-50.0, -40.0, -20.0)  # mm, where it stands before it was ever homed
_REALTIME: Final = re.compile(rb"[?!~\x18\x80-\xff]")


class GantrySimulator(Talker):
    """A gantry of three axes.

    Options (under `virtual.instruments.<name>` in the lab file): `version`, `info` (the line that its owner stored),
    `homing` (whether it has switches, `$22`), `homed` (it was, long ago), `soft_limits` (`$20`), `stuck` (something blocks
    it), `hard_limits` (`$21`: a switch that trips in motion is an alarm), `status_mask` (`$10`), `inches` (`$13`).

    Args:
        place: Where it stands.

    Attributes:
        body: What moves; in coordinates of the machine as homing will make them.
        state: `Idle`, `Run`, `Hold`, `Jog`, `Alarm`, `Home`, `Check`, `Sleep`, `Door`.
        dollar: Settings, by number.
    """

    frame_end: ClassVar[tuple[bytes, ...]] = (b"\n", b"\r")
    options: ClassVar[tuple[str, ...]] = (
        "version", "info", "homing", "homed", "soft_limits", "hard_limits", "stuck", "status_mask", "inches",
    )  # fmt: skip
    kept: ClassVar[tuple[str, ...]] = ("state", "dollar", "origin", "offsets")
    baud = 115200
    reaction = 0.002

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        options = place.options
        self.version, self.info = str(options.get("version", "1.1h")), str(options.get("info", ""))
        self.dollar = dict(SETTINGS)
        self.dollar[22] = str(int(bool(options.get("homing", True))))
        for key, name in ((20, "soft_limits"), (21, "hard_limits"), (13, "inches")):
            self.dollar[key] = str(int(bool(options.get(name, False))))
        self.dollar[10] = f"{number(options, 'status_mask', 1):.0f}"
        low = [-self._number(130 + axis) - BEYOND for axis in range(3)]
        self.body = self.world.body(place.name, lambda: Gantry(low, (BEYOND,) * 3, START))
        self.body.blocked = bool(options.get("stuck", False))
        homed = bool(options.get("homed", False))
        self.origin = [0.0] * 3 if homed else list(self.body.position)  # where its coordinates are 0
        self.state = "Idle" if homed or self.dollar[22] == "0" else "Alarm"
        self.parser = Parser([])
        self._queue: deque[Motion | Dwell] = deque()
        self._running: Motion | Dwell | None = None
        self._route: list[tuple[float, ...]] = []  # of a homing cycle
        self._round = 0  # counts motions, so that a timer knows its own
        self._rx = b""
        self._halted = False  # after a limit alarm nothing but a reset is heard
        self._reports = 0
        self._restart()

    # ---- coming up ---------------------------------------------------------------------------------------------

    def _restart(self) -> None:
        self.parser.reset()
        self.parser.place = list(self.machine)
        self._queue.clear()
        self._running, self._route = None, []
        self._rx, self._halted, self._reports = b"", False, 0

    def _greet(self) -> None:
        self.say(f"\r\nGrbl {self.version} ['$' for help]\r\n".encode())
        if self.state == "Alarm":
            self.say(b"[MSG:'$H'|'$X' to unlock]\r\n")

    def wake(self) -> None:
        """Come up: it counts from where it stands."""
        self.body.freeze()
        self.origin = list(self.body.position)
        self.state = "Alarm" if self.dollar[22] == "1" else "Idle"
        self._restart()
        self._greet()

    def reset(self) -> None:
        """Stop at once and start over; a motion that is cut off loses steps, so the position is no longer trusted."""
        self.world.advance()
        if self.state == "Home":
            self._alarm(6)
        elif self.body.moving:
            self._alarm(3)
        self.body.freeze()
        if self.state != "Alarm":
            self.state = "Alarm" if self.state == "Sleep" else "Idle"
        self._restart()
        self._greet()

    def _alarm(self, code: int) -> None:
        self.state = "Alarm"
        self.body.freeze()
        self._queue.clear()
        self._running, self._route = None, []
        self.say(f"ALARM:{code}\r\n".encode())

    # ---- where it is -------------------------------------------------------------------------------------------

    @property
    def machine(self) -> list[float]:
        """Machine position as it believes, mm."""
        return [place - origin for place, origin in zip(self.body.position, self.origin, strict=True)]

    @property
    def offsets(self) -> dict[str, list[float]]:
        """Offsets of its coordinate systems, which it keeps."""
        return self.parser.offsets

    @offsets.setter
    def offsets(self, offsets: dict[str, list[float]]) -> None:
        self.parser.offsets = {name: list(values) for name, values in offsets.items()}

    def is_safe(self) -> bool:
        """Say whether it stands still and nothing waits to be moved."""
        self.world.advance()
        return not self.body.moving and not self._queue

    def _number(self, key: int) -> float:
        return float(self.dollar[key])

    # ---- the stream --------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take bytes: realtime bytes act at once, the others wait for the parser, as many as there is room for."""
        self._settle()
        at = 0
        for found in _REALTIME.finditer(data):
            self._buffer(data[at : found.start()])
            self._realtime(data[found.start()])
            at = found.end()
        self._buffer(data[at:])

    def _buffer(self, data: bytes) -> None:
        self._rx += data[: max(0, RX - len(self._rx))]
        self._pump()

    def _pump(self) -> None:
        """Execute lines as long as nothing keeps the parser waiting."""
        while not self._waiting:
            ends = [at for at in (self._rx.find(b"\n"), self._rx.find(b"\r")) if at >= 0]
            if not ends:
                if len(self._rx) >= LINE:  # the parser throws away what is too long, and says so at its end
                    self._rx = b"\0" * LINE
                return
            line, self._rx = self._rx[: min(ends)], self._rx[min(ends) + 1 :]
            self.hear(line)

    @property
    def _waiting(self) -> bool:
        sync = any(isinstance(item, Dwell) for item in (self._running, *self._queue))
        return self._halted or sync or self.state in ("Home", "Hold", "Door", "Sleep") or len(self._queue) >= BLOCKS

    def hear(self, frame: bytes) -> None:
        """Execute one line and say what came of it."""
        if len(frame) >= LINE:
            self.say(b"error:11\r\n")
            return
        line = re.sub(r"\([^)]*\)?|;.*|[\x00-\x20/]", "", frame.decode("latin-1")).upper()
        try:
            done = self._system(line) if line.startswith("$") else self._gcode(line)
        except GcodeError as error:
            self.say(f"error:{error}\r\n".encode())
            return
        if done:
            self.say(b"ok\r\n")

    def _gcode(self, line: str, *, jog: bool = False) -> bool:
        """Take a line of G-code; True when it can be acknowledged now."""
        if not line:
            return True
        if self.state in ("Alarm", "Jog") and not (jog and self.state == "Jog"):
            raise GcodeError("9")
        step = self.parser.execute(line, jog=jog)
        if step is None or self.state == "Check":
            return True
        if isinstance(step, Motion):
            if not self._within(step):
                if jog:
                    raise GcodeError("15")
                self._limit(2)
                return False
            self.parser.place = list(step.target)
        self._queue.append(step)
        if self.state == "Idle":
            self.state = "Jog" if jog else "Run"
        if self._running is None:
            self._next()
        return isinstance(step, Motion)

    def _within(self, step: Motion) -> bool:
        ends = [-self._number(130 + axis) for axis in range(3)]
        inside = all(end - 1e-9 <= place <= 1e-9 for end, place in zip(ends, step.target, strict=True))
        return inside or self.dollar[20] == "0"

    def _limit(self, code: int) -> None:
        self._alarm(code)
        self.say(b"[MSG:Reset to continue]\r\n")
        self._halted = True

    # ---- motions -----------------------------------------------------------------------------------------------

    def _next(self) -> None:
        """Begin what comes next."""
        if not self._queue:
            self._running = None
            if self.state in ("Run", "Jog"):
                self.state = "Idle"
            return
        self._running = self._queue.popleft()
        if isinstance(self._running, Motion):
            self._go(self._running.target, self._running.feed)
        else:
            self._due(self._running.seconds)

    def _go(self, target: tuple[float, ...], feed: float) -> None:
        true = [place + origin for place, origin in zip(target, self.origin, strict=True)]
        speeds = [self._number(110 + axis) / 60 for axis in range(3)]
        self.body.go(true, speeds, self._ramps, feed)
        self._due(self.body.seconds_left)

    @property
    def _ramps(self) -> list[float]:
        return [self._number(120 + axis) for axis in range(3)]

    def _due(self, seconds: float) -> None:
        self._round += 1
        mine = self._round

        def end() -> None:
            if mine == self._round:
                self._settle(ended=True)
                self._pump()

        self.later(seconds + 1e-6, end)

    def _settle(self, *, ended: bool = False) -> None:
        """See what the motion has come to."""
        self.world.advance()
        if self._running is None and not self._route:
            return
        if self.body.bumped and self.state in ("Run", "Jog", "Home"):
            self._bump()
        elif ended and not self.body.moving and self.state in ("Run", "Jog", "Home"):
            if isinstance(self._running, Dwell):
                self.say(b"ok\r\n")
            if self.state == "Home":
                self._home_on()
            else:
                self._next()

    def _bump(self) -> None:
        if self.state == "Home":
            self._alarm(9)
        elif self.dollar[21] == "1":
            self._limit(1)
        else:  # the motor slips: it counts on as if it had moved
            target = self._running.target if isinstance(self._running, Motion) else tuple(self.machine)
            self.origin = [place - to for place, to in zip(self.body.position, target, strict=True)]
            self.body.put(self.body.position)
            self._round += 1
            self._next()

    def _home(self) -> None:
        """Go for the switches: Z first, then the others, then off them."""
        off = -self._number(27)
        x, y, _ = self.body.position
        self._route = [(x, y, 0.0), (0.0, 0.0, 0.0), (off, off, off)]
        self.state = "Home"
        self._seek()

    def _seek(self) -> None:
        seek = self._number(25) / 60
        self.body.go(self._route[0], (seek,) * 3, self._ramps, seek)
        self._due(self.body.seconds_left)

    def _home_on(self) -> None:
        self._route.pop(0)
        if self._route:
            self._seek()
            return
        self.origin = [0.0] * 3
        self.state = "Idle"
        self.parser.place = self.machine
        self.say(b"ok\r\n")

    # ---- realtime ----------------------------------------------------------------------------------------------

    def _realtime(self, byte: int) -> None:
        if byte == RESET:
            self.reset()
        elif byte == ord("?"):
            if self.state != "Home" and not self._halted:  # while it homes, nobody looks
                self._report()
        elif byte == ord("!"):
            self._hold("Hold")
        elif byte == 0x84:
            self.say(b"[MSG:Check Door]\r\n")
            self._hold("Door")
        elif byte == 0x85 and self.state == "Jog":
            self._cancel_jog()
        elif byte == ord("~") and self.state in ("Hold", "Door") and not self.body.moving:
            self._resume()

    def _hold(self, state: str) -> None:
        if self.state == "Jog":
            self._cancel_jog()
        elif self.state in ("Run", "Idle"):
            self.state = state
            self._round += 1
            if self.body.moving:
                self.body.brake(min(self._ramps))

    def _cancel_jog(self) -> None:
        self._queue.clear()
        self.body.brake(min(self._ramps))
        self._due(self.body.seconds_left)
        self.parser.place = self.machine  # near enough: a jog that follows is planned from where it comes to rest

    def _resume(self) -> None:
        self.state = "Run"
        if isinstance(self._running, Motion):
            self._go(self._running.target, self._running.feed)
        elif isinstance(self._running, Dwell):
            self._due(self._running.seconds)
        else:
            self._next()
        self._pump()

    def _report(self) -> None:
        scale = 1 / 25.4 if self.dollar[13] == "1" else 1.0
        digits = 4 if self.dollar[13] == "1" else 3
        mask, offset = int(self._number(10)), self.parser.offset
        shown = self.machine if mask & 1 else [a - b for a, b in zip(self.machine, offset, strict=True)]

        def places(values: list[float]) -> str:
            return ",".join(f"{value * scale + 0.0:.{digits}f}" for value in values)

        state = self.state
        if state in ("Hold", "Door"):
            state += (":2" if state == "Door" else ":1") if self.body.moving else ":0"
        fields = [state, f"{'MPos' if mask & 1 else 'WPos'}:{places(shown)}"]
        if mask & 2:
            fields.append(f"Bf:{BLOCKS - len(self._queue)},{RX + 1 - len(self._rx)}")
        fields.append(f"FS:{self.body.speed * 60 * scale:.0f},0")
        if self._reports % 10 == 0:
            fields.append(f"WCO:{places(offset)}")
        self._reports += 1
        self.say(f"<{'|'.join(fields)}>\r\n".encode())

    # ---- `$` ---------------------------------------------------------------------------------------------------

    def _system(self, line: str) -> bool:
        """Execute a command of the system; True when it can be acknowledged now."""
        if line.startswith("$J="):
            if self.state not in ("Idle", "Jog"):
                raise GcodeError("8")
            return self._gcode(line[3:], jog=True)
        if line == "$G":
            self.say(f"{self.parser.told()}\r\n".encode())
            return True
        if line == "$X":
            if self.state == "Alarm":
                self.state = "Idle"
                self.say(b"[MSG:Caution: Unlocked]\r\n")
            return True
        if self.state not in ("Idle", "Alarm") and not (line == "$C" and self.state == "Check"):
            raise GcodeError("8")
        if line == "$H":
            if self.dollar[22] == "0":
                raise GcodeError("5")
            self._home()
            return False
        return self._idle_system(line)

    def _idle_system(self, line: str) -> bool:
        if line == "$SLP":
            self.state = "Sleep"
            self.say(b"[MSG:Sleeping]\r\n")
        elif line == "$C":
            self._check()
        elif (told := self._told(line)) is not None:
            self.say("".join(f"{text}\r\n" for text in told).encode())
        else:
            change(self.dollar, line)
        return True

    def _told(self, line: str) -> list[str] | None:
        """Return what a command asks for; None where it asks for nothing."""
        match line:
            case "$":
                return ["[HLP:$$ $# $G $I $N $x=val $Nx=line $J=line $SLP $C $X $H ~ ! ? ctrl-x]"]
            case "$$":
                return [f"${key}={value}" for key, value in self.dollar.items()]
            case "$I":
                return [f"[VER:{self.version}.20190830:{self.info}]", "[OPT:V,15,128]"]
            case "$N":
                return ["$N0=", "$N1="]
            case "$#":
                places = {**self.offsets, "G92": self.parser.shift}
                shown = {name: ",".join(f"{value:.3f}" for value in values) for name, values in places.items()}
                return [*(f"[{name}:{text}]" for name, text in shown.items()), "[TLO:0.000]"]
        return None

    def _check(self) -> None:
        leaving = self.state == "Check"
        self.say(b"[MSG:Disabled]\r\n" if leaving else b"[MSG:Enabled]\r\n")
        if leaving:
            self.state = "Idle"
            self.later(0.001, self.reset)
        else:
            self.state = "Check"

    # ---- keeping -----------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, JSON]:
        """Return its state as JSON."""
        self.world.advance()
        return {
            "state": self.state,
            "dollar": {str(key): value for key, value in self.dollar.items()},
            "origin": list(self.origin),
            "offsets": {name: list(values) for name, values in self.offsets.items()},
        }

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go on from `snapshot`; nothing moves or waits."""
        super().restore(state)
        self.dollar = {int(key): value for key, value in self.dollar.items()}
        self._restart()
