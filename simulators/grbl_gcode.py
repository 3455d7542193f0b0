"""What GRBL 1.1 makes of a line of G-code: its modal state, its errors by number, and the motion that comes of it.

Arcs, probing and stored positions are left out: they are answered as unsupported (error 20).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Final

AXES: Final = "XYZ"
INCH: Final = 25.4
MODES: Final = ("motion", "system", "plane", "units", "distance", "feed", "stop", "spindle", "coolant")
_WORD: Final = re.compile(r"([A-Z])([-+]?(?:\d+\.?\d*|\.\d+))")
_GROUPS: Final = {
    "motion": ("G0", "G1", "G80"), "system": ("G54", "G55", "G56", "G57", "G58", "G59"), "plane": ("G17", "G18", "G19"),
    "units": ("G20", "G21"), "distance": ("G90", "G91"), "feed": ("G93", "G94"), "stop": ("M0", "M1", "M2", "M30"),
    "spindle": ("M3", "M4", "M5"), "coolant": ("M7", "M8", "M9"), "other": ("G4", "G10", "G53", "G92"),
    "none": ("G40", "G49", "G61", "G91.1"),
}  # fmt: skip
_GROUP_OF: Final = {word: group for group, words in _GROUPS.items() for word in words}


class GcodeError(Exception):
    """A line that is not executed; its number as GRBL tells it."""


@dataclass(frozen=True)
class Motion:
    """A straight line, in machine coordinates.

    Attributes:
        target: mm.
        feed: mm/s; infinite for a rapid move.
    """

    target: tuple[float, ...]
    feed: float


@dataclass(frozen=True)
class Dwell:
    """A pause that waits for all motions before it, s."""

    seconds: float


@dataclass
class Parser:
    """The parser's state, which a reset puts back but for the offsets of the coordinate systems.

    Attributes:
        modes: Group -> word in force.
        feed: mm/min; 0 when none was given.
        place: Where the last motion ends, machine coordinates, mm.
        offsets: Of G54 to G59, mm.
        shift: Of G92, mm.
    """

    place: list[float]
    offsets: dict[str, list[float]] = field(default_factory=lambda: {f"G{54 + n}": [0.0] * 3 for n in range(6)})
    modes: dict[str, str] = field(default_factory=dict)
    feed: float = 0.0
    shift: list[float] = field(default_factory=lambda: [0.0] * 3)

    def reset(self) -> None:
        """Forget what a reset forgets."""
        self.modes = {
            "motion": "G0", "system": "G54", "plane": "G17", "units": "G21", "distance": "G90", "feed": "G94",
            "spindle": "M5", "coolant": "M9",
        }  # fmt: skip
        self.feed, self.shift = 0.0, [0.0] * 3

    @property
    def offset(self) -> list[float]:
        """Work coordinate offset, mm."""
        return [a + b for a, b in zip(self.offsets[self.modes["system"]], self.shift, strict=True)]

    def told(self) -> str:
        """Return the state as `$G` tells it."""
        words = " ".join(self.modes[group] for group in MODES if group in self.modes)
        return f"[GC:{words} T0 F{self.feed:.0f} S0]"

    def execute(self, line: str, *, jog: bool = False) -> Motion | Dwell | None:
        """Take a line and return what it does.

        Raises:
            GcodeError: It is not executed, and changes nothing.
        """
        words = self._words(line)
        before = (dict(self.modes), self.feed)
        try:
            return self._apply(words, jog=jog)
        except GcodeError:
            self.modes, self.feed = before
            raise
        finally:
            if jog:  # jogging leaves the modes as they were
                self.modes, self.feed = before

    def _words(self, line: str) -> list[tuple[str, float]]:
        words, at = [], 0
        while at < len(line):
            found = _WORD.match(line, at)
            if found is None:
                raise GcodeError("2" if line[at].isalpha() else "1")
            words.append((found[1], float(found[2])))
            at = found.end()
        return words

    def _apply(self, words: list[tuple[str, float]], *, jog: bool) -> Motion | Dwell | None:
        codes, values = self._sort(words)
        if jog and (codes.keys() - {"units", "distance", "other"} or codes.get("other", "G53") != "G53"):
            raise GcodeError("16")
        other = codes.pop("other", "")
        self.modes.update({group: code for group, code in codes.items() if group not in ("none", "stop")})
        scale = INCH if self.modes["units"] == "G20" else 1.0
        if "F" in values:
            self.feed = values.pop("F") * scale
        axes = {name: values.pop(name) * scale for name in AXES if name in values}
        if other == "G4":
            return self._dwell(values)
        if other in ("G10", "G92"):
            self._shift(other, values, axes)
            return None
        if values.keys() - set("NST"):
            raise GcodeError("36")
        if not axes:
            if other == "G53" or (jog and not axes):
                raise GcodeError("26")
            return None
        return self._move(axes, machine=other == "G53", jog=jog)

    def _sort(self, words: list[tuple[str, float]]) -> tuple[dict[str, str], dict[str, float]]:
        """Return the code of each group, and the values by letter."""
        codes: dict[str, str] = {}
        values: dict[str, float] = {}
        for letter, value in words:
            if letter in "GM":
                code = f"{letter}{value:g}"
                group = _GROUP_OF.get(code)
                if group is None:
                    raise GcodeError("20")
                if group in codes and group != "none":
                    raise GcodeError("21")
                codes[group] = code
            elif letter not in "FNPSTLXYZ":
                raise GcodeError("20")
            elif letter in values:
                raise GcodeError("25")
            else:
                values[letter] = value
        return codes, values

    def _dwell(self, values: dict[str, float]) -> Dwell:
        if "P" not in values:
            raise GcodeError("28")
        if values["P"] < 0:
            raise GcodeError("4")
        return Dwell(values["P"])

    def _shift(self, code: str, values: dict[str, float], axes: dict[str, float]) -> None:
        if not axes:
            raise GcodeError("26")
        system = self.modes["system"]
        if code == "G10":
            if "P" not in values or values.get("L") not in (2.0, 20.0):
                raise GcodeError("28" if "P" not in values else "20")
            if not 0 <= values["P"] <= 6:
                raise GcodeError("29")
            system = f"G{53 + int(values['P'])}" if values["P"] else system
        for name, value in axes.items():
            at = AXES.index(name)
            if code == "G92":
                self.shift[at] = self.place[at] - self.offsets[system][at] - value
            else:
                self.offsets[system][at] = value if values["L"] == 2.0 else self.place[at] - self.shift[at] - value

    def _move(self, axes: dict[str, float], *, machine: bool, jog: bool) -> Motion:
        motion = self.modes["motion"]
        if motion == "G80" and not jog:
            raise GcodeError("30" if machine else "31")
        if (motion == "G1" or jog) and self.feed <= 0:
            raise GcodeError("22")
        target = list(self.place)
        for name, value in axes.items():
            at = AXES.index(name)
            if machine:
                target[at] = value
            elif self.modes["distance"] == "G91":
                target[at] += value
            else:
                target[at] = value + self.offset[at]
        return Motion(tuple(target), math.inf if motion == "G0" and not jog else self.feed / 60)
