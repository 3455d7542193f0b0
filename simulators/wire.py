"""The wire between simulated instruments and whoever listens: transit times and faults.

Times on the wire are lab time: a byte takes ten bits at the line's speed, an instrument takes its time to answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from autolab.model.clock import Clock
    from autolab.simulators.simulator import Send, Simulator

FaultKind = Literal["drop", "late", "garble", "hang", "disconnect"]
BITS = 10  # a byte on the line, with start and stop bit


@dataclass
class Fault:
    """Something that happens to one reply.

    Attributes:
        kind: `drop` (lost), `late` (by `seconds`), `garble` (its bytes are inverted in the middle), `hang` (this reply
            and all after it are lost until the wire is mended), `disconnect` (the line goes dead in its place).
        nth: Which reply from now on, from 1.
        seconds: Delay of a late reply, s of lab time.
        instrument: Whose replies count; empty counts all.
    """

    kind: FaultKind
    nth: int = 1
    seconds: float = 1.0
    instrument: str = ""


class Wire:
    """One line with one or more simulated instruments on it, and at most one listener at its other end.

    Args:
        simulators: By name; they see every byte that comes down the line.
        clock: Lab time.
    """

    def __init__(self, simulators: Mapping[str, Simulator], clock: Clock) -> None:
        self.simulators = dict(simulators)
        self.clock = clock
        self.faults: list[Fault] = []
        self.hanging = False
        self._listener: Send | None = None
        self._hang_up: Callable[[], None] = _nothing
        self._free = {"in": 0.0, "out": 0.0}  # loop time at which the line is free again, s
        for name, simulator in self.simulators.items():
            simulator.attach(self._sender(name))

    @property
    def baud(self) -> int:
        """Speed of the line, bit/s."""
        return min((simulator.baud for simulator in self.simulators.values()), default=9600)

    def connect(self, listener: Send, hang_up: Callable[[], None]) -> None:
        """Let `listener` have the replies, in place of whoever had them; `hang_up` cuts this connection."""
        self._listener, self._hang_up = listener, hang_up

    def disconnect(self, listener: Send) -> None:
        """Send nothing more to `listener`; does nothing when somebody else has taken over."""
        if self._listener == listener:
            self._listener, self._hang_up = None, _nothing

    def receive(self, data: bytes) -> None:
        """Take bytes from the other end; call this on the clock's loop."""
        self.clock.loop.call_at(self._transit("in", len(data)), self._arrive, data)

    def inject(self, fault: Fault) -> None:
        """Arrange for a fault."""
        self.faults.append(fault)

    def idle(self) -> None:
        """Take the line as free from now on: lab time may have been set back."""
        self._free = {"in": 0.0, "out": 0.0}

    def mend(self) -> None:
        """Forget all faults, also a hang."""
        self.faults.clear()
        self.hanging = False

    def _arrive(self, data: bytes) -> None:
        for simulator in self.simulators.values():
            simulator.receive(data)

    def _sender(self, name: str) -> Send:
        def send(data: bytes) -> None:
            self._reply(name, data)

        return send

    def _reply(self, name: str, data: bytes) -> None:
        fault = self._fault(name)
        if fault is not None and fault.kind == "disconnect":
            self._hang_up()
        if self.hanging or (fault is not None and fault.kind in ("drop", "disconnect")):
            return
        if fault is not None and fault.kind == "garble":
            data = garbled(data)
        late = fault.seconds if fault is not None and fault.kind == "late" else 0.0
        arrives = self._transit("out", len(data), self.simulators[name].reaction) + late
        self.clock.loop.call_at(arrives, self._deliver, data, self._listener)

    def _deliver(self, data: bytes, listener: Send | None) -> None:
        if listener is not None and listener == self._listener:
            listener(data)

    def _fault(self, name: str) -> Fault | None:
        due = None
        for fault in list(self.faults):
            if fault.instrument not in ("", name):
                continue
            fault.nth -= 1
            if fault.nth <= 0 and due is None:
                due = fault
                self.faults.remove(fault)
        if due is not None and due.kind == "hang":
            self.hanging = True
        return due

    def _transit(self, way: Literal["in", "out"], count: int, reaction: float = 0.0) -> float:
        """Return the loop time at which `count` bytes will have passed the line in one direction."""
        start = max(self.clock.loop.time() + reaction, self._free[way])
        self._free[way] = start + count * BITS / self.baud
        return self._free[way]


def garbled(data: bytes) -> bytes:
    """Return bytes with the middle third inverted, as a disturbed line does."""
    first = len(data) // 3
    last = max(first + 1, 2 * len(data) // 3)
    return data[:first] + bytes(byte ^ 0xFF for byte in data[first:last]) + data[last:]


def _nothing() -> None:
    """Do nothing: nobody is connected."""
