"""A Heidolph MR Hei-Connect hotplate stirrer (9600 7E1, lines ended by CR LF).

The facts are those of the project's instrument sheet and of the maker's operating instructions (no. 505-20000-00, page 24,
"Operation"; Hei-PLATE Mix'n'Heat Expert, page 125): what each command is answered, the numbers of channels and modes, that
an unplugged probe reads 999.9, that the interface is watched from `CC_ON` on and acts after 10 s of silence while heater
or motor are on (`PC Err` on the panel), that any command ends that with remote operation still active, and that `RESET` or
the main switch end remote operation. `[M]` marks general knowledge: that heater and motor rest while `PC Err` stands and
go on after it, what is kept without power (set points; what was going on with `IN_MODE_2` 1), what the old protocol says
(values without the command, which is what it starts with), the ranges of set points and that one outside leaves the old
one, that a command that is not known is not answered, what happens to one that comes too soon, and the motor's ramp.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, Final

from autolab.model.errors import InputError
from autolab.simulators.hotplate_body import HeatControl, Motor, towards
from autolab.simulators.simulator import Place
from autolab.simulators.talker import Talker
from autolab.simulators.world import number, part

if TYPE_CHECKING:
    import asyncio

    from autolab.model.actions import JSON
    from autolab.simulators.heating import HotPlate

PACE: Final = 0.1  # s between two commands
LINK: Final = 10.0  # s of silence that the link watch bears
HOTTEST: Final = 300.0  # degC
SPEEDS: Final = (100.0, 1400.0)  # 1/min, and 0
SAFETY: Final = 350.0  # degC of the plate at which its safety circuit acts [M]
NO_PROBE: Final = "999.9"
MANUAL, STARTED, STOPPED, BLOCKED = 0, 1, 2, -1
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d*)?")


class HeiConnectSimulator(Talker):
    """A hotplate stirrer: heats the vessel that the world puts on it, stirs, and watches its line.

    Options (under `virtual.instruments.<name>` in the lab file): `firmware`, `probe` (whether the external probe is
    plugged in; by default so unless the instrument's `sensor` names the plate), `heater_power` (what part of its power it
    still gives), `jammed` (the motor does not turn), `safety_delta_C`, `resume` (whether it goes on after a power cut),
    `noise_C` (standard deviation of temperatures as told), `strict_pacing` (a command that comes within 0.1 s of the one
    before is lost).

    Args:
        place: Where it stands.

    Attributes:
        status: What `STATUS` says: 0 manual, 1 and 2 remote, -1 blocked, below -1 an error.
        enhanced: Whether it speaks the new protocol, which echoes commands.
        linked: Whether it watches the line.
        panel: What its display shows besides numbers: `PC Err`, or nothing.
    """

    frame_end: ClassVar[tuple[bytes, ...]] = (b"\r\n", b"\n", b"\r")
    options: ClassVar[tuple[str, ...]] = (
        "firmware", "probe", "heater_power", "jammed", "safety_delta_C", "resume", "noise_C", "strict_pacing",
    )  # fmt: skip
    kept: ClassVar[tuple[str, ...]] = ("status", "enhanced", "linked", "panel", "fast", "resume", "delta", "paused")

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        options = place.options
        self.firmware = str(options.get("firmware", "V1.24"))
        probe = bool(options.get("probe", place.settings.get("sensor", "external") == "external"))
        power = number(options, "heater_power", 1.0)
        if not 0.0 <= power <= 1.0:
            msg = f"heater_power: {power:g} is no part of its power; give 0 to 1"
            raise InputError(msg)
        self.plate: HotPlate = self.world.plate(place.name)
        self.heater = HeatControl(SAFETY, power, probe=probe)
        self.motor = Motor()
        self.plate.controller = self._control
        self.noise = number(options, "noise_C", 0.02) * place.noise
        self.delta = number(options, "safety_delta_C", 50.0)
        self.resume = bool(options.get("resume", False))
        self.jammed = bool(options.get("jammed", False))
        self.fast = True
        self.status, self.panel = MANUAL, ""
        self.enhanced = self.linked = False
        self.paused: list[bool] = []  # what rests while PC Err stands: heater, motor
        self._last = -PACE  # loop time of the last command, s
        self._watch: asyncio.TimerHandle | None = None

    @property
    def link_s(self) -> float:
        """How long the link watch bears silence, s; it counts wall time where lab time is scaled."""
        return LINK * max(1.0, self.place.clock.scale)

    # ---- the line ----------------------------------------------------------------------------------------------

    def hear(self, frame: bytes) -> None:
        """Take one command."""
        now = self._now
        early, self._last = now - self._last < PACE - 1e-6, now
        text = bytes(byte & 0x7F for byte in frame).decode("ascii").strip()  # seven data bits
        if not text or (early and self.place.options.get("strict_pacing", False)):
            return
        self.world.advance()
        self._link_again()
        self._go_on()
        word, _, argument = text.partition(" ")
        said = self._set(word, argument.strip()) if argument.strip() else self._tell(word) or self._do(word)
        if said is not None:
            self.say(said.encode("ascii") + b"\r\n")

    def _tell(self, word: str) -> str | None:
        """Return the answer to a question; None where it is none."""
        plate = self.plate
        answers: dict[str, Callable[[], str]] = {
            "IN_PV_1": lambda: self._celsius(plate.vessel) if self.heater.probe else NO_PROBE,
            "IN_PV_2": lambda: self._celsius(plate.vessel) if self.heater.probe else NO_PROBE,
            "IN_PV_3": lambda: self._celsius(plate.plate),
            "IN_PV_4": lambda: self._celsius(plate.plate),
            "IN_PV_5": lambda: f"{self.speed():.0f}",
            "IN_SP_1": lambda: f"{self.heater.setpoint:.1f}",
            "IN_SP_2": lambda: f"{self.delta:.0f}",
            "IN_SP_3": lambda: f"{self.motor.setpoint:.0f}",
            "IN_MODE_1": lambda: f"{self.heater.probe:d}",
            "IN_MODE_2": lambda: f"{self.resume:d}",
            "IN_MODE_4": lambda: f"{self.fast:d}",
            "STATUS": lambda: f"{self.status}",
            "SW_VERS": lambda: self.firmware,
        }
        if word not in answers:
            return None
        return f"{word} {answers[word]()}" if self.enhanced else answers[word]()

    def _do(self, word: str) -> str | None:
        """Carry out a command without argument; None where it is none."""
        commands: dict[str, Callable[[], None]] = {
            "START_1": lambda: self._start(heat=True),
            "START_2": lambda: self._start(heat=False),
            "STOP_1": lambda: self._stop(heat=True),
            "STOP_2": lambda: self._stop(heat=False),
            "PA_NEW": lambda: self._speak(enhanced=True),
            "PA_OLD": lambda: self._speak(enhanced=False),
            "CC_ON": lambda: self._link(on=True),
            "CC_OFF": lambda: self._link(on=False),
            "RESET": self._reset,
        }
        if word not in commands:
            return None
        commands[word]()
        return word

    def _set(self, word: str, argument: str) -> str | None:
        """Take a set point or a mode; what is out of range leaves the old one, which is told."""
        value = float(argument) if _NUMBER.fullmatch(argument) else None
        if value is None:
            return None
        match word:
            case "OUT_SP_1":
                if 0.0 <= value <= HOTTEST:
                    self.heater.setpoint = round(value, 1)
                return f"{word} {self.heater.setpoint:.1f}"
            case "OUT_SP_2":
                self.delta = min(SAFETY, max(0.0, value))
                return f"{word} {self.delta:.0f}"
            case "OUT_SP_3":
                if value == 0.0 or SPEEDS[0] <= value <= SPEEDS[1]:
                    self.motor.change(self._now, setpoint=float(round(value)))
                return f"{word} {self.motor.setpoint:.0f}"
            case "OUT_MODE_4" if value in (0, 1):
                self.fast = value == 1
                return f"IN_MODE_4 {self.fast:d}"  # sic
        return None

    # ---- heater and motor --------------------------------------------------------------------------------------

    def speed(self) -> float:
        """Return the motor's speed now, 1/min."""
        return 0.0 if self.jammed else self.motor.speed(self._now)

    def stop_at_panel(self) -> None:
        """Have somebody stop it by hand: remote operation is blocked from then on."""
        self.world.advance()
        self._rest()
        self.status = BLOCKED

    def fail(self, code: int) -> None:
        """Have it find something wrong with itself: a code below -1."""
        self.world.advance()
        self._rest()
        self.status = code

    def _control(self, plate: HotPlate, dt: float) -> None:
        """Work as the plate's controller."""
        self.heater(plate, dt)
        plate.rpm = 0.0 if self.jammed else towards(plate.rpm, self.motor.wanted, dt)

    def _start(self, *, heat: bool) -> None:
        if self.status < 0:
            return
        if heat:
            self.heater.switch(self.plate, on=True)
        else:
            self.motor.change(self._now, on=True)
        self.status = STARTED
        self._link_again()

    def _stop(self, *, heat: bool) -> None:
        if heat:
            self.heater.switch(self.plate, on=False)
        else:
            self.motor.change(self._now, on=False)
        if self.status >= 0 and self.is_safe():
            self.status = STOPPED

    def _rest(self) -> None:
        self.heater.switch(self.plate, on=False)
        self.motor.change(self._now, on=False)

    def _reset(self) -> None:
        self._rest()
        self._link(on=False)
        self.status, self.panel, self.paused = MANUAL, "", []

    def _speak(self, *, enhanced: bool) -> None:
        self.enhanced = enhanced

    # ---- the link watch ----------------------------------------------------------------------------------------

    def _link(self, *, on: bool) -> None:
        self.linked = on
        self._link_again()

    def _link_again(self) -> None:
        """Count the silence from now on, while there is something to watch over."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self.linked and not self.is_safe():
            self._watch = self.later(self.link_s, self._lose_link)

    def _lose_link(self) -> None:
        self.world.advance()
        self.paused = [self.heater.on, self.motor.on]
        self._rest()
        self.panel = "PC Err"

    def _go_on(self) -> None:
        """End `PC Err`: somebody has said something."""
        if not self.panel:
            return
        heating, stirring = self.paused
        self.panel, self.paused = "", []
        self.heater.switch(self.plate, on=heating)
        self.motor.change(self._now, on=stirring)
        self._link_again()

    # ---- power, state ------------------------------------------------------------------------------------------

    def is_safe(self) -> bool:
        """Say whether heater and motor are off."""
        return not self.heater.on and not self.motor.on

    def wake(self) -> None:
        """Come up: set points are kept, and where it is told to resume also what was going on."""
        on = (self.heater.on, self.motor.on)
        self._rest()
        self.status, self.panel, self.paused = MANUAL, "", []
        self.enhanced = self.linked = self.heater.tripped = False
        if self.resume:
            self.heater.switch(self.plate, on=on[0])
            self.motor.change(self._now, on=on[1])

    def snapshot(self) -> dict[str, JSON]:
        """Return its state as JSON."""
        state = super().snapshot()
        chance: JSON = self.chance.bit_generator.state  # type: ignore[assignment]  # plain numbers and texts
        return {**state, "heater": self.heater.snapshot(), "motor": self.motor.snapshot(self._now), "chance": chance}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go on from `snapshot`; silence is counted from now on."""
        super().restore(state)
        self.heater.restore(part(state, "heater"))
        self.motor.restore(part(state, "motor"), self._now)
        self.chance.bit_generator.state = part(state, "chance")
        self._last, self._watch = -PACE, None
        self._link_again()

    @property
    def _now(self) -> float:
        return self.place.clock.loop.time()

    def _celsius(self, value: float) -> str:
        return f"{value + self.noise * self.chance.standard_normal():.1f}"
