"""One question, from its bytes to its answer: shared by the single and the bulk post."""

import asyncio
from datetime import datetime
from uuid import UUID

import msgspec
import structlog

from adjudge.api import questions
from adjudge.api.problems import Problem
from adjudge.api.services import Services
from adjudge.api.views import DecisionView, view
from adjudge.engine.intake import Known, Opened, Question
from adjudge.engine.notifying import within
from adjudge.store import decisions
from adjudge.store.connecting import UNAVAILABLE
from adjudge.store.intake import NewDecision
from adjudge.store.scope import Scope

log = structlog.get_logger()


async def ask(
    services: Services, scope: Scope, question: Question, *, wait_seconds: float
) -> tuple[DecisionView, bool]:
    """Accept a question; return the decision, and whether an earlier post of its key made it.

    Waits up to `wait_seconds` for an outcome. Raises what intake raises, and Overloaded.
    """
    place = services.intake.place(scope, question.location, question.type)
    questions.check_evidence(place.kind.name, place.kind.evidence, question.evidence)
    waiting = wait_seconds > 0 and not services.waiters.is_full
    row, opened = services.intake.prepare(scope, question, reply=services.waiters.replica if waiting else None)
    if not waiting:
        return await _accepted(services, scope, row, opened, wait_seconds)
    with services.waiters.expecting(opened.id) as outcome:  # before the question is sent: no hint is missed
        return await _accepted(services, scope, row, opened, wait_seconds, outcome)


async def _accepted(
    services: Services,
    scope: Scope,
    row: NewDecision,
    opened: Opened,
    wait_seconds: float,
    outcome: "asyncio.Future[None] | None" = None,
) -> tuple[DecisionView, bool]:
    lane, location = row.terms.lane, row.terms.location
    services.admission.enter(lane, location)
    try:
        answer = await services.intake.commit(row, opened)
    finally:
        services.admission.leave(location)
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
    """Return a decision that the caller may see. Raises Problem: unknown-decision."""
    async with services.pool.acquire() as connection:
        found = await decisions.get(connection, scope, [decision])
    if decision not in found:
        raise Problem("unknown-decision", f"there is no decision {decision}")
    return view(found[decision])


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
