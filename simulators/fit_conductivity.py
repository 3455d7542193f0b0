"""Fit the model of `conductivity.py` to measured values, and tell how far it errs on what it has not seen.

    python simulators/fit_conductivity.py electrolyte_conductivity.csv [--check]

The table has the columns doi, conductivity_mS_cm, temperature_K, LiPF6_mol_kg, w_EC, w_PC, w_EMC: the part of CALiSol-23
(doi 10.1038/s41597-024-03575-8) with no other solvents. With `--check` only the coefficients that stand in
`conductivity.py` are compared with the fitted ones: the script ends with 1 where they give other conductivities.

What is minimized is the sum of soft_l1 of errors over 0.15 mS/cm + 4 % of the value: the scatter between papers. That
loss keeps a few evident slips of the table from bending the model; no value is left out, in the fit or in the errors.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import least_squares

from autolab.simulators.conductivity import EC_PERMITTIVITY, FITTED, HULL, PC_PERMITTIVITY, SATURATED, STIFF

Array = NDArray[Any]
SOLVENTS = ("EC", "PC", "EMC")
NAMES = [*(f"{row}_{name}" for row in "abct" for name in SOLVENTS), "g", "vogel", "pairing", "dipoles", "emc"]
START = np.array([7.0] * 3 + [-0.5] * 6 + [165.0, 160.0, 130.0, 15.0, 400.0, 15.0, 8.0, 3.5])
FOLDS = 10
SAME = 1e-3  # the largest relative difference of conductivities, over the table, that --check accepts


@dataclass(frozen=True)
class Data:
    """Measured values within the hull.

    Attributes:
        shares: Mass fractions of EC, PC, EMC; n x 3.
        molality: mol/kg; n.
        kelvin: n.
        measured: mS/cm; n.
        paper: doi; n.
    """

    shares: Array
    molality: Array
    kelvin: Array
    measured: Array
    paper: Array

    @classmethod
    def read(cls, path: Path) -> Data:
        """Read a table and keep what lies within the hull."""
        table = pd.read_csv(path)
        inside = table["w_EC"].le(HULL["EC"][1]) & table["LiPF6_mol_kg"].between(*HULL["LiPF6"])
        kept = table[inside]
        shares = kept[[f"w_{name}" for name in SOLVENTS]].to_numpy(float)
        return cls(
            shares,
            kept["LiPF6_mol_kg"].to_numpy(float),
            kept["temperature_K"].to_numpy(float),
            kept["conductivity_mS_cm"].to_numpy(float),
            kept["doi"].to_numpy(str),
        )

    def __len__(self) -> int:
        return len(self.measured)

    def part(self, chosen: Array) -> Data:
        """Return the rows of a mask."""
        return Data(
            *(column[chosen] for column in (self.shares, self.molality, self.kelvin, self.measured, self.paper))
        )

    @property
    def solvent(self) -> Array:
        """Which solvent composition each value belongs to, as text to two decimals."""
        return np.array(["/".join(f"{share:.2f}" for share in row) for row in self.shares])

    @property
    def solution(self) -> Array:
        """Which solvent composition and salt, to four decimals, each value belongs to."""
        return np.array([f"{one} {salt:.4f}" for one, salt in zip(self.solvent, self.molality, strict=True)])


def predict(theta: Array, data: Data) -> Array:
    """Return what the formula tells for each row, mS/cm; written for columns, apart from `conductivity`."""
    w, m = data.shares, np.minimum(data.molality, SATURATED)
    a, b, c, t = theta[:12].reshape(4, 3)
    g, vogel, pairing, dipoles, emc = theta[12:]
    permittivity = w @ np.array([EC_PERMITTIVITY, PC_PERMITTIVITY, emc]) + dipoles * m
    above = np.maximum(data.kelvin - w @ t - g * m, STIFF)
    return np.asarray(
        np.exp(np.log(m) + w @ a + w @ b * np.sqrt(m) + w @ c * m - pairing / permittivity - vogel / above)
    )


def fit(data: Data) -> Array:
    """Return the coefficients, in the order of `NAMES`."""
    tolerance = 0.15 + 0.04 * data.measured

    def errors(theta: Array) -> Array:
        return (predict(theta, data) - data.measured) / tolerance

    with np.errstate(over="ignore"):  # trial steps too far out are taken back by the search itself
        found = least_squares(errors, START, x_scale="jac", loss="soft_l1", max_nfev=1000, xtol=1e-10, ftol=1e-10)
    return np.asarray(found.x)


def left_out(data: Data, groups: Array) -> Array:
    """Predict each group from a fit to the others, mS/cm."""
    predicted = np.empty(len(data))
    for group in np.unique(groups):
        out = groups == group
        predicted[out] = predict(fit(data.part(~out)), data.part(out))
    return predicted


def folds(groups: Array, seed: int = 0) -> Array:
    """Deal groups to ten folds at random; return each row's fold."""
    names, member = np.unique(groups, return_inverse=True)
    return np.asarray(np.random.default_rng(seed).permutation(len(names))[member] % FOLDS)


