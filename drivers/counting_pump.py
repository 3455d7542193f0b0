"""Syringe pumps without a position of their own, that count what they have moved: what is known of them in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from autolab.drivers.settings import CountingPumpSettings
from autolab.drivers.syringe_pump import SyringePump
from autolab.drivers.volume_counters import Baseline
from autolab.model.actions import JSON, Reconciled
from autolab.model.errors import InputError

_LAST_BUS: Final = 99


class CountingPump(SyringePump):
    """A pump with two volume counters, one each way, several of which may stand on one line.

    Raises:
        InputError: There is no such address on its bus.
    """

    settings: CountingPumpSettings

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self._bus = self.address.bus or 0
        if self._bus > _LAST_BUS:
            msg = f"{name}: bus address {self._bus} does not exist; these pumps have 0..{_LAST_BUS}"
            raise InputError(msg)
        self._baseline: Baseline | None = None  # of the action in progress or the last one
        self._prepared = False

    @property
    def rate_range(self) -> tuple[float, float]:
        """Lowest and highest rate for this syringe, mL/min."""
        return self.settings.rate_range

    @property
    def with_syringe(self) -> str:
        """For messages."""
        return f"of a {self.settings.syringe_mm:g} mm syringe"

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Take over what the syringe holds."""
        self._baseline = None
        super().restore(state)

    def believe(self, found: Reconciled) -> Reconciled:
        """Take over what reconciling has found, and return it."""
        state = found.result.get("state")
        if isinstance(state, Mapping):
            self.restore(state)
        return found
