"""YAML text as plain data that still knows its lines.

The grammar is YAML read by the rules of its version 1.2, so that nothing in a lab's file turns into something
else by surprise: `on`, `off`, `yes` and `no` are texts (as keys and as values; a switch such as `log: yes` is
understood where a yes-or-no is asked for), dates and times of day such as `1:30` are texts, `1e-3` is a number.
A whole number with leading zeros is refused, because readers disagree about it. Anchors, aliases and merge
keys work; tags, tabs as indentation, duplicate keys and several documents in one file are faults.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from autolab.model.errors import Fault
from autolab.spec.yaml_grammar import AMBIGUOUS, TAG, Loader

if TYPE_CHECKING:
    from autolab.model.actions import JSON

Key = tuple[str | int, ...]
"""Where something stands in a document: names of mappings and indices of lists."""

MOST_NODES = 200_000
"""More than any honest file has; aliases of aliases reach it within a few lines."""


@dataclass(frozen=True)
class Document:
    """A file's data with its lines.

    Attributes:
        file: Path as the person gave it.
        data: The top mapping, made of plain dicts, lists and scalars.
        lines: Line (from 1) of each key and list item.
    """

    file: str
    data: Mapping[str, JSON]
    lines: Mapping[Key, int]

    def line(self, key: Key) -> int:
        """Return the line of `key`, or of the nearest thing around it that is there."""
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key, 1)


def read_document(path: Path | str, faults: list[Fault]) -> Document | None:
    """Read a YAML file; append what is wrong with it as YAML to `faults`.

    Returns:
        None when there is no data to go on with.
    """
    file = str(path)
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        remedy = "Give the path of a YAML file that exists and can be read"
        faults.append(Fault(file, 0, "", f"cannot be read: {error.strerror or error}", remedy))
        return None
    if raw.startswith(b"SQLite format 3\x00"):
        faults.append(Fault(file, 0, "", "is a journal, and no YAML file", "Give the file of its campaign"))
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        problem = f"byte 0x{raw[error.start]:02x} is not UTF-8 text"
        faults.append(Fault(file, line, "", problem, "Save the file with the encoding UTF-8"))
        return None
    return parse_document(text, file, faults)


def parse_document(text: str, file: str, faults: list[Fault]) -> Document | None:
    r"""Read YAML text; append what is wrong with it as YAML to `faults`.

    >>> faults = []
    >>> parse_document("seed: 7\nsafe: {heater: off}", "campaign.yaml", faults).data
    {'seed': 7, 'safe': {'heater': 'off'}}
    """
    root = _compose(text, file, faults)
    if root is None:
        return None
    reader = _Reader(file, faults)
    data = reader.value(root, ())
    if not isinstance(data, dict):
        problem = f"the file must be a mapping of keys to values, got {_kind(data)}"
        faults.append(Fault(file, reader.line_of(root), "", problem, "Begin it with `autolab: 1`"))
        return None
    return Document(file, data, reader.lines)


def _compose(text: str, file: str, faults: list[Fault]) -> yaml.Node | None:
    loader: Loader | None = None
    try:
        loader = Loader(text)
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        faults.append(_syntax_fault(error, text, file))
        return None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        problem = f"the character {error.character!r} is not allowed in YAML"
        faults.append(Fault(file, line, "", problem, "Remove it"))
        return None
    except RecursionError:
        faults.append(Fault(file, 0, "", "brackets are nested too deeply to be read", "Close the brackets"))
        return None
    finally:
        if loader is not None:
            loader.dispose()
    if root is None:
        faults.append(Fault(file, 0, "", "the file is empty", "Begin it with `autolab: 1`"))
        return None
    return root


def _syntax_fault(error: yaml.MarkedYAMLError, text: str, file: str) -> Fault:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 0
    lines = text.splitlines()
    written = lines[line - 1] if 0 < line <= len(lines) else ""
    problem = str(error.problem or error.context)
    if "\t" in written[: len(written) - len(written.lstrip())] or "'\\t'" in problem:
        return Fault(file, line, "", "a tab is used as indentation", "Indent with spaces")
    if "expected a single document" in str(error.context):
        return Fault(file, line, "", "a second document begins here (`---`)", "Keep one document a file")
    remedy = "Check the indentation, colons, quotes and brackets here and on the line before"
    return Fault(file, line, "", f"not valid YAML: {problem}: {written.strip()!r}", remedy)


class _Reader:
    """Turns nodes into data, noting lines and faults."""

    def __init__(self, file: str, faults: list[Fault]) -> None:
        self.file, self.faults = file, faults
        self.lines: dict[Key, int] = {}
        self._open: set[int] = set()
        self._count = 0

    @staticmethod
    def line_of(node: yaml.Node) -> int:
        return int(node.start_mark.line) + 1

    def value(self, node: yaml.Node, key: Key) -> JSON:
        self._count += 1
        if id(node) in self._open:
            return self._fault(node, key, "an alias (*) contains itself", "Write the values out")
        if self._count > MOST_NODES:
            if self._count == MOST_NODES + 1:
                remedy = "Write the values out, or put a large table into a CSV file"
                self._fault(node, key, f"aliases expand to more than {MOST_NODES} values", remedy)
            return None
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, key)
        self._open.add(id(node))
        try:
            return self._mapping(node, key) if isinstance(node, yaml.MappingNode) else self._list(node, key)
        finally:
            self._open.discard(id(node))

    def _list(self, node: yaml.Node, key: Key) -> JSON:
        items: list[JSON] = []
        for index, item in enumerate(node.value):
            self.lines[(*key, index)] = self.line_of(item)
            items.append(self.value(item, (*key, index)))
        self._refuse_tag(node, key, "seq")
        return items

    def _mapping(self, node: yaml.MappingNode, key: Key) -> JSON:
        self._refuse_tag(node, key, "map")
        found: dict[str, JSON] = {}
        own = [(name, value) for name, value in node.value if name.tag != TAG + "merge"]
        for name, value in node.value:
            if name.tag == TAG + "merge":
                self._merge(value, key, found)
        seen: dict[str, int] = {}
        for name_node, value in own:
            name = self._name(name_node, key)
            if name is None:
                continue
            here = (*key, name)
            if name in seen:
                problem = f"the key {name!r} is given twice (first on line {seen[name]})"
                self._fault(name_node, here, problem, "Keep one of them")
                continue
            seen[name] = self.lines[here] = self.line_of(name_node)
            found[name] = self.value(value, here)
        return found

    def _merge(self, node: yaml.Node, key: Key, found: dict[str, JSON]) -> None:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for source in reversed(sources):  # the first one named wins
            if not isinstance(source, yaml.MappingNode):
                self._fault(source, key, "`<<` must be followed by an alias of a mapping", "Write `<<: *name`")
                continue
            merged = self.value(source, key)
            if isinstance(merged, dict):
                found.update(merged)

    def _name(self, node: yaml.Node, key: Key) -> str | None:
        if isinstance(node, yaml.ScalarNode) and node.tag != TAG + "null":
            try:
                return _text(node.value)
            except ValueError:
                self._fault(node, key, f"{node.value!r} holds half a character", "Write the character itself")
                return None
        self._fault(node, key, "a key must be a single word or number", "Quote it, or remove the brackets")
        return None

    def _scalar(self, node: yaml.ScalarNode, key: Key) -> JSON:
        text, tag = str(node.value), node.tag
        if tag == AMBIGUOUS:
            problem = f"{text!r} has leading zeros, which some readers take for an octal number"
            return self._fault(node, key, problem, f"Write {text.lstrip('+-0') or '0'}, or quote it if it is a text")
        try:
            return _SCALARS[tag](text)
        except KeyError:
            return self._fault(node, key, f"the tag {tag!r} is not used in this file", "Remove it")
        except ValueError:
            problem = f"{text!r} is not a valid {tag.rpartition(':')[2]}"
            return self._fault(node, key, problem, "Correct it, or quote it")

    def _refuse_tag(self, node: yaml.Node, key: Key, expected: str) -> None:
        if node.tag != TAG + expected:
            self._fault(node, key, f"the tag {node.tag!r} is not used in this file", "Remove it")

    def _fault(self, node: yaml.Node, key: Key, problem: str, remedy: str) -> JSON:
        """Note a fault, and stand in for the value that there is not."""
        self.faults.append(Fault(self.file, self.line_of(node), dotted(key), problem, remedy))
        return None


def _text(text: str) -> str:
    """Return a text with the pairs of escapes that JSON writes for one character put together."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")


def _number(text: str) -> JSON:
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


_SCALARS: Mapping[str, Callable[[str], JSON]] = {
    TAG + "str": _text,
    TAG + "bool": lambda text: {"true": True, "false": False}.get(text.lower(), text),
    TAG + "int": lambda text: int(text, 0),
    TAG + "float": _number,
    TAG + "null": lambda _: None,
}


def dotted(key: Key) -> str:
    """Return a key as people read it.

    >>> dotted(("space", "constraints", 0))
    'space.constraints[0]'
    """
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _kind(value: object) -> str:
    return "a list" if isinstance(value, list) else "nothing" if value is None else f"{value!r}"
