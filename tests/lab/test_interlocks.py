import logging
import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.lab.declaration import InterlockDeclaration
from autolab.lab.interlocks import Condition
from autolab.lab.lab import Lab
from autolab.model.errors import InputError, LabNotReady


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_condition_compares_as_it_says(value: float, bound: float) -> None:
    assert Condition("a.b", ">", bound).holds(value) is (value > bound)
    assert Condition("a.b", ">=", bound).holds(value) is (value >= bound)
    assert Condition("a.b", "<", bound).holds(value) is (value < bound)
    assert Condition("a.b", "<=", bound).holds(value) is (value <= bound)


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["<", "<=", ">", ">="]))
def test_a_condition_is_read_as_it_was_written(bound: float, sign: str) -> None:
    assert Condition.parse(f" plate.heater{sign} {bound!r}") == Condition("plate.heater", sign, bound)


@pytest.mark.parametrize(
    "text",
    [
        *("", "plate", "plate.heater", "plate.heater > ", "plate.heater = 5", "plate.heater == 5", "5 > plate.heater"),
        *("plate.heater > 5 degC", "plate..heater > 5", "plate.heater > 1 or True", "__import__('os') > 1", "a > nan"),
    ],
)
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"is no condition: write instrument\.signal"):
        Condition.parse(text)


@pytest.mark.parametrize("value", [None, math.nan, "hot"])
def test_no_reading_meets_no_condition(value: object) -> None:
    assert not Condition("a", "<", 1e9).holds(value)


def test_a_trip_is_told_once_and_stays(make_lab: Callable[..., Lab], caplog: pytest.LogCaptureFixture) -> None:
    lab = make_lab("plate", interlocks=(InterlockDeclaration("plate.heater > 65"),))
    trips: list[tuple[str, str]] = []
    lab.interlocks.watch(lambda name, why: trips.append((name, why)))
    heater = lab.instruments["plate"].heater
    with caplog.at_level(logging.CRITICAL):
        for value in (65.0, 66.0, 20.0, 70.0):
            heater.readback.put(value)
    assert trips == [("plate.heater > 65", "plate.heater is 66.0")]
    assert lab.interlocks.tripped == {"plate.heater > 65": "plate.heater is 66.0"}


def test_a_reading_that_is_there_already_trips(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab("plate", interlocks=(InterlockDeclaration("plate.volume >= 5"),))
    lab.instruments["plate"].volume.put(9.0)
    trips: list[str] = []
    lab.interlocks.watch(lambda name, _why: trips.append(name))
    assert trips == ["plate.volume >= 5"]


def test_a_person_resets_it_when_the_cause_is_gone(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab("plate", interlocks=(InterlockDeclaration("plate.volume >= 5"),))
    trips: list[str] = []
    lab.interlocks.watch(lambda name, _why: trips.append(name))
    volume = lab.instruments["plate"].volume
    volume.put(9.0)
    with pytest.raises(InputError, match=r"still holds \(plate.volume is 9.0\): remove the cause first"):
        lab.interlocks.reset("plate.volume >= 5")
    volume.put(1.0)
    assert lab.interlocks.tripped
    lab.interlocks.reset("plate.volume >= 5")
    assert not lab.interlocks.tripped
    volume.put(9.0)
    assert len(trips) == 2


def test_a_tripped_lab_leases_nothing(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab("plate", interlocks=(InterlockDeclaration("plate.volume >= 5"),))
    lab.interlocks.latch("plate.volume >= 5", "plate.volume is 9.0")
    with pytest.raises(LabNotReady, match=r"'plate.volume >= 5' tripped \(plate.volume is 9.0\).*reset it"):
        lab.lease({"pump": "plate"})
    lab.interlocks.reset("plate.volume >= 5")
    assert lab.lease({"pump": "plate"}).live


def test_a_latch_that_the_lab_no_longer_has_is_let_go(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab("plate")
    lab.interlocks.latch("plate.volume >= 5", "long ago")
    assert lab.interlocks.tripped == {}


def test_what_is_not_watched_does_not_trip(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab("plate", interlocks=(InterlockDeclaration("plate.volume >= 5"),))
    lab.interlocks.watch(lambda _name, _why: None)
    lab.disconnect()
    lab.instruments["plate"].volume.put(9.0)
    assert not lab.interlocks.tripped


@pytest.mark.parametrize(
    ("condition", "match"),
    [
        ("plat.heater > 5", "no instrument"),
        ("plate.heatr > 5", "'plate' has no part 'heatr'.*did you mean 'heater'"),
        ("plate.heater.readback.x > 5", "has no part 'x'"),
    ],
)
def test_what_cannot_be_watched_is_refused_when_the_lab_is_made(
    make_lab: Callable[..., Lab], condition: str, match: str
) -> None:
    with pytest.raises(InputError, match=match):
        make_lab("plate", interlocks=(InterlockDeclaration(condition),))


def test_a_device_is_watched_by_its_only_hinted_signal(make_lab: Callable[..., Lab]) -> None:
    with pytest.raises(InputError, match=r"'plate' has several signals, say which: plate\.volume, plate\.heater"):
        make_lab("plate", interlocks=(InterlockDeclaration("plate > 5"),))
    make_lab("plate", interlocks=(InterlockDeclaration("plate.heater.power > 5"),))


def test_reset_of_an_unknown_interlock(make_lab: Callable[..., Lab]) -> None:
    with pytest.raises(InputError, match="no interlock says 'x > 1'"):
        make_lab("plate").interlocks.reset("x > 1")
