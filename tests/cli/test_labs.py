"""`autolab lab`, `autolab drivers` and `autolab simulate`."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import Result

Autolab = Callable[..., Result]


def test_instruments_are_listed_with_role_and_address(autolab: Autolab, files: Path) -> None:
    result = autolab("lab", "list", files / "lab.yaml")
    assert result.exit_code == 0
    (line,) = [line for line in result.stdout.splitlines() if line.strip().startswith("waste")]
    assert line.split() == ["waste", "pump", "new_era.NE1000", "serial:///dev/ttyUSB0?bus=1", "beaker", "->", "drain"]


def test_instruments_as_json(autolab: Autolab, files: Path) -> None:
    told = json.loads(autolab("lab", "list", files / "lab.yaml", "--json").stdout)
    assert told["roles"] == {"dosing": "pump", "waste": "pump", "balance": "balance"}
    assert told["instruments"]["dosing"]["address"] == "serial:///dev/ttyUSB0?bus=0"


def test_drivers_are_listed(autolab: Autolab) -> None:
    told = json.loads(autolab("drivers", "list", "--json").stdout)["drivers"]
    found = {one["driver"]: one for one in told}
    assert found["new_era.NE1000"]["role"] == "pump"
    assert found["new_era.NE1000"]["simulator"] is True
    assert "syringe_mm" in found["new_era.NE1000"]["settings"]
    assert "mettler_toledo.Balance" in autolab("drivers", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "say which lab"),
        (["--physical", "--addresses", "x.json"], "say which lab"),
        (["--physical"], "Say --confirm lab"),
        (["--physical", "--confirm", "other"], "nothing was moved"),
        (["--addresses", "no.json"], "No such file"),
    ],
)
def test_making_safe_asks_which_lab_is_meant(autolab: Autolab, files: Path, arguments: list[str], message: str) -> None:
    result = autolab("lab", "safe", files / "lab.yaml", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


@contextmanager
def simulated(*arguments: object) -> Iterator[tuple[list[str], "subprocess.Popen[str]"]]:
    """Run `autolab simulate` in a process of its own until the block ends; give the addresses that it told."""
    command = [sys.executable, "-m", "autolab", "simulate", *(str(one) for one in arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        wires = 1 if "--instrument" in arguments else 2
        yield [process.stdout.readline().strip() for _ in range(wires)], process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_a_simulated_lab_is_made_safe_from_outside(autolab: Autolab, files: Path) -> None:
    addresses = files / "addresses.json"
    with simulated(files / "lab.yaml", "--speed", "50", "--addresses", addresses) as (lines, process):
        assert all(line.startswith("listening on tcp://127.0.0.1:") for line in lines)
        told = json.loads(addresses.read_text(encoding="utf-8"))
        assert (told["pid"], told["speed"], told["simulated"]) == (process.pid, 50.0, True)
        assert list(told["instruments"]) == ["dosing", "waste", "balance"]
        result = autolab("lab", "safe", files / "lab.yaml", "--addresses", addresses, "--json")
        assert result.exit_code == 0
        assert json.loads(result.stdout)["order"] == ["dosing", "waste", "balance"]
    assert not addresses.exists()


def test_one_instrument_that_is_absent_does_not_keep_the_others_from_being_made_safe(
    autolab: Autolab, files: Path
) -> None:
    addresses = files / "addresses.json"
    with simulated(files / "lab.yaml", "--addresses", addresses):
        told = json.loads(addresses.read_text(encoding="utf-8"))
        told["instruments"]["balance"] = "tcp://127.0.0.1:1"
        other = files / "other.json"
        other.write_text(json.dumps(told), encoding="utf-8")
        result = autolab("lab", "safe", files / "lab.yaml", "--addresses", other, "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert list(report["faults"]) == ["balance"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_one_instrument_on_a_pseudo_terminal_says_where_it_listens() -> None:
    with simulated("--instrument", "new_era.NE1000", "--listen", "pty") as ((line,), _):
        assert line.startswith("listening on serial:///dev/")


def test_an_addresses_file_of_another_process_is_left_alone(files: Path) -> None:
    addresses = files / "addresses.json"
    with simulated(files / "lab.yaml", "--addresses", addresses):
        told = json.loads(addresses.read_text(encoding="utf-8"))
        addresses.write_text(json.dumps({**told, "pid": os.getpid()}), encoding="utf-8")
    assert addresses.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "one of the two"),
        (["lab.yaml", "--instrument", "new_era.NE1000"], "one of the two"),
        (["--instrument", "new_era.NE1000", "--speed", "0"], "--speed must be more than 0"),
        (["--instrument", "new_era.NE1001"], "new_era.NE1000"),
        (["--instrument", "new_era.NE1000", "--listen", "smoke"], "smoke"),
        (["no.yaml"], "No such file"),
    ],
)
def test_what_cannot_be_simulated_is_wrong_input(autolab: Autolab, arguments: list[str], message: str) -> None:
    result = autolab("simulate", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_lab_without_a_virtual_section_cannot_be_simulated(autolab: Autolab, files: Path) -> None:
    path = files / "lab.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index("virtual:")], encoding="utf-8")
    result = autolab("simulate", path)
    assert result.exit_code == 2
    assert "add one that names the world" in result.stderr


def test_the_kit_prints_a_card(autolab: Autolab) -> None:
    result = autolab("drivers", "test", "mettler_toledo.Balance", "--over", "memory")
    assert result.exit_code == 0
    assert "is safe after make safe" in result.stdout
    assert "keeps the contract on its simulator. That says nothing of hardware." in result.stdout
    told = json.loads(autolab("drivers", "test", "mettler_toledo.Balance", "--over", "memory", "--json").stdout)
    assert (told["driver"], told["ok"]) == ("mettler_toledo.Balance", True)
    assert {one["over"] for one in told["checks"]} == {"memory"}


def test_the_kit_takes_settings_from_a_lab_file(autolab: Autolab, files: Path) -> None:
    lab = files / "lab.yaml"
    assert autolab("drivers", "test", "new_era.NE1000", "--over", "memory", "--lab", lab).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["new_era.NE1001"], "no driver is called 'new_era.NE1001': did you mean 'new_era.NE1000'?"),
        (["new_era.NE1000", "--over", "tpc"], "did you mean 'tcp'?"),
        (["ika.RCT", "--lab", "lab.yaml"], "has no instrument with driver 'ika.RCT'"),
    ],
)
def test_what_cannot_be_tried_is_wrong_input(
    autolab: Autolab, files: Path, arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files)
    result = autolab("drivers", "test", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
