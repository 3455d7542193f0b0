"""A Vacuubrand CVC 3000 vacuum controller with pump, in-line valve, venting valve and a vessel (19200 8N1, CR LF).

The facts are those of the project's instrument sheet, and of the maker's manuals for the same commands (CVC 3000 detect, VNC 2,
Heidolph rotavac): read commands and REMOTE, CVC, STORE are always taken, other write commands only while remote is on;
ECHO 1 has write commands answered with their parameter if they were carried out, and with nothing if not; ten commands a
second are possible. Answers have leading zeros, as in a public driver that was used with the controller. `[M]`: ECHO is taken while
remote is off; what comes too early is lost; after power-up remote and echo are off and nothing runs.
"""

from __future__ import annotations

import re
from typing import ClassVar, Final

from autolab.simulators.gas import VesselBody
from autolab.simulators.simulator import Place
from autolab.simulators.talker import Talker
from autolab.simulators.world import number

PACE: Final = 0.1  # s between two commands
HIGHEST: Final = 1060  # mbar
ALWAYS: Final = ("REMOTE", "CVC", "STORE", "ECHO")
ATMOSPHERE: Final = 5.0  # mbar below the room's pressure at which it takes the vessel for vented
NEAR: Final = 2.5  # mbar within which the set vacuum is reached
FAULTS: Final = ("pump", "inline", "coolant", "vent", "overpressure", "sensor", "external", "catchpot", "command")
CONTROL: Final = (0, 2, 3)  # modes that hold a set point; in the others it pumps on
DIGITS: Final = re.compile(r"[A-Z]+(?:_[A-Z0-9]+)*(?: [\d:.]+)?")


