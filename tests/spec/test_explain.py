"""Pydantic's errors in a person's words, for models of plug-ins too, whose shapes are not ours."""

from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from autolab.model.errors import Fault
from autolab.spec.document import parse_document
from autolab.spec.explain import flow, validate
from autolab.spec.findings import Findings


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int = Field(ge=1, description="how many")


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")
    mode: Literal["fast", "slow"] = "fast"
    either: int | list[int] = 0
    inner: Inner | None = None
    many: list[Inner] = []
    flag: bool = False
    text: str = Field("", min_length=0, max_length=3)
    pair: tuple[float, float] = (0, 1)

    @field_validator("text")
    @classmethod
    def _no_x(cls, text: str) -> str:
        if "x" in text:
            msg = "an x cannot be sent"
            raise ValueError(msg)
        return text


def told(text: str) -> list[tuple[int, str, str, str]]:
    faults: list[Fault] = []
    document = parse_document(text, "f.yaml", faults)
    assert document is not None
    validate(Settings, document.data["settings"], Findings(document, faults), ("settings",))
    return [(fault.line, fault.key, fault.problem, fault.remedy) for fault in faults]


@pytest.mark.parametrize(
    ("settings", "key", "problem", "remedy"),
    [
        ("mode: fats", "settings.mode", "got 'fats'", "Did you mean 'fast'? Allowed: fast, slow"),
        ("moed: fast", "settings.moed", "unknown key 'moed'", "Did you mean 'mode'"),
        ("inner: {size: 0}", "settings.inner.size", "must be at least 1, got 0", "how many"),
        ("inner: {siez: 1, size: 1}", "settings.inner.siez", "unknown key 'siez'", "Did you mean 'size'"),
        ("inner: {}", "settings.inner.size", "is missing", "Add `size:` (how many)"),
        ("inner: 7", "settings.inner", "must be a mapping of keys to values, got 7", ""),
        ("many: [{size: 1}, {size: x}]", "settings.many[1].size", "must be a whole number, got 'x'", "quotes"),
        ("many: 3", "settings.many", "must be a list", ""),
        ("flag: perhaps", "settings.flag", "must be true or false, got 'perhaps'", ""),
        ("text: axb", "settings.text", "an x cannot be sent", ""),
        ("text: long text", "settings.text", "string should have at most 3 characters", ""),
        ("pair: [1]", "settings.pair[1]", "is missing", ""),
        ("text: ~", "settings.text", "must be a text, got nothing", ""),
    ],
)
def test_one_fault(settings: str, key: str, problem: str, remedy: str) -> None:
    (found,) = told(f"settings:\n  {settings}")
    assert found[0] == 2
    assert found[1] == key
    assert problem in found[2]
    assert remedy in found[3]


def test_members_of_a_union_leave_no_trace_in_the_key() -> None:
    assert {key for _, key, _, _ in told("settings: {either: word}")} == {"settings.either"}


def test_long_values_are_cut() -> None:
    ((_, _, problem, _),) = told(f"settings: {{mode: {'m' * 300}}}")
    assert len(problem) < 80


def test_values_are_shown_as_yaml() -> None:
    assert flow({"use": "bayes", "log": True, "bounds": [0.5, None]}) == "{use: bayes, log: true, bounds: [0.5, None]}"
