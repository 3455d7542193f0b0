"""Objects of the model as plain data and back, apart from their classes.

`to_data` gives what JSON and YAML can hold; the key `is` names the class. Where order matters (parameters, labels,
columns of a table) the data has lists, because readers and writers of mappings may sort them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from autolab.loop.budget import Budget, Review
from autolab.model.candidates import Candidates
from autolab.model.constraints import Linear
from autolab.model.cost import Cost
from autolab.model.errors import InputError
from autolab.model.nonlinear import Nonlinear
from autolab.model.objectives import Objective, OutcomeConstraint
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.suggestion import Suggestion
from autolab.model.trial import Attempt, Measurement, Trial
from autolab.spec.findings import one_of
from autolab.spec.functions import read_function, write_function

if TYPE_CHECKING:
    from autolab.model.actions import JSON

Data = dict[str, "JSON"]


def to_data(obj: object) -> Data:
    """Return an object of the model as plain data.

    Raises:
        TypeError: Not an object of the model.

    >>> to_data(Objective("error", "minimize", unit="%"))
    {'is': 'objective', 'name': 'error', 'goal': 'minimize', 'target': None, 'unit': '%'}
    """
    for name, (kind, write, _) in _KINDS.items():
        if type(obj) is kind:
            return {"is": name, **{key: _plain(value) for key, value in write(obj).items()}}
    msg = f"{type(obj).__name__} is not an object of the model: {', '.join(kind.__name__ for kind, *_ in _KINDS.values())}"
    raise TypeError(msg)


def from_data(data: Mapping[str, Any]) -> Any:  # noqa: ANN401  the data says which class
    """Return the object that `to_data` wrote.

    Raises:
        InputError: The data names no class, an unknown one, or what it holds does not make an object of it.

    >>> from_data({'is': 'outcome_constraint', 'name': 'seconds', 'side': '<=', 'bound': 60})
    OutcomeConstraint(name='seconds', side='<=', bound=60.0)
    """
    name = data.get("is") if isinstance(data, Mapping) else None
    if name not in _KINDS:
        msg = f"data of an object must name its class under `is`, got {name!r}. {one_of(str(name), _KINDS)}"
        raise InputError(msg)
    kind, _, read = _KINDS[name]
    fields = {key: value for key, value in data.items() if key != "is"}
    try:
        return read(fields)
    except (TypeError, LookupError, ValueError, AttributeError) as error:
        msg = f"the data does not make a {kind.__name__}: {error}"
        raise InputError(msg) from error


def _fields(*names: str) -> Callable[[Any], dict[str, Any]]:
    return lambda obj: {name: getattr(obj, name) for name in names}


def _plain(value: Any) -> JSON:  # noqa: ANN401  whatever an attribute holds
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        return value
    if isinstance(value, Mapping) and not isinstance(value, Suggestion):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_plain(item) for item in value]
    number = getattr(value, "item", None)  # a numpy number, without importing numpy
    return _plain(number()) if callable(number) else to_data(value)


def _write_categorical(one: Categorical) -> dict[str, Any]:
    if one.descriptors is None:
        return {"name": one.name, "values": one.values, "descriptors": None}
    names = list(one.descriptors[one.values[0]])
    rows = [[one.descriptors[label][name] for name in names] for label in one.values]
    return {"name": one.name, "values": one.values, "descriptors": {"names": names, "rows": rows}}


def _read_categorical(data: Mapping[str, Any]) -> Categorical:
    table = data["descriptors"]
    if table is None:
        return Categorical(data["name"], tuple(data["values"]))
    rows = {
        label: dict(zip(table["names"], row, strict=True))
        for label, row in zip(data["values"], table["rows"], strict=True)
    }
    return Categorical(data["name"], tuple(data["values"]), descriptors=rows)


def _write_candidates(one: Candidates) -> dict[str, Any]:
    return {"columns": list(one.table), "rows": list(zip(*one.table.values(), strict=True))}


def _read_candidates(data: Mapping[str, Any]) -> Candidates:
    return Candidates({name: [row[i] for row in data["rows"]] for i, name in enumerate(data["columns"])})


def _read_objects(kind: Callable[..., Any], *lists: str) -> Callable[[Mapping[str, Any]], Any]:
    def read(data: Mapping[str, Any]) -> Any:  # noqa: ANN401  the kind says which class
        made = {key: [from_data(one) for one in value] if key in lists else value for key, value in data.items()}
        return kind(**made)

    return read


def _write_problem(one: Problem) -> dict[str, Any]:
    """Return what is declared: later keys only where they say something, so that the digest of others stays."""
    told = _fields("space", "objectives", "outcome_constraints")(one)
    shared = {"same_in_batch": one.same_in_batch} if one.same_in_batch else {}
    return {**told, **shared, **({"cost": one.cost} if one.cost is not None else {})}


def _read_problem(data: Mapping[str, Any]) -> Problem:
    lists = {name: [from_data(one) for one in data[name]] for name in ("objectives", "outcome_constraints")}
    cost = from_data(data["cost"]) if "cost" in data else None
    return Problem(from_data(data["space"]), **lists, same_in_batch=data.get("same_in_batch", ()), cost=cost)


def _write_space(one: Space) -> dict[str, Any]:
    if one.held:
        msg = f"a space that is narrowed to {dict(one.held)!r} is not declared anywhere; write the whole one"
        raise TypeError(msg)
    return _fields("parameters", "constraints")(one)


def _write_nonlinear(one: Nonlinear) -> dict[str, Any]:
    return {"text": one.text, "function": write_function(one.function)}


def _read_nonlinear(data: Mapping[str, Any]) -> Nonlinear:
    if data["function"] is None:
        return Nonlinear(data["text"])
    return Nonlinear(read_function(data["function"]), data["text"])


def _write_cost(one: Cost) -> dict[str, Any]:
    return {"base": one.base, "change": one.change, "unit": one.unit, "function": write_function(one.function)}


def _read_cost(data: Mapping[str, Any]) -> Cost:
    if data["function"] is None:
        return Cost(base=data["base"], change=data["change"], unit=data["unit"])
    return Cost(read_function(data["function"]), unit=data["unit"])


def _write_suggestion(one: Suggestion) -> dict[str, Any]:
    return {"point": one.point, "info": dict(one.info)}


def _write_trial(one: Trial) -> dict[str, Any]:
    names = ("number", "point", "state", "reason", "source", "fidelity", "invalidated", "attempts", "info")
    outcome = {name: [value.value, value.standard_error] for name, value in one.outcome.items()}
    better = {"better_than": one.better_than} if one.better_than else {}
    return {**_fields(*names)(one), "outcome": outcome, **better}


def _read_trial(data: Mapping[str, Any]) -> Trial:
    fields = dict(data)
    fields["outcome"] = MappingProxyType({name: Measurement(*pair) for name, pair in data["outcome"].items()})
    fields["attempts"] = tuple(from_data(one) for one in data["attempts"])
    fields["better_than"] = tuple(data.get("better_than", ()))
    return Trial(**fields)


def _kind(kind: type, *names: str) -> tuple[type, Callable[[Any], dict[str, Any]], Callable[[Mapping[str, Any]], Any]]:
    return kind, _fields(*names), lambda data: kind(**data)


_KINDS: dict[str, tuple[type, Callable[[Any], dict[str, Any]], Callable[[Mapping[str, Any]], Any]]] = {
    "real": _kind(Real, "name", "low", "high", "unit", "log"),
    "integer": _kind(Integer, "name", "low", "high", "unit"),
    "ordinal": _kind(Ordinal, "name", "values", "unit"),
    "categorical": (Categorical, _write_categorical, _read_categorical),
    "mixture": _kind(Mixture, "names", "total", "bounds", "at_most"),
    "linear": _kind(Linear, "coefficients", "relation", "bound"),
    "nonlinear": (Nonlinear, _write_nonlinear, _read_nonlinear),
    "space": (Space, _write_space, _read_objects(Space, "parameters", "constraints")),
    "candidates": (Candidates, _write_candidates, _read_candidates),
    "objective": _kind(Objective, "name", "goal", "target", "unit"),
    "outcome_constraint": _kind(OutcomeConstraint, "name", "side", "bound"),
    "cost": (Cost, _write_cost, _read_cost),
    "problem": (Problem, _write_problem, _read_problem),
    "suggestion": (Suggestion, _write_suggestion, lambda data: Suggestion(data["point"], data["info"])),
    "measurement": _kind(Measurement, "value", "standard_error"),
    "attempt": _kind(Attempt, "number", "ending", "reason", "started", "ended"),
    "trial": (Trial, _write_trial, _read_trial),
    "budget": (
        Budget,
        _fields("trials", "hours", "failure_streak", "consumables", "target", "gain", "regret"),
        _read_objects(Budget, "target"),
    ),
    "review": _kind(Review, "mode", "seconds"),
}
