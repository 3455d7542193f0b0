"""Where the measured tables stand, and what their columns are.

| case | file | of |
|---|---|---|
| `crossed_barrel` | `crossed_barrel.csv` | Gongora et al. 2020; Liang et al. 2021 |
| `p3ht` | `p3ht.csv` | Bash et al. 2021; Liang et al. 2021 |
| `agnp` | `agnp.csv` | Mekki-Berrada et al. 2021; Liang et al. 2021 |
| `direct_arylation`, `direct_arylation_dft` | `direct_arylation.csv`, `direct_arylation_*_dft.csv` | Shields et al. 2021 |
| `suzuki` | `suzuki_edbo.csv` | Perera et al. 2018; Shields et al. 2021 |
| `oer_3496`, `photo_wf3`, `colors_bob` | `olympus_*.csv` | Häse et al. 2021 (Olympus) |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autolab.model.objectives import Objective

if TYPE_CHECKING:
    from autolab.model.objectives import Goal


@dataclass(frozen=True)
class Source:
    """Where a pool's table stands, and what its columns are.

    Attributes:
        file: In the data folder.
        columns: Head (or number, where there is no head) -> key of the point.
        outcome: Head or number of what was measured.
        objective: What to reach.
        descriptors: Key of the point -> file with a row a label, for a full factorial with descriptors.
        factorial: Whether every combination was measured, so that the space is a product of choices.
    """

    file: str
    columns: Mapping[str | int, str]
    outcome: str | int
    objective: Objective
    descriptors: Mapping[str, str] = field(default_factory=dict)
    factorial: bool = False


def _goal(name: str, goal: Goal, unit: str = "") -> Objective:
    return Objective(name, goal, unit=unit)


_P3HT: dict[str | int, str] = {f"{one} content (%)": one for one in ("P3HT", "D1", "D2", "D6", "D8")}
_AGNP: dict[str | int, str] = {
    "QAgNO3(%)": "AgNO3",
    "Qpva(%)": "PVA",
    "Qtsc(%)": "TSC",
    "Qseed(%)": "seed",
    "Qtot(uL/min)": "flow",
}
_ARYLATION: Mapping[str | int, str] = {
    "Base_SMILES": "base",
    "Ligand_SMILES": "ligand",
    "Solvent_SMILES": "solvent",
    "Concentration": "concentration",
    "Temp_C": "temperature",
}
_DESCRIPTORS = {"base": "base", "ligand": "ligand-boltzmann", "solvent": "solvent"}
_SUZUKI: dict[str | int, str] = {
    f"{one}_SMILES": one.lower() for one in ("Electrophile", "Nucleophile", "Ligand", "Base", "Solvent")
}


def _olympus(file: str, names: str, outcome: str) -> Source:
    columns: dict[str | int, str] = dict(enumerate(names.split()))
    return Source(f"olympus_{file}.csv", columns, len(columns), _goal(outcome, "minimize"))


SOURCES: Mapping[str, Source] = {
    "crossed_barrel": Source(
        "crossed_barrel.csv",
        {one: one for one in ("n", "theta", "r", "t")},
        "toughness",
        _goal("toughness", "maximize", "J"),
    ),
    "p3ht": Source(
        "p3ht.csv",
        _P3HT,
        "Conductivity (measured) (S/cm)",
        _goal("conductivity", "maximize", "S/cm"),
    ),
    "agnp": Source("agnp.csv", _AGNP, "loss", _goal("loss", "minimize")),
    "direct_arylation": Source(
        "direct_arylation.csv", _ARYLATION, "yield", _goal("percent", "maximize", "%"), factorial=True
    ),
    "direct_arylation_dft": Source(
        "direct_arylation.csv",
        _ARYLATION,
        "yield",
        _goal("percent", "maximize", "%"),
        descriptors={key: f"direct_arylation_{name}_dft.csv" for key, name in _DESCRIPTORS.items()},
        factorial=True,
    ),
    "suzuki": Source("suzuki_edbo.csv", _SUZUKI, "yield", _goal("percent", "maximize", "%"), factorial=True),
    "oer_3496": _olympus("oer_plate_3496", "Ni Fe Co Mn Ce La", "overpotential"),
    "photo_wf3": _olympus("photo_wf3", "mat_1 mat_2 mat_3 mat_4", "degradation"),
    "colors_bob": _olympus("colors_bob", "red orange yellow blue green", "difference"),
}
