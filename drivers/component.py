"""Components with a role of their own: `plate.heater`, `plate.stirrer`.

A component acts like an instrument: each has one action of its own in progress, so that a plate may heat while it
begins to stir. Port, clock and settings are the instrument's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ophyd import Device

from autolab.drivers.acting import Acting
from autolab.model.actions import JSON, Intent, Reconciled
from autolab.model.clock import Clock
from autolab.model.roles import Role

if TYPE_CHECKING:
    from autolab.drivers.addresses import Address
    from autolab.drivers.instrument import OphydInstrument


class RoleComponent(Acting, Device):  # type: ignore[misc]  # ophyd ships no types
    """A component that plays a role: an ophyd `Component` of an `OphydInstrument`.

    A driver declares `role` and its signals, and implements `do_set`, `do_trigger`, `do_halt`, `do_make_safe`,
    `action_class`, `check_value` and `locate` as far as they apply. `do_halt` and `do_make_safe` are about this
    component alone; whoever has the lab calls those of the whole instrument.

    Args:
        prefix: Of ophyd; not used.
        kwargs: Of ophyd's `Device`, as its `Component` gives them.
    """

    role: ClassVar[Role]

    def __init__(self, prefix: str = "", **kwargs: Any) -> None:  # noqa: ANN401  ophyd's own
        super().__init__(prefix, **kwargs)
        self.start_acting()

    @property
    def whole(self) -> OphydInstrument:
        """The instrument that this is a part of."""
        whole: OphydInstrument = self.parent
        return whole

    @property
    def clock(self) -> Clock:  # type: ignore[override]  # the instrument's, and never set here
        """Lab time."""
        return self.whole.clock

    @property
    def address(self) -> Address:  # type: ignore[override]  # likewise
        """Where the instrument is."""
        return self.whole.address

    @property
    def settings(self) -> Any:  # noqa: ANN401  the driver's own
        """The instrument's settings."""
        return self.whole.settings

    # ---- the instrument's, through this part of it -------------------------------------------------------------

    async def ready(self) -> None:
        """Connect the instrument unless that was done."""
        await self.whole.ready()

    async def do_connect(self) -> None:
        """Connect the instrument."""
        await self.whole.do_connect()

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return who the instrument says it is."""
        return await self.whole.do_identify()

    def disconnect(self) -> None:
        """Give the instrument's port back."""
        self.whole.disconnect()

    async def do_reconcile(self, intent: Intent) -> Reconciled:
        """Absolute set points leave nothing to settle: they can be given again."""
        return Reconciled("not", why=f"{intent.verb} of {self.name} can be done again")

    # ---- for people, never on the loop -------------------------------------------------------------------------

    def connect(self) -> None:
        """Connect the instrument, and wait for it."""
        self.whole.connect()

    def identify(self) -> Mapping[str, JSON]:
        """Return who the instrument says it is."""
        return self.whole.identify()

    def halt(self) -> None:
        """Stop this component, and wait for it."""
        self.clock.run(self.do_halt())

    def make_safe(self) -> None:
        """Bring this component to its safe state, and wait for it."""
        self.clock.run(self.do_make_safe())

    # ---- for drivers -------------------------------------------------------------------------------------------

    def check_limit(self, value: float, unit: str) -> None:
        """Raise OutsideLimits when the lab's limits of this component, by its attribute's name, forbid a value."""
        bounds = self.settings.limits.get(self.attr_name)
        if bounds is not None and not bounds[0] <= value <= bounds[1]:
            name, low, high = self.attr_name, bounds[0], bounds[1]
            raise self.outside(f"{name} {value:g} {unit} is outside the limits {low:g}..{high:g} {unit}")
