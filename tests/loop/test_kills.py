"""`kill -9` against a simulator process over real ports: the short form of `proof_of_kills.py`, and that it can fail."""

import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent
CRASHING = [sys.executable, HERE / "crashing.py"]
SIGKILL = -9

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="kill -9 and pseudo-terminals are POSIX"),
]


@pytest.fixture(scope="module")
def proof(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("proof_of_kills")


@pytest.fixture
def served(proof: ModuleType, tmp_path: Path) -> Iterator[Callable[..., object]]:
    benches = []

    def serve(trials: int, example: str = "dosing", speed: float = 100) -> object:
        benches.append(proof.Bench(tmp_path, example, trials, planner="sobol", speed=speed))
        return benches[-1]

    yield serve
    for bench in benches:
        bench.close()


def test_three_kills_lose_nothing_and_repeat_nothing(proof: ModuleType, served: Callable[..., object]) -> None:
    bench = served(3)
    proof.kill_at_random(bench, kills=3, chance=random.Random(5), longest=2.5)
    assert proof.faults(bench) == []


def test_kills_on_the_electrolyte_bench_leave_nothing_on(proof: ModuleType, served: Callable[..., object]) -> None:
    bench = served(1, "electrolyte", 400)
    proof.kill_at_random(bench, kills=2, chance=random.Random(5), longest=6.0, phases=["heat"])
    assert proof.faults(bench) == []
    switched = bench.switched()  # type: ignore[attr-defined]
    before = [entry for entry in switched if entry["wall"] < bench.killed[0]]  # type: ignore[attr-defined]
    assert [(entry["part"], entry["on"]) for entry in before[-2:]] == [("stirrer", True), ("heater", True)]
    after = [entry for entry in switched if entry["wall"] > bench.killed[0]][:2]  # type: ignore[attr-defined]
    assert {(entry["part"], entry["on"]) for entry in after} == {("stirrer", False), ("heater", False)}


def test_the_proof_sees_what_was_left_on(proof: ModuleType) -> None:
    switched = [
        {"plate": "plate", "part": "heater", "on": on, "wall": wall} for on, wall in ((True, 5.0), (False, 8.0))
    ]
    assert proof.unsafe(switched, [(4.0, "then"), (9.0, "then")]) == []
    assert proof.unsafe(switched, [(6.0, "then")]) == ["plate.heater is on at then"]
    assert proof.unsafe(switched[:1], [(float("inf"), "the end")]) == ["plate.heater is on at the end"]


def test_a_kill_in_mid_dispense_is_settled_by_the_counter(proof: ModuleType, served: Callable[..., object]) -> None:
    bench = served(1)
    assert bench.run(*CRASHING, "--die-in", "3", "--").wait(60) == SIGKILL  # type: ignore[attr-defined]
    assert bench.run().wait(60) == 0  # type: ignore[attr-defined]
    assert proof.faults(bench) == []
    with proof.JournalReader.open(bench.journal) as reader:  # type: ignore[attr-defined]
        (settled,) = reader.events(kinds=["settled"])
    assert settled.body["by"] == "reconcile"
    assert settled.body["verdict"] in ("partial", "happened")
    assert settled.body["amount"] > 0


@pytest.mark.parametrize("broken", ["intent", "counters"])
def test_the_proof_fails_when_a_promise_is_broken(
    broken: str, proof: ModuleType, served: Callable[..., object]
) -> None:
    bench = served(1)
    program = [*CRASHING, "--broken", broken]
    assert bench.run(*program, "--die-in", "3", "--").wait(60) == SIGKILL  # type: ignore[attr-defined]
    bench.run(*program, "--").wait(60)  # type: ignore[attr-defined]  # it may well end badly now
    assert any("ledger" in fault for fault in proof.faults(bench))
