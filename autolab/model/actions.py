"""Actions on the physical world: their class, their intent, and what reconciling found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]

ActionClass = Literal["read", "idempotent", "queryable", "once"]
"""What may be done when an action's outcome is unknown.

`read`: do it again. `idempotent`: read back, do it again. `queryable`: ask the instrument (`reconcile`).
`once` (the default): only a person can say.
"""

Verb = Literal["set", "trigger", "kickoff", "complete"]
Verdict = Literal["happened", "not", "partial", "unknown"]


@dataclass(frozen=True)
class Intent:
    """What was about to be done, made durable before the first byte of it went out.

    Attributes:
        instrument: Name in the lab, dotted for a component (`plate.heater`).
        verb: The bluesky verb.
        value: The command as `roles.command_to_json` writes it; None for `trigger`.
        action_class: Class of this action.
        context: What `prepare` saw before (counter readings, contents), for `reconcile`.
    """

    instrument: str
    verb: Verb
    value: JSON
    action_class: ActionClass
    context: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True)
class Reconciled:
    """What an instrument could tell about an action in doubt.

    Attributes:
        verdict: `happened`, `not`, `partial` or `unknown`.
        amount: How much happened, in the command's unit (mL for a dispense); None where it does not apply.
        result: As the action's own result would have been (may hold `state`).
        why: The evidence, in words.
    """

    verdict: Verdict
    amount: float | None = None
    result: Mapping[str, JSON] = field(default_factory=dict)
    why: str = ""
