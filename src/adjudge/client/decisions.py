"""The calls about decisions."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any, TypeAlias

import msgspec

from adjudge.client.calls import LONGEST_WAIT_SECONDS, Call, Pause, Steps, known, path, prefer_wait, reader
from adjudge.client.problems import Problem, problem_of
from adjudge.client.values import Decision, Labelled, Page, Path, Source, Status

Stake: TypeAlias = str | tuple[str | int | Decimal, str]
"""`50.00 USD`, or amount and currency. Never a float."""

LARGEST_BULK = 1000
LARGEST_PAGE = 200
SHORTEST_POLL_SECONDS = 1.0

_decision = reader(Decision)
_path = reader(Path)
_labelled = reader(Labelled)
_page = reader(Page)


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a bulk post."""

    type: str
    evidence: Mapping[str, Any]
    location: str = "default"
    subject: Mapping[str, str] | None = None
    candidates: Sequence[str] | None = None
    stake: Stake | None = None
    deadline: datetime | None = None
    lane: str | None = None
    idempotency_key: str | None = None

    def body(self) -> dict[str, Any]:
        """Return the question as the API reads it.

        Raises ValueError for a deadline without offset, and for NaN or infinity in the evidence; TypeError for a
        deadline that is no datetime.
        """
        _check_finite(self.evidence, "evidence")
        if self.deadline is not None and not isinstance(self.deadline, datetime):
            raise TypeError(f"a deadline is a datetime with an offset, not {self.deadline!r}")
        if self.deadline is not None and self.deadline.tzinfo is None:
            raise ValueError("a deadline needs an offset: datetime.now(timezone.utc) + ...")
        return known(
            type=self.type,
            location=self.location,
            subject=self.subject,
            evidence=self.evidence,
            candidates=self.candidates,
            stake=None if self.stake is None else money(self.stake),
            deadline=None if self.deadline is None else self.deadline.isoformat(),
            lane=self.lane,
        )


