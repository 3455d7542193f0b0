"""Trouble on the electrolyte bench over pseudo-terminals: simulated by a process of its own, mended by a hand there."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from autolab.campaign import Campaign
from autolab.cli.app import app
from autolab.journal.reading import JournalReader
from autolab.loop.budget import Budget
from autolab.loop.progress import Progress, RunResult
from autolab.model.trial import Trial
from autolab.simulators.formulations import true_outcome

HERE = Path(__file__).parent
AUTOLAB = [sys.executable, "-m", "autolab"]
FAST = {
    "budget": {"trials": 1, "failure_streak": 3},
    "protocol.batch_mL": 6,
    "protocol.rinse_mL": 5,
    "protocol.mixer_mL": 10,
    "protocol.cell_mL": 10,
    "protocol.air_mL": 1,
    **{f"protocol.{what}_rate": 25 for what in ("dose", "refill", "rinse", "transfer", "waste")},
    "protocol.rest_s": 1,
    "protocol.mix_s": 5,
    "protocol.equilibrate_s": 5,
    "protocol.replicate_s": 60,
    "space.temperature.bounds": [23, 24],
}
"""A campaign whose attempts take little lab time: on real ports each s of it is waited for."""
LAB = {
    "instruments.plate.timeout_s": 300,
    "instruments.plate.dwell_s": 5,
    "instruments.plate.watchdog": "off",
    **{f"instruments.pump_{name}.volume_mL": 20 for name in ("ec_emc", "pc", "emc", "salt", "rinse")},
}
"""Small syringes are filled soon, and a plate that is not fed in time by a busy computer goes on."""
PATIENCE = 40.0
"""Longest wait for another process, s of wall time."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals and SIGSTOP are POSIX"),
]


