"""Signals that hold what the wire last told: read without touching it, written by the driver alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from ophyd import Signal


class Reading(Signal):  # type: ignore[misc]  # ophyd ships no types
    """A cached reading with its unit.

    An array is a list of numbers, and its shape that of the last one told: whoever reads it describes it behind.

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
        dtype: Literal["number", "integer", "boolean", "string", "array"] = "number",
        precision: int | None = None,
        **kwargs: Any,  # noqa: ANN401  ophyd's own
    ) -> None:
        self._dtype, self._units, self._precision = dtype, units, precision
        super().__init__(*args, **kwargs)
        self._metadata["write_access"] = False

    def tell(self, value: float | str | bool | Sequence[float]) -> None:
        """Take a fresh reading over and run the subscriptions."""
        self.put(list(value) if isinstance(value, list | tuple) else value, force=True)

    def measure_in(self, units: str) -> None:
        """Take another unit, for an instrument whose settings decide what it measures; before it is described."""
        self._units = units

    def describe(self) -> dict[str, dict[str, Any]]:
        """Return the documents' data key, with units."""
        shape = [len(self.get())] if self._dtype == "array" else []
        key: dict[str, Any] = {"source": f"autolab:{self.name}", "dtype": self._dtype, "shape": shape}
        if self._units:
            key["units"] = self._units
        if self._precision is not None:
            key["precision"] = self._precision
        return {self.name: key}
