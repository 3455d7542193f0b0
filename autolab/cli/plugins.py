"""`autolab drivers list` and `autolab drivers test`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autolab.cli.console import complain, console, say, say_json, say_table
from autolab.cli.failures import WORK_FAILED, command, refuse
from autolab.cli.targets import AsJson

if TYPE_CHECKING:
    from collections.abc import Iterable

    from autolab.lab.driver_kit import Card, Finding
    from autolab.model.actions import JSON


@command
def list_drivers(as_json: AsJson = False) -> None:
    """List the drivers that are installed: for what, checked with what, and whether ever on hardware."""
    from autolab.lab.plugins import names

    simulated = set(names("simulators"))
    told = [_told(key, key in simulated) for key in names("drivers")]
    if as_json:
        say_json({"drivers": told})
        return
    rows = [
        [
            one["driver"],
            one["role"] or ", ".join(one["components"]),
            one["trouble"] or one["instruments"],
            "\n".join(one["checked_with"]) if one["simulator"] else "no simulator",
            one["on_hardware"] or "never",
            "; ".join(one["from_memory"]),
        ]
        for one in told
    ]
    say_table(["driver", "role", "instruments", "checked with", "on hardware", "from memory"], rows)
    say("Settings of each: --json. Its page in the documentation has wiring, wire sheet and quirks.")


def _told(key: str, simulator: bool) -> dict[str, Any]:
    from autolab.lab.plugins import settings_model
    from autolab.model.errors import InputError
    from autolab.spec.lab import component_roles, role_of

    settings: dict[str, str] = {}
    trouble, model = None, None
    try:
        model = settings_model(key)
        fields = getattr(model, "model_fields", {})
        settings = {name: field.description or "" for name, field in fields.items()}
    except InputError as error:  # a driver that cannot be loaded must not hide the others
        trouble = str(error)
    return {
        "driver": key,
        "role": role_of(key),
        "components": component_roles(key),
        "instruments": getattr(model, "instruments", ""),
        "simulator": simulator,
        "checked_with": list(getattr(model, "checked_with", ())),
        "on_hardware": getattr(model, "on_hardware", ""),
        "from_memory": list(getattr(model, "from_memory", ())),
        "settings": settings,
        "trouble": trouble,
    }


@command
def try_driver(
    driver: Annotated[str, typer.Argument(help="Its key, such as new_era.NE1000 or my_package.MyPump.")],
    lab: Annotated[
        Path | None, typer.Option(help="Lab file with an instrument of this driver: its settings are taken.")
    ] = None,
    over: Annotated[str, typer.Option(help="Over what, separated by commas: memory, tcp, pty.")] = "memory,tcp,pty",
    as_json: AsJson = False,
) -> None:
    """Run the contract kit on a driver and its simulator, and print a card of what holds. Nothing real is touched.

    Exit code 1: something does not hold.
    """
    from autolab.lab.driver_kit import TRANSPORTS, Card, check_driver
    from autolab.model.names import did_you_mean

    chosen = [one.strip() for one in over.split(",") if one.strip()]
    for one in chosen:
        if one not in TRANSPORTS:
            raise refuse(f"--over {one!r} is none of them: {did_you_mean(one, TRANSPORTS)}")
    if "pty" in chosen and sys.platform == "win32":
        chosen.remove("pty")
    settings = None if lab is None else _settings(driver, lab)
    findings = check_driver(driver, over=chosen, settings=settings)  # type: ignore[arg-type]  # checked above
    card = Card(driver, tuple(findings if as_json else _followed(findings)))
    if as_json:
        say_json(card.to_json())
    else:
        _say(card)
    if not card.ok:
        raise typer.Exit(WORK_FAILED)


def _settings(driver: str, lab: Path) -> dict[str, JSON]:
    from autolab.spec.lab import load_lab

    declared = load_lab(lab)
    for one in declared.instruments.values():
        if one.driver == driver:
            return {**one.settings, **({"limits": dict(one.limits)} if one.limits else {})}
    used = sorted({one.driver for one in declared.instruments.values()})
    raise refuse(f"{lab} has no instrument with driver {driver!r}; it has {', '.join(used)}")


def _followed(findings: Iterable[Finding]) -> Iterable[Finding]:
    """Pass findings on and say which check is done, on a terminal: real ports take their time."""
    with console(error=True).status("the contract kit") as status:
        for finding in findings:
            status.update(f"{finding.transport}: {finding.check.replace('_', ' ')}")
            yield finding


def _say(card: Card) -> None:
    transports = list(dict.fromkeys(finding.transport for finding in card.findings))
    found = {(one.check, one.transport): one for one in card.findings}
    rows = [
        [check.replace("_", " "), *("ok" if not found[check, over].trouble else "BROKEN" for over in transports)]
        for check in dict.fromkeys(one.check for one in card.findings)
    ]
    say_table([card.driver, *transports], rows)
    for one in card.findings:
        if one.trouble:
            complain(f"{one.check.replace('_', ' ')}, over {one.transport}: {one.trouble}")
    if card.ok:
        say(f"{card.driver} keeps the contract on its simulator. That says nothing of hardware.")
