"""Settings of the Rodeostat; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from pydantic import Field, model_validator

from autolab.drivers.rodeostat_voltammetry import AnyTest, SquareWave, ms
from autolab.drivers.settings import DriverSettings
from autolab.model.roles import Role

RANGES: Final = {
    "60nA": 0.06, "100nA": 0.1, "1uA": 1.0, "10uA": 10.0, "100uA": 100.0, "1000uA": 1000.0, "10000uA": 10000.0,
    "12000uA": 12024.0, "24000uA": 24048.0,
}  # fmt: skip
"""Full scale of each current range of any variant, uA."""


class RodeostatSettings(DriverSettings):
    """What a Rodeostat runs, and how it measures."""

    instruments: ClassVar[str] = "IO Rodeo Rodeostat, firmware FW0.0.5 and later"
    checked_with: ClassVar[tuple[str, ...]] = ("iorodeo-potentiostat 0.0.9 (simulator)",)
    from_memory: ClassVar[tuple[str, ...]] = ()
    role: ClassVar[Role] = "potentiostat"

    test: AnyTest = Field(
        description="what `trigger` runs: its kind, and what that needs",
        examples=[{"kind": "cyclic", "low_V": -0.2, "high_V": 0.6, "scan_rate_V_s": 1.0}],
    )
    current_range: Literal["60nA", "100nA", "1uA", "10uA", "100uA", "1000uA", "10000uA", "12000uA", "24000uA"] = Field(
        default="100uA", description="range of the current; each variant of the board has four of them"
    )
    sample_s: float = Field(default=0.01, ge=0.001, le=1, description="between two samples, s; whole ms")
    on_saturation: Literal["fail", "tell"] = Field(
        default="fail", description="where the current leaves its range: fail, or tell how many samples did"
    )
    device_id: int | None = Field(default=None, ge=0, description="refuse every other; by default any is taken")
    limits: dict[Literal["voltage", "current"], tuple[float, float]] = Field(
        default_factory=dict, description="lowest and highest potential, V; a current (A) outside is an alarm"
    )

    @model_validator(mode="after")
    def _samples_in_step(self) -> RodeostatSettings:
        if isinstance(self.test, SquareWave) and ms(self.test.quiet_s) % self.sample_ms:
            msg = (
                f"test.quiet_s {self.test.quiet_s:g} of a square wave must be a multiple of sample_s {self.sample_s:g}"
            )
            raise ValueError(msg)
        return self

    @property
    def sample_ms(self) -> int:
        """The sample period, ms."""
        return ms(self.sample_s)
