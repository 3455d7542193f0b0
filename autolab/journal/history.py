"""History: what a sequence of facts amounts to, folded without side effects."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from autolab.journal.apparatus import Apparatus
from autolab.journal.campaign_facts import CampaignFacts
from autolab.journal.views import Decision, History, OpenAction, Question, Stop
from autolab.model.errors import JournalContradiction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from autolab.journal.events import Event
    from autolab.journal.reading import Readable
    from autolab.model.actions import JSON
    from autolab.model.trial import Trial

__all__ = ["Decision", "Fold", "History", "OpenAction", "Question", "Stop", "fold", "shown"]


class Fold:
    """Builds a `History` event by event.

    `apply` costs the same however long the journal is; `history` costs one pass over the trials, and nothing if
    no event came since. A builder, because a frozen history made anew for each event would copy all trials each time.

    Attributes:
        last_seq: Number of the last event taken in.
    """

    def __init__(self) -> None:
        self._campaigns: dict[int, CampaignFacts] = {0: CampaignFacts()}
        self._now = self._campaigns[0]
        self._apparatus = Apparatus()
        self._inherited: tuple[Trial, ...] = ()
        self._stop: Stop | None = None
        self._epoch = self.last_seq = 0
        self._lab_time = 0.0
        self._made: History | None = None

    def apply(self, event: Event) -> None:
        """Take one more event in.

        Raises:
            JournalContradiction: Those before exclude it. The fold must not be used any more.
        """
        if event.seq <= self.last_seq:
            msg = f"event {event.seq} comes after event {self.last_seq}: events are folded in order"
            raise JournalContradiction(msg)
        try:
            self._take(event)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise JournalContradiction(_contradiction(event, error)) from error
        self.last_seq = event.seq
        self._lab_time = event.lab_time if event.kind == "opened" else max(self._lab_time, event.lab_time)
        self._made = None

    @property
    def history(self) -> History:
        """What the events so far amount to."""
        if self._made is None:
            now, apparatus = self._now, self._apparatus
            self._made = History(
                campaign=now.number,
                epoch=self._epoch,
                last_seq=self.last_seq,
                last_lab_time=self._lab_time,
                opened=now.opened,
                digests=MappingProxyType(dict(now.digests)),
                trials=tuple(now.trials.values()),
                inherited=self._inherited,
                imported=tuple(now.imported),
                decisions=tuple(now.decisions),
                open_actions=apparatus.open_actions(),
                questions=tuple(now.questions.values()),
                states=MappingProxyType(dict(apparatus.states)),
                interlocks=MappingProxyType(dict(apparatus.interlocks)),
                failure_streak=now.failure_streak,
                stopped=self._stop,
                last_snapshot=apparatus.snapshot,
                clean=apparatus.clean,
            )
        return self._made

    def _take(self, event: Event) -> None:
        if event.epoch != self._epoch:
            self._stop, self._epoch = None, event.epoch
        self._apparatus.apply(event)
        if event.kind == "opened":
            self._open(event)
            return
        if event.kind == "stopped":
            self._stop = Stop(str(event.body["reason"]), str(event.body.get("detail") or ""))
        campaign = self._meant(event)
        campaign.apply(event)
        if campaign is not self._now:
            self._inherit()

    def _meant(self, event: Event) -> CampaignFacts:
        """Return the campaign that an event is about: an inherited trial may be invalidated by `campaign` in the body."""
        number = event.body.get("campaign") if event.kind == "invalidated" else None
        if number is None:
            return self._now
        return self._existing(number)

    def _existing(self, number: JSON) -> CampaignFacts:
        if not isinstance(number, int) or not number or number not in self._campaigns:
            msg = f"there is no campaign {number!r}"
            raise ValueError(msg)
        return self._campaigns[number]

    def _open(self, event: Event) -> None:
        if event.campaign in self._campaigns:
            msg = f"campaign {event.campaign} has been opened already"
            raise ValueError(msg)
        if event.body.get("supersedes") is not None:
            self._existing(event.body["supersedes"])
        digests = dict(cast("dict[str, JSON]", event.body.get("digests") or {}))
        if digests.get("lab") != self._now.digests.get("lab"):
            self._apparatus.snapshot = None  # a snapshot of another lab's world fits no more
        self._now = self._campaigns[event.campaign] = CampaignFacts(event.campaign, event.body, digests)
        self._inherit()

    def _inherit(self) -> None:
        before, chain = self._now.opened.get("supersedes"), list[CampaignFacts]()
        while before:
            chain.append(self._campaigns[before])
            before = chain[-1].opened.get("supersedes")
        trials = [trial for campaign in reversed(chain) for trial in campaign.to_inherit()]
        self._inherited = tuple(replace(trial, source="prior") for trial in trials)


def _contradiction(event: Event, error: Exception) -> str:
    what = f"its body lacks {error}" if isinstance(error, KeyError) else str(error)
    where = "" if event.trial is None else f", trial {event.trial}"
    return f"event {event.seq} ({event.kind!r}{where}) contradicts the journal before it: {what}"


def fold(events: Iterable[Event], upto: int | None = None) -> History:
    """Return what events amount to.

    Args:
        events: In order, from the first; of all campaigns of a journal.
        upto: Number of the last event to take in; all without it.

    Raises:
        JournalContradiction: An event that those before it exclude.
    """
    folded = Fold()
    for event in events:
        if upto is not None and event.seq > upto:
            break
        folded.apply(event)
    return folded.history


def shown(reader: Readable, decided: Event, before: History) -> History:
    """Return the history that the planner was shown for a decision.

    Args:
        reader: Of the journal.
        decided: The decision.
        before: What the events before it amount to: more, where people said something while the planner was thinking.
    """
    asked = cast("Mapping[str, JSON]", decided.body["asked"])
    upto = cast("int", asked.get("upto", before.last_seq))
    return before if upto == before.last_seq else fold(reader.events(), upto)
