"""Records behind EPICS: what they do, in virtual time and without a network."""

from __future__ import annotations

import asyncio
import builtins
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from autolab.model.clock import Clock
from autolab.model.errors import InputError, MissingExtra
from autolab.simulators.bench import Bench


@pytest.fixture
def motor(clock: Clock) -> Callable[..., Any]:
    def make(**options: Any) -> Any:
        return Bench.single("epics.Motor", clock=clock, options=options).instrument("instrument")

    return make


@pytest.fixture
def variable(clock: Clock) -> Callable[..., Any]:
    def make(kind: str = "number", **options: Any) -> Any:
        bench = Bench.single("epics.PV", clock=clock, settings={"kind": kind}, options=options)
        return bench.instrument("instrument")

    return make


def wait(clock: Clock, seconds: float) -> None:
    clock.run(asyncio.sleep(seconds))


def seen(record: Any, *fields: str) -> tuple[Any, ...]:
    told = record.fields()
    return tuple(round(told[field], 6) if isinstance(told[field], float) else told[field] for field in fields)


def test_it_tells_what_ophyd_asks_for(motor: Callable[..., Any]) -> None:
    from ophyd import EpicsMotor

    asked = {component.suffix.lstrip(".") for _, component in EpicsMotor._sig_attrs.items()}
    assert asked - set(motor().fields()) == set()


def test_it_goes_to_its_set_point_at_its_velocity(clock: Clock, motor: Callable[..., Any]) -> None:
    one = motor(velocity=2.0)
    one.put("VAL", 10.0)
    assert seen(one, "VAL", "RBV", "DMOV", "MOVN", "TDIR") == (10.0, 0.0, 0, 1, 1)
    wait(clock, 2.5)
    assert (seen(one, "RBV", "DMOV"), one.is_safe()) == ((5.0, 0), False)
    wait(clock, 3)
    assert (seen(one, "RBV", "DMOV", "MOVN"), one.is_safe()) == ((10.0, 1, 0), True)
    one.put("", -0.0)
    wait(clock, 1)
    assert seen(one, "RBV", "TDIR") == (8.0, 0)


def test_looking_often_changes_nothing(clock: Clock, motor: Callable[..., Any]) -> None:
    one, other = motor(), motor()
    for record in (one, other):
        record.put("VAL", 3.7)
    for _ in range(29):
        wait(clock, 0.1)
        one.fields()
    assert seen(one, "RBV") == seen(other, "RBV") == (2.9,)


def test_a_new_set_point_in_the_middle_turns_it_round(clock: Clock, motor: Callable[..., Any]) -> None:
    one = motor()
    one.put("VAL", 10.0)
    wait(clock, 4)
    one.put("VAL", 1.0)
    wait(clock, 2)
    assert seen(one, "RBV") == (2.0,)


def test_stopped_it_stays_and_its_set_point_with_it(clock: Clock, motor: Callable[..., Any]) -> None:
    one = motor()
    one.put("VAL", 10.0)
    wait(clock, 4)
    one.put("STOP", 1)
    wait(clock, 4)
    assert seen(one, "RBV", "VAL", "DMOV", "STOP") == (4.0, 4.0, 1, 0)
    one.put("STOP", 0)
    assert seen(one, "DMOV") == (1,)


@pytest.mark.parametrize("target", [100.1, -0.1, float("nan")])
def test_soft_limits_forbid(clock: Clock, motor: Callable[..., Any], target: float) -> None:
    one = motor()
    one.put("VAL", target)
    wait(clock, 5)
    assert seen(one, "RBV", "VAL", "DMOV") == (0.0, 0.0, 1)
    assert one.fields()["LVIO"] == 1


def test_limits_of_zero_are_none(clock: Clock, motor: Callable[..., Any]) -> None:
    one = motor(low=0, high=0)
    one.put("VAL", -3.0)
    wait(clock, 5)
    assert seen(one, "RBV") == (-3.0,)
    one.put("LLM", -1.0)
    one.put("HLM", 1.0)
    one.put("VAL", 2.0)
    assert seen(one, "VAL", "LVIO", "HLM", "DLLM") == (-3.0, 1, 1.0, -1.0)


