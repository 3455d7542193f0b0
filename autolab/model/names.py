"""Rules for the names of parameters and measured quantities, and how a wrong one is told."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from autolab.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

RESERVED = frozenset(
    {"trial", "attempt", "attempts", "state", "reason", "source", "fidelity", "invalidated", "info", "point", "outcome"}
)
"""Words that the table of trials needs for itself."""


def check_name(name: object, what: str, error: type[InputError]) -> None:
    """Raise `error` unless `name` can name a `what` ("parameter", "objective").

    Raises:
        InputError: As the class given by `error`.
    """
    if not isinstance(name, str) or not name.isidentifier():
        msg = (
            f"{name!r} cannot name {_article(what)}: use letters, digits and underscores, not starting with a digit, "
            "such as 'flow_rate'"
        )
        raise error(msg)
    if name in RESERVED:
        msg = f"{name!r} cannot name {_article(what)}: the word is reserved for the table of trials; choose another"
        raise error(msg)


def check_distinct(names: Iterable[str], what: str, error: type[InputError]) -> None:
    """Raise `error` when a name occurs twice.

    Raises:
        InputError: As the class given by `error`.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            msg = f"{name!r} names more than one {what}: give each its own name"
            raise error(msg)
        seen.add(name)


def did_you_mean(name: object, allowed: Iterable[str]) -> str:
    """Return a remedy for an unknown name.

    >>> did_you_mean("temprature", ["temperature", "rate"])
    "did you mean 'temperature'? known: temperature, rate"
    """
    known = list(allowed)
    near = difflib.get_close_matches(str(name), known, n=1)
    listed = "known: " + (", ".join(known[:12]) + (", ..." if len(known) > 12 else "") or "none")
    return f"did you mean {near[0]!r}? {listed}" if near else listed


def _article(what: str) -> str:
    return f"{'an' if what[0] in 'aeiou' else 'a'} {what}"
