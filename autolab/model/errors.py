"""Every error that autolab raises on purpose, in one tree.

AutolabError
|-- InputError                  the person's input is wrong: the command line exits with 2
|   |-- FaultyFile              a campaign or lab file, with all its faults
|   |-- InvalidSpace            a space that contradicts itself
|   |   `-- EmptySpace          no point satisfies it
|   |-- OutsideSpace            a point that is not in the space
|   |-- JournalRefused          this journal cannot be used for this
|   |   |-- JournalLocked       another process owns it
|   |   |-- JournalTooNew       written by a newer autolab
|   |   |-- JournalNotWritable  read-only, full disk, network file system
|   |   `-- CampaignChanged     the files no longer say what the journal pins
|   |-- UnknownPlugin           no driver, planner, protocol, world or simulator of that name
|   `-- MissingExtra            an optional package is not installed
|-- LabNotReady                 instruments that are absent, of another model, or babble: one report for all
|-- InstrumentError             one instrument: names port, command and bytes seen
|   |-- Refused                 it said no, and did nothing
|   |   `-- OutsideLimits       we said no, before asking it
|   |-- WrongInstrument         another model or serial number than expected
|   |-- InstrumentAlarm         it reports an alarm: something may have moved
|   `-- LinkError               nobody knows what it did
|       |-- InstrumentTimeout   no (complete) reply in time
|       |-- InstrumentDisconnected
|       `-- GarbledReply        a reply that means nothing
|-- InDoubt                     an action was asked for and its outcome is not known
|-- TrialFailed                 the experiment, not the machine, failed
|-- OutsideEnvelope             a point that the lab's limits forbid
|-- LeaseOver                   a handle used after its attempt
|-- LeaseTaken                  an instrument that another attempt holds
|-- StopRequested               a person or a signal asked the run to end
|-- NotOwner                    this process lost the journal to another
|-- JournalContradiction        a fact that those recorded before it exclude
`-- PlannerError                a planner could not propose
    |-- DesignUnfit             this design cannot be laid over this space; the message says which can
    `-- DesignUsedUp            a design with a fixed number of runs has fewer left than were asked for
        `-- BatchTooLarge       so many points with equal values, where a batch must share them, are not left
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class AutolabError(Exception):
    """Root of all errors that autolab raises on purpose."""


class InputError(AutolabError):
    """The person's input is wrong; the message says what is allowed and what to do next."""


@dataclass(frozen=True)
class Fault:
    """One fault of a file.

    Attributes:
        file: Path as the person gave it.
        line: Line number, from 1; 0 where the whole file is meant.
        key: Dotted path of the key, such as `space.rate.bounds`.
        problem: What is wrong, with the value.
        remedy: What is allowed, or what to do next.
    """

    file: str
    line: int
    key: str
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        text = f"{place}: {self.key}: {self.problem}" if self.key else f"{place}: {self.problem}"
        return f"{text}. {self.remedy}" if self.remedy else text


class FaultyFile(InputError):
    """A campaign or lab file with faults: all of them."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class InvalidSpace(InputError):
    """A space, parameter or constraint that contradicts itself."""


class EmptySpace(InvalidSpace):
    """No point satisfies the bounds and constraints."""


class OutsideSpace(InputError):
    """A point that is not in the space."""


class JournalRefused(InputError):
    """This journal cannot be used for what was asked."""


class JournalLocked(JournalRefused):
    """Another process owns the journal."""


class JournalTooNew(JournalRefused):
    """The journal was written by a newer version of autolab."""


class JournalNotWritable(JournalRefused):
    """The journal's file or folder cannot be written, or lies on a network file system."""


class CampaignChanged(JournalRefused):
    """The campaign or lab file no longer says what the journal pins."""


class UnknownPlugin(InputError):
    """No driver, simulator, world, planner or protocol goes by that name."""


class MissingExtra(InputError):
    """An optional package is not installed; the message has the command."""


class LabNotReady(AutolabError):
    """One or more instruments are not ready; nothing was started."""


class InstrumentError(AutolabError):
    """Something went wrong with one instrument.

    Args:
        message: What was wrong, what is allowed, what to do next.
        instrument: Name in the lab.
        port: Address of the port.
        command: The command as sent.
        seen: Bytes received in answer to it.
    """

    def __init__(
        self,
        message: str,
        *,
        instrument: str = "",
        port: str = "",
        command: bytes | str = b"",
        seen: bytes = b"",
    ) -> None:
        self.message, self.instrument, self.port = message, instrument, port
        self.command, self.seen = command, seen
        super().__init__(message)

    def __str__(self) -> str:
        where = " on ".join(part for part in (self.instrument, self.port) if part)
        details = []
        if self.command:
            details.append(f"sent {self.command!r}")
        if self.command or self.seen:
            details.append(f"saw {self.seen!r}")
        tail = f" ({', '.join(details)})" if details else ""
        return f"{where}: {self.message}{tail}" if where else f"{self.message}{tail}"


class Refused(InstrumentError):
    """The instrument (or its driver, on its behalf) said no and did nothing."""


class OutsideLimits(Refused):
    """A value outside the instrument's or the lab's limits; nothing was sent."""


class WrongInstrument(InstrumentError):
    """Another model, serial number or firmware than expected answers."""


class InstrumentAlarm(InstrumentError):
    """The instrument reports an alarm; what was in progress may have happened in part."""


class LinkError(InstrumentError):
    """The link failed; nobody knows what the instrument did with the last command."""


class InstrumentTimeout(LinkError):
    """No complete reply came in time."""


class InstrumentDisconnected(LinkError):
    """The port is gone, closed or held by another process."""


class GarbledReply(LinkError):
    """The reply does not follow the instrument's grammar."""


class InDoubt(AutolabError):
    """An action has a recorded intent and no known outcome."""


class TrialFailed(AutolabError):
    """The experiment failed, not the machine: the point is to blame.

    Args:
        reason: Told to the person and to the planner.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class OutsideEnvelope(AutolabError):
    """A point that the lab's limits forbid."""


class LeaseOver(AutolabError):
    """A leased handle was used after its attempt ended."""


class LeaseTaken(AutolabError):
    """An instrument was asked for that another attempt still holds."""


class StopRequested(AutolabError):
    """A person or a signal asked the run to end."""


class NotOwner(AutolabError):
    """Another process has taken the journal over; this one must not write."""


class JournalContradiction(AutolabError):
    """A fact that those recorded before it exclude: a result given twice, a transition that does not exist."""


class PlannerError(AutolabError):
    """A planner could not propose a point."""


class DesignUnfit(PlannerError):
    """A design cannot be laid over this space; the message says which designs can."""


class DesignUsedUp(PlannerError):
    """A design with a fixed number of runs has fewer left than were asked for.

    Args:
        message: What was wrong, and what to do next.
        left: How many it has left.
    """

    def __init__(self, message: str, left: int) -> None:
        self.left = left
        super().__init__(message)

    def __reduce__(self) -> tuple[type[DesignUsedUp], tuple[str, int]]:
        return type(self), (str(self), self.left)


class BatchTooLarge(DesignUsedUp):
    """No value of the keys that a batch must share has as many points left as were asked for; `left` says how many."""
