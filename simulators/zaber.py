"""A Zaber stage that speaks the ASCII protocol (115200 8N1): one carriage with a home sensor at 0.

    > /1 1 05 move abs 20000:BA      address, axis and message id may be left out, the checksum too
    < @01 1 05 OK BUSY -- 0

The facts are those of the project's instrument sheet; flags and reasons of rejection are those that the maker's own
library knows. `[M]` marks general knowledge: which moves an axis without reference position rejects and as what, that a
command with a wrong checksum is not answered, that the position reads 0 after power came back, and what a
microstep per second is in units of `maxspeed` and `accel`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Final

from autolab.simulators.axes import Axis
from autolab.simulators.simulator import Place
from autolab.simulators.talker import Talker
from autolab.simulators.world import number

if TYPE_CHECKING:
    from autolab.model.actions import JSON

SPEED_UNIT: Final = 1.6384  # `maxspeed` per microstep/s [M]
RAMP_UNIT: Final = 1.6384e-4  # `accel` per microstep/s^2 [M]
PRIORITY: Final = ("FO", "FS", "WR", "WH", "NI")
PERSISTENT: Final = ("WR", "WH")  # until a reference position is there; the others can be cleared
SLACK: Final = 0.5  # mm between the ends of travel and the end stops
HOMING: Final = 10.0  # mm/s, at most
_FRAME: Final = re.compile(r"(?:(\d+)(?: |$))?(?:(\d+)(?: |$))?(?:(\d+)(?: |$))?(.*)")
_INTEGER: Final = re.compile(r"-?\d{1,12}")


class Rejected(Exception):
    """A command that is rejected, with the reason as the reply tells it."""


class StageSimulator(Talker):
    """A stage with one axis: moves in time, knows where it is once it was homed, and stalls on what is in its way.

    Options (under `virtual.instruments.<name>` in the lab file): `serial_number`, `firmware`, `device_id`, `travel_mm`,
    `start_mm` (where it stands before it was ever homed), `homed` (it was, long ago), `stuck` (something blocks it),
    `alerts` (it tells the ends of motions unasked), `checksums` (its replies carry one, whatever the commands do).

    Args:
        place: Where it stands.

    Attributes:
        axis: What moves.
        settings: As `get` tells them, but for the position.
        flags: Warnings that stand.
    """

    frame_end: ClassVar[tuple[bytes, ...]] = (b"\r\n", b"\n")
    options: ClassVar[tuple[str, ...]] = (
        "serial_number", "firmware", "device_id", "travel_mm", "start_mm", "homed", "stuck", "alerts", "checksums",
    )  # fmt: skip
    kept: ClassVar[tuple[str, ...]] = ("settings", "flags", "origin")
    baud = 115200
    reaction = 0.002

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        options = place.options
        self.address = place.bus or 1
        self.number = int(number(place.settings, "axis", 1))
        self.step = number(place.settings, "microstep_um", 0.047625) / 1000  # mm
        travel, start = number(options, "travel_mm", 100.0), number(options, "start_mm", 30.0)
        self.axis = self.world.body(place.name, lambda: Axis(-SLACK, travel + SLACK, start))
        self.axis.blocked = bool(options.get("stuck", False))
        homed = bool(options.get("homed", False))
        self.origin = 0.0 if homed else start  # mm: where its position reads 0
        self.flags: list[str] = [] if homed else ["WR"]
        self.settings: dict[str, float | str] = {
            "comm.address": self.address, "comm.alert": int(bool(options.get("alerts", False))),
            "comm.checksum": int(bool(options.get("checksums", False))),
            "device.id": int(number(options, "device_id", 50081)), "deviceid": int(number(options, "device_id", 50081)),
            "version": str(options.get("firmware", "7.34")), "system.axiscount": self.number,
            "system.serial": int(number(options, "serial_number", 73412)), "system.voltage": 24.1,
            "resolution": 64, "limit.min": 0, "limit.max": round(travel / self.step),
            "maxspeed": round(20.0 / self.step * SPEED_UNIT), "accel": round(200.0 / self.step * RAMP_UNIT),
        }  # fmt: skip
        self.doing = ""
        self._says_checksum = False

    # ---- what it does ------------------------------------------------------------------------------------------

    @property
    def position(self) -> int:
        """Where it believes to be, microsteps."""
        return round((self.axis.position - self.origin) / self.step)

    def is_safe(self) -> bool:
        """Say whether it stands still."""
        self._settle()
        return not self.axis.moving

    def wake(self) -> None:
        """Come up without knowing where it is; what was set is kept."""
        self.axis.freeze()
        self.doing, self.origin = "", self.axis.position
        self.flags = ["WR"]

    def _settle(self) -> None:
        """See what the motion has come to."""
        self.world.advance()
        if not self.doing or self.axis.moving:
            return
        did, self.doing = self.doing, ""
        if self.axis.bumped:
            self._raise_flag("FS")
        elif did == "home":
            self.origin = 0.0
            self.flags = [flag for flag in self.flags if flag not in PERSISTENT]
        if self.settings["comm.alert"]:
            self._finish(f"!{self.address:02d} {self.number} IDLE {self.flag}")

    def _move(self, doing: str, target: float | None, speed: float, *, velocity: float = 0.0) -> str:
        """Begin a motion: to a place (mm), or at a velocity (mm/s) until something ends it."""
        busy = self.axis.moving
        self.flags = [flag for flag in self.flags if flag in PERSISTENT]
        if busy:
            self._raise_flag("NI")
        ramp = float(self.settings["accel"]) * self.step / RAMP_UNIT
        if target is None:
            self.axis.run(velocity, ramp)
        else:
            self.axis.go(target, speed, ramp)
        self.doing = doing
        if self.axis.seconds_left < 1e6:
            self.later(self.axis.seconds_left + 1e-6, self._settle)
        return "0"

    def _raise_flag(self, flag: str) -> None:
        if flag not in self.flags:
            self.flags.append(flag)

    @property
    def flag(self) -> str:
        """The warning that comes first, as its replies tell it."""
        return next((flag for flag in PRIORITY if flag in self.flags), "--")

    # ---- the line ----------------------------------------------------------------------------------------------

    def hear(self, frame: bytes) -> None:
        """Answer one command."""
        start = frame.rfind(b"/")
        if start < 0:
            return
        text = frame[start + 1 :].decode("latin-1")
        self._says_checksum = text[-3:-2] == ":"
        if self._says_checksum:
            text, told = text[:-3], text[-2:]
            if told.upper() != checksum(text):
                return
        found = _FRAME.fullmatch(" ".join(text.split()))
        if found is None:
            return
        address, axis, marker = (None if part is None else int(part) for part in found.groups()[:3])
        if address in (None, 0, self.address):
            self._settle()
            self._answer(axis or 0, marker, found[4])

    def _answer(self, axis: int, marker: int | None, command: str) -> None:
        if axis not in (0, self.number):
            flag, data = "RJ", "BADAXIS"
        elif marker is not None and marker > 99:
            flag, data, marker = "RJ", "BADMESSAGEID", None
        else:
            try:
                flag, data = "OK", self._obey(command.split(" ") if command else [], axis)
            except Rejected as rejected:
                flag, data = "RJ", str(rejected)
        mark = "" if marker is None else f"{marker:02d} "
        busy = "BUSY" if self.axis.moving else "IDLE"
        self._finish(f"@{self.address:02d} {axis} {mark}{flag} {busy} {self.flag} {data}")
        if flag == "OK" and command == "system reset":
            self.power_cycle()

    def _finish(self, line: str) -> None:
        if self._says_checksum or self.settings["comm.checksum"]:
            line += f":{checksum(line[1:])}"
        self.say(f"{line}\r\n".encode("latin-1"))

    def _obey(self, words: list[str], axis: int) -> str:
        """Return what stands in the reply, or raise Rejected."""
        match words:
            case [] | ["system", "reset"]:
                return "0"
            case ["home"]:
                return self._move("home", 0.0, min(HOMING, self._speed))
            case ["stop"]:
                return self._move("stop", None, 0.0) if self.axis.moving else "0"
            case ["estop"]:
                self._halt()
                return "0"
            case ["move", *rest]:
                return self._moves(rest)
            case ["get", name]:
                return self._get(name, axis)
            case ["set", name, value]:
                return self._set(name, value, axis)
            case ["warnings"] | ["warnings", "clear"]:
                told = " ".join([f"{len(self.flags):02d}", *(flag for flag in PRIORITY if flag in self.flags)])
                if words[1:]:
                    self.flags = [flag for flag in self.flags if flag in PERSISTENT]
                return told
            case ["tools", "echo", *rest]:
                return " ".join(rest) or "0"
        raise Rejected("BADCOMMAND")

    def _halt(self) -> None:
        if self.axis.moving:
            self._raise_flag("NI")
        self.axis.freeze()
        self.doing = ""

    @property
    def _speed(self) -> float:
        return float(self.settings["maxspeed"]) * self.step / SPEED_UNIT

    def _moves(self, words: list[str]) -> str:
        low, high = int(self.settings["limit.min"]), int(self.settings["limit.max"])
        known = "WR" not in self.flags
        match words:
            case ["abs" | "rel", value] if _INTEGER.fullmatch(value):
                target = int(value) + (self.position if words[0] == "rel" else 0)
                if (known and not low <= target <= high) or (not known and words[0] == "abs"):
                    raise Rejected("BADDATA")
                return self._move("move", self.origin + target * self.step, self._speed)
            case ["min" | "max"]:
                if not known:
                    raise Rejected("BADDATA")
                return self._move("move", self.origin + (low if words[0] == "min" else high) * self.step, self._speed)
            case ["vel", value] if _INTEGER.fullmatch(value):
                return self._run(int(value) * self.step / SPEED_UNIT, low, high, known=known)
        raise Rejected("BADDATA" if words[:1] in (["abs"], ["rel"], ["vel"]) else "BADCOMMAND")

    def _run(self, velocity: float, low: int, high: int, *, known: bool) -> str:
        if velocity and known:
            return self._move("move", self.origin + (high if velocity > 0 else low) * self.step, abs(velocity))
        return self._move("move", None, 0.0, velocity=velocity)

    def _get(self, name: str, axis: int) -> str:
        if name == "pos":
            return str(self.position)
        if name not in self.settings:
            raise Rejected("BADCOMMAND")
        if axis and name.partition(".")[0] in ("comm", "device", "deviceid", "system", "version"):
            raise Rejected("DEVICEONLY")
        return str(self.settings[name])

    def _set(self, name: str, value: str, axis: int) -> str:
        if not _INTEGER.fullmatch(value):
            raise Rejected("BADDATA")
        if name == "pos":
            self.origin = self.axis.position - int(value) * self.step
            self.flags = [flag for flag in self.flags if flag not in PERSISTENT]
            return "0"
        if name not in ("maxspeed", "accel", "limit.min", "limit.max", "comm.alert", "comm.checksum"):
            raise Rejected("BADCOMMAND")
        if axis and name.startswith("comm."):
            raise Rejected("DEVICEONLY")
        if int(value) < (0 if name.startswith(("comm", "limit")) else 1):
            raise Rejected("BADDATA")
        self.settings[name] = int(value)
        return "0"

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go on from `snapshot`; nothing moves."""
        super().restore(state)
        self.doing = ""

    def snapshot(self) -> dict[str, JSON]:
        """Return its state as JSON."""
        self._settle()
        return {"settings": {**self.settings}, "flags": [*self.flags], "origin": self.origin}


def checksum(text: str) -> str:
    """Return the checksum of what stands behind the first character of a message.

    >>> checksum("01 0 OK IDLE -- 0")
    '8D'
    """
    return f"{-sum(text.encode('latin-1')) & 0xFF:02X}"
