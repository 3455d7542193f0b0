"""The results file: a line of JSON for each finished run, only ever added to."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Self

import filelock

from autolab.model.errors import InputError
from autolab.study.runs import Result

log = logging.getLogger(__name__)


class ResultsFile:
    """Finished runs, on disk as soon as they are finished.

    Args:
        path: Made at the first result.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def owned(self) -> Iterator[Self]:
        """Keep other studies from adding to the file while the block runs.

        Raises:
            InputError: Another study adds to it, or its folder cannot be written.
        """
        lock = filelock.FileLock(self.path.with_name(f"{self.path.name}.lock"), timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout:
            msg = f"{self.path}: another study is adding to it. Wait for that, or give another file with --results"
            raise InputError(msg) from None
        except OSError as error:
            msg = f"{self.path} cannot be written: {error.strerror or error}. Give another file with --results"
            raise InputError(msg) from None
        try:
            yield self
        finally:
            lock.release()
            Path(lock.lock_file).unlink(missing_ok=True)

    def read(self) -> list[Result]:
        """Return all results; of a run that is there twice, the first. Nothing where there is no file.

        A last line that was cut off when the process was killed is no result.

        Raises:
            InputError: The file cannot be read, or holds something else; the message says where.
        """
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        except OSError as error:
            msg = f"{self.path} cannot be read: {error.strerror or error}"
            raise InputError(msg) from None
        lines = text.split("\n")
        found: dict[str, Result] = {}
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                one = Result.from_line(line)
            except InputError as error:
                if number == len(lines) or _cut_off(line):
                    log.info("%s:%d: a line was cut off; its run is done again", self.path, number)
                    continue
                msg = f"{self.path}:{number}: {error}. Give the results file of a study"
                raise InputError(msg) from None
            found.setdefault(one.key, one)
        return list(found.values())

    def add(self, result: Result) -> None:
        """Add a line, durably.

        Raises:
            InputError: It cannot be written, as where the disk is full; what is in the file stays.
        """
        try:
            with self.path.open("ab+") as stream:
                _mend(stream)
                stream.write(result.to_line().encode() + b"\n")
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            msg = (
                f"{self.path} cannot be written: {error.strerror or error}. The runs that are in it stay; when it can be "
                "written again, the same command goes on"
            )
            raise InputError(msg) from None


def _mend(stream: BinaryIO) -> None:
    """End the last line where its end is missing; take it away where it is no result: a kill or a full disk cut it."""
    if not stream.tell():
        return
    stream.seek(-1, os.SEEK_END)
    if stream.read(1) == b"\n":  # as nearly always: the rest need not be read
        return
    stream.seek(0)
    whole, end, rest = stream.read().rpartition(b"\n")
    try:
        Result.from_line(rest.decode("utf-8", errors="replace"))
    except InputError:
        stream.truncate(len(whole) + len(end))
    else:
        stream.write(b"\n")


def _cut_off(line: str) -> bool:
    return line.startswith('{"planner"') and not line.endswith("}")
