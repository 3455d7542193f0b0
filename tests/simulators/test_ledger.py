"""The ledger of what truly flowed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autolab.model.clock import Clock
from autolab.simulators.bench import Bench
from autolab.simulators.ledger import Ledger, read_ledger


def test_entry_says_what_flowed_and_when(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    entry = ledger.write("dosing", -0.5, (1.0, 4.5), ("water", "dosing"), "done")
    ledger.close()
    assert (entry.direction, entry.volume, entry.start, entry.end) == ("withdraw", 0.5, 1.0, 4.5)
    assert (entry.source, entry.destination, entry.ended, entry.number) == ("water", "dosing", "done", 0)
    assert entry.wall > 1.7e9


def test_file_is_readable_while_it_is_written(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    for volume in (0.5, -0.25):
        ledger.write("dosing", volume, (0.0, 1.0), ("a", "b"), "done")
        assert read_ledger(tmp_path / "ledger.jsonl") == list(ledger)
    ledger.close()
    ledger.write("waste", 1.0, (2.0, 3.0), ("a", "b"), "stopped")
    assert [entry.instrument for entry in read_ledger(tmp_path / "ledger.jsonl")] == ["dosing", "dosing", "waste"]
    ledger.close()
    assert [entry.number for entry in ledger.of("waste")] == [2]
    assert len(ledger) == 3


def test_line_cut_short_by_a_kill_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(path)
    ledger.write("dosing", 0.5, (0.0, 1.0), ("a", "b"), "done")
    ledger.close()
    with path.open("a") as file:
        file.write('{"number": 1, "instr')
    assert len(read_ledger(path)) == 1


def test_bench_writes_one_entry_for_each_movement(
    lab: dict[str, Any], clock: Clock, tmp_path: Path, talk: Callable[[Bench, str], Any]
) -> None:
    with Bench(lab, clock=clock, ledger=tmp_path / "ledger.jsonl") as bench:
        speaker = talk(bench, "dosing")
        speaker.ask("0")
        speaker.move("INF", 0.5, 6.0)
        for command in ("VOL1", "RUN", "", "STP"):
            speaker.ask(command, 2.0)
    entries = read_ledger(tmp_path / "ledger.jsonl")
    assert [entry.ended for entry in entries] == ["done", "stopped"]
    assert entries[0].volume == pytest.approx(0.5, abs=1e-9)
    assert entries[0].end - entries[0].start == pytest.approx(5.0, abs=1e-5)
    assert 0.3 < entries[1].volume < 0.5
