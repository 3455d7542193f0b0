"""`autolab drivers list`."""

from __future__ import annotations

from typing import Any

from autolab.cli.console import say_json, say_table
from autolab.cli.failures import command
from autolab.cli.targets import AsJson


@command
def list_drivers(as_json: AsJson = False) -> None:
    """List the drivers that are installed, their roles, settings and simulators."""
    from autolab.lab.plugins import names

    simulated = set(names("simulators"))
    told = [_told(key, key in simulated) for key in names("drivers")]
    if as_json:
        say_json({"drivers": told})
        return
    rows = [
        [one["driver"], one["role"], "yes" if one["simulator"] else "no", ", ".join(one["settings"]) or one["trouble"]]
        for one in told
    ]
    say_table(["driver", "role", "simulator", "settings"], rows)


def _told(key: str, simulator: bool) -> dict[str, Any]:
    from autolab.lab.plugins import settings_model
    from autolab.model.errors import InputError
    from autolab.spec.lab import role_of

    settings: dict[str, str] = {}
    trouble = None
    try:
        model = settings_model(key)
        fields = getattr(model, "model_fields", {})
        settings = {name: field.description or "" for name, field in fields.items()}
    except InputError as error:  # a driver that cannot be loaded must not hide the others
        trouble = str(error)
    return {"driver": key, "role": role_of(key), "simulator": simulator, "settings": settings, "trouble": trouble}
