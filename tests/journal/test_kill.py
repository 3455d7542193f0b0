"""kill -9 at any instant: all that was acknowledged is there, in order, and the next owner goes on."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from autolab.journal.history import fold
from autolab.journal.journal import Journal
from autolab.journal.reading import JournalReader

WRITER = str(Path(__file__).parent / "writer.py")

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kill -9 is POSIX's")


def killed_writer(path: Path, after: int) -> int:
    """Run the writer until `after` commits were acknowledged, kill it, and return the last acknowledged event."""
    command = [sys.executable, WRITER, str(path), "100000", "-", "--checkpoint", "7"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(after):
            assert process.stdout.readline()
        process.kill()
        told = process.stdout.read().splitlines(keepends=True)
    whole = [line for line in told if line.endswith("\n")]
    return int(whole[-1]) if whole else 0


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_writer_loses_nothing_it_acknowledged(path: Path, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(2):
        acked = killed_writer(path, chance.randrange(1, 120))
        with JournalReader.open(path) as reader:
            found = [event.seq for event in reader.events()]
            history = fold(reader.events())
        assert found == list(range(1, len(found) + 1))
        assert len(found) >= acked
        assert [trial.number for trial in history.trials] == list(range(1, len(history.trials) + 1))
    with Journal.open(path, durable=False) as journal:
        assert journal.epoch == 3
        assert journal.append("safed", {"ok": True}).seq == len(found) + 1


def test_a_reader_follows_a_writer_that_runs(path: Path) -> None:
    """What was acknowledged is seen at once by another process, and never a part of a commit."""
    command = [sys.executable, WRITER, str(path), "40", "-", "--checkpoint", "5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        reader = None
        for line in process.stdout:
            reader = reader or JournalReader.open(path)
            kinds = [event.kind for event in reader.events()]
            assert len(kinds) >= int(line)
            assert kinds.count("decided") == kinds.count("reviewed")
            assert kinds.count("attempt_ended") == kinds.count("observed") <= len(list(reader.documents()))
        assert reader is not None
        assert kinds.count("observed") == 40
        reader.close()
    assert process.returncode == 0
