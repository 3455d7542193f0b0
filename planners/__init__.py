"""Planners: each proposes points from a problem and its history, and is a pure function of what it is given."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autolab.planners.active import Learn, LevelSet
    from autolab.planners.bayes import Bayes
    from autolab.planners.forest import Forest
    from autolab.planners.repeating import Repeating
    from autolab.planners.sobol import Sobol

__all__ = ["Bayes", "Forest", "Learn", "LevelSet", "Repeating", "Sobol"]
_HOMES = {
    "Bayes": "bayes",
    "Forest": "forest",
    "Learn": "active",
    "LevelSet": "active",
    "Repeating": "repeating",
    "Sobol": "sobol",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(f"autolab.planners.{_HOMES[name]}"), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return __all__
