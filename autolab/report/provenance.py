"""Where results come from: who ran what, when, with which code and in which versions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from autolab.report.markup import Cell, Html, pairs, section, table, text
from autolab.report.values import moment

if TYPE_CHECKING:
    from autolab.report.facts import Facts

PERFORMED = {
    "virtual": "SIMULATED: a virtual lab answered, no hardware moved",
    "physical": "PHYSICAL: hardware performed these trials",
    "function": "A FUNCTION was evaluated: no lab took part",
}


def provenance(facts: Facts) -> Html:
    """Return the section on where the results come from."""
    parts = [f'<p class="performed">{text(PERFORMED[facts.kind])}</p>\n', pairs(_facts(facts))]
    parts += [_runs(facts), _changes(facts), _versions(facts), _digests(facts), _declared(facts)]
    return section("provenance", "Provenance", *parts)


def _facts(facts: Facts) -> list[tuple[str, Html]]:
    opened, declared = facts.history.opened, facts.declaration
    told = [
        ("campaign", text(facts.name)),
        ("journal", f"<code>{text(facts.path)}</code>"),
        ("number in the journal", text(facts.history.campaign)),
        ("seed", text(opened.get("seed"))),
        ("planner", f"<code>{text(_use(declared.get('planner')))}</code>"),
        ("protocol", f"<code>{text(_use(declared.get('protocol')))}</code>"),
    ]
    if opened.get("supersedes"):
        told.append(("supersedes", text(f"campaign {opened['supersedes']} of this journal, and inherits its trials")))
    if facts.events:
        told.append(("begun", text(moment(facts.events[0].wall_time))))
        told.append(("last event", text(f"{moment(facts.events[-1].wall_time)} (number {facts.events[-1].seq})")))
    return told


def _use(declared: Any) -> str:  # noqa: ANN401  a mapping, or None
    return str(declared.get("use")) if isinstance(declared, Mapping) else "none"


def _runs(facts: Facts) -> Html:
    rows: list[list[Cell | str]] = [
        [moment(event.wall_time), *(str(event.body.get(key, "")) for key in ("by", "host", "pid", "clock"))]
        for event in facts.of("owned")
    ]
    return table("Runs", ["since", "by", "host", "process", "clock"], rows) if rows else ""


def _changes(facts: Facts) -> Html:
    rows: list[list[Cell | str]] = []
    for event in facts.of("amended", "change_accepted"):
        changes = cast("Mapping[str, Any]", event.body.get("changes") if "changes" in event.body else event.body)
        for key, change in changes.items():
            if isinstance(change, Mapping):
                rows.append(
                    [moment(event.wall_time), event.kind, key, _brief(change.get("old")), _brief(change.get("new"))]
                )
    return table("Changes while it ran", ["when", "kind", "what", "before", "after"], rows) if rows else ""


def _brief(value: object) -> str:
    told = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return told if len(told) <= 80 else told[:79] + "…"


def _versions(facts: Facts) -> Html:
    versions = facts.history.opened.get("versions") or {}
    rows: list[list[Cell | str]] = [[str(name), str(version or "not installed")] for name, version in versions.items()]
    return table("Versions when it began", ["package", "version"], rows) if rows else ""


def _digests(facts: Facts) -> Html:
    rows: list[list[Cell | str]] = [
        [name, Cell(f"<code>{text(value)}</code>")] for name, value in facts.history.digests.items()
    ]
    return table("Digests of what is pinned", ["part", "SHA-256 of its content"], rows) if rows else ""


def _declared(facts: Facts) -> Html:
    if not facts.declaration:
        return ""
    told = json.dumps(facts.declaration, indent=2, ensure_ascii=False, default=str)
    return (
        f"<details><summary>The whole declaration, as the journal pins it</summary><pre>{text(told)}</pre></details>\n"
    )
