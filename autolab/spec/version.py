"""The version that campaign and lab files begin with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autolab.spec.findings import Findings

VERSION = 1


def readable(data: Mapping[str, object], findings: Findings) -> bool:
    """Return whether this autolab can read a file; a file of a newer version gets that one fault alone."""
    given = data.get("autolab")
    if isinstance(given, int) and not isinstance(given, bool) and given > VERSION:
        problem = f"the file is of version {given}, and this autolab reads version {VERSION}"
        findings.add(("autolab",), problem, "Install a newer autolab (`pip install -U autolab-sdl`)")
        return False
    return True
