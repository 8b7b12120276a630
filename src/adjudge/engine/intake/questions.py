"""What a caller asks, and the case that `advance` is told of it."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from adjudge.core.alike import LOOK_THE_SAME, indistinguishable
from adjudge.core.answers import Candidates, OutsideSpace, close, keyed
from adjudge.core.errors import AdjudgeError
from adjudge.core.expressions import Expression
from adjudge.core.facts import FactValue
from adjudge.core.history import Case
from adjudge.core.money import Stake
from adjudge.core.plans import LONGEST_DEADLINE, Plan
from adjudge.core.specifications import Location, QuestionType

MOST_CANDIDATES = 1_000

_canonical = msgspec.json.Encoder(order="deterministic").encode


class InvalidQuestion(AdjudgeError):
    """The question does not fit its type."""

    kind = "invalid-question"


class InvalidEvidence(AdjudgeError):
    """The evidence does not fit the type's schema."""

    kind = "invalid-evidence"

    def __init__(self, question_type: str, faults: Sequence[tuple[str, str]]) -> None:
        super().__init__(f"evidence does not fit {question_type}", pointer=faults[0][0])
        self.title = f"Evidence does not fit {question_type}"
        self.faults = tuple(faults)
        """(JSON pointer, what is wrong), all of them."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller asks, decoded and within the limits of the edge.

    A msgspec Struct, because one is made for every post, and a dataclass takes five times as long to make.
    """

    type: str
    location: str
    evidence: Mapping[str, Any]
    evidence_json: bytes
    subject: Mapping[str, str]
    candidates: tuple[str, ...] | None = None
    stake: Stake | None = None
    deadline: datetime | None = None
    lane: str | None = None
    trace: str | None = None
    idempotency_key: str | None = None


def fingerprint(question: Question) -> bytes:
    """Return the fingerprint by which a repeated question is recognised; empty if it has no idempotency key.

    It is a hash of the decoded question, not of its bytes: a retry may order its fields otherwise. What it is hashed
    from stays as it was from release to release: a retry may come to the next one.
    """
    if question.idempotency_key is None:
        return b""
    body = (
        question.type,
        question.location,
        question.evidence,
        question.subject,
        question.candidates,
        question.stake,
        question.deadline,
        question.lane,
    )
    return hashlib.blake2b(_canonical(body), digest_size=16).digest()


def case_of(
    question: Question,
    kind: QuestionType,
    plan: Plan,
    location: Location,
    now: datetime,
    facts: dict[str, FactValue],
    *,
    shed: bool = False,
) -> Case:
    """Return what `advance` is told of a question. Raises InvalidQuestion."""
    candidates = _candidates(question, kind)
    space = close(kind.space, candidates)
    asked_for = question.deadline and question.deadline.astimezone(UTC)  # shown as it will be stored
    deadline = asked_for or now + (kind.deadline or LONGEST_DEADLINE)
    if deadline > now + LONGEST_DEADLINE:
        raise InvalidQuestion("a deadline is at most 30 days away", pointer="#/deadline")
    late = deadline <= now
    if late and plan.late == "ask":
        deadline = now + (kind.deadline or LONGEST_DEADLINE)
    return Case(
        type=kind.name,
        location=location.name,
        space=space,
        deadline=deadline,
        stake=question.stake,
        currency=location.currency_beside(question.stake),
        attributes=dict(location.attributes),
        safe_side=_safe_side(question, kind, location, space, candidates),
        late=late,
        slice=location.slice_by(kind.audits.slices) if kind.audits is not None else "",
        groups=location.groups,
        facts=facts,
        shed=shed,
    )


def _candidates(question: Question, kind: QuestionType) -> tuple[str, ...] | None:
    if not isinstance(kind.space, Candidates):
        if question.candidates is not None:
            raise InvalidQuestion(
                f"the answers of {kind.name} are declared in configuration: send no candidates", pointer="#/candidates"
            )
        return None
    if not question.candidates:
        raise InvalidQuestion(f"{kind.name} needs its candidates", pointer="#/candidates")
    if len(set(question.candidates)) < len(question.candidates) or len(question.candidates) > MOST_CANDIDATES:
        raise InvalidQuestion(f"candidates must be different, and at most {MOST_CANDIDATES}", pointer="#/candidates")
    if pair := next(indistinguishable((*question.candidates, *kind.space.always)), None):
        raise InvalidQuestion(f"the candidates {pair[0]!r} and {pair[1]!r} {LOOK_THE_SAME}", pointer="#/candidates")
    return question.candidates


def _safe_side(
    question: Question, kind: QuestionType, location: Location, space: Any, candidates: tuple[str, ...] | None
) -> str | None:
    """Return the harmless answer. An expression that gives none leaves the plan's other answers."""
    if not isinstance(kind.safe_side, Expression):
        return kind.safe_side
    value = kind.safe_side.value(
        {
            "evidence": question.evidence,
            "candidates": list(candidates or ()),
            "attributes": dict(location.attributes),
        }
    )
    try:
        return keyed(space, value)
    except OutsideSpace as error:
        raise InvalidQuestion(
            f"its safe side cannot be computed from the evidence: {error}", pointer="#/evidence"
        ) from None
