"""Errors become messages and exit codes, never tracebacks; what is printed, and what is loaded for it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import Result

from autolab.cli import failures
from autolab.loop.display import duration, number
from autolab.model.errors import InputError, LabNotReady

Autolab = Callable[..., Result]

HEAVY = ("torch", "botorch", "bluesky", "ophyd", "pandas", "numpy", "scipy", "pydantic", "yaml")
EXAMPLE = Path(__file__).parents[2] / "examples" / "dosing" / "campaign.yaml"


def raising(error: BaseException) -> int:
    @failures.command
    def work() -> None:
        raise error

    with pytest.raises(typer.Exit, match=r"\d*") as caught:
        work()
    return caught.value.exit_code


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (InputError("rate [x] is wrong"), 2, "rate [x] is wrong"),
        (LabNotReady("the balance is absent"), 1, "the balance is absent"),
        (LabNotReady(), 1, "LabNotReady"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (typer.Exit(7), 7, ""),
    ],
)
def test_errors_become_a_message_and_an_exit_code(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, message: str
) -> None:
    assert raising(error) == code
    printed = capsys.readouterr()
    assert printed.err.strip() == message
    assert printed.out == ""


def test_an_unexpected_error_keeps_its_traceback_in_a_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert raising(ZeroDivisionError("by nothing")) == 1
    told = capsys.readouterr().err
    assert "unexpected ZeroDivisionError: by nothing" in told
    (kept,) = tmp_path.iterdir()
    assert str(kept) in told
    assert "Traceback" not in told
    assert "ZeroDivisionError: by nothing" in kept.read_text(encoding="utf-8")


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(failures._tracebacks, "shown", True)

    @failures.command
    def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError, match=r"^$"):
        work()


def test_debug_is_an_option_before_the_command(autolab: Autolab, tmp_path: Path) -> None:
    try:
        assert autolab("--debug", "check", tmp_path / "no.yaml").exit_code == 2
        assert failures._tracebacks["shown"]
    finally:
        failures.show_tracebacks(False)


def test_a_commands_signature_is_kept() -> None:
    import inspect

    from autolab.cli.watching import status

    assert list(inspect.signature(status).parameters) == ["target", "events", "as_json"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.4, "59 s"), (60, "0:01:00"), (3725, "1:02:05"), (90_061, "1 d 1:01:01")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_numbers() -> None:
    assert [number(value) for value in (1 / 3, 12, "water")] == ["0.3333", "12", "water"]


def loaded_by(code: str) -> list[str]:
    """Return the heavy packages that a fresh process loads for `code`."""
    program = f"import sys\n{code}\nprint([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    found: list[str] = eval(done.stdout.splitlines()[-1])  # noqa: S307  our own list
    return found


def test_help_loads_nothing_heavy() -> None:
    code = "from typer.testing import CliRunner\nfrom autolab.cli.app import app\nCliRunner().invoke(app, ['--help'])"
    assert loaded_by(code) == []


def test_checking_a_campaign_loads_neither_drivers_nor_models() -> None:
    code = f"from autolab.campaign import Campaign\nCampaign.from_file({str(EXAMPLE)!r}).check()"
    assert not {"torch", "botorch", "bluesky", "ophyd", "pandas", "scipy"} & set(loaded_by(code))


def test_every_command_has_help(autolab: Autolab) -> None:
    for words in (
        ["check"], ["run"], ["status"], ["approve"], ["reject"], ["resolve"], ["invalidate"], ["stop"], ["replay"],
        ["simulate"], ["schema"], ["lab", "list"], ["lab", "safe"], ["drivers", "list"],
    ):  # fmt: skip
        result = autolab(*words, "--help")
        assert result.exit_code == 0
        assert words[-1] in result.stdout


def test_module_and_entry_point_are_the_same_program() -> None:
    done = subprocess.run([sys.executable, "-m", "autolab", "--help"], capture_output=True, text=True, check=True)
    assert "Usage: autolab" in done.stdout
