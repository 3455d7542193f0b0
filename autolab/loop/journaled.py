"""Journaled actions: INTENT (durable) -> act -> OUTCOME (durable), in place of the RunEngine's own handlers.

A `read` may always be done again, so its intent need not be durable before: it goes out with the outcome, in one commit.

An action's number in its attempt is the order of first handling. When the RunEngine rewinds after a pause it sends
the same message objects again: what is done or in hand is not sent to the instrument a second time.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ophyd.status import Status

from autolab.journal.events import Entry
from autolab.model.errors import Refused, StopRequested
from autolab.model.roles import command_to_json

if TYPE_CHECKING:
    from bluesky.utils import Msg

    from autolab.journal.events import EventKind
    from autolab.loop.record import Record
    from autolab.model.actions import JSON, ActionClass, Verb

logger = logging.getLogger(__name__)

VERBS: tuple[Verb, ...] = ("set", "trigger", "kickoff", "complete")
NON_REPEATABLE: frozenset[ActionClass] = frozenset({"once", "queryable"})
Handler = Callable[["Msg"], Awaitable[Any]]


class JournaledStatus(Status):  # type: ignore[misc]  # ophyd ships no types
    """The status that a plan waits for: done when the outcome is on disk.

    Attributes:
        result: What the action gave.
    """

    def __init__(self) -> None:
        self.result: Mapping[str, JSON] = {}
        super().__init__()


@dataclass(frozen=True)
class Step:
    """One action of an attempt.

    Attributes:
        number: Its place in the attempt, from 1.
        message: Kept so that its identity is not reused.
        status: Done only after the outcome is on disk.
    """

    number: int
    message: Msg
    intent: Mapping[str, JSON]
    status: JournaledStatus

    @property
    def repeatable(self) -> bool:
        """Whether it may be done again without asking."""
        return self.intent["action_class"] not in NON_REPEATABLE


class Stand:
    """What a RunEngine's handler sees in place of the device: the action was started already, here is its status."""

    def __init__(self, device: Any, status: Status) -> None:  # noqa: ANN401  any bluesky device
        self._device, self._status = device, status
        self.name, self.parent = device.name, device.parent

    def __hash__(self) -> int:
        return hash(self._device)

    def __eq__(self, other: object) -> bool:
        return self._device is (other._device if isinstance(other, Stand) else other)

    def set(self, *_args: object, **_kwargs: object) -> Status:
        """Return the status of the action that was started."""
        return self._status

    def trigger(self, *_args: object, **_kwargs: object) -> Status:
        """Return the status of the action that was started."""
        return self._status

    def kickoff(self, *_args: object, **_kwargs: object) -> Status:
        """Return the status of the action that was started."""
        return self._status

    def complete(self, *_args: object, **_kwargs: object) -> Status:
        """Return the status of the action that was started."""
        return self._status


class AttemptActions:
    """The actions of one attempt.

    Args:
        record: Where they are journaled.
        trial: Number of the trial.
        attempt: Number of the attempt.
        stopping: Says whether new non-repeatable actions are refused now.
        told: Called with a line of text for each action, for the progress display.
        phase: Says which phase of the protocol it is now.
    """

    def __init__(
        self,
        record: Record,
        trial: int,
        attempt: int,
        *,
        stopping: Callable[[], bool] = lambda: False,
        told: Callable[[str], None] = lambda _text: None,
        phase: Callable[[], str] | None = None,
    ) -> None:
        self._record, self._trial, self._attempt = record, trial, attempt
        self._stopping, self._told, self._phase = stopping, told, phase
        self._steps: dict[int, Step] = {}
        self._closed = False
        self.error: BaseException | None = None
        self.fatal: Exception | None = None

    def in_hand(self) -> list[Step]:
        """Return the actions that were started and are not over."""
        return [step for step in self._steps.values() if not step.status.done]

    def close(self) -> None:
        """Record nothing more: what is still open is settled by asking the instrument."""
        self._closed = True

    async def handle(self, message: Msg, verb: Verb, default: Handler) -> Any:  # noqa: ANN401  as the default handler
        """Handle one message in place of `default`, which then does the RunEngine's own bookkeeping."""
        step = self._steps.get(id(message)) or await self._begin(message, verb)
        return await default(message._replace(obj=Stand(message.obj, step.status)))

    async def _begin(self, message: Msg, verb: Verb) -> Step:
        device = getattr(message.obj, "instrument", message.obj)
        value = message.args[0] if verb == "set" and message.args else None
        action_class: ActionClass = device.action_class(verb, value) if hasattr(device, "action_class") else "once"
        if self._stopping() and action_class in NON_REPEATABLE:
            msg = f"the run is stopping: {verb} of {device.name} was not begun"
            raise StopRequested(msg)
        if verb == "set" and hasattr(device, "check_value"):
            device.check_value(value)
        context = await device.do_prepare(verb, value) if hasattr(device, "do_prepare") else {}
        intent: dict[str, JSON] = {
            "instrument": device.name,
            "verb": verb,
            "value": command_to_json(value),
            "action_class": action_class,
            "context": dict(context),
        }
        if self._phase is not None:
            intent["phase"] = self._phase()
        step = Step(len(self._steps) + 1, message, intent, JournaledStatus())
        if action_class != "read":
            self._write([self._entry("intent", step, intent)])
        self._steps[id(message)] = step
        self._told(f"{device.name}: {verb} {'' if value is None else value}".rstrip())
        self._start(step, verb)
        return step

    def _start(self, step: Step, verb: Verb) -> None:
        keywords = {key: value for key, value in step.message.kwargs.items() if key != "group"}
        try:
            status = getattr(step.message.obj, verb)(*step.message.args, **keywords)
        except Exception as error:
            self._over(step, error, {})
            return
        status.add_callback(lambda done: self._over(step, done.exception(0), getattr(done, "result", None) or {}))

    def _over(self, step: Step, error: BaseException | None, result: Any) -> None:  # noqa: ANN401  a JSON mapping
        if self._closed:
            step.status.set_finished()
            return
        outcome = "done" if error is None else "refused" if isinstance(error, Refused) else "in_doubt"
        body: dict[str, JSON] = {"status": outcome, "result": dict(result), "error": _text(error)}
        entries = [self._entry("outcome", step, body)]
        if step.intent["action_class"] == "read":
            entries.insert(0, self._entry("intent", step, step.intent))
        try:
            self._write(entries)
        except Exception as trouble:
            step.status.set_exception(trouble)
            return
        step.status.result = dict(result)
        if error is None:
            step.status.set_finished()
            return
        self.error = self.error or error
        step.status.set_exception(error if isinstance(error, Exception) else RuntimeError(_text(error)))

    def _write(self, entries: list[Entry]) -> None:
        try:
            self._record.write_all(entries)
        except Exception as trouble:
            self.fatal = self.fatal or trouble
            raise

    def _entry(self, kind: EventKind, step: Step, body: Mapping[str, JSON]) -> Entry:
        return Entry(kind, body, self._trial, self._attempt, step.number)


def _text(error: BaseException | None) -> str | None:
    return None if error is None else f"{type(error).__name__}: {error}"
