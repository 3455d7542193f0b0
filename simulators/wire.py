"""The wire between simulated instruments and whoever listens: transit times and faults.

Times on the wire are lab time: a byte takes ten bits at the line's speed, an instrument takes its time to answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Literal

from autolab.simulators.faults import AFFLICTIONS, OF_COMMANDS, OF_REPLIES, Fault, FaultKind

if TYPE_CHECKING:
    from autolab.model.actions import JSON
    from autolab.model.clock import Clock
    from autolab.simulators.simulator import Send, Simulator

__all__ = ["Fault", "FaultKind", "Wire", "garbled"]
BITS = 10  # a byte on the line, with start and stop bit
LATE = 1.0  # s
Afflict = Callable[[Fault, str, bool], None]
"""Has an apparatus be afflicted by a fault, or no longer."""


class Wire:
    """One line with one or more simulated instruments on it, and at most one listener at its other end.

    Args:
        simulators: By name; they see every byte that comes down the line.
        clock: Lab time.
        afflict: What faults of the apparatus need.
    """

    def __init__(self, simulators: Mapping[str, Simulator], clock: Clock, afflict: Afflict | None = None) -> None:
        self.simulators = dict(simulators)
        self.clock = clock
        self.faults: list[Fault] = []
        self.hanging = False
        self._afflict: Afflict = afflict or _untouched
        self._listener: Send | None = None
        self._hang_up: Callable[[], None] = _nothing
        self._command = b""
        self._born = clock.loop.time()
        self._dead_until = self._silent_until = 0.0  # loop times, s
        self._free = {"in": 0.0, "out": 0.0}  # loop time at which the line is free again, s
        for name, simulator in self.simulators.items():
            simulator.attach(self._sender(name))

    @property
    def baud(self) -> int:
        """Speed of the line, bit/s."""
        return min((simulator.baud for simulator in self.simulators.values()), default=9600)

    @property
    def dead(self) -> bool:
        """Whether the line is unplugged now, so that nobody can open it."""
        return self.clock.loop.time() < self._dead_until

    @property
    def elapsed(self) -> float:
        """Lab time since the bench was made, s."""
        return self.clock.loop.time() - self._born

    def connect(self, listener: Send, hang_up: Callable[[], None]) -> None:
        """Let `listener` have the replies, in place of whoever had them; `hang_up` cuts this connection."""
        self._listener, self._hang_up = listener, hang_up

    def disconnect(self, listener: Send) -> None:
        """Send nothing more to `listener`; does nothing when somebody else has taken over."""
        if self._listener == listener:
            self._listener, self._hang_up = None, _nothing

    def hang_up(self) -> None:
        """Cut the connection, as when a cable is pulled and put back."""
        self._hang_up()

    def receive(self, data: bytes) -> None:
        """Take bytes from the other end; call this on the clock's loop."""
        self.clock.loop.call_at(self._transit("in", len(data)), self._arrive, data)

    # ---- faults ------------------------------------------------------------------------------------------------

    def inject(self, fault: Fault) -> None:
        """Arrange for a fault."""
        self.faults.append(fault)

    def idle(self) -> None:
        """Take the line as free from now on: lab time may have been set back."""
        self._free = {"in": 0.0, "out": 0.0}
        self._dead_until = self._silent_until = 0.0

    def mend(self) -> None:
        """Forget all faults, also a hang and a line that is dead."""
        self.faults.clear()
        self.hanging = False
        self._dead_until = self._silent_until = 0.0

    def snapshot(self) -> dict[str, JSON]:
        """Return how far the faults are, in their order."""
        return {"elapsed": self.elapsed, "faults": [[fault.seen, fault.happened] for fault in self.faults]}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Have the same faults go on from `snapshot`."""
        self.idle()
        self._born = self.clock.loop.time() - float(str(state["elapsed"]))
        told = state["faults"]
        for fault, counts in zip(self.faults, told if isinstance(told, list) else [], strict=False):
            fault.seen, fault.happened = (int(str(count)) for count in counts) if isinstance(counts, list) else (0, 0)

    def _due(self, kinds: Iterable[str], name: str) -> Fault | None:
        """Return the first fault that happens at this operation; the others wait for the next."""
        found = None
        for fault in self.faults:
            if fault.kind in kinds and fault.due(name, self.elapsed, self._command):
                if found is None:
                    found = fault
                else:
                    fault.wait()
        return found

    # ---- commands ----------------------------------------------------------------------------------------------

    def _arrive(self, data: bytes) -> None:
        self._command = data
        if self.dead:
            return
        for name, simulator in self.simulators.items():
            fault = self._due((*OF_COMMANDS, *AFFLICTIONS), name)
            if fault is not None and fault.kind in AFFLICTIONS:
                if not fault.by_time:
                    self._fall_ill(fault, name)
                fault = None
            if fault is not None and fault.kind == "power_cycle":
                simulator.power_cycle()
            elif fault is None:
                simulator.receive(data)

    def _fall_ill(self, fault: Fault, name: str) -> None:
        self._afflict(fault, name, True)
        if fault.seconds is not None:
            self.clock.loop.call_later(fault.seconds, self._afflict, fault, name, False)

    # ---- replies -----------------------------------------------------------------------------------------------

    def _sender(self, name: str) -> Send:
        def send(data: bytes) -> None:
            self._reply(name, data)

        return send

    def _reply(self, name: str, data: bytes) -> None:
        fault = self._due(OF_REPLIES, name)
        kind, seconds = (None, None) if fault is None else (fault.kind, fault.seconds)
        now = self.clock.loop.time()
        if kind == "disconnect":
            self._dead_until = now + (seconds or 0.0)
            self._hang_up()
        elif kind == "hang":
            self.hanging = seconds is None
            self._silent_until = now + (seconds or 0.0)
        if self.hanging or now < self._silent_until or self.dead or kind in ("drop", "disconnect", "hang"):
            return
        if kind == "garble":
            data = garbled(data)
        elif kind == "truncate":
            data = data[: len(data) // 2]
        late = (LATE if seconds is None else seconds) if kind == "late" else 0.0
        for _ in range(2 if kind == "duplicate" else 1):
            arrives = self._free["out"] = self._transit("out", len(data), self.simulators[name].reaction) + late
            self.clock.loop.call_at(arrives, self._deliver, data, self._listener)

    def _deliver(self, data: bytes, listener: Send | None) -> None:
        if listener is not None and listener == self._listener:
            listener(data)

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


def _untouched(fault: Fault, name: str, begins: bool) -> None:
    """Afflict nothing: there is no bench."""
