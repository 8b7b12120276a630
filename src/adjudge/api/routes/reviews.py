"""What reviewers do: claim, answer, decline, release, heartbeat. The key says who the reviewer is."""

from collections.abc import Collection
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import structlog
from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from adjudge.api import hot
from adjudge.api.answers import as_json
from adjudge.api.authentication import OperatorOrReviewer, Reviewer
from adjudge.api.media import Lease, references
from adjudge.api.problems import Problem
from adjudge.api.routes.decisions import PREFER
from adjudge.api.services import Here, Services
from adjudge.api.shapes import PROBLEMS
from adjudge.api.shapes.reviews import ClaimView, DeclineView, LeaseView, Queues, Recorded, ReleaseView
from adjudge.config import Configuration
from adjudge.config.errors import UnknownLocation, UnknownType
from adjudge.core.answers import Boolean, ClosedSpace, Integer, Labels, Structured
from adjudge.core.errors import AdjudgeError
from adjudge.core.money import Stake
from adjudge.core.specifications import PoolSpec, QuestionType
from adjudge.review import answering, claiming
from adjudge.review.claiming import Claimant
from adjudge.store import decisions, work
from adjudge.store.review.claims import Claimed
from adjudge.store.review.queues import pools_in_use, read_queues

log = structlog.get_logger()
router = APIRouter(prefix="/v1/reviews", tags=["reviews"])


class Claim(BaseModel):
    """What is asked for. Unset: anything from the pools that the key belongs to."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"count": 1}]})

    pools: list[str] | None = Field(None, max_length=100)
    count: int = Field(1, ge=1, le=3, description="more than one: to prefetch under lease")


class AnswerBody(BaseModel):
    """A person's answer."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"answer": "refuse", "token": "…"}]})

    answer: Any
    token: UUID | None = Field(None, description="of the lease; without it, your latest lease on the task")
    seconds: float | None = Field(None, ge=0, le=86_400, description="seconds at work, time away taken off")


class DeclineBody(BaseModel):
    """Why a task is given back."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "unsure"}]})

    token: UUID | None = None
    reason: Literal["no_evidence", "unsure", "conflict", "other"] = "other"
    note: str | None = Field(None, max_length=500)


class TokenBody(BaseModel):
    """Which lease."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{}]})

    token: UUID | None = None


@router.post("/claim", response_model=ClaimView, responses=PROBLEMS)
async def claim(
    request: Request,
    scope: Reviewer,
    here: Here,
    body: Annotated[Claim | None, Body()] = None,
    prefer: Annotated[str | None, PREFER] = None,
) -> Response:
    """Take the next tasks under lease; with `Prefer: wait=20`, once there are some. Empty says why."""
    wanted = body or Claim()
    key = request.headers["authorization"].encode("latin-1")

    async def claimant() -> Claimant:
        scope = await here.authentication.scope(key)
        member = list(scope.pools or ())
        pools, asked_for = await _pools(here, member), wanted.pools or member
        return Claimant(scope, asked_for, {name: pools[name] for name in asked_for if name in member and name in pools})

    async def has_left() -> bool:
        return here.waiters.is_closed or await request.is_disconnected()

    wait, applied = hot.waiting(prefer.encode("latin-1") if prefer else None)
    claimed, last = await claiming.claim(
        here.pool, claimant, count=wanted.count, seconds=wait, has_left=has_left, chance=here.chance
    )
    empty = None
    if claimed:
        await _hold(here, {task.revision for task in claimed})
    else:
        reason, detail = await claiming.why_empty(here.pool, last)
        empty = {"reason": reason, "detail": detail}
    response = as_json({"tasks": [_task(here, task) for task in claimed], "empty": empty})
    if applied is not None:
        response.headers["Preference-Applied"] = applied.decode()
    return response


@router.post("/{task}/answer", response_model=Recorded, responses=PROBLEMS)
async def answer(task: UUID, body: AnswerBody, scope: Reviewer, here: Here) -> Response:
    """Answer a task. After the lease or after settlement the answer is kept as a label, and a problem says so."""
    async with here.pool.acquire() as connection, connection.transaction():
        recorded = await here.answering.answer(
            connection, scope, task, token=body.token, value=body.answer, seconds=body.seconds
        )
    await here.sender.perform(recorded.effects)
    here.waiters.wake([finished.decision for finished in recorded.effects.finished])
    if recorded.late is not None:
        is_settled = recorded.late == "decision-settled"
        why = "the decision is settled" if is_settled else "the lease has ended, or others are asked"
        amended = is_settled and await _amended(here, recorded.decision)
        raise Problem(recorded.late, f"{why}: your answer is kept as a label", recorded="label", amended=amended)
    return as_json({"recorded": "vote", "decision_status": await _status(here, task)})


