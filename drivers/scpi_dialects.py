"""What the source meters' dialects call things: Series 2400, and the 2450 in its own SCPI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from autolab.drivers.query import Query
from autolab.drivers.scpi_protocol import OVERFLOW, Talk, numbers
from autolab.model.errors import InstrumentAlarm

Source = Literal["voltage", "current"]
WORD: Final = {"voltage": "VOLT", "current": "CURR"}
OTHER: Final[dict[Source, Source]] = {"voltage": "current", "current": "voltage"}
_COMPLIANCE: Final = 1 << 3  # of the 2400's status word, manual page 18-50
_SLOW: Final = 0.2  # s per power line cycle of a reading, with its zero, its gain and a change of range
_AT_ONCE: Final = 3.0  # s


@dataclass(frozen=True)
class Measured:
    """One reading.

    Attributes:
        voltage: V.
        current: A.
        when: The instrument's own time stamp, s: no two readings have the same.
        in_compliance: Whether the limit holds.
    """

    voltage: float
    current: float
    when: float
    in_compliance: bool


@dataclass(frozen=True)
class Dialect:
    """The commands of one dialect for one way of sourcing.

    Attributes:
        talk: How lines end.
        source: What is sourced.
        nplc: Integration time, power line cycles.
    """

    talk: Talk
    source: Source
    nplc: float

    @property
    def sourced(self) -> str:
        """The sourced quantity as SCPI writes it."""
        return WORD[self.source]

    @property
    def limited(self) -> str:
        """The other, which is measured and limited."""
        return WORD[OTHER[self.source]]

    @property
    def limit(self) -> str:
        """The header of the compliance."""
        raise NotImplementedError

    @property
    def remote(self) -> str:
        """The header of four-wire sensing."""
        raise NotImplementedError

    def always(self) -> list[str]:
        """Return the orders that may be given at any time."""
        raise NotImplementedError

    def read(self) -> Query[Measured]:
        """Take one reading."""
        raise NotImplementedError

    @property
    def patience(self) -> float:
        """How long a reading may take, s."""
        return _AT_ONCE + _SLOW * self.nplc


class Series2400(Dialect):
    """The 2400 and its relatives."""

    @property
    def limit(self) -> str:
        """The header of the compliance."""
        return f":SENS:{self.limited}:PROT"

    @property
    def remote(self) -> str:
        """The header of four-wire sensing."""
        return ":SYST:RSEN"

    def always(self) -> list[str]:
        """Return the orders that may be given at any time."""
        return [
            f":SOUR:{self.sourced}:MODE FIX",
            ":SOUR:CLE:AUTO OFF",
            ":SENS:FUNC:CONC ON",
            ':SENS:FUNC "VOLT","CURR"',
            f":SENS:{self.limited}:RANG:AUTO ON",
            f":SENS:{self.limited}:NPLC {self.nplc:g}",
            ":ARM:COUN 1",
            ":TRIG:COUN 1",
            ":FORM:DATA ASC",
            ":FORM:ELEM VOLT,CURR,RES,TIME,STAT",
        ]

    def read(self) -> Query[Measured]:
        """Take one reading: voltage, current, resistance (not used: it is their ratio), time stamp, status."""
        answer = yield from self.talk.measure(":READ?", self.patience)
        voltage, current, _, when, status = numbers(answer, 5, ":READ?")
        _check(voltage, current)
        return Measured(voltage, current, when, bool(int(status) & _COMPLIANCE))


class Model2450(Dialect):
    """The 2450, in its own dialect."""

    @property
    def limit(self) -> str:
        """The header of the compliance."""
        return f":SOUR:{self.sourced}:{'I' if self.source == 'voltage' else 'V'}LIM"

    @property
    def remote(self) -> str:
        """The header of four-wire sensing."""
        return f":SENS:{self.limited}:RSEN"

    def always(self) -> list[str]:
        """Return the orders that may be given at any time."""
        return [
            f":SOUR:{self.sourced}:READ:BACK ON",
            f':SENS:FUNC "{self.limited}"',
            f":SENS:{self.limited}:RANG:AUTO ON",
            f":SENS:{self.limited}:NPLC {self.nplc:g}",
            ":SENS:COUN 1",
        ]

    def read(self) -> Query[Measured]:
        """Take one reading: what the source reads back, what is measured, the time stamp; then ask for the limit."""
        question = ':READ? "defbuffer1",SOUR,READ,REL'
        answer = yield from self.talk.measure(question, self.patience)
        source, reading, when = numbers(answer, 3, question)
        tripped = yield from self.talk.is_on(f"{self.limit}:TRIP?")
        voltage, current = (source, reading) if self.source == "voltage" else (reading, source)
        _check(voltage, current)
        return Measured(voltage, current, when, tripped)


def _check(voltage: float, current: float) -> None:
    for name, value in (("voltage", voltage), ("current", current)):
        if abs(value) >= OVERFLOW:
            msg = f"the {name} is beyond its range ({value:g}): no reading. Look at the load and at the ranges"
            raise InstrumentAlarm(msg)


def dialect(model: str, talk: Talk, source: Source, nplc: float) -> Dialect:
    """Return the dialect of a model."""
    return (Model2450 if model == "2450" else Series2400)(talk, source, nplc)
