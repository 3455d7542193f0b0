"""Signals that hold what the wire last told: read without touching it, written by the driver alone."""

from __future__ import annotations

from typing import Any, Literal

from ophyd import Signal


class Reading(Signal):  # type: ignore[misc]  # ophyd ships no types
    """A cached reading with its unit.

    Args:
        units: As documents name it (`mL`, `g`); empty for none.
        dtype: As documents name it.
        precision: Decimals that mean something; None to leave it open.
        kwargs: Of ophyd's `Signal`.
    """

    def __init__(
        self,
        *args: Any,  # noqa: ANN401  ophyd's own
        units: str = "",
        dtype: Literal["number", "integer", "boolean", "string"] = "number",
        precision: int | None = None,
        **kwargs: Any,  # noqa: ANN401  ophyd's own
    ) -> None:
        self._dtype, self._units, self._precision = dtype, units, precision
        super().__init__(*args, **kwargs)
        self._metadata["write_access"] = False

    def tell(self, value: float | str | bool) -> None:
        """Take a fresh reading over and run the subscriptions."""
        self.put(value, force=True)

    def describe(self) -> dict[str, dict[str, Any]]:
        """Return the documents' data key, with units."""
        key: dict[str, Any] = {"source": f"autolab:{self.name}", "dtype": self._dtype, "shape": []}
        if self._units:
            key["units"] = self._units
        if self._precision is not None:
            key["precision"] = self._precision
        return {self.name: key}
