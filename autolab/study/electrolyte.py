"""The electrolyte of the simulated bench as a case: four stocks and a temperature, the truth of its world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from autolab.model.errors import TrialFailed
from autolab.model.objectives import Objective, OutcomeConstraint
from autolab.model.parameters import Mixture, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.stocks import Stock
from autolab.simulators.formulations import Formulations, composition_of
from autolab.study.case import Case, median_utility

if TYPE_CHECKING:
    from autolab.model.trial import Point

STOCKS: Mapping[str, Mapping[str, Any]] = {
    "ec_emc": {"solvents": {"EC": 0.5, "EMC": 0.5}, "density": 1.142, "price_per_mL": 0.70},
    "pc": {"solvents": {"PC": 1.0}, "density": 1.205, "price_per_mL": 0.50},
    "emc": {"solvents": {"EMC": 1.0}, "density": 1.006, "price_per_mL": 0.30},
    "salt": {"solvents": {"EC": 0.3, "EMC": 0.7}, "salts": {"LiPF6": 2.0}, "density": 1.290, "price_per_mL": 1.40},
}
"""Those of the electrolyte example."""
SALT = (0.2, 0.8)
TEMPERATURE = (25.0, 50.0)
COST = 0.9
COMPOSITION = {"EC": (0.0, 0.6), "LiPF6": (0.28, 2.3)}


@cache
def _formulations() -> Formulations:
    stocks = {name: Stock.from_json(name, dict(told)) for name, told in STOCKS.items()}
    return Formulations(stocks, {"salt": SALT}, COST, TEMPERATURE, COMPOSITION)


@dataclass(frozen=True)
class Electrolyte:
    """What is true of a formulation; one whose composition the lab does not trust fails."""

    def __call__(self, point: Point) -> dict[str, float]:
        """Return conductivity (mS/cm) and cost of 1 mL.

        Raises:
            TrialFailed: Its composition is outside the lab's bounds.
        """
        true = _formulations()
        made = composition_of(true.stocks, point)
        for name, (low, high) in true.composition.items():
            if not low - 1e-9 <= made.amount(name) <= high + 1e-9:
                msg = f"the amount of {name} would be {made.amount(name):.3g}, outside {low:g} to {high:g}"
                raise TrialFailed(msg)
        return true.outcome(point)


def electrolyte() -> Case:
    """Return the electrolyte: conductivity to maximize within a cost of 0.9 a mL; 4 volume fractions, 25 to 50 degC."""
    space = Space(
        [Mixture(tuple(STOCKS), total=1.0, bounds={"salt": SALT}), Real("temperature", *TEMPERATURE, unit="degC")]
    )
    problem = Problem(
        space, [Objective("conductivity", "maximize", unit="mS/cm")], [OutcomeConstraint("cost", "<=", COST)]
    )
    _, best = _formulations().optimum()
    truth = Electrolyte()
    low = median_utility(problem, truth)
    return Case("electrolyte", problem, truth, low, best["conductivity"], identity="electrolyte")
