"""An IKA RCT digital hotplate stirrer that speaks NAMUR commands (9600 7E1, lines ended by CR LF).

The facts are those of the project's instrument sheet. The echo of the commands with `@`, and that the watchdog's own
command is what feeds it, are those of the maker's operating instructions (IKA Plate RCT digital, section "Interfaces
and outputs") and of public clients. `[M]` marks general knowledge: what `RESET` switches off, what is kept without
power, what an unplugged probe says (nothing), the speed of the motor's ramp, and that a new start ends `ER 2`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np

from autolab.model.errors import InputError
from autolab.simulators.hotplate_body import HeatControl, Motor, towards
from autolab.simulators.ika_watchdog import KINDS, LONGEST, SHORTEST, Watchdog
from autolab.simulators.simulator import Place, Send, check_keys
from autolab.simulators.world import number, part

if TYPE_CHECKING:
    from autolab.model.actions import JSON
    from autolab.simulators.heating import HotPlate

PACE = 0.1  # s between two commands
LONGEST_LINE = 80
HOTTEST, FASTEST = 310.0, 1500.0  # degC, 1/min
BELOW_SAFETY = 50.0  # K that the highest set point lies below the safety temperature
SAFETY = (100.0, 360.0)  # degC, as the screw on the panel can be turned [M]
FAULTS = {"none": 1.0, "weak": 0.03, "dead": 0.0}
TREND = 100.0  # %, of the torque when the motor had come to its speed [M]
OPTIONS = (
    "model", "safety_C", "probe", "heater_fault", "strict_pacing", "strict_watchdog", "error_locks", "noise_C", "echo",
)  # fmt: skip
Mode = Literal["A", "B", "D"]
_NUMBER = re.compile(r"-?\d+(?:\.\d*)?")


class RCTSimulator:
    """A hotplate stirrer: heats the vessel that the world puts on it, stirs, and watches over the line.

    Options (under `virtual.instruments.<name>` in the lab file): `model`, `safety_C` (the screw on the panel), `probe`
    (whether the external probe is plugged in; by default so unless the instrument's `sensor` names the plate),
    `heater_fault` (`none`, `weak`, `dead`, or what part of its power it still gives), `strict_pacing` (a command that
    comes within 0.1 s of the one before is lost), `strict_watchdog` (only its own command feeds the watchdog, not any),
    `error_locks` (nothing can be started while `ER 2` stands), `echo` (false: commands with `@` say nothing),
    `noise_C` (standard deviation of temperatures as told).

    Args:
        place: Where it stands.

    Attributes:
        panel: What the display shows instead of numbers: `ER 2` after the watchdog, else empty.
        remote: Whether the line has taken control.
        mode: What it does when power comes back: A nothing, B what it did before, D nothing.
    """

    def __init__(self, place: Place) -> None:
        options = place.options
        check_keys(f"virtual.instruments.{place.name}", options, OPTIONS)
        self.name, self.place = place.name, place
        self.baud, self.reaction = 9600, 0.01
        self.model = str(options.get("model", "RCT digital"))
        self.world = place.world
        self.plate: HotPlate = self.world.plate(place.name)
        self.heater = HeatControl(_safety(options), _strength(options), probe=_probe(place))
        self.motor = Motor()
        self.plate.controller = self._control
        self.panel, self.remote = "", False
        self.mode: Mode = "A"
        self.noise = number(options, "noise_C", 0.02) * place.noise
        self.fallback = {"12": 0.0, "42": 0.0}  # set points of watchdog 2: degC, 1/min
        self._chance = np.random.default_rng(place.seed)
        self._send: Send = _nowhere
        self._line = b""
        self._last = -PACE  # loop time of the last command, s
        self.watchdog = Watchdog(place.clock.loop, self._bite)

    def attach(self, send: Send) -> None:
        """Let `send` carry its bytes from now on."""
        self._send = send

    def receive(self, data: bytes) -> None:
        """Take bytes from the line; a command ends at CR, at LF, or at both."""
        self._line += bytes(byte & 0x7F for byte in data)  # seven data bits
        *lines, self._line = re.split(rb"[\r\n]", self._line)
        for line in lines:
            if len(line) <= LONGEST_LINE and line.strip():
                self._command(line.decode("ascii").strip())
        self._line = self._line[-LONGEST_LINE - 1 :]

    def power_cycle(self) -> None:
        """Lose power and come back: set points are kept, and in mode B also what was going on."""
        was_on = (self.heater.on, self.motor.on)
        self._line, self._last = b"", -PACE
        self.watchdog.disarm()
        self._all_off()
        self.panel, self.remote, self.heater.tripped = "", False, False
        if self.mode == "B":
            self._heat(on=was_on[0])
            self._stir(on=was_on[1])

    def is_safe(self) -> bool:
        """Say whether heater and motor are off."""
        return not self.heater.on and not self.motor.on

    def reseed(self, seed: int) -> None:
        """Draw its noise anew."""
        self.world.advance()
        self._chance = np.random.default_rng(seed)

    def snapshot(self) -> dict[str, JSON]:
        """Return its state as JSON, times relative to now."""
        self.world.advance()
        chance: JSON = self._chance.bit_generator.state  # type: ignore[assignment]  # plain numbers and texts
        return {
            "heater": self.heater.snapshot(),
            "motor": self.motor.snapshot(self._now),
            "panel": self.panel,
            "remote": self.remote,
            "mode": self.mode,
            "fallback": dict(self.fallback),
            "watchdog": self.watchdog.snapshot(),
            "chance": chance,
        }

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go on from `snapshot`."""
        self._line, self._last = b"", -PACE
        self.heater.restore(part(state, "heater"))
        self.motor.restore(part(state, "motor"), self._now)
        self.panel, self.remote = str(state["panel"]), bool(state["remote"])
        mode = str(state["mode"])
        self.mode = "B" if mode == "B" else "D" if mode == "D" else "A"
        self.fallback = {name: float(str(value)) for name, value in part(state, "fallback").items()}
        self._chance.bit_generator.state = part(state, "chance")
        self.watchdog.restore(state["watchdog"])

    @property
    def highest(self) -> float:
        """The highest set point, degC."""
        return min(HOTTEST, self.heater.safety - BELOW_SAFETY)

    @property
    def _now(self) -> float:
        return self.place.clock.loop.time()

    # ---- commands

    def _command(self, text: str) -> None:
        now = self._now
        early = now - self._last < PACE - 1e-6
        self._last = now
        if early and self.place.options.get("strict_pacing", False):
            return
        self.world.advance()
        word, _, argument = text.partition(" ")
        if "@" in text:
            word, _, argument = text.partition("@")
            known = self._with_echo(word, argument.strip())
        elif argument.strip():
            known = self._set(word, argument.strip())
        else:
            known = self._tell(word) or self._do(word)
        if known:
            self.remote = word != "RESET"
            if not self.place.options.get("strict_watchdog", False):
                self.watchdog.feed()

    def _tell(self, word: str) -> bool:
        """Answer a question; say whether it was one."""
        answers: dict[str, Callable[[], str | None]] = {
            "IN_NAME": lambda: self.model,
            "IN_PV_1": lambda: self._temperature(self.plate.vessel, 1) if self.heater.probe else None,
            "IN_PV_2": lambda: self._temperature(self.plate.plate, 2),
            "IN_PV_4": lambda: f"{self.motor.speed(self._now):.1f} 4",
            "IN_PV_5": lambda: f"{self._trend():.1f} 5",
            "IN_SP_1": lambda: f"{self.heater.setpoint:.1f} 1",
            "IN_SP_3": lambda: f"{self.heater.safety:.1f} 3",
            "IN_SP_4": lambda: f"{self.motor.setpoint:.1f} 4",
        }
        if word not in answers:
            return False
        answer = answers[word]()
        if answer is not None:
            self._say(answer)
        return True

    def _do(self, word: str) -> bool:
        """Carry out a command without argument, silently; say whether it was one."""
        commands: dict[str, Callable[[], None]] = {
            "START_1": lambda: self._start(self._heat),
            "STOP_1": lambda: self._heat(on=False),
            "START_4": lambda: self._start(self._stir),
            "STOP_4": lambda: self._stir(on=False),
            "RESET": self._reset,
            "SET_MODE_A": lambda: self._set_mode("A"),
            "SET_MODE_B": lambda: self._set_mode("B"),
            "SET_MODE_D": lambda: self._set_mode("D"),
        }
        if word not in commands:
            return False
        commands[word]()
        return True

    def _set(self, word: str, argument: str) -> bool:
        """Take a set point, silently; what is out of range is ignored."""
        if word in ("OUT_SP_12", "OUT_SP_42"):
            return self._with_echo(word, argument)  # takes a blank in place of the @ as well
        value = _parsed(argument)
        if word == "OUT_SP_1" and value is not None and 0 <= value <= self.highest:
            self.heater.setpoint = round(value, 1)
            return True
        if word == "OUT_SP_4" and value is not None and 0 <= value <= FASTEST:
            self.motor.change(self._now, setpoint=float(round(value)))
            return True
        return False

    def _with_echo(self, word: str, argument: str) -> bool:
        """Take a setting of the watchdogs and echo its value; say whether it was one in range."""
        value = _parsed(argument)
        if value is None:
            return False
        if word in KINDS and value == 0:
            self.watchdog.disarm()
            self.panel = ""
        elif word in KINDS and SHORTEST <= value <= LONGEST:
            self.watchdog.arm(word, value)
        elif word == "OUT_SP_12" and 0 <= value <= self.highest:
            self.fallback["12"] = round(value, 1)
        elif word == "OUT_SP_42" and 0 <= value <= FASTEST:
            self.fallback["42"] = float(round(value))
        else:
            return False
        if self.place.options.get("echo", True):
            self._say(f"{value:.1f}")
        return True

    def _set_mode(self, mode: Mode) -> None:
        self.mode = mode

    def _reset(self) -> None:
        """Go back to the panel's control: both functions and the watchdog are off."""
        self.watchdog.disarm()
        self._all_off()
        self.panel = ""

    # ---- heater and motor

    def _control(self, plate: HotPlate, dt: float) -> None:
        """Work as the plate's controller."""
        self.heater(plate, dt)
        plate.rpm = towards(plate.rpm, self.motor.wanted, dt)

    def _start(self, what: Callable[..., None]) -> None:
        if self.panel and self.place.options.get("error_locks", False):
            return
        self.panel = ""
        what(on=True)

    def _heat(self, *, on: bool) -> None:
        self.heater.switch(self.plate, on=on)

    def _stir(self, *, on: bool) -> None:
        self.motor.change(self._now, on=on)

    def _all_off(self) -> None:
        self.world.advance()
        self._heat(on=False)
        self._stir(on=False)

    def _temperature(self, value: float, channel: int) -> str:
        return f"{value + self.noise * self._chance.standard_normal():.1f} {channel}"

    def _trend(self) -> float:
        """Return the torque relative to that at the beginning, %; 0 unless the motor turns steadily."""
        if self.motor.wanted == 0 or not self.motor.settled(self._now):
            return 0.0
        return TREND + self.place.noise * 0.2 * float(self._chance.standard_normal())

    def _bite(self, kind: str) -> None:
        """Do what the watchdog is there for."""
        self.world.advance()
        if kind == KINDS[0]:
            self._all_off()
            self.panel = "ER 2"
        else:
            self.heater.setpoint = self.fallback["12"]
            self.motor.change(self._now, setpoint=self.fallback["42"])
            self.panel = "WD"

    def _say(self, text: str) -> None:
        self._send(text.encode("ascii") + b"\r\n")


def _nowhere(data: bytes) -> None:
    """Send nothing: no line is attached."""


def _parsed(argument: str) -> float | None:
    return float(argument) if _NUMBER.fullmatch(argument) else None


def _safety(options: Mapping[str, JSON]) -> float:
    safety = number(options, "safety_C", SAFETY[1])
    if not SAFETY[0] <= safety <= SAFETY[1]:
        msg = f"safety_C: {safety:g} degC cannot be set on the panel; it goes from {SAFETY[0]:g} to {SAFETY[1]:g}"
        raise InputError(msg)
    return safety


def _strength(options: Mapping[str, JSON]) -> float:
    fault = options.get("heater_fault", "none")
    if isinstance(fault, str) and fault in FAULTS:
        return FAULTS[fault]
    if isinstance(fault, int | float) and not isinstance(fault, bool) and 0 <= fault <= 1:
        return float(fault)
    msg = f"heater_fault: {fault!r} is none; write {', '.join(FAULTS)}, or the part of its power that is left, 0 to 1"
    raise InputError(msg)


def _probe(place: Place) -> bool:
    return bool(place.options.get("probe", place.settings.get("sensor", "external") == "external"))
