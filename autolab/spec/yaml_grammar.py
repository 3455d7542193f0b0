"""YAML's scalars by the rules of its version 1.2, for reading and writing: see `document` for what that means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from autolab.model.actions import JSON

TAG = "tag:yaml.org,2002:"
AMBIGUOUS = "!leading-zeros"


class Dumper(yaml.SafeDumper):
    """PyYAML's safe dumper, quoting what the loader below would take for something else than a text."""

    yaml_implicit_resolvers = {}  # noqa: RUF012  the base class's own table, replaced


class Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the scalars of YAML 1.2."""

    yaml_implicit_resolvers = {}  # noqa: RUF012  the base class's own table, replaced


for _tag, _pattern, _first in (
    (TAG + "bool", r"(?:true|True|TRUE|false|False|FALSE)", "tTfF"),
    (TAG + "int", r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+|0o[0-7]+", "-+0123456789"),
    (AMBIGUOUS, r"[-+]?0[0-9]+", "-+0"),
    (
        TAG + "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+",
        "-+.0123456789",
    ),
    (TAG + "float", r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+."),
    (TAG + "null", r"(?:~|null|Null|NULL|)", ["~", "n", "N", ""]),
    (TAG + "merge", r"<<", "<"),
):
    for _class in (Loader, Dumper):
        _class.add_implicit_resolver(_tag, re.compile(rf"(?:{_pattern})\Z"), list(_first))


def _written_text(dumper: Dumper, text: str) -> yaml.ScalarNode:
    """Quote a text with escapes where YAML 1.1 would fold its characters as line breaks."""
    return dumper.represent_scalar(TAG + "str", text, style='"' if _BREAKS.search(text) else None)


_BREAKS = re.compile("[\r\x85\u2028\u2029]")
Dumper.add_representer(str, _written_text)


def yaml_text(data: JSON) -> str:
    r"""Return plain data as YAML that `parse_document` reads as the same data.

    >>> yaml_text({"unit": "off", "serial": "0123", "low": 0.001})
    "unit: off\nserial: '0123'\nlow: 0.001\n"
    """
    return yaml.dump(data, Dumper=Dumper, allow_unicode=True, sort_keys=False)
