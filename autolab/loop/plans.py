"""The plan of one attempt: recover where that is needed, then the protocol in one bluesky run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bluesky import plan_stubs as bps

from autolab.loop.phases import RECOVER, START
from autolab.model.errors import OutsideLimits, TrialFailed
from autolab.protocols.stubs import phase

if TYPE_CHECKING:
    from collections.abc import Generator

    from autolab.loop.executor import Job
    from autolab.model.contracts import LeasedLab, Procedure
    from autolab.model.trial import OutcomeLike


def attempt_plan(procedure: Procedure, lab: LeasedLab, job: Job) -> Generator[Any, Any, OutcomeLike]:
    """Yield the messages of one attempt and return its outcome."""
    if job.recover:
        yield from phase(RECOVER)
        yield from procedure.recover(lab)
        yield from phase(START)
    yield from bps.open_run({"point": dict(job.point), "recovered": job.recover})
    try:
        outcome = yield from procedure.perform(lab, job.point)
    except OutsideLimits as error:  # nothing was sent: the point asks for what this lab forbids, and always will
        raise TrialFailed(f"the lab forbids it: {error}") from error
    yield from bps.close_run()
    return outcome