def _check_finite(value: Any, place: str) -> None:
    """JSON has no such numbers: they would be sent as null, and other evidence decided on than was given."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{place} is {value}, which JSON does not have")
    if isinstance(value, Mapping):
        for name, each in value.items():
            _check_finite(each, f"{place}.{name}")
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            _check_finite(each, f"{place}[{number}]")


def create(
    type: str,
    *,
    evidence: Mapping[str, Any],
    location: str = "default",
    subject: Mapping[str, str] | None = None,
    candidates: Sequence[str] | None = None,
    stake: Stake | None = None,
    deadline: datetime | None = None,
    wait: int | None = None,
    lane: str | None = None,
    idempotency_key: str | None = None,
) -> Call[Decision]:
    """Ask a question; with `wait`, give it up to so many seconds (at most 30) to be settled.

    Retries carry one idempotency key, so that the question is asked once. Name one to make the
    whole call repeatable, from another process too.
    """
    question = Question(type, evidence, location, subject, candidates, stake, deadline, lane)
    return Call(
        method="POST",
        path=path("decisions"),
        read=_decision,
        body=question.body(),
        headers=prefer_wait(wait) | known(**{"Idempotency-Key": idempotency_key}),
        wait_seconds=wait or 0,
        keyed=True,
    )


def get(id: str, *, wait: int | None = None) -> Call[Decision]:
    """Return a decision; with `wait`, after up to so many seconds (at most 30) or its outcome."""
    return Call(
        method="GET",
        path=path("decisions", id),
        read=_decision,
        headers=prefer_wait(wait),
        wait_seconds=wait or 0,
    )


def explain(id: str) -> Call[Path]:
    """Return all that happened to a decision."""
    return Call(method="GET", path=path("decisions", id, "path"), read=_path)


def cancel(id: str, *, reason: str | None = None) -> Call[Decision]:
    """Cancel an open decision. Raises Conflict where it is settled: its `members` have the outcome."""
    return Call(method="POST", path=path("decisions", id, "cancel"), read=_decision, body=known(reason=reason))


def truth(
    id: str,
    answer: Any,
    *,
    source: str,
    ref: str | None = None,
    answer_could_influence: bool | None = None,
) -> Call[Labelled]:
    """Record what turned out to be right, and how that is known: `appeal`, `refund`, `stock-take`.

    `answer_could_influence`: whether the answer given had a part in this being observed, as with complaints (the
    server's default). False, as of a recount of all, it is the truth of an open audit.
    """
    body = {"answer": answer, **known(source=source, ref=ref, answer_could_influence=answer_could_influence)}
    return Call(method="POST", path=path("decisions", id, "truth"), read=_labelled, body=body)


@dataclass(slots=True)
class Listing:
    """Decisions, newest first, a page at a time, as far as the caller reads on."""

    left: int | None = None
    """How many are wanted still; None: all."""
    type: str | None = None
    location: str | None = None
    status: Status | None = None
    source: Source | None = None
    since: datetime | None = None
    until: datetime | None = None
    cursor: str | None = None
    ended: bool = False

    def next_page(self) -> Call[Page] | None:
        """Return the call for the next page; None when there is none, or no more are wanted."""
        if self.ended or (self.left is not None and self.left <= 0):
            return None
        params = known(
            type=self.type,
            location=self.location,
            status=self.status,
            source=self.source,
            since=self.since and self.since.isoformat(),
            until=self.until and self.until.isoformat(),
            limit=str(min(LARGEST_PAGE, LARGEST_PAGE if self.left is None else self.left)),
            cursor=self.cursor,
        )
        return Call(method="GET", path=path("decisions"), read=_page, params=params)

    def take(self, page: Page) -> tuple[Decision, ...]:
        """Return the decisions of the page, and remember where it ended."""
        self.cursor, self.ended = page.next, page.next is None
        if self.left is not None:
            self.left -= len(page.items)
        return page.items


def wait_for(id: str, timeout: float, now: Callable[[], float]) -> Steps[Decision]:
    """Long-poll until there is an outcome or `timeout` seconds are over; return the decision as it then stands."""
    ends = now() + timeout
    while True:
        asked = now()
        decision: Decision = yield get(id, wait=min(LONGEST_WAIT_SECONDS, max(0, math.ceil(ends - asked))))
        if decision.outcome is not None or decision.status == "cancelled" or now() >= ends:
            return decision
        if (early := asked + SHORTEST_POLL_SECONDS - now()) > 0:
            yield Pause(min(early, ends - now()))


def create_many(questions: Iterable[Question], new_key: Callable[[], str]) -> Steps[list[Decision | Problem]]:
    """Post questions by the thousand; return a decision or a problem for each, in order.

    Raises TypeError for what is no Question, before that batch is posted.
    """
    waiting, answers = iter(questions), list[Decision | Problem]()
    while batch := list(islice(waiting, LARGEST_BULK)):
        for number, one in enumerate(batch, len(answers)):
            if not isinstance(one, Question):
                raise TypeError(f"number {number} is no Question(type, evidence, ...): {one!r}")
        answers += yield bulk([replace(one, idempotency_key=one.idempotency_key or new_key()) for one in batch])
    return answers


def bulk(questions: Sequence[Question]) -> Call[list[Decision | Problem]]:
    """Ask up to 1000 questions in one post, which is not atomic."""
    items = [one.body() | known(idempotency_key=one.idempotency_key) for one in questions]
    return Call(method="POST", path=path("decisions", "bulk"), read=_read_bulk, body={"items": items})


def money(stake: Stake) -> dict[str, str]:
    """Return a stake as the API reads it. Raises TypeError for a float, and for what is no stake."""
    if isinstance(stake, str):
        amount, _, currency = stake.partition(" ")
        return {"amount": amount, "currency": currency}
    if not isinstance(stake, tuple | list) or len(stake) != 2:
        raise TypeError(f'a stake is "50.00 USD", or an amount and a currency, not {stake!r}')
    if isinstance(stake[0], float):
        raise TypeError('an amount is a decimal string such as "50.00", never a float')
    return {"amount": str(stake[0]), "currency": stake[1]}


class _BulkItem(msgspec.Struct, frozen=True):
    status: int
    decision: Decision | None = None
    problem: dict[str, Any] | None = None
    retry_after: float | None = None

    def value(self) -> Decision | Problem:
        if self.decision is not None:
            return self.decision
        return problem_of(self.status, self.problem or {}, self.retry_after)


class _Bulk(msgspec.Struct, frozen=True):
    items: list[_BulkItem]


def _read_bulk(content: bytes) -> list[Decision | Problem]:
    return [item.value() for item in msgspec.json.decode(content, type=_Bulk).items]
