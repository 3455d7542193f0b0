"""Functions as plain data: which one it was, and what it said, so that a journal can pin it."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from autolab.journal.digest import digest

_NONE = "no source"


@dataclass(frozen=True)
class Recorded:
    """Stands for a function that is only known from a record: it is told, and never run from there.

    Every point is well with it: a constraint that it stands for is kept everywhere, a cost is 1.

    Attributes:
        name: Module and name in it.
        source: Digest of its source.
    """

    name: str
    source: str

    def __call__(self, *_: object) -> float:
        """Return 1."""
        return 1.0


def write_function(function: Callable[..., Any] | None) -> dict[str, str] | None:
    """Return which function it is and the digest of its source, as plain data.

    >>> from math import sqrt
    >>> write_function(sqrt)
    {'name': 'math:sqrt', 'source': 'no source'}
    """
    if function is None:
        return None
    if isinstance(function, Recorded):
        return {"name": function.name, "source": function.source}
    named = function if hasattr(function, "__qualname__") else type(function)
    return {"name": f"{named.__module__}:{named.__qualname__}", "source": _source(named)}


def read_function(data: Mapping[str, str]) -> Callable[..., Any]:
    """Return the function that was written where it is loaded and says the same, to the letter; else what stands for it.

    Nothing is imported for a record's sake, and what has no source to compare is not taken.
    """
    module, _, name = data["name"].partition(":")
    try:
        found = reduce(getattr, name.split("."), sys.modules[module])
    except (KeyError, AttributeError):
        found = None
    if inspect.isfunction(found) and data["source"] != _NONE and write_function(found) == dict(data):
        return found
    return Recorded(data["name"], data["source"])


def _source(named: Any) -> str:  # noqa: ANN401  a function or a class
    try:
        return digest(inspect.getsource(named))
    except (OSError, TypeError):
        return _NONE
