"""A stranger's bytes become a question, or a problem with a pointer to the field.

msgspec, because this is the hot path: it decodes and checks a question in about a microsecond.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, TypeAlias, get_args

import msgspec

from adjudge.api import bodies, unstorable
from adjudge.api.media import check_references
from adjudge.api.problems import Problem
from adjudge.core import schemas
from adjudge.core.money import CURRENCIES, InvalidMoney, Stake, parse_stake
from adjudge.core.specifications import DEFAULT_LOCATION, Lane
from adjudge.engine.intake.questions import InvalidEvidence, Question

DEEPEST = 64
MOST_SUBJECTS = 8
LONGEST_TEXT = 200
MOST_BULK = 1_000
LARGEST_APART = 1024 * 1024
"""Bytes of a bulk post in which items are told apart though one of them is no JSON."""
LANE_OF_BULK: Final = "bulk"
"""Of items of a bulk post that name none."""
MOST_FAULTS = 20
MOST_VALIDATORS = 1_000
"""Remembered at once."""


Text: TypeAlias = Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)]
Label: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_TEXT)]


class StakeBody(msgspec.Struct, forbid_unknown_fields=True):
    """Money as callers write it."""

    amount: str
    currency: str


class QuestionBody(msgspec.Struct, forbid_unknown_fields=True):
    """What is posted."""

    type: Text
    evidence: msgspec.Raw
    location: Text = DEFAULT_LOCATION
    subject: Annotated[dict[Text, Text], msgspec.Meta(max_length=MOST_SUBJECTS)] = {}
    candidates: tuple[Label, ...] | None = None
    stake: StakeBody | None = None
    deadline: datetime | None = None
    lane: Lane | None = None
    idempotency_key: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_TEXT)] | None = None


class SubjectAlone(msgspec.Struct):
    """What is posted, read for its subject, whatever else is wrong."""

    subject: Any = None


class BulkBody(msgspec.Struct, forbid_unknown_fields=True):
    """Many at once: each its own decision with its own result."""

    items: list[msgspec.Raw]


_question = msgspec.json.Decoder(QuestionBody)
_bulk = msgspec.json.Decoder(BulkBody)
_subject = msgspec.json.Decoder(SubjectAlone)
_any = msgspec.json.Decoder()
_PLACE = re.compile(r"(.*) - at `(?:key` in `)?\$(.*)`")
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_NO_LANE = re.compile(r"Invalid enum value ('.*')")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_ITEMS = re.compile(rb'\s*\{\s*"items"\s*:\s*\[')
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def read(body: bytes | msgspec.Raw, *, key: str | None, trace: str | None, lane: str | None = None) -> Question:
    """Return the question; `lane` is for those that name none. Raises Problem and InvalidMoney, with a pointer."""
    try:
        asked = _question.decode(body)
        evidence = _evidence(asked.evidence)
    except msgspec.ValidationError as error:
        raise _in_subject(invalid(str(error)), body) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _malformed(bytes(body), error) from None
    except RecursionError:
        raise Problem("invalid-body", f"the body is nested deeper than {DEEPEST}", pointer="#/evidence") from None
    if not isinstance(evidence, dict):
        raise Problem("invalid-body", "evidence is a JSON object", pointer="#/evidence")
    _within_limits(asked, evidence, body)
    check_references(evidence)
    stake = _stake(asked.stake) if asked.stake else None
    if key is not None and asked.idempotency_key not in (None, key):
        raise Problem("invalid-body", "differs from the header Idempotency-Key", pointer="#/idempotency_key")
    return Question(
        type=asked.type,
        location=asked.location,
        evidence=evidence,
        evidence_json=bytes(asked.evidence),
        subject=asked.subject,
        candidates=asked.candidates,
        stake=stake,
        deadline=asked.deadline,
        lane=asked.lane or lane,
        trace=trace,
        idempotency_key=key if key is not None else asked.idempotency_key,
    )


def read_bulk(body: bytes) -> list[msgspec.Raw]:
    """Return the items of a bulk post, unread: what is amiss within one harms no other. Raises Problem."""
    try:
        items = _bulk.decode(body).items
    except msgspec.ValidationError as error:
        raise invalid(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        items = _apart(body)
        if not items:
            raise Problem("malformed-json", f"the body is not JSON: {error}") from None
    if len(items) > MOST_BULK:
        raise Problem("invalid-body", f"a bulk post has at most {MOST_BULK} items, not {len(items)}", pointer="#/items")
    return items


def _apart(body: bytes) -> list[msgspec.Raw]:
    """Return the items of a bulk post of which one is not grammatical, told apart by their brackets alone.

    Empty where the brackets do not match, and of bodies for which this would take long.
    """
    begun = _ITEMS.match(body)
    if begun is None or len(body) > LARGEST_APART:
        return []
    items: list[msgspec.Raw] = []
    start, depth = begun.end(), 0
    for token in _TOKEN.finditer(body, start):
        match token[0]:
            case b"[" | b"{":
                depth += 1
            case b"]" | b"}" if depth:
                depth -= 1
            case b"]" | b"," if not depth:
                items.append(msgspec.Raw(body[start : token.start()]))
                if token[0] == b"]":
                    return items if body[token.end() :].strip() == b"}" else []
                start = token.end()
            case _:
                pass
    return []


def read_item(item: msgspec.Raw, *, trace: str | None) -> Question:
    """Return the question of one item of a bulk post. Raises what `read` raises."""
    if memoryview(item).nbytes > bodies.LARGEST:
        raise Problem("body-too-large", f"an item has at most {bodies.LARGEST} bytes")
    return read(item, key=None, trace=trace, lane=LANE_OF_BULK)


def check_evidence(question_type: str, schema: Mapping[str, Any] | None, evidence: Mapping[str, Any]) -> None:
    """Raise InvalidEvidence with all that does not fit."""
    if schema is None:
        return
    validator = _validator(schema)
    if validator.is_valid(evidence):
        return
    faults = [_fault(error) for error, _ in zip(validator.iter_errors(evidence), range(MOST_FAULTS), strict=False)]
    raise InvalidEvidence(question_type, faults)


def traced(header: bytes | None) -> str | None:
    """Return the W3C trace context, where it is one."""
    if header is None:
        return None
    text = header.decode("latin-1")
    return text if _TRACEPARENT.fullmatch(text) else None


def invalid(message: str) -> Problem:
    """Return the problem that a decoder's message stands for; it does not say which key of a map it means."""
    placed = _PLACE.fullmatch(message)
    what, where = (placed[1], placed[2]) if placed else (message, "")
    known = where.partition("[...]")[0]
    pointer = "#" + "".join(f"/{name or index}" for name, index in _STEP.findall(known))
    missing, unknown, lane = (kind.fullmatch(what) for kind in (_MISSING, _UNKNOWN, _NO_LANE))
    if missing:
        return Problem("invalid-body", "is required", pointer=f"{pointer}/{missing[1]}")
    if unknown:
        return Problem("invalid-body", "is no field of this object", pointer=f"{pointer}/{_escaped(unknown[1])}")
    if lane:
        what = f"{lane[1]} is not one of {', '.join(get_args(Lane))}"
    return Problem("invalid-body", what, pointer=pointer)


