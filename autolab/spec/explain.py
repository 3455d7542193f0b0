"""Pydantic's errors in the words of a person with a file: where, what, what is allowed, what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from autolab.spec.declared import annotation_at, choices, declared, field_at, field_of, keys, tags
from autolab.spec.findings import one_of
from autolab.spec.grammar import SAID

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

    from autolab.spec.document import Key
    from autolab.spec.findings import Findings

M = TypeVar("M", bound=BaseModel)

WANTED = {
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "a text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list, such as [1, 2]",
    "tuple_type": "a list, such as [1, 2]",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
}
COMPARED = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
COUNTED = {
    "too_short": ("min_length", "at least {} entries"),
    "too_long": ("max_length", "at most {} entries"),
    "string_too_short": ("min_length", "at least {} character"),
}


def validate(model: type[M], data: object, findings: Findings, at: Key = ()) -> M | None:
    """Return `data` as `model`, or None with every fault noted below `at`."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            _explain(details, model, data, findings, at)
        return None


def _explain(error: ErrorDetails, model: type[BaseModel], data: object, findings: Findings, at: Key) -> None:
    kind, loc, context = error["type"], tuple(error["loc"]), error.get("ctx", {})
    key = (*at, *_key(loc, data, last=kind in {"missing", "extra_forbidden"}))
    value = error["input"]
    if kind == SAID:
        findings.add((*key, *context["at"]), context["problem"], context["remedy"])
    elif kind == "extra_forbidden":
        findings.add(key, f"unknown key {loc[-1]!r}", one_of(str(loc[-1]), keys(declared(model, loc[:-1]))))
    elif kind == "missing":
        findings.add(key, "is missing", _how_to_give(declared(model, loc[:-1]), str(loc[-1])))
    elif kind.startswith("union_tag"):
        _explain_union(model, loc, value, key, findings)
    else:
        field = field_at(model, loc)
        findings.add(key, *_problem(error, value, field))


def _problem(error: ErrorDetails, value: object, field: FieldInfo | None) -> tuple[str, str]:
    kind, context = error["type"], error.get("ctx", {})
    if kind in {"literal_error", "enum"}:
        allowed = [str(choice) for choice in choices(field)] or re.findall(r"'([^']*)'", str(context["expected"]))
        return f"got {_shown(value)}", one_of(str(value), allowed)
    if kind in COMPARED:
        name, words = COMPARED[kind]
        return f"must be {words} {context[name]:g}, got {_shown(value)}", _description(field)
    if kind in COUNTED:
        name, words = COUNTED[kind]
        return f"must have {words.format(context[name])}, got {_shown(value)}", _example(field)
    if kind in WANTED:
        remedy = "Write it without quotes" if isinstance(value, str) and "number" in WANTED[kind] else _example(field)
        remedy = "Quote it" if kind == "string_type" and isinstance(value, int | float) else remedy
        return f"must be {WANTED[kind]}, got {_shown(value)}", remedy
    message = str(context["error"]) if "error" in context else error["msg"]
    return f"got {_shown(value)}: {_lower(message)}", _description(field)


def _explain_union(model: type[BaseModel], loc: Key, value: object, key: Key, findings: Findings) -> None:
    names = [tag.strip("<>") for tag in tags(annotation_at(model, loc))]
    if isinstance(value, dict) and ("type" in value or not set(names) & {"text", "list", "mapping"}):
        if "type" in value:
            findings.add((*key, "type"), f"unknown type {value['type']!r}", one_of(str(value["type"]), names))
        else:
            findings.add((*key, "type"), "is missing", f"Add `type:` with one of: {', '.join(names)}")
        return
    words = {"text": "a text", "list": "a list", "mapping": "a mapping"}
    wanted = " or ".join(words[tag] for tag in names if tag in words) or "a mapping with the key `type`"
    findings.add(key, f"must be {wanted}, got {_shown(value)}")


def _holds(data: object, part: str | int) -> bool:
    if isinstance(data, dict):
        return part in data
    return isinstance(data, list | tuple) and isinstance(part, int) and part < len(data)


def _key(loc: Key, data: Any, *, last: bool) -> Key:  # noqa: ANN401  a file's data, whatever its shape
    """Return the parts of an error's location that are keys of the data; the rest are names of union members."""
    key: list[str | int] = []
    for index, part in enumerate(loc):
        if _holds(data, part):
            data = data[part]
        elif not (last and index == len(loc) - 1):
            continue
        key.append(part)
    return tuple(key)


def _how_to_give(model: type[BaseModel] | None, name: str) -> str:
    field = field_of(model, name)
    if field is None:
        return f"Add `{name}:`"
    meaning = f" ({_description(field)})" if field.description else ""
    example = f", such as `{name}: {flow(field.examples[0])}`" if field.examples else ""
    return f"Add `{name}:`{meaning}{example}"


def _description(field: FieldInfo | None) -> str:
    return (field.description or "").strip().rstrip(".") if field else ""


def _example(field: FieldInfo | None) -> str:
    return f"Write it like {flow(field.examples[0])}" if field and field.examples else _description(field)


def flow(value: object) -> str:
    """Return a value as YAML on one line.

    >>> flow({"use": "bayes", "batch": 1})
    '{use: bayes, batch: 1}'
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