def test_a_limit_switch_stops_it(clock: Clock, motor: Callable[..., Any]) -> None:
    one = motor(switch=5)
    one.put("VAL", 10.0)
    wait(clock, 20)
    assert seen(one, "RBV", "DMOV", "HLS") == (5.0, 1, 1)


def test_stuck_it_says_that_it_moves_and_stays(clock: Clock, motor: Callable[..., Any]) -> None:
    one = motor(stuck=True)
    one.put("VAL", 3.0)
    assert seen(one, "DMOV") == (0,)
    wait(clock, 5)
    assert seen(one, "RBV", "DMOV") == (0.0, 1)


def test_velocity_can_be_changed(clock: Clock, motor: Callable[..., Any]) -> None:
    one = motor()
    one.put("VELO", 5.0)
    one.put("VELO", -1.0)
    one.put("VAL", 10.0)
    wait(clock, 1)
    assert seen(one, "RBV", "VELO") == (5.0, 5.0)


def test_without_power_it_stands_where_it_was(clock: Clock, motor: Callable[..., Any]) -> None:
    one = motor()
    one.put("VAL", 10.0)
    wait(clock, 4)
    one.power_cycle()
    wait(clock, 4)
    assert seen(one, "RBV", "VAL", "DMOV") == (4.0, 4.0, 1)


def test_a_snapshot_of_an_axis(clock: Clock, motor: Callable[..., Any]) -> None:
    one, other = motor(), motor()
    one.put("VAL", 3.0)
    wait(clock, 5)
    one.fields()
    other.restore(one.snapshot())
    assert seen(other, "RBV", "VAL", "DMOV") == (3.0, 3.0, 1)


def test_a_variable_follows_its_set_point(clock: Clock, variable: Callable[..., Any]) -> None:
    one = variable(value=20.0)
    one.put("", 25.0)
    assert one.fields() == {"": 25.0}
    slow = variable(value=20.0, lag_s=10.0)
    slow.put("", 30.0)
    wait(clock, 10)
    assert slow.fields()[""] == pytest.approx(30 - 10 * 0.36788, abs=1e-3)
    wait(clock, 200)
    assert slow.fields()[""] == pytest.approx(30.0)
    frozen = variable(value=20.0, frozen=True)
    frozen.put("", 25.0)
    assert frozen.fields() == {"": 20.0}


def test_a_text(clock: Clock, variable: Callable[..., Any]) -> None:
    one, other = variable("text", value="idle"), variable("text")
    assert one.fields() == {"": "idle"}
    one.put("", "busy")
    assert one.fields() == {"": "busy"}
    other.restore(one.snapshot())
    assert other.fields() == {"": "busy"}
    assert one.is_safe()


def test_names_are_nobody_elses(motor: Callable[..., Any]) -> None:
    one, other = motor(), motor()
    assert one.pv != other.pv
    assert one.pv.startswith("autolab-sim-")


def test_options_that_cannot_be(motor: Callable[..., Any], variable: Callable[..., Any]) -> None:
    with pytest.raises(InputError, match="velocity"):
        motor(velocity="fast")
    with pytest.raises(InputError, match="'colour' is not known here"):
        variable(colour=1)


def test_without_caproto_serving_says_what_to_install(
    motor: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == "caproto":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.delitem(sys.modules, "autolab.simulators.epics_server", raising=False)
    with pytest.raises(MissingExtra, match=r"needs caproto.*pip install 'autolab-sdl\[epics\]'"):
        asyncio.run(motor().serve())


def test_nothing_of_epics_is_imported_before_it_is_served() -> None:
    code = (
        "import sys, threading\n"
        "from autolab.model.clock import Clock\n"
        "from autolab.simulators.bench import Bench\n"
        "from autolab.drivers.ika import RCT\n"
        "Bench.single('epics.Motor', clock=Clock('virtual'))\n"
        "import ophyd\n"
        "assert ophyd.get_cl().name == 'dummy', ophyd.get_cl().name\n"
        "assert 'caproto' not in sys.modules and threading.active_count() == 1"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