def _in_subject(problem: Problem, body: bytes | msgspec.Raw) -> Problem:
    """Return the problem of a subject with the key that it is about, which the decoder does not tell."""
    if problem.pointer != "#/subject":
        return problem
    try:
        subject = _subject.decode(body).subject
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # of what follows
        return problem
    for key, value in subject.items() if isinstance(subject, dict) else ():
        if not isinstance(value, str) or max(len(key), len(value)) > LONGEST_TEXT:
            return Problem(problem.kind, problem.detail, pointer=f"#/subject/{_escaped(key)}")
    return problem


def _malformed(body: bytes, error: Exception) -> Problem:
    """Return what is wrong with a body that is no JSON; half a surrogate pair is, but cannot be stored."""
    pointer = unstorable.first_within(body)
    if pointer is None:
        return Problem("malformed-json", f"the body is not JSON: {error}")
    return Problem("invalid-body", "holds half of a surrogate pair, which is no text", pointer=pointer)


def _evidence(raw: msgspec.Raw) -> Any:
    try:
        return _any.decode(raw)
    except msgspec.ValidationError:
        below = (unstorable.first_within(bytes(raw)) or "#").removeprefix("#")
        raise Problem("invalid-body", "is a number beyond a double", pointer=f"#/evidence{below}") from None


