"""Decisions: read, list, cancel, and what turned out to be true."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Body, Header, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from adjudge.api import asking, hot
from adjudge.api.answers import as_json
from adjudge.api.authentication import ClientOrOperator
from adjudge.api.filters import check_names
from adjudge.api.instants import Instant
from adjudge.api.problems import Problem
from adjudge.api.services import Here, Services
from adjudge.api.shapes import PROBLEMS
from adjudge.api.shapes.decisions import BulkResults, Decision, Labelled, Page, PathView
from adjudge.api.views import answer_value, view
from adjudge.core.answers import OutsideSpace
from adjudge.core.events import read_events
from adjudge.core.money import Stake, show_micros
from adjudge.engine.deciding.amending import RESERVED, Truth
from adjudge.engine.deciding.cancelling import AlreadySettled
from adjudge.store import decisions, labels, shadows
from adjudge.store.connecting import Connection
from adjudge.store.scope import Scope

router = APIRouter(prefix="/v1/decisions", tags=["decisions"])


QUESTION: dict[str, Any] = {
    "type": "claim.pay",
    "subject": {"claim": "c-1"},
    "evidence": {"amount": "30.00", "text": "broken cup"},
    "stake": {"amount": "30.00", "currency": "USD"},
}


class Money(BaseModel):
    """An amount at risk."""

    amount: str = Field(pattern=r"^\d{1,15}(\.\d{1,6})?$", examples=["2.49"])
    currency: str = Field(pattern="^[A-Z]{3}$", description="ISO 4217")


class Question(BaseModel):
    """A question. Evidence follows the JSON Schema of its type."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [QUESTION]})

    type: str = Field(max_length=200)
    location: str = Field("default", max_length=200)
    subject: dict[str, str] = Field(default_factory=dict, description="your own keys, up to 8")
    evidence: dict[str, Any]
    candidates: list[Annotated[str, Field(min_length=1, max_length=200)]] | None = Field(None, max_length=1_000)
    stake: Money | None = None
    deadline: AwareDatetime | None = Field(None, description="at most 30 days away")
    lane: Literal["realtime", "standard", "bulk"] | None = None
    idempotency_key: str | None = Field(None, description="instead of the header; items of a bulk post carry their own")


class Questions(BaseModel):
    """Many questions: each its own decision, with its own key and result."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [{**QUESTION, "idempotency_key": "c-1"}]}]})

    items: list[Question] = Field(max_length=1_000)


class Cancellation(BaseModel):
    """Why a decision is no longer wanted."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "the customer left"}]})

    reason: str = Field("", max_length=500)


