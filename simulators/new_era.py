"""A New Era NE-1000 syringe pump (sold by WPI as Aladdin), on the line: addresses, commands, alarms, safe mode.

The facts are those of the project's instrument sheet and of the maker's public manuals (NE-1000, NE-500): units of
volume by diameter, alarms that the next exchange acknowledges, limits of speed, what is kept without power. `[M]` marks
what comes from memory: STP on a stopped pump answers `?NA`; counters go on while purging; a paused program takes new
values and then starts afresh; changing the unit of volume keeps the digits; the syntax of `*RESET`. It never answers
`?IGN`: here no command meets the start of a phase.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from autolab.model.errors import InputError
from autolab.simulators.new_era_frames import FrameReader, Packet, four_digits, frame, number_in
from autolab.simulators.new_era_program import (
    FUNCTIONS,
    PER_MIN,
    PER_ML,
    PHASES,
    PUMPING,
    Doing,
    Memory,
    Program,
    factory_phases,
)  # fmt: skip
from autolab.simulators.plunger import Syringe
from autolab.simulators.simulator import Place, Send, check_keys
from autolab.simulators.world import number, part

if TYPE_CHECKING:
    import asyncio

    from autolab.model.actions import JSON

SMALLEST, LARGEST = 0.1, 50.0  # mm of diameter (maker's manual)
OPTIONS = ("model", "firmware", "diameter_mm", "ignores_first", "alarm_at_start", "baud")
PROMPT: dict[Doing, str] = {
    "stopped": "S", "infusing": "I", "withdrawing": "W", "purging": "X", "paused": "P", "pausing": "T",
}  # fmt: skip


class NE1000Simulator:
    """The pump.

    Settings from the lab file: `syringe_mm`, `volume_mL`, `contents_mL`. Options (under `virtual.instruments.<name>`):
    `model`, `firmware`, `diameter_mm` (in its memory, if somebody set up another syringe), `ignores_first` (does not
    answer the first packet after power-up, as some do), `alarm_at_start` (false: power came long ago), `baud`.

    Args:
        place: Where it stands; `place.bus` is its address.
    """

    def __init__(self, place: Place) -> None:
        check_keys(f"virtual.instruments.{place.name}", place.options, OPTIONS)
        if not 0 <= place.bus <= 99:
            msg = f"{place.name}: bus address {place.bus} is not one of a New Era pump; choose 0 to 99 (?bus=N)"
            raise InputError(msg)
        self.name, self.place, self.world = place.name, place, place.world
        self.baud = int(number(place.options, "baud", number(place.settings, "baud", 9600)))
        self.reaction = 0.005
        self.version = f"NE{place.options.get('model', 1000)}V{place.options.get('firmware', '3.928')}"
        syringe = Syringe(
            number(place.settings, "syringe_mm", 14.5),
            number(place.settings, "volume_mL", 10.0),
            number(place.settings, "contents_mL", 0.0),
        )
        self.plunger = self.world.plunger(place.name, syringe)
        self.memory = Memory(number(place.options, "diameter_mm", syringe.diameter), place.bus)
        self.program = Program(self.plunger, self.memory, place.clock, self._raise_alarm)
        self.alarm = "R" if place.options.get("alarm_at_start", True) else ""
        self._deaf = bool(place.options.get("ignores_first", False))
        self._reader = FrameReader()
        self._send: Send = _nowhere
        self._watchdog: asyncio.TimerHandle | None = None

    # ---- the line

    def attach(self, send: Send) -> None:
        """Let `send` carry its bytes from now on."""
        self._send = send

    def receive(self, data: bytes) -> None:
        """Take bytes from the line."""
        now = self.place.clock.loop.time()
        for packet in self._reader.feed(data, now):
            due = self.plunger.end is not None and self.plunger.end <= now
            if due or packet.text.lstrip("0123456789"):  # mere polling needs no physics: ends wake the world
                self.world.advance()
            self._packet(packet)

    def _packet(self, packet: Packet) -> None:
        if not packet.intact:
            self._answer("?COM")  # nobody knows for whom it was
            return
        for address, command in addressed(packet.text):
            if address is None or address == self.memory.address:
                self._answer_to(command)

    def _answer_to(self, command: str) -> None:
        if self._deaf:
            self._deaf = False
            return
        self._feed_watchdog()
        if self.alarm:  # it is told, and so acknowledged; the command is not carried out
            alarm, self.alarm = self.alarm, ""
            self._answer("", status=f"A?{alarm}")
            return
        self._answer(self._carry_out(command))

    def _answer(self, data: str, *, status: str = "") -> None:
        status = status or PROMPT[self.program.doing]
        self._send(frame(f"{self.memory.address:02d}{status}{data}", safe=self.memory.timeout > 0))

    def _raise_alarm(self, kind: str) -> None:
        self.alarm = kind
        if self.memory.timeout > 0:  # in safe mode it tells by itself, which acknowledges nothing
            self._answer("", status=f"A?{kind}")

    def _feed_watchdog(self) -> None:
        self._cancel_watchdog()
        if self.memory.timeout > 0:
            self._watchdog = self.place.clock.loop.call_later(self.memory.timeout, self._silence)

    def _cancel_watchdog(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None

    def _silence(self) -> None:
        self._watchdog = None
        self.world.advance()
        self.program.halt()
        self._raise_alarm("T")

    # ---- commands

    def _carry_out(self, command: str) -> str:
        """Carry a command out; return the data of the answer."""
        if command.startswith("*"):
            return self._system(command[1:])
        handlers: dict[str, Callable[[str], str]] = {
            "": lambda _: "", "DIA": self._dia, "RAT": self._rat, "VOL": self._vol, "DIR": self._dir,
            "FUN": self._fun, "PHN": self._phn, "RUN": self._run, "PUR": self._pur, "STP": self._stp,
            "DIS": self._dis, "CLD": self._cld, "SAF": self._saf, "VER": self._ver,
        }  # fmt: skip
        handler = handlers.get(command[:3])
        return "?" if handler is None else handler(command[3:])

    def _system(self, command: str) -> str:
        """Carry out a command that every pump obeys, whatever its address."""
        if command == "RESET":
            self.program.power_up()
            self.program.phases = factory_phases()
            self.memory.address, self.memory.unit, self.memory.timeout = 0, "", 0
            return ""
        if not command.startswith("ADR"):
            return self._carry_out(command)
        if command == "ADR":
            return f"{self.memory.address:02d}"
        if not command[3:].isdigit() or int(command[3:]) > 99:
            return "?OOR"
        self.memory.address = int(command[3:])
        return ""

    def _dia(self, argument: str) -> str:
        if not argument:
            return four_digits(self.memory.diameter)
        if self.program.running:
            return "?NA"
        value = number_in(argument)
        if value is None or not SMALLEST <= value <= LARGEST:
            return "?OOR"
        if value != self.memory.diameter:
            self.program.clear("INF", "WDR")
        self.memory.diameter, self.memory.unit = value, ""
        self.program.forget_pause()
        return ""

    def _rat(self, argument: str) -> str:
        program, phase = self.program, self.program.phase
        if phase.function not in PUMPING:
            return "?NA"
        if not argument:
            return four_digits(phase.rate if program.rate_now is None else program.rate_now) + phase.unit
        argument = argument.removeprefix("C")  # as old firmware wants it for a constant rate
        unit = argument[-2:] if argument[-2:] in PER_MIN else phase.unit
        value = number_in(argument.removesuffix(unit))
        if value is None or (phase.function == "RAT" and not program.possible(value, unit)):
            return "?OOR"
        if not program.running:
            phase.rate, phase.unit = value, unit
        elif unit != phase.unit or program.doing not in ("infusing", "withdrawing"):
            return "?NA"  # the unit cannot be changed while pumping
        else:
            program.change_rate(value, unit)
        return ""

    def _vol(self, argument: str) -> str:
        program = self.program
        phase = program.phases[program.selected]
        if not argument:
            return four_digits(phase.volume) + program.unit
        if program.running:
            return "?NA"
        if argument in PER_ML:
            self.memory.unit = argument
        else:
            value = number_in(argument)
            if value is None:
                return "?OOR"
            phase.volume = value
        program.forget_pause()
        return ""

    def _dir(self, argument: str) -> str:
        program, phase = self.program, self.program.phase
        if not argument:
            return phase.direction
        if argument not in ("INF", "WDR", "REV"):
            return "?"
        if program.running and (phase.volume > 0 or program.doing not in ("infusing", "withdrawing")):
            return "?NA"  # only continuous pumping can be turned round
        new = argument if argument != "REV" else "WDR" if phase.direction == "INF" else "INF"
        turned, phase.direction = new != phase.direction, new
        if turned and program.running:
            program.turn()
        elif turned:
            program.forget_pause()
        return ""

    def _fun(self, argument: str) -> str:
        phase = self.program.phases[self.program.selected]
        if not argument:
            return phase.function + (f"{phase.argument:02d}" if phase.function in ("PAS", "JMP") else "")
        if self.program.running:
            return "?NA"
        function, value = argument[:3], argument[3:]
        if function not in FUNCTIONS or (value and not value.isdigit()):
            return "?"
        if function in ("PAS", "JMP") and not (value and 1 <= int(value) <= (99 if function == "PAS" else PHASES)):
            return "?OOR"
        phase.function, phase.argument = function, int(value or 0)
        self.program.forget_pause()
        return ""

    def _phn(self, argument: str) -> str:
        if not argument:
            return f"{self.program.selected:02d}"
        if self.program.running:
            return "?NA"
        if not argument.isdigit() or not 1 <= int(argument) <= PHASES:
            return "?OOR"
        self.program.selected = int(argument)
        return ""

    def _run(self, argument: str) -> str:
        program = self.program
        if program.running:
            return "?NA"
        if argument and not (argument.isdigit() and 1 <= int(argument) <= PHASES):
            return "?OOR"
        if argument:
            program.forget_pause()
        first = int(argument or program.at)
        phase = program.phases[first]
        if phase.function == "RAT" and not program.possible(phase.rate, phase.unit):
            return "?OOR"
        program.run(first)
        return ""

    def _pur(self, argument: str) -> str:
        if argument:
            return "?"
        if self.program.running:
            return "?NA"
        self.program.purge()
        return ""

    def _stp(self, argument: str) -> str:
        if argument:
            return "?"
        if self.program.doing == "stopped":
            return "?NA"
        self.program.stop()
        return ""

    def _dis(self, argument: str) -> str:
        if argument:
            return "?"
        unit = self.program.unit
        infused, withdrawn = (four_digits(self.program.counted(way) * PER_ML[unit]) for way in ("INF", "WDR"))
        return f"I{infused}W{withdrawn}{unit}"

    def _cld(self, argument: str) -> str:
        if argument not in ("INF", "WDR"):
            return "?"
        if self.program.running:
            return "?NA"
        self.program.clear(argument)
        return ""

    def _saf(self, argument: str) -> str:
        if not argument:
            return f"{self.memory.timeout}"
        if not argument.isdigit() or int(argument) > 255:
            return "?OOR"
        self.memory.timeout = int(argument)
        self._feed_watchdog()
        return ""

    def _ver(self, argument: str) -> str:
        return "?" if argument else self.version

    # ---- power, safety, state

    def power_cycle(self) -> None:
        """Lose power and come back: what was not kept is gone, and the next exchange says so."""
        self.world.advance()
        self._cancel_watchdog()
        self._reader.clear()
        self.program.power_up()
        self._deaf = bool(self.place.options.get("ignores_first", False))
        self._raise_alarm("R")

    def is_safe(self) -> bool:
        """Say whether the motor stands still and nothing will start it."""
        self.world.advance()
        return not self.plunger.moving and not self.program.running

    def reseed(self, seed: int) -> None:
        """Do nothing: a stepper motor makes no noise that matters."""

    def snapshot(self) -> dict[str, JSON]:
        """Return its state; only while nothing runs.

        Raises:
            ValueError: While the program runs.
        """
        self.world.advance()
        if self.program.running:
            msg = f"{self.name} is {self.program.doing}: take a snapshot when every instrument stands still"
            raise ValueError(msg)
        return {
            "memory": asdict(self.memory),
            "program": self.program.snapshot(),
            "alarm": self.alarm,
            "deaf": self._deaf,
        }

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go on from `snapshot` with the motor at a standstill."""
        self._cancel_watchdog()
        self._reader.clear()
        self.program.restore(part(state, "program"))
        for name, value in part(state, "memory").items():
            setattr(self.memory, name, value)
        self.alarm, self._deaf = str(state["alarm"]), bool(state["deaf"])


def _nowhere(data: bytes) -> None:
    """Send nothing: no line is attached."""


def addressed(text: str) -> list[tuple[int | None, str]]:
    """Split a packet into commands and whom they are for; None is everybody.

    >>> addressed("12VOL0.5"), addressed("VER"), addressed("*ADR1"), addressed("0RAT1*1RAT2*")
    ([(12, 'VOL0.5')], [(0, 'VER')], [(None, '*ADR1')], [(0, 'RAT1'), (1, 'RAT2')])
    """
    if text.startswith("*"):
        return [(None, text)]
    if text.endswith("*"):  # a burst for several pumps, each with an address of one digit
        return [(int(piece[0]), piece[1:]) for piece in text.split("*") if piece[:1].isdigit()]
    width = 2 if text[:2].isdigit() else 1 if text[:1].isdigit() else 0
    return [(int(text[:width] or 0), text[width:])]
