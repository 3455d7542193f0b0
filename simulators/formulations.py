"""What is true of a formulation before any noise: what it conducts, what it costs, and which one is the best.

A person with a real bench never knows this. Benchmarks and demonstrations do, and compare what a campaign found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from autolab.model.errors import InputError
from autolab.model.stocks import Composition, Stock, grams_of
from autolab.simulators.conductivity import conductivity

if TYPE_CHECKING:
    from autolab.model.trial import Value

Array = NDArray[Any]
Range = tuple[float, float]

KNOWN: Final = ("EC", "PC", "EMC", "LiPF6")
STARTS: Final = 40  # of the search for the optimum; a tenth of them would do for the problems tried
EXACTLY: Final = 1e-9  # by how much rounding may break a bound
ROUNDED: Final = 1e-6  # by how much the fractions of a point that was written down may miss 1


def composition_of(stocks: Mapping[str, Stock], fractions: Mapping[str, Value]) -> Composition:
    """Return what a mixture is made of.

    Args:
        stocks: By the name of their parameter.
        fractions: Volume fractions by parameter; a stock that is not named is absent, and other names are left aside.

    Raises:
        InputError: A stock holds something that the conductivity model does not know.
        ValueError: There is nothing in the mixture.
    """
    held = grams_of({name: float(fractions.get(name, 0.0)) for name in stocks}, stocks)
    strange = [name for name, mass in held.items() if mass > 0 and name not in KNOWN]
    if strange:
        msg = f"nothing is known of what {', '.join(strange)} conducts: the model is of {', '.join(KNOWN)}"
        raise InputError(msg)
    return Composition.of(held)


def true_outcome(stocks: Mapping[str, Stock], fractions: Mapping[str, Value], temperature: float) -> dict[str, float]:
    """Return the conductivity (mS/cm) at a temperature (degC) and the cost of 1 mL, without noise.

    Raises:
        InputError, ValueError: As `composition_of`.
    """
    made = composition_of(stocks, fractions)
    conducts = conductivity(made.amount("LiPF6"), made.amount("EC"), made.amount("PC"), made.amount("EMC"), temperature)
    total = sum(float(fractions.get(name, 0.0)) for name in stocks)
    cost = sum(float(fractions.get(name, 0.0)) * stock.price for name, stock in stocks.items()) / total
    return {"conductivity": conducts, "cost": cost}


def true_optimum(
    stocks: Mapping[str, Stock],
    bounds: Mapping[str, Range] | None = None,
    max_cost: float = float("inf"),
    temperature: Range = (25.0, 25.0),
    composition: Mapping[str, Range] | None = None,
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the point (fractions, and `temperature`) that conducts best within bounds, and its outcome.

    Args:
        stocks: By the name of their parameter; their fractions add up to 1.
        bounds: Of the fractions; 0 to 1 where none are given.
        max_cost: Of 1 mL.
        temperature: Lowest and highest, degC. The highest is best: any solution conducts better when warmer.
        composition: Least and most of a solvent (mass fraction) or salt (mol/kg).

    Raises:
        InputError: No mixture keeps all bounds, or as `composition_of`.
    """
    return Formulations(stocks, bounds or {}, max_cost, temperature, composition or {}).optimum()


