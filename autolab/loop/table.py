"""A history as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from autolab.model.trial import Trial


def table(trials: Iterable[Trial], names: Sequence[str]) -> pd.DataFrame:
    """Return trials as a table, one a row.

    Args:
        trials: In order.
        names: The space's, in its order.
    """
    import pandas as pd

    rows = [_row(trial, names) for trial in trials]
    return pd.DataFrame(rows, columns=None if rows else ["trial", "state", *names])


def _row(trial: Trial, names: Sequence[str]) -> dict[str, Any]:
    row: dict[str, Any] = {"trial": trial.number, "state": trial.state}
    row |= {name: trial.point[name] for name in names if name in trial.point}
    for name, measured in trial.outcome.items():
        row[name] = measured.value
        row[f"{name}_se"] = measured.standard_error
    return row | {"attempts": len(trial.attempts), "invalidated": trial.invalidated, "reason": trial.reason}
