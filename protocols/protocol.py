"""Making protocols: a small base class, and a decorator for those who prefer a function.

Nothing here loads bluesky: a protocol's module must import without it, so that files can be checked quickly. Import
`autolab.protocols.stubs` inside the plan.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Mapping
from typing import Any, ClassVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from autolab.model.contracts import LeasedLab, Plan
from autolab.model.errors import InputError
from autolab.model.trial import OutcomeLike, Point

Perform = Callable[..., Generator[Any, Any, OutcomeLike]]
Recover = Callable[..., Plan]


class Settings(BaseModel):
    """Base of protocols' settings: frozen, and no key but those declared."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Protocol:
    """Base of protocols: settings checked when made.

    Args:
        settings: As `Settings` declares them.

    Attributes:
        needs: Role name in the protocol -> the role it must play.
        parameters: What a point may set -> its unit.
        outcomes: What `perform` returns -> its unit.
        Settings: Model of the settings.

    Raises:
        InputError: A setting that is unknown or cannot be.
    """

    needs: Mapping[str, str]
    parameters: Mapping[str, str]
    outcomes: Mapping[str, str]
    Settings: ClassVar[type[BaseModel]] = Settings

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401  checked by the settings model
        self.settings: Any = checked(self.Settings, settings, type(self).__name__)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.settings!r})"

    def perform(self, lab: LeasedLab, point: Point) -> Generator[Any, Any, OutcomeLike]:
        """Perform one attempt and return its outcome."""
        raise NotImplementedError

    def recover(self, lab: LeasedLab) -> Plan:
        """Go from an unknown state of vessels and lines to ready."""
        raise NotImplementedError


class FunctionProtocol:
    """A protocol made of generator functions, by `protocol`.

    Call it with settings for another one that is set up differently.

    Attributes:
        needs: Role name in the protocol -> the role it must play.
        parameters: What a point may set -> its unit.
        outcomes: What it returns -> its unit.
        Settings: Model of the settings: the function's keyword-only arguments.
    """

    def __init__(
        self,
        perform: Perform,
        recover: Recover | None,
        needs: Mapping[str, str],
        parameters: Mapping[str, str],
        outcomes: Mapping[str, str],
        settings: Mapping[str, Any],
    ) -> None:
        self.needs, self.parameters, self.outcomes = dict(needs), dict(parameters), dict(outcomes)
        self._perform, self._recover = perform, recover
        self.__name__, self.__doc__, self.__module__ = perform.__name__, perform.__doc__, perform.__module__
        self.Settings = _model_of(perform)
        self.settings: Any = checked(self.Settings, settings, self.__name__)

    def __call__(self, **settings: Any) -> FunctionProtocol:  # noqa: ANN401  checked by the settings model
        """Return this protocol with other settings."""
        return FunctionProtocol(
            self._perform, self._recover, self.needs, self.parameters, self.outcomes, self._chosen() | settings
        )

    def __repr__(self) -> str:
        return f"{self.__name__}({self.settings!r})"

    def perform(self, lab: LeasedLab, point: Point) -> Generator[Any, Any, OutcomeLike]:
        """Perform one attempt and return its outcome."""
        return (yield from self._perform(lab, point, **self._chosen()))

    def recover(self, lab: LeasedLab) -> Plan:
        """Go from an unknown state of vessels and lines to ready."""
        if self._recover is not None:
            yield from self._recover(lab)

    def _chosen(self) -> dict[str, Any]:
        return {name: getattr(self.settings, name) for name in self.Settings.model_fields}


def protocol(
    *,
    needs: Mapping[str, str],
    recover: Recover | None,
    parameters: Mapping[str, str] | None = None,
    outcomes: Mapping[str, str] | None = None,
) -> Callable[[Perform], FunctionProtocol]:
    """Make a protocol of a generator function `f(lab, point, *, settings...)` that returns the outcome.

    Args:
        needs: Role name in the protocol -> the role it must play: `{"waste": "pump"}`.
        recover: Generator function `f(lab)` that goes from an unknown state to ready; None where vessels and lines
            need nothing after an attempt was cut off. It has no default, so that nobody forgets it.
        parameters: What a point may set -> its unit.
        outcomes: What is returned -> its unit.

    Raises:
        TypeError: It is not a generator function of that form.

    >>> @protocol(needs={"balance": "balance"}, recover=None, outcomes={"mass": "g"})
    ... def look(lab, point, *, seconds: float = 5.0):
    ...     from autolab.protocols import stubs
    ...     yield from stubs.wait(seconds)
    ...     return {"mass": (yield from stubs.weigh(lab.balance)).grams}
    >>> look(seconds=2).settings.seconds
    2.0
    """

    def make(perform: Perform) -> FunctionProtocol:
        if not inspect.isgeneratorfunction(perform):
            msg = f"{perform!r} must be a generator function: it yields messages and returns the outcome"
            raise TypeError(msg)
        return FunctionProtocol(perform, recover, needs, parameters or {}, outcomes or {}, {})

    return make


def checked(model: type[BaseModel], settings: Mapping[str, Any], name: str) -> BaseModel:
    """Return settings as their model.

    Raises:
        InputError: With every fault.
    """
    try:
        return model(**settings)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'settings'}: {fault['msg']}, got {fault['input']!r}"
            for fault in error.errors()
        )
        msg = f"protocol {name}: {faults}. Settings: {', '.join(model.model_fields) or 'none'}"
        raise InputError(msg) from None


def _model_of(function: Perform) -> type[BaseModel]:
    parameters = list(inspect.signature(function, eval_str=True).parameters.values())
    if [one.kind for one in parameters[:2]] != [inspect.Parameter.POSITIONAL_OR_KEYWORD] * 2 or any(
        one.kind is not inspect.Parameter.KEYWORD_ONLY for one in parameters[2:]
    ):
        msg = f"{function.__name__} must be declared as f(lab, point, *, settings...)"
        raise TypeError(msg)
    fields: dict[str, Any] = {}
    for one in parameters[2:]:
        kind = Any if one.annotation is one.empty else one.annotation
        fields[one.name] = (kind, ... if one.default is one.empty else one.default)
    if any(default is ... for _kind, default in fields.values()):
        msg = f"{function.__name__}: every setting needs a default, so that the protocol can be used as it is"
        raise TypeError(msg)
    return cast("type[BaseModel]", create_model(f"{function.__name__}_settings", __base__=Settings, **fields))
