"""What people say of trials that no number tells apart: what can be compared, and what was said so far."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from autolab.model.errors import InputError

if TYPE_CHECKING:
    from autolab.journal.events import Request
    from autolab.model.trial import Trial


def compared(trials: Sequence[Trial], better: object, worse: object) -> list[Trial]:
    """Return the trials of a campaign once a person has found one better than another.

    Args:
        trials: Of the campaign, in order.
        better: Number of a completed trial.
        worse: Number of another one.

    Raises:
        InputError: There is no such trial, it is not completed, or both are the same.
    """
    known = {trial.number: trial for trial in trials}
    try:
        for number in (better, worse):
            if number not in known:
                msg = f"there is no trial {number}"
                raise ValueError(msg)
        said = known[int(str(better))].preferred_to(known[int(str(worse))])
    except ValueError as error:
        numbers = ", ".join(str(trial.number) for trial in trials if trial.usable) or "none"
        msg = f"{error}; completed: {numbers}"
        raise InputError(msg) from None
    known.update({trial.number: trial for trial in said})
    return list(known.values())


def heard(trials: Sequence[Trial], waiting: Iterable[Request]) -> list[Trial]:
    """Return the trials of a campaign as they will be once the comparisons that wait in the journal are recorded."""
    for request in waiting:
        if request.kind == "prefer":
            try:
                trials = compared(trials, request.body.get("better"), request.body.get("worse"))
            except InputError:  # it will be refused
                continue
    return list(trials)
