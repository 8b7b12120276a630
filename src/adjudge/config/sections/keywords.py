"""The keywords of JSON Schema. Validators take all others for annotations, and so pass over a misspelt one."""

from typing import Final

from adjudge.config.documents.cursors import Cursor
from adjudge.config.documents.faults import nearest

_BY_NAME: Final = frozenset((
    "$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties",
))  # fmt: skip
"""Keywords that hold schemas by name."""
_WITHIN: Final = frozenset((
    "additionalItems", "additionalProperties", "allOf", "anyOf", "contains", "contentSchema", "else", "if", "items",
    "not", "oneOf", "prefixItems", "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties",
))  # fmt: skip
"""Keywords that hold a schema, or a list of them."""
_OTHERS: Final = frozenset((
    "$anchor", "$comment", "$dynamicAnchor", "$dynamicRef", "$id", "$recursiveAnchor", "$recursiveRef", "$ref",
    "$schema", "$vocabulary", "const", "contentEncoding", "contentMediaType", "default", "dependentRequired",
    "deprecated", "description", "enum", "examples", "exclusiveMaximum", "exclusiveMinimum", "format", "id",
    "maxContains", "maxItems", "maxLength", "maxProperties", "maximum", "minContains", "minItems", "minLength",
    "minProperties", "minimum", "multipleOf", "pattern", "readOnly", "required", "title", "type", "uniqueItems",
    "writeOnly",
))  # fmt: skip
KEYWORDS: Final = _BY_NAME | _WITHIN | _OTHERS
"""Of 2020-12 and the drafts before it, annotations included."""
_OWN: Final = "x-"
_STANDARD: Final = "json-schema.org"


def check_keywords(at: Cursor) -> None:
    """Note each keyword that JSON Schema does not have, unless the schema says that it follows another one."""
    dialect = at.entry("$schema")
    if dialect is None or _STANDARD in dialect.node.text:
        _check(at)


def _check(at: Cursor) -> None:
    _check_required(at)
    for keyword in at.node.entries:
        child = at.entry(keyword)
        assert child is not None
        if keyword in _BY_NAME:
            for name in child.node.entries:
                _check(child.descend([name]))
        elif keyword in _WITHIN:
            for each in child.items():
                _check(each)
        elif keyword not in KEYWORDS and not keyword.startswith(_OWN):
            child.slip(
                f"`{keyword[:80]}` is no keyword of JSON Schema, and would be passed over; your own begin with `x-`",
                nearest(keyword, KEYWORDS),
            )


def _check_required(at: Cursor) -> None:
    """A field that is required, and declared under another spelling, would have every question refused."""
    properties, required = at.node.entries.get("properties"), at.entry("required")
    declared = properties.entries if properties is not None else {}
    for field in required.items() if required is not None else ():
        if field.node.text not in declared and (meant := nearest(field.node.text, declared)) is not None:
            field.slip(f"`{field.node.text[:80]}` is required, and not among the `properties`", meant)
