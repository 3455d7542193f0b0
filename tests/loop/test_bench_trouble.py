"""Trouble on the electrolyte bench, in virtual time: liquids, lines, probe, plate; told, safe, and gone when mended."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from autolab.cli.app import app
from autolab.simulators.formulations import Formulations
from autolab.spec.lab import load_lab

Files = Callable[..., Path]
HOURS = 3
"""Lab time within which every trouble here is over or has ended the run."""


class Trouble:
    """One campaign whose lab is troubled, mended, and run again."""

    def __init__(self, files: Files, disturbed: Callable[..., Any]) -> None:
        self._files, self._disturbed = files, disturbed
        self.campaign: Any = None

    def arrange(self, lab: dict[str, Any] | None = None, campaign: dict[str, Any] | None = None) -> Any:
        """Write both files, changed, and return their campaign."""
        self._changed, self.path = campaign or {}, self._files(lab, campaign)
        self.campaign = self._disturbed(self.path)
        return self.campaign

    def mend(self, lab: dict[str, Any] | None = None) -> None:
        """Write the lab file again, as the example's unless it is changed, and let the campaign have it."""
        self._files(lab, self._changed)
        self.campaign.lab = load_lab(self.path.with_name("lab.yaml"))

    def status(self) -> dict[str, Any]:
        """Return what `autolab status --json` tells."""
        ran = CliRunner().invoke(app, ["status", str(self.path), "--json"])
        assert ran.exit_code == 0, ran.stdout
        told: dict[str, Any] = json.loads(ran.stdout)
        return told

    def endings(self, trial: int = 1) -> list[tuple[str, str]]:
        """Return how a trial's attempts ended, and why."""
        return [(one.ending, one.reason) for one in self.campaign.history.trial(trial).attempts]

    def untrue(self) -> list[str]:
        """Return the completed trials that say something else than what is true within 4 %."""
        told = [yaml.safe_load(self.path.with_name(f"{name}.yaml").read_text("utf-8")) for name in ("campaign", "lab")]
        true = Formulations.declared(*told)
        return [
            str(trial)
            for trial in self.campaign.history.trials
            if trial.state == "completed"
            and abs(trial.outcome["conductivity"].value / true.outcome(trial.point)["conductivity"] - 1) > 0.04
        ]

    def check_failed(self, result: Any, *words: str, streak: int = 2) -> None:
        """Check that a streak of failures of the machine ended the run, and was told everywhere with these words."""
        campaign, told = self.campaign, self.status()
        assert (result.reason, result.ok) == ("failure_streak", False)
        assert told["state"] == "stopped: failure_streak"
        assert told["failure_streak"] == streak
        trial = campaign.history.trials[-1]
        assert [one.ending for one in trial.attempts[-streak:]] == ["machine_failed"] * streak
        assert trial.state == "running"
        for word in words:
            assert word in trial.attempts[-1].reason
            assert word in told["stopped"]["detail"]
        assert trial.number not in [one.number for one in campaign.history.usable_history()], "planners learn nothing"
        self.check_kept()

    def check_kept(self) -> None:
        """Check what holds after every run."""
        assert self.campaign.broken_promises() == []
        assert self.untrue() == []
        assert self.campaign.history.last_lab_time < HOURS * 3600


@pytest.fixture
def trouble(electrolyte_files: Files, disturbed: Callable[..., Any]) -> Trouble:
    return Trouble(electrolyte_files, disturbed)


# ---- liquids


@pytest.mark.slow
def test_a_stock_that_runs_out_in_mid_dose(trouble: Trouble) -> None:
    trouble.arrange({"virtual.stock_mL": {"LiPF6_2m": 2.0}})
    result = trouble.campaign.go()
    trouble.check_failed(result, "DoseOff: pump_salt: dosed", "of LiPF6_2m instead of 4.244 g", "is the bottle empty")
    assert trouble.endings()[0][1].startswith("DoseOff: pump_salt: dosed 3."), "what was in the lines came"
    trouble.mend()
    assert trouble.campaign.go(on_change="accept").completed == 2
    # air that was drawn in was driven out: once more a dose is short by the tube's volume, then all is as it was
    assert [ending for ending, _why in trouble.endings()] == ["machine_failed"] * 3 + ["completed"]
    trouble.check_kept()


