"""Notifications: by a command or to a web address; harmless, whatever becomes of them."""

import contextlib
import json
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from autolab.campaign import Campaign
from autolab.journal.reading import JournalReader
from autolab.loop import notify
from autolab.loop.notify import Notifier
from autolab.loop.progress import Progress

QUIET: Callable[[Progress], None] = lambda _progress: None  # noqa: E731  a constant of the tests


class Listener(HTTPServer):
    """A web address in this process that takes what it is told, and answers as a test wants."""

    def __init__(self, status: int = 204, hang: threading.Event | None = None) -> None:
        self.got: list[tuple[str, dict[str, Any]]] = []
        self.arrived = threading.Semaphore(0)
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.got.append((self.path, json.loads(body)))
                listener.arrived.release()
                if hang is not None:
                    hang.wait(30)
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    self.end_headers()

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?key=secret"


@pytest.fixture
def listen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Listener]]:
    """Return a function that starts a listener; all are ended with the test."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with contextlib.ExitStack() as stack:

        def start(**how: Any) -> Listener:
            server = stack.enter_context(Listener(**how))
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            if how.get("hang") is not None:
                stack.callback(how["hang"].set)
            return server

        yield start


def test_a_person_is_told_of_the_end_and_of_questions_alone(tmp_path: Path) -> None:
    script = tmp_path / "tell.py"
    script.write_text("import sys, pathlib\nwith open(sys.argv[1], 'a') as f: f.write(sys.argv[2] + '\\n')\n")
    seen: list[str] = []
    told = tmp_path / "told"
    command = f"{sys.executable} {script} {told}"
    notifier = Notifier(lambda progress: seen.append(progress.kind), command=command)
    notifier.watch(Progress("trial", "error = 1", result="completed"))
    notifier.watch(Progress("stopped", "the budget; $(rm -rf nothing) is used up", result="budget_trials"))
    notifier.close()
    assert seen == ["trial", "stopped"]
    for process in list(notify._STARTED):
        process.wait(10)
    assert told.read_text() == "autolab: stopped: the budget; $(rm -rf nothing) is used up\n"


def test_quotes_that_are_not_closed_are_told_when_it_is_made() -> None:
    with pytest.raises(ValueError, match="No closing quotation"):
        Notifier(QUIET, command="'unclosed")


def test_a_command_that_cannot_be_started_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    Notifier(QUIET, command="no-such-command-anywhere").watch(Progress("question", "did it happen?"))
    assert "could not be started" in caplog.text


OCCASIONS = [
    (Progress("question", ""), "question"),
    (Progress("review", ""), "question"),
    (Progress("trial", "", result="machine_failed"), "failure"),
    (Progress("trial", "", result="trial_failed"), "failure"),
    (Progress("trial", "", result="interrupted"), None),
    (Progress("trial", "", result="completed"), None),
    (Progress("trial", "rejected: outside"), None),
    (Progress("stopped", "", result="target"), "finish"),
    (Progress("stopped", "", result="interrupted"), "finish"),
    (Progress("stopped", "", result="failure_streak"), "failure"),
    (Progress("stopped", "", result="error"), "failure"),
    (Progress("action", ""), None),
    (Progress("deciding", ""), None),
]


@pytest.mark.parametrize(("progress", "occasion"), OCCASIONS, ids=lambda value: str(value)[:60])
def test_what_each_step_is_to_people(progress: Progress, occasion: str | None) -> None:
    assert notify.occasion_of(progress) == occasion


@pytest.mark.parametrize(
    ("on", "told"),
    [
        (["finish"], ["target", "failure_streak"]),
        (["failure"], ["machine_failed", "failure_streak"]),
        (["question"], [""]),
        (["finish", "failure", "question"], ["", "machine_failed", "target", "failure_streak"]),
    ],
)
def test_only_what_was_asked_for_is_told(listen: Callable[..., Listener], on: list[str], told: list[str]) -> None:
    server = listen()
    notifier = Notifier(QUIET, "c", webhook=server.address, on=on)
    for step in (
        Progress("question", "?"),
        Progress("trial", "", result="machine_failed"),
        Progress("stopped", "", result="target"),
        Progress("stopped", "", result="failure_streak"),
    ):
        notifier.watch(step)
    notifier.close()
    assert [body["result"] for _path, body in server.got] == told


def test_a_web_address_gets_json_with_what_a_person_needs(listen: Callable[..., Listener]) -> None:
    server = listen()
    notifier = Notifier(QUIET, "electrolyte", webhook=server.address)
    notifier.watch(Progress("stopped", "done", 7, 7, 40, {"y": 1.5}, 3600.0, "budget_trials"))
    notifier.close()
    ((path, body),) = server.got
    assert path == "/hook?key=secret"
    assert body.pop("wall_time") > 1.7e9
    assert body == {
        "campaign": "electrolyte",
        "kind": "finish",
        "text": "done",
        "trial": 7,
        "result": "budget_trials",
        "done": 7,
        "of": 40,
        "best": {"y": 1.5},
        "lab_time": 3600.0,
    }


def test_an_address_that_answers_with_an_error_is_told_again_the_next_time(
    listen: Callable[..., Listener], caplog: pytest.LogCaptureFixture
) -> None:
    server = listen(status=500)
    notifier = Notifier(QUIET, webhook=server.address)
    for _turn in range(2):
        notifier.watch(Progress("question", "?"))
    notifier.close()
    assert len(server.got) == 2
    assert "could not be told: HTTPError 500" in caplog.text
    assert "secret" not in caplog.text


def test_an_address_where_nobody_is_harms_nothing(
    listen: Callable[..., Listener], caplog: pytest.LogCaptureFixture
) -> None:
    server = listen()
    address = server.address.replace(str(server.server_port), "9")  # the discard service: nobody runs it
    notifier = Notifier(QUIET, webhook=address)
    notifier.watch(Progress("question", "?"))
    notifier.close()
    assert "http://127.0.0.1:9/... could not be told: URLError" in caplog.text


def test_an_address_that_hangs_delays_nobody(
    listen: Callable[..., Listener], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(notify, "PATIENCE", 0.05)
    monkeypatch.setattr(notify, "WAITING", 3)
    server = listen(hang=threading.Event())
    notifier = Notifier(QUIET, webhook=server.address)
    notifier.watch(Progress("question", "the first"))
    assert server.arrived.acquire(timeout=10)
    for _turn in range(5):
        notifier.watch(Progress("question", "more"))
    notifier.close()
    assert caplog.text.count("too slow: a notification was dropped") == 2
    assert len(server.got) == 1


def test_a_display_that_fails_keeps_nobody_from_being_told(listen: Callable[..., Listener]) -> None:
    server = listen()

    def broken(_progress: Progress) -> None:
        msg = "no screen"
        raise RuntimeError(msg)

    notifier = Notifier(broken, webhook=server.address)
    with pytest.raises(RuntimeError, match="no screen"):
        notifier.watch(Progress("question", "?"))
    notifier.close()
    assert len(server.got) == 1


@pytest.mark.parametrize("address", ["example.org/hook", "file:///etc/passwd", "http://", "http://h:port/", ""])
def test_what_is_no_web_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="is no web address"):
        Notifier(QUIET, webhook=address)


@pytest.mark.parametrize("webhook", ["https://h/services/T0/SECRET", "https://me:SECRET@h/", "https://h?key=SECRET"])
def test_no_secret_is_journaled(webhook: str) -> None:
    kept = notify.journaled({"command": None, "webhook": webhook, "on": ["finish"]})
    assert kept == {"command": None, "webhook": "https://h/...", "on": ["finish"]}
    assert notify.journaled(None) is None
    assert notify.journaled({"command": "mail"}) == {"command": "mail", "webhook": None}


FILE = """\
autolab: 1
name: told
space: {rate: {type: real, bounds: [0.5, 15], unit: mL/min}}
objectives: {error: {goal: minimize, unit: "%"}}
planner: {use: sobol}
protocol: {use: gravimetric, repeats: 2, with: {pump: dosing, waste: waste, balance: balance}}
lab: lab.yaml
budget: {trials: 1}
notify: {webhook: "ADDRESS"}
"""


@pytest.mark.parametrize("answers", [{"status": 204}, {"status": 500}, {"hang": True}])
def test_a_campaign_is_the_same_however_the_address_behaves(
    listen: Callable[..., Listener], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answers: dict[str, Any]
) -> None:
    monkeypatch.setattr(notify, "PATIENCE", 0.05 if "hang" in answers else 10.0)
    server = listen(**(answers if "status" in answers else {"hang": threading.Event()}))
    example = Path(__file__).parents[2] / "examples" / "dosing" / "lab.yaml"
    (tmp_path / "lab.yaml").write_text(example.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "campaign.yaml").write_text(FILE.replace("ADDRESS", server.address), encoding="utf-8")
    campaign = Campaign.from_file(tmp_path / "campaign.yaml")
    assert campaign.run(progress=False).reason == "budget_trials"
    assert server.arrived.acquire(timeout=10)
    ((_path, body),) = server.got
    assert (body["campaign"], body["kind"], body["result"]) == ("told", "finish", "budget_trials")
    with JournalReader.open(campaign.journal_path) as reader:
        assert "secret" not in json.dumps([dict(event.body) for event in reader.events()])
