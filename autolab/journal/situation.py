"""What the planner was shown when it chose a trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autolab.journal.history import Fold, shown
from autolab.model.errors import InputError

if TYPE_CHECKING:
    from autolab.journal.reading import Readable
    from autolab.model.trial import Point, Trial


@dataclass(frozen=True)
class Situation:
    """One decision, seen from one of its points.

    Attributes:
        point: The one that was chosen.
        history: Trials that the planner was shown.
        pending: Points under way then, and those of the same decision that were chosen before.
        seed: As the planner was given it.
        rule: As the suggestion told it.
        fallback: Why another planner stood in; None where the planner answered.
    """

    point: Point
    history: Sequence[Trial]
    pending: Sequence[Point]
    seed: int
    rule: str
    fallback: str | None


def situation(reader: Readable, trial: int) -> Situation:
    """Return what the planner was shown when it chose a trial of the last campaign.

    Args:
        reader: A `JournalReader`, or the owner's `Journal`.
        trial: Its number.

    Raises:
        InputError: No decision led to a trial of that number.
    """
    folded = Fold()
    for event in reader.events():
        before = folded.history if event.kind == "decided" and event.campaign == reader.campaign else None
        folded.apply(event)
        decision = folded.history.decisions[-1] if before is not None else None
        if before is None or decision is None or trial not in decision.trials:
            continue
        place = decision.trials.index(trial)
        return Situation(
            point=decision.points[place],
            history=shown(reader, event, before).usable_history(),
            pending=(*decision.pending, *decision.points[:place]),
            seed=decision.seed,
            rule=str(folded.history.trial(trial).info.get("rule", "")),
            fallback=decision.fallback,
        )
    made = [one.number for one in folded.history.trials]
    told = f"it has trials {made[0]} to {made[-1]}" if made else "it has none yet"
    msg = f"the campaign has no trial {trial}: {told}"
    raise InputError(msg)
