"""Where in the models something of a file is declared: pydantic's errors say where, and not what was allowed."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, Tag

from autolab.spec.grammar import is_tag

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from autolab.spec.document import Key


def declared(model: type[BaseModel], loc: Key) -> type[BaseModel] | None:
    """Return the model that declares the mapping at `loc`, where there is one."""
    found = annotation_at(model, loc)
    for member in members(found):
        if isinstance(member, type) and issubclass(member, BaseModel):
            return member
    return None


def field_at(model: type[BaseModel], loc: Key) -> FieldInfo | None:
    """Return the field that declares the value at `loc`, or the nearest one around it."""
    while loc:
        owner = None if is_tag(loc[-1]) else declared(model, loc[:-1])
        field = field_of(owner, str(loc[-1]))
        if field is not None:
            return field
        loc = loc[:-1]
    return None


def annotation_at(annotation: Any, loc: Key) -> Any:  # noqa: ANN401  annotations have no common type
    """Return the annotation of what stands at `loc`, or None."""
    if not loc:
        return annotation
    if get_origin(annotation) is Annotated:
        return annotation_at(get_args(annotation)[0], loc)
    if get_origin(annotation) in {Union, types.UnionType}:
        return _in_union(annotation, loc)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _in_model(annotation, loc)
    arguments = get_args(annotation)
    return annotation_at(arguments[-1], loc[1:]) if arguments else None


def _in_union(union: object, loc: Key) -> object:
    members = get_args(union)
    if is_tag(loc[0]):
        members = tuple(member for member in members if Tag(str(loc[0])) in getattr(member, "__metadata__", ()))
        loc = loc[1:]
    found = (annotation_at(member, loc) for member in members)
    return next((one for one in found if one is not None), None)


def _in_model(model: type[BaseModel], loc: Key) -> object:
    field = field_of(model, str(loc[0]))
    if field is not None:
        return annotation_at(field.annotation, loc[1:])
    extra = get_type_hints(model, include_extras=True).get("__pydantic_extra__")
    return annotation_at(extra, loc) if get_origin(extra) is dict else None


def members(annotation: object) -> list[object]:
    """Return the members of a union, or the annotation itself."""
    if get_origin(annotation) is Annotated:
        return members(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        return [one for member in get_args(annotation) for one in members(member)]
    return [annotation]


def tags(annotation: object) -> list[str]:
    """Return the tags of a union's members."""
    if get_origin(annotation) is Annotated:
        own = [one.tag for one in get_args(annotation)[1:] if isinstance(one, Tag)]
        return own or tags(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        return [tag for member in get_args(annotation) for tag in tags(member)]
    return []


def field_of(model: type[BaseModel] | None, name: str) -> FieldInfo | None:
    """Return the field of that name in the file."""
    if model is None:
        return None
    return next((f for key, f in model.model_fields.items() if name == (f.alias or key)), None)


def keys(model: type[BaseModel] | None) -> list[str]:
    """Return the names of all fields in the file."""
    return [field.alias or key for key, field in model.model_fields.items()] if model else []


def choices(field: FieldInfo | None) -> tuple[object, ...]:
    """Return the values of a field that is a choice."""
    if field is None:
        return ()
    literals = [member for member in members(field.annotation) if get_origin(member) is Literal]
    return tuple(choice for member in literals for choice in get_args(member))
