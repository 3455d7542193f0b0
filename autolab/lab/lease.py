"""Leases: the instruments that one attempt holds, by the protocol's roles."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from autolab.lab.handles import Handle, handle_of
from autolab.model.names import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from autolab.model.stocks import Stock

logger = logging.getLogger(__name__)


class Lease:
    """Instruments taken for one attempt; made by `Lab.lease`, ended by `release` (or by leaving a `with` block).

    Args:
        devices: Name in the lab -> instrument or component.
        roles: Role in the protocol -> name in the lab.
        now: Returns lab time, s.
        holder: Who has it, for messages.
        on_release: Called once, when the lease ends.
        stocks: Role in the protocol -> what its pump draws from.

    Attributes:
        lab: What the protocol is given.
        live: Whether the handles may act.
        names: What is held, by name in the lab.
    """

    def __init__(
        self,
        devices: Mapping[str, Any],
        roles: Mapping[str, str],
        *,
        now: Callable[[], float],
        holder: str = "",
        on_release: Callable[[Lease], None] = lambda _lease: None,
        stocks: Mapping[str, Stock] | None = None,
    ) -> None:
        self.live, self.holder, self.names = True, holder, frozenset(devices)
        self._on_release = on_release
        self._endings: list[Callable[[], None]] = []
        handles = {name: handle_of(device, self, name) for name, device in devices.items()}
        self.lab = LeasedRoles({role: handles[name] for role, name in roles.items()}, now, stocks or {})

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()

    def remember(self, forget: Callable[[], None]) -> None:
        """Call `forget` when the lease ends."""
        self._endings.append(forget)

    def release(self) -> None:
        """End the lease; from now on the handles raise LeaseOver. Does nothing the second time."""
        if not self.live:
            return
        self.live = False
        for forget in self._endings:
            try:
                forget()
            except Exception:  # a subscription that is gone already must not keep the instrument leased
                logger.debug("ending a subscription of %s", self.holder or "a lease", exc_info=True)
        self._endings.clear()
        self._on_release(self)


class LeasedRoles:
    """The lab as a protocol sees it: its roles as attributes, the stocks that pumps draw from, and lab time.

    Attributes:
        stocks: Role -> stock of its pump.
    """

    def __init__(
        self, handles: Mapping[str, Handle], now: Callable[[], float], stocks: Mapping[str, Stock] | None = None
    ) -> None:
        self._handles, self._now = dict(handles), now
        self.stocks: Mapping[str, Stock] = MappingProxyType(dict(stocks or {}))

    def now(self) -> float:
        """Return lab time, s."""
        return self._now()

    def __getattr__(self, role: str) -> Handle:
        handles: dict[str, Handle] = self.__dict__.get("_handles", {})
        if role not in handles:
            msg = (
                f"the protocol was given no {role!r}: {did_you_mean(role, handles)}. Declare it in the protocol's needs"
            )
            raise AttributeError(msg)
        return handles[role]

    def __dir__(self) -> Iterable[str]:
        return ("now", "stocks", *self._handles)


class LabView:
    """The lab as a protocol's `check` sees it: stocks and instruments by role, not leased: nothing may be moved.

    Attributes:
        stocks: Role -> stock of its pump.
    """

    def __init__(self, find: Callable[[str], Any], roles: Mapping[str, str], stocks: Mapping[str, Stock]) -> None:
        self._find, self._roles = find, dict(roles)
        self.stocks: Mapping[str, Stock] = MappingProxyType(dict(stocks))

    def __getattr__(self, role: str) -> Any:  # noqa: ANN401  an instrument or a component of one
        roles: dict[str, str] = self.__dict__.get("_roles", {})
        if role not in roles:
            msg = f"the protocol was given no {role!r}: {did_you_mean(role, roles)}"
            raise AttributeError(msg)
        return self._find(roles[role])
