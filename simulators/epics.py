"""Records behind EPICS: an axis with a motor record, and a process variable that follows its set point.

They speak no bytes: where a lab is served, a server of Channel Access answers for them (`epics_server`). The fields of an
axis are those that ophyd's `EpicsMotor` asks for, and behave as in caproto's example of a motor record. `[M]` marks general
knowledge: LVIO, that equal soft limits are none, and that a stopped axis takes its place for its set point.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from autolab.simulators.simulator import Place
from autolab.simulators.talker import Talker
from autolab.simulators.world import number

if TYPE_CHECKING:
    from autolab.model.actions import JSON
    from autolab.simulators.serving import Served

Value = float | int | str
RECORDS = "autolab-sim-"
"""What the names of simulated records begin with, so that no server of a laboratory answers to them."""


class Record(Talker):
    """A record: fields that can be read, some of which can be written.

    Attributes:
        pv: Its name, of which no other has the like.
    """

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.pv = f"{RECORDS}{secrets.token_hex(4)}:{place.name}"

    @property
    def now(self) -> float:
        """The loop's time, s."""
        return self.place.clock.loop.time()

    def hear(self, frame: bytes) -> None:
        """Hear nothing: it has no line."""

    def fields(self) -> Mapping[str, Value]:
        """Return every field, by its ending; the record's own value has none."""
        raise NotImplementedError

    def put(self, field: str, value: Value) -> None:
        """Take what somebody wrote."""
        raise NotImplementedError

    @property
    def limits(self) -> tuple[float, float]:
        """Limits of its value, as Channel Access tells them; both 0 for none."""
        return (0.0, 0.0)

    @property
    def unit(self) -> str:
        """Its unit."""
        return str(self.place.options.get("unit", self.place.settings.get("unit") or ""))

    async def serve(self) -> Served:
        """Serve it by Channel Access on this machine's loopback.

        Raises:
            MissingExtra: caproto is not installed.
        """
        from autolab.simulators.epics_server import serve_record

        return await serve_record(self)


class MotorSimulator(Record):
    """An axis that goes straight to its set point at its velocity, between limit switches.

    Options (under `virtual.instruments.<name>` in the lab file): `velocity` (unit/s), `low` and `high` (soft limits; both
    0 for none), `unit`, `at`, `description`, `stuck` (it says that it moves, and stays), `type` (what it says to RTYP),
    `switch` (where its high limit switch stops it).

    Args:
        place: Where it stands.
    """

    options: ClassVar[tuple[str, ...]] = (
        "velocity", "low", "high", "unit", "at", "description", "stuck", "type", "switch",
    )  # fmt: skip
    kept: ClassVar[tuple[str, ...]] = ("position", "target", "velocity")

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        options = place.options
        self.velocity = number(options, "velocity", 1.0)
        self.low, self.high = number(options, "low", 0.0), number(options, "high", 100.0)
        self.switch = number(options, "switch", 1e9)
        self.position = self.target = number(options, "at", 0.0)
        self.stuck = bool(options.get("stuck", False))
        self.violated = False
        self._from, self._begun, self._done = self.position, 0.0, 0.0

    @property
    def limits(self) -> tuple[float, float]:
        """Its soft limits."""
        return (self.low, self.high)

    @property
    def moving(self) -> bool:
        """Whether it moves."""
        self._come()
        return self._done > self.now

    def is_safe(self) -> bool:
        """Say whether it stands."""
        return not self.moving

    def wake(self) -> None:
        """Come up: it stands where it was, and is told to be there."""
        self._stop()

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go on from `snapshot`, standing."""
        super().restore(state)
        self._from, self._done = self.position, 0.0
        self.target = self.position

    def fields(self) -> Mapping[str, Value]:
        """Return the fields that ophyd's motor asks for, and some more."""
        moving = self.moving
        at_switch = self.position >= self.switch
        return {
            "": self.target, "VAL": self.target, "RBV": self.position, "OFF": 0.0, "DIR": 0, "FOFF": 0, "SET": 0,
            "VELO": self.velocity, "ACCL": 0.1, "EGU": self.unit or "mm", "MOVN": int(moving), "DMOV": int(not moving),
            "HLS": int(at_switch), "LLS": 0, "HLM": self.high, "LLM": self.low, "DHLM": self.high, "DLLM": self.low,
            "TDIR": int(self.target >= self._from), "STOP": 0, "HOMF": 0, "HOMR": 0, "LVIO": int(self.violated),
            "RTYP": str(self.place.options.get("type", "motor")),
            "DESC": str(self.place.options.get("description", self.name)),
        }  # fmt: skip

    def put(self, field: str, value: Value) -> None:
        """Move, stop, or change velocity and limits; other fields keep what they are."""
        if field in ("", "VAL"):
            self._go(float(value))
        elif field == "STOP" and value:
            self._stop()
        elif field == "VELO" and float(value) > 0:
            self.velocity = float(value)
        elif field in ("HLM", "DHLM"):
            self.high = float(value)
        elif field in ("LLM", "DLLM"):
            self.low = float(value)

    def _go(self, target: float) -> None:
        """Go there, unless soft limits forbid it: then it stays and says so."""
        self.violated = self.low < self.high and not self.low <= target <= self.high
        if self.violated or not math.isfinite(target):
            return
        self._come()
        self.target, self._from, self._begun = target, self.position, self.now
        self._done = self.now + abs(min(target, self.switch) - self.position) / self.velocity

    def _stop(self) -> None:
        self._come()
        self.target, self._done = self.position, 0.0

    def _come(self) -> None:
        """Bring it to where it is now."""
        if self._done == 0.0 or self.stuck:
            return
        way = min(self.target, self.switch) - self._from
        passed = min(abs(way), self.velocity * (self.now - self._begun))
        self.position = self._from + math.copysign(passed, way)
        if self.now >= self._done:
            self.position, self._done = self._from + way, 0.0


class PVSimulator(Record):
    """A number or text; a number follows what is written with a delay of first order.

    Options: `value` (in the beginning), `unit`, `low` and `high` (both 0 for none), `lag_s` (0: at once), `frozen` (it takes
    what is written and tells what it told before).

    Args:
        place: Where it stands.
    """

    options: ClassVar[tuple[str, ...]] = ("value", "unit", "low", "high", "lag_s", "frozen")
    kept: ClassVar[tuple[str, ...]] = ("value", "target")

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        text = place.settings.get("kind") == "text"
        given = place.options.get("value", "" if text else 0.0)
        self.value: Value = str(given) if text else number(place.options, "value", 0.0)
        self.target: Value = self.value
        self.lag = number(place.options, "lag_s", 0.0)
        self._written, self._from = 0.0, self.value

    @property
    def limits(self) -> tuple[float, float]:
        """Limits of what may be written."""
        return (number(self.place.options, "low", 0.0), number(self.place.options, "high", 0.0))

    def is_safe(self) -> bool:
        """Say yes: a variable does not move."""
        return True

    def fields(self) -> Mapping[str, Value]:
        """Return its value."""
        if self.place.options.get("frozen", False):
            return {"": self.value}
        if isinstance(self.target, str) or isinstance(self._from, str) or self.lag <= 0:
            self.value = self.target
        else:
            left = math.exp(-(self.now - self._written) / self.lag)
            self.value = self.target + (self._from - self.target) * left
        return {"": self.value}

    def put(self, field: str, value: Value) -> None:
        """Go to a value."""
        self._from = self.fields()[""]
        self.target = value if isinstance(self.value, str) else float(value)
        self._written = self.now

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go on from `snapshot`."""
        super().restore(state)
        self._from = self.value
        self._written = self.now
