"""A Harvard Apparatus Pump 11 Elite (the KDS Legato speaks the same): prompts, polling, a target, counters, a motor.

The facts are those of the project's instrument sheet, of the makers' public manuals (Pump 33 DDS, PHD Ultra, KDS Legato,
KDS Allegro: one command set), and of what a Legato 100 was heard to say. `[M]` marks what comes from memory or is
assumed: the words behind `Out of range`; that a target counts from where its counter was cleared; that a run behind a
target that is reached already ends at once; that a power cycle loses counters, target and polling; that `stp` and a new
run clear a stall; that errors in `@` commands look like all others; that numbers have six digits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from autolab.model.errors import InputError
from autolab.simulators import harvard_speech as speech
from autolab.simulators.harvard_motor import Motor
from autolab.simulators.plunger import Syringe
from autolab.simulators.talker import Talker
from autolab.simulators.world import number, part

if TYPE_CHECKING:
    from autolab.model.actions import JSON
    from autolab.simulators.simulator import Place

XON = "\x11"
SMALLEST, LARGEST = 0.1, 33.0  # mm of diameter (its own `metrics`)
COMMAND = re.compile(r"@?\s*(\d{0,2})\s*:?\s*@?\s*([a-z]*)\s*(.*)", re.IGNORECASE)
NEW_ADDRESS = "Pump address set to "  # the one line that a Legato was heard to say without its address
METRICS = (
    ("Pump type", "Pump 11"), ("Pump type string", "{model}"), ("Display type", "Sharp"), ("Steps per rev", "400"),
    ("Gear ratio", "1:1"), ("Pulley ratio", "2.4:1"), ("Lead screw", "24 threads per inch"),
    ("Microstepping", "16 microsteps per step"), ("Low speed limit", "27 seconds"),
    ("High speed limit", "26 microseconds"), ("Motor polarity", "Reverse"), ("Min syringe size", "0.1 mm"),
    ("Max syringe size", "33 mm"), ("Min raw force %", "20%"), ("Max raw force %", "80%"), ("Encoder", "100 lines"),
    ("Direction", "{direction}"), ("Programmable", "Yes"), ("Limit switches", "No"), ("Command set", "None"),
)  # fmt: skip


class Fault(Exception):
    """A command that cannot be carried out, in the pump's words."""

    def __init__(self, *lines: str) -> None:
        super().__init__(lines[0])
        self.lines = lines