class Bench:
    """Both files, the process that simulates the lab, and a hand in it."""

    def __init__(self, folder: Path, campaign: Path, speed: float) -> None:
        self.folder, self.file, self.speed = folder, campaign, speed
        self.addresses = folder / "addresses.yaml"
        command = [sys.executable, HERE / "troubled_bench.py", folder / "lab.yaml", "--listen", "pty"]
        command += ["--speed", str(speed), "--addresses", self.addresses]
        self.process = subprocess.Popen(
            [str(one) for one in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        until(self.addresses.exists, "the simulator serves", self.process)

    def hand(self, line: str) -> str:
        """Have somebody do something in the lab, and return what they say."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        while not (told := self.process.stdout.readline()).startswith("done: "):
            assert told, "the simulator has ended"
        return told.removeprefix("done: ").rstrip()

    def campaign(self) -> Campaign:
        """Return the campaign, to be run in this process."""
        return Campaign.from_file(self.file, addresses=self.addresses)

    def start(self) -> subprocess.Popen[bytes]:
        """Type `autolab run`."""
        with (self.folder / "run.log").open("ab") as log:
            command = [*AUTOLAB, "run", str(self.file), "--addresses", str(self.addresses)]
            return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def status(self) -> dict[str, Any]:
        """Return what `autolab status --json` tells."""
        ran = CliRunner().invoke(app, ["status", str(self.file), "--json"])
        told: dict[str, Any] = json.loads(ran.stdout)
        return told

    def heats(self, attempt: int, process: subprocess.Popen[bytes]) -> None:
        """Wait until an attempt warms the cell."""
        until(lambda: self._last() == (attempt, "heat"), f"attempt {attempt} heats", process)
        until(lambda: "heater on" in self.hand("look plate"), "the heater is on", process)

    def switches_itself_off(self) -> None:
        """Wait until the plate's watchdog has acted."""
        until(lambda: "ER 2" in self.hand("look plate"), "the watchdog acts", self.process)
        assert self.hand("look plate") == "plate: heater off, motor off, panel 'ER 2'"

    def _last(self) -> tuple[int | None, str]:
        """Return attempt and phase of the last action that is journaled."""
        path = self.folder / "campaign.sqlite"
        if not path.exists():
            return None, ""
        with JournalReader.open(path) as reader:
            intents = list(reader.events(kinds=["intent"]))
        return (intents[-1].attempt, str(intents[-1].body["phase"])) if intents else (None, "")

    def close(self) -> None:
        """End the simulator."""
        self.process.terminate()
        self.process.communicate(timeout=PATIENCE)


def until(holds: Callable[[], object], what: str, process: subprocess.Popen[Any]) -> None:
    """Wait until something holds, while a process lives."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert process.poll() is None, f"the process ended before {what}"
        assert time.monotonic() < end, f"not within {PATIENCE:g} s: {what}"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def bench(write_electrolyte: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One simulated lab for all tests but those of the watchdog; each goes on with the same campaign."""
    folder = tmp_path_factory.mktemp("bench")
    made = Bench(folder, write_electrolyte(folder, LAB, FAST), speed=600)
    yield made
    made.close()


def perform(bench: Bench, streak: int, trouble: tuple[str, str] = ("", "")) -> tuple[RunResult, Trial]:
    """Perform the campaign's next trial, or go on with the one that failed.

    Args:
        bench: The lab.
        streak: Attempts that may fail.
        trouble: A phase, and what the hand does when it begins.
    """
    campaign, (phase, line) = bench.campaign(), trouble
    campaign.budget = Budget(failure_streak=streak)

    def watch(progress: Progress) -> None:
        nonlocal phase
        if phase and progress.kind == "phase" and progress.text.endswith(phase):
            phase = ""
            bench.hand(line)

    done = [trial.state for trial in campaign.history.trials] if campaign.journal_path.exists() else []
    result = campaign.run(done.count("completed") + 1, progress=watch, wait=False)
    check_true(campaign)
    return result, campaign.history.trials[-1]


def fails_until_mended(bench: Bench, trouble: tuple[str, str], mend: str, *words: str) -> None:
    """Check that an attempt fails with these words, the lab is safe, and that the trial completes when it is mended."""
    try:
        result, trial = perform(bench, 1, trouble)
    finally:
        seen = bench.hand("look plate")
        bench.hand(mend)
    assert result.reason == "failure_streak", result
    assert trial.attempts[-1].ending == "machine_failed"
    assert seen.startswith("plate: heater off, motor off")
    told = bench.status()
    assert (told["state"], told["failure_streak"]) == ("stopped: failure_streak", 1)
    for word in words:
        assert word in trial.attempts[-1].reason
        assert word in told["stopped"]["detail"]
    result, trial = perform(bench, 3)
    assert (result.reason, trial.state) == ("budget_trials", "completed"), result


def check_true(campaign: Campaign) -> None:
    """Check that what was measured is what the mixtures conduct, within 5 %."""
    assert campaign.lab is not None
    stocks = campaign.lab.stocks_of({name: campaign.roles[name] for name in ("ec_emc", "pc", "emc", "salt")})
    for trial in campaign.history.trials:
        if trial.state == "completed":
            fractions = {name: trial.point[name] for name in stocks}
            true = true_outcome(stocks, fractions, float(trial.point["temperature"]))["conductivity"]
            assert trial.outcome["conductivity"].value == pytest.approx(true, rel=0.05)


def test_a_stock_that_runs_out_in_mid_dose(bench: Bench) -> None:
    words = ("DoseOff: pump_salt: dosed", "of LiPF6_2m", "is the bottle empty")
    fails_until_mended(bench, ("dose", "drain LiPF6_2m pump_salt 1.0"), "fill LiPF6_2m 300", *words)


def test_a_clogged_line(bench: Bench) -> None:
    words = ("DoseOff: pump_salt: dosed", "of LiPF6_2m", "nozzle clogged")
    fails_until_mended(bench, ("dose", "clog pump_salt 0.5"), "clog pump_salt 1.0", *words)


def test_a_probe_that_drifts(bench: Bench) -> None:
    words = ("ProbeDrifts: probe: ", " mS/cm", "bubble")  # within a reading or from one to the next
    fails_until_mended(bench, ("measure", "trend probe 6"), "trend probe 0", *words)


def test_a_plate_that_does_not_reach_its_temperature(bench: Bench) -> None:
    words = ("InstrumentAlarm: plate_heater", "did not stay within 0.5 degC of 23.", "timeout_s")
    fails_until_mended(bench, ("heat", "strength plate 0"), "strength plate 1", *words)


@pytest.mark.parametrize("junk", [b"880\r", b"12\xff"])
def test_a_probe_that_babbles_after_reconnecting_never_gives_a_wrong_value(bench: Bench, junk: bytes) -> None:
    result, trial = perform(bench, 4, ("measure", f"babble probe {junk.hex()} 30"))
    assert (result.reason, trial.state) == ("budget_trials", "completed"), result
    reasons = [one.reason for one in trial.attempts if one.ending != "completed"]
    kinds = {"InstrumentTimeout", "InstrumentDisconnected", "GarbledReply", "InstrumentAlarm"}
    assert {reason.split(":")[0] for reason in reasons} <= kinds, reasons


def test_a_composition_outside_the_limits_is_rejected(bench: Bench, electrolyte_files: Callable[..., Path]) -> None:
    file = electrolyte_files(LAB, {**FAST, "protocol.composition": {"LiPF6": [1.58, 1.59]}})
    campaign = Campaign.from_file(file, addresses=bench.addresses)
    assert campaign.run(progress=False).reason == "budget_trials"
    (trial,) = campaign.history.trials
    assert (trial.state, trial.attempts) == ("rejected", ())
    assert "the protocol allows 1.58 to 1.59 (composition): use more salt" in trial.reason


# ---- the watchdog


def test_a_plate_switches_itself_off_when_the_process_dies_or_hangs(
    tmp_path: Path, electrolyte_files: Callable[..., Path]
) -> None:
    lab = {**LAB, "instruments.plate.timeout_s": 1200, "instruments.plate.watchdog": "stop"}
    hot = {**FAST, "space.temperature.bounds": [45, 50], "protocol.equilibrate_s": 300}
    bench = Bench(tmp_path, electrolyte_files({**lab, "instruments.plate.watchdog_s": 20}, hot), speed=300)
    process = bench.start()
    try:
        bench.heats(1, process)
        process.kill()
        process.wait()
        bench.switches_itself_off()

        process = bench.start()  # which clears the plate's error
        bench.heats(2, process)
        os.kill(process.pid, signal.SIGSTOP)
        bench.switches_itself_off()
        os.kill(process.pid, signal.SIGCONT)
        assert process.wait(2 * PATIENCE) == 0, (tmp_path / "run.log").read_text()[-2000:]
        campaign = bench.campaign()
    finally:
        process.kill()
        process.wait()
        bench.close()
    lost, hung, *_rest, last = campaign.history.trial(1).attempts
    assert (lost.ending, hung.ending, last.ending) == ("lost", "machine_failed", "completed")
    assert hung.reason.startswith("InstrumentAlarm: plate_")
    assert "so that its watchdog" in hung.reason
    check_true(campaign)
