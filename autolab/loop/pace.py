"""How lab time runs in a campaign: virtual, real, or so many times faster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autolab.model.errors import InputError

if TYPE_CHECKING:
    from autolab.model.clock import Mode


def pace(time: str | None, *, in_process: bool, simulated: bool, physical: bool) -> tuple[Mode, float]:
    """Return the clock's mode and scale.

    Args:
        time: `virtual`, `real`, `x60`; None for what fits.
        in_process: A virtual lab in this process answers.
        simulated: A simulator process answers.
        physical: Hardware answers.

    Raises:
        InputError: Not one of these words, or one that does not fit.

    >>> pace(None, in_process=True, simulated=False, physical=False)
    ('virtual', 1.0)
    >>> pace("x60", in_process=False, simulated=True, physical=False)
    ('scaled', 60.0)
    """
    scale = 1.0
    mode: Mode = "virtual" if in_process else "real"
    if time is not None:
        mode, scale = _parse(time)
    if (mode == "virtual" and simulated) or (mode != "real" and physical):
        msg = f"time={time!r} does not fit: hardware runs in real time, a simulator process in real or scaled time"
        raise InputError(msg)
    return mode, scale


def _parse(time: str) -> tuple[Mode, float]:
    if time == "virtual":
        return "virtual", 1.0
    if time == "real":
        return "real", 1.0
    try:
        scale = float(time.removeprefix("x")) if time.startswith("x") else 0.0
    except ValueError:
        scale = 0.0
    if not 0 < scale < float("inf"):
        msg = f"time must be 'virtual', 'real' or a factor such as 'x60', got {time!r}"
        raise InputError(msg)
    return "scaled", scale
