"""All cases by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from autolab.model.errors import InputError
from autolab.model.names import did_you_mean
from autolab.study import electrolyte, functions, pools
from autolab.study.case import Case, Noisy
from autolab.study.sources import SOURCES

FREE: Mapping[str, Callable[[], Case]] = {
    "branin": functions.branin,
    "hartmann6": functions.hartmann6,
    "ackley10_mixed": functions.ackley10_mixed,
    "pressure_vessel": functions.pressure_vessel,
    "dtlz2_2": functions.dtlz2_2,
    "dtlz2_4": functions.dtlz2_4,
    "hartmann6_60d": functions.hartmann6_60d,
    "electrolyte": electrolyte.electrolyte,
}
"""Those that need no data."""

NAMES: tuple[str, ...] = (*FREE, *SOURCES)

Noise = float | Literal["replicates"]


def check_name(name: str) -> None:
    """Do nothing for the name of a case.

    Raises:
        InputError: There is no such case; the message names those that there are.

    >>> check_name("branin")
    """
    if name not in NAMES:
        msg = f"no problem is called {name!r}: {did_you_mean(name, NAMES)}"
        raise InputError(msg)


def needs_data(name: str) -> bool:
    """Return whether a case is read from a folder of data.

    >>> needs_data("branin"), needs_data("p3ht")
    (False, True)
    """
    return name in SOURCES


def make_case(name: str, data: Path | None = None, noise: Noise = 0.0, *, told: bool = False) -> Case:
    """Return a case.

    Args:
        name: One of `NAMES`.
        data: Folder with the files of pools.
        noise: Standard deviation of what is measured, in the quantity's unit; or `replicates`: one of a pool's
            replicates is drawn.
        told: Whether the planner is told the standard error.

    Raises:
        InputError: No such case, no folder for one that needs it, a file that cannot be read, or noise that cannot be.
    """
    check_name(name)
    if name in FREE:
        case = FREE[name]()
    elif data is None:
        msg = f"the problem {name!r} is read from {SOURCES[name].file}: give its folder with --data (key `data`)"
        raise InputError(msg)
    else:
        case = pools.pool(name, data)
    return noisy(case, noise, told=told)


def noisy(case: Case, noise: Noise, *, told: bool = False) -> Case:
    """Return a case whose measurements have noise; see `make_case`.

    Raises:
        InputError: A negative deviation, errors told of no noise, or a case without replicates.
    """
    if noise == "replicates":
        if not isinstance(case.truth, pools.Table) or all(len(some) == 1 for some in case.truth.values.values()):
            msg = f"the problem {case.name!r} has no replicates: give the noise as a standard deviation"
            raise InputError(msg)
        measure = pools.Replicates(case.truth, told)
        return replace(case, measure=measure, identity=f"{case.identity}+replicates{'+errors' if told else ''}")
    if not 0.0 <= noise < float("inf"):
        msg = f"noise must be a standard deviation of 0 or more, or `replicates`, got {noise!r}"
        raise InputError(msg)
    if noise == 0.0:
        if told:
            msg = f"the problem {case.name!r} has no noise, so there is no error to tell: give `noise`, or leave `errors` out"
            raise InputError(msg)
        return case
    return replace(case, measure=Noisy(noise, told), identity=f"{case.identity}+{noise!r}{'+errors' if told else ''}")
