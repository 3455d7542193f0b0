"""Digests: what a journal pins of a campaign's declaration and of the code that performs it."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from autolab.journal.canonical import as_json, canonical_text

if TYPE_CHECKING:
    from types import ModuleType

    from autolab.model.actions import JSON


def digest(declaration: object) -> str:
    """Return the digest of a parsed declaration.

    Order of keys, white space, comments and the spelling of numbers do not count: only what was declared.

    Raises:
        TypeError: Something that is not JSON.
        ValueError: NaN or an infinity.

    >>> digest({"bounds": [20, 50], "unit": "degC"}) == digest({"unit": "degC", "bounds": [20.0, 50.0]})
    True
    """
    return _sha256(canonical_text(_whole(as_json(declaration))).encode())


def module_digest(module: str | ModuleType) -> str | None:
    """Return the digest of a module's source, or None where it has no source file.

    Line endings do not count: a checkout on Windows pins the same digest. A module given by name is not executed
    (its packages are, to find it).

    Raises:
        ModuleNotFoundError: There is no module of that name.
    """
    origin = _origin(module)
    if origin is None or not origin.endswith(".py"):
        return None
    try:
        source = Path(origin).read_bytes()
    except OSError:
        return None
    return _sha256(source.replace(b"\r\n", b"\n"))


def _origin(module: str | ModuleType) -> str | None:
    if not isinstance(module, str):
        return getattr(module, "__file__", None)
    loaded = sys.modules.get(module)
    if loaded is not None:
        return getattr(loaded, "__file__", None)
    spec = importlib.util.find_spec(module)
    if spec is None:
        msg = f"there is no module {module!r}"
        raise ModuleNotFoundError(msg, name=module)
    return spec.origin


def _whole(value: JSON) -> JSON:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return value


def _sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
