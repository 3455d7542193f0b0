import copy
import math
import pickle

import pytest

from autolab.model.suggestion import Suggestion


def test_a_suggestion_reads_like_the_point_it_holds() -> None:
    suggestion = Suggestion({"x": 1.0, "c": "a"}, {"rule": "sobol"})
    assert dict(suggestion) == suggestion == {"x": 1.0, "c": "a"}
    assert list(suggestion) == ["x", "c"]
    assert len(suggestion) == 2
    assert "x" in suggestion
    assert suggestion != Suggestion({"x": 2.0, "c": "a"})
    assert Suggestion({"x": 1.0}).info == {}
    assert "sobol" in repr(suggestion)


def test_a_suggestion_cannot_be_changed() -> None:
    given = {"x": 1.0}
    suggestion = Suggestion(given, {"predicted": {"y": {"mean": 1.0}}})
    given["x"] = 2.0
    suggestion.point["x"] = 3.0
    assert suggestion["x"] == 1.0
    with pytest.raises(TypeError):
        suggestion["x"] = 2.0  # type: ignore[index]
    with pytest.raises(TypeError):
        suggestion.info["rule"] = "mine"  # type: ignore[index]


def test_info_must_be_json() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        Suggestion({"x": 1.0}, {"model": object()})
    with pytest.raises(ValueError, match="not JSON compliant"):
        Suggestion({"x": 1.0}, {"gain": math.nan})


def test_a_suggestion_survives_copying_and_pickling() -> None:
    suggestion = Suggestion({"x": 1.0}, {"rule": "sobol"})
    for again in (copy.copy(suggestion), copy.deepcopy(suggestion), pickle.loads(pickle.dumps(suggestion))):  # noqa: S301
        assert again == suggestion
        assert again.info == suggestion.info
