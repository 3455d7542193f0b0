"""Attempts by a plain function instead of a lab."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from autolab.loop.executor import AttemptResult, Job
from autolab.model.errors import StopRequested, TrialFailed
from autolab.model.trial import Measurement, as_outcome

if TYPE_CHECKING:
    from autolab.loop.interrupts import StopSwitch
    from autolab.model.actions import JSON
    from autolab.model.trial import Point

Evaluate = Callable[[dict[str, Any]], Any]


class FunctionExecutor:
    """Calls `evaluate(point)`; an exception, NaN or a missing name is a failed outcome with its reason.

    Args:
        evaluate: Returns `{name: value or (value, standard error)}`, or a number where there is one name.
        names: The outcome's names that the problem needs.
        switch: A second Ctrl-C breaks into the function.
    """

    def __init__(self, evaluate: Evaluate, names: tuple[str, ...], switch: StopSwitch) -> None:
        self._evaluate, self._names, self._switch = evaluate, names, switch

    def start(self) -> dict[str, JSON]:
        """Do nothing: a function is always ready."""
        return {}

    def needs_recovery(self) -> bool:
        """Return False: a function leaves nothing behind."""
        return False

    def check(self, point: Point) -> None:
        """Accept every point of the space."""

    def perform(self, job: Job) -> AttemptResult:
        """Call the function."""
        try:
            with self._switch.raising():
                value = self._evaluate(dict(job.point))
            return AttemptResult("completed", as_outcome(self._checked(value)))
        except StopRequested as error:
            return AttemptResult("interrupted", reason=str(error))
        except TrialFailed as error:
            return AttemptResult("trial_failed", reason=error.reason)
        except Exception as error:
            return AttemptResult("trial_failed", reason=f"{type(error).__name__}: {error}")

    def close(self) -> None:
        """Do nothing."""

    def _checked(self, value: object) -> dict[str, Any]:
        values: dict[str, Any]
        if isinstance(value, Mapping):
            values = {str(name): entry for name, entry in value.items()}
        elif len(self._names) == 1:
            values = {self._names[0]: value}
        else:
            msg = f"the function returned {value!r}; expected a mapping with {', '.join(self._names)}"
            raise TrialFailed(msg)
        missing = [name for name in self._names if name not in values]
        if missing:
            msg = f"the function's outcome lacks {', '.join(missing)}; it has {', '.join(values) or 'nothing'}"
            raise TrialFailed(msg)
        for name in self._names:
            first = _first(values[name])
            if isinstance(first, float) and not math.isfinite(first):
                msg = f"{name} is {first!r}: not a measured value"
                raise TrialFailed(msg)
        return values


def _first(value: object) -> object:
    if isinstance(value, Measurement):
        return value.value
    first = value[0] if isinstance(value, tuple | list) and value else value
    return float(first) if hasattr(first, "__float__") else first
