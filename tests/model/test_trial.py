import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.errors import InputError
from autolab.model.trial import FINAL, TRANSITIONS, Measurement, Trial, TrialState, as_outcome

STATES = sorted(TRANSITIONS)


def test_the_listed_transitions_are_those_of_the_design() -> None:
    assert set(FINAL) == {"completed", "failed", "rejected", "abandoned"}
    assert TRANSITIONS["running"] == {"completed", "failed", "held", "abandoned"}
    assert TRANSITIONS["held"] == {"running", "failed", "abandoned"}
    assert all(following <= set(STATES) for following in TRANSITIONS.values())


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("following", STATES)
def test_only_listed_transitions_exist(state: TrialState, following: TrialState) -> None:
    trial = Trial(3, {"x": 1.0}, state)
    outcome = {"y": 1.0} if following == "completed" else None
    if following in TRANSITIONS[state]:
        moved = trial.to(following, reason="because", outcome=outcome)
        assert (moved.state, moved.reason, moved.number) == (following, "because", 3)
        assert trial.state == state
        return
    with pytest.raises(ValueError, match=f"trial 3 cannot go from '{state}' to '{following}'; allowed: "):
        trial.to(following, outcome=outcome)


def test_an_outcome_belongs_to_completed_and_to_nothing_else() -> None:
    running = Trial(1, {"x": 1.0}, "running")
    assert running.to("completed", outcome={"y": (2.0, 0.1)}).outcome["y"] == Measurement(2.0, 0.1)
    for state, outcome in (("completed", None), ("failed", {"y": 1.0})):
        with pytest.raises(ValueError, match="an outcome belongs to 'completed'"):
            running.to(state, outcome=outcome)  # type: ignore[arg-type]


def test_invalidating_is_a_flag_on_a_completed_trial() -> None:
    trial = Trial.completed({"x": 1.0}, {"y": 2.0})
    assert trial.usable
    wrong = trial.invalidate("the balance was not level")
    assert (wrong.state, wrong.invalidated, wrong.usable) == ("completed", True, False)
    assert wrong.reason == "the balance was not level"
    with pytest.raises(ValueError, match="only a completed trial can be invalidated"):
        Trial.failed({"x": 1.0}, "clog").invalidate("no")


def test_trials_made_by_hand_say_where_they_come_from() -> None:
    trial = Trial.completed({"x": 1.0}, {"y": 2.0}, source="prior", fidelity="virtual")
    assert (trial.number, trial.source, trial.fidelity, trial.state) == (0, "prior", "virtual", "completed")
    failed = Trial.failed({"x": 1.0}, "clog")
    assert (failed.state, failed.reason, failed.source, failed.usable) == ("failed", "clog", "import", False)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_never_an_outcome(value: float) -> None:
    with pytest.raises(ValueError, match="outcome 'y': a measurement must be finite"):
        as_outcome({"y": value})
    with pytest.raises(ValueError, match="standard error must be finite and not negative"):
        as_outcome({"y": (1.0, value)})


@pytest.mark.parametrize("value", [None, [1, 2, 3], {"mean": 1}, object()])
def test_a_value_that_is_no_number_is_told(value: object) -> None:
    with pytest.raises(TypeError, match="outcome 'y' must be a number or"):
        as_outcome({"y": value})  # type: ignore[dict-item]


def test_what_is_no_outcome_and_no_source_is_told() -> None:
    with pytest.raises(TypeError, match=r"an outcome is a mapping of quantities, such as .*, got 3\.0"):
        Trial.completed({"x": 0.5}, 3.0)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="must be one of campaign, import, prior, got 'past'"):
        Trial.completed({"x": 0.5}, {"y": 1.0}, source="past")  # type: ignore[arg-type]


def test_a_negative_standard_error_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not negative, got -0\.1"):
        Measurement(1.0, -0.1)


@given(st.floats(allow_nan=False, allow_infinity=False), st.one_of(st.none(), st.floats(0, 1e300)))
def test_outcomes_take_numbers_pairs_and_measurements(value: float, error: float | None) -> None:
    expected = Measurement(value, error)
    outcome = as_outcome({"a": (value, error), "b": expected, "c": value, "d": np.float64(value)})
    assert outcome["a"] == outcome["b"] == expected
    assert outcome["c"] == outcome["d"] == Measurement(value)
    with pytest.raises(TypeError):
        outcome["a"] = expected  # type: ignore[index]


def numbered(number: int, **changes: object) -> Trial:
    return replace(Trial.completed({"x": float(number)}, {"y": 1.0}, number=number), **changes)  # type: ignore[arg-type]  # what is tested


def test_the_last_word_about_two_trials_counts() -> None:
    one, two, three = (numbered(number) for number in (1, 2, 3))
    three, two = three.preferred_to(two)
    three, one = three.preferred_to(one)
    assert (three.better_than, two.better_than, one.better_than) == ((1, 2), (), ())
    assert three.preferred_to(one) == (three, one)
    one, three = one.preferred_to(three)
    assert (three.better_than, one.better_than) == ((2,), (3,))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (numbered(1), "trial 1 cannot be compared with itself"),
        (numbered(0), r"a trial without a number cannot be compared: give it one, as in Trial\.completed"),
        (numbered(2).invalidate("spilled"), "trial 2 is invalidated: only completed trials can be compared"),
        (replace(Trial.failed({"x": 1.0}, "clog"), number=2), "trial 2 is failed: only completed"),
        (Trial(2, {"x": 1.0}, "running", source="import"), "trial 2 is running: only completed"),
        (numbered(2, source="prior"), r"trial \d \(\w+\) cannot be compared with trial \d \(\w+\)"),
    ],
)
def test_what_cannot_be_compared_is_told(other: Trial, message: str) -> None:
    for better, worse in ((numbered(1), other), (other, numbered(1))):
        with pytest.raises(ValueError, match=message):
            better.preferred_to(worse)
