"""A Sartorius balance that speaks SBI (9600 8O1; over Ethernet on port 49155).

The facts are those of the project's instrument sheet and of the maker's descriptions (Entris II, technical note 10/2020,
pages 3 and 4; Combics, page 98; Cubis MSE, "Data Interfaces"): the commands, that CR LF behind them may be left out, the
columns of a line, that the unit stays blank while a weight is not stable, and the forms of status and error lines. `[M]`
marks general knowledge: that taring and zeroing wait for stability and are given up silently after some time, that a zero
outside its range changes nothing, where `High`, `OFF` and `Cal.Int.` begin, and how long an adjustment takes.

    N     +  123.4567 g    CR LF        columns 1-6 what it is, 7 sign, 8-16 number, 18-20 unit
    Stat     ERR  55       CR LF        columns 10-12 ERR, 14-16 its number
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, Final

from autolab.model.errors import InputError
from autolab.simulators.simulator import Place
from autolab.simulators.talker import Talker
from autolab.simulators.weighing import OPTIONS, PERIOD, WeighingCell, cell_options
from autolab.simulators.world import number, part

if TYPE_CHECKING:
    from autolab.model.actions import JSON

ESC: Final = b"\x1b"
COMMAND: Final = re.compile(rb"\x1b(?:([?@A-Z])|([a-z][A-Za-z]?\d{0,2})_)")
WHOLE: Final = 6  # bytes that the longest command has
UNDERLOAD: Final = -5.0  # g on the cell: the pan has been taken off
ZERO_RANGE: Final = 0.02  # of the capacity, around the zero found at switching on
GIVES_UP: Final = 30.0  # s of waiting for stability [M]
ADJUSTS: Final = 8.0  # s [M]
UNITS: Final[Mapping[str, tuple[float, int]]] = {"g": (1.0, 0), "kg": (1e-3, 3), "mg": (1e3, -3)}


class BalanceSimulator(Talker):
    """A balance: what lies on its pan, weighed by a real cell, told in SBI.

    Options (under `virtual.instruments.<name>` in the lab file): `model`, `serial_number`, `firmware`, `columns` (22, or 16:
    without the first six), `unit` (g, kg, mg), `prints` (`always`, or `stable`: waits for stability), `tare_line` (it says
    its weight after taring), `capacity_g`, `resolution_g`, and the cell's `response_s`, `white_g`, `sway_g`, `drift_g`.

    Args:
        place: Where it stands.

    Attributes:
        on: Whether its display is on; its plug is in anyway.
        locked: Whether its keys are.
        unit: In which it tells weights.
    """

    options: ClassVar[tuple[str, ...]] = (
        "model", "serial_number", "firmware", "columns", "unit", "prints", "tare_line", *OPTIONS,
    )  # fmt: skip
    kept: ClassVar[tuple[str, ...]] = ("zero", "first_zero", "tare", "on", "locked", "unit", "filter")

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        options = place.options
        self.model = str(options.get("model", "ENTRIS224I-1S"))
        self.serial_number = str(options.get("serial_number", place.settings.get("serial_number") or "0037454321"))
        self.firmware = str(options.get("firmware", "00-37-09"))
        self.short = number(options, "columns", 22) == 16
        self.unit = str(options.get("unit", "g"))
        if self.unit not in UNITS:
            msg = f"unit: {self.unit!r} is none; choose from {', '.join(UNITS)}"
            raise InputError(msg)
        self.patient = options.get("prints", "always") == "stable"
        self.tells_tare = bool(options.get("tare_line", False))
        self.cell_options = cell_options(options, place.noise)
        self.pan = self.world.pan(place.name)
        self.cell = WeighingCell(self.cell_options, self.world, load=self.pan.load, seed=place.seed)
        self.pan.cell = self.cell
        self.on, self.locked, self.filter = True, False, "L"
        self.zero = self.first_zero = self.tare = 0.0
        self._waiting: list[tuple[float, Callable[[], None]]] = []  # until when (s), and what for
        self._adjusting = False
        self._find_zero()

    # ---- the line ----------------------------------------------------------------------------------------------

    def take(self) -> bytes | None:
        """Return the next command, from behind its ESC; whatever stands between commands is passed over."""
        begin = self._line.find(ESC)
        if begin < 0:
            self._line = b""
            return None
        self._line = self._line[begin:]
        found = COMMAND.match(self._line)
        if found is not None:
            self._line = self._line[found.end() :]
            return found[1] or found[2]
        if len(self._line) > WHOLE or ESC in self._line[1:] or b"\r" in self._line:
            self._line = self._line[1:]  # no command
            return self.take()
        return None

    def hear(self, frame: bytes) -> None:
        """Carry one command out."""
        self.world.advance()
        word = frame.decode("ascii")
        answers = {"x1": self.model, "x2": self.serial_number, "x3": self.firmware}
        commands: dict[str, Callable[[], None]] = {
            "P": self._print, "kP": self._print, "T": self._tare_or_zero, "U": self._tare_key, "f4": self._tare_key,
            "V": self._zero_key, "f3": self._zero_key, "Z": self._adjust, "S": self.power_cycle, "s3": self._waiting.clear,
        }  # fmt: skip
        if word in answers:
            self.say(f"{answers[word]:>20}\r\n".encode("latin-1"))
        elif word in commands:
            commands[word]()
        elif word in "OR":
            self.locked = word == "O"
        elif word in "KLMN":
            self.filter = word

    # ---- weighing ----------------------------------------------------------------------------------------------

    def stable(self) -> bool:
        """Say whether a weight would be told as stable now."""
        return self.cell.stable() and not self._waiting

    def _print(self) -> None:
        special = self._special()
        if special:
            self._say_status(special)
        elif self.patient and not self.stable():
            self._when_stable(self._say_weight)
        else:
            self._say_weight()

    def _special(self) -> str:
        """Return what it tells instead of a weight; nothing where it has one."""
        if not self.on:
            return f"{'OFF':>8}"
        if self._adjusting:
            return "   Cal.Int."
        if self.cell.reading() - self.first_zero > self.cell_options.capacity:
            return "   ERR  55"
        return "   ERR  54" if self.cell.reading() < UNDERLOAD else ""

    def _say_status(self, body: str) -> None:
        self._say_line("Stat", body)

    def _say_weight(self) -> None:
        """Say the weight: the unit stays blank unless it is stable."""
        factor, more = UNITS[self.unit]
        step = self.cell_options.resolution
        grams = round(round((self.cell.reading() - self.zero - self.tare) / step) * step, 9)
        decimals = max(0, len(f"{step:.9f}".rstrip("0").partition(".")[2]) + more)
        value = round(grams * factor, decimals)
        sign = "-" if value < 0 else "+" if value > 0 else " "
        self._say_line("N", f"{sign}{abs(value):9.{decimals}f} {self.unit if self.stable() else '':<3}")

    def _say_line(self, what: str, body: str) -> None:
        self.say((f"{body:<14}" if self.short else f"{what:<6}{body:<14}").encode("ascii") + b"\r\n")

    # ---- taring and zeroing ------------------------------------------------------------------------------------

    def _tare_or_zero(self) -> None:
        self._when_stable(self._zero if self._near_zero() else self._tare)

    def _tare_key(self) -> None:
        self._when_stable(self._tare)

    def _zero_key(self) -> None:
        self._when_stable(self._zero)

    def _near_zero(self) -> bool:
        return abs(self.cell.reading() - self.first_zero) <= ZERO_RANGE * self.cell_options.capacity

    def _tare(self) -> None:
        self.tare = self.cell.reading() - self.zero
        if self.tells_tare:
            self._say_weight()

    def _zero(self) -> None:
        if self._near_zero():
            self.zero, self.tare = self.cell.reading(), 0.0
        if self.tells_tare:
            self._say_weight()

    def _when_stable(self, act: Callable[[], None]) -> None:
        """Do something once the weight is stable; it is given up silently when that does not come."""
        if not self.on or self._special():
            return
        self._waiting.append((self.world.time + GIVES_UP, act))
        if len(self._waiting) == 1:
            self._tick()

    def _tick(self) -> None:
        self.world.advance()
        due, self._waiting = self._waiting, []
        if self.cell.stable():
            for _, act in due:
                act()
            return
        self._waiting = [(until, act) for until, act in due if self.world.time < until]
        if self._waiting:
            self.later(PERIOD, self._tick)

    def _adjust(self) -> None:
        self._adjusting = True
        self.later(ADJUSTS, self._adjusted)

    def _adjusted(self) -> None:
        self._adjusting = False

    # ---- power, state ------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Come up: tare and zero are found anew."""
        self._waiting.clear()
        self.on, self.locked, self._adjusting = True, False, False
        self._find_zero()

    def _find_zero(self) -> None:
        self.world.advance()
        self.zero = self.first_zero = self.cell.reading()
        self.tare = 0.0

    def is_safe(self) -> bool:
        """A balance always is."""
        return True

    def reseed(self, seed: int) -> None:
        """Draw its noise anew."""
        super().reseed(seed)
        self.cell.reseed(seed)

    def snapshot(self) -> dict[str, JSON]:
        """Return its state as JSON."""
        return {**super().snapshot(), "cell": self.cell.snapshot()}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go on from `snapshot`; what was waiting is forgotten."""
        super().restore(state)
        self._waiting.clear()
        self._adjusting = False
        self.cell.restore(part(state, "cell"))
