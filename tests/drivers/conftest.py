"""Far ends of scripted lines, written from the fact sheet for these tests alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from autolab.drivers.testing import ScriptedChannel
from autolab.drivers.wire import Ports
from autolab.model.clock import Clock


class PumpModel:
    """A pump that moves by the clock it is given; `answer` is the far end of its line.

    Attributes:
        heard: Commands as received, without address.
        alarm: Reported (and thereby cleared) instead of the next status.
        stall_at: mL of a run at which the motor stalls.
        fault: Called with (command, reply bytes) -> what is sent instead.
    """

    def __init__(self, clock: Clock, address: int = 0) -> None:
        self.clock, self.address = clock, address
        self.heard: list[str] = []
        self.alarm = ""
        self.stall_at: float | None = None
        self.fault: Callable[[str, bytes], list[Any]] | None = None
        self.diameter, self.unit, self.version = 10.0, "UL", "NE1000V3.928"
        self.volume, self.rate, self.direction = "0.000", ("1.000", "MM"), "INF"
        self.counters = {"INF": 0.0, "WDR": 0.0}  # in mL
        self.state = "S"
        self._begun = 0.0
        self._before = 0.0
        self._held = b""

    def power_cycle(self) -> None:
        self.counters = {"INF": 0.0, "WDR": 0.0}
        self.state, self.alarm = "S", "R"

    def answer(self, data: bytes) -> list[Any]:
        self._held += data
        replies: list[Any] = []
        while b"\r" in self._held:
            line, _, self._held = self._held.partition(b"\r")
            replies += self._line(line)
        return replies

    def _line(self, line: bytes) -> list[Any]:
        found = re.fullmatch(r"(\d*)([A-Z]*)([0-9.]*)([A-Z]*)", line.decode().replace(" ", ""))
        if found is None or found[1] == "" or int(found[1]) != self.address:
            return []
        command = "".join(found.groups()[1:])
        self.heard.append(command)
        self._move()
        said = self._obey(found[2], found[3], found[4])
        status = f"A?{self.alarm}" if self.alarm else self.state
        self.alarm = ""
        reply = f"\x02{self.address:02d}{status}{said}\x03".encode()
        return [reply] if self.fault is None else self.fault(command, reply)

    def _move(self) -> None:
        if self.state not in "IW":
            return
        number, unit = self.rate
        speed = float(number) * {"MM": 1.0, "UM": 1e-3, "MH": 1 / 60, "UH": 1e-3 / 60}[unit] / 60
        target = float(self.volume) / (1.0 if self.unit == "ML" else 1000.0)
        moved = min(target, (self.clock.now() - self._begun) * speed + 1e-9)
        if self.stall_at is not None and moved >= self.stall_at:
            moved, self.state, self.alarm = self.stall_at, "S", "S"
        elif moved >= target:
            self.state = "S"
        self.counters[self.direction] = self._before + moved

    def _obey(self, word: str, number: str, unit: str) -> str:
        if self.alarm and word not in ("", "VER", "DIS"):
            return ""
        if self.state in "IW" and word in ("CLDINF", "CLDWDR", "DIA", "RUN"):
            return "?NA"
        per_ml = 1.0 if self.unit == "ML" else 1000.0
        match word:
            case "":
                return ""
            case "VER":
                return self.version
            case "DIS":
                inf, wdr = (_four_digits(self.counters[way] * per_ml) for way in ("INF", "WDR"))
                return f"I{inf}W{wdr}{self.unit}"
            case "DIA":
                if not number:
                    return _four_digits(self.diameter)
                self.diameter = float(number)
                self.unit = "UL" if self.diameter <= 14 else "ML"
            case "VOL":
                if not number:
                    return f"{self.volume}{self.unit}"
                self.volume = number
            case "VOLUL" | "VOLML":
                self.unit = word[3:]
            case "RAT":
                if not number:
                    return "".join(self.rate)
                self.rate = (number, unit or self.rate[1])
            case "DIR":
                return self.direction
            case "DIRINF" | "DIRWDR":
                self.direction = word[3:]
            case "CLDINF" | "CLDWDR":
                self.counters[word[3:]] = 0.0
            case "RUN":
                self.state = "I" if self.direction == "INF" else "W"
                self._begun, self._before = self.clock.now(), self.counters[self.direction]
            case "STP":
                if self.state == "S":
                    return "?NA"
                self.state = "S" if self.state == "P" else "P"
            case _:
                return "?"
        return ""


def _four_digits(value: float) -> str:
    for decimals in (3, 2, 1):
        if round(value, decimals) < 10 ** (4 - decimals):
            return f"{value:.{decimals}f}"
    return f"{value:.0f}."


class BalanceModel:
    """A balance with what is on its pan; `answer` is the far end of its line.

    Attributes:
        heard: Commands as received.
        grams: On the pan.
        stable: Whether it is stable now.
        lists: The commands that it knows, for I0.
        replies: Command -> lines to say instead.
    """

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.grams, self.tare, self.stable = 100.0012, 0.0, True
        self.serial = "B123456789"
        self.lists = [
            "@",
            "I0",
            "I1",
            "I2",
            "I3",
            "I4",
            "I5",
            "S",
            "SI",
            "SIR",
            "SC",
            "Z",
            "ZI",
            "ZC",
            "T",
            "TI",
            "TC",
            "TA",
            "TAC",
            "C",
            "M21",
            "D",
            "DW",
        ]
        self.replies: dict[str, list[Any]] = {}
        self._held = b""

    def answer(self, data: bytes) -> list[Any]:
        self._held += data
        out: list[Any] = []
        while b"\r\n" in self._held:
            line, _, self._held = self._held.partition(b"\r\n")
            command = line.decode()
            self.heard.append(command)
            said = self.replies[command] if command in self.replies else self._say(command)
            out += [piece if isinstance(piece, tuple | bytes) else f"{piece}\r\n".encode() for piece in said]
        return out

    def _say(self, command: str) -> list[str]:
        word = command.partition(" ")[0]
        flag = "S" if self.stable else "D"
        net = f"{self.grams - self.tare:10.4f} g"
        if word not in self.lists:
            return ["ES"]
        match word:
            case "I0":
                ends = ["B"] * (len(self.lists) - 1) + ["A"]
                return [f'I0 {end} 0 "{name}"' for end, name in zip(ends, self.lists, strict=True)]
            case "I2":
                return ['I2 A "WXS205SDU WXA-Bridge 220.00900 g"']
            case "I3":
                return ['I3 A "2.10 10.28.0.493.142"']
            case "I4" | "@":
                return [f'I4 A "{self.serial}"']
            case "S":
                return [f"S S {net}"] if self.stable else []
            case "SI" | "SC":
                return [f"S {flag} {net}"]
            case "T" | "TI" | "TC":
                self.tare = self.grams
                return [f"{word} {'S' if word == 'T' else flag} {self.tare:10.4f} g"]
            case "Z":
                self.grams = 0.0
                return ["Z A"]
            case "ZI" | "ZC":
                self.grams = 0.0
                return [f"{word} {flag}"]
            case "C":
                return ["C B", "C A"]
            case "TAC":
                self.tare = 0.0
                return ["TAC A"]
        return [f"{word} A"]


@pytest.fixture
def virtual() -> Iterator[Clock]:
    clock = Clock("virtual")
    yield clock
    clock.close()


@pytest.fixture
def real() -> Iterator[Clock]:
    clock = Clock("real")
    yield clock
    clock.close()


@pytest.fixture
def scaled() -> Iterator[Clock]:
    clock = Clock("scaled", scale=200.0)
    yield clock
    clock.close()


@pytest.fixture(params=["virtual", "real"])
def clock(request: pytest.FixtureRequest) -> Clock:
    """Both runners: the loop's task and the port's thread."""
    made: Clock = request.getfixturevalue(request.param)
    return made


@pytest.fixture
def ports() -> Iterator[Callable[[Clock], Ports]]:
    """Make the ports of a clock; all are closed in the end."""
    made: list[Ports] = []

    def make(clock: Clock) -> Ports:
        made.append(Ports(clock))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def scripted() -> Callable[..., ScriptedChannel]:
    return ScriptedChannel


@pytest.fixture
def pump_model() -> type[PumpModel]:
    return PumpModel


@pytest.fixture
def balance_model() -> type[BalanceModel]:
    return BalanceModel
