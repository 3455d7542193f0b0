"""What becomes of errors: a message without a traceback, and the exit code.

0 done, 1 the work failed, 2 the input is wrong.
"""

from __future__ import annotations

import functools
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import typer

from autolab.cli.console import complain
from autolab.model.errors import AutolabError, InputError

P = ParamSpec("P")
T = TypeVar("T")

WORK_FAILED = 1
INPUT_WRONG = 2
INTERRUPTED = 130

_tracebacks = {"shown": False}


def show_tracebacks(shown: bool) -> None:
    """Choose whether unexpected errors show their traceback at once."""
    _tracebacks["shown"] = shown


def command(function: Callable[P, T]) -> Callable[P, T]:
    """Turn a command's errors into a message and an exit code."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except InputError as error:
            complain(str(error))
            raise typer.Exit(INPUT_WRONG) from None
        except AutolabError as error:
            complain(str(error) or type(error).__name__)
            raise typer.Exit(WORK_FAILED) from None
        except KeyboardInterrupt:
            complain("interrupted")
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:  # the reader of our output has gone, as `| head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(WORK_FAILED) from None
        except typer.Exit:
            raise
        except Exception as error:
            if _tracebacks["shown"]:
                raise
            complain(f"unexpected {type(error).__name__}: {error}")
            complain(f"This is a fault of autolab or of a plug-in. The full traceback is in {_kept()}")
            raise typer.Exit(WORK_FAILED) from None

    return guarded


def refuse(message: str) -> typer.Exit:
    """Say what is wrong with the input; raise what is returned."""
    complain(message)
    return typer.Exit(INPUT_WRONG)


def _kept() -> str:
    """Write the traceback of the error in hand to a file and return its path."""
    handle, path = tempfile.mkstemp(prefix="autolab-error-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(traceback.format_exc())
    return path
