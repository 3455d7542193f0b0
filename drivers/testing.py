# ruff: noqa: S101, D102  a kit of tests, whose names say it
"""For those who write drivers: a scripted line, a check of queries against a transcript, and the contract kit.

class TestMyPump(DriverContract):
@pytest.fixture
def instrument(self): ...        # yields it, on a scripted or simulated line
@pytest.fixture
def command(self): ...           # a value that `set` takes; TRIGGER for a sensor, which takes none
"""

from __future__ import annotations

import heapq
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

import pytest
from bluesky.protocols import Checkable, Configurable, Locatable, Movable, Readable, Stageable, Stoppable, Triggerable

from autolab.drivers.instrument import ActionStatus, OphydInstrument
from autolab.drivers.query import Query, ReadUntil, Sleep, Write
from autolab.model.clock import Clock
from autolab.model.contracts import Instrument
from autolab.model.errors import InstrumentDisconnected, InstrumentTimeout, OutsideLimits

T = TypeVar("T")
Answer = Callable[[bytes], Iterable[bytes | tuple[float, bytes]]]
TRIGGER: Final = object()
"""Given as the kit's `command`: the instrument has nothing to set and is tried by `trigger`."""


def play(query: Query[T], transcript: Sequence[tuple[str, bytes]]) -> T:
    """Run a query against a transcript of `(">", sent)` and `("<", received)` pieces and return its finding.

    A wait for a reply that the transcript does not hold times out.

    Raises:
        AssertionError: It sends something else, or stops before the transcript's end.
    """
    lines = list(transcript)
    answer: bytes | None = None
    error: Exception | None = None
    while True:
        try:
            effect = query.send(answer) if error is None else query.throw(error)
        except StopIteration as stop:
            assert not lines, f"the query ended before {lines!r}"
            result: T = stop.value
            return result
        answer, error = None, None
        if isinstance(effect, Write):
            assert lines, f"sent {effect.data!r} after the end of the transcript"
            assert (">", effect.data) == lines.pop(0)
        elif isinstance(effect, ReadUntil):
            if lines and lines[0][0] == "<":
                answer = lines.pop(0)[1]
                assert effect.end(answer) == len(answer), f"{answer!r} is not one complete reply"
            else:
                error = InstrumentTimeout("no reply in the transcript")
        else:
            assert isinstance(effect, Sleep)


class ScriptedChannel:
    """A byte channel whose far end is a function: bytes written -> pieces to come, each at once or after a delay.

    Args:
        answer: Gives the pieces: bytes, or `(delay in s, bytes)`. Delays are wall time, or lab time on the loop.
        url: Which port it is.
        clock: Needed where a task on the loop uses it.
    """

    def __init__(self, answer: Answer, *, url: str = "memory://scripted", clock: Clock | None = None) -> None:
        self.url = url
        self.answer = answer
        self.sent: list[bytes] = []
        self.opened = 0
        self.is_open = False
        self.dead = False
        self._clock = clock
        self._receive: Callable[[bytes], None] | None = None
        self._due: list[tuple[float, int, bytes]] = []
        self._count = itertools.count()
        self._news = threading.Condition()

    def open(self) -> None:
        """Open it; what was on its way before is not lost, as on a real line."""
        self._check(opening=True)
        if not self.is_open:
            self.is_open, self.opened = True, self.opened + 1

    def close(self) -> None:
        """Close it."""
        self.is_open = False

    def write(self, data: bytes) -> None:
        """Note what was sent, and let the far end answer."""
        self._check()
        self.sent.append(data)
        for piece in self.answer(data):
            self.say(*(piece if isinstance(piece, tuple) else (0.0, piece)))

    def say(self, delay: float, data: bytes) -> None:
        """Have the far end say something."""
        if self._receive is not None and self._clock is not None:
            if delay > 0:
                self._clock.loop.call_later(delay, self._deliver, data)
            else:  # timers that are due together may come in any order
                self._clock.loop.call_soon(self._deliver, data)
            return
        with self._news:
            heapq.heappush(self._due, (time.monotonic() + delay, next(self._count), data))
            self._news.notify()

    def read(self, timeout: float) -> bytes:
        """Return what has come."""
        until = time.monotonic() + timeout
        with self._news:
            while True:
                self._check()
                now = time.monotonic()
                if self._due and self._due[0][0] <= now:
                    return heapq.heappop(self._due)[2]
                next_due = self._due[0][0] if self._due else until
                if now >= until:
                    return b""
                self._news.wait(max(0.0, min(until, next_due) - now))

    def on_bytes(self, receive: Callable[[bytes], None] | None) -> None:
        """Deliver on the loop."""
        self._receive = receive

    def die(self) -> None:
        """Lose the line, until `revive`."""
        with self._news:
            self.dead = True
            self._news.notify()

    def revive(self) -> None:
        """Have the line back; it must be opened again."""
        self.dead, self.is_open = False, False
        self._due.clear()

    def _deliver(self, data: bytes) -> None:
        if self._receive is not None:
            self._receive(data)

    def _check(self, *, opening: bool = False) -> None:
        if self.dead or not (opening or self.is_open):
            self.is_open = False
            msg = "the scripted line is down"
            raise InstrumentDisconnected(msg, port=self.url)


def _begin(instrument: OphydInstrument, command: object) -> ActionStatus:
    return instrument.trigger() if command is TRIGGER else instrument.set(command)


class DriverContract:
    """What every driver must keep; inherit it, and give the fixtures `instrument` and `command`."""

    def test_meets_the_contracts_of_bluesky_and_of_the_lab(self, instrument: OphydInstrument) -> None:
        contracts = (
            Readable,
            Configurable,
            Triggerable,
            Movable,
            Locatable,
            Stageable,
            Stoppable,
            Checkable,
            Instrument,
        )
        for contract in contracts:
            assert isinstance(instrument, contract), f"{instrument.name} is not {contract.__name__}"

    def test_read_and_describe_have_the_same_keys_before_it_is_connected(self, instrument: OphydInstrument) -> None:
        for reading, description in (
            (instrument.read(), instrument.describe()),
            (instrument.read_configuration(), instrument.describe_configuration()),
        ):
            assert list(reading) == list(description)
            json.dumps([reading, description])
            for name, key in description.items():
                is_array = key["dtype"] == "array"
                assert key["shape"] == ([len(reading[name]["value"])] if is_array else [])
                assert is_array or key["dtype"] in ("number", "integer", "boolean", "string")

    def test_set_returns_at_once_and_its_result_is_json(self, instrument: OphydInstrument, command: object) -> None:
        instrument.connect()
        begun = time.perf_counter()
        status = _begin(instrument, command)
        assert time.perf_counter() - begun < 0.05
        status.wait(30)
        assert json.loads(json.dumps(status.result)) == status.result

    def test_a_value_of_another_kind_is_refused_before_anything_is_sent(self, instrument: OphydInstrument) -> None:
        nonsense: Any = object()
        with pytest.raises(OutsideLimits, match=f"{instrument.name}.*nothing was sent"):
            instrument.set(nonsense)

    def test_stop_with_success_changes_nothing(self, instrument: OphydInstrument, command: object) -> None:
        instrument.connect()
        status = _begin(instrument, command)
        instrument.stop(success=True)
        status.wait(30)

    def test_it_connects_again_after_it_gave_its_port_back(self, instrument: OphydInstrument) -> None:
        instrument.connect()
        first = instrument.identify()
        instrument.disconnect()
        assert instrument.identify() == first

    def test_it_is_safe_after_make_safe(self, instrument: OphydInstrument) -> None:
        instrument.connect()
        instrument.make_safe()
        instrument.make_safe()
