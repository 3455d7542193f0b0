"""Requests of other processes (stop, approve, reject, resolve, invalidate, answer, prefer), answered by the journal's owner."""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import TYPE_CHECKING, Any

from autolab.journal.events import Entry
from autolab.loop.comparing import compared
from autolab.model.errors import AutolabError
from autolab.model.trial import FINAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from autolab.journal.events import Request
    from autolab.loop.interrupts import StopSwitch
    from autolab.loop.people import People
    from autolab.loop.record import Record
    from autolab.model.actions import JSON

logger = logging.getLogger(__name__)
POLL_SECONDS = 0.5


class Clerk:
    """Answers requests while a campaign runs."""

    def __init__(self, record: Record, switch: StopSwitch, people: People) -> None:
        self._record, self._switch = record, switch
        self._turn = threading.Lock()
        self._answers: dict[str, Callable[[Request], str]] = {
            "stop": self._stop,
            "approve": self._approve,
            "reject": self._reject,
            "resolve": self._resolve,
            "invalidate": self._invalidate,
            "answer": people.answer,
            "prefer": self._prefer,
        }

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Look for requests every half second while the block runs, also in the middle of an attempt."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(POLL_SECONDS):
                try:
                    self.answer_all()
                except Exception:
                    logger.exception("requests could not be answered")

        thread = threading.Thread(target=watch, name="autolab-clerk", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def answer_all(self) -> None:
        """Answer what was asked since the last time."""
        with self._turn:
            for request in self._record.journal.pending_requests():
                self._answer(request)

    def _answer(self, request: Request) -> None:
        try:
            answer: dict[str, JSON] = {"ok": True, "text": self._answers[request.kind](request)}
        except (AutolabError, ValueError, KeyError) as error:
            answer = {"ok": False, "text": str(error) or type(error).__name__}
        self._record.journal.answer(request.id, answer)

    def _stop(self, request: Request) -> str:
        self._switch.raise_to(1, "stop_requested", f"{request.by} asked to stop")
        return "stopping: actions in hand are finished, then the lab is made safe"

    def _approve(self, request: Request) -> str:
        numbers = self._numbers(request)
        for number in numbers:
            self._review(number, "approved", request)
        return f"approved: {_list(numbers)}"

    def _reject(self, request: Request) -> str:
        numbers = self._numbers(request)
        for number in numbers:
            self._review(number, "rejected", request)
        return f"rejected: {_list(numbers)}"

    def _review(self, number: int, verdict: str, request: Request) -> None:
        self._record.write("reviewed", {"verdict": verdict, "by": request.by, "why": _why(request.body)}, trial=number)

    def _numbers(self, request: Request) -> list[int]:
        waiting = [trial.number for trial in self._record.history.trials if trial.state == "in_review"]
        if request.body.get("all"):
            return waiting
        asked: Any = request.body.get("trials", [])
        wrong = [number for number in asked if number not in waiting]
        if wrong:
            msg = f"not in review: trial {_list(wrong)}; in review now: {_list(waiting)}"
            raise ValueError(msg)
        return list(asked)

    def _invalidate(self, request: Request) -> str:
        number: Any = request.body.get("trial")
        trial = self._record.history.trial(number)
        trial.invalidate("")  # raises for a trial that is not completed
        self._record.write("invalidated", {"by": request.by, "why": _why(request.body)}, trial=number)
        return f"trial {number} is invalidated; the planner leaves it out from now on"

    def _prefer(self, request: Request) -> str:
        better, worse = request.body.get("better"), request.body.get("worse")
        compared(self._record.history.trials, better, worse)  # raises for what cannot be compared
        body: dict[str, JSON] = {"worse": worse, "by": request.by, "why": _why(request.body)}
        self._record.write("preferred", body, trial=int(str(better)))
        return f"trial {better} is better than trial {worse}; planners that learn from comparisons are told"

    def _over(self, number: int | None) -> bool:
        return number is not None and self._record.history.trial(number).state in FINAL

    def _resolve(self, request: Request) -> str:
        wanted, choice = request.body.get("question"), request.body.get("choice")
        asked = {question.id: question for question in self._record.history.questions}
        if wanted not in asked:
            msg = f"no open question {wanted!r}; open: {_list(asked)}"
            raise ValueError(msg)
        question = asked[str(wanted)]
        if choice not in ("happened", "did_not"):
            msg = f"choice must be 'happened' or 'did_not', got {choice!r}"
            raise ValueError(msg)
        then = request.body.get("then", "redo")
        if then not in ("redo", "discard"):
            msg = f"then must be 'redo' or 'discard', got {then!r}"
            raise ValueError(msg)
        why = _why(request.body)
        place = {"trial": question.trial, "attempt": question.attempt, "action": question.action}
        settled: dict[str, JSON] = {
            "verdict": "happened" if choice == "happened" else "not",
            "amount": None,
            "result": {},
            "by": request.by,
            "why": why,
        }
        answered: dict[str, JSON] = {
            "question": question.id,
            "choice": str(choice),
            "then": str(then),
            "by": request.by,
            "why": why,
        }
        entries = [Entry("settled", settled, **place), Entry("answered", answered, **place)]
        if then == "discard" and not self._over(question.trial):
            entries.append(Entry("abandoned", {"reason": why or f"discarded by {request.by}"}, trial=question.trial))
        self._record.write_all(entries)
        return f"question {question.id}: {choice}, {then}"


def _why(body: Mapping[str, JSON]) -> str:
    return str(body.get("why") or "")


def _list(names: Any) -> str:  # noqa: ANN401  any iterable of names or numbers
    return ", ".join(str(name) for name in names) or "none"
