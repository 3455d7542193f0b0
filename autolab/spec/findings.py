"""Collecting every fault of a file instead of the first."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from autolab.model.errors import AutolabError, Fault
from autolab.spec.document import Document, Key, dotted


class Findings:
    """The faults of one document, each at its line.

    Args:
        document: Where the keys stand.
        faults: The list that several documents of one campaign share.
    """

    def __init__(self, document: Document, faults: list[Fault]) -> None:
        self.document, self.faults = document, faults

    def add(self, key: Key, problem: str, remedy: str = "") -> None:
        """Note a fault at `key` (which need not be there)."""
        fault = Fault(self.document.file, self.document.line(key), dotted(key), problem.rstrip("."), remedy.rstrip("."))
        if fault not in self.faults:
            self.faults.append(fault)

    def unknown(self, key: Key, what: str, name: object, allowed: Iterable[str]) -> None:
        """Note a name that is not among those allowed."""
        self.add(key, f"unknown {what} {name!r}", one_of(str(name), allowed))

    @contextmanager
    def at(self, key: Key, remedy: str = "") -> Iterator[None]:
        """Turn an error of autolab's own, or a refused value, into a fault at `key`."""
        try:
            yield
        except (AutolabError, ValueError, TypeError) as error:
            self.add(key, str(error), remedy)

    def under(self, key: Key) -> bool:
        """Return whether a fault was found at `key` or below it."""
        start = dotted(key)
        return any(
            fault.file == self.document.file
            and (fault.key == start or fault.key.startswith((start + ".", start + "[")))
            for fault in self.faults
        )


def one_of(name: str, allowed: Iterable[str]) -> str:
    """Return a remedy: the nearest name, and all of them.

    >>> one_of("maximise", ["maximize", "minimize"])
    "Did you mean 'maximize'? Allowed: maximize, minimize"
    """
    names = list(dict.fromkeys(allowed))
    if not names:
        return "None is available"
    lowered = {candidate.lower(): candidate for candidate in names}
    close = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    hint = f"Did you mean {lowered[close[0]]!r}? " if close else ""
    return f"{hint}Allowed: {', '.join(names)}"
