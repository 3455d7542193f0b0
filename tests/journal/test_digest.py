from __future__ import annotations

import hashlib
import importlib
import math
import sys
from pathlib import Path

import pytest

from autolab.journal import digest as room
from autolab.journal.digest import digest, module_digest


def test_a_digest_is_of_canonical_json() -> None:
    assert digest({"b": [1, "x"], "a": 0.5}) == "sha256:" + hashlib.sha256(b'{"a":0.5,"b":[1,"x"]}').hexdigest()


@pytest.mark.parametrize(
    ("one", "other"), [({"low": 20}, {"low": 20.0}), ([1.0, [2.0]], [1, [2]]), ({"a": (1,)}, {"a": [1]})]
)
def test_spelling_does_not_count(one: object, other: object) -> None:
    assert digest(one) == digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"low": 20}, {"low": 20.5}),
        ([1, 2], [2, 1]),
        ({"a": 1}, {"b": 1}),
        (1, "1"),
        (True, 1),
        (None, False),
        ({}, []),
    ],
)
def test_content_counts(one: object, other: object) -> None:
    assert digest(one) != digest(other)


def test_what_is_not_json_has_no_digest() -> None:
    with pytest.raises(ValueError, match="high is nan"):
        digest({"high": math.nan})


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    source = tmp_path / "protocol_of_mine.py"
    source.write_bytes(b"raise RuntimeError('executed')\n")
    return source


def test_a_module_is_digested_without_being_executed(module: Path) -> None:
    assert module_digest("protocol_of_mine") == "sha256:" + hashlib.sha256(module.read_bytes()).hexdigest()
    assert "protocol_of_mine" not in sys.modules


def test_line_endings_do_not_count(module: Path) -> None:
    before = module_digest("protocol_of_mine")
    module.write_bytes(module.read_bytes().replace(b"\n", b"\r\n"))
    assert module_digest("protocol_of_mine") == before


def test_a_change_of_the_source_counts(module: Path) -> None:
    before = module_digest("protocol_of_mine")
    module.write_bytes(b"raise RuntimeError('other')\n")
    assert module_digest("protocol_of_mine") != before


def test_a_module_may_be_given_itself() -> None:
    assert module_digest(room) == module_digest("autolab.journal.digest") is not None


@pytest.mark.parametrize("name", ["sys", "math"])
def test_a_module_without_a_source(name: str) -> None:
    assert module_digest(name) is None


def test_a_module_whose_source_is_gone(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "__file__", str(module.with_name("gone.py")))
    assert module_digest(room) is None


def test_a_module_that_does_not_exist() -> None:
    with pytest.raises(ModuleNotFoundError, match="no module 'protocol_of_nobody'"):
        module_digest("protocol_of_nobody")
