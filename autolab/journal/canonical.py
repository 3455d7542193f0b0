"""Canonical JSON: one text for one value, whoever writes it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence, Set
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autolab.model.actions import JSON


def canonical_text(value: object) -> str:
    """Return strict JSON with sorted keys and without white space.

    Raises:
        TypeError: Something that is not JSON (and no numpy number or array), or a key that is not a text; the place is named.
        ValueError: NaN or an infinity; the place is named.

    >>> canonical_text({"b": (1, 2.0), "a": None})
    '{"a":null,"b":[1,2.0]}'
    """
    return _dumps(as_json(value))


def document_text(value: object) -> str:
    """Return a document as JSON, whatever it holds: a reading must not be lost because it is NaN or of an odd type.

    NaN and infinities are written in Python's dialect of JSON, which `json.loads` reads back.

    >>> document_text({"data": {"ph": float("nan")}, "when": {3}})
    '{"data":{"ph":NaN},"when":"{3}"}'
    """
    return _dumps(as_json(value, strict=False))


def as_json(value: object, *, where: str = "", strict: bool = True) -> JSON:
    """Return a value as plain JSON types.

    Args:
        value: JSON, where mappings, tuples and numpy numbers and arrays are allowed too.
        where: Path of the value, for messages.
        strict: Refuse non-finite numbers and foreign types, instead of keeping the first and writing the second as text.
    """
    if value is None or isinstance(value, bool | str):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return _number(float(value), where, strict)
    if isinstance(value, Mapping):
        return {
            _key(key, where, strict): as_json(item, where=f"{where}.{key}", strict=strict)
            for key, item in value.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return [as_json(item, where=f"{where}[{index}]", strict=strict) for index, item in enumerate(value)]
    return _foreign(value, where, strict)


def _dumps(value: JSON) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _number(value: float, where: str, strict: bool) -> float:
    if strict and not math.isfinite(value):
        msg = f"{_place(where)} is {value!r}: a journal holds finite numbers only; record a failure with its reason instead"
        raise ValueError(msg)
    return value


def _key(key: object, where: str, strict: bool) -> str:
    if strict and not isinstance(key, str):
        msg = f"{_place(where)} has the key {key!r} of type {type(key).__name__}: keys must be texts"
        raise TypeError(msg)
    return str(key)


def _foreign(value: object, where: str, strict: bool) -> JSON:
    plain = getattr(value, "tolist", None)  # numpy scalars and arrays, without importing numpy
    if callable(plain):
        return as_json(plain(), where=where, strict=strict)
    if not strict:
        return str(value)
    kind = "set" if isinstance(value, Set) else type(value).__name__
    msg = f"{_place(where)} is {value!r} of type {kind}: allowed are JSON values and numpy numbers"
    raise TypeError(msg)


def _place(where: str) -> str:
    return where.lstrip(".") or "the value"
