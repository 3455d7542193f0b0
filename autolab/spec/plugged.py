"""The parts of a campaign file that plug-ins answer for: planner and protocol."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError

from autolab.lab import plugins
from autolab.model.errors import AutolabError, InputError
from autolab.spec.explain import validate
from autolab.spec.findings import one_of
from autolab.spec.lab import component_roles, role_of

if TYPE_CHECKING:
    from autolab.lab.declaration import LabDeclaration
    from autolab.model.contracts import Planner, Procedure
    from autolab.model.problem import Problem
    from autolab.spec.campaign_model import PlannerModel, ProtocolModel
    from autolab.spec.document import Key
    from autolab.spec.findings import Findings


def build_planner(model: PlannerModel, findings: Findings) -> Planner | None:
    """Return the planner with its options, or None with every fault noted."""
    made = _found("planners", "planner", model.use, findings)
    return None if made is None else make_planner(made, model.use, model.settings, findings, ("planner",))


def make_planner(
    made: Any,  # noqa: ANN401  a plug-in's class
    use: str,
    settings: Mapping[str, Any],
    findings: Findings,
    at: Key,
) -> Planner | None:
    """Return a planner with its options, or None with every fault noted below `at`."""
    parameters = inspect.signature(made).parameters
    open_ended = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    sound, whole = dict(settings), True
    for name, value in settings.items():
        if name not in parameters and not open_ended:
            findings.add((*at, name), f"planner {use!r} has no option {name!r}", one_of(name, parameters))
            del sound[name]
        elif (wanted := _wanted(made, name, value)) is not None:
            findings.add((*at, name), f"must be {wanted}, got {value!r}")
            whole = False  # others may make sense with it alone
    for name, one in parameters.items():
        if one.default is one.empty and one.kind not in {one.VAR_KEYWORD, one.VAR_POSITIONAL} and name not in settings:
            findings.add((*at, name), "is missing", f"Add `{name}:`, without which there is no planner {use!r}")
            whole = False
    with findings.at((*at, *sound) if len(sound) == 1 else at):  # what is sound may be wrong in its value
        planner: Planner | None = made(**sound) if whole else None
        return planner if sound == settings else None
    return None


def _wanted(made: object, name: str, value: object) -> str | None:
    """Return what an option must be, where its value is something else."""
    try:
        hint = get_type_hints(made)[name]
        adapter = TypeAdapter(hint)
    except (NameError, KeyError, TypeError):
        return None  # the plug-in does not say
    try:
        adapter.validate_python(value, strict=not isinstance(value, list | dict))
    except ValidationError:
        return " or ".join(dict.fromkeys(_said(hint)))
    return None


_SAID = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def _said(hint: Any) -> list[str]:  # noqa: ANN401  a type, or a form of several
    """Return in people's words what values a type has, leaving out that there may be none.

    >>> _said(int | None), _said(Literal["extra", "random"]), _said(Mapping[str, float])
    (['a whole number'], ["one of 'extra', 'random'"], ['a mapping of keys to values'])
    """
    kind, parts = get_origin(hint), get_args(hint)
    if kind in {Union, UnionType}:
        return [text for one in parts if one is not type(None) for text in _said(one)]
    if kind is Literal:
        return [f"one of {', '.join(map(repr, parts))}"]
    made = kind or hint
    if made in _SAID:
        return [_SAID[made]]
    if isinstance(made, type) and issubclass(made, Mapping):
        return ["a mapping of keys to values"]
    if isinstance(made, type) and issubclass(made, Sequence):
        return ["a list"]
    return [str(getattr(hint, "__name__", hint))]


def build_protocol(
    model: ProtocolModel, lab: LabDeclaration | None, problem: Problem | None, findings: Findings
) -> Procedure | None:
    """Return the protocol with its settings, or None with every fault noted.

    Args:
        model: What the file says.
        lab: The lab, where its file could be read.
        problem: Where it could be built.
        findings: Collects the faults.
    """
    protocol = _found("protocols", "protocol", model.use, findings)
    if protocol is None:
        return None
    good = _check_settings(model, findings)
    made: Procedure | None = None
    if good:
        with findings.at(("protocol",)):
            made = protocol(**settings_of(model))
    told = made if made is not None else _likely(protocol, model, findings)
    if told is not None:
        _check_roles(model, getattr(told, "needs", {}), lab, findings)
        if problem is not None:
            _check_outcomes(model.use, getattr(told, "outcomes", None), problem, findings)
            _check_parameters(model.use, getattr(told, "parameters", None), problem, findings)
    elif lab is not None:  # which roles there are is not known, but whether their players exist is
        for role, name in model.with_.items():
            _check_exists(("protocol", "with", role), name, list(lab.instruments), lab, findings)
    return made


def _likely(protocol: Any, model: ProtocolModel, findings: Findings) -> Any:  # noqa: ANN401  a plug-in's class or instance
    """Return what tells needs, parameters and outcomes although a setting is wrong; None where that decides them."""
    sound = {name: value for name, value in settings_of(model).items() if not findings.under(("protocol", name))}
    try:
        made = protocol(**sound)
    except (AutolabError, TypeError, ValueError):
        return None
    same = all(getattr(made, told, None) == getattr(protocol, told, None) for told in ("needs", "parameters"))
    return made if same else None


def settings_of(model: ProtocolModel) -> dict[str, Any]:
    """Return the protocol's settings as the file gives them."""
    return model.settings | ({"replicates": model.replicates} if model.replicates > 1 else {})