class Elite11Simulator(Talker):
    """The pump.

    Settings from the lab file: `syringe_mm`, `volume_mL`, `contents_mL`. Options (under `virtual.instruments.<name>`):
    `model` (a name with `I/W` can draw in), `firmware`, `serial_number`, `diameter_mm` (in its memory, if somebody set
    up another syringe), `stalls_mL` (the motor stalls after so much in one run), `baud`.

    Args:
        place: Where it stands; `place.bus` is its address, which it tells in its replies unless it is 0.
    """

    frame_end: ClassVar[tuple[bytes, ...]] = (b"\r\n", b"\r", b"\n")
    options: ClassVar[tuple[str, ...]] = (
        "model", "firmware", "serial_number", "diameter_mm", "stalls_mL", "baud",
    )  # fmt: skip
    kept: ClassVar[tuple[str, ...]] = (
        "bus", "volume", "force", "units", "polling", "echo", "nvram",
    )  # fmt: skip
    reaction = 0.002

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        if not 0 <= place.bus <= 99:
            msg = f"{place.name}: bus address {place.bus} is not one of these pumps; choose 0 to 99 (?bus=N)"
            raise InputError(msg)
        self.baud = int(number(place.options, "baud", number(place.settings, "baud", 115200)))
        self.model = str(place.options.get("model", "11 ELITE I/W Single"))
        self.firmware = str(place.options.get("firmware", "3.0.4"))
        self.serial = str(place.options.get("serial_number", "D101754"))
        syringe = Syringe(
            number(place.settings, "syringe_mm", 14.43),
            number(place.settings, "volume_mL", 10.0),
            number(place.settings, "contents_mL", 0.0),
        )
        diameter = number(place.options, "diameter_mm", syringe.diameter)
        stalls = number(place.options, "stalls_mL", -1.0)
        plunger = self.world.plunger(place.name, syringe)
        self.motor = Motor(plunger, place.clock, diameter, stalls, self._announce)
        self.bus, self.volume, self.force, self.nvram = place.bus, syringe.volume, 50, "all"
        self.units = {"volume": "ml", "target": "ml", "i": "ml/min", "w": "ml/min"}  # as each was last given
        self.polling, self.echo = "off", False

        self._commands: dict[str, Callable[[list[str]], list[str]]] = {
            "address": self._address, "ver": self._ver, "version": self._version, "metrics": self._metrics,
            "status": self._status, "poll": self._poll, "echo": self._set_echo, "nvram": self._set_nvram,
            "dim": self._dim, "time": self._time, "load": self._load, "force": self._set_force,
            "diameter": self._set_diameter, "svolume": self._set_svolume, "tvolume": self._set_tvolume,
            "ctvolume": self._clear_target, "crate": self._crate, "stp": self._stop, "stop": self._stop,
            "irate": partial(self._rate, "i"), "wrate": partial(self._rate, "w"),
            "ivolume": partial(self._volume, "i"), "wvolume": partial(self._volume, "w"),
            "civolume": partial(self._clear, "i"), "cwvolume": partial(self._clear, "w"),
            "cvolume": partial(self._clear, "iw"), "irun": partial(self._run, "i"), "wrun": partial(self._run, "w"),
        }  # fmt: skip

    # ---- the line ----------------------------------------------------------------------------------------------

    def hear(self, frame: bytes) -> None:
        """Take one line."""
        text = "".join(chr(byte) for byte in frame if 0x20 <= byte < 0x7F)
        found = COMMAND.fullmatch(text)
        if found is not None and found[1]:
            if int(found[1]) != self.bus:
                return
        elif self.place.bus != 0:
            return  # without an address it is for the first of the chain, whatever address that was given since
        self.world.advance()
        name, rest = (found[2].lower(), found[3].split()) if found is not None else ("?", [])
        lines = [text] if self.echo and self.polling != "remote" else []
        try:
            lines += self._carry_out(name, rest)
        except Fault as fault:
            lines += fault.lines
        self._answer(lines)

    def _answer(self, lines: list[str]) -> None:
        prefix = f"{self._tag()}:" if self.bus else ""
        prompt = "" if self.polling == "remote" else self._tag() + self.prompt
        ready = XON if self.polling == "on" else ""
        body = "".join(f"{line if line.startswith(NEW_ADDRESS) else prefix + line}\r\n" for line in lines)
        self.say(f"\n{body}{prompt}{ready}".encode("ascii"))

    def _tag(self) -> str:
        return f"{self.bus:02d}" if self.bus else ""

    @property
    def prompt(self) -> str:
        """What it does: `:` idle, `>` infusing, `<` withdrawing, `*` stalled, `T*` target reached."""
        return {"i": ">", "w": "<"}.get(self.motor.moving, self.motor.ended)

    def _announce(self) -> None:
        """Show the prompt at an event; polling mode has it be asked for."""
        if self.polling == "off":
            self.say(f"\r\n{self._tag()}{self.prompt}".encode("ascii"))

    def overflow(self) -> None:
        """Complain of a line that is too long."""
        self._answer(["Command error:", "   Line too long"])

    # ---- commands ----------------------------------------------------------------------------------------------

    def _carry_out(self, name: str, rest: list[str]) -> list[str]:
        """Return the lines of the answer."""
        if not name and not rest:
            return []
        found = [known for known in self._commands if known == name or (len(name) >= 4 and known.startswith(name))]
        if not found:
            raise Fault(f"Command error: {name}", "   Unknown command")
        return self._commands[found[0]](rest)

    def _address(self, rest: list[str]) -> list[str]:
        if rest:
            address = speech.number(rest[0])
            if address is None or not 0 <= address <= 99:
                raise Fault(f"Argument error: {rest[0]}", "   Out of range")
            self.bus = int(address)
            return [f"{NEW_ADDRESS}{self.bus}"]
        return [f"Pump address is {self.bus}"]

    def _version(self, rest: list[str]) -> list[str]:
        return [f"Firmware:      v{self.firmware}", f"Pump address:  {self.bus}", f"Serial number: {self.serial}"]

    def _ver(self, rest: list[str]) -> list[str]:
        return [f"{self.model} {self.firmware}"]

    def _metrics(self, rest: list[str]) -> list[str]:
        direction = "Infuse/withdraw" if self.withdraws else "Infuse only"
        return [f"{key:<19}{text.format(model=self.model, direction=direction)}" for key, text in METRICS]

    def _status(self, rest: list[str]) -> list[str]:
        """Rate fL/s, time ms, volume fL, and flags: direction, limit, stall, trigger, direction port, target."""
        motor, way = self.motor, self.motor.moving or "i"
        rate = motor.rates[way] / 60 if motor.moving else 0.0
        letter = way.upper() if motor.moving else way
        flags = f"{letter}.{'S' if motor.ended == '*' else '.'}.I{'T' if motor.ended == 'T*' else '.'}"
        return [f"{rate * 1e12:.0f} 0 {motor.moved(way) * 1e12:.0f} {flags}"]

    def _poll(self, rest: list[str]) -> list[str]:
        if rest:
            self.polling = self._choice(rest, "on", "off", "remote")
            return []
        return [self.polling.capitalize()]

    def _set_echo(self, rest: list[str]) -> list[str]:
        if rest:
            if self.polling == "remote":
                raise Fault("Command error: echo", "   Not valid in remote polling mode")
            self.echo = self._choice(rest, "on", "off") == "on"
            return []
        return ["On" if self.echo else "Off"]

    def _set_nvram(self, rest: list[str]) -> list[str]:
        if rest:
            self.nvram = self._choice(rest, "none", "off", "all", "on", "rates")
            return []
        return [self.nvram]

    def _dim(self, rest: list[str]) -> list[str]:
        return []

    def _time(self, rest: list[str]) -> list[str]:
        return [" ".join(rest) or "01/01/26 12:00:00 AM"]

    def _load(self, rest: list[str]) -> list[str]:
        return [] if rest else ["Quick Start - Infuse/Withdraw (qs iw)"]

    def _set_force(self, rest: list[str]) -> list[str]:
        if not rest:
            return [f"{self.force}%"]
        self._must_stand("force")
        self.force = round(self._within(rest[0].rstrip("%"), 1, 100))
        return []

    def _set_diameter(self, rest: list[str]) -> list[str]:
        if not rest:
            return [f"{self.motor.diameter:.4f} mm"]
        self._must_stand("diameter")
        self.motor.diameter = self._within(rest[0], SMALLEST, LARGEST)
        return []

    def _set_svolume(self, rest: list[str]) -> list[str]:
        if not rest:
            return [speech.told(self.volume, self.units["volume"])]
        self._must_stand("svolume")
        self.volume, self.units["volume"] = self._quantity(rest, speech.volume_unit, 1e-9, 1e5)
        return []

    def _set_tvolume(self, rest: list[str]) -> list[str]:
        if not rest:
            target = self.motor.target
            return [speech.told(target, self.units["target"]) if target > 0 else "Target volume not set"]
        self._must_stand("tvolume")
        most = self.volume * (1 + 1e-9)
        self.motor.target, self.units["target"] = self._quantity(rest, speech.volume_unit, 1e-9, most)
        return []

    def _clear_target(self, rest: list[str]) -> list[str]:
        self.motor.target = 0.0
        return []

    def _rate(self, way: str, rest: list[str]) -> list[str]:
        if not rest:
            return [self._told_rate(way)]
        low, high = self.motor.range
        if rest[0].lower() == "lim":
            return [f"{speech.fitting(low, '/min')} to {speech.fitting(high, '/min')}"]
        if rest[0].lower() in ("max", "min"):
            self.motor.set_rate(way, high if rest[0].lower() == "max" else low)
            return []
        rate, self.units[way] = self._quantity(rest, speech.rate_unit, low * (1 - 1e-5), high * (1 + 1e-5))
        self.motor.set_rate(way, rate)
        return []

    def _told_rate(self, way: str) -> str:
        return speech.told(self.motor.rates[way], self.units[way])

    def _crate(self, rest: list[str]) -> list[str]:
        way = self.motor.moving
        return [f"{'Infusing' if way == 'i' else 'Withdrawing'} at {self._told_rate(way)}"] if way else []

    def _volume(self, way: str, rest: list[str]) -> list[str]:
        return [speech.fitting(self.motor.moved(way))]

    def _clear(self, ways: str, rest: list[str]) -> list[str]:
        self._must_stand("clear")
        self.motor.clear(ways)
        return []

    def _run(self, way: str, rest: list[str]) -> list[str]:
        if way == "w" and not self.withdraws:
            raise Fault("Command error: wrun", "   Unknown command")
        self.motor.run(way)
        return []

    def _stop(self, rest: list[str]) -> list[str]:
        self.motor.halt()
        return []

    def _choice(self, rest: list[str], *allowed: str) -> str:
        if rest[0].lower() not in allowed:
            raise Fault(f"Argument error: {rest[0]}", "   Invalid argument")
        return rest[0].lower()

    def _within(self, text: str, low: float, high: float) -> float:
        value = speech.number(text)
        if value is None:
            raise Fault(f"Argument error: {text}", "   Invalid number")
        if not low <= value <= high:
            raise Fault(f"Argument error: {text}", "   Out of range")
        return value

    def _quantity(
        self, rest: list[str], known: Callable[[str], str | None], low: float, high: float
    ) -> tuple[float, str]:
        value, unit = speech.number(rest[0]), known(" ".join(rest[1:]))
        if value is None or unit is None:
            raise Fault(f"Argument error: {rest[0] if value is None else ' '.join(rest[1:])}", "   Invalid argument")
        if not low <= value * speech.per_unit(unit) <= high:
            raise Fault(f"Argument error: {rest[0]}", "   Out of range")
        return value * speech.per_unit(unit), unit

    def _must_stand(self, name: str) -> None:
        if self.motor.moving:
            raise Fault(f"Command error: {name}", "   Not valid while running")

    # ---- the simulator's contract ------------------------------------------------------------------------------

    @property
    def withdraws(self) -> bool:
        """Whether the model can draw in."""
        return "I/W" in self.model or "ELITE" not in self.model

    def is_safe(self) -> bool:
        """Say whether it stands still."""
        self.world.advance()
        return not self.motor.moving

    def wake(self) -> None:
        """Come up again: the motor stands, counters, target and polling are forgotten."""
        self.motor.halt()
        self.motor.forget()
        self.polling, self.echo = "off", False

    def snapshot(self) -> dict[str, JSON]:
        """Return its state; it must stand."""
        return {**super().snapshot(), "motor": self.motor.snapshot()}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go on from `snapshot`, with the motor at a standstill."""
        super().restore(state)
        self.units = {name: str(unit) for name, unit in part(state, "units").items()}
        self.motor.restore(part(state, "motor"))
