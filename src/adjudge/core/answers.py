"""Answer spaces: what may be answered to a question.

Inside, an answer is its *key*, a string that can be compared, counted and stored: a label as it
stands, `true`/`false`, an integer in decimal, structured JSON in canonical form. `key` and `value`
translate at the edges.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import jsonschema_rs
import msgspec

from adjudge.core import schemas
from adjudge.core.pointers import Pointer, show_pointer

Json: TypeAlias = bool | int | float | str | list[Any] | dict[str, Any] | None

LARGEST_RANGE: Final = 10_000
LARGEST_STRUCTURE: Final = 16_384
"""Bytes of a structured answer in canonical form."""
LARGEST_EXACT: Final = 2**53
"""Whole numbers up to here are exact in a double."""
_NUL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""NUL as JSON text writes it, after an even number of backslashes. PostgreSQL has no room for it."""


class OutsideSpace(ValueError):
    """The answer is outside the answer space of its question."""

    def __init__(self, detail: str, at: Pointer = ()) -> None:
        super().__init__(detail)
        self.within = show_pointer(at)
        """JSON pointer below the answer to what does not fit; empty: the answer itself."""


class Labels(msgspec.Struct, frozen=True, tag="labels"):
    """A closed set of labels, in the order in which they are shown."""

    labels: tuple[str, ...]

    def key(self, value: Any) -> str:
        if isinstance(value, str) and value in self.labels:
            return value
        raise OutsideSpace(f"{_shown(value)} is not one of {', '.join(self.labels[:20])}")

    def value(self, key: str) -> Json:
        return key

    def holds(self, key: str) -> bool:
        return key in self.labels

    def size(self) -> int | None:
        return len(self.labels)


class Candidates(msgspec.Struct, frozen=True, tag="candidates"):
    """Labels that each request brings along, and those that are always there (`other`)."""

    always: tuple[str, ...] = ()

    def of(self, candidates: tuple[str, ...]) -> Labels:
        """Return the closed set of one request."""
        return Labels((*candidates, *(label for label in self.always if label not in candidates)))


class Boolean(msgspec.Struct, frozen=True, tag="boolean"):
    """True or false."""

    def key(self, value: Any) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        raise OutsideSpace(f"{_shown(value)} is not true or false")

    def value(self, key: str) -> Json:
        return key == "true"

    def holds(self, key: str) -> bool:
        return key in ("true", "false")

    def size(self) -> int | None:
        return 2


class Integer(msgspec.Struct, frozen=True, tag="integer"):
    """A whole number, both bounds included."""

    minimum: int
    maximum: int

    def key(self, value: Any) -> str:
        if isinstance(value, int) and not isinstance(value, bool) and self.minimum <= value <= self.maximum:
            return str(value)
        raise OutsideSpace(f"{_shown(value)} is not a whole number from {self.minimum} to {self.maximum}")

    def value(self, key: str) -> Json:
        return int(key)

    def holds(self, key: str) -> bool:
        return _holds(self, key)

    def size(self) -> int | None:
        return self.maximum - self.minimum + 1


class Structured(msgspec.Struct, frozen=True, tag="structured"):
    """JSON that fits a schema. Two answers are equal when their canonical forms are."""

    schema: str
    """The JSON Schema (2020-12) as canonical JSON text."""

    def key(self, value: Any) -> str:
        try:
            text = canonical(value)
            size = len(text.encode())
        except (RecursionError, TypeError, ValueError) as error:
            raise OutsideSpace(f"not JSON: {error}") from None
        if size > LARGEST_STRUCTURE:
            raise OutsideSpace(f"the answer is larger than {LARGEST_STRUCTURE} bytes")
        if _NUL.search(text):
            raise OutsideSpace("the answer contains a NUL character")
        fault = next(iter(_validator(self.schema).iter_errors(json.loads(text))), None)
        if fault is not None:
            missing = getattr(fault.kind, "property", None)
            raise OutsideSpace(fault.message, (*map(str, fault.instance_path), *([missing] if missing else [])))
        return text

    def value(self, key: str) -> Json:
        answer: Json = json.loads(key)
        return answer

    def holds(self, key: str) -> bool:
        return _holds(self, key)

    def size(self) -> int | None:
        return None


ClosedSpace: TypeAlias = Labels | Boolean | Integer | Structured
"""The space of one request: candidates are known."""
AnswerSpace: TypeAlias = Labels | Candidates | Boolean | Integer | Structured

_validators: dict[str, jsonschema_rs.Validator] = {}


def canonical(value: Json) -> str:
    """Return JSON text that is equal for equal values: 1.0 is 1. Raises ValueError for NaN and infinities."""
    return json.dumps(_whole(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def close(space: AnswerSpace, candidates: tuple[str, ...] | None) -> ClosedSpace:
    """Return the space of one request."""
    return space.of(candidates or ()) if isinstance(space, Candidates) else space


def keyed(space: ClosedSpace, answer: Any) -> str:
    """Return the key of an answer given as a value or, by deciders and configuration, as its key.

    Raises OutsideSpace.
    """
    if isinstance(answer, str) and not isinstance(space, Labels):
        return space.key(_decoded(answer))
    return space.key(answer)


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except (RecursionError, ValueError):
        return text


def _holds(space: Integer | Structured, key: str) -> bool:
    try:
        return space.key(_decoded(key)) == key
    except OutsideSpace:
        return False


def _whole(value: Json) -> Json:
    """Write floats without a fraction as integers, as far as a double is exact."""
    match value:
        case float() if value.is_integer() and abs(value) <= LARGEST_EXACT:
            return int(value)
        case dict():
            return {key: _whole(each) for key, each in value.items()}
        case list() | tuple():
            return [_whole(each) for each in value]
        case _:
            return value


def _validator(schema: str) -> jsonschema_rs.Validator:
    if schema not in _validators:
        document: Mapping[str, Any] = json.loads(schema)
        _validators[schema] = schemas.validator(document)
    return _validators[schema]


def _shown(value: Any) -> str:
    return repr(value)[:80]
