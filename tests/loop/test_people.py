"""An operator in a campaign: asked by the running process, answered from another one; who and when is in the journal."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from autolab.journal.events import Request
from autolab.journal.reading import JournalReader
from autolab.loop.people import People
from autolab.model.clock import Clock

AUTOLAB = [sys.executable, "-m", "autolab"]


class Somebody:
    role = "operator"

    def __init__(self, scheme: str) -> None:
        self.asker: Any = None
        self.address = type("Place", (), {"scheme": scheme})()


def request(**body: Any) -> Request:
    return Request(1, "answer", body, "grace@lab", 1000.0)


def test_only_people_are_asked_by_the_campaign() -> None:
    people = People(lambda _text: None)
    person, simulated = Somebody("people"), Somebody("tcp")
    people.attach([person, simulated, object()])
    assert person.asker == people.ask
    assert simulated.asker is None


def test_a_question_waits_for_its_answer() -> None:
    told: list[str] = []
    people, clock = People(told.append), Clock("real")
    clock.start()
    asked = asyncio.run_coroutine_threadsafe(people.ask("ada", "Fill bottle PC"), clock.loop)
    while not told:
        time.sleep(0.001)
    assert told == ["ada: Fill bottle PC Answer with: autolab answer CAMPAIGN ada --done"]
    assert people.answer(request(operator="ada", done=True, why="full")) == "ada: done"
    said = asked.result(5)
    assert (said.done, said.by, said.text, said.wall_time) == (True, "grace@lab", "full", 1000.0)
    with pytest.raises(ValueError, match="'ada' is not asked anything now; asked now: nobody"):
        people.answer(request(operator="ada", done=True))
    clock.close()


def ask_for_water(lab: Any, point: Any) -> Generator[Any, Any, Any]:
    from bluesky import plan_stubs as bps

    yield from bps.mv(lab.helper, f"Fill {point['volume']:.0f} mL of water in")
    yield from bps.trigger_and_read([lab.helper])
    return {"filled": float(point["volume"])}


def nothing_to_recover(lab: Any) -> Generator[Any, Any, None]:
    yield from ()


@pytest.mark.slow
def test_a_person_is_asked_and_answers_from_another_process(tmp_path: Path) -> None:
    import autolab as al
    from autolab.lab.declaration import LabDeclaration
    from autolab.protocols.protocol import protocol

    entry = {"driver": "operator.Person", "address": "people://bench", "who": "Ada"}
    lab = LabDeclaration.from_json({"instruments": {"helper": entry}})
    problem = al.Problem(
        al.Space([al.Real("volume", 1, 9, unit="mL")]), [al.Objective("filled", "maximize", unit="mL")]
    )
    journal = tmp_path / "asked.sqlite"
    procedure: Any = protocol(needs={"helper": "operator"}, recover=nothing_to_recover)(ask_for_water)
    campaign = al.Campaign(
        problem=problem,
        planner=al.planners.Sobol(),
        protocol=procedure,
        lab=lab,
        journal=journal,
        physical=True,
    )
    ended: list[Any] = []
    thread = threading.Thread(target=lambda: ended.append(campaign.run(1, progress=False)))
    thread.start()
    asked = _asked(journal)
    assert (asked["operator"], asked["trial"]) == ("helper", 1)
    assert asked["text"].endswith("mL of water in")
    answered = _autolab("answer", journal, "helper", "--done", "--why", "to the mark")
    assert answered.returncode == 0, answered.stderr
    thread.join(60)
    assert ended[0].completed == 1
    with JournalReader.open(journal) as reader:
        results: list[Any] = [one.body["result"] for one in reader.events(kinds=["outcome"])]
    (said,) = [one for one in results if "wall_time" in one]
    assert said["answer"] == "to the mark"
    assert "@" in said["by"]
    late = _autolab("answer", journal, "helper", "--done")
    assert late.returncode == 2
    assert "not asked anything now" in late.stderr


def _asked(journal: Path) -> dict[str, Any]:
    for _ in range(60):
        if journal.exists():
            told = _autolab("status", journal, "--json")
            if told.returncode == 0 and json.loads(told.stdout)["asked"]:
                assert json.loads(told.stdout)["state"] == "running, and waits for a person"
                assert "answer: autolab answer" in _autolab("status", journal).stdout
                return dict(json.loads(told.stdout)["asked"][0])
        time.sleep(0.1)
    pytest.fail("nobody was asked")


def _autolab(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*AUTOLAB, *(str(one) for one in arguments)], capture_output=True, text=True, timeout=60, check=False
    )