class TruthBody(BaseModel):
    """What turned out to be true."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"answer": "pay", "source": "appeal"}]})

    answer: Any
    source: str = Field(max_length=100, min_length=1)
    ref: str = Field("", max_length=200, description="the source's own id: said twice, it counts once")
    answer_could_influence: bool = Field(
        True,
        description="whether the answer given had a part in this being observed, as with complaints. Where it had none,"
        " this is the truth of an open audit",
    )


IDEMPOTENCY = Header(alias="Idempotency-Key", description="scoped to your key, kept 24 h")
PREFER = Header(description="`wait=n`: up to 30 seconds", examples=["wait=5"])
TRACE = Header(description="W3C trace context; travels with the decision")


@router.post(
    "",
    status_code=202,
    response_model=Decision,
    responses={200: {"model": Decision, "description": "the outcome is in"}, **PROBLEMS},
)
async def create(
    body: Annotated[Question, Body()],
    idempotency_key: Annotated[str | None, IDEMPOTENCY] = None,
    prefer: Annotated[str | None, PREFER] = None,
    traceparent: Annotated[str | None, TRACE] = None,
) -> Response:
    """Ask a question. 202 is sent once the decision is durable; 200 with the outcome where you waited for it."""
    raise AssertionError("answered by HotPath")  # described here, answered before the router


@router.post("/bulk", response_model=BulkResults, responses=PROBLEMS)
async def create_many(body: Annotated[Questions, Body()]) -> Response:
    """Ask up to 1,000 questions. Not atomic: each item has its own status, and `decision` or `problem`."""
    raise AssertionError("answered by HotPath")  # described here, answered before the router


@router.get("", response_model=Page, responses=PROBLEMS)
async def list_decisions(
    scope: ClientOrOperator,
    here: Here,
    type: Annotated[str | None, Query(max_length=200)] = None,
    location: Annotated[str | None, Query(max_length=200)] = None,
    status: Literal["open", "held", "provisional", "final", "amended", "cancelled"] | None = None,
    source: Literal["model", "rule", "reviewer", "fallback", "cancel"] | None = None,
    since: Instant | None = None,
    until: Instant | None = None,
    limit: Annotated[int, Query(ge=1, le=decisions.LONGEST_PAGE)] = 50,
    cursor: UUID | None = None,
) -> Response:
    """List decisions of your locations, newest first. Pages by id can miss late commits."""
    await check_names(here, scope, type, location)
    wanted = decisions.Filter(type=type, location=location, status=status, source=source, since=since, until=until)
    async with here.pool.acquire() as connection:
        page = await decisions.page(connection, scope, wanted, cursor, limit)
    return as_json({"items": [view(seen) for seen in page], "next": page[-1].id if len(page) == limit else None})


@router.get("/{decision}", response_model=Decision, responses=PROBLEMS)
async def get(
    decision: UUID, request: Request, scope: ClientOrOperator, here: Here, prefer: Annotated[str | None, PREFER] = None
) -> Response:
    """Read a decision; with `Prefer: wait=n`, once it has its outcome."""
    wait, applied = hot.waiting(prefer.encode("latin-1") if prefer else None)
    response = as_json(await asking.wait_for(here, scope, decision, wait))
    await here.authentication.scope(request.headers["authorization"].encode("latin-1"))  # it may have ended meanwhile
    if applied is not None:
        response.headers["Preference-Applied"] = applied.decode()
    return response


@router.get("/{decision}/path", response_model=PathView, responses=PROBLEMS)
async def get_path(decision: UUID, scope: ClientOrOperator, here: Here) -> Response:
    """Read all that happened to a decision, in the order recorded, and every version of its outcome."""
    async with here.pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        found = await _seen(connection, scope, decision)
        outcomes, later, history = await decisions.path(connection, decision)
        aside = await shadows.of_decision(connection, decision)
        known = await labels.of_decision(connection, decision)
        if not found.is_imported:
            await here.revisions.load(connection, {found.revision})
    events = [event for outcome in outcomes for event in read_events(str(outcome["path"]))]
    told = len(events)
    events += read_events(history)[told:] if history else ()
    for_operator = scope.role in ("operator", "admin")
    return as_json(
        {
            "decision": view(found),
            "stake": _stake(found),
            "plan": _plan(here, found),
            "audit": {"drawn": found.audit, "rate": round(found.audit_rate, 6)} if for_operator else None,
            "trace": found.trace,
            "events": [_event(found, event, for_operator=for_operator) for event in events]
            + [msgspec.Raw(event.encode()) for event in later],
            "outcomes": [_outcome(found, outcome) for outcome in outcomes],
            "labels": [
                {**label, "answer": answer_value(found.facts, label["answer"])}
                for label in known
                if for_operator or label["source"] not in RESERVED  # who answered, and what is audited, is not for all
            ],
            "shadow": [_aside(found, opinion) for opinion in aside] if for_operator else None,
        }
    )


@router.post("/{decision}/cancel", response_model=Decision, responses=PROBLEMS)
async def cancel(
    decision: UUID, scope: ClientOrOperator, here: Here, body: Annotated[Cancellation | None, Body()] = None
) -> Response:
    """End an open decision. 409 with the decision where it is settled already."""
    async with here.pool.acquire() as connection:
        found = await _seen(connection, scope, decision)
    if found.status not in ("open", "held", "provisional"):
        raise Problem("already-settled", "the decision is settled", decision=view(found))
    try:
        await here.cancelling.cancel(decision, by=scope.role, reason=body.reason if body else "")
    except AlreadySettled:  # since it was read
        now_settled = await asking.read(here, scope, decision)
        raise Problem("already-settled", "the decision is settled", decision=now_settled) from None
    return as_json(await asking.read(here, scope, decision))


@router.post("/{decision}/truth", response_model=Labelled, responses=PROBLEMS)
async def truth(decision: UUID, body: TruthBody, scope: ClientOrOperator, here: Here) -> Response:
    """Say what turned out to be true. It is a label; it amends a final outcome where the type says so."""
    async with here.pool.acquire() as connection:
        found = await _seen(connection, scope, decision)
    try:
        said = Truth(
            decision=decision,
            answer=body.answer,
            source=body.source,
            ref=body.ref,
            could_influence=body.answer_could_influence,
        )
        label = await here.amending.by_truth(scope, said)
    except OutsideSpace as error:
        raise Problem("answer-outside-space", str(error), pointer=f"#/answer{error.within}") from None
    here.waiters.wake([decision])
    return as_json(
        {
            "label": {
                "source": body.source,
                "ref": body.ref,
                "answer": body.answer,
                "recorded": label.recorded,
                "amended": label.amended,
            },
            "decision": await asking.read(here, scope, found.id),
        }
    )


async def _seen(connection: Connection, scope: Scope, decision: UUID) -> decisions.Seen:
    found = await decisions.get(connection, scope, decision)
    if found is None:
        raise await asking.missing(connection, decision)
    return found


def _plan(here: Services, found: decisions.Seen) -> dict[str, Any] | None:
    if found.is_imported:
        return None
    plan = here.revisions.plan(found.revision, found.location, found.type, found.plan_hash)
    return {"name": plan.name, "hash": found.plan_hash, "revision": found.revision}


def _event(found: decisions.Seen, event: Any, *, for_operator: bool) -> dict[str, Any]:
    """Return an event of the path with the answer as a value and the cost as money."""
    shown: dict[str, Any] = msgspec.to_builtins(event)
    if "answer" in shown:
        shown["answer"] = answer_value(found.facts, shown["answer"])
    if shown.get("cost_micros"):
        shown["cost"] = show_micros(shown["cost_micros"], shown["currency"])
    is_persons = shown["kind"] == "declined" or (shown["kind"] == "opinion" and shown["source"] == "reviewer")
    if is_persons and not for_operator:
        shown["by"] = shown.get("pool")
    return shown


def _outcome(found: decisions.Seen, outcome: dict[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in outcome.items() if name not in ("path", "relied")}
    shown["answer"] = answer_value(found.facts, outcome["answer"])
    costs: dict[str, int] = msgspec.json.decode(str(outcome["cost"]))
    shown["cost"] = [show_micros(micros, currency) for currency, micros in sorted(costs.items())]
    return shown


def _aside(found: decisions.Seen, opinion: dict[str, Any]) -> dict[str, Any]:
    """Return what a decider in shadow said: the answer as a value, the cost as money."""
    shown = {name: value for name, value in opinion.items() if name not in ("cost_micros", "currency")}
    shown["answer"] = answer_value(found.facts, opinion["answer"])
    shown["distribution"] = msgspec.Raw((opinion["distribution"] or "null").encode())
    return {**shown, "cost": show_micros(opinion["cost_micros"], opinion["currency"])}


def _stake(found: decisions.Seen) -> dict[str, str] | None:
    if found.stake_minor is None or found.stake_currency is None:
        return None
    return {"amount": Stake(found.stake_minor, found.stake_currency).decimal(), "currency": found.stake_currency}
