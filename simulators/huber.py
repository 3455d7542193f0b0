"""A Huber thermostat that takes PB commands (9600 8N1, ten characters each).

The facts are those of the project's instrument sheet, and of public clients (7FFF for what there is not, numbers of error
and warning, silence to nonsense, set points that are cut to the limits). `[M]` marks general knowledge: that an error
ends tempering, that tempering needs circulation, and which bits of the status word say what beyond those that clients use.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from autolab.simulators.baths import Bath
from autolab.simulators.simulator import Place
from autolab.simulators.talker import Talker
from autolab.simulators.world import number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autolab.model.actions import JSON

ABSENT, NONE = -151.0, 0x7FFF
_FRAME = re.compile(rb"\{M([0-9A-Fa-f]{2})(\*{4}|[0-9A-Fa-f]{4})")
_FREE = {"48": 2000, "51": 20000, "52": 0xC568, "53": 20000, "54": 0xC568, "59": 0, "6F": 0, "70": 0}
_SWITCHES = ("14", "16", "6F", "70")


class CirculatorSimulator(Talker):
    """A thermostat with its bath.

    Options (under `virtual.instruments.<name>` in the lab file): `serial_number`, `lowest_C`, `highest_C`, `probe`
    (whether a process probe is plugged in; by default as the driver's `sensor` wants it), `error` (a number that it
    has from the start), `locked` (variables that it keeps to itself, such as `["48"]`), `strength` (what part of its
    power it still has), `noise_C` (standard deviation of temperatures as told).

    Args:
        place: Where it stands.

    Attributes:
        tempering: Whether it controls.
        circulating: Whether its pump runs.
        error: Number of its error; 0 for none.
    """

    frame_end: ClassVar[tuple[bytes, ...]] = (b"\r\n",)
    longest: ClassVar[int] = 32
    options: ClassVar[tuple[str, ...]] = (
        "serial_number", "lowest_C", "highest_C", "probe", "error", "locked", "strength", "noise_C",
    )  # fmt: skip
    kept: ClassVar[tuple[str, ...]] = (
        "tempering", "circulating", "error", "warning", "target", "restarted", "ramp_end", "ramp_left",
    )  # fmt: skip

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        options = place.options
        self.serial = int(number(options, "serial_number", number(place.settings, "serial_number", 123456)))
        self.lowest, self.highest = number(options, "lowest_C", -40.0), number(options, "highest_C", 200.0)
        self.probe = bool(options.get("probe", place.settings.get("sensor") == "process"))
        self.error, self.warning = int(number(options, "error", 0)), 0
        locked = options.get("locked", [])
        self.locked = {str(name).upper() for name in locked} if isinstance(locked, list) else set()
        self.noise = number(options, "noise_C", 0.003) * place.noise
        self.bath = self.world.body(place.name, Bath)
        self.bath.strength = number(options, "strength", 1.0)
        self._forget()

    # ---- the world ---------------------------------------------------------------------------------------------

    def _forget(self) -> None:
        """What was set over the line is not kept without power."""
        self.tempering = self.circulating = False
        self.target, self.restarted = 20.0, True
        self.ramp_end, self.ramp_left = 0.0, 0.0
        self.free = dict(_FREE)
        self._control()

    def wake(self) -> None:
        """Come up at rest, with the set point of its panel."""
        self.error = self.warning = 0
        self._forget()

    def is_safe(self) -> bool:
        """Say whether it neither tempers nor circulates."""
        return not self.tempering and not self.circulating

    def trip(self, code: int) -> None:
        """Have an error, for tests."""
        self.world.advance()
        self.error, self.tempering, self.circulating = code, False, False
        self._control()

    def press(self, celsius: float) -> None:
        """Turn the set point at its panel, for tests."""
        self.target = celsius
        self._control()

    def snapshot(self) -> dict[str, JSON]:
        """Return its state as JSON."""
        return {**super().snapshot(), "free": dict(self.free)}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go on from `snapshot`."""
        super().restore(state)
        free = state["free"]
        self.free = {name: int(str(value)) for name, value in free.items()} if isinstance(free, dict) else dict(_FREE)
        if self.ramp_left > 0:
            self.later(1.0, self._ramp)

    def _control(self) -> None:
        self.bath.target = self.target if self.tempering else None

    # ---- commands ----------------------------------------------------------------------------------------------

    def hear(self, frame: bytes) -> None:
        """Answer a command; say nothing to nonsense."""
        found = _FRAME.fullmatch(frame)
        if found is None:
            return
        self.world.advance()
        name, data = found[1].decode().upper(), found[2].decode()
        if name in self.locked:
            self._answer(name, NONE)
            return
        if data != "****":
            self._set(name, int(data, 16))
        self._answer(name, self._tell(name))

    def _answer(self, name: str, word: int) -> None:
        self.say(f"{{S{name}{word & 0xFFFF:04X}\r\n".encode("ascii"))

    def _tell(self, name: str) -> int:
        told = {
            "00": self._word(self.target),
            "01": self._word(self._felt()),
            "02": self._word(self._felt() - 0.2 if self.circulating else self._felt()),
            "03": 1350 if self.circulating else 1000,
            "04": round(self.bath.power),
            "05": self.error,
            "06": self.warning,
            "07": self._word(self._felt() if self.probe else ABSENT),
            "0A": self._status(name),
            "0F": 1000,
            "14": int(self.tempering),
            "16": int(self.circulating),
            "1B": self.serial >> 16,
            "1C": self.serial & 0xFFFF,
            "26": self.free["48"] if self.circulating else 0,
            "30": self._word(self.lowest),
            "31": self._word(self.highest),
            "3C": 0,
            "5A": self._word(self.ramp_end),
            **self.free,
        }
        return told.get(name, NONE)

    def _status(self, name: str) -> int:
        bits = {
            0: self.tempering, 1: self.circulating, 2: self.bath.power < 0, 4: self.circulating, 5: True, 7: True,
            8: self.error != 0, 9: self.warning != 0, 10: True, 11: self.probe, 14: not self.restarted,
        }  # fmt: skip
        self.restarted = False  # told once
        return sum(bool(on) << bit for bit, on in bits.items())

    def _set(self, name: str, word: int) -> None:
        if name in _SWITCHES and word not in (0, 1):
            return
        if name == "00":
            self.target = min(max(_celsius(word), self.lowest), self.highest)
            self.ramp_left = 0.0
        elif name == "14":
            self.tempering = word == 1 and not self.error
            self.circulating = self.tempering or (self.circulating and word == 1)
        elif name == "16":
            self.circulating = (word == 1 and not self.error) or self.tempering
        elif name == "5A":
            self.ramp_end = min(max(_celsius(word), self.lowest), self.highest)
            self.ramp_left = float(self.free["59"])
            self._ramp()
        elif name in self.free:
            self.free[name] = word
        self._control()

    def _ramp(self) -> None:
        """Move the set point on by one second of the ramp."""
        self.world.advance()
        left, self.ramp_left = self.ramp_left, max(0.0, self.ramp_left - 1.0)
        self.target += (self.ramp_end - self.target) / max(left, 1.0)
        if self.ramp_left > 0:
            self.later(1.0, self._ramp)
        self._control()

    # ---- form --------------------------------------------------------------------------------------------------

    def _felt(self) -> float:
        return self.bath.temperature + self.noise * float(self.chance.normal())

    def _word(self, celsius: float) -> int:
        return round(celsius * 100) & 0xFFFF


def _celsius(word: int) -> float:
    number = word - 0x10000 if word & 0x8000 else word
    return (word if number < -15111 else number) / 100
