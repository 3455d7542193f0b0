"""Settings of a simple instrument that is described in the lab file; imports nothing heavy."""

from __future__ import annotations

import re
import string
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from autolab.drivers.settings import DriverSettings
from autolab.model.roles import Role


class Question(BaseModel):
    """A text to send, and what its answer looks like."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    query: str = Field(description="text to send, without its end", examples=["*IDN?"])
    pattern: str = Field(
        description="regular expression of the whole answer, with one named group `value`",
        examples=[r"(?P<value>.+)"],
    )

    @field_validator("query")
    @classmethod
    def _can_be_sent(cls, text: str) -> str:
        return sendable(text)

    @field_validator("pattern")
    @classmethod
    def _has_a_value(cls, text: str) -> str:
        return with_value(text)


class SetCommand(BaseModel):
    """How a value is set, and when it has come."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    template: str = Field(
        description="text to send, with one {value} or {value:.1f}, without its end", examples=["SP {value:.1f}"]
    )
    answer: str | None = Field(
        default=None, description="regular expression of the whole answer to it; null where none comes"
    )
    readback: Question | None = Field(
        default=None, description="what must come to the value; by default the reading itself (`query`, `pattern`)"
    )
    tolerance: float = Field(gt=0, description="it has come when it is so near, in the unit", examples=[0.5])
    dwell_s: float = Field(default=0.0, ge=0, description="and stays so near for so long, s of lab time")
    timeout_s: float = Field(
        default=60.0, gt=0, description="what has not come within so long is an alarm, s of lab time"
    )
    poll_s: float = Field(default=1.0, gt=0, description="between two looks, s of lab time")
    safe: float | None = Field(default=None, description="value that makes it safe; null where nothing has to be done")

    @field_validator("template")
    @classmethod
    def _takes_a_value(cls, text: str) -> str:
        try:
            names = [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
            if names != ["value"]:
                msg = f"{text!r} must have {{value}} exactly once, and nothing else in braces"
                raise ValueError(msg)
            sendable(text.format(value=1.0))
        except (KeyError, IndexError, AttributeError) as error:
            msg = f"{text!r} cannot be filled in: {error}"
            raise ValueError(msg) from None
        return text

    @field_validator("answer")
    @classmethod
    def _is_an_expression(cls, text: str | None) -> str | None:
        if text is not None:
            expression(text)
        return text


class QuerySettings(DriverSettings):
    """A simple instrument that answers questions in lines of text: everything about it is said here."""

    instruments: ClassVar[str] = (
        "anything that answers a line of text with a number: meters, thermometers, small supplies"
    )
    checked_with: ClassVar[tuple[str, ...]] = ("lewis 1.4.0 (driver)",)
    role: ClassVar[Role] = "sensor"

    query: str = Field(description="text that asks for the reading, without its end", examples=["READ?"])
    pattern: str = Field(
        description="regular expression of the whole answer, without its end, with one named group `value`",
        examples=[r"(?P<value>[-+]?\d+\.\d+)"],
    )
    unit: str = Field(default="", description="of the reading, as documents name it: degC, mL/min, V")
    terminator: str = Field(default="\r\n", min_length=1, max_length=4, description="end of an answer")
    send_terminator: str | None = Field(
        default=None, max_length=4, description="end of what is sent; by default the same as of an answer"
    )
    deadline_s: float = Field(default=1.0, gt=0, le=60, description="time for an answer, s of wall time")
    pause_s: float = Field(
        default=0.0, ge=0, le=10, description="left between an answer and the next text, s of wall time"
    )
    identify: Question | None = Field(
        default=None, description="asks for its name; asked again behind each reading, which proves the reading"
    )
    set: SetCommand | None = Field(default=None, description="how it is set; null where it can only be read")
    limits: dict[Literal["value"], tuple[float, float]] = Field(
        default_factory=dict, description="lowest and highest value that may be set, in the unit"
    )

    @field_validator("query")
    @classmethod
    def _can_be_sent(cls, text: str) -> str:
        return sendable(text)

    @field_validator("pattern")
    @classmethod
    def _has_a_value(cls, text: str) -> str:
        return with_value(text)

    @field_validator("terminator", "send_terminator")
    @classmethod
    def _is_ascii(cls, text: str | None) -> str | None:
        if text is not None and not text.isascii():
            msg = f"{text!r} has characters that are no ASCII"
            raise ValueError(msg)
        return text

    @model_validator(mode="after")
    def _can_be_told_apart(self) -> QuerySettings:
        """Refuse two questions without a name between them: their late answers could not be told apart."""
        if self.set is None and self.limits:
            msg = "limits are of what is set, and there is no `set`"
            raise ValueError(msg)
        if self.set is not None and self.identify is None and self.set.readback not in (None, self.reading):
            msg = "with a readback that is another question than the reading, `identify` is needed to tell late answers apart"
            raise ValueError(msg)
        return self

    @property
    def reading(self) -> Question:
        """The question for the reading."""
        return Question(query=self.query, pattern=self.pattern)

    @property
    def readback(self) -> Question:
        """The question whose value must come to what was set."""
        return (self.set.readback if self.set is not None else None) or self.reading

    @property
    def ends(self) -> tuple[bytes, bytes]:
        """End of what is sent, and of an answer."""
        sent = self.terminator if self.send_terminator is None else self.send_terminator
        return sent.encode("ascii"), self.terminator.encode("ascii")


def sendable(text: str) -> str:
    """Return a text that can be sent.

    Raises:
        ValueError: It is empty, or has other characters than printable ASCII.
    """
    if not text or not (text.isascii() and text.isprintable()):
        msg = f"{text!r} must be printable ASCII and not empty; its end belongs to `terminator`"
        raise ValueError(msg)
    return text


def expression(text: str) -> re.Pattern[str]:
    """Return a regular expression.

    Raises:
        ValueError: It is none.
    """
    try:
        return re.compile(text)
    except re.error as error:
        msg = f"{text!r} is no regular expression: {error}"
        raise ValueError(msg) from None


def with_value(text: str) -> str:
    """Return a regular expression that has one named group, `value`.

    Raises:
        ValueError: It has another, none, or takes an empty answer.
    """
    found = expression(text)
    if set(found.groupindex) != {"value"}:
        told = ", ".join(found.groupindex) or "none"
        msg = f"{text!r} must have one named group, (?P<value>...); it has {told}"
        raise ValueError(msg)
    if found.fullmatch(""):
        msg = f"{text!r} takes an empty answer for one"
        raise ValueError(msg)
    return text
