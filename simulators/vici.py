"""A VICI actuator with its valve, which speaks short commands that end with CR (9600 8N1).

The commands and their answers are those of the maker's manuals (EUH/EUD/EUT universal, two-position and multiposition
microelectric). `[M]` marks general knowledge: what it answers while it turns, how long a step takes, what it says to
what it does not know, the lines of `VR` of a universal actuator, and that `HM` takes a two-position valve to A.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from autolab.model.errors import InputError
from autolab.simulators.rotor import Rotor
from autolab.simulators.simulator import Place
from autolab.simulators.talker import Talker
from autolab.simulators.world import number

if TYPE_CHECKING:
    from autolab.model.actions import JSON

STEP = 0.15  # s from one position to the next [M]
LEARNING = 2.5  # s [M]
LONGEST_DELAY = 65535  # ms
VERSIONS = {
    "universal": ("UMH-CE-2.3", "Apr 20 2023", "MAIN PCB", "REV B", "VICI AG"),
    "microelectric": ("I-PD-EDF56RC.7", "08/19/2010"),
}
BUSY = ("live", "silent", "holds")
_WORD = re.compile(r"(\*ID\*|/\?|STAT|LRN|IFM|CNT|DEL|[A-Z]{2})(.*)")
_WAYS: dict[str, Literal["shortest", "up", "down"]] = {"A": "shortest", "F": "up", "R": "down"}


class ValveSimulator(Talker):
    """An actuator: it turns its rotor through the positions, and says little.

    Options (under `virtual.instruments.<name>` in the lab file): `id` (0-9 or A-Z, set at the actuator before),
    `dialect` (`universal`, `microelectric`), `positions` (what it is set to, where that is not what is declared),
    `rotation` (`A`, `F`, `R`: what SM says), `response` (0, 1, 2: what IFM says), `busy` (what CP does while it turns:
    `live` tells the last position passed, `silent` nothing, `holds` answers in the end), `stuck`, `step_s`, `at`.

    Args:
        place: Where it stands.

    Attributes:
        rotor: What turns.
        positions: As NP is set.
        mode: 1 and 2 for two positions, 3 for more, as AM is set.
    """

    frame_end: ClassVar[tuple[bytes, ...]] = (b"\r\n", b"\r", b"\n")
    options: ClassVar[tuple[str, ...]] = (
        "id", "dialect", "positions", "rotation", "response", "busy", "stuck", "step_s", "at",
    )  # fmt: skip
    kept: ClassVar[tuple[str, ...]] = ("ident", "mode", "positions", "rotation", "response", "delay", "offset", "count")

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        options = place.options
        self.dialect = _choice(options, "dialect", ("universal", "microelectric"))
        self.busy = _choice(options, "busy", BUSY)
        self.rotation = _choice(options, "rotation", tuple(_WAYS))
        self.positions = int(number(options, "positions", number(place.settings, "positions", 10)))
        self.mode = 1 if self.positions == 2 else 3
        self.ident = str(options.get("id", place.settings.get("device_id") or (place.bus or "")))
        self.response, self.delay, self.offset, self.count = int(number(options, "response", 0)), 0, 1, 0
        self.long = self.dialect == "microelectric"
        self.rotor = Rotor(self, self.positions, number(options, "step_s", STEP))
        self.rotor.stuck = bool(options.get("stuck", False))
        self.rotor.at = int(number(options, "at", 1))
        self._held: list[str] = []

    def wake(self) -> None:
        """Come up: the rotor stays where it lost power; settings are kept."""
        self.rotor.stop()
        self.rotor.between = False  # it finds the place behind it by its encoder [M]
        self._held = []

    def is_safe(self) -> bool:
        """Say whether the rotor stands."""
        return not self.rotor.moving

    def snapshot(self) -> dict[str, JSON]:
        """Return its state as JSON."""
        return {**super().snapshot(), "at": self.rotor.at}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go on from `snapshot`."""
        super().restore(state)
        self.rotor.stand(int(str(state["at"])))

    # ---- hearing and saying --------------------------------------------------------------------------------------

    def hear(self, frame: bytes) -> None:
        """Take one command."""
        text = self._addressed(frame.decode("latin-1").strip())
        if not text:
            return
        if self.rotor.moving and self.busy == "silent":
            return
        found = _WORD.fullmatch(text)
        commands: dict[str, Callable[[str], str | None]] = {
            "CP": self._position, "GO": self._go, "CW": self._cw, "CC": self._cc, "HM": self._home, "TO": self._toggle,
            "TT": self._timed, "LRN": self._learn, "NP": self._set_positions, "AM": self._set_mode, "SM": self._set_way,
            "DT": self._set_delay, "ID": self._set_id, "*ID*": self._clear_id, "IFM": self._set_response,
            "LG": self._set_long, "SO": self._set_offset, "CNT": self._set_count, "SB": self._speed,
            "VR": self._version, "STAT": self._state, "/?": self._help,
        }  # fmt: skip
        answer: str | None = None
        if found is None or found[1] not in commands:
            answer = self._bad(text)
        else:
            try:
                answer = commands[found[1]](found[2])
            except ValueError:
                answer = self._bad(text)
        if answer is not None:
            self._answer(answer)

    def _addressed(self, text: str) -> str:
        """Return the command without its address; empty when another is meant."""
        forms = [f"/{self.ident or 'Z'}", f"/Z{self.ident}", self.ident or None]
        if text.startswith("*"):
            return text if text == "*ID*" else text[1:]
        for form in sorted((form for form in forms if form), key=len, reverse=True):
            if text.startswith(form):
                return text.removeprefix(form)
        return "" if self.ident or (text.startswith("/") and text != "/?") else text

    def _answer(self, text: str) -> None:
        if self.rotor.moving and self.busy == "holds":
            self._held.append(text)
        else:
            self.say(text.encode("latin-1") + b"\r")

    def _bad(self, text: str) -> str:
        return "what?" if self.dialect == "microelectric" else f"{text} = Bad command"

    def _value(self, word: str, value: object) -> str:
        return f"{word} = {value}" if self.long else f"{word}{value}"

    # ---- moving ----------------------------------------------------------------------------------------------------

    @property
    def two(self) -> bool:
        """Whether it has the positions A and B."""
        return self.mode != 3

    def _named(self) -> str:
        return "AB"[self.rotor.at - 1] if self.two else f"{self.rotor.at + self.offset - 1:02d}"

    def _position(self, argument: str) -> str:
        _none(argument)
        if not self.long:
            return f"CP{self._named()}"
        return f'Position is "{self._named()}"' if self.two else f"Position is  = {self._named().lstrip('0')}"

    def _turn(self, place: int, way: Literal["shortest", "up", "down"], echo: str) -> str | None:
        """Turn to a place; answer as IFM says. `HM`, and `CW` and `CC` to where it stands, are ignored."""
        if place == self.rotor.at and not self.rotor.moving and echo in ("HM", "CW", "CC"):
            return None
        self.count = (self.count + (place != self.rotor.at)) % (LONGEST_DELAY + 1)
        answer = echo if self.response else None
        if answer is not None and echo.startswith(("HM", "TO", "LRN")):
            answer = None
            self.rotor.go(place, way, lambda: self._arrived(self._position("")))
        else:
            self.rotor.go(place, way, self._arrived)
        return answer

    def _arrived(self, *answers: str) -> None:
        held, self._held = [*self._held, *answers], []
        for answer in held:
            self.say(answer.encode("latin-1") + b"\r")

    def _number(self, argument: str) -> int:
        """Return the place (from 1) that is meant.

        Raises:
            ValueError: There is none.
        """
        if self.two:
            return {"A": 1, "B": 2}[argument] if argument in ("A", "B") else _fail()
        place = _whole(argument, self.offset, self.offset + self.positions - 1)
        return place - self.offset + 1

    def _next(self, step: int) -> int:
        return (self.rotor.at - 1 + step) % self.rotor.ports + 1

    def _go(self, argument: str) -> str | None:
        place = self._number(argument) if argument else self._next(1)
        return self._turn(place, "shortest" if self.two else _WAYS[self.rotation], f"GO{argument}")

    def _cw(self, argument: str) -> str | None:
        if self.two:
            _none(argument)
            return self._turn(1, "shortest", "CW")
        return self._turn(self._number(argument) if argument else self._next(1), "up", f"CW{argument}")

    def _cc(self, argument: str) -> str | None:
        if self.two:
            _none(argument)
            return self._turn(2, "shortest", "CC")
        return self._turn(self._number(argument) if argument else self._next(-1), "down", f"CC{argument}")

    def _home(self, argument: str) -> str | None:
        _none(argument)
        return self._turn(1, "shortest" if self.two else _WAYS[self.rotation], "HM")

    def _toggle(self, argument: str) -> str | None:
        _none(argument)
        return self._turn(3 - self.rotor.at, "shortest", "TO") if self.two else _fail_text()

    def _timed(self, argument: str) -> str | None:
        """Go to the other position, and come back after the delay; nothing with a delay of 0."""
        _none(argument)
        if not self.two or self.delay == 0:
            return None
        back = self.rotor.at
        self.later(self.rotor.step_s + self.delay / 1000, lambda: self.rotor.go(back, "shortest", self._arrived))
        return self._turn(3 - back, "shortest", "TT")

    def _learn(self, argument: str) -> str | None:
        """Go to both stops, and end at A."""
        _none(argument)
        if self.mode != 1:
            return _fail_text()
        self.later(LEARNING, lambda: self.rotor.go(1, "shortest", lambda: self._learned()))
        self.rotor.go(3 - self.rotor.at, "shortest", _nothing)
        return None

    def _learned(self) -> None:
        self._arrived(*([self._position("")] if self.response else []))

    # ---- settings ----------------------------------------------------------------------------------------------------

    def _set_positions(self, argument: str) -> str | None:
        if not argument:
            return self._value("NP", f"{self.positions:02d}" if not self.long else self.positions)
        self.positions = _whole(argument, 2, 96)
        self.rotor.ports = 2 if self.two else self.positions
        return None

    def _set_mode(self, argument: str) -> str | None:
        if self.dialect == "microelectric":
            return _fail_text()
        if not argument:
            return self._value("AM", self.mode)
        self.mode = _whole(argument, 1, 3)
        self.rotor.ports = 2 if self.two else self.positions
        self.rotor.at = min(self.rotor.at, self.rotor.ports)
        return None

    def _set_way(self, argument: str) -> str | None:
        if self.two:
            return _fail_text()
        if not argument:
            return self._value("SM", self.rotation)
        self.rotation = argument if argument in _WAYS else str(_fail())
        return None

    def _set_delay(self, argument: str) -> str | None:
        if not argument:
            return self._value("DT", self.delay)
        self.delay = _whole(argument, 0, LONGEST_DELAY)
        return None

    def _set_id(self, argument: str) -> str | None:
        if not argument:
            return f"ID = {self.ident or 'not used'}"
        if argument == "*":
            self.ident = ""
        else:
            self.ident = argument if re.fullmatch("[0-9A-Z]", argument) else str(_fail())
        return None

    def _clear_id(self, argument: str) -> None:
        _none(argument)
        self.ident = ""

    def _set_response(self, argument: str) -> str | None:
        if argument:
            self.response = _whole(argument, 0, 2)
        return self._value("IFM", self.response) if self.response or not argument else None

    def _set_long(self, argument: str) -> None:
        self.long = bool(_whole(argument, 0, 1))

    def _set_offset(self, argument: str) -> str | None:
        if not argument:
            return self._value("SO", self.offset)
        self.offset = _whole(argument, 1, 96 - self.positions)
        return None

    def _set_count(self, argument: str) -> str | None:
        if not argument:
            return self._value("CNT", self.count)
        self.count = _whole(argument, 0, LONGEST_DELAY)
        return None

    def _speed(self, argument: str) -> str:
        _none(argument)
        return self._value("SB", self.baud)

    def _version(self, argument: str) -> str:
        if argument not in ("", "2"):
            _fail()
        return "\r".join(VERSIONS[self.dialect])

    def _state(self, argument: str) -> str:
        _none(argument)
        return "\r".join([f"CP{self._named()}", f"AM{self.mode}", f"NP{self.positions:02d}", f"SM{self.rotation}"])

    def _help(self, argument: str) -> str:
        _none(argument)
        return "\r".join(["AM", "CC", "CNT", "CP", "CW", "DT", "GO", "HM", "ID", "IFM", "LRN", "NP", "SM", "TO", "VR"])


def _none(argument: str) -> None:
    if argument:
        _fail()


def _whole(argument: str, low: int, high: int) -> int:
    """Return a whole number from `low` to `high`.

    Raises:
        ValueError: It is none.
    """
    if not re.fullmatch(r"\d{1,5}", argument) or not low <= int(argument) <= high:
        _fail()
    return int(argument)


def _fail() -> int:
    raise ValueError


def _fail_text() -> str:
    raise ValueError


def _nothing() -> None:
    """Do nothing at a stop."""


def _choice(options: Mapping[str, JSON], key: str, known: tuple[str, ...]) -> str:
    value = str(options.get(key, known[0]))
    if value not in known:
        msg = f"{key}: {value!r} is none; write {', '.join(known)}"
        raise InputError(msg)
    return value