def scores(measured: Array, predicted: Array) -> dict[str, float]:
    """Return R2, RMSE in mS/cm, and the mean and median relative error."""
    error = predicted - measured
    relative = np.abs(error) / measured
    return {
        "R2": float(1.0 - np.sum(error**2) / np.sum((measured - measured.mean()) ** 2)),
        "RMSE": float(np.sqrt(np.mean(error**2))),
        "mean": float(relative.mean()),
        "median": float(np.median(relative)),
    }


def written() -> Array:
    """Return the coefficients that stand in `conductivity.py`, in the order of `NAMES`."""
    return np.array([*FITTED.a, *FITTED.b, *FITTED.c, *FITTED.t, *FITTED[4:]])


def row(what: str, data: Data, predicted: Array) -> str:
    """Return a line of the table of errors."""
    told = scores(data.measured, predicted)
    return (
        f"| {what} | {len(data)} | {told['R2']:.4f} | {told['RMSE']:.3f} | {told['mean']:.1%} | {told['median']:.1%} |"
    )


def report(data: Data, theta: Array) -> Iterator[str]:
    """Tell the coefficients and the table of errors, with what each left-out solvent and paper gives."""
    yield from (f"{name:>8} {value:12.5f}" for name, value in zip(NAMES, theta, strict=True))
    yield "\n| predicted from | values | R2 | RMSE, mS/cm | mean relative | median relative |\n|---|---|---|---|---|---|"
    yield row("all of them", data, predict(theta, data))
    yield row("the others, by solvent and salt in ten folds", data, left_out(data, folds(data.solution)))
    for what, groups in (("the other solvents", data.solvent), ("the other papers", data.paper)):
        predicted = left_out(data, groups)
        yield row(what, data, predicted)
        for group in np.unique(groups):
            chosen = groups == group
            yield row(f"&nbsp; {group} left out", data.part(chosen), predicted[chosen])


def compare(data: Data, theta: Array) -> Iterator[str]:
    """Tell the coefficients in `conductivity.py` beside the fitted ones, and how far what they give is apart."""
    for name, there, here in zip(NAMES, written(), theta, strict=True):
        yield f"{name:>8} {there:12.5f} in the file, {here:12.5f} fitted"
    yield f"conductivities differ by {apart(data, theta):.1e} at most; {SAME:g} is accepted"


def apart(data: Data, theta: Array) -> float:
    """Return by how much, relatively, the coefficients in `conductivity.py` give other conductivities at most."""
    return float(np.max(np.abs(predict(written(), data) / predict(theta, data) - 1.0)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, and report or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, help="CSV file with the measured values")
    parser.add_argument("--check", action="store_true", help="compare with the coefficients in conductivity.py")
    chosen = parser.parse_args(arguments)
    data = Data.read(chosen.table)
    theta = fit(data)
    for line in (compare if chosen.check else report)(data, theta):
        sys.stdout.write(f"{line}\n")
    return 1 if chosen.check and apart(data, theta) > SAME else 0


if __name__ == "__main__":
    raise SystemExit(main())
