"""Leased handles: what a protocol holds instead of an instrument, good for one attempt.

A RunEngine calls `stop(success=True)` on all that it moved whenever one of its runs ends or pauses, even on an object
that another RunEngine uses by then. So a handle's `stop` never reaches the instrument; making safe is the lab's act.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from autolab.model.errors import LeaseOver
from autolab.model.names import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

ACTING = (
    *("read", "set", "trigger", "prepare", "kickoff", "complete", "collect", "get"),
    *("stage", "unstage", "configure", "pause", "resume"),
)
"""Verbs that are refused once the lease is over."""

TELLING = (
    *("describe", "read_configuration", "describe_configuration", "describe_collect"),
    *("locate", "check_value", "clear_sub"),
)
"""Verbs that touch nothing and are answered for ever."""

_ATTRIBUTES = ("role", "kind", "settings", "dtype", "units")


class Tenancy(Protocol):
    """What a handle asks its lease."""

    live: bool
    holder: str

    def remember(self, forget: Callable[[], None]) -> None:
        """Call `forget` when the lease ends."""


class Handle:
    """A bluesky-compatible stand-in for an instrument, a component or a signal.

    It has, as real methods, those verbs that the instrument has; bluesky's protocol checks look no further.

    Args:
        instrument: What it stands for.
        lease: Says whether it is still good.
        lab_name: Name in the lab, dotted for a component.
        parent: Handle of the device that this is a part of; None for what was leased itself.

    Attributes:
        instrument: The real one, for the executor.
        lease: As given.
        lab_name: As given.
        parent: As given.
    """

    def __init__(self, instrument: Any, lease: Tenancy, lab_name: str, parent: Handle | None = None) -> None:  # noqa: ANN401  any ophyd object
        self.instrument, self.lease, self.lab_name, self.parent = instrument, lease, lab_name, parent
        self._parts: dict[str, Handle] = {}

    def __repr__(self) -> str:
        return f"<handle of {self.lab_name}{'' if self.lease.live else ', lease over'}>"

    @property
    def name(self) -> str:
        """The instrument's name, as documents carry it."""
        return str(self.instrument.name)

    @property
    def hints(self) -> dict[str, Any]:
        """What bluesky should plot."""
        return dict(getattr(self.instrument, "hints", {}))

    def stop(self, success: bool = True) -> None:  # noqa: FBT001, FBT002, RUF100  bluesky's own signature
        """Do nothing: bluesky calls this when a run ends, whoever uses the instrument by then."""

    def require_live(self, verb: str) -> None:
        """Raise LeaseOver for `verb` once the attempt has ended."""
        if not self.lease.live:
            who = f" of {self.lease.holder}" if self.lease.holder else ""
            msg = (
                f"{self.lab_name}.{verb}: the lease{who} is over, nothing was sent. "
                "A handle serves one attempt: take what the protocol is given by the next one"
            )
            raise LeaseOver(msg)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  a handle of a part, or a plain fact of the instrument
        if name.startswith("__") or "instrument" not in self.__dict__:
            raise AttributeError(name)
        parts = tuple(getattr(self.instrument, "component_names", ()))
        if name in parts:
            if name not in self._parts:
                part = getattr(self.instrument, name)
                self._parts[name] = handle_of(part, self.lease, f"{self.lab_name}.{name}", self)
            return self._parts[name]
        if name in _ATTRIBUTES:
            return getattr(self.instrument, name)
        msg = f"a protocol cannot use {self.lab_name}.{name}: {did_you_mean(name, (*_verbs(self.instrument), *parts))}"
        raise AttributeError(msg)


def handle_of(instrument: Any, lease: Tenancy, lab_name: str, parent: Handle | None = None) -> Handle:  # noqa: ANN401  any ophyd object
    """Return a handle with the verbs that `instrument` has."""
    return _handle_class(type(instrument).__name__, _verbs(instrument))(instrument, lease, lab_name, parent)


def _verbs(instrument: object) -> tuple[str, ...]:
    return tuple(verb for verb in (*ACTING, *TELLING, "subscribe") if callable(getattr(instrument, verb, None)))


@cache
def _handle_class(name: str, verbs: Iterable[str]) -> type[Handle]:
    methods = {verb: _subscribe if verb == "subscribe" else _forward(verb) for verb in verbs}
    return type(f"Leased{name}", (Handle,), methods)


def _forward(verb: str) -> Callable[..., Any]:
    def method(self: Handle, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  as the instrument's own
        if verb in ACTING:
            self.require_live(verb)
        return getattr(self.instrument, verb)(*args, **kwargs)

    method.__name__ = verb
    method.__doc__ = f"Call the instrument's `{verb}`" + (" while the lease lasts." if verb in ACTING else ".")
    return method


def _subscribe(self: Handle, function: Callable[..., None], *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  as the instrument's own
    """Subscribe until `clear_sub` or the end of the lease."""
    self.require_live("subscribe")
    self.lease.remember(lambda: self.instrument.clear_sub(function))
    return self.instrument.subscribe(function, *args, **kwargs)
