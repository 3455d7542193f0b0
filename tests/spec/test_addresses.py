"""Addresses files: written in one step, read with all faults."""

import json
from pathlib import Path

import pytest

from autolab.model.errors import FaultyFile
from autolab.spec.addresses import load_addresses, write_addresses


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "addresses.json"
    write_addresses(path, {"balance": "serial:///dev/pts/4"}, pid=12, speed=60)
    read = load_addresses(path)
    assert (read.simulated, read.pid, read.speed) == (True, 12, 60.0)
    assert read.instruments == {"balance": "serial:///dev/pts/4"}
    assert json.loads(path.read_text(encoding="utf-8"))["pid"] == 12


def test_writing_leaves_nothing_beside_it_and_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "addresses.json"
    path.write_text("old", encoding="utf-8")
    write_addresses(path, {"a": "tcp://127.0.0.1:1"}, pid=1)
    assert [each.name for each in tmp_path.iterdir()] == ["addresses.json"]
    assert load_addresses(path).instruments == {"a": "tcp://127.0.0.1:1"}


def test_yaml_by_hand_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "addresses.yaml"
    path.write_text("simulated: true\npid: 7\ninstruments: {a: 'tcp://localhost:9'}\n", encoding="utf-8")
    assert load_addresses(path).speed == 1.0


@pytest.mark.parametrize(
    ("text", "line", "key", "problem"),
    [
        ("simulated: false\npid: 7\ninstruments: {a: 'tcp://h:9'}", 1, "simulated", "got False"),
        ("simulated: true\npid: 0\ninstruments: {a: 'tcp://h:9'}", 2, "pid", "greater than 0"),
        ("simulated: true\npid: 7\nspeed: 0\ninstruments: {a: 'tcp://h:9'}", 3, "speed", "greater than 0"),
        ("simulated: true\npid: 7\ninstruments: {}", 3, "instruments", "at least 1 entries"),
        ("simulated: true\npid: 7\ninstruments:\n  a: nowhere", 4, "instruments.a", "unknown scheme"),
        ("pid: 7\ninstruments: {a: 'tcp://h:9'}", 1, "simulated", "is missing"),
    ],
)
def test_faults(tmp_path: Path, text: str, line: int, key: str, problem: str) -> None:
    path = tmp_path / "addresses.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FaultyFile, match=problem) as caught:
        load_addresses(path)
    (fault,) = caught.value.faults
    assert (fault.line, fault.key) == (line, key)