@dataclass(frozen=True)
class Formulations:
    """The formulations that a campaign may choose from, and the truth about them.

    Attributes:
        stocks: By the name of their parameter.
        bounds: Of the fractions; 0 to 1 where none are given.
        max_cost: Of 1 mL.
        temperature: Lowest and highest, degC.
        composition: Least and most of a solvent (mass fraction) or salt (mol/kg).
    """

    stocks: Mapping[str, Stock]
    bounds: Mapping[str, Range] = field(default_factory=dict)
    max_cost: float = float("inf")
    temperature: Range = (25.0, 25.0)
    composition: Mapping[str, Range] = field(default_factory=dict)

    @classmethod
    def declared(cls, campaign: Mapping[str, Any], lab: Mapping[str, Any]) -> Formulations:
        """Read them from the contents of a campaign file and its lab file, both known to be free of faults.

        The space is one mixture of stocks and the parameter `temperature`; the cost is bounded from above.
        """
        mixture = next(one for one in campaign["space"].values() if "names" in one)
        protocol = campaign["protocol"]
        names = [lab["instruments"][protocol["with"][name]]["stock"] for name in mixture["names"]]
        stocks = [Stock.from_json(name, lab["stocks"][name]) for name in names]
        limit = str(campaign.get("outcome_constraints", {}).get("cost", "<= inf"))
        low, high = campaign["space"]["temperature"]["bounds"]
        return cls(
            dict(zip(mixture["names"], stocks, strict=True)),
            {name: (float(least), float(most)) for name, (least, most) in mixture.get("bounds", {}).items()},
            float(limit.replace("<=", "")),
            (float(low), float(high)),
            {name: (float(least), float(most)) for name, (least, most) in protocol.get("composition", {}).items()},
        )

    def outcome(self, point: Mapping[str, Value]) -> dict[str, float]:
        """Return the true outcome at a point, which names the fractions and the temperature."""
        return true_outcome(self.stocks, point, float(point["temperature"]))

    def feasible(self, point: Mapping[str, Value]) -> bool:
        """Return whether a point keeps all bounds: on fractions and their sum, temperature, cost and composition."""
        made = composition_of(self.stocks, point)
        fractions = [float(point.get(name, 0.0)) for name in self.stocks]
        within = [
            (sum(fractions), (1.0 - ROUNDED, 1.0 + ROUNDED)),
            (float(point["temperature"]), self.temperature),
            (self.outcome(point)["cost"], (0.0, self.max_cost)),
            *zip(fractions, (self.bounds.get(name, (0.0, 1.0)) for name in self.stocks), strict=True),
            *((made.amount(name), bound) for name, bound in self.composition.items()),
        ]
        return all(low - EXACTLY <= value <= high + EXACTLY for value, (low, high) in within)

    def value(self, point: Mapping[str, Value]) -> float:
        """Return the noiseless feasible value of a point: what it conducts, mS/cm, or 0 where it breaks a bound."""
        return self.outcome(point)["conductivity"] if self.feasible(point) else 0.0

    def optimum(self) -> tuple[dict[str, float], dict[str, float]]:
        """Return the best point and its outcome; see `true_optimum`."""
        random = np.random.default_rng(0)
        ends = [self._climb(start) for start in random.dirichlet(np.ones(len(self.stocks)), STARTS)]
        best = max(ends, key=self.value)
        if not self.value(best) > 0:
            msg = f"no mixture of {', '.join(self.stocks)} keeps the bounds on fractions, cost and composition: widen them"
            raise InputError(msg)
        return best, self.outcome(best)

    def _climb(self, start: Array) -> dict[str, float]:
        """Go up from fractions to the nearest optimum; the end may break bounds where no way led within."""
        from scipy.optimize import minimize

        ranges = [self.bounds.get(name, (0.0, 1.0)) for name in self.stocks]
        found = minimize(
            lambda fractions: -self.outcome(self._point(fractions))["conductivity"],
            np.clip(start, *np.transpose(ranges)),
            method="SLSQP",
            bounds=ranges,
            constraints=[
                {"type": "eq", "fun": lambda fractions: np.sum(fractions) - 1.0},
                {"type": "ineq", "fun": self._margins},
            ],
            options={"ftol": 1e-12, "maxiter": 300},
        )
        return self._point(found.x)

    def _margins(self, fractions: Array) -> list[float]:
        """Return how far fractions keep each bound on cost and composition."""
        made = composition_of(self.stocks, self._point(fractions))
        margins = [
            side for name, (a, b) in self.composition.items() for side in (made.amount(name) - a, b - made.amount(name))
        ]
        if self.max_cost < float("inf"):
            margins.append(self.max_cost - self.outcome(self._point(fractions))["cost"])
        return margins or [1.0]  # the search wants one at least

    def _point(self, fractions: Array) -> dict[str, float]:
        """Return fractions as a point at the highest temperature."""
        named = dict(zip(self.stocks, (max(0.0, float(one)) for one in fractions), strict=True))
        return named | {"temperature": self.temperature[1]}