def _stake(asked: StakeBody) -> Stake:
    stake = parse_stake(asked.amount, asked.currency)
    if stake.currency not in CURRENCIES:
        raise InvalidMoney(f"{stake.currency} is no currency of ISO 4217", pointer="#/stake/currency")
    return stake


def _within_limits(asked: QuestionBody, evidence: dict[str, Any], body: bytes | msgspec.Raw) -> None:
    """Refuse at the edge what PostgreSQL would refuse later, for a whole batch."""
    if asked.deadline is not None and asked.deadline.tzinfo is None:
        raise Problem("invalid-body", "an instant needs its offset, as in 2026-03-07T18:21:07Z", pointer="#/deadline")
    if asked.deadline is not None and not 2000 <= asked.deadline.year < 2200:
        raise Problem("invalid-body", "the deadline is not between the years 2000 and 2199", pointer="#/deadline")
    raw = bytes(body)
    escaped = b"\\u" in raw
    if escaped and b"\\u0000" in raw:  # the only way in which JSON can write it
        for pointer, text in _texts(asked):
            _text(text, pointer)
    if escaped or raw.count(b"{") + raw.count(b"[") > DEEPEST:
        _storable(evidence, "#/evidence", 1)


def _texts(asked: QuestionBody) -> Iterator[tuple[str, str]]:
    yield "#/type", asked.type
    yield "#/location", asked.location
    yield "#/idempotency_key", asked.idempotency_key or ""
    for name, value in asked.subject.items():
        yield f"#/subject/{_escaped(name)}", name + value
    for n, candidate in enumerate(asked.candidates or ()):
        yield f"#/candidates/{n}", candidate


def _text(value: str, pointer: str) -> None:
    if "\x00" in value:
        raise Problem("invalid-body", "holds a NUL character, which cannot be stored", pointer=pointer)


def _storable(value: Any, pointer: str, depth: int) -> None:
    if depth > DEEPEST:
        raise Problem("invalid-body", f"is nested deeper than {DEEPEST}", pointer="#/evidence")
    if isinstance(value, str):
        _text(value, pointer)
        return
    if isinstance(value, dict):
        for name, item in value.items():
            _storable(name, f"{pointer}/{_escaped(name)}", depth)
            _storable(item, f"{pointer}/{_escaped(name)}", depth + 1)
    elif isinstance(value, list):
        for n, item in enumerate(value):
            _storable(item, f"{pointer}/{n}", depth + 1)


_validators: dict[int, tuple[Mapping[str, Any], Any]] = {}
"""By identity of the schema, as compiled configuration holds it; with the schema, so that no other takes its place."""


def _validator(schema: Mapping[str, Any]) -> Any:
    known = _validators.get(id(schema))
    if known is None:
        if len(_validators) >= MOST_VALIDATORS:
            _validators.clear()
        known = _validators[id(schema)] = (schema, schemas.validator(schema))
    return known[1]


def _fault(error: Any) -> tuple[str, str]:
    path = "#/evidence" + "".join(f"/{_escaped(str(step))}" for step in error.instance_path)
    missing = getattr(error.kind, "property", None)
    if isinstance(missing, str):
        return f"{path}/{_escaped(missing)}", "is required"
    return path, str(error.message)[:200]


def _escaped(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")[:LONGEST_TEXT]