@pytest.mark.slow
def test_a_bottle_that_does_not_suffice_ends_the_run_before_and_is_filled(trouble: Trouble) -> None:
    trouble.arrange({"stocks.PC.loaded_mL": 40.0})
    result = trouble.campaign.go()
    assert (result.reason, result.completed) == ("budget_consumables", 0)
    assert "the bottle of 'PC' holds 40 mL (loaded 40, drawn 0)" in result.detail
    assert "raise stocks.PC.loaded_mL" in trouble.status()["stopped"]["detail"]
    trouble.mend({"stocks.PC.loaded_mL": 52.0})
    assert trouble.campaign.go(1).completed == 1
    bottle = trouble.campaign.bench.world.stock["PC"]
    left = bottle.volume
    trouble.mend({"stocks.PC.loaded_mL": 152.0})
    assert trouble.campaign.go(2).completed == 2
    assert trouble.campaign.bench.world.stock["PC"].volume == pytest.approx(left + 100.0, abs=0.01)
    trouble.check_kept()


@pytest.mark.slow
@pytest.mark.parametrize("passes", [0.6, 0.0])
def test_a_clogged_line(trouble: Trouble, passes: float) -> None:
    trouble.arrange({"virtual.lines": {"pump_pc": {"clogged": passes}}})
    result = trouble.campaign.go()
    trouble.check_failed(
        result, "DoseOff: pump_pc: dosed", "of PC instead of 1.644 g", "is the line or its nozzle clogged"
    )
    trouble.mend()
    assert trouble.campaign.go(on_change="accept").completed == 2
    trouble.check_kept()


@pytest.mark.slow
def test_a_line_that_is_clogged_for_a_while_costs_an_attempt(trouble: Trouble) -> None:
    campaign = trouble.arrange()
    campaign.during("pump_emc: set Dispense", lambda: campaign.bench.world.clog("pump_emc", 0.3), nth=1, after=1.0)
    campaign.on("trial", lambda: campaign.bench.world.clog("pump_emc", 1.0))
    assert campaign.go(1).completed == 1
    (failed, why), *rest = trouble.endings()
    assert failed == "machine_failed"
    assert "pump_emc: dosed" in why
    assert rest[-1] == ("completed", "")
    assert campaign.history.failure_streak == 0
    trouble.check_kept()


def test_a_composition_outside_the_limits_is_rejected_and_nothing_moves(trouble: Trouble) -> None:
    campaign = trouble.arrange(campaign={"protocol.composition": {"LiPF6": [1.55, 1.59]}})
    result = campaign.go()
    assert (result.reason, result.completed, result.failed) == ("budget_trials", 0, 2)
    for trial in campaign.history.trials:
        assert (trial.state, trial.attempts) == ("rejected", ())
        assert trial.reason.startswith("LiPF6 would be ")
        assert "the protocol allows 1.55 to 1.59 (composition): use more salt, less ec_emc or pc or emc" in trial.reason
    assert len(campaign.bench.ledger) == 0
    assert trouble.status()["failure_streak"] == 0
    shown = CliRunner().invoke(app, ["status", str(trouble.path)])
    assert "rejected" in shown.stdout
    trouble.check_kept()


def test_a_composition_that_no_stocks_reach_is_told_when_the_files_are_read(electrolyte_files: Files) -> None:
    path = electrolyte_files(campaign={"protocol.composition": {"LiPF6": [2.1, 2.3]}})
    ran = CliRunner().invoke(app, ["run", str(path)])
    assert ran.exit_code == 2
    assert "protocol.composition.LiPF6: [2.1, 2.3] cannot be reached: the space gives LiPF6" in ran.stderr
    assert not path.with_suffix(".sqlite").exists()


# ---- the probe


