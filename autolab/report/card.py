"""The card: a campaign at a glance, for notebooks."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from autolab.plots.marks import measured_text
from autolab.plots.style import units_of
from autolab.report.goal import goal_words
from autolab.report.markup import Html, bullets, text
from autolab.report.sparkline import sparkline
from autolab.report.values import count, in_order, point_words

if TYPE_CHECKING:
    from autolab.journal.history import History
    from autolab.model.problem import Problem
    from autolab.model.trial import Trial

logger = logging.getLogger(__name__)

_BOX = (
    "border:1px solid #d8dde4;border-radius:8px;padding:10px 16px;max-width:760px;"
    "font-family:system-ui,sans-serif;color:#1f2937;background:#fff"
)
WHO = {"virtual": "virtual lab", "physical": "physical lab", "function": "a function"}


def safe_card(
    name: str,
    problem: Problem,
    history: Callable[[], History],
    kind: str,
    outcomes: Callable[[], Mapping[str, str]],
) -> Html:
    """Return the card, or what stands in the way of it: a notebook must be able to show any campaign.

    Args:
        name: Of the campaign.
        problem: What to reach.
        history: Reads what the journal tells.
        kind: See `card`.
        outcomes: Returns the units of what the problem does not tell.
    """
    try:
        return card(name, problem, history(), kind, outcomes())
    except Exception as error:  # a journal that is damaged, say: the name can be shown all the same
        logger.debug("the card of %r could not be made whole", name, exc_info=True)
        return f'<div style="{_BOX}"><b>{text(name)}</b><br>{text(f"{type(error).__name__}: {error}")}</div>'


def card(
    name: str, problem: Problem, history: History | None, kind: str, outcomes: Mapping[str, str] | None = None
) -> Html:
    """Return goal, state, best trial and progress in a few lines of HTML.

    Args:
        name: Of the campaign.
        problem: What to reach.
        history: As the journal tells it; None before there is one.
        kind: Who performs the trials: `function`, `virtual` or `physical`.
        outcomes: Quantity -> unit, where the problem does not tell it.
    """
    units = units_of(problem, outcomes)
    trials = history.trials if history is not None else ()
    parts = [
        f"<b>{text(name)}</b> <small>on {text(WHO.get(kind, kind))}: {text(_state(history, trials))}</small>",
        bullets(goal_words(problem, units)),
        _best(problem, trials, units),
        sparkline(problem, trials),
    ]
    return f'<div style="{_BOX}">{"".join(parts)}</div>'


def _state(history: History | None, trials: Sequence[Trial]) -> str:
    if history is None or not history.campaign:
        return "not begun"
    counts = ", ".join(f"{number} {state}" for state, number in Counter(trial.state for trial in trials).items())
    stop = f"; stopped: {history.stopped.detail or history.stopped.reason}" if history.stopped is not None else ""
    asked = f"; {count(len(history.questions), 'question')} to answer" if history.questions else ""
    return f"{counts or 'no trial yet'}{stop}{asked}"


def _best(problem: Problem, trials: Sequence[Trial], units: Mapping[str, str]) -> Html:
    front = problem.front(trials)
    if not front:
        return "<p>No trial is feasible yet.</p>" if trials else ""
    if len(front) > 1:
        return f"<p>Pareto set: trials {', '.join(str(trial.number) for trial in front)}.</p>"
    (best,) = front
    values = ", ".join(
        f"{text(name)} <b>{text(measured_text(one, units.get(name, '')))}</b>"
        for name, one in in_order(problem, best.outcome)
    )
    return f"<p>Best, trial {best.number}: {values}<br>at {point_words(problem, best.point, units)}</p>"
