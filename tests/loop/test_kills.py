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
def served(proof: ModuleType, tmp_path: Path) -> Iterator[Callable[[int], object]]:
    benches = []

    def serve(trials: int) -> object:
        benches.append(proof.Bench(tmp_path, speed=100, trials=trials, planner="sobol"))
        return benches[-1]

    yield serve
    for bench in benches:
        bench.close()


def test_three_kills_lose_nothing_and_repeat_nothing(proof: ModuleType, served: Callable[[int], object]) -> None:
    bench = served(3)
    proof.kill_at_random(bench, kills=3, chance=random.Random(5), longest=2.5)
    assert proof.faults(bench) == []


def test_a_kill_in_mid_dispense_is_settled_by_the_counter(proof: ModuleType, served: Callable[[int], object]) -> None:
    bench = served(1)
    assert bench.run(*CRASHING, "--die-in", "5", "--").wait(60) == SIGKILL  # type: ignore[attr-defined]
    assert bench.run().wait(60) == 0  # type: ignore[attr-defined]
    assert proof.faults(bench) == []
    with proof.JournalReader.open(bench.journal) as reader:  # type: ignore[attr-defined]
        (settled,) = reader.events(kinds=["settled"])
    assert settled.body["by"] == "reconcile"
    assert settled.body["verdict"] in ("partial", "happened")
    assert settled.body["amount"] > 0


@pytest.mark.parametrize("broken", ["intent", "counters"])
def test_the_proof_fails_when_a_promise_is_broken(
    broken: str, proof: ModuleType, served: Callable[[int], object]
) -> None:
    bench = served(1)
    program = [*CRASHING, "--broken", broken]
    assert bench.run(*program, "--die-in", "5", "--").wait(60) == SIGKILL  # type: ignore[attr-defined]
    assert bench.run(*program, "--").wait(60) == 0  # type: ignore[attr-defined]
    assert any("ledger" in fault for fault in proof.faults(bench))
