from __future__ import annotations

import json
import math
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.journal.canonical import as_json, canonical_text, document_text
from autolab.journal.digest import digest

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
)


@given(VALUES)
def test_json_comes_back_as_it_was(value: object) -> None:
    assert json.loads(canonical_text(value)) == value


@given(st.dictionaries(st.text(), VALUES, max_size=6))
def test_order_of_keys_does_not_count(value: dict[str, object]) -> None:
    turned = dict(reversed(value.items()))
    assert canonical_text(turned) == canonical_text(value)
    assert digest(turned) == digest(value)


@given(st.floats())
def test_a_document_keeps_every_number(value: float) -> None:
    back = json.loads(document_text({"x": value}))["x"]
    assert back == value or (math.isnan(back) and math.isnan(value))


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(2**40), 2**40),
        (np.bool_(False), False),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.str_("a"), "a"),
        ((1, (2,)), [1, [2]]),
        (MappingProxyType({"a": 1}), {"a": 1}),
    ],
)
def test_what_counts_as_json(value: object, plain: object) -> None:
    made = as_json(value)
    assert made == plain
    assert type(made) is type(plain)


@pytest.mark.parametrize("value", [b"bytes", object(), {1, 2}, 1j, {"deep": [b""]}])
def test_what_is_not_json(value: object) -> None:
    with pytest.raises(TypeError, match="allowed are JSON values and numpy numbers"):
        canonical_text(value)
    assert isinstance(json.loads(document_text({"x": value}))["x"], str | dict)


def test_a_key_that_is_not_a_text() -> None:
    with pytest.raises(TypeError, match=r"outcome has the key 3 of type int: keys must be texts"):
        canonical_text({"outcome": {3: 1.0}})


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32("inf")])
def test_a_number_that_is_not_finite_is_named_by_its_place(value: float) -> None:
    with pytest.raises(ValueError, match=r"outcome\.y\[1\] is (nan|-?inf): a journal holds finite numbers only"):
        canonical_text({"outcome": {"y": [1.0, value]}})


def test_a_lone_value_has_no_place() -> None:
    with pytest.raises(ValueError, match="the value is nan"):
        canonical_text(math.nan)
