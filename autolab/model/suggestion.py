"""What a planner proposes: a point, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autolab.model.trial import Point, Value


class Suggestion(Mapping[str, "Value"]):
    """A proposed point, readable like the dict it holds and not to be changed.

    Attributes:
        info: Why this point: `rule`, and where the planner knows them `predicted` (`{name: {mean, low, high}}` in
            the user's units), `gain`, `fallback`. Anything that JSON can hold.

    Raises:
        TypeError: `info` holds something that JSON cannot.
        ValueError: `info` holds NaN or infinity.

    >>> suggestion = Suggestion({"rate": 2.0}, {"rule": "sobol"})
    >>> suggestion["rate"], suggestion == {"rate": 2.0}, suggestion.info["rule"]
    (2.0, True, 'sobol')
    """

    def __init__(self, point: Point, info: Mapping[str, Any] | None = None) -> None:
        self._point = dict(point)
        self.info: Mapping[str, Any] = MappingProxyType(json.loads(json.dumps(dict(info or {}), allow_nan=False)))

    @property
    def point(self) -> dict[str, Value]:
        """A copy of the point as a dict."""
        return dict(self._point)

    def __getitem__(self, name: str) -> Value:
        return self._point[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._point)

    def __len__(self) -> int:
        return len(self._point)

    def __repr__(self) -> str:
        return f"Suggestion({self._point!r}, info={dict(self.info)!r})"

    def __reduce__(self) -> tuple[type[Suggestion], tuple[dict[str, Value], dict[str, Any]]]:
        return type(self), (self._point, dict(self.info))
