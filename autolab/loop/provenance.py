"""Where results come from: who ran it, with which code, in which versions."""

from __future__ import annotations

import getpass
import inspect
import socket
from importlib import metadata
from typing import TYPE_CHECKING

from autolab.journal.digest import digest, module_digest

if TYPE_CHECKING:
    from autolab.loop.function_executor import Evaluate
    from autolab.model.actions import JSON
    from autolab.model.contracts import Procedure

PACKAGES = ("autolab-sdl", "bluesky", "botorch", "numpy", "ophyd", "scipy", "torch")


def who() -> str:
    """Return user@host."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container without a user name
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def versions() -> dict[str, JSON]:
    """Return the versions of the packages that take part; None for one that is not installed."""
    return {name: _version(name) for name in PACKAGES}


def source_of(protocol: Procedure | None, evaluate: Evaluate | None) -> str:
    """Return the digest of the source that performs a trial; of a function its own, since scripts change around it."""
    if protocol is not None:
        return module_digest(protocol.__module__) or "no source"
    try:
        return digest(inspect.getsource(evaluate))  # type: ignore[arg-type]  # a TypeError says that it has none
    except (OSError, TypeError):
        return "no source"


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
