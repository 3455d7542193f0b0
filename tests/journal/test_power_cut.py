"""A power cut at any instant loses nothing that was acknowledged.

A writer process runs with every write, truncation and flush of its files logged in order. A cut is then played at
some place of that log: of each file, all before its last flush is on the disk; of what was written later, any part
may be, torn at sectors. The journal found there must hold every acknowledged fact and nothing out of order.
"""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from autolab.journal.history import fold
from autolab.journal.journal import Journal
from autolab.journal.reading import JournalReader

HERE = Path(__file__).parent
SECTOR = 512
CUTS = 150

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("cc") is None,
    reason="logs the writer's system calls with a C library on Linux",
)


@dataclass(frozen=True)
class Operation:
    kind: str
    name: str
    offset: int
    data: bytes


@pytest.fixture(scope="module")
def logger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("logger") / "power_log.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, HERE / "power_log.c", "-ldl"], check=True)
    return library


def logged(logger: Path, folder: Path, *options: str) -> tuple[list[Operation], Path]:
    """Run the writer to its end, and return what it did to its files after the journal had been made."""
    lab, log = folder / "lab", folder / "power.log"
    lab.mkdir()
    path = lab / "c.sqlite"
    Journal.open(path).close()
    base = folder / "base.sqlite"
    shutil.copy(path, base)
    command = [sys.executable, str(HERE / "writer.py"), str(path), "12", str(lab / "acks"), *options]
    told = {"LD_PRELOAD": str(logger), "POWER_WATCH": str(lab), "POWER_LOG": str(log)}
    subprocess.run(command, check=True, env=os.environ | told)
    return list(operations(log.read_bytes())), base


def operations(log: bytes) -> Iterator[Operation]:
    at = 0
    while at < len(log):
        kind, size = struct.unpack_from("<cI", log, at)
        at += 5
        name = Path(os.fsdecode(log[at : at + size])).name
        at += size
        offset, length = struct.unpack_from("<qI", log, at)
        at += 12
        yield Operation(kind.decode(), name, offset, log[at : at + length])
        at += length


def cut(done: list[Operation], base: bytes, chance: random.Random) -> tuple[dict[str, bytes], int]:
    """Return the files that a power cut after `done` leaves, and the number of the last acknowledged event."""
    files = {"c.sqlite": bytearray(base), "c.sqlite-wal": bytearray()}
    acked = 0
    for name in files:
        own = [operation for operation in done if operation.name == name]
        flushed = max((index + 1 for index, operation in enumerate(own) if operation.kind == "s"), default=0)
        kept = own[:flushed] + [torn for later in own[flushed:] for torn in tear(later, chance)]
        for operation in kept:
            perform(files[name], operation)
    for operation in done:
        if operation.name == "acks":
            acked = int(operation.data)
    return {name: bytes(content) for name, content in files.items()}, acked


def tear(operation: Operation, chance: random.Random) -> Iterator[Operation]:
    if operation.kind != "w":
        if chance.random() < 0.5:
            yield operation
        return
    for start in range(0, len(operation.data), SECTOR):
        if chance.random() < 0.5:
            piece = operation.data[start : start + SECTOR]
            yield Operation("w", operation.name, operation.offset + start, piece)


def perform(content: bytearray, operation: Operation) -> None:
    if operation.kind == "w":
        content.extend(b"\0" * (operation.offset - len(content)))
        content[operation.offset : operation.offset + len(operation.data)] = operation.data
    elif operation.kind == "t":
        del content[operation.offset :]


def found_after(files: dict[str, bytes], folder: Path) -> list[int]:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    with JournalReader.open(folder / "c.sqlite") as reader:
        fold(reader.events())
        return [event.seq for event in reader.events()]


def lost(operations_: list[Operation], base: Path, folder: Path) -> int:
    """Play power cuts at places all over the log and return how many lost an acknowledged event."""
    chance, losses = random.Random(7), 0
    for number in range(CUTS):
        upto = chance.randrange(len(operations_) + 1)
        files, acked = cut(operations_[:upto], base.read_bytes(), chance)
        found = found_after(files, folder / str(number))
        assert found == list(range(1, len(found) + 1)), f"cut {number}: events missing in the middle"
        losses += len(found) < acked
        shutil.rmtree(folder / str(number))
    return losses


def test_no_power_cut_loses_an_acknowledged_event(logger: Path, tmp_path: Path) -> None:
    done, base = logged(logger, tmp_path, "--checkpoint", "5")
    assert any(operation.kind == "s" and operation.name == "c.sqlite" for operation in done), "no checkpoint was logged"
    assert lost(done, base, tmp_path) == 0


def test_every_acknowledged_commit_was_flushed_to_the_log_before(logger: Path, tmp_path: Path) -> None:
    done, _ = logged(logger, tmp_path)
    waiting = False
    for operation in done:
        if operation.name == "c.sqlite-wal":
            waiting = operation.kind != "s"
        elif operation.name == "acks":
            assert not waiting


def test_a_relaxed_journal_loses_its_last_facts_and_nothing_else(logger: Path, tmp_path: Path) -> None:
    """So the first test fails, as it must, when commits are not flushed; what is found is still in order."""
    done, base = logged(logger, tmp_path, "--relaxed")
    assert lost(done, base, tmp_path) > CUTS // 2
