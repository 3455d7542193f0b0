"""Figures in a report: drawn by the plotly.js that stands in the same file."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from autolab.model.errors import AutolabError
from autolab.plots import parameters, progress, surface
from autolab.plots.progress import best_so_far
from autolab.plots.style import shown
from autolab.report.markup import Html, paragraph, section, text
from autolab.report.values import count, with_unit

if TYPE_CHECKING:
    from autolab.planners.prediction import Predict, Prediction
    from autolab.report.facts import Facts

NARROW_TOP = 150
"""Above the panels on narrow screens, px: the legend has more lines there."""


def progress_section(facts: Facts) -> Html:
    """Return the section on how far the campaign has come."""
    problem = facts.problem
    if problem is None or not facts.trials:
        return ""

    def draw(_columns: int) -> Any:  # noqa: ANN401  a Figure
        return progress(problem, facts.trials, units=facts.units, target=facts.target, before=facts.before)

    return section("progress", "Progress", figure("progress", _progress_words(facts), draw))


def parameters_section(facts: Facts) -> Html:
    """Return the section on where the campaign looked."""
    problem = facts.problem
    if problem is None or not any(trial.state == "completed" for trial in facts.trials):
        return ""

    def draw(columns: int) -> Any:  # noqa: ANN401  a Figure
        return parameters(problem, facts.trials, units=facts.units, columns=columns)

    told = (
        f"Each objective against each of {', '.join(problem.space.names)}, over "
        f"{count(len(facts.trials), 'trial')}; the values are in the table of all trials."
    )
    return section("parameters", "Where it looked", figure("parameters", told, draw))


def model_section(facts: Facts, predict: Predict | None, why: str) -> Html:
    """Return the section on what the model believes.

    Args:
        facts: The campaign.
        predict: The model; None where there is none.
        why: Why there is none.
    """
    problem = facts.problem
    if problem is None or not facts.history.campaign:
        return ""
    if predict is None:
        return section("model", "What the model believes", paragraph(f"There are no slices: {text(why)}.", "note"))
    asked = _remembered(predict)

    def draw(columns: int) -> Any:  # noqa: ANN401  a Figure
        return surface(problem, [*facts.trials, *facts.before], asked, units=facts.units, columns=columns)

    told = (
        "What the model expects of each objective while one parameter moves from the best point, with a 95 % band, "
        "and over the two parameters that matter most."
    )
    try:
        drawn = figure("model", told, draw)
    except (AutolabError, ValueError, ArithmeticError) as error:
        drawn = paragraph(f"The slices could not be drawn: {text(error)}.", "note")
    return section("model", "What the model believes", _how_to_read(), drawn)


def _how_to_read() -> Html:
    return paragraph(
        "Each panel moves one parameter from the best point and leaves the others where they are (of a mixture, the "
        "other components keep their ratio). The band holds the quantity itself with 95 %; a new measurement scatters "
        "around it by its own error besides."
    )


def _remembered(predict: Predict) -> Predict:
    """Answer the same question once: the layouts for wide and narrow screens ask alike."""
    known: dict[str, list[Prediction]] = {}

    def ask(points: Sequence[Any]) -> list[Prediction]:
        key = repr(points)
        if key not in known:
            known[key] = predict(points)
        return known[key]

    return ask


def figure(name: str, alternative: str, draw: Callable[[int], Any]) -> Html:
    """Return a figure, for wide screens and for narrow ones.

    Args:
        name: Unique in the page.
        alternative: What the figure shows, for those who do not see it.
        draw: Makes it, with so many panels side by side.
    """
    narrow = draw(1)
    narrow.update_layout(
        margin={"t": NARROW_TOP}, height=narrow.layout.height + NARROW_TOP - narrow.layout.margin.t, title_font_size=13
    )
    specs = json.dumps({"wide": _plain(draw(3)), "narrow": _plain(narrow)}, separators=(",", ":"), ensure_ascii=False)
    return (
        f'<figure><div class="plot" id="plot-{name}" role="img" aria-label="{text(alternative)}"></div>'
        f"<figcaption>{text(alternative)}</figcaption></figure>\n"
        f'<script type="application/json" data-plot="plot-{name}">{safe_json(specs)}</script>\n'
    )


def _plain(drawn: Any) -> Any:  # noqa: ANN401  a Figure, as JSON
    return json.loads(drawn.to_json())


def safe_json(told: str) -> str:
    r"""Return JSON that cannot end the script element that it stands in.

    >>> safe_json('["</script>"]')
    '["\\u003c/script>"]'
    """
    return told.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _progress_words(facts: Facts) -> str:
    """Return in words what the figure of the progress shows."""
    if facts.problem is None:
        return ""
    told = []
    for objective in facts.problem.objectives:
        x, y = best_so_far(facts.problem, objective, facts.trials)
        if y:
            unit = facts.units.get(objective.name, "")
            told.append(
                f"best feasible {objective.name} from {shown(y[0])} (trial {x[0]}) to {with_unit(y[-1], unit)} after "
                f"{count(len(facts.trials), 'trial')}"
            )
    return f"Progress: {'; '.join(told) or 'no feasible result yet'}."
