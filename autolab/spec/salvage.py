"""What can still be checked of a file that has faults: its sound parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from autolab.spec.campaign_model import CampaignModel

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from autolab.model.actions import JSON

_ENTRIES = ("space", "objectives", "outcome_constraints", "instruments", "stocks")
"""Parts whose entries stand for themselves; a constraint may name one that is faulty, so it is left out."""


def sound_parts(data: Mapping[str, JSON], model: type[BaseModel] = CampaignModel) -> dict[str, Any]:
    """Return the parts of a file that are right in themselves, by the model's names.

    Their meaning (names, roles, options) can then be checked although other parts are faulty, so that a person sees
    all faults at once.
    """
    parts = {}
    for name, field in model.model_fields.items():
        key = field.alias or name
        if key in data:
            found = _sound(name, field, data[key])
            if found is not None:
                parts[name] = found
        elif not field.is_required():
            parts[name] = field.get_default(call_default_factory=True)
    return parts


def _sound(name: str, field: FieldInfo, value: JSON) -> Any:  # noqa: ANN401  whatever the part is
    kind: Any = field.annotation
    adapter: TypeAdapter[Any] = TypeAdapter(Annotated[kind, *field.metadata] if field.metadata else kind)
    found = _validated(adapter, value)
    if found is not None or name not in _ENTRIES or not isinstance(value, dict):
        return found
    kept = {key: entry for key, entry in value.items() if key != "constraints" and _validated(adapter, {key: entry})}
    return _validated(adapter, kept) if kept else None


def _validated(adapter: TypeAdapter[Any], value: Any) -> Any:  # noqa: ANN401  whatever the part is
    try:
        return adapter.validate_python(value)
    except ValidationError:
        return None
