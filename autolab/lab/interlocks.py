"""Interlocks: conditions on readings that end the attempt and latch until a person resets them.

They are software and see only what the drivers read, when they read it: a second line of defence, never the safety
system. What must not happen needs a fuse, a relief valve, a thermal cut-out.
"""

from __future__ import annotations

import logging
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autolab.lab.declaration import InterlockDeclaration
from autolab.model.errors import InputError
from autolab.model.names import did_you_mean

logger = logging.getLogger(__name__)

_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_CONDITION = re.compile(
    r"\s*(?P<path>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*(?P<sign>>=|<=|>|<)\s*(?P<bound>[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)\s*"
)
OnTrip = Callable[[str, str], None]


@dataclass(frozen=True)
class Condition:
    """A comparison of one reading with a number.

    Attributes:
        path: Instrument, component, signal: `plate.heater`, `balance.weight`.
        sign: `>`, `>=`, `<` or `<=`.
        bound: In the signal's unit.
    """

    path: str
    sign: str
    bound: float

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Return the condition that `text` says.

        Raises:
            InputError: It says none.

        >>> Condition.parse("plate.heater > 65")
        Condition(path='plate.heater', sign='>', bound=65.0)
        """
        match = _CONDITION.fullmatch(text)
        if match is None:
            msg = (
                f"interlock {text!r} is no condition: write instrument.signal, one of > >= < <=, and a number, "
                "such as 'plate.heater > 65'"
            )
            raise InputError(msg)
        return cls(match["path"], match["sign"], float(match["bound"]))

    def holds(self, value: object) -> bool:
        """Return whether a reading meets the condition; no reading (None, NaN) never does."""
        if not isinstance(value, int | float) or math.isnan(value):
            return False
        return _COMPARISONS[self.sign](value, self.bound)


@dataclass
class _Watched:
    condition: Condition
    signal: Any
    subscription: int | None = None
    why: str | None = None


class Interlocks:
    """The interlocks of a lab.

    Args:
        declarations: From the lab file.
        find: Returns an instrument, component or signal by its dotted name, or raises InputError.

    Raises:
        InputError: A condition that cannot be read or names nothing that can be watched.
    """

    def __init__(self, declarations: Sequence[InterlockDeclaration], find: Callable[[str], Any]) -> None:
        self._watched: dict[str, _Watched] = {}
        self._on_trip: OnTrip | None = None
        for declared in declarations:
            condition = Condition.parse(declared.condition)
            self._watched[declared.condition] = _Watched(condition, watchable(find(condition.path), condition.path))

    @property
    def tripped(self) -> dict[str, str]:
        """The interlocks that are latched: condition -> the reading that tripped it."""
        return {name: one.why for name, one in self._watched.items() if one.why is not None}

    def watch(self, on_trip: OnTrip) -> None:
        """Watch all conditions from now on; each calls `on_trip(condition, reading)` once, and latches.

        Values that are known already count. `on_trip` is called where the driver updates its signal: on the clock's
        loop, as a rule. It must be short.
        """
        self.unwatch()
        self._on_trip = on_trip
        for name, one in self._watched.items():
            one.subscription = one.signal.subscribe(self._listener(name), event_type="value", run=True)

    def unwatch(self) -> None:
        """Watch no more; what is latched stays latched."""
        for one in self._watched.values():
            if one.subscription is not None:
                one.signal.unsubscribe(one.subscription)
                one.subscription = None

    def latch(self, name: str, why: str) -> None:
        """Latch an interlock that tripped before this process began; one that the lab no longer has is let go."""
        if name in self._watched:
            self._watched[name].why = why

    def reset(self, name: str) -> None:
        """Release an interlock, at a person's word.

        Raises:
            InputError: No such interlock, or its condition still holds.
        """
        one = self._watched.get(name)
        if one is None:
            msg = f"no interlock says {name!r}: {did_you_mean(name, self._watched)}"
            raise InputError(msg)
        value = one.signal.get()
        if one.condition.holds(value):
            msg = f"interlock {name!r} still holds ({one.condition.path} is {value!r}): remove the cause first"
            raise InputError(msg)
        one.why = None

    def _listener(self, name: str) -> Callable[..., None]:
        def listen(value: object = None, **_details: object) -> None:
            self._see(name, value)

        return listen

    def _see(self, name: str, value: object) -> None:
        one = self._watched[name]
        if one.why is not None or not one.condition.holds(value):
            return
        one.why = f"{one.condition.path} is {value!r}"
        logger.error("interlock %r tripped: %s", name, one.why)
        if self._on_trip is not None:
            self._on_trip(name, one.why)


def watchable(found: Any, path: str) -> Any:  # noqa: ANN401  ophyd ships no types
    """Return the signal to watch: `found` itself, or a device's `readback`, or its only hinted signal.

    Raises:
        InputError: There is no such signal, or more than one.
    """
    names = tuple(getattr(found, "component_names", ()))
    if not names:
        return found
    if "readback" in names:
        return found.readback
    hinted = [name for name in names if getattr(found, name).hints.get("fields")]
    if len(hinted) == 1:
        return watchable(getattr(found, hinted[0]), path)
    msg = f"interlock: {path!r} has several signals, say which: {', '.join(f'{path}.{name}' for name in names)}"
    raise InputError(msg)
