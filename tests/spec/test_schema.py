"""JSON Schema: the committed files, and that they say what the models say."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter

from autolab.spec.schema import MODELS, FileKind, schema, schema_text, write_schemas

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.parametrize("kind", MODELS)
def test_the_committed_schema_is_the_present_one(kind: FileKind) -> None:
    committed = (REFERENCE / f"{kind}.schema.json").read_text(encoding="utf-8")
    assert json.loads(committed) == schema(kind), "run: autolab schema campaign --write docs/reference"


def test_all_schemas_are_written(tmp_path: Path) -> None:
    written = write_schemas(tmp_path / "new")
    assert [path.name for path in written] == [f"{kind}.schema.json" for kind in MODELS]
    assert written[0].read_text(encoding="utf-8") == schema_text("campaign")


def described(node: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every property that has no description."""
    if isinstance(node, dict):
        for name, each in node.get("properties", {}).items():
            if "description" not in each and "$ref" not in each:
                yield (*path, name)
        for name, each in node.items():
            yield from described(each, (*path, name))


@pytest.mark.parametrize("kind", MODELS)
def test_every_key_is_described(kind: FileKind) -> None:
    assert list(described(schema(kind))) == []


@pytest.mark.parametrize("kind", MODELS)
def test_every_field_has_an_example_or_a_default_that_tells(kind: FileKind) -> None:
    bare = [
        f"{model.__name__}.{name}"
        for model in _models(MODELS[kind])
        for name, field in model.model_fields.items()
        if not field.examples and not isinstance(field.default, bool)
    ]
    assert bare == []


def _models(top: type[BaseModel]) -> list[type[BaseModel]]:
    module = sys.modules[top.__module__]
    return [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, BaseModel)]


def test_examples_are_valid() -> None:
    """What the schema shows as an example must be accepted there."""
    checked = 0
    for kind in MODELS:
        for model in _models(MODELS[kind]):
            for field in model.model_fields.values():
                for example in field.examples or ():
                    annotation: Any = field.rebuild_annotation() if field.discriminator is None else field.annotation
                    TypeAdapter(annotation).validate_python(example)
                    checked += 1
    assert checked > 40
