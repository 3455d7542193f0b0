import subprocess
import sys
from collections.abc import Generator
from typing import Any

import pytest
from pydantic import Field

from autolab.model.contracts import Procedure
from autolab.model.errors import InputError
from autolab.protocols import stubs
from autolab.protocols.protocol import FunctionProtocol, Protocol, Settings, protocol

Plan = Generator[Any, Any, Any]


def tidy_up(lab: Any) -> Plan:
    yield from stubs.tare(lab.balance)


@protocol(
    needs={"pump": "pump", "balance": "balance"}, recover=tidy_up, parameters={"rate": "mL/min"}, outcomes={"mass": "g"}
)
def one_dose(lab: Any, point: Any, *, volume: float = 1.0, rest: float = 5.0) -> Plan:
    """Dose once and weigh."""
    yield from stubs.refill(lab.pump, 5.0)
    yield from stubs.dispense(lab.pump, volume, point["rate"])
    yield from stubs.wait(rest)
    return {"mass": (yield from stubs.weigh(lab.balance)).grams}


def test_a_decorated_function_is_a_protocol() -> None:
    assert isinstance(one_dose, FunctionProtocol)
    assert isinstance(one_dose, Procedure)
    assert one_dose.needs == {"pump": "pump", "balance": "balance"}
    assert one_dose.parameters == {"rate": "mL/min"}
    assert one_dose.outcomes == {"mass": "g"}
    assert one_dose.__doc__ == "Dose once and weigh."
    assert one_dose.__module__ == __name__


def test_it_performs_and_recovers(bench: Any) -> None:
    assert bench.run(one_dose.perform(bench.lab, {"rate": 2.0})) == {"mass": pytest.approx(1.0)}
    bench.run(one_dose.recover(bench.lab))
    assert bench.done[-1] == ("balance", "tare")


def test_its_keywords_are_its_settings(bench: Any) -> None:
    half = one_dose(volume=0.5)
    assert repr(half) == "one_dose(one_dose_settings(volume=0.5, rest=5.0))"
    assert half(rest=0).settings.volume == 0.5
    assert one_dose.settings.volume == 1.0
    assert bench.run(half.perform(bench.lab, {"rate": 2.0})) == {"mass": pytest.approx(0.5)}


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"volum": 1}, r"protocol one_dose: volum: Extra inputs.*got 1\. Settings: volume, rest"),
        ({"volume": "much"}, "volume: Input should be a valid number.*got 'much'"),
    ],
)
def test_settings_are_checked_when_it_is_made(settings: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        one_dose(**settings)


def test_recovering_from_nothing_is_no_plan() -> None:
    @protocol(needs={}, recover=None)
    def idle(_lab: Any, _point: Any) -> Plan:
        yield from stubs.wait(1)
        return {}

    assert list(idle.recover(None)) == []  # type: ignore[arg-type]  # nothing is asked of it


def test_forgetting_recover_is_an_error() -> None:
    with pytest.raises(TypeError, match="recover"):
        protocol(needs={})  # type: ignore[call-arg]  # what is tested


def no_generator(_lab: Any, _point: Any) -> dict[str, float]:
    return {}


def positional(_lab: Any, _point: Any, _volume: float) -> Plan:
    yield from ()


def lab_only(_lab: Any) -> Plan:
    yield from ()


def without_default(_lab: Any, _point: Any, *, volume: float) -> Plan:
    yield from ()


@pytest.mark.parametrize(
    ("function", "match"),
    [
        (no_generator, "must be a generator function"),
        (positional, r"positional must be declared as f\(lab, point, \*, settings\.\.\.\)"),
        (lab_only, r"lab_only must be declared as f\(lab, point"),
        (without_default, "without_default: every setting needs a default"),
    ],
)
def test_a_function_of_another_form_is_refused(function: Any, match: str) -> None:
    with pytest.raises(TypeError, match=match):
        protocol(needs={}, recover=None)(function)


class Whole(Protocol):
    """A protocol with settings of its own."""

    class Settings(Settings):
        volume: float = Field(1.0, gt=0)

    needs = {"pump": "pump"}  # noqa: RUF012  read only
    settings: Settings


def test_the_base_checks_settings_and_performs_nothing() -> None:
    assert Whole(volume=2).settings.volume == 2.0
    assert repr(Whole()) == "Whole(Settings(volume=1.0))"
    with pytest.raises(InputError, match="protocol Whole: volume: Input should be greater than 0, got -1"):
        Whole(volume=-1)
    with pytest.raises(NotImplementedError):
        Whole().perform(None, {})  # type: ignore[arg-type]
    with pytest.raises(NotImplementedError):
        Whole().recover(None)  # type: ignore[arg-type]


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Whole().settings.volume = 3.0


def test_protocols_import_without_bluesky() -> None:
    code = (
        "import sys, autolab.protocols.gravimetric as g; g.Gravimetric(repeats=3)\n"
        "heavy = {'bluesky', 'ophyd', 'numpy', 'pandas'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
