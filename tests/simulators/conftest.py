"""Fixtures: a virtual clock, a bench with one instrument, a lab for dosing, and somebody who talks to them."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from autolab.model.clock import Clock
from autolab.simulators.bench import Bench

collect_ignore = ["third_party"]  # scripts for another environment, see test_third_party.py

DOSING_LAB: dict[str, Any] = {
    "instruments": {
        "dosing": {
            "driver": "new_era.NE1000", "address": "serial:///dev/ttyUSB0?bus=0", "syringe_mm": 14.5, "volume_mL": 10,
            "contents_mL": 5, "stock": "water", "refill": "check_valve",
        },
        "waste": {
            "driver": "new_era.NE1000", "address": "serial:///dev/ttyUSB0?bus=1", "syringe_mm": 26.7, "volume_mL": 50,
            "refill": "check_valve",
        },
        "balance": {"driver": "mettler_toledo.Balance", "address": "serial:///dev/ttyUSB1"},
    },
    "plumbing": {"dosing": "beaker", "waste": ["beaker", "drain"], "balance": "beaker"},
    "virtual": {"world": "dosing", "vessels": {"beaker": {"volume_mL": 100}}, "noise": 1.0},
}  # fmt: skip


class Speaker:
    """Talks to an instrument in lab time: says something, waits, tells what came back.

    Args:
        bench: Where the instrument is.
        name: Of the instrument.
        pause: How long it listens after it has said something, s.
        end: What ends a line that is given as text.

    Attributes:
        heard: What came since it last said something.
        inside: The simulator.
    """

    def __init__(self, bench: Bench, name: str, pause: float = 0.5, end: bytes = b"") -> None:
        self.bench, self.clock, self.pause, self.end = bench, bench.clock, pause, end
        self.inside: Any = bench.instrument(name)
        self.heard = b""
        self.channel = bench.channel(name)
        self.channel.open()
        self.channel.on_bytes(self._hear)

    def _hear(self, data: bytes) -> None:
        self.heard += data

    def say(self, data: bytes | str, wait: float | None = None) -> bytes:
        """Send, let `wait` s of lab time pass, return all that came."""
        self.heard = b""
        self.channel.write(data.encode() + self.end if isinstance(data, str) else data)
        self.wait(self.pause if wait is None else wait)
        return self.heard

    def wait(self, seconds: float) -> bytes:
        """Let lab time pass, and return what came meanwhile."""
        before = len(self.heard)
        self.clock.run(asyncio.sleep(seconds))
        return self.heard[before:]

    def do(self, act: Callable[[], Any]) -> Any:
        """Do something on the clock's loop."""

        async def acted() -> Any:
            return act()

        return self.clock.run(acted())


class PumpSpeaker(Speaker):
    """Speaks the basic protocol of New Era pumps."""

    def ask(self, command: str, wait: float = 0.2) -> str:
        """Send a command and return the answer between STX and ETX."""
        answer = self.say(command.encode() + b"\r", wait)
        assert (answer[:1], answer[-1:]) == (b"\x02", b"\x03"), answer
        return answer[1:-1].decode()

    def move(self, direction: str, volume: float, rate: float, address: int = 0) -> None:
        """Move a pump that works in mL, and wait until it stands."""
        for command in ("VOLML", f"DIR{direction}", f"RAT{rate:.3g}MM", f"VOL{volume:.4g}"):
            assert "?" not in self.ask(f"{address}{command}", 0.05), command
        answer = self.ask(f"{address}RUN", 60.0 * volume / rate + 0.1)
        assert answer[2:] in ("I", "W"), answer


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock("virtual")
    yield clock
    clock.close()


@pytest.fixture
def pump(clock: Clock) -> Callable[..., tuple[Bench, PumpSpeaker]]:
    """Make a bench with one pump: 14.5 mm, 10 mL, 5 mL in it, power came long ago."""

    def make(*, acknowledged: bool = True, **options: Any) -> tuple[Bench, PumpSpeaker]:
        settings = {"syringe_mm": 14.5, "volume_mL": 10.0, "contents_mL": 5.0}
        options.setdefault("alarm_at_start", not acknowledged)
        bench = Bench.single("new_era.NE1000", clock=clock, settings=settings, options=options)
        return bench, PumpSpeaker(bench, "instrument")

    return make


@pytest.fixture
def balance(clock: Clock) -> Callable[..., tuple[Bench, Speaker]]:
    """Make a bench with one balance without noise, unless told otherwise."""

    def make(**options: Any) -> tuple[Bench, Speaker]:
        for name in ("white_g", "sway_g", "drift_g"):
            options.setdefault(name, 0.0)
        bench = Bench.single("mettler_toledo.Balance", clock=clock, options=options)
        return bench, Speaker(bench, "instrument")

    return make


@pytest.fixture
def lab() -> dict[str, Any]:
    """Return a lab file's mapping: two pumps on one bus, a balance under a beaker."""
    return copy.deepcopy(DOSING_LAB)


@pytest.fixture
def bench(lab: dict[str, Any], clock: Clock) -> Bench:
    """Return that lab's bench."""
    return Bench(lab, clock=clock, seed=7)


@pytest.fixture
def speaker(bench: Bench) -> PumpSpeaker:
    """Return somebody on the pumps' bus; both reset alarms are acknowledged."""
    speaker = PumpSpeaker(bench, "dosing")
    assert speaker.ask("0") == "00A?R"
    assert speaker.ask("1") == "01A?R"
    return speaker


@pytest.fixture
def talk() -> Callable[[Bench, str], PumpSpeaker]:
    """Make somebody who talks to an instrument of any bench."""
    return PumpSpeaker


@pytest.fixture
def meet_one(clock: Clock) -> Callable[..., Speaker]:
    """Make somebody who talks to an instrument that stands alone: `(key, settings, options, seed, pause, end)`."""

    def make(
        key: str, settings: dict[str, Any] | None = None, options: dict[str, Any] | None = None, *, seed: int = 0,
        pause: float = 0.1, end: bytes = b"",
    ) -> Speaker:  # fmt: skip
        bench = Bench.single(key, clock=clock, seed=seed, settings=settings, options=options)
        return Speaker(bench, "instrument", pause, end)

    return make