@pytest.mark.slow
def test_a_probe_that_drifts(trouble: Trouble) -> None:
    careful = {"protocol.replicate_s": 60, "budget.failure_streak": 1}
    trouble.arrange({"virtual.instruments": {"probe": {"trend_per_h": 3.0}}}, careful)
    result = trouble.campaign.go()
    words = ("ProbeDrifts: probe: the probe drifts, it read", "they change by +", "Rinse the probe", "calibrate it")
    trouble.check_failed(result, *words, streak=1)
    trouble.mend()
    assert trouble.campaign.go(on_change="accept").completed == 2
    trouble.check_kept()


@pytest.mark.slow
@pytest.mark.parametrize(
    "junk", [b"880\r", b"12", b"\xff\xfe\x00", b"99999\r99999\r", b"*OK\r", b"?I,EC,2.10\r", b"8."]
)
@pytest.mark.parametrize("nth", [2, 4])
def test_a_probe_that_babbles_after_reconnecting_never_gives_a_wrong_value(
    trouble: Trouble, junk: bytes, nth: int
) -> None:
    campaign = trouble.arrange(campaign={"budget": {"trials": 1, "failure_streak": 4}})
    campaign.during("probe: trigger", lambda: comes_back_babbling(campaign, junk), nth=nth, after=0.3)
    assert campaign.go().completed == 1
    *failed, last = trouble.endings()
    assert last == ("completed", "")
    assert 1 <= len(failed) <= 2
    for ending, why in failed:
        assert ending == "machine_failed"
        assert why.split(":")[0] in {"InstrumentTimeout", "InstrumentDisconnected", "GarbledReply", "InstrumentAlarm"}
        assert "probe on memory://" in why
    trouble.check_kept()


def comes_back_babbling(campaign: Any, junk: bytes) -> None:
    """Pull the probe's plug: it has lost its settings when the line is opened again, and something disturbs the line."""
    probe, wire, loop = campaign.bench.instrument("probe"), campaign.bench.wire("probe"), campaign.executor.clock.loop
    connect = wire.connect

    def connected(*listener: Any) -> None:
        connect(*listener)
        for count in range(60):
            loop.call_later(0.053 * count, wire._reply, "probe", junk)

    wire.connect = connected
    campaign.bench.inject("probe", "disconnect")
    probe.power_cycle()  # it talks again every second, unasked


@pytest.mark.slow
def test_a_lost_line_costs_one_attempt_only(trouble: Trouble) -> None:
    campaign = trouble.arrange()
    campaign.during("probe: trigger", lambda: campaign.bench.inject("probe", "disconnect"), nth=3, after=0.3)
    assert campaign.go(1).completed == 1
    assert [ending for ending, _why in trouble.endings()] == ["machine_failed", "completed"]
    trouble.check_kept()


# ---- the plate


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["dead", "weak"])
def test_a_plate_that_does_not_reach_its_temperature(trouble: Trouble, fault: str) -> None:
    patience = {"instruments.plate.timeout_s": 600}
    trouble.arrange({**patience, "virtual.instruments": {"plate": {"heater_fault": fault}}})
    result = trouble.campaign.go()
    trouble.check_failed(
        result, "InstrumentAlarm: plate_heater", "did not stay within 0.5 degC of 27.7", "Try: look at", "(timeout_s)"
    )
    trouble.mend(patience)
    assert trouble.campaign.go(on_change="accept").completed == 2
    trouble.check_kept()


@pytest.mark.slow
@pytest.mark.parametrize("after", [20, 240])
def test_a_plate_that_switches_itself_off_is_not_waited_for(trouble: Trouble, after: float) -> None:
    campaign = trouble.arrange(campaign={"space.temperature.bounds": [40, 45]})
    campaign.during("plate_heater: set 4", lambda: campaign.bench.instrument("plate")._bite("OUT_WD1"), after=after)
    assert campaign.go(1).completed == 1
    (failed, why), rest = trouble.endings()
    assert (failed, rest) == ("machine_failed", ("completed", ""))
    assert "below its set point" in why
    assert "by its watchdog (ER 2 on its panel)" in why
    trouble.check_kept()
