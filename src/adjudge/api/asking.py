"""One question, from its bytes to its answer: shared by the single and the bulk post."""

import asyncio
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
import structlog

from adjudge.api import questions
from adjudge.api.problems import Problem
from adjudge.api.services import Services
from adjudge.api.views import DecisionView, view
from adjudge.engine.admission import Overloaded
from adjudge.engine.intake import Known, Opened, Question
from adjudge.engine.notifying import within
from adjudge.store import decisions, retention
from adjudge.store.connecting import UNAVAILABLE, Connection
from adjudge.store.intake import NewDecision, Replayed
from adjudge.store.scope import Scope

log = structlog.get_logger()


class Submitted(NamedTuple):
    """A question on its way into the database."""

    row: NewDecision
    opened: Opened
    durable: "asyncio.Future[datetime | Replayed]"


async def submit(services: Services, scope: Scope, question: Question, *, reply: str | None = None) -> Submitted:
    """Check a question, wait for its location's turn, and have it made durable.

    Raises what intake raises, Overloaded, and LimitReached.
    """
    place = services.intake.place(scope, question.location, question.type)
    questions.check_evidence(place.kind.name, place.kind.evidence, question.evidence)
    if services.admission.has_to_wait(question.location):
        await services.admission.turn(question.lane or place.kind.lane, question.location)
    row, opened = services.intake.prepare(scope, place, question, reply=reply)
    if row.terms.limited:
        await services.limiter.open(scope)
    try:
        services.admission.enter(row.terms.lane, row.terms.location)
    except Overloaded:
        if not opened.has_shed_fallback:
            raise
        row, opened = services.intake.prepare(scope, place, question, reply=reply, shed=True)
        services.admission.enter_unasked(row.terms.lane, row.terms.location)
    durable = services.intake.submit(row, opened)
    if row.terms.limited:
        services.limiter.track(scope, durable)
    durable.add_done_callback(lambda _: services.admission.leave(row.terms.location))
    return Submitted(row, opened, durable)


async def ask(
    services: Services, scope: Scope, question: Question, *, wait_seconds: float
) -> tuple[DecisionView, bool]:
    """Accept a question; return the decision, and whether an earlier post of its key made it.

    Waits up to `wait_seconds` for an outcome. Raises what `submit` and its future raise, and KeyReused.
    """
    if wait_seconds <= 0 or services.waiters.is_full:
        return await accepted(services, scope, await submit(services, scope, question), wait_seconds)
    submitted = await submit(services, scope, question, reply=services.waiters.replica)
    with services.waiters.expecting(submitted.opened.id) as outcome:  # before it is sent: no hint is missed
        return await accepted(services, scope, submitted, wait_seconds, outcome)


async def accepted(
    services: Services,
    scope: Scope,
    submitted: Submitted,
    wait_seconds: float,
    outcome: "asyncio.Future[None] | None" = None,
) -> tuple[DecisionView, bool]:
    """Return the decision once it is durable, and once `outcome` is there or the wait over; see `ask`."""
    row, opened, durable = submitted
    answer = services.intake.accepted(row, await durable)
    if isinstance(answer, Known):
        return await wait_for(services, scope, answer.id, wait_seconds), True
    try:
        if not opened.started:
            await start(services, opened.id)
            return await wait_for(services, scope, opened.id, wait_seconds), False
        if outcome is not None:
            await within(outcome, wait_seconds)
            return await read(services, scope, opened.id), False
    except UNAVAILABLE as error:  # it is durable: whoever hears 503 would ask again
        log.warning("api.unread", decision=str(opened.id), error=repr(error))
    return fresh(row, opened, answer), False


async def start(services: Services, decision: UUID) -> None:
    """Take the first step of a decision that does not begin with a model. What fails here is still due."""
    try:
        async with services.pool.acquire() as connection, connection.transaction():
            effects = await services.stepper.step(connection, {decision: []})
    except UNAVAILABLE:
        return
    await services.sender.perform(effects)
    services.waiters.wake([finished.decision for finished in effects.finished])


async def wait_for(services: Services, scope: Scope, decision: UUID, seconds: float) -> DecisionView:
    """Return the decision once it has a final outcome, or as it is after `seconds`."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        with services.waiters.expecting(decision) as outcome:
            found = await read(services, scope, decision)
            left = deadline - asyncio.get_running_loop().time()
            if found.status not in ("open", "held", "provisional") or left <= 0:
                return found
            if found.status == "provisional" or not await within(outcome, left):
                return found if found.status == "provisional" else await read(services, scope, decision)


async def read(services: Services, scope: Scope, decision: UUID) -> DecisionView:
    """Return a decision that the caller may see. Raises Problem: unknown-decision, decision-gone."""
    async with services.pool.acquire() as connection:
        found = await decisions.get(connection, scope, [decision])
        if decision not in found:
            raise await missing(connection, decision)
    return view(found[decision])


async def missing(connection: Connection, decision: UUID) -> Problem:
    """Return why there is no such decision for a caller: unknown, or of a week that was dropped."""
    if await retention.is_gone(connection, decision):
        return Problem("decision-gone", f"decision {decision} is of a week that was dropped")
    return Problem("unknown-decision", f"there is no decision {decision}")


def fresh(row: NewDecision, opened: Opened, asked_at: datetime) -> DecisionView:
    """Return a decision just accepted, without reading it again."""
    return DecisionView(
        id=row.id,
        type=row.terms.type,
        location=row.terms.location,
        subject=msgspec.Raw(row.subject.encode()),
        status="open",
        revision=opened.revision,
        asked_at=asked_at,
        deadline=opened.deadline,
        waiting_for=opened.waiting_for,
        outcome=None,
    )
