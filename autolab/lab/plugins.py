"""Plug-ins by name: drivers, simulators, worlds, planners and protocols, loaded only when a file names them."""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, get_args

from autolab.model.errors import InputError, UnknownPlugin
from autolab.model.names import did_you_mean

Group = Literal["drivers", "simulators", "worlds", "planners", "protocols"]
"""What plug-ins there are; the entry-point group is `autolab.<group>`."""


def names(group: Group) -> list[str]:
    """Return the names of a group, sorted, without importing any of them."""
    return sorted(_entries(group))


def resolve(group: Group, key: str) -> Any:  # noqa: ANN401  a class, or a decorated function
    """Import what goes by `key` in `group` and return it.

    Raises:
        UnknownPlugin: No such name, or what it names cannot be imported.

    >>> resolve("drivers", "new_era.NE1001")
    Traceback (most recent call last):
    ...
    autolab.model.errors.UnknownPlugin: no driver is called 'new_era.NE1001': did you mean 'new_era.NE1000'? ...
    """
    entry = _entry(group, key)
    try:
        return entry.load()
    except (ImportError, AttributeError) as error:
        msg = f"{_singular(group)} {key!r} ({entry.value}) cannot be loaded: {error}. Install or repair its package"
        raise UnknownPlugin(msg) from error


def settings_model(key: str, group: Group = "drivers") -> Any:  # noqa: ANN401  a pydantic model class, or None
    """Return the pydantic model of a plug-in's settings, or None where it declares none.

    A plug-in `package.module:Name` keeps it as `NameSettings` in `package.module_settings`, so that a file can be
    checked without importing what the plug-in itself needs. Without such a module the plug-in is imported and its
    attribute `Settings` taken.

    Raises:
        UnknownPlugin: No such name.
        InputError: The settings module does not hold the class.
    """
    entry = _entry(group, key)
    module = f"{entry.module}_settings"
    try:
        found = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        found = None
    if found is None:
        return getattr(resolve(group, key), "Settings", None)
    name = f"{entry.attr.rpartition('.')[2]}Settings"
    model = getattr(importlib.import_module(module), name, None)
    if model is None:
        msg = f"{_singular(group)} {key!r}: its module {module} must hold a class {name}"
        raise InputError(msg)
    return model


def role_of(key: str) -> str | None:
    """Return the role that a driver plays as a whole, or None where it leaves that to its components.

    The settings model may tell it (a class variable `role`, beside or instead of `components` with roles of their own);
    else the driver is imported.

    Raises:
        UnknownPlugin: No such driver.
    """
    told = settings_model(key)
    role = getattr(told, "role", None)
    if not role and not getattr(told, "components", None):
        role = getattr(resolve("drivers", key), "role", None)
    return role if isinstance(role, str) and role else None


@cache
def _entries(group: Group) -> dict[str, EntryPoint]:
    if group not in get_args(Group):
        msg = f"{group!r} is no group of plug-ins: {did_you_mean(group, get_args(Group))}"
        raise InputError(msg)
    return {entry.name: entry for entry in entry_points(group=f"autolab.{group}")}


def _entry(group: Group, key: str) -> EntryPoint:
    entry = _entries(group).get(key)
    if entry is None:
        msg = f"no {_singular(group)} is called {key!r}: {did_you_mean(key, names(group))}"
        raise UnknownPlugin(msg)
    return entry


def _singular(group: Group) -> str:
    return group.removesuffix("s")
