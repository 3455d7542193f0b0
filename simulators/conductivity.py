"""How well LiPF6 in mixtures of EC, PC and EMC conducts: a compact model, fitted to measured values.

    ln kappa = ln m + sum_i w_i (a_i + b_i sqrt(m) + c_i m) - P / (eps + D m) - B / (T - T0)
    T0 = sum_i w_i t_i + g m        eps = sum_i w_i e_i        i = EC, PC, EMC

=====  =====================================  ====================================================================
kappa  conductivity, mS/cm                    proportional to the salt as it gets little, zero without salt
m      salt, mol per kg of solvent            ln m counts the ions; sqrt(m) is how their clouds hinder them (Onsager)
w_i    mass fractions of the solvent          what a solvent does mixes in proportion, as logarithms of viscosities do
T      temperature, K
T0     where the solution becomes a glass, K  ions move as fast as the liquid flows (Walden), and that goes as Vogel,
                                              Tammann and Fulcher found; salt raises T0, which makes the maximum in m
eps    permittivity                           where it is small, ions pair and carry nothing (Bjerrum, Fuoss). Pairs are
                                              dipoles: salt raises the permittivity (D) and undoes some of the pairing
=====  =====================================  ====================================================================

The 17 coefficients were fitted by `fit_conductivity.py`, which also tells the errors below, to the EC/PC/EMC part of
CALiSol-23 (Mortensen et al., Scientific Data 2024, doi 10.1038/s41597-024-03575-8, CC BY 4.0). The permittivities of EC
and PC are measured ones (89.8 at 40 degC, 64.9 at 25 degC); that of EMC is the one that ions feel, above the bulk's 3.

Errors, in mS/cm except the relative one (1,091 values from six papers, 0 to 16.5 mS/cm, none left out):

==============================================  ======  =====  =============  ===============
predicted from                                  R2      RMSE   mean relative  median relative
==============================================  ======  =====  =============  ===============
all of them                                     0.9898  0.414  7.9 %          2.0 %
the others, by solvent and salt in ten folds    0.9894  0.423  8.1 %          2.2 %
the other solvents                              0.9870  0.468  9.3 %          3.8 %
the other papers                                0.9810  0.566  12.3 %         6.1 %
==============================================  ======  =====  =============  ===============

The large relative errors are those of very small conductivities, in PC below -50 degC.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

HULL: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    {"EC": (0.0, 0.6), "PC": (0.0, 1.0), "EMC": (0.0, 1.0), "LiPF6": (0.28, 2.3), "temperature": (-79.0, 60.0)}
)
"""Where the data lie: mass fractions of the solvent, mol per kg of solvent, degC (below -40 degC in PC alone)."""

UNITS: Final = {"LiPF6": " mol/kg", "temperature": " degC"}
KELVIN: Final = 273.15
SATURATED: Final = 3.0  # mol/kg: what is told beyond is what is true there, for no solution holds much more
STIFF: Final = (
    10.0  # K above T0 at least: nearer to it nothing moves (kappa < 1e-15 mS/cm), and the formula has its pole
)


class Coefficients(NamedTuple):
    """The model's numbers, as the fit script prints them; see the formula above.

    Attributes:
        a: By EC, PC, EMC.
        b: The same, kg^0.5 mol^-0.5.
        c: The same, kg/mol.
        t: The same, K.
        g: K kg/mol.
        vogel: B, K.
        pairing: P.
        dipoles: D, kg/mol.
        emc: Permittivity of EMC.
    """

    a: tuple[float, float, float]
    b: tuple[float, float, float]
    c: tuple[float, float, float]
    t: tuple[float, float, float]
    g: float
    vogel: float
    pairing: float
    dipoles: float
    emc: float


EC_PERMITTIVITY: Final = 89.8
PC_PERMITTIVITY: Final = 64.9
FITTED: Final = Coefficients(
    a=(6.5255, 6.5947, 8.1034),
    b=(-0.2847, -0.3142, -2.8729),
    c=(-0.5794, -0.7115, 0.5667),
    t=(154.957, 154.203, 114.554),
    g=27.2681,
    vogel=371.562,
    pairing=49.411,
    dipoles=16.659,
    emc=7.651,
)


def conductivity(molality: float, ec: float, pc: float, emc: float, temperature: float) -> float:
    """Return the conductivity of LiPF6 in EC/PC/EMC, mS/cm.

    It is finite and not negative everywhere, and smooth within and around the hull.

    Args:
        molality: mol of LiPF6 per kg of solvent; none or less gives zero, beyond 3 what is true at 3.
        ec: Mass fraction of the solvent; the three count by their proportions.
        pc: The same.
        emc: The same.
        temperature: degC.

    >>> round(conductivity(1.0, 0.3, 0.0, 0.7, 25.0), 1)
    8.8
    >>> conductivity(0.0, 0.3, 0.0, 0.7, 25.0)
    0.0
    """
    solvent = ec + pc + emc
    if not (molality > 0.0 and solvent > 0.0):
        return 0.0
    of, m = FITTED, min(molality, SATURATED)
    x, y, z = ec / solvent, pc / solvent, emc / solvent
    root = math.sqrt(m)
    mobile = (
        x * (of.a[0] + of.b[0] * root + of.c[0] * m)
        + y * (of.a[1] + of.b[1] * root + of.c[1] * m)
        + z * (of.a[2] + of.b[2] * root + of.c[2] * m)
    )
    paired = of.pairing / (EC_PERMITTIVITY * x + PC_PERMITTIVITY * y + of.emc * z + of.dipoles * m)
    above = temperature + KELVIN - (of.t[0] * x + of.t[1] * y + of.t[2] * z + of.g * m)
    return m * math.exp(mobile - paired - of.vogel / max(above, STIFF))


def outside_hull(molality: float, ec: float, pc: float, emc: float, temperature: float) -> list[str]:
    """Return in what a solution lies outside the data, one sentence each; empty where the model was fitted.

    >>> outside_hull(0.1, 0.7, 0.0, 0.3, 25.0)
    ['EC 0.7 lies outside 0 to 0.6', 'LiPF6 0.1 mol/kg lies outside 0.28 to 2.3 mol/kg']
    """
    told = {"EC": ec, "PC": pc, "EMC": emc, "LiPF6": molality, "temperature": temperature}
    faults = [
        f"{name} {told[name]:.4g}{UNITS.get(name, '')} lies outside {low:g} to {high:g}{UNITS.get(name, '')}"
        for name, (low, high) in HULL.items()
        if not low - 1e-9 <= told[name] <= high + 1e-9
    ]
    total = ec + pc + emc
    if not abs(total - 1.0) <= 1e-6:
        faults.append(f"EC, PC and EMC add up to {total:.6g}: the rest of the solvent, up to 1, is unknown to the data")
    return faults
