"""Planners: each proposes points from a problem and its history, and is a pure function of what it is given."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autolab.planners.active import Learn, LevelSet
    from autolab.planners.ax import Ax
    from autolab.planners.baybe import BayBE
    from autolab.planners.bayes import Bayes
    from autolab.planners.factorial import Factorial, PlackettBurman
    from autolab.planners.forest import Forest
    from autolab.planners.from_optimizer import FromOptimizer
    from autolab.planners.lhs import LatinHypercube
    from autolab.planners.optimal import DOptimal, IOptimal
    from autolab.planners.optimizer import as_optimizer
    from autolab.planners.optuna import Optuna
    from autolab.planners.preference import Preference
    from autolab.planners.repeating import Repeating
    from autolab.planners.response_surface import BoxBehnken, CentralComposite
    from autolab.planners.simplex import SimplexCentroid, SimplexLattice
    from autolab.planners.sobol import Sobol
    from autolab.planners.spread import FarthestPoint, KMedoids

__all__ = [
    "Ax",
    "BayBE",
    "Bayes",
    "BoxBehnken",
    "CentralComposite",
    "DOptimal",
    "Factorial",
    "FarthestPoint",
    "Forest",
    "FromOptimizer",
    "IOptimal",
    "KMedoids",
    "LatinHypercube",
    "Learn",
    "LevelSet",
    "Optuna",
    "PlackettBurman",
    "Preference",
    "Repeating",
    "SimplexCentroid",
    "SimplexLattice",
    "Sobol",
    "as_optimizer",
]

_HOMES = {
    "Ax": "ax",
    "BayBE": "baybe",
    "Bayes": "bayes",
    "BoxBehnken": "response_surface",
    "CentralComposite": "response_surface",
    "DOptimal": "optimal",
    "Factorial": "factorial",
    "FarthestPoint": "spread",
    "Forest": "forest",
    "FromOptimizer": "from_optimizer",
    "IOptimal": "optimal",
    "KMedoids": "spread",
    "LatinHypercube": "lhs",
    "Learn": "active",
    "LevelSet": "active",
    "Optuna": "optuna",
    "PlackettBurman": "factorial",
    "Preference": "preference",
    "Repeating": "repeating",
    "SimplexCentroid": "simplex",
    "SimplexLattice": "simplex",
    "Sobol": "sobol",
    "as_optimizer": "optimizer",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(f"autolab.planners.{_HOMES[name]}"), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return __all__
