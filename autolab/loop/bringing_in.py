"""Past results into a journal that nobody runs now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autolab.journal.events import Entry
from autolab.journal.imported import imported_body
from autolab.loop.pinning import pin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from autolab.journal.journal import Journal
    from autolab.loop.pinning import Declared
    from autolab.model.actions import JSON
    from autolab.model.trial import Trial

IMPORTED = "imported"
"""Why an ownership ended that only brought results in; as a stop reason it is no run's."""


def bring_in(journal: Journal, declared: Declared, trials: Sequence[Trial], told: Mapping[str, JSON], by: str) -> None:
    """Journal trials made elsewhere, all or none; no lab time passes.

    Args:
        journal: Of the campaign, or a new one.
        declared: The campaign.
        trials: Completed and failed ones.
        told: What the record should say of where they are from.
        by: Who brings them in.

    Raises:
        CampaignChanged: The journal is of another campaign.
    """
    lab_time = journal.history.last_lab_time
    journal.now = lambda: lab_time
    pin(journal, declared, "refuse", by)
    body = {**imported_body(trials), **told, "by": by}
    detail = f"{len(trials)} trial{'s' * (len(trials) != 1)} of {told.get('from') or 'a table'} were brought in"
    journal.append_all([Entry("imported", body), Entry("stopped", {"reason": IMPORTED, "detail": detail})])
