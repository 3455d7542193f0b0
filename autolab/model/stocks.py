"""Stocks: solutions of known composition that pumps dose, and what comes of mixing them.

Notation: a stock's solvents are mass fractions of its solvent (they add up to 1), its salts mol per kg of solvent.
Volumes are taken to add up on mixing (excess volumes of carbonate solutions are below 1 %).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from autolab.model.errors import InputError
from autolab.model.names import did_you_mean

if TYPE_CHECKING:
    from autolab.model.actions import JSON

MOLAR_MASS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "LiPF6": 151.905,
        "LiBF4": 93.746,
        "LiTFSI": 287.09,
        "LiFSI": 187.07,
        "LiClO4": 106.39,
        "LiBOB": 193.79,
        "NaPF6": 167.954,
        "NaCl": 58.443,
        "KCl": 74.551,
    }
)
"""Molar masses of salts, g/mol: sums of the standard atomic weights (IUPAC 2021)."""

KEYS: Final = ("solvents", "salts", "density", "price_per_mL", "loaded_mL")
_EXACTLY: Final = 1e-6  # mass fractions add up to 1 this closely


@dataclass(frozen=True)
class Stock:
    """A solution of known composition, in a bottle.

    Attributes:
        name: As pumps name it.
        solvents: Solvent -> mass fraction of the solvent.
        salts: Salt -> mol per kg of solvent.
        density: g/mL at room temperature.
        price: Of 1 mL, in the lab's currency.
        loaded: What the bottle held when the campaign began, mL; None where nobody says.

    Raises:
        InputError: Fractions that do not add up to 1, an unknown salt, a number that cannot be.
    """

    name: str
    solvents: Mapping[str, float]
    salts: Mapping[str, float] = field(default_factory=dict)
    density: float = 1.0
    price: float = 0.0
    loaded: float | None = None

    def __post_init__(self) -> None:
        faults = [*_share_faults(self.solvents), *_salt_faults(self.salts), *_number_faults(self)]
        both = sorted(set(self.solvents) & set(self.salts))
        if both:
            faults.append(f"{', '.join(both)} cannot be both solvent and salt")
        if faults:
            msg = f"stock {self.name!r}: {'; '.join(faults)}"
            raise InputError(msg)

    def grams(self, volume: float) -> dict[str, float]:
        """Return what `volume` mL of it hold: solvent or salt -> g."""
        salt = {name: molality * MOLAR_MASS[name] / 1000.0 for name, molality in self.salts.items()}
        solvent = volume * self.density / (1.0 + sum(salt.values()))
        held = {name: share * solvent for name, share in self.solvents.items()}
        return held | {name: ratio * solvent for name, ratio in salt.items()}

    @classmethod
    def from_json(cls, name: str, mapping: Mapping[str, JSON]) -> Stock:
        """Return a stock from its entry in a lab file.

        Raises:
            InputError: A key that is missing or unknown, or a value that cannot be.
        """
        for key in mapping:
            if key not in KEYS:
                msg = f"stock {name!r} has no {key!r}: {did_you_mean(key, KEYS)}"
                raise InputError(msg)
        for key in ("solvents", "density"):
            if key not in mapping:
                msg = f"stock {name!r} lacks {key!r}, such as 'solvents: {{EC: 0.5, EMC: 0.5}}' and 'density: 1.14'"
                raise InputError(msg)
        loaded = mapping.get("loaded_mL")
        return cls(
            name,
            _amounts(name, "solvents", mapping["solvents"]),
            _amounts(name, "salts", mapping.get("salts") or {}),
            _number(name, "density", mapping["density"]),
            _number(name, "price_per_mL", mapping.get("price_per_mL", 0.0)),
            None if loaded is None else _number(name, "loaded_mL", loaded),
        )

    def to_json(self, *, loaded: bool = True) -> dict[str, JSON]:
        """Return its entry in a lab file, with or without what was loaded."""
        told: dict[str, JSON] = {"solvents": dict(self.solvents), "salts": dict(self.salts), "density": self.density}
        told["price_per_mL"] = self.price
        if loaded and self.loaded is not None:
            told["loaded_mL"] = self.loaded
        return told


@dataclass(frozen=True)
class Composition:
    """What a solution is made of.

    Attributes:
        solvents: Solvent -> mass fraction of the solvent.
        salts: Salt -> mol per kg of solvent.
    """

    solvents: Mapping[str, float]
    salts: Mapping[str, float]

    @classmethod
    def of(cls, grams: Mapping[str, float]) -> Composition:
        """Return the composition of a solution that holds so much (g) of each solvent and salt.

        Raises:
            ValueError: There is no solvent in it.

        >>> Composition.of({"EC": 30.0, "EMC": 70.0, "LiPF6": 15.1905}).salts
        {'LiPF6': 1.0}
        """
        solvent = sum(mass for name, mass in grams.items() if name not in MOLAR_MASS)
        if not solvent > 0:
            msg = f"no solvent in {dict(grams)!r}: a composition is told per mass of solvent"
            raise ValueError(msg)
        return cls(
            {name: mass / solvent for name, mass in grams.items() if name not in MOLAR_MASS},
            {name: mass / MOLAR_MASS[name] / (solvent / 1000.0) for name, mass in grams.items() if name in MOLAR_MASS},
        )

    def amount(self, name: str) -> float:
        """Return how much of a solvent (mass fraction) or salt (mol/kg) there is; 0 where there is none."""
        return self.solvents.get(name, self.salts.get(name, 0.0))


def grams_of(volumes: Mapping[str, float], stocks: Mapping[str, Stock]) -> dict[str, float]:
    """Return what so many mL of each stock hold together: solvent or salt -> g."""
    held: dict[str, float] = {}
    for name, volume in volumes.items():
        for species, mass in stocks[name].grams(volume).items():
            held[species] = held.get(species, 0.0) + mass
    return held


def _share_faults(solvents: Mapping[str, float]) -> list[str]:
    if not solvents:
        return ["it has no solvent"]
    faults = [f"{name} = {share!r} is no mass fraction" for name, share in solvents.items() if not 0 <= share <= 1]
    total = sum(solvents.values())
    if not faults and abs(total - 1) > _EXACTLY:
        faults.append(f"the mass fractions of its solvents must add up to 1, not {total:g}")
    return faults + [f"{name} is a salt: give it under salts, in mol/kg" for name in solvents if name in MOLAR_MASS]


def _salt_faults(salts: Mapping[str, float]) -> list[str]:
    unknown = [f"unknown salt {name!r}: {did_you_mean(name, MOLAR_MASS)}" for name in salts if name not in MOLAR_MASS]
    wrong = [f"{name} = {much!r} mol/kg cannot be" for name, much in salts.items() if not 0 <= much < math.inf]
    return unknown + wrong


def _number_faults(stock: Stock) -> list[str]:
    faults = []
    if not 0.2 < stock.density < 5:
        faults.append(f"density {stock.density!r} g/mL cannot be: liquids have 0.2 to 5")
    if not 0 <= stock.price < math.inf:
        faults.append(f"price_per_mL {stock.price!r} must not be negative")
    if stock.loaded is not None and not 0 <= stock.loaded < math.inf:
        faults.append(f"loaded_mL {stock.loaded!r} must not be negative")
    return faults


def _amounts(name: str, key: str, value: JSON) -> dict[str, float]:
    if not isinstance(value, Mapping):
        msg = f"stock {name!r}: {key} {value!r} must map names to numbers, such as {{EC: 0.5, EMC: 0.5}}"
        raise InputError(msg)
    return {species: _number(name, f"{key}.{species}", much) for species, much in value.items()}


def _number(name: str, key: str, value: JSON) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        msg = f"stock {name!r}: {key} {value!r} must be a number"
        raise InputError(msg)
    return float(value)
