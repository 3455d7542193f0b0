"""Trials made elsewhere, as the body of an `imported` event holds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from autolab.model.trial import Trial

if TYPE_CHECKING:
    from autolab.model.actions import JSON


def imported_body(trials: Iterable[Trial]) -> dict[str, JSON]:
    """Return the body of an `imported` event.

    Raises:
        ValueError: A trial that is neither completed nor failed: nothing can be learnt from it.

    >>> imported_body([Trial.completed({"rate": 2.0}, {"error": (1.5, 0.1)})])
    {'trials': [{'point': {'rate': 2.0}, 'fidelity': 'physical', 'outcome': {'error': [1.5, 0.1]}}]}
    """
    return {"trials": [trial_to_json(trial) for trial in trials]}


def trial_to_json(trial: Trial) -> dict[str, JSON]:
    """Return one trial as JSON: its point, its fidelity, and its outcome or the reason of its failure."""
    told: dict[str, JSON] = {"point": dict(trial.point), "fidelity": trial.fidelity}
    if trial.usable:
        outcome: dict[str, JSON] = {}
        for name, measured in trial.outcome.items():
            outcome[name] = [measured.value, measured.standard_error]
        return {**told, "outcome": outcome}
    if trial.state == "failed":
        return {**told, "reason": trial.reason}
    state = "invalidated" if trial.invalidated else trial.state
    msg = f"a trial that is {state} cannot be imported: only completed and failed ones can"
    raise ValueError(msg)


def trial_from_json(told: Mapping[str, Any]) -> Trial:
    """Return the trial that `trial_to_json` wrote, with source `import`."""
    fidelity = told.get("fidelity", "physical")
    if "outcome" in told:
        return Trial.completed(told["point"], told["outcome"], fidelity=fidelity)
    return Trial.failed(told["point"], str(told["reason"]), fidelity=fidelity)
