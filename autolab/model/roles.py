"""Roles: the verbs that protocols may use on instruments, and the commands that go with them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from autolab.model.actions import JSON

Role = Literal[
    "pump",
    "balance",
    "heater",
    "stirrer",
    "sensor",
    "valve",
    "stage",
    "circulator",
    "flow_controller",
    "pressure_controller",
    "source_meter",
    "potentiostat",
    "operator",
]


@dataclass(frozen=True)
class Dispense:
    """Push an explicit volume out of a pump.

    Attributes:
        volume: mL, positive.
        rate: mL/min, positive.
    """

    volume: float
    rate: float


@dataclass(frozen=True)
class Withdraw:
    """Draw an explicit volume into a pump.

    Attributes:
        volume: mL, positive.
        rate: mL/min, positive.
    """

    volume: float
    rate: float


PumpCommand = Dispense | Withdraw
_COMMANDS: dict[str, type[Dispense] | type[Withdraw]] = {"dispense": Dispense, "withdraw": Withdraw}


def command_to_json(value: object) -> JSON:
    """Return a `set` value as JSON.

    >>> command_to_json(Dispense(0.5, 2.0))
    {'dispense': {'volume': 0.5, 'rate': 2.0}}
    >>> command_to_json(37.0)
    37.0
    """
    for name, kind in _COMMANDS.items():
        if isinstance(value, kind):
            return {name: asdict(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    msg = f"{value!r} cannot be journaled: a set value is a pump command, a number or a text"
    raise TypeError(msg)


def command_from_json(value: JSON) -> object:
    """Return the `set` value that `command_to_json` wrote.

    >>> command_from_json({'dispense': {'volume': 0.5, 'rate': 2.0}})
    Dispense(volume=0.5, rate=2.0)
    """
    if isinstance(value, dict) and len(value) == 1:
        ((name, fields),) = value.items()
        if name in _COMMANDS and isinstance(fields, dict):
            return _COMMANDS[name](**{key: float(str(number)) for key, number in fields.items()})
    return value
