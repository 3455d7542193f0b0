"""A gantry with a Marlin 2 controller (115200 8N1): numbered lines with a checksum, a queue, a planner, `ok` when accepted.

    > N5 G1 X10 F600*34            < ok                      accepted, not finished
    > N6 M400*21                   < echo:busy: processing   every 2 s
                                   < ok                      all motions are over
    > N9 M114*33                   < Error:Line Number is not Last Line Number+1, Last Line: 6
                                   < Resend: 7
                                   < ok

Commands are executed one after the other; each motion ends at rest. The switches are at the lower ends. The facts are those of
the project's instrument sheet and of the firmware (`Marlin/src/gcode/queue.cpp`: numbers, what acts out of turn).
`[M]` marks general knowledge: what a killed controller says, that targets are clipped once it was homed, what M114 tells.
"""

from __future__ import annotations

import math
import re
from collections import deque
from typing import TYPE_CHECKING, ClassVar, Final

from autolab.simulators.axes import Gantry
from autolab.simulators.simulator import Place
from autolab.simulators.talker import Talker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autolab.model.actions import JSON

AXES: Final = "XYZ"
QUEUE: Final = 4  # commands that wait to be executed
BLOCKS: Final = 16  # motions that wait in the planner
KEEPALIVE: Final = 2.0  # s
TRAVEL: Final = (200.0, 200.0, 180.0)  # mm
START: Final = (60.0, 50.0, 20.0)  # mm, where it stands before it was ever homed
SPEEDS: Final = (200.0, 200.0, 20.0)  # mm/s
RAMPS: Final = (1000.0, 1000.0, 100.0)  # mm/s^2
HOMING: Final = 50.0  # mm/s
STEPS: Final = (80, 80, 400)  # per mm
BEYOND: Final = 2.0  # mm between the ends of travel and what stops it by force
_COMMAND: Final = re.compile(r"([GMT])(\d+)(.*)")
_PARAMETER: Final = re.compile(r"([A-Z])([-+]?\d*\.?\d+)?")
Block = tuple[tuple[float, ...], float]


