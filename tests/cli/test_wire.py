"""`autolab lab doctor`, `lab probe` and `lab wire`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from autolab.drivers.wirelog import WireLog, parse_record, read_log

Autolab = Callable[..., Result]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "wire.log"
    written = WireLog(path=path)
    written.add(1.0, "serial:///dev/ttyUSB0", "note", b"opened")
    written.add(1.0, "serial:///dev/ttyUSB0", "out", b"VER\r")
    written.add(1.1, "serial:///dev/ttyUSB0", "in", b"\x0200SNE1000V3.928\x03")
    written.add(1.2, "tcp://127.0.0.1:4001", "out", b"S\r\n")
    written.close()
    return path


def test_a_log_is_shown_with_control_characters_named(autolab: Autolab, log: Path) -> None:
    result = autolab("lab", "wire", log)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split("  ")[-1] for line in lines] == [
        "## opened",
        "-> VER<CR>",
        "<- <STX>00SNE1000V3.928<ETX>",
        "-> S<CR><LF>",
    ]
    assert all(" ms" in line for line in lines[1:])


@pytest.mark.parametrize(
    ("options", "count"),
    [(["--port", "ttyUSB0"], 3), (["--matching", "NE1000"], 1), (["--last", "2"], 2), (["--matching", "<STX>"], 1)],
)
def test_a_log_is_narrowed(autolab: Autolab, log: Path, options: list[str], count: int) -> None:
    assert len(autolab("lab", "wire", log, *options).stdout.splitlines()) == count
    assert len(json.loads(autolab("lab", "wire", log, *options, "--json").stdout)) == count


def test_a_log_that_was_cut_is_read_as_far_as_it_goes(autolab: Autolab, log: Path) -> None:
    whole = log.read_text(encoding="utf-8")
    log.write_text(whole[:-4] + "\n\x00\x00nonsense\n" + "1 2", encoding="utf-8")
    assert len(list(read_log(log))) == 3
    assert autolab("lab", "wire", log).exit_code == 0


@pytest.mark.parametrize("line", ["", "1 2 p > b'x'", "1 2 p > x\n", "a b c > b'x'\n", "1 2 p ? b'x'\n"])
def test_what_is_no_record_is_passed_over(line: str) -> None:
    assert parse_record(line) is None


@pytest.mark.parametrize(
    ("arguments", "message"), [(["none.log"], "no such file"), (["{log}", "--matching", "("], "no regular expression")]
)
def test_what_cannot_be_shown_is_wrong_input(autolab: Autolab, log: Path, arguments: list[str], message: str) -> None:
    result = autolab("lab", "wire", *(argument.format(log=log) for argument in arguments))
    assert result.exit_code == 2
    assert message in result.stderr


def test_the_doctor_asks_the_virtual_lab_and_logs_it(autolab: Autolab, files: Path, tmp_path: Path) -> None:
    log = tmp_path / "doctor.log"
    result = autolab("lab", "doctor", files / "lab.yaml", "--wire-log", log)
    assert result.exit_code == 0, result.stdout
    assert "B207696838" in result.stdout
    assert any(record.data == b"I4\r\n" for record in read_log(log))
    told = json.loads(autolab("lab", "doctor", files / "lab.yaml", "--json").stdout)["instruments"]
    assert [one["instrument"] for one in told] == ["dosing", "waste", "balance"]


def test_the_doctor_tells_what_is_not_well(autolab: Autolab, files: Path) -> None:
    path = files / "lab.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("driver: mettler_toledo.Balance", "driver: mettler_toledo.Balance\n    calibrated: 2020-01-01\n    calibrate_every_days: 90"), encoding="utf-8")  # fmt: skip
    result = autolab("lab", "doctor", path)
    assert result.exit_code == 1
    assert "balance: calibration is overdue" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["probe", "lab.yaml"], "say which lab"),
        (["doctor", "lab.yaml", "--physical"], "nobody can be asked here. Say --confirm lab"),
        (["doctor", "lab.yaml", "--physical", "--addresses", "x.yaml"], "exclude each other"),
        (["probe", "lab.yaml", "--physical", "--confirm", "other"], "nothing was moved"),
    ],
)
def test_hardware_is_asked_only_when_a_person_says_so(
    autolab: Autolab, files: Path, arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files)
    result = autolab("lab", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
