"""`autolab prefer`: a word of a person, and the question which word would tell most."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from autolab.journal.reading import JournalReader

Autolab = Callable[..., Result]
WAITS = "waits in the journal for the next run"


def requests(path: Path) -> list[tuple[str, dict[str, object]]]:
    with JournalReader.open(path) as reader:
        return [(one.kind, dict(one.body)) for one in reader.requests()]


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        (["9", "1"], "there is no trial 9; completed: 1, 2"),
        (["1", "9"], "there is no trial 9; completed: 1, 2"),
        (["1", "1"], "trial 1 cannot be compared with itself; completed: 1, 2"),
        (["1"], "trial 1 is better than which? Say two numbers: the better one, and the worse one"),
    ],
)
def test_words_that_make_no_sense_never_reach_the_journal(
    autolab: Autolab, done: Path, numbers: list[str], message: str
) -> None:
    result = autolab("prefer", done / "campaign.yaml", *numbers)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert requests(done / "campaign.sqlite") == []


def test_a_trial_that_was_invalidated_cannot_be_compared(autolab: Autolab, done: Path) -> None:
    autolab("invalidate", done / "campaign.yaml", "1", "--why", "the beaker was moved")
    autolab("run", done / "campaign.yaml", "--trials", "2")
    result = autolab("prefer", done / "campaign.yaml", "1", "2")
    assert result.exit_code == 2
    assert "trial 1 is invalidated: only completed trials can be compared; completed: 2" in result.stderr


def test_without_a_journal_there_is_nothing_to_compare(autolab: Autolab, files: Path) -> None:
    result = autolab("prefer", files / "campaign.yaml", "1", "2")
    assert result.exit_code == 2
    assert "has no journal yet" in result.stderr


def test_a_question_an_answer_and_the_next_run(autolab: Autolab, done: Path) -> None:
    path = done / "campaign.yaml"
    told = autolab("prefer", path)
    assert told.exit_code == 0, told.output
    assert "Which is better, trial 1 or trial 2?" in told.stdout
    assert f"Answer: autolab prefer {path} 1 2, or the other way round" in told.stdout
    assert "rate (mL/min)" in told.stdout
    assert "Best so far" not in told.stdout
    assert WAITS in autolab("prefer", path, "1", "2").stdout
    assert WAITS in autolab("prefer", path, "2", "1", "--why", "no drop").stdout
    assert requests(done / "campaign.sqlite")[1] == ("prefer", {"better": 2, "worse": 1, "why": "no drop"})
    told = autolab("prefer", path)  # what waits is known already
    assert "No two completed trials are left to compare." in told.stdout
    assert "Best so far, by 1 comparison: trial 2" in told.stdout
    assert json.loads(autolab("prefer", path, "--json").stdout) == {
        "question": None,
        "better": [[2, 1]],
        "best": [2, 1],
    }
    assert autolab("run", path, "--trials", "3").exit_code == 0
    status = autolab("status", path)
    assert "compared by people: 2 better than 1" in status.stdout
    assert json.loads(autolab("status", path, "--json").stdout)["better"] == [[2, 1]]
    asked = json.loads(autolab("prefer", path, "--json").stdout)["question"]
    assert 3 in [trial["trial"] for trial in asked]
    assert list(asked[0]["point"]) == ["rate", "suck_back", "dwell"]
    assert autolab("replay", path).exit_code == 0


def test_an_answer_as_json(autolab: Autolab, done: Path) -> None:
    told = json.loads(autolab("prefer", done / "campaign.yaml", "2", "1", "--json").stdout)
    assert (told["request"], told["running"], told["ok"]) == (1, False, None)


def test_a_journal_that_does_not_tell_its_problem(autolab: Autolab, tmp_path: Path) -> None:
    from autolab.journal.journal import Journal

    path = tmp_path / "f.sqlite"
    Journal.open(path).close()
    result = autolab("prefer", path)
    assert result.exit_code == 2
    assert "say two numbers" in result.stderr