def _check_settings(model: ProtocolModel, findings: Findings) -> bool:
    declared: Any = None
    with findings.at(("protocol", "use")):
        declared = plugins.settings_model(model.use, "protocols")
    known = isinstance(declared, type) and issubclass(declared, BaseModel)
    if model.replicates > 1 and not (known and "replicates" in declared.model_fields):
        near = [name for name in (declared.model_fields if known else ()) if "repeat" in name]
        remedy = f"Use its own setting `{near[0]}`" if near else "Leave it out"
        findings.add(
            ("protocol", "replicates"), f"protocol {model.use!r} makes no replicates, got {model.replicates}", remedy
        )
        return False
    if known:
        return validate(declared, settings_of(model), findings, ("protocol",)) is not None
    for name in model.settings:
        findings.add(("protocol", name), f"protocol {model.use!r} has no setting {name!r}", "Remove it")
    return not model.settings


def _check_roles(
    model: ProtocolModel, needs: Mapping[str, str], lab: LabDeclaration | None, findings: Findings
) -> None:
    for role, kind in needs.items():
        if role not in model.with_:
            example = _playing(kind, lab)
            remedy = f"Say which instrument plays it: `{role}: {example[0] if example else '<instrument>'}`"
            findings.add(("protocol", "with", role), f"protocol {model.use!r} needs a {kind} as {role!r}", remedy)
    players: dict[str, str] = {}
    for role, name in model.with_.items():
        key = ("protocol", "with", role)
        if role not in needs:
            findings.add(key, f"protocol {model.use!r} has no role {role!r}", one_of(role, needs))
            continue
        if name in players:
            findings.add(key, f"{name!r} plays {players[name]!r} already", "Give each role its own instrument")
        players[name] = role
        if lab is not None:
            _check_player(key, name, needs[role], lab, findings)


def _check_player(key: Key, name: str, kind: str, lab: LabDeclaration, findings: Findings) -> None:
    instrument, _, component = name.partition(".")
    if not _check_exists(key, name, _playing(kind, lab) or list(lab.instruments), lab, findings):
        return
    driver = lab.instruments[instrument].driver
    if driver not in plugins.names("drivers"):
        return
    played = _component_role(driver, component) if component else role_of(driver)
    if played is not None and played != kind:
        problem = f"{name!r} is a {played}, and the protocol needs a {kind} here"
        findings.add(key, problem, one_of(name, _playing(kind, lab)))
    elif not component and played is None and component_roles(driver):
        problem = f"{instrument!r} ({driver}) plays no role itself, and the protocol needs a {kind} here"
        findings.add(key, problem, one_of(name, _playing(kind, lab)))
    elif component and played is None:
        findings.add(
            key, f"{instrument!r} ({driver}) has no component {component!r} with a role", f"It must be a {kind}"
        )


def _check_exists(key: Key, name: str, allowed: list[str], lab: LabDeclaration, findings: Findings) -> bool:
    there = name.partition(".")[0] in lab.instruments
    if not there:
        findings.add(key, f"the lab has no instrument {name!r}", one_of(name, allowed))
    return there


def _playing(kind: str, lab: LabDeclaration | None) -> list[str]:
    """Return the instruments and components that can play a role."""
    if lab is None:
        return []
    parts = {name: component_roles(one.driver) for name, one in lab.instruments.items()}
    whole = [name for name, one in lab.instruments.items() if role_of(one.driver) == kind]
    return whole + [f"{name}.{part}" for name, told in parts.items() for part, role in told.items() if role == kind]


def _component_role(driver: str, component: str) -> str | None:
    told = component_roles(driver)
    if told:
        return told.get(component)
    try:
        part = getattr(plugins.resolve("drivers", driver), component, None)
    except InputError:
        return None
    return getattr(getattr(part, "cls", None), "role", None)


def _check_outcomes(use: str, outcomes: object, problem: Problem, findings: Findings) -> None:
    """Note quantities that the protocol does not measure, or measures in another unit."""
    if not isinstance(outcomes, Mapping) or not outcomes:
        return
    told = [(("objectives", one.name), one.name, one.unit) for one in problem.objectives]
    told += [(("outcome_constraints", one.name), one.name, "") for one in problem.outcome_constraints]
    for key, name, unit in told:
        if name not in outcomes:
            findings.add(key, f"protocol {use!r} does not measure {name!r}", one_of(name, outcomes))
        else:
            _check_unit(key, name, unit, outcomes[name], use, findings)


def _check_parameters(use: str, parameters: object, problem: Problem, findings: Findings) -> None:
    """Note parameters that the protocol would leave unused without a word, or takes in another unit."""
    if not isinstance(parameters, Mapping) or not parameters:
        return
    units = {one.name: getattr(one, "unit", "") for one in getattr(problem.space, "axes", ())}
    for name in problem.space.names:
        if name not in parameters:
            key = ("space", name) if name in units else ("space", "candidates")
            findings.add(key, f"protocol {use!r} does not use {name!r}", one_of(name, parameters))
        elif name in units:
            _check_unit(("space", name), name, units[name], parameters[name], use, findings)


def _check_unit(key: Key, name: str, unit: str, wanted: str, use: str, findings: Findings) -> None:
    if unit and wanted and unit != wanted:
        problem = f"{name!r} is in {unit!r} here, and protocol {use!r} takes it in {wanted!r}"
        findings.add((*key, "unit"), problem, f"Convert the numbers, and write `unit: {wanted}`")


def _found(group: plugins.Group, what: str, key: str, findings: Findings) -> Any:  # noqa: ANN401  a plug-in's class
    if key not in plugins.names(group):
        findings.unknown((what, "use"), what, key, plugins.names(group))
        return None
    with findings.at((what, "use")):
        return plugins.resolve(group, key)
    return None
