"""What facts say of one campaign: its trials, decisions and questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

from autolab.journal.imported import trial_from_json
from autolab.journal.views import NOTHING, Decision, Question
from autolab.model.trial import FINAL, Attempt, AttemptEnding, Trial, TrialState

if TYPE_CHECKING:
    from autolab.journal.events import Event
    from autolab.model.actions import JSON

FAILURES = frozenset({"trial_failed", "machine_failed"})


@dataclass
class CampaignFacts:
    """One campaign, folded; see `views.History` for what its parts mean."""

    number: int = 0
    opened: Mapping[str, Any] = field(default_factory=dict)
    digests: dict[str, JSON] = field(default_factory=dict)
    trials: dict[int, Trial] = field(default_factory=dict)
    imported: list[Trial] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    questions: dict[str, Question] = field(default_factory=dict)
    failure_streak: int = 0

    def apply(self, event: Event) -> None:
        """Take one event in; raise ValueError for one that those before exclude."""
        handler = self._HANDLERS.get(event.kind)
        if handler:
            handler(self, event)

    def to_inherit(self) -> list[Trial]:
        """Return what a campaign that supersedes this one inherits."""
        return [*self.imported, *(trial for trial in self.trials.values() if trial.state in FINAL)]

    def _change_accepted(self, event: Event) -> None:
        changes = cast("Mapping[str, Mapping[str, JSON]]", event.body["changes"])
        self.digests.update({part: change["new"] for part, change in changes.items()})

    def _imported(self, event: Event) -> None:
        self.imported += [trial_from_json(told) for told in cast("list[Mapping[str, Any]]", event.body["trials"])]

    def _decided(self, event: Event) -> None:
        body = cast("Mapping[str, Any]", event.body)
        if not self.number:
            msg = "no campaign has been opened"
            raise ValueError(msg)
        if body["decision"] != len(self.decisions):
            msg = f"decision {body['decision']!r} is recorded where {len(self.decisions)} is next"
            raise ValueError(msg)
        fidelity = self.opened.get("fidelity", "physical")
        for number, suggestion in zip(body["trials"], body["suggestions"], strict=True):
            if number in self.trials:
                msg = f"trial {number} has been decided already"
                raise ValueError(msg)
            self.trials[number] = Trial(
                number, suggestion["point"], fidelity=fidelity, info=suggestion.get("info") or NOTHING
            )
        self.decisions.append(_decision(event.seq, body))

    def _reviewed(self, event: Event) -> None:
        self._move(event, cast("TrialState", event.body["verdict"]), str(event.body.get("why") or ""))

    def _attempt_started(self, event: Event) -> None:
        trial = self._trial(event)
        if trial.attempts and trial.attempts[-1].ending is None:
            msg = f"attempt {trial.attempts[-1].number} of trial {trial.number} has not ended"
            raise ValueError(msg)
        if event.attempt != len(trial.attempts) + 1:
            msg = f"attempt {event.attempt} is recorded where {len(trial.attempts) + 1} is next"
            raise ValueError(msg)
        running = trial if trial.state == "running" else trial.to("running")
        started = Attempt(event.attempt, started=event.lab_time)
        self.trials[trial.number] = replace(running, attempts=(*trial.attempts, started))

    def _intent(self, event: Event) -> None:
        self._under_way(event)

    def _attempt_ended(self, event: Event) -> None:
        trial, ending = self._under_way(event), cast("AttemptEnding", event.body["ending"])
        reason = str(event.body.get("reason") or "")
        ended = replace(trial.attempts[-1], ending=ending, reason=reason, ended=event.lab_time)
        self.trials[trial.number] = replace(trial, attempts=(*trial.attempts[:-1], ended))
        if ending == "completed":
            self.failure_streak = 0
        elif ending in FAILURES:
            self.failure_streak += 1

    def _observed(self, event: Event) -> None:
        outcome = cast("Mapping[str, Any]", event.body["outcome"])
        self.trials[cast("int", event.trial)] = self._trial(event).to("completed", outcome=outcome)

    def _trial_failed(self, event: Event) -> None:
        self._move(event, "failed", str(event.body["reason"]))

    def _rejected(self, event: Event) -> None:
        self._move(event, "rejected", str(event.body["reason"]))

    def _abandoned(self, event: Event) -> None:
        self._move(event, "abandoned", str(event.body["reason"]))

    def _held(self, event: Event) -> None:
        asked = cast("Mapping[str, Any]", event.body["question"])
        name, text = str(asked["id"]), str(asked["text"])
        if name in self.questions:
            msg = f"question {name!r} is open already"
            raise ValueError(msg)
        if event.trial is not None and self._trial(event).state != "held":
            self._move(event, "held", text)
        place = (event.trial, event.attempt, event.action)
        self.questions[name] = Question(name, text, tuple(asked["choices"]), *place, event.seq)

    def _answered(self, event: Event) -> None:
        asked = str(event.body["question"])
        if asked not in self.questions:
            msg = f"question {asked!r} is not open; open: {', '.join(self.questions) or 'none'}"
            raise ValueError(msg)
        number = self.questions.pop(asked).trial
        if number is None or any(question.trial == number for question in self.questions.values()):
            return
        if self.trials[number].state == "held":
            self.trials[number] = self.trials[number].to("running")

    def _invalidated(self, event: Event) -> None:
        self.trials[cast("int", event.trial)] = self._trial(event).invalidate(str(event.body.get("why") or ""))

    def _preferred(self, event: Event) -> None:
        worse = self._numbered(cast("int", event.body["worse"]))
        for trial in self._trial(event).preferred_to(worse):
            self.trials[trial.number] = trial

    _HANDLERS: ClassVar[Mapping[str, Callable[[CampaignFacts, Event], None]]] = {
        "change_accepted": _change_accepted,
        "imported": _imported,
        "decided": _decided,
        "reviewed": _reviewed,
        "rejected": _rejected,
        "abandoned": _abandoned,
        "attempt_started": _attempt_started,
        "intent": _intent,
        "attempt_ended": _attempt_ended,
        "observed": _observed,
        "trial_failed": _trial_failed,
        "held": _held,
        "answered": _answered,
        "invalidated": _invalidated,
        "preferred": _preferred,
    }

    def _trial(self, event: Event) -> Trial:
        return self._numbered(event.trial)

    def _numbered(self, number: int | None) -> Trial:
        if number not in self.trials:
            msg = f"there is no trial {number} in campaign {self.number}"
            raise ValueError(msg)
        return self.trials[number]

    def _under_way(self, event: Event) -> Trial:
        trial = self._trial(event)
        if not trial.attempts or trial.attempts[-1].number != event.attempt or trial.attempts[-1].ending is not None:
            msg = f"attempt {event.attempt} of trial {trial.number} is not under way"
            raise ValueError(msg)
        return trial

    def _move(self, event: Event, state: TrialState, reason: str) -> None:
        self.trials[cast("int", event.trial)] = self._trial(event).to(state, reason=reason)


def _decision(seq: int, body: Mapping[str, Any]) -> Decision:
    asked = body["asked"]
    points = tuple(suggestion["point"] for suggestion in body["suggestions"])
    return Decision(
        body["decision"],
        seq,
        body["seed"],
        body["n"],
        asked["history"],
        tuple(asked["pending"]),
        points,
        tuple(body["trials"]),
        body.get("fallback"),
    )
