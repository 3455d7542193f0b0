"""Planners: each proposes points from a problem and its history, and is a pure function of what it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autolab.planners.bayes import Bayes
    from autolab.planners.sobol import Sobol

__all__ = ["Bayes", "Sobol"]


def __getattr__(name: str) -> object:
    if name == "Bayes":
        from autolab.planners.bayes import Bayes

        return Bayes
    if name == "Sobol":
        from autolab.planners.sobol import Sobol

        return Sobol
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return __all__
