"""What all pumps with a syringe have in common: what it holds, what may be asked of it, and where it stands."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers.instrument import OphydInstrument
from autolab.drivers.pump_command import pump_command
from autolab.drivers.settings import SyringePumpSettings
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON, ActionClass, Verb
from autolab.model.errors import InstrumentError
from autolab.model.roles import Dispense, Role, Withdraw


class SyringePump(OphydInstrument):
    """A pump with a syringe: `set(Dispense(volume, rate))`, `set(Withdraw(volume, rate))`.

    A driver gives `rate_range`, `resolution_mL` and `check_resolution`, and of the verbs of `OphydInstrument` what it
    does; it calls `contents_mL.tell` when something has moved.

    Attributes:
        volume: Moved by the last command, as the pump tells it, mL.
        contents_mL: What the syringe holds, mL.
        rate: As last commanded, mL/min.
    """

    role: ClassVar[Role] = SyringePumpSettings.role

    volume = Cpt(Reading, value=0.0, units="mL", precision=3, kind=Kind.hinted)
    contents_mL = Cpt(Reading, value=0.0, units="mL", precision=3, kind=Kind.normal)  # noqa: N815  the unit's symbol
    rate = Cpt(Reading, value=0.0, units="mL/min", precision=3, kind=Kind.normal)
    capacity = Cpt(Reading, value=0.0, units="mL", kind=Kind.config)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self._target = self.settings.contents_mL
        self.contents_mL.tell(self.settings.contents_mL)
        self.capacity.tell(self.settings.volume_mL)

    # ---- what a driver implements ------------------------------------------------------------------------------

    @property
    def rate_range(self) -> tuple[float, float]:
        """Lowest and highest rate with this syringe, mL/min."""
        raise NotImplementedError

    @property
    def resolution_mL(self) -> float:  # noqa: N802  the unit's symbol
        """Least volume that it can tell from another, mL."""
        raise NotImplementedError

    def check_resolution(self, command: Dispense | Withdraw) -> None:
        """Raise OutsideLimits for a volume or rate that the pump cannot express."""

    # ---- what may be asked of it -------------------------------------------------------------------------------

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """What was moved can be asked of the pump; `trigger` only reads."""
        return "read" if verb == "trigger" else "queryable"

    def check_value(self, value: object) -> None:
        """Check a command against pump, syringe, contents and limits.

        Raises:
            OutsideLimits: It must not be sent.
        """
        value = pump_command(self, value)
        low, high = self.rate_range
        if not low <= value.rate <= high:
            raise self.outside(
                f"rate {value.rate:g} mL/min is outside {low:.3g}..{high:.4g} mL/min {self.with_syringe}"
            )
        self.check_limit("rate", value.rate, "mL/min")
        self.check_limit("volume", value.volume, "mL")
        self.check_resolution(value)
        self._check_contents(value)

    @property
    def with_syringe(self) -> str:
        """For messages: `of a 14.5 mm syringe`."""
        return f"of a syringe of {self.settings.volume_mL:g} mL"

    def _check_contents(self, command: Dispense | Withdraw) -> None:
        held, capacity = float(self.contents_mL.get()), self.settings.volume_mL
        room = held if isinstance(command, Dispense) else capacity - held
        if command.volume > room + 0.5 * self.resolution_mL + 1e-9:
            what = "can be pushed out" if isinstance(command, Dispense) else "can be drawn in"
            raise self.outside(
                f"volume {command.volume:g} mL is more than the {max(room, 0):g} mL that {what}: the syringe holds "
                f"{held:g} of {capacity:g} mL"
            )

    def samples(self) -> Sequence[object]:
        """Return a movement each way: a fifth of the syringe, at a rate in the middle."""
        low, high = self.rate_range
        rate, volume = float(f"{min(math.sqrt(low * high) * 10, high / 2):.2g}"), round(self.settings.volume_mL / 5, 3)
        return (Withdraw(volume, rate), Dispense(volume, rate))

    def locate(self) -> Mapping[str, Any]:
        """Return what the syringe should hold after the last command, and what it holds, mL."""
        return {"setpoint": self._target, "readback": float(self.contents_mL.get())}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Take over what the syringe holds."""
        held = state.get("contents_mL")
        if isinstance(held, int | float):
            self._target = float(held)
            self.contents_mL.tell(float(held))

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        """Put instrument and port into errors that were raised beside the wire."""
        try:
            yield
        except InstrumentError as error:
            error.instrument = error.instrument or self.name
            error.port = error.port or self.address.port
            raise
