"""YAML with lines: what scalars become, and every way in which a file can fail to be YAML."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.actions import JSON
from autolab.model.errors import Fault
from autolab.spec.document import MOST_NODES, Document, dotted, parse_document, read_document
from autolab.spec.yaml_grammar import yaml_text


def parsed(text: str) -> Document:
    faults: list[Fault] = []
    document = parse_document(text, "f.yaml", faults)
    assert faults == []
    assert document is not None
    return document


def faults_of(text: str) -> list[Fault]:
    faults: list[Fault] = []
    parse_document(text, "f.yaml", faults)
    return faults


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("off", "off"),
        ("on", "on"),
        ("yes", "yes"),
        ("No", "No"),
        ("true", True),
        ("FALSE", False),
        ("2024-01-31", "2024-01-31"),
        ("1:30", "1:30"),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("0x1F", 31),
        ("0o17", 15),
        ("1e-3", 0.001),
        ("1.5E3", 1500.0),
        ("+7", 7),
        ("-0.5", -0.5),
        (".5", 0.5),
        ("3.", 3.0),
        ("~", None),
        ("null", None),
        ("", None),
        ("'0123'", "0123"),
        ("'off'", "off"),
        ("=", "="),
    ],
)
def test_scalars_follow_version_1_2(written: str, expected: object) -> None:
    value = parsed(f"key: {written}").data["key"]
    assert value == expected
    assert type(value) is type(expected)


def test_infinity_and_nan_are_numbers() -> None:
    data = parsed("a: .inf\nb: -.INF\nc: .nan").data
    assert data["a"] == float("inf")
    assert data["b"] == float("-inf")
    assert data["c"] != data["c"]


def test_keys_are_texts_as_written() -> None:
    assert parsed("on: 1\nno: 2\n7: 3\ntrue: 4").data == {"on": 1, "no": 2, "7": 3, "true": 4}


def test_each_key_and_item_keeps_its_line() -> None:
    document = parsed("a: 1\nb:\n  c: 2\n  d:\n    - x\n    - y\n")
    assert document.lines == {("a",): 1, ("b",): 2, ("b", "c"): 3, ("b", "d"): 4, ("b", "d", 0): 5, ("b", "d", 1): 6}
    assert document.line(("b", "missing", "deeper")) == 2
    assert document.line(("nowhere",)) == 1


def test_keys_are_told_with_dots_and_brackets() -> None:
    assert dotted(("space", "constraints", 2, "x")) == "space.constraints[2].x"
    assert dotted(()) == ""


def test_anchors_and_merge_keys_work_and_own_keys_win() -> None:
    data = parsed("base: &b {x: 1, y: 2}\nother: {<<: *b, y: 3}\nboth: {<<: [{x: 9}, *b]}").data
    assert data["other"] == {"x": 1, "y": 3}
    assert data["both"] == {"x": 9, "y": 2}


@pytest.mark.parametrize(
    ("text", "line", "key", "problem", "remedy"),
    [
        ("a: 1\na: 2", 2, "a", "given twice .first on line 1.", "Keep one"),
        ("s:\n  x: 1\n  y: 2\n  x: 3", 4, "s.x", "given twice .first on line 2.", "Keep one"),
        ("a:\n\tb: 1", 2, "", "a tab is used as indentation", "spaces"),
        ("a: [1, 2", 1, "", "not valid YAML", "brackets"),
        ("a: 'x", 1, "", "not valid YAML", "quotes"),
        ("a: 1\n b: 2", 2, "", "not valid YAML", "indentation"),
        ("a: b: c", 1, "", "not valid YAML", "colons"),
        ("a: *nobody", 1, "", "not valid YAML: found undefined alias", ""),
        ("a: 1\n---\nb: 2", 2, "", "a second document begins here", "one document"),
        ("", 0, "", "the file is empty", "autolab: 1"),
        ("# only a comment\n", 0, "", "the file is empty", "autolab: 1"),
        ("- 1\n- 2", 1, "", "must be a mapping of keys to values, got a list", "autolab: 1"),
        ("just words", 1, "", "got 'just words'", "autolab: 1"),
        ("a: 0123", 1, "a", "'0123' has leading zeros", "Write 123, or quote it"),
        ("a: 00", 1, "a", "'00' has leading zeros", "Write 0, or quote it"),
        ("a: !!python/object:os.system x", 1, "a", "the tag .* is not used", "Remove it"),
        ("a: !mine [1]", 1, "a", "the tag '!mine' is not used", "Remove it"),
        ("a: !!int x", 1, "a", "'x' is not a valid int", "quote it"),
        ("? [1, 2]\n: x", 1, "", "a key must be a single word or number", "Quote it"),
        ("~: x", 1, "", "a key must be a single word or number", "Quote it"),
        ("a: &x [*x]", 1, "a[0]", "contains itself", "Write the values out"),
        ("a: {<<: 7}", 1, "a", "`<<` must be followed by an alias of a mapping", "name"),
        ('a: "\\ud800"', 1, "a", "is not a valid str", ""),
        ('"\\ud800": a', 1, "", "half a character", ""),
        ("a: b\x07c", 1, "", "the character .* is not allowed", "Remove it"),
    ],
)
def test_what_is_not_yaml_is_told_with_its_line(text: str, line: int, key: str, problem: str, remedy: str) -> None:
    (fault,) = faults_of(text)
    assert (fault.line, fault.key) == (line, key)
    assert re.search(problem, fault.problem)
    assert remedy in fault.remedy


def test_several_faults_are_told_at_once_and_reading_goes_on() -> None:
    faults: list[Fault] = []
    document = parse_document("a: 1\na: 2\nb: 007\nc: 3", "f.yaml", faults)
    assert document is not None
    assert [fault.line for fault in faults] == [2, 3]
    assert document.data == {"a": 1, "b": None, "c": 3}


def test_aliases_of_aliases_do_not_fill_the_memory() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 8)]
    (fault,) = faults_of("\n".join(lines))
    assert f"more than {MOST_NODES} values" in fault.problem


def test_brackets_nested_too_deeply_are_a_fault() -> None:
    (fault,) = faults_of("a: " + "[" * 5000 + "]" * 5000)
    assert "nested too deeply" in fault.problem


def test_a_journal_is_no_yaml_file(tmp_path: Path) -> None:
    path, faults = tmp_path / "campaign.sqlite", list[Fault]()
    path.write_bytes(b"SQLite format 3\x00\x10\x00\x01\x01\xa8")
    assert read_document(path, faults) is None
    assert str(faults[0]) == f"{path}: is a journal, and no YAML file. Give the file of its campaign"


def test_bytes_that_are_not_utf_8_are_told_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"a: 1\nunit: \xb0C\n")
    faults: list[Fault] = []
    assert read_document(path, faults) is None
    assert (faults[0].line, faults[0].file) == (2, str(path))
    assert "0xb0 is not UTF-8" in faults[0].problem


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    faults: list[Fault] = []
    document = read_document(path, faults)
    assert document is not None
    assert document.data == {"a": 1}
    assert faults == []


def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    faults: list[Fault] = []
    assert read_document(tmp_path / "no.yaml", faults) is None
    assert "No such file" in faults[0].problem
    assert faults[0].line == 0


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    faults: list[Fault] = []
    assert read_document(tmp_path, faults) is None
    assert "cannot be read" in faults[0].problem


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_any_text_gives_data_or_a_fault_and_never_an_exception(text: str) -> None:
    faults: list[Fault] = []
    assert (parse_document(text, "f.yaml", faults) is not None) or faults


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_json_is_read_as_json_reads_it(value: JSON) -> None:
    assert parsed(json.dumps({"key": value})).data == {"key": value}


@given(json_values)
def test_what_is_written_as_yaml_is_read_again(value: JSON) -> None:
    assert parsed(yaml_text({"key": value})).data == {"key": value}


@given(st.from_regex(r"[-+]?[0-9oxeE._:]{1,6}|on|off|yes|no|true|null|~|=|<<", fullmatch=True))
def test_texts_that_look_like_something_else_stay_texts(text: str) -> None:
    assert parsed(yaml_text({"key": text, "list": [text]})).data == {"key": text, "list": [text]}
