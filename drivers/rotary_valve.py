"""What valves with a rotor have in common: going to a position, and seeing that it stands there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers.instrument import ActionStatus, OphydInstrument
from autolab.drivers.query import Query
from autolab.drivers.rotary_valve_settings import Place, RotaryValveSettings, told
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON, ActionClass, Intent, Reconciled, Verb
from autolab.model.errors import InstrumentAlarm, LinkError
from autolab.model.roles import Role

_log = logging.getLogger("autolab.drivers.rotary_valve")
_LOOKS: Final = 2
"""So many looks in a row must agree: what a valve says of itself while it turns is not written down anywhere."""


@dataclass(frozen=True)
class Standing:
    """Where a rotor is.

    Attributes:
        place: The position that it tells; None for one that it does not know, such as between two ports.
        moving: Whether it says that it turns.
    """

    place: Place | None
    moving: bool = False


class RotaryValve(OphydInstrument):
    """A valve whose rotor goes to a position.

    A driver implements `look`, `turn` and `identify_query`. A position is absolute: `set` is idempotent, and sends
    nothing where the valve stands there already. A rotor that turns is not stopped half-way, where it would shut a
    running pump off or join two ports: halting waits until it stands.

    Attributes:
        readback: Where it was last seen, as text (`3`, `A`); empty while that is not known.
        setpoint: Where it was last told to go.
    """

    role: ClassVar[Role] = RotaryValveSettings.role
    settings: RotaryValveSettings

    readback = Cpt(Reading, value="", dtype="string", kind=Kind.hinted)
    setpoint = Cpt(Reading, value="", dtype="string", kind=Kind.normal)

    # ---- what a driver implements ------------------------------------------------------------------------------

    def look(self) -> Query[Standing]:
        """Return the query for where it is."""
        raise NotImplementedError

    def turn(self, place: Place) -> Query[object]:
        """Return the query that makes it go to a position, and returns when that was sent or taken."""
        raise NotImplementedError

    # ---- verbs -------------------------------------------------------------------------------------------------

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """A position can be gone to again."""
        return "read" if verb == "trigger" else "idempotent"

    def check_value(self, value: object) -> None:
        """Refuse what is no position, or none that may be set.

        Raises:
            OutsideLimits: It is that; nothing was sent.
        """
        self._place(value)

    def samples(self) -> Sequence[object]:
        """Return two positions, the first of them again last."""
        allowed = [place for place in self.settings.places if self._may(place)]
        return [allowed[0], allowed[1 % len(allowed)], allowed[0]]

    def locate(self) -> Mapping[str, Any]:
        """Return the position that was last asked for, and the one last seen."""
        setpoint, position = str(self.setpoint.get()), str(self.readback.get())
        return {"setpoint": _named(setpoint), "readback": _named(position)}

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Read where it is."""
        standing = await self.where()
        return {"position": standing.place, "moving": standing.moving}

    async def do_set(self, value: object, status: ActionStatus) -> Mapping[str, JSON]:
        """Go to a position, and return when the rotor stands there.

        Raises:
            InstrumentAlarm: It does not come there in time.
        """
        place = self._place(value)
        await self._go(place)
        return {"position": place}

    async def do_halt(self) -> None:
        """End the action, and wait until the rotor stands: it is not stopped between two ports."""
        self.end_action()
        await self._stand()

    async def do_make_safe(self) -> None:
        """Wait until the rotor stands, and have it go to its `safe_position` where one is declared.

        Raises:
            InstrumentAlarm: It goes on turning, or does not come there.
        """
        self.end_action()
        if not await self._stand():
            msg = f"still turns after {self.settings.timeout_s:g} s. Switch it off, and look at its rotor"
            raise self.alarm(msg)
        if self.settings.safe_position is not None:
            await self._go(self.settings.safe_position)

    async def do_reconcile(self, intent: Intent) -> Reconciled:
        """Say by its position whether it went where it was told to."""
        await self._stand()
        standing = await self.where()
        if standing == Standing(intent.value):  # type: ignore[arg-type]  # another value is no position and unequal
            return Reconciled("happened", result={"position": standing.place}, why=f"it stands at {standing.place}")
        return Reconciled("not", why=f"it stands at {standing.place or 'an unknown place'}; it can be told again")

    # ---- for drivers -------------------------------------------------------------------------------------------

    async def where(self) -> Standing:
        """Return where it is, and tell the signal."""
        standing = await self.again(self.look)
        self._tell(standing)
        return standing

    def alarm(self, message: str) -> InstrumentAlarm:
        """Return an alarm of this valve."""
        return InstrumentAlarm(message, instrument=self.name, port=self.address.port)

    async def _go(self, place: Place) -> None:
        self.setpoint.tell(str(place))
        if await self.where() != Standing(place):
            await self.query(self.turn(place))
            await self._arrive(place)

    async def _arrive(self, place: Place) -> None:
        """Wait until it stands at a place.

        Raises:
            InstrumentAlarm: It does not in time.
        """
        arrived, last = await self._watch(lambda look: look == Standing(place))
        if not arrived:
            state = "turns" if last.moving else f"stands at {last.place}" if last.place else "is at an unknown place"
            msg = (
                f"has not come to {place} within {self.settings.timeout_s:g} s: it {state}. "
                "Look for a rotor that is stuck or a loose coupling before liquid flows again"
            )
            raise self.alarm(msg)

    async def _stand(self) -> bool:
        """Wait until it stands, wherever that is, and say whether it does."""
        stood, _ = await self._watch(lambda look: not look.moving)
        return stood

    async def _watch(self, wanted: Callable[[Standing], bool]) -> tuple[bool, Standing]:
        """Look until looks in a row agree and are wanted; return whether they did, and the last.

        A look that fails is no end, for some actuators are silent while they turn. It is when the time is over.

        Raises:
            LinkError: The last look failed.
        """
        looks: list[Standing | LinkError] = []

        async def settled() -> bool:
            looks.append(await self._glance())
            last = looks[-1]
            agree = len(looks) >= _LOOKS and all(look == last for look in looks[-_LOOKS:])
            return agree and isinstance(last, Standing) and wanted(last)

        done = await self.until(settled, poll_s=self.settings.poll_s, timeout_s=self.settings.timeout_s)
        if isinstance(looks[-1], LinkError):
            raise looks[-1]
        return done, looks[-1]

    async def _glance(self) -> Standing | LinkError:
        """Look once; return the error of the line where that fails."""
        try:
            standing = await self.query(self.look())
        except LinkError as error:
            _log.debug("%s: no answer, perhaps because it turns: %s", self.name, error)
            return error
        self._tell(standing)
        return standing

    def _tell(self, standing: Standing) -> None:
        self.readback.tell("" if standing.place is None or standing.moving else str(standing.place))

    def _place(self, value: object) -> Place:
        if isinstance(value, bool) or not isinstance(value, int | str) or value not in self.settings.places:
            raise self.outside(f"{value!r} is no position of it; it has {told(self.settings.places)}")
        place: Place = value
        if not self._may(place):
            raise self.outside(f"position {place} is not among those that may be set (`allowed`, `limits.position`)")
        return place

    def _may(self, place: Place) -> bool:
        allowed, bounds = self.settings.allowed, self.settings.limits.get("position")
        if allowed is not None and place not in allowed:
            return False
        return bounds is None or not isinstance(place, int) or bounds[0] <= place <= bounds[1]


def _named(text: str) -> str | int | None:
    return int(text) if text.isdigit() else text or None
