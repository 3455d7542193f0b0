"""A Hamilton Microlab 600: one or two syringes, each with a valve, in Protocol 1/RNO+ (9600 7O1, lines ended by CR).

Commands and answers are those of public clients: flowchem (`ml600.py`: addresses, F H U YQP LQP LQA, the polarity of T1 on
the apparatus), and Micro-Manager's `MVPCommands.h` (bits of E1 and E2, ACK and NAK, the echo of older devices). `[M]` marks
general knowledge: what it answers while at work (NAK) and to a movement before it was initialised (NAK), that a position
reads 0 when power has come, its valve's eight places of 45 degrees each, how long valve and homing take.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, Final

from autolab.simulators.hamilton_drive import LONGEST, REACH, SHORTEST, Side
from autolab.simulators.plunger import Syringe
from autolab.simulators.simulator import Place
from autolab.simulators.talker import Talker
from autolab.simulators.world import number, part

if TYPE_CHECKING:
    from autolab.model.actions import JSON

ACK, NAK = b"\x06", b"\x15"
STROKE: Final = 60.0  # mm
_TOKEN = re.compile(
    r"LX|LP[01]\d{1,2}|LA[01]\d{1,3}|LS[TF]\d+|LQ[PATF]|YQ[PSBN]|YS[SBN]\d+|X1?|[MPD]\d+|S\d+|[IOW]|E[123]|T[12]|[UFZGHKV$R!]"
)
_NAMED: Final = {"I": 1, "O": 2, "W": 3}  # places of the letters [M]


class ML600Simulator(Talker):
    """One Microlab 600.

    Options (under `virtual.instruments.<name>`): `initialized`, `addressed` (false: as after power came), `firmware`, `dual`
    (two syringes; the instrument's `drive` says which one the world knows by its name), `chain` (units on its line, told by
    the first one), `echo` (says each command before its answer), `stuck` (movements end half-way by an overload).

    Args:
        place: Where it stands.
    """

    options: ClassVar[tuple[str, ...]] = (
        "initialized", "addressed", "firmware", "dual", "chain", "echo", "stuck",
    )  # fmt: skip
    frame_end: ClassVar[tuple[bytes, ...]] = (b"\r",)
    kept: ClassVar[tuple[str, ...]] = ("addressed", "syntax_error")

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        options = place.options
        drive = str(place.settings.get("drive", "single"))
        self.dual = bool(options.get("dual", drive != "single"))
        mine = "C" if drive == "right" else "B"
        self.sides = {
            name: self._side(place, "" if name == mine else ".other")
            for name in ("B", "C")
            if self.dual or name == mine
        }
        self.address = chr(ord("a") + place.bus)
        self.firmware = str(options.get("firmware", "NV01.02.A"))
        self.addressed = bool(options.get("addressed", True))
        self.syntax_error = False

    def _side(self, place: Place, suffix: str) -> Side:
        volume = number(place.settings, "volume_mL", 1.0)
        contents = 0.0 if suffix else number(place.settings, "contents_mL", 0.0)
        syringe = Syringe(math.sqrt(4000.0 * volume / (math.pi * STROKE)), volume, contents, valve=True)
        plunger = place.world.plunger(place.name + suffix, syringe)
        side = Side(plunger, STROKE, self.later, stuck=bool(place.options.get("stuck", False)))
        side.come_up(initialized=bool(place.options.get("initialized", True)))
        return side

    def wake(self) -> None:
        """Come up: without an address, and not initialised."""
        self.addressed, self.syntax_error = False, False
        for side in self.sides.values():
            side.come_up(initialized=False)

    def is_safe(self) -> bool:
        """Say whether nothing moves."""
        self.world.advance()
        return not any(side.busy for side in self.sides.values())

    def snapshot(self) -> dict[str, JSON]:
        """Return its state."""
        return {**super().snapshot(), **{name: side.to_json() for name, side in self.sides.items()}}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go on from `snapshot`."""
        super().restore(state)
        for name, side in self.sides.items():
            side.from_json(part(state, name))

    # ---- the line ----------------------------------------------------------------------------------------------

    def hear(self, frame: bytes) -> None:
        """Take one line."""
        text = frame.lstrip(b"\n").decode("ascii", "replace")
        self.world.advance()
        if text == "1a":
            self.addressed = True
            if self.place.bus == 0:
                units = int(number(self.place.options, "chain", 1))
                self.say(b"1" + bytes([ord("a") + units]) + b"\r")
            return
        if not self.addressed or text[:1] not in (self.address, ":"):
            return
        answer = self._obey(text[1:])
        if text[0] == ":":
            return  # everybody hears it, and nobody answers
        if self.place.options.get("echo", False):
            self.say(frame + b"\r")
        self.say((NAK if answer is None else ACK + answer.encode("ascii")) + b"\r")

    # ---- commands ----------------------------------------------------------------------------------------------

    def _obey(self, text: str) -> str | None:
        """Carry a line out; return the data of its answer, None to refuse it."""
        name, text = (text[0], text[1:]) if text[:1] in ("B", "C") else ("", text)
        tokens = _TOKEN.findall(text)
        side = self.sides.get(name or next(iter(self.sides)))
        if not tokens or "".join(tokens) != text or side is None:
            self.syntax_error = True
            return None
        query = self._queries(side).get(tokens[0])
        if query is not None and tokens[1:] in ([], ["R"]):
            return query()
        if tokens[0] in "KV$":
            return self._control(tokens[0], name)
        return self._queue(tokens, name, side)

    def _queries(self, side: Side) -> dict[str, Callable[[], str]]:
        return {
            "U": lambda: self.firmware,
            "H": lambda: "N" if self.dual else "Y",
            "F": self._done,
            "Z": lambda: _yes(bool(side.syringe_error)),
            "G": lambda: _yes(bool(side.valve_error)),
            "E1": self._status,
            "E2": self._errors,
            "E3": lambda: "@",
            "T1": self._idle,
            "T2": lambda: "@",
            "YQP": lambda: str(side.position),
            "YQS": lambda: str(side.values["S"]),
            "YQB": lambda: str(side.values["B"]),
            "YQN": lambda: str(side.values["N"]),
            "LQP": lambda: str(side.angle // 45 + 1),
            "LQA": lambda: str(side.angle),
            "LQT": lambda: "12",
            "LQF": lambda: str(side.values["F"]),
        }

    def _done(self) -> str:
        if any(side.busy for side in self.sides.values()):
            return "*"
        return "N" if any(side.waiting for side in self.sides.values()) else "Y"

    def _status(self) -> str:
        sides = self.sides.values()
        bits = (
            any(side.waiting and not side.busy for side in sides),
            any(side.plunger.moving for side in sides),
            any(side.turning for side in sides),
            self.syntax_error,
            any(side.syringe_error or side.valve_error for side in sides),
        )
        self.syntax_error = False
        return chr(0x40 | sum(bit << at for at, bit in enumerate(bits)))

    def _errors(self) -> str:
        """Return the errors of left syringe and valve, right syringe and valve; 50h where there is none."""
        sides = [self.sides.get(name) for name in ("B", "C")]
        if not self.dual:
            sides = [next(iter(self.sides.values())), None]
        return "".join(
            "PP" if one is None else chr(0x40 | one.syringe_error) + chr(0x40 | one.valve_error) for one in sides
        )

    def _idle(self) -> str:
        """Return T1 as the apparatus does, against its manual: a bit is 1 where nothing is at work."""
        byte = 0x70
        for at, name in enumerate(("B", "C")):
            side = self.sides.get(name)
            byte |= (side is None or not side.turning) << (2 * at)
            byte |= (side is None or not side.plunger.moving) << (2 * at + 1)
        return chr(byte)

    def _control(self, letter: str, name: str) -> str:
        for key, side in self.sides.items():
            if name in ("", key):
                {"K": side.halt, "V": side.clear, "$": side.go}[letter]()
        return ""

    def _queue(self, tokens: list[str], name: str, side: Side) -> str | None:
        """Put commands into the buffer, and carry them out behind `R`."""
        execute = tokens[-1] == "R"
        steps = _steps(tokens[:-1] if execute else tokens)
        if steps is None:
            self.syntax_error = True
            return None
        everybody = [step[0] for step in steps] == ["X"] and not name
        sides = list(self.sides.values()) if everybody else [side]
        if any(one.busy or (not one.initialized and _needs(steps)) for one in sides):
            return None
        for one in sides:
            one.waiting += steps
            if execute:
                one.go()
        return ""


def _needs(steps: list[tuple[str, int, int]]) -> bool:
    """Say whether a movement stands before any initialising."""
    first = next((letter for letter, *_ in steps if letter in "XMPDL"), "")
    return first in ("M", "P", "D")


def _steps(tokens: list[str]) -> list[tuple[str, int, int]] | None:
    """Return what each command does: letter, number, seconds of a stroke (0: as usual); None where a number is wrong."""
    steps: list[tuple[str, int, int]] = []
    for token in tokens:
        letters = re.match(r"[A-Z$]+", token)
        letter, value = (letters[0] if letters else ""), token[len(letters[0]) if letters else 0 :]
        amount = int(value) if value else 0
        if letter == "S":
            if not steps or steps[-1][0] not in "XMPD" or not SHORTEST <= amount <= LONGEST:
                return None
            steps[-1] = (*steps[-1][:2], amount)
        elif letter in ("M", "P", "D"):
            if amount > REACH:
                return None
            steps.append((letter, amount, 0))
        elif letter in ("LP", "LA"):
            amount = int(value[1:])
            if not (1 <= amount <= 8 if letter == "LP" else amount <= 359):
                return None
            steps.append(("L", (amount - 1) * 45 if letter == "LP" else amount, 0))
        elif letter in _NAMED:
            steps.append(("L", (_NAMED[letter] - 1) * 45, 0))
        elif letter in ("X", "LX"):
            steps.append(("X" if letter == "X" else "V", amount, 0))
        elif letter in ("YSS", "YSB", "YSN", "LSF", "LST"):
            steps.append((letter[-1] if letter != "LST" else "T", amount, -1))
        else:
            return None
    return steps


def _yes(is_so: bool) -> str:
    return "Y" if is_so else "N"
