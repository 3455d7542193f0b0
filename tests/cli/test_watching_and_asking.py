"""Looking at a campaign from another process, and asking its owner for something."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import Result

from autolab.campaign import Campaign
from autolab.cli import targets
from autolab.journal.journal import Journal
from autolab.journal.reading import JournalReader
from autolab.loop.progress import Progress

Autolab = Callable[..., Result]

POINT = {"rate": 1.0, "suck_back": 0.0, "dwell": 1.0}


@pytest.fixture
def in_doubt(tmp_path: Path) -> Iterator[Path]:
    """Give a journal that is owned (by this process) and asks a person about an action."""
    path = tmp_path / "f.sqlite"
    with Journal.open(path) as journal:
        journal.append("opened", {"name": "held", "seed": 0, "fidelity": "virtual", "digests": {}, "settings": {}})
        decided = {"decision": 0, "seed": 1, "n": 1, "asked": {"history": 0, "pending": []}, "fallback": None}
        journal.append("decided", {**decided, "suggestions": [{"point": POINT, "info": {}}], "trials": [1]})
        journal.append("reviewed", {"verdict": "approved", "by": "autolab", "why": ""}, trial=1)
        journal.append("attempt_started", {"slot": 0}, trial=1, attempt=1)
        place = {"trial": 1, "attempt": 1, "action": 1}
        intent = {"instrument": "waste", "verb": "set", "value": 1, "action_class": "once", "context": {}}
        journal.append("intent", intent, **place)
        journal.append("outcome", {"status": "in_doubt", "result": {}, "error": "no reply"}, **place)
        question = {"id": "1.1.1", "text": "did waste set happen?", "choices": ["happened", "did_not"]}
        journal.append("held", {"question": question}, **place)
        yield path


def requests(path: Path) -> list[tuple[str, dict[str, object]]]:
    with JournalReader.open(path) as reader:
        return [(one.kind, dict(one.body)) for one in reader.requests()]


def test_status_of_a_campaign_that_ended(autolab: Autolab, done: Path) -> None:
    result = autolab("status", done / "campaign.yaml")
    assert result.exit_code == 0
    assert "dosing (virtual): stopped: budget_trials" in result.stdout
    assert "trials: 2 completed (budget 2)" in result.stdout or "trials: 2 completed (budget 30)" in result.stdout
    assert "Best trial" in result.stdout
    assert "stopped" in result.stdout.splitlines()[-1]


def test_status_as_json_of_the_journal_itself(autolab: Autolab, done: Path) -> None:
    told = json.loads(autolab("status", done / "campaign.sqlite", "--json", "--events", "2").stdout)
    assert (told["name"], told["state"], told["running"]) == ("dosing", "stopped: budget_trials", False)
    assert told["trials"] == {"completed": 2}
    assert set(told["best"][0]["point"]) == set(POINT)
    assert [event["kind"] for event in told["last_events"]][-1] == "stopped"
    assert len(told["last_events"]) == 2


def test_status_shows_what_a_person_must_decide(autolab: Autolab, in_doubt: Path) -> None:
    result = autolab("status", in_doubt)
    assert "question 1.1.1: did waste set happen?" in result.stdout
    assert f"autolab resolve {in_doubt} 1.1.1 --happened|--did-not" in result.stdout
    assert "running, and waits for a person" in result.stdout
    told = json.loads(autolab("status", in_doubt, "--json").stdout)
    assert told["in_doubt"] == [{"trial": 1, "attempt": 1, "action": 1, "instrument": "waste"}]
    assert told["running"] is True


def test_status_of_a_campaign_that_was_killed(
    autolab: Autolab, in_doubt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "_alive", lambda _pid: False)
    assert "ended without a word" in autolab("status", in_doubt).stdout


def test_status_of_a_campaign_on_another_machine(
    autolab: Autolab, in_doubt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "elsewhere")
    told = json.loads(autolab("status", in_doubt, "--json").stdout)
    assert told["running"] is None
    assert told["state"] == "owned by another machine"


def test_liveness_of_processes() -> None:
    import os
    import subprocess
    import sys

    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert targets._alive(os.getpid())
    assert not targets._alive(ended.pid)


def test_the_lock_tells_whether_somebody_owns_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "f.sqlite"
    assert not targets._locked(path)
    with Journal.open(path):
        assert targets._locked(path)
    assert not targets._locked(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [("no.yaml", "there is no such file"), ("campaign.yaml", "has no journal yet. Start it with `autolab run")],
)
def test_what_has_no_journal_is_wrong_input(autolab: Autolab, files: Path, name: str, message: str) -> None:
    result = autolab("status", files / name)
    assert result.exit_code == 2
    assert message in result.stderr


def test_what_is_no_journal_is_wrong_input(autolab: Autolab, tmp_path: Path) -> None:
    path = tmp_path / "f.sqlite"
    path.write_text("these are words and no journal at all, however long they go on", encoding="utf-8")
    assert autolab("status", path).exit_code == 2


def test_stop_does_nothing_where_nobody_runs(autolab: Autolab, done: Path) -> None:
    result = autolab("stop", done / "campaign.yaml")
    assert result.exit_code == 0
    assert "nothing to stop" in result.stdout
    assert requests(done / "campaign.sqlite") == []


def test_invalidate_waits_in_the_journal_for_the_next_run(autolab: Autolab, done: Path) -> None:
    result = autolab("invalidate", done / "campaign.yaml", "1", "--why", "the beaker was moved")
    assert result.exit_code == 0
    assert "waits in the journal for the next run" in result.stdout
    assert requests(done / "campaign.sqlite") == [("invalidate", {"trial": 1, "why": "the beaker was moved"})]
    assert "request 1 (invalidate by " in autolab("status", done / "campaign.yaml").stdout
    assert autolab("run", done / "campaign.yaml", "--trials", "2").exit_code == 0
    assert json.loads(autolab("status", done / "campaign.yaml", "--json").stdout)["invalidated"] == [1]
    again = autolab("invalidate", done / "campaign.yaml", "1", "--why", "again")
    assert again.exit_code == 2
    assert "is invalidated already: the beaker was moved" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["invalidate", "{}", "9", "--why", "x"],
            "trial 9 is not completed, so there is nothing to invalidate; completed: 1, 2",
        ),
        (["approve", "{}"], "name the trials, or say --all"),
        (["approve", "{}", "1", "--all"], "name the trials, or say --all"),
        (["resolve", "{}", "1.1.1", "--happened", "--why", "x"], "--redo or --discard"),
        (["resolve", "{}", "1.1.1", "--happened", "--redo"], "say --why"),
        (["resolve", "{}", "1.1.1", "--did-not", "--redo", "--why", "x"], "no open question '1.1.1'; open: none"),
    ],
)
def test_requests_that_make_no_sense_never_reach_the_journal(
    autolab: Autolab, done: Path, arguments: list[str], message: str
) -> None:
    result = autolab(*[one.format(done / "campaign.yaml") for one in arguments])
    assert result.exit_code == 2
    assert message in result.stderr
    assert requests(done / "campaign.sqlite") == []


def test_resolve_asks_the_owner(autolab: Autolab, in_doubt: Path) -> None:
    result = autolab(
        "resolve", in_doubt, "1.1.1", "--did-not", "--discard", "--why", "dry", "--patience", "0", "--json"
    )
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert (told["request"], told["running"], told["ok"]) == (1, True, None)
    body = {"question": "1.1.1", "choice": "did_not", "then": "discard", "why": "dry"}
    assert requests(in_doubt) == [("resolve", body)]


@contextmanager
def waiting_for_review(files: Path) -> Iterator[Path]:
    """Run a campaign in a thread until it waits for a person."""
    path = files / "campaign.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("review: auto", "review: ask"), encoding="utf-8")
    campaign, asks = Campaign.from_file(path), threading.Event()

    def watch(progress: Progress) -> None:
        if progress.kind == "review":
            asks.set()

    thread = threading.Thread(target=campaign.run, args=(2,), kwargs={"progress": watch})
    thread.start()
    try:
        assert asks.wait(30)
        yield path
    finally:
        campaign.stop()
        thread.join(30)
    assert not thread.is_alive()


def test_the_owner_answers_while_it_runs(autolab: Autolab, files: Path) -> None:
    with waiting_for_review(files) as path:
        assert "trial 1 waits for approval" in autolab("status", path).stdout
        refused = autolab("approve", path, "7", "--patience", "30")
        assert refused.exit_code == 1
        assert "not in review: trial 7" in refused.stderr
        approved = autolab("approve", path, "1", "--patience", "30")
        assert approved.exit_code == 0
        assert "approved: 1" in approved.stdout
        stopped = autolab("stop", path, "--json", "--patience", "30").stdout
        assert json.loads(stopped[stopped.index("{") :])["ok"] is True  # bluesky, in this process too, prints before
    assert json.loads(autolab("status", path, "--json").stdout)["state"] == "stopped: stop_requested"


def test_reject_tells_the_reason(autolab: Autolab, files: Path) -> None:
    with waiting_for_review(files) as path:
        assert autolab("reject", path, "--all", "--why", "too slow", "--patience", "30").exit_code == 0
    told = autolab("status", path).stdout
    assert "too slow" in told


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="zombies are looked up in /proc")
def test_a_killed_process_that_nobody_waited_for_is_not_running() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    assert targets._alive(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and left as a zombie
    assert not targets._alive(child.pid)
    child.wait()
    assert not targets._alive(child.pid)


def test_status_tells_what_was_drawn_from_bottles_and_outcomes_with_units(autolab: Autolab, files: Path) -> None:
    lab = files / "lab.yaml"
    stock = "stocks:\n  water: {solvents: {water: 1.0}, density: 0.998, loaded_mL: 300}\n"
    lab.write_text(lab.read_text(encoding="utf-8") + stock, encoding="utf-8")
    ran = autolab("run", files / "campaign.yaml", "--trials", "2")
    assert ran.exit_code == 0, ran.output
    told = json.loads(autolab("status", files / "campaign.yaml", "--json").stdout)
    level = told["stocks"]["water"]
    assert level["loaded_mL"] == 300
    assert level["drawn_mL"] > 0
    assert level["left_mL"] == pytest.approx(300 - level["drawn_mL"])
    assert told["budget"]["trials"] == 2
    assert told["units"] == {"error": "%", "bias": "%", "spread": "%", "seconds": "s"}
    assert list(told["best"][0]["point"]) == ["rate", "suck_back", "dwell"]
    text = autolab("status", files / "campaign.yaml").stdout
    assert f"stock water: {level['drawn_mL']:.4g} mL drawn of 300 mL loaded, {level['left_mL']:.4g} mL left" in text
    assert "seconds (s)" in text
