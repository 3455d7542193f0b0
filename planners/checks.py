"""What may be wrong with the numbers that a planner is made or asked with."""

from __future__ import annotations

import numpy as np

from autolab.model.errors import InputError


def check_initial(initial: int | None) -> None:
    """Refuse a number of trials that no model can be made of.

    Raises:
        InputError: It is no whole number of at least 2.
    """
    if initial is not None and (not _is_whole(initial) or initial < 2):
        msg = f"initial must be a whole number of at least 2, got {initial!r}; leave it out for the default"
        raise InputError(msg)


def check_asked(n: int, seed: int) -> None:
    """Refuse to suggest what is no number of points, or by what is no seed.

    Raises:
        InputError: `n` is no whole number, or `seed` none that is 0 or more.
        ValueError: `n` is less than 1.
    """
    for name, value in (("n", n), ("seed", seed)):
        if not _is_whole(value):
            msg = f"{name} must be a whole number, got {value!r}"
            raise InputError(msg)
    if seed < 0:
        msg = f"seed must be 0 or more, got {seed!r}"
        raise InputError(msg)
    if n < 1:
        msg = f"n must be 1 or more, got {n!r}"
        raise ValueError(msg)


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