@router.post("/{task}/decline", response_model=DeclineView, responses=PROBLEMS)
async def decline(task: UUID, body: DeclineBody, scope: Reviewer, here: Here) -> Response:
    """Give a task back for somebody else. Not a vote; you will not get this decision again."""
    async with here.pool.acquire() as connection, connection.transaction():
        effects = await here.answering.decline(
            connection, scope, task, token=body.token, reason=body.reason, note=body.note
        )
    await here.sender.perform(effects)
    return as_json({"declined": True})


@router.post("/{task}/release", response_model=ReleaseView, responses=PROBLEMS)
async def release(
    task: UUID, scope: Reviewer, here: Here, body: Annotated[TokenBody | None, Body()] = None
) -> Response:
    """Give back a task that you have not looked at; it may come to you again."""
    async with here.pool.acquire() as connection, connection.transaction():
        released = await answering.release(connection, scope, task, token=body.token if body else None)
    return as_json({"released": released})


@router.post("/{task}/heartbeat", response_model=LeaseView, responses=PROBLEMS)
async def heartbeat(
    task: UUID, scope: Reviewer, here: Here, body: Annotated[TokenBody | None, Body()] = None
) -> Response:
    """Prolong your lease. 409 where it has ended."""
    async with here.pool.acquire() as connection, connection.transaction():
        until = await here.answering.prolong(connection, scope, task, token=body.token if body else None)
    return as_json({"lease_until": until})


@router.get("/queues", response_model=Queues, responses=PROBLEMS)
async def queues(scope: OperatorOrReviewer, here: Here) -> Response:
    """Read what waits in each pool, and how fast it is worked off."""
    async with here.pool.acquire() as connection:
        wanted = await pools_in_use(connection, scope) if scope.pools is None else scope.pools
    current, pools = here.revisions.current.pools, await _pools(here, wanted)
    names = [name for name in pools if scope.pools is None or name in scope.pools]
    async with here.pool.acquire() as connection:
        found = await read_queues(connection, scope, names)
    return as_json(
        {
            "queues": [
                {**msgspec.to_builtins(queue), "paused": pools[queue.pool].paused}
                for queue in found
                if queue.pool in current or queue.waiting or queue.leased
            ]
        }
    )


async def _pools(here: Services, wanted: Collection[str]) -> dict[str, PoolSpec]:
    """Return the pools of configuration, and those of `wanted` that went with an older revision."""
    pools = here.revisions.pools()
    if all(name in pools for name in wanted):
        return pools
    async with here.pool.acquire() as connection:
        await here.revisions.load(connection, await work.revisions_in_use(connection))
    return here.revisions.pools()


async def _amended(here: Services, decision: UUID) -> bool:
    """Let a late vote amend where its type says so; return whether it did."""
    amended = await here.amending.by_late_votes(decision)
    if amended:
        here.waiters.wake([decision])
    return amended


async def _status(here: Services, task: UUID) -> str:
    """Return how the decision stands after a vote: no more than that is a reviewer's to know."""
    async with here.pool.acquire() as connection:
        return await decisions.status_of_task(connection, task)


async def _hold(here: Services, revisions: set[int]) -> None:
    """Hold the revisions that the tasks began with, where they can still be read: the lease stands either way."""
    async with here.pool.acquire() as connection:
        for revision in revisions:
            try:
                await here.revisions.load(connection, {revision})
            except AdjudgeError as error:
                log.warning("claim.revision_unknown", revision=revision, error=str(error))


def _question_type(configuration: Configuration, task: Claimed) -> QuestionType | None:
    try:
        return configuration.question_type(task.location, task.type)
    except (UnknownLocation, UnknownType):
        return None


def _task(here: Services, task: Claimed) -> dict[str, Any]:
    """Return what a reviewer is shown: nothing derived from a model or another person."""
    kind = _question_type(here.revisions.configuration(task.revision), task)
    evidence: dict[str, Any] = msgspec.json.decode(task.evidence) if task.evidence else {}
    stake = None
    if task.stake_minor is not None and task.stake_currency is not None:
        stake = Stake(task.stake_minor, task.stake_currency)
    media = references(evidence)
    if media is not None:
        del evidence["media"]
    lease = Lease(task=task.id, token=task.token, until=task.lease_until)
    return {
        "id": task.id,
        "token": task.token,
        "pool": task.pool,
        "type": task.type,
        "title": kind.title if kind else "",
        "guidelines": kind.guidelines if kind else "",
        "location": task.location,
        "evidence": evidence,
        "media": here.media.resolve(media or (), here.revisions.current, lease),
        "answers": _answers(task),
        "show": kind.show if kind else (),
        "stake": {"amount": stake.decimal(), "currency": stake.currency} if stake else None,
        "asked_at": task.asked_at,
        "due_at": task.due_at,
        "lease_until": task.lease_until,
    }


def _answers(task: Claimed) -> Any:
    space: ClosedSpace = work.read_case(task.facts).space
    match space:
        case Labels():
            return task.candidates
        case Boolean():
            return {"boolean": True}
        case Integer(minimum, maximum):
            return {"integer": {"min": minimum, "max": maximum}}
        case Structured(schema):
            return {"schema": msgspec.json.decode(schema)}
