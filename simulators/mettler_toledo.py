"""A Mettler Toledo balance that speaks MT-SICS (9600 8N1, lines ended by CR LF).

The facts are those of the project's instrument sheet and of the public MT-SICS manuals; `[M]` marks what comes from
memory of such balances: the time after which waiting for stability is given up, the codes of units other than gram,
the answer to an empty line, and that control characters are answered as a transmission error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autolab.model.errors import InputError
from autolab.simulators.simulator import Place, Send, check_keys
from autolab.simulators.weighing import PERIOD, WeighingCell, cell_options

if TYPE_CHECKING:
    import asyncio

    from autolab.model.actions import JSON

GIVES_UP = 40.0  # s of waiting for stability [M]
LONGEST_LINE = 256
UNDERLOAD = -5.0  # g on the cell: the pan has been taken off
ZERO_RANGE = 0.02  # of the capacity, around the zero found at switching on
UNITS: dict[str, tuple[str, int]] = {"0": ("g", 0), "1": ("kg", 3), "3": ("mg", -3)}  # code: name, more decimals [M]
LEVEL = {  # every command implemented, and its level
    **dict.fromkeys(("@", "I0", "I1", "I2", "I3", "I4", "I5", "S", "SI", "SIR", "Z", "ZI"), 0),
    **dict.fromkeys(("C", "D", "DW", "SC", "T", "TA", "TAC", "TC", "TI", "ZC"), 1),
    **dict.fromkeys(("I50", "M21"), 2),
}
NOT_ON_A_BRIDGE = ("C", "SC", "ZC", "TC", "D", "DW", "I50")  # measured on a WXS205SDU without terminal
OPTIONS = (
    "model", "serial_number", "firmware", "software_id", "bridge", "refuses", "zero_at_start",
    "capacity_g", "resolution_g", "response_s", "white_g", "sway_g", "drift_g",
)  # fmt: skip


@dataclass
class Waiting:
    """A command that waits for a stable weight.

    Attributes:
        command: Its name, for the answer.
        deadline: Loop time at which waiting ends, s.
        finish: Called with whether the weight is stable.
        patient: Whether it is refused at the deadline (else carried out with an unstable weight).
    """

    command: str
    deadline: float
    finish: Callable[[bool], None]
    patient: bool


class BalanceSimulator:
    """An analytical balance: what lies on its pan, weighed by a real cell, told in MT-SICS.

    Options (under `virtual.instruments.<name>` in the lab file): `model`, `serial_number`, `firmware`, `software_id`,
    `bridge` (a weigh module without terminal, which answers ES to some commands), `refuses` (list of commands answered
    by ES), `capacity_g`, `resolution_g`, and the cell's `response_s`, `white_g`, `sway_g`, `drift_g`.

    Args:
        place: Where it stands.
    """

    def __init__(self, place: Place) -> None:
        options = place.options
        check_keys(f"virtual.instruments.{place.name}", options, OPTIONS)
        self.name, self.place = place.name, place
        self.baud, self.reaction = 9600, 0.01
        bridge = bool(options.get("bridge", False))
        self.model = str(options.get("model", "WXS205SDU WXA-Bridge" if bridge else "XS204 Excellence"))
        serial = options.get("serial_number", place.settings.get("serial_number", "B207696838"))
        self.serial_number = str(serial)
        self.firmware = str(options.get("firmware", "1.10 18.6.4.1361.772"))
        self.software_id = str(options.get("software_id", "12121306C"))
        self.refused = _refused(options, bridge=bridge)
        self.cell_options = cell_options(options, place.noise)
        self.world = place.world
        self.pan = self.world.pan(place.name)
        self.cell = WeighingCell(self.cell_options, self.world, load=self.pan.load, seed=place.seed)
        self.pan.cell = self.cell
        self.display = ""
        self._unit = "0"  # kept without power, as all M commands are
        self._send: Send = _nowhere
        self._line = b""
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: Waiting | None = None
        self._reset()
        self._switch_on()

    def attach(self, send: Send) -> None:
        """Let `send` carry its bytes from now on."""
        self._send = send

    def receive(self, data: bytes) -> None:
        """Take bytes from the line; a command ends at LF."""
        self._line += data
        while b"\n" in self._line:
            line, _, self._line = self._line.partition(b"\n")
            self._command(line.removesuffix(b"\r"))
        if len(self._line) > LONGEST_LINE:
            self._line = b""
            self._say("ES")

    def power_cycle(self) -> None:
        """Lose power and come back: tare and zero are found anew, and the serial number is sent unasked."""
        self._line = b""
        self._reset()
        self._switch_on()
        self._say(f'I4 A "{self.serial_number}"')

    def is_safe(self) -> bool:
        """A balance always is."""
        return True

    def reseed(self, seed: int) -> None:
        """Draw its noise anew."""
        self.world.advance()
        self.cell.reseed(seed)

    def snapshot(self) -> dict[str, JSON]:
        """Return its state as JSON."""
        self.world.advance()
        return {
            "cell": self.cell.snapshot(),
            "zero": self._zero,
            "first_zero": self._first_zero,
            "tare": self._tare,
            "unit": self._unit,
            "display": self.display,
        }

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go on from `snapshot`; what was waiting is forgotten."""
        self._reset()
        cell = state["cell"]
        self.cell.restore(cell if isinstance(cell, dict) else {})
        self._zero, self._first_zero = float(str(state["zero"])), float(str(state["first_zero"]))
        self._tare, self._unit, self.display = float(str(state["tare"])), str(state["unit"]), str(state["display"])

    # ---- commands

    def _command(self, line: bytes) -> None:
        if any(byte < 0x20 for byte in line):
            self._say("ET")
            return
        text = line.decode("latin-1")
        word, _, rest = text.partition(" ")
        if word not in LEVEL or word in self.refused:
            self._say("ES")
        elif self._waiting is not None and word not in ("@", "C"):
            self._say(f"{word} I")  # one command at a time
        else:
            if word in ("S", "SI", "SC", "SIR", "@", "C"):
                self._streaming = False
            self._carry_out(word, rest)

    def _carry_out(self, word: str, rest: str) -> None:
        handlers: dict[str, Callable[[str, str], None]] = {
            "@": self._at, "C": self._cancel, "S": self._s, "SC": self._s, "SI": self._si, "SIR": self._sir,
            "Z": self._z, "ZC": self._z, "ZI": self._z, "T": self._t, "TC": self._t, "TI": self._t,
            "TA": self._ta, "TAC": self._tac, "D": self._d, "DW": self._dw, "M21": self._m21,
        }  # fmt: skip
        if word in handlers:
            handlers[word](word, rest)
        elif rest:
            self._say(f"{word} L")
        else:
            self._inquire(word)

    def _at(self, word: str, rest: str) -> None:
        if rest:
            self._say("ES")
            return
        self._reset()
        self._say(f'I4 A "{self.serial_number}"')

    def _cancel(self, word: str, rest: str) -> None:
        self._waiting = None
        self._say("C B")
        self._say("C A")

    def _s(self, word: str, rest: str) -> None:
        self._when_stable(word, rest, lambda stable: self._say_weight("S", stable))

    def _si(self, word: str, rest: str) -> None:
        if rest:
            self._say("ES")
            return
        self.world.advance()
        self._say_weight("S", self.cell.stable())

    def _sir(self, word: str, rest: str) -> None:
        if rest:
            self._say("ES")
            return
        self._streaming = True
        self._tick()

    def _z(self, word: str, rest: str) -> None:
        self._when_stable(word, rest, lambda stable: self._set_zero(word, stable))

    def _t(self, word: str, rest: str) -> None:
        self._when_stable(word, rest, lambda stable: self._set_tare(word, stable))

    def _ta(self, word: str, rest: str) -> None:
        if rest:
            match = re.fullmatch(r"(\d+(?:\.\d*)?) (g|kg|mg)", rest)
            if match is None or match[2] != UNITS[self._unit][0]:
                self._say("TA L")
                return
            grams = float(match[1]) * 10.0 ** UNITS[self._unit][1]
            if grams > self.cell_options.capacity:
                self._say("TA L")
                return
            self._tare = self._rounded(grams)
        self._say(f"TA A {self._field(self._tare)}")

    def _tac(self, word: str, rest: str) -> None:
        if rest:
            self._say("TAC L")
            return
        self._tare = 0.0
        self._say("TAC A")

    def _d(self, word: str, rest: str) -> None:
        match = re.fullmatch(r'"([^"]*)"', rest)
        if match is None:
            self._say("D L")
            return
        self.display = match[1]
        self._say("D A")

    def _dw(self, word: str, rest: str) -> None:
        self.display = ""
        self._say("DW L" if rest else "DW A")

    def _m21(self, word: str, rest: str) -> None:
        if not rest:
            self._say(f"M21 B 0 {self._unit}")
            self._say(f"M21 A 1 {self._unit}")
            return
        channel, _, unit = rest.partition(" ")
        if channel not in ("0", "1") or unit not in UNITS:
            self._say("M21 L")
            return
        if channel == "0":  # 0 is the host's unit, 1 the display's
            self._unit = unit
        self._say("M21 A")

    def _inquire(self, word: str) -> None:
        capacity = f"{self.cell_options.capacity:.{self._decimals}f}"
        answers = {
            "I1": 'I1 A "01" "2.30" "2.22" "" ""',
            "I2": f'I2 A "{self.model} {capacity} g"',
            "I3": f'I3 A "{self.firmware}"',
            "I4": f'I4 A "{self.serial_number}"',
            "I5": f'I5 A "{self.software_id}"',
        }
        if word == "I0":
            known = [(level, name) for name, level in LEVEL.items() if name not in self.refused]
            for place, (level, name) in enumerate(sorted(known), 1):
                self._say(f'I0 {"A" if place == len(known) else "B"} {level} "{name}"')
        elif word == "I50":
            self.world.advance()
            left = self.cell_options.capacity - self.cell.reading()
            for place, value in enumerate((left, -self._tare, left)):
                self._say(f"I50 {'A' if place == 2 else 'B'} {place} {value:.3f} g")
        else:
            self._say(answers[word])

    # ---- weighing

    def _when_stable(self, word: str, rest: str, finish: Callable[[bool], None]) -> None:
        """Carry a command out at once (`..I`), at stability, or after its own time (`..C ms`)."""
        self.world.advance()
        if word.endswith("C"):
            if not rest.isdigit() or int(rest) > 65535:
                self._say(f"{word} L")
                return
            self._wait(Waiting(word, self.world.time + int(rest) / 1000.0, finish, patient=False))
        elif rest:
            self._say("ES")
        elif word.endswith("I"):
            finish(self.cell.stable())
        else:
            self._wait(Waiting(word, self.world.time + GIVES_UP, finish, patient=True))

    def _wait(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self._tick()

    def _tick(self) -> None:
        """Look at the newest sample for whoever waits for one; come again at the next while somebody does."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.world.advance()
        self._serve_waiting()
        if self._streaming:
            self._say_weight("S", self.cell.stable())
        if self._waiting is not None or self._streaming:
            self._timer = self.place.clock.loop.call_later(PERIOD, self._tick)

    def _serve_waiting(self) -> None:
        waiting = self._waiting
        if waiting is None:
            return
        stable, over = self.cell.stable(), self.world.time >= waiting.deadline - 1e-6
        outside = self._outside()
        if stable or outside or (over and not waiting.patient):
            self._waiting = None
            waiting.finish(stable)
        elif over:
            self._waiting = None
            self._say(f"{waiting.command} I")

    def _outside(self) -> str:
        """Return `+` or `-` when the load is outside the weighing range."""
        gross = self.cell.reading() - self._first_zero
        if gross > self.cell_options.capacity:
            return "+"
        return "-" if self.cell.reading() < UNDERLOAD else ""

    def _say_weight(self, word: str, stable: bool) -> None:
        outside = self._outside()
        if outside:
            self._say(f"{word} {outside}")
            return
        net = self.cell.reading() - self._zero - self._tare
        self._say(f"{word} {'S' if stable else 'D'} {self._field(net)}")

    def _set_zero(self, word: str, stable: bool) -> None:
        away = self.cell.reading() - self._first_zero
        if abs(away) > ZERO_RANGE * self.cell_options.capacity:
            self._say(f"{word} {'+' if away > 0 else '-'}")
            return
        self._zero, self._tare = self.cell.reading(), 0.0
        self._say(f"{word} A" if word == "Z" else f"{word} {'S' if stable else 'D'}")

    def _set_tare(self, word: str, stable: bool) -> None:
        gross = self.cell.reading() - self._zero
        outside = self._outside() or ("-" if gross < -50 * self.cell_options.resolution else "")
        if outside:
            self._say(f"{word} {outside}")
            return
        self._tare = self._rounded(gross)
        self._say(f"{word} {'S' if stable else 'D'} {self._field(self._tare)}")

    # ---- form

    @property
    def _decimals(self) -> int:
        digits = f"{self.cell_options.resolution:.9f}".rstrip("0")
        return len(digits.partition(".")[2])

    def _rounded(self, grams: float) -> float:
        step = self.cell_options.resolution
        return round(round(grams / step) * step, 9)

    def _field(self, grams: float) -> str:
        """Return a weight as ten columns, right-aligned, and its unit."""
        unit, more = UNITS[self._unit]
        decimals = max(0, self._decimals + more)
        value = round(self._rounded(grams) * 10.0**-more, decimals) + 0.0  # no minus zero
        return f"{value:10.{decimals}f} {unit}"

    def _say(self, text: str) -> None:
        self._send(text.encode("latin-1") + b"\r\n")

    def _reset(self) -> None:
        """Forget what was going on and the tare, as `@` does."""
        self._waiting = None
        self._streaming = False
        self._tare = 0.0

    def _switch_on(self) -> None:
        self.world.advance()
        zero = bool(self.place.options.get("zero_at_start", True))
        self._zero = self._first_zero = self.cell.reading() if zero else 0.0


def _nowhere(data: bytes) -> None:
    """Send nothing: no line is attached."""


def _refused(options: Mapping[str, JSON], *, bridge: bool) -> frozenset[str]:
    refuses = options.get("refuses", list(NOT_ON_A_BRIDGE) if bridge else [])
    if not isinstance(refuses, list) or not all(word in LEVEL for word in refuses):
        msg = f"refuses: {refuses!r} is not a list of MT-SICS commands; choose from {', '.join(LEVEL)}"
        raise InputError(msg)
    return frozenset(str(word) for word in refuses)
