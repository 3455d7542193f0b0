"""What the models of all files share: strict numbers, ranges, choices by shape, and errors with a remedy."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

SAID = "said"
"""The type of errors whose problem and remedy are ours already."""


class FileModel(BaseModel):
    """A mapping of a file: frozen, and without keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class OpenFileModel(FileModel):
    """A mapping whose further keys are settings of a plug-in, which its own declaration checks."""

    model_config = ConfigDict(extra="allow")

    @property
    def settings(self) -> dict[str, Any]:
        """The further keys."""
        return dict(self.model_extra or {})


def wrong(problem: str, remedy: str = "", *at: str | int) -> PydanticCustomError:
    """Return an error to raise in a validator; `at` leads from there to the key that is to blame."""
    text = problem.replace("{", "{{").replace("}", "}}")
    return PydanticCustomError(SAID, text, {"problem": problem, "remedy": remedy, "at": list(at)})


def _rising(pair: list[float]) -> list[float]:
    if pair[0] >= pair[1]:
        raise wrong(f"low must be less than high, got {pair!r}", "Write [low, high]; leave out what does not vary")
    return pair


def _not_falling(pair: list[float]) -> list[float]:
    if pair[0] > pair[1]:
        raise wrong(f"low must not be greater than high, got {pair!r}", "Write [low, high]")
    return pair


def _cell(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise wrong(f"must be a text or a number, got {value!r}", "Quote it if it is a text")
    if isinstance(value, float) and not math.isfinite(value):
        raise wrong(f"must be finite, got {value!r}", "Write a number or a text")
    return value


def _scalar(value: object) -> object:
    return value if isinstance(value, bool) else _cell(value)


Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Whole = Annotated[int, Field(strict=True)]
Pair = Annotated[list[Number], Field(min_length=2, max_length=2)]
Range = Annotated[Pair, AfterValidator(_rising)]
"""`[low, high]` with low < high."""
Limits = Annotated[Pair, AfterValidator(_not_falling)]
"""`[low, high]` with low <= high."""
Cell = Annotated[Any, AfterValidator(_cell), WithJsonSchema({"type": ["string", "number"]})]
"""A text or a number."""
Scalar = Annotated[Any, AfterValidator(_scalar), WithJsonSchema({"type": ["string", "number", "boolean"]})]
"""A text, a number, true or false."""


def shape(value: object) -> str:
    """Return the tag that tells the members of a union apart by their shape in the file."""
    if isinstance(value, dict | BaseModel):
        return "<mapping>"
    return "<list>" if isinstance(value, list | tuple) else "<text>"


def is_tag(part: object) -> bool:
    """Return whether a part of an error's location is a union's tag and not a key."""
    return isinstance(part, str) and part.startswith("<") and part.endswith(">")
