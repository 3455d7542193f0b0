"""The valve of a pump that has one: a component with the role of a valve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers.component import RoleComponent
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON, ActionClass, Verb
from autolab.model.roles import Role

if TYPE_CHECKING:
    from autolab.drivers.acting import ActionStatus
    from autolab.drivers.pump_machine import PumpMachine


class PumpValve(RoleComponent):
    """The pump's valve: `set(name)` with a name of the setting `valve_ports` is done when the pump says that it is there.

    Attributes:
        readback: Name of the port; the pump's own word for one without a name.
    """

    role: ClassVar[Role] = "valve"

    readback = Cpt(Reading, value="", dtype="string", kind=Kind.hinted)

    def __init__(self, prefix: str = "", **kwargs: Any) -> None:  # noqa: ANN401  ophyd's own
        super().__init__(prefix, **kwargs)
        self._target = ""

    @property
    def pump(self) -> PumpMachine:
        """The pump that it is a part of."""
        pump: PumpMachine = self.parent
        return pump

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """Positions are absolute."""
        return "read" if verb == "trigger" else "idempotent"

    def check_value(self, value: object) -> None:
        """Raise OutsideLimits for a port that has no name."""
        if not isinstance(value, str) or value not in self.settings.valve_ports:
            raise self.outside(f"{value!r} is no port: {', '.join(self.settings.valve_ports)}")

    def samples(self) -> Sequence[object]:
        """Return both ports that pumping uses."""
        return (self.settings.outlet, self.settings.inlet)

    def locate(self) -> Mapping[str, Any]:
        """Return the last port that was asked for, and where it is."""
        return {"setpoint": self._target or None, "readback": self.readback.get() or None}

    async def do_set(self, value: str, status: ActionStatus) -> Mapping[str, JSON]:
        """Turn to a port; refused while the pump is at work."""
        with self.pump.alone("turning its valve"):
            await self.pump.rest(f"turn its valve to {value}")
            self._target = value
            await self.pump.turn(value)
        return {"position": value}

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Read where it is."""
        return {"position": await self.pump.where()}
