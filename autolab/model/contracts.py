"""Contracts between rooms: what a planner, a protocol and an instrument must offer.

(A `typing.Protocol` is called a contract here; the word protocol means the lab procedure.)
"""

from __future__ import annotations

from collections.abc import Awaitable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from autolab.model.actions import JSON, ActionClass, Intent, Reconciled, Verb
from autolab.model.trial import OutcomeLike, Point, Trial

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.stocks import Stock
    from autolab.model.suggestion import Suggestion

Plan = Generator[Any, Any, Any]
"""A bluesky plan: it yields standard messages and may return a value."""


@runtime_checkable
class Planner(Protocol):
    """Proposes points: a pure function of its own settings and these arguments."""

    def suggest(
        self,
        problem: Problem,
        history: Sequence[Trial],
        *,
        n: int,
        pending: Sequence[Point] = (),
        seed: int,
    ) -> list[Suggestion]:
        """Return `n` distinct points of the problem's space.

        Raises:
            PlannerError: It cannot; the message says why.
        """
        ...


class LeasedLab(Protocol):
    """What a protocol sees of the lab: its roles, each a leased handle (`lab.pump`), stocks, and lab time."""

    @property
    def stocks(self) -> Mapping[str, Stock]:
        """What the pumps draw from, by role; roles whose pump names no stock of the lab file are left out."""
        ...

    def __getattr__(self, role: str) -> Any:  # noqa: ANN401  a bluesky-compatible handle of whatever plays the role
        """Return the handle that plays `role`."""

    def now(self) -> float:
        """Return lab time, s."""
        ...


@runtime_checkable
class Procedure(Protocol):
    """The contract of a protocol: the lab procedure that performs one attempt.

    A protocol may offer more, which is used where it is there: `check(lab, point)` raises OutsideEnvelope;
    `lab_faults(problem, facts)` tells what of a campaign its lab cannot do (see `model.facts`);
    `draws(point, contents, capacities)` tells what an attempt will draw from bottles, by role, mL.

    Attributes:
        needs: Role name in the protocol -> the role it must play (`{"waste": "pump"}`). An instance's may depend on
            its settings.
    """

    needs: Mapping[str, str]

    def perform(self, lab: LeasedLab, point: Point) -> Generator[Any, Any, OutcomeLike]:
        """Perform one attempt and return its outcome.

        Raises:
            TrialFailed: The experiment, not the machine, failed.
        """
        ...

    def recover(self, lab: LeasedLab) -> Plan:
        """Go from an unknown state of vessels and lines to ready."""
        ...


@runtime_checkable
class Instrument(Protocol):
    """What the lab and the loop need of an instrument, besides bluesky's own verbs.

    The `do_...` coroutines run on the instrument's clock loop; `make_safe` and `identify` are their
    blocking forms, for people. An action's Status carries `.result` (a JSON mapping) when it is done;
    the key `state` in it is what the instrument must be told by `restore` after the process died.
    """

    name: str
    role: ClassVar[str]

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """Return the class of an action."""
        ...

    def check_value(self, value: object) -> None:
        """Raise OutsideLimits for a `set` value that must not be sent."""

    def locate(self) -> Mapping[str, Any]:
        """Return the last set point and readback, without touching the wire."""
        ...

    def do_connect(self) -> Awaitable[None]:
        """Open the port, identify the instrument, and bring it under remote control without moving anything."""
        ...

    def do_identify(self) -> Awaitable[Mapping[str, JSON]]:
        """Return model, firmware and serial number where the instrument tells them."""
        ...

    def do_prepare(self, verb: Verb, value: object) -> Awaitable[Mapping[str, JSON]]:
        """Return what `do_reconcile` needs to know of the time before; called before the intent is written."""
        ...

    def do_halt(self) -> Awaitable[None]:
        """Stop all motion now; touch no counter."""
        ...

    def do_reconcile(self, intent: Intent) -> Awaitable[Reconciled]:
        """Say what became of an action in doubt; called after `do_halt` and before anything is reset."""
        ...

    def do_make_safe(self) -> Awaitable[None]:
        """Bring the instrument to its safe state."""
        ...

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Take over the `state` of the last known result."""

    def disconnect(self) -> None:
        """Give the port back."""
