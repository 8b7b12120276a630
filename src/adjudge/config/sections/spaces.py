"""Answer spaces, the schemas of evidence and structured answers, and answers that configuration names."""

from typing import Any, Final

import jsonschema_rs

from adjudge.config.documents.cursors import Cursor, Fields, Misread, described
from adjudge.config.documents.faults import nearest
from adjudge.config.documents.nodes import Node
from adjudge.config.documents.readers import mapping, texts, whole
from adjudge.config.sections.keywords import check_keywords
from adjudge.core.alike import LOOK_THE_SAME, indistinguishable
from adjudge.core.answers import (
    LARGEST_RANGE,
    AnswerSpace,
    Boolean,
    Candidates,
    Integer,
    Labels,
    OutsideSpace,
    Structured,
    canonical,
    keyed,
)
from adjudge.core.schemas import MOST_UNFOLDED, unfolded, validator

MOST_LABELS: Final = 10_000
LONGEST_LABEL: Final = 200
LONGEST_MESSAGE: Final = 300
UNKNOWN: Final = Labels(())
"""Stands for a space with a fault."""

_WANTED: Final = "a list of labels, `boolean`, `candidates`, `integer: {min, max}` or `schema: {…}`"
_FORMS: Final = ("boolean", "candidates", "integer", "schema")


def read_space(at: Cursor) -> AnswerSpace:
    """Read labels, `boolean`, `candidates`, `{integer: …}`, `{candidates: …}` or `{schema: …}`."""
    if isinstance(at.node.value, list):
        return Labels(_told_apart(at))
    if isinstance(at.node.value, dict):
        with at.fields() as fields:
            return _of_one_form(at, fields)
    if at.node.value == "boolean":
        return Boolean()
    if at.node.value == "candidates":
        return Candidates()
    at.fault(f"{described(at.node)} is not an answer space: {_WANTED}", nearest(at.node.text, _FORMS))
    return UNKNOWN


def read_schema(at: Cursor) -> dict[str, Any]:
    """Read a JSON Schema (2020-12 unless `$schema` says otherwise) that refers to nothing outside itself."""
    schema = at.read(mapping, {})
    _check_schema(at, schema)
    return schema


def read_answer(at: Cursor, space: AnswerSpace) -> str:
    """Read an answer of the space as its key. Of candidates only those that are always there can be named."""
    if space == UNKNOWN:
        return at.node.text
    closed = Labels(space.always) if isinstance(space, Candidates) else space
    try:
        return keyed(closed, at.node.plain())
    except OutsideSpace as outside:
        labels = closed.labels if isinstance(closed, Labels) else ()
        detail = str(outside) if labels or not isinstance(space, Candidates) else _NO_CANDIDATE
        at.fault(f"outside the answer space: {detail}", nearest(at.node.text, labels))
        return at.node.text


def _check_schema(at: Cursor, schema: dict[str, Any]) -> bool:
    """Note what is wrong with a schema; return whether values can be held to it."""
    try:
        validator(schema)
    except jsonschema_rs.ValidationError as error:
        at.descend(error.instance_path).fault(f"not a JSON Schema: {_brief(error.message)}")
        return False
    check_keywords(at)
    if unfolded(schema) > MOST_UNFOLDED:
        at.fault(f"with its references written out it is more than {MOST_UNFOLDED} schemas")
        return False
    return True


def _brief(message: str) -> str:
    """Return a message that may repeat the whole of what it is about."""
    return message if len(message) <= LONGEST_MESSAGE else f"{message[:LONGEST_MESSAGE]}…"


_NO_CANDIDATE: Final = "of candidates, only labels declared as `always` can be named here"


def _of_one_form(at: Cursor, fields: Fields) -> AnswerSpace:
    given = fields.given("integer", "candidates", "schema")
    if len(given) > 1:
        at.fault(f"an answer space has one form, not {' and '.join(given)}")
    elif (integer := fields.get("integer")) is not None:
        return _integer(integer)
    elif (candidates := fields.get("candidates")) is not None:
        with candidates.fields() as inner:
            always = inner.get("always")
            return Candidates(_told_apart(always) if always is not None else ())
    elif (schema := fields.get("schema")) is not None:
        found = schema.read(mapping, {})
        return Structured(canonical(found)) if _check_schema(schema, found) else UNKNOWN
    elif at.has("labels") and (labels := fields.get("labels")) is not None:
        labels.fault("labels stand by themselves: `answers: [cat, dog]`")
        return Labels(_told_apart(labels))
    elif not at.node.value:
        at.fault(f"this is no answer space: {_WANTED}")
    return UNKNOWN


def _integer(at: Cursor) -> AnswerSpace:
    with at.fields() as fields:
        bound = whole(-(2**31))
        low, high = fields.need("min", "min: 0"), fields.need("max", "max: 12")
        if low is None or high is None:
            return UNKNOWN
        minimum, maximum = low.read(bound, 0), high.read(bound, 0)
        if not 0 <= maximum - minimum < LARGEST_RANGE:
            at.fault(f"from {minimum} to {maximum} is not a range of 1 to {LARGEST_RANGE} numbers")
            return UNKNOWN
        return Integer(minimum, maximum)


def _told_apart(at: Cursor) -> tuple[str, ...]:
    labels = at.read(_labels, ())
    for one, other in indistinguishable(labels):
        at.slip(f"the labels {one!r} and {other!r} {LOOK_THE_SAME}")
    return labels


def _labels(node: Node) -> tuple[str, ...]:
    labels = texts(node)
    if not labels or len(labels) > MOST_LABELS:
        raise Misread(f"an answer space has 1 to {MOST_LABELS} labels")
    bad = next((label for label in labels if not 0 < len(label) <= LONGEST_LABEL or not label.isprintable()), None)
    if bad is not None:
        raise Misread(f"{bad[:80]!r} is not a label: 1 to {LONGEST_LABEL} printable characters")
    return labels