class GantrySimulator(Talker):
    """A gantry of three axes.

    Options (under `virtual.instruments.<name>` in the lab file): `firmware_name`, `uuid`, `advanced_ok` (each `ok` tells its
    line's number), `duplicates` (`resend` asks for the next line when one comes twice, `silent` says nothing, as the newest
    firmware does), `keepalive` (false: no busy messages), `homed` (it was, long ago), `must_home` (it does not move before it
    was homed), `stuck` (something blocks it; it does not notice), `wait` (says `wait` each second while it has nothing to do).

    Args:
        place: Where it stands.

    Attributes:
        body: What moves, in coordinates of the machine.
        homed: Whether it was homed.
        last: Number of the last line.
        killed: It has shut down, and hears nothing until it is reset.
    """

    frame_end: ClassVar[tuple[bytes, ...]] = (b"\n", b"\r")
    longest: ClassVar[int] = 96
    options: ClassVar[tuple[str, ...]] = (
        "firmware_name", "uuid", "advanced_ok", "duplicates", "keepalive", "homed", "must_home", "stuck", "wait",
    )  # fmt: skip
    kept: ClassVar[tuple[str, ...]] = ("homed", "last", "killed", "origin", "relative")
    baud = 115200
    reaction = 0.002

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        options = place.options
        self.firmware = str(options.get("firmware_name", "Marlin 2.1.2"))
        self.uuid = str(options.get("uuid", "cede2a2f-41a2-4748-9b12-c55c62f367ff"))
        self.advanced, self.must_home = bool(options.get("advanced_ok", False)), bool(options.get("must_home", False))
        self.silent = options.get("duplicates", "resend") == "silent"
        self.keepalive, self.waits = bool(options.get("keepalive", True)), bool(options.get("wait", False))
        high = tuple(travel + BEYOND for travel in TRAVEL)
        self.body = self.world.body(place.name, lambda: Gantry((-BEYOND,) * 3, high, START))
        self.body.blocked = bool(options.get("stuck", False))
        self.homed = bool(options.get("homed", False))
        self.origin: list[float] = [0.0] * 3 if self.homed else list(self.body.position)
        self._boot()
        if self.waits:
            self.later(1.0, self._wait)

    # ---- coming up ---------------------------------------------------------------------------------------------

    def _boot(self) -> None:
        self.last, self.killed, self.relative = 0, False, False
        self.feed = 1500.0 / 60  # mm/s
        self._queue: deque[tuple[int | None, str]] = deque()
        self._planner: deque[Block] = deque()
        self._doing = ""  # a command that waits for motions to end: `M400`, `G28`, `G4`, `G1`
        self._route: list[tuple[float, ...]] = []
        self._current: int | None = None
        self._round = 0
        self.planned = list(self.counted)

    def wake(self) -> None:
        """Come up: it counts from where it stands."""
        self.body.freeze()
        self.origin, self.homed = list(self.body.position), False
        self._boot()
        self.say(f"start\necho:{self.firmware}\necho: Last Updated: 2022-12-17\necho:SD init fail\n".encode())

    @property
    def counted(self) -> list[float]:
        """Where it is by the steps that it has made, mm."""
        return [place - origin for place, origin in zip(self.body.position, self.origin, strict=True)]

    def is_safe(self) -> bool:
        """Say whether it stands still and nothing waits to be moved."""
        self.world.advance()
        return not self.body.moving and not self._planner

    def _wait(self) -> None:
        if not (self._doing or self._planner or self.body.moving or self.killed):
            self.say(b"wait\n")
        self.later(1.0, self._wait)

    # ---- lines -------------------------------------------------------------------------------------------------

    def hear(self, frame: bytes) -> None:
        """Take one line: check its number, act at once on what cannot wait, queue the rest."""
        self.world.advance()
        line = frame.decode("latin-1").partition(";")[0].strip()
        if not line or self.killed:
            return
        marker = None
        if line.startswith("N"):
            checked = self._checked(line)
            if checked is None:
                return
            marker, line = checked
        elif re.match(r"M(112|410)\b", line):
            self._at_once(line[:4])
        if not self.killed:
            self._queue.append((marker, line))
            self._work()

    def _checked(self, line: str) -> tuple[int, str] | None:
        """Return number and command of a line; None when it was refused."""
        body, star, told = line.rpartition("*")
        found = re.match(r"N(-?\d+) ?(.*)", body if star else line)
        if found is None:
            self._refuse("No Checksum with line number, Last Line: ")
            return None
        marker, command = int(found[1]), found[2].strip()
        if command.startswith("M110"):
            again = re.search(r"N(-?\d+)", command)
            marker = int(again[1]) if again else marker
        elif marker != self.last + 1:
            if not (self.silent and self.last - 1 <= marker <= self.last):
                self._refuse("Line Number is not Last Line Number+1, Last Line: ")
            return None
        if not star:
            self._refuse("No Checksum with line number, Last Line: ")
        elif not told.isdigit() or int(told) != checksum(body):
            self._refuse("checksum mismatch, Last Line: ")
        else:
            self.last = marker
            return marker, command
        return None

    def _refuse(self, why: str) -> None:
        self.say(f"Error:{why}{self.last}\nResend: {self.last + 1}\nok\n".encode())

    def _at_once(self, command: str) -> None:
        if command == "M112":
            self._stop_all()
            self.killed = True
            self.say(b"Error:Printer halted. kill() called!\n")
        else:
            self._stop_all()
            if self._doing and self._doing != "G4":
                self._finish()

    def _stop_all(self) -> None:
        self.world.advance()
        self.body.freeze()
        self._planner.clear()
        if self._route:
            self._route, self.homed = [], False
        self._round += 1
        self.planned = list(self.counted)

    # ---- one command after the other ---------------------------------------------------------------------------

    def _work(self) -> None:
        while self._queue and not self._doing and not self.killed:
            self._current, command = self._queue.popleft()
            if self._execute(command):
                self._ok()

    def _ok(self, extra: str = "") -> None:
        tail = f" N{self._current} P{BLOCKS - 1 - len(self._planner)} B{QUEUE - 1}" if self.advanced else ""
        self.say(f"{extra}ok{tail}\n".encode())

    def _finish(self) -> None:
        self._doing = ""
        self._ok()
        self._work()

    def _hold_on(self, what: str) -> bool:
        """Have a command wait, with busy messages; it is acknowledged later."""
        self._doing = what
        if self.keepalive:
            self.later(KEEPALIVE, self._busy)
        return False

    def _busy(self) -> None:
        if self._doing and not self.killed:
            self.say(b"echo:busy: processing\n")
            self.later(KEEPALIVE, self._busy)

    def _execute(self, line: str) -> bool:
        """Execute a command; True when it is to be acknowledged now."""
        found = _COMMAND.match(line)
        if found is None:
            self.say(f'echo:Unknown command: "{line}"\n'.encode("latin-1"))
            return True
        code = f"{found[1]}{int(found[2])}"
        values = {letter: float(value) if value else None for letter, value in _PARAMETER.findall(found[3])}
        match code:
            case "G0" | "G1":
                return self._move(values)
            case "G4":
                seconds = (values.get("S") or 0.0) + (values.get("P") or 0.0) / 1000
                self.later(max(seconds, 1e-6), self._finish)
                return self._hold_on("G4")
            case "G28":
                return self._home([axis for axis in range(3) if AXES[axis] in values] or [0, 1, 2])
            case "G90" | "G91":
                self.relative = code == "G91"
            case "G92":
                self._shift(values)
            case "M400":
                return True if self._still else self._hold_on("M400")
            case "M114":
                self.say(self._where().encode())
            case "M115":
                self._introduce()
            case "M105":
                self._ok()
                return False
            case "M18" | "M84":
                self.homed = False
            case "G21" | "M17" | "M110" | "M410" | "M108" | "M113" | "M211":
                pass
            case _:
                self.say(f'echo:Unknown command: "{line}"\n'.encode("latin-1"))
        return True

    def _introduce(self) -> None:
        self.say(
            f"FIRMWARE_NAME:{self.firmware} (Dec 17 2022 12:00:00) SOURCE_CODE_URL:github.com/MarlinFirmware/Marlin "
            f"PROTOCOL_VERSION:1.0 MACHINE_TYPE:Gantry EXTRUDER_COUNT:1 UUID:{self.uuid}\n"
            "Cap:EEPROM:1\nCap:AUTOREPORT_TEMP:1\nCap:EMERGENCY_PARSER:0\n".encode()
        )

    def _where(self) -> str:
        places = " ".join(f"{name}:{place + 0.0:.2f}" for name, place in zip(AXES, self.planned, strict=True))
        steps = " ".join(
            f"{name}:{place * per:.0f}" for name, place, per in zip(AXES, self.counted, STEPS, strict=True)
        )
        return f"{places} E:0.00 Count {steps}\n"

    # ---- motions -----------------------------------------------------------------------------------------------

    @property
    def _still(self) -> bool:
        self.world.advance()
        return not self.body.moving and not self._planner

    def _move(self, values: Mapping[str, float | None]) -> bool:
        if values.get("F"):
            self.feed = (values["F"] or 0.0) / 60
        if self.must_home and not self.homed and any(name in values for name in AXES):
            self.say(b"echo:Home XYZ First\n")
            return True
        target = list(self.planned)
        for axis, name in enumerate(AXES):
            value = values.get(name)
            if value is not None:
                target[axis] = value + (self.planned[axis] if self.relative else 0.0)
        if self.homed:  # it clips what is outside, and says nothing
            target = [min(max(place, 0.0), travel) for place, travel in zip(target, TRAVEL, strict=True)]
        self.planned = target
        self._planner.append((tuple(target), self.feed))
        self._next()
        return True if len(self._planner) < BLOCKS else self._hold_on("G1")

    def _next(self) -> None:
        if self._still or (self.body.moving is False and self._planner):
            if self._planner:
                target, feed = self._planner.popleft()
                true = [place + origin for place, origin in zip(target, self.origin, strict=True)]
                self.body.go(true, SPEEDS, RAMPS, feed)
                self._due()
            elif self._doing == "M400":
                self._finish()
        if self._doing == "G1" and len(self._planner) < BLOCKS:
            self._finish()

    def _due(self) -> None:
        self._round += 1
        mine = self._round

        def end() -> None:
            if mine == self._round and not self.killed:
                self.world.advance()
                self._slip()
                if self._route:
                    self._home_on()
                else:
                    self._next()

        self.later(self.body.seconds_left + 1e-6, end)

    def _slip(self) -> None:
        """Count on when something blocks the way: nothing tells it."""
        if self.body.bumped and not self._route and not self._planner:
            self.origin = [place - to for place, to in zip(self.body.position, self.planned, strict=True)]
            self.body.put(self.body.position)

    def _home(self, axes: list[int]) -> bool:
        place = list(self.body.position)
        self._planner.clear()
        self._route = []
        for axis in axes:
            place[axis] = 0.0
            self._route.append(tuple(place))
        self._homing = axes
        self.body.go(self._route[0], SPEEDS, RAMPS, HOMING if axes[0] < 2 else math.inf)
        self._due()
        return self._hold_on("G28")

    def _home_on(self) -> None:
        if self.body.bumped:
            self._stop_all()
            self.killed = True
            self.say(b"Error:Homing Failed\nError:Printer halted. kill() called!\n")
            return
        self._route.pop(0)
        if self._route:
            self.body.go(self._route[0], SPEEDS, RAMPS, HOMING)
            self._due()
            return
        for axis in self._homing:
            self.origin[axis] = 0.0
        self.homed = self.homed or len(self._homing) == 3
        self.planned = list(self.counted)
        self._finish()

    def _shift(self, values: Mapping[str, float | None]) -> None:
        for axis, name in enumerate(AXES):
            value = values.get(name)
            if value is not None:
                self.origin[axis] += self.planned[axis] - value
                self.planned[axis] = value

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go on from `snapshot`; nothing moves or waits."""
        self._boot()
        super().restore(state)
        self.planned = list(self.counted)

    def snapshot(self) -> dict[str, JSON]:
        """Return its state as JSON."""
        return {**super().snapshot(), "origin": list(self.origin)}


def checksum(line: str) -> int:
    """Return the checksum of a line: all its characters, by exclusive or.

    >>> checksum("N3 T0"), checksum("N0 M110 N0")
    (57, 125)
    """
    total = 0
    for byte in line.encode("latin-1"):
        total ^= byte
    return total
