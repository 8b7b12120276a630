"""The JSON Schema of the documents, for editors: completion and the first faults while typing.

It is narrower than YAML and wider than the check: what layers make of each other only `config check` knows.
"""

from collections.abc import Mapping
from typing import Any, Final

from adjudge.config.keys import LAYERS, SECTIONS, Key

_TEXT: Final = {"type": "string"}
_TEXTS: Final = {"type": "array", "items": _TEXT, "uniqueItems": True}
_MONEY: Final = r"^[0-9]+(\.[0-9]+)? [A-Z]{3}"
KINDS: Final[Mapping[str, dict[str, Any]]] = {
    "any": {},
    "text": _TEXT,
    "texts": _TEXTS,
    "names": {"anyOf": [_TEXT, _TEXTS]},
    "flag": {"type": "boolean"},
    "whole": {"type": "integer", "minimum": 0},
    "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
    "price": {"type": "number", "minimum": 0},
    "duration": {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?(ms|s|m|h|d)$"},
    "money": {"type": "string", "pattern": f"{_MONEY}$"},
    "wage": {"type": "string", "pattern": f"{_MONEY}/h$"},
    "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
    "lane": {"enum": ["realtime", "standard", "bulk"]},
    "role": {"enum": ["serving", "shadow"]},
    "isolation": {"enum": ["none", "process"]},
    "late": {"enum": ["fallback", "ask"]},
    "mapping": {"type": "object"},
    "hours": {"type": "object"},
    "fallback": {"anyOf": [{"const": "safe_side"}, {"$ref": "#/$defs/fallback"}]},
}
UNITS: Final[Mapping[str, str]] = {
    "duration": "ms, s, m, h, d",
    "money": "amount and currency",
    "wage": "amount and currency an hour",
    "share": "0 to 1",
}


def document_schema() -> dict[str, Any]:
    """Return the schema of a document (2020-12). A `null` takes a value of a lower layer away, wherever it stands."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Adjudge configuration",
        "$ref": "#/$defs/document",
        "$defs": {name: _section(name, keys) for name, keys in SECTIONS.items()},
    }


def _section(name: str, keys: tuple[Key, ...]) -> dict[str, Any]:
    return {
        "description": f"Layers: {LAYERS[name]}.",
        "type": "object",
        "properties": {key.name: _property(key) for key in keys},
        "additionalProperties": False,
    }


def _property(key: Key) -> dict[str, Any]:
    said = f"{key.says}; default {key.default}" if key.default else key.says
    schema = _schema(key.kind)
    return {"description": said, **({"anyOf": [schema, {"type": "null"}]} if schema else {})}


def _schema(kind: str) -> dict[str, Any]:
    word, _, section = kind.partition(" ")
    reference = {"$ref": f"#/$defs/{section}"}
    match word:
        case "section":
            return reference
        case "many":
            return {"type": "object", "additionalProperties": {"anyOf": [reference, {"type": "null"}]}}
        case "list":
            return {"type": "array", "items": reference}
        case _:
            return KINDS[word]