class CVC3000Simulator(Talker):
    """A vacuum controller; its vessel is at the room's pressure at first.

    Options: `firmware`, `volume_L`, `speed_L_s`, `leak_L_s`, `lowest_mbar` (that the pump reaches), `strict_pacing` (a
    command within 0.1 s of the one before is lost), `decimals` (of pressures as told), `unit` (as on its display), `faults`
    (those of the apparatus: pump, inline, coolant, vent, overpressure, sensor, external, catchpot).

    Attributes:
        remote: Whether the line has control.
        echo: Whether write commands are answered.
        dialect: 2 or 3: which controller's commands it speaks.
        mode: 0 VACUU-LAN, 1 continuous pumping, 2 vacuum control, 3 automatic.
        setpoint: mbar.
        running: Whether its control was started.
        venting: 0 closed, 1 open, 2 open until the room's pressure is there.
        faults: Those that it tells.
    """

    frame_end: ClassVar[tuple[bytes, ...]] = (b"\r\n", b"\r", b"\n")
    options: ClassVar[tuple[str, ...]] = (
        "firmware", "volume_L", "speed_L_s", "leak_L_s", "lowest_mbar", "strict_pacing", "decimals", "unit", "faults",
    )  # fmt: skip
    kept: ClassVar[tuple[str, ...]] = (
        "remote", "echo", "dialect", "mode", "setpoint", "speed", "off_at", "running", "venting", "faults",
    )  # fmt: skip
    baud = 19200

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        options = place.options
        self.firmware = str(options.get("firmware", "CVC 3000 V2.30"))
        self.decimals, self.unit = int(number(options, "decimals", 1)), str(options.get("unit", "mbar"))
        faults = options.get("faults", [])
        self.faults = list(faults) if isinstance(faults, list) else [str(faults)]
        self.remote, self.echo, self.dialect = False, False, 3
        self.mode, self.setpoint, self.speed, self.off_at = 2, 100, 100, 10
        self.running, self.venting = False, 0
        body = VesselBody(
            volume=number(options, "volume_L", 2.0),
            speed=number(options, "speed_L_s", 0.5),
            leak=number(options, "leak_L_s", 0.0002),
            lowest=number(options, "lowest_mbar", 2.0),
        )
        self.body = self.world.body(place.name, lambda: body)
        self._last = -PACE

    def is_safe(self) -> bool:
        """Say whether it does not pump."""
        return not self.running

    def wake(self) -> None:
        """Come up with everything off; settings are kept."""
        self.remote = self.echo = False
        self.venting = 0
        self._last = -PACE
        self._run(running=False)

    def hear(self, frame: bytes) -> None:
        """Take one command; what is wrong is noted and not answered."""
        now, early = self.place.clock.loop.time(), False
        if self.place.options.get("strict_pacing", False):
            early = now - self._last < PACE - 1e-6
        self._last = now
        text = frame.decode("ascii", "replace").strip()
        if early or not text:
            return
        self.world.advance()
        self._vented()
        word, _, argument = text.partition(" ")
        answer = self._told(word) if DIGITS.fullmatch(text) and not argument else None
        if answer is not None:
            self.say(answer.encode("ascii") + b"\r\n")
            return
        done = self._taken(word, argument) if DIGITS.fullmatch(text) else None
        self._note("command", on=done is None)
        if done is not None and self.echo:
            self.say(done.encode("ascii") + b"\r\n")

    # ---- reading

    def _told(self, word: str) -> str | None:
        """Return the answer to a read command; None for any other."""
        pressure = f"{self.body.pressure:0{4 + bool(self.decimals) * (1 + self.decimals)}.{self.decimals}f}"
        return {
            "IN_PV_1": f"{pressure} {self.unit}",
            "IN_PV_2": f"{self.speed if self.body.pumping else 0:03d}%",
            "IN_PV_3": "00:00 h:m",
            "IN_SP_1": f"{self.setpoint:04d} {self.unit}",
            "IN_SP_2": f"{self.speed:03d}%",
            "IN_SP_5": f"{self.off_at:04d} {self.unit}",
            "IN_STAT": self._status(),
            "IN_ERR": "".join(str(int(fault in self.faults)) for fault in FAULTS),
            "IN_CFG": self._configuration(),
            "IN_VER": self.firmware,
        }.get(word)

    def _status(self) -> str:
        pump, vent = int(self.running and self.body.pumping), int(self.venting > 0)
        if self.dialect == 2:
            return f"{self.mode}{self._state()}{vent}0"
        return f"{pump}{pump}0{vent}{self.mode}{self._state()}"

    def _state(self) -> int:
        if not self.running:
            return 0
        if self.mode not in CONTROL or self.body.pressure > self.setpoint + NEAR:
            return 1
        return 2 if self.body.pressure >= self.setpoint - NEAR else 3

    def _configuration(self) -> str:
        unit = {"mbar": 0, "Torr": 1, "hPa": 2}.get(self.unit, 0)
        if self.dialect == 2:
            return f"{self.mode}010{int(self.remote)}"
        return f"{self.mode}1{unit}0010101000" + f"11{int(self.remote)}"

    # ---- writing

    def _taken(self, word: str, argument: str) -> str | None:
        """Carry a write command out and return what is echoed; None where it was not carried out."""
        if word not in ALWAYS and not self.remote:
            return None
        if word == "STORE":
            return "1"
        if word == "START" and argument in ("", "1"):
            self._vent(0)
            self._run(running=True)
            return "1"
        value = int(argument) if argument.isdigit() else -1
        match word:
            case "REMOTE" | "ECHO" if value in (0, 1):
                setattr(self, word.lower(), bool(value))
            case "CVC" if value in (2, 3, 2000, 3000):
                self.dialect = int(argument[0])
                return argument[0]
            case "STOP" if value in (0, 1, 2):
                self._stop(value)
            case "OUT_SP_1" if 0 <= value <= HIGHEST:
                self.setpoint = value
                self._run(running=self.running)
                return f"{value:04d}"
            case "OUT_SP_2" if 1 <= value <= 100:
                self.speed = value
                return f"{value:03d}"
            case "OUT_SP_5" if 0 <= value <= HIGHEST:
                self.off_at = value
                return f"{value:04d}"
            case "OUT_MODE" if value in range(4) and not self.running:
                self.mode = value
            case "OUT_VENT" if value in (0, 1, 2):
                self._run(running=False)
                self._vent(value)
            case "OUT_CFG" if re.fullmatch(r"\d{5}", argument):
                return argument
            case _:
                return None
        return str(value)

    def _stop(self, how: int) -> None:
        if how == 0:
            self.faults = []
        if how == 2:
            self.setpoint = round(self.body.pressure)
        self._run(running=False)

    def _run(self, *, running: bool) -> None:
        self.running = running and "pump" not in self.faults
        holds = self.running and self.mode in CONTROL
        self.body.hold = float(self.setpoint) if holds else None
        self.body.pumping = self.running and (not holds or self.body.pressure > self.setpoint)

    def _vent(self, how: int) -> None:
        self.venting = how
        self.body.venting = how > 0 and "vent" not in self.faults

    def _vented(self) -> None:
        if self.venting == 2 and self.body.pressure >= self.body.room - ATMOSPHERE:
            self._vent(0)

    def _note(self, fault: str, *, on: bool) -> None:
        self.faults = [other for other in self.faults if other != fault] + [fault] * on
