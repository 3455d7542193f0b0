"""Notifications: started, left alone, harmless."""

import sys
from pathlib import Path

import pytest

from autolab.loop import notify
from autolab.loop.progress import Progress


def test_a_person_is_told_of_the_end_and_of_questions_alone(tmp_path: Path) -> None:
    script = tmp_path / "tell.py"
    script.write_text("import sys, pathlib\nwith open(sys.argv[1], 'a') as f: f.write(sys.argv[2] + '\\n')\n")
    seen: list[str] = []
    told = tmp_path / "told"
    watch = notify.notifying(lambda progress: seen.append(progress.kind), f"{sys.executable} {script} {told}")
    watch(Progress("trial", "error = 1"))
    watch(Progress("stopped", "the budget; $(rm -rf nothing) is used up"))
    assert seen == ["trial", "stopped"]
    for process in list(notify._STARTED):
        process.wait(10)
    assert told.read_text() == "autolab: stopped: the budget; $(rm -rf nothing) is used up\n"


@pytest.mark.parametrize("command", ["no-such-command-anywhere", "'unclosed"])
def test_a_command_that_cannot_be_started_harms_nothing(command: str, caplog: pytest.LogCaptureFixture) -> None:
    if command.startswith("'"):
        with pytest.raises(ValueError, match="No closing quotation"):
            notify.notifying(lambda _progress: None, command)
        return
    notify.notifying(lambda _progress: None, command)(Progress("question", "did it happen?"))
    assert "could not be started" in caplog.text
