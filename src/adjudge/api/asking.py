"""From the bytes of a question to its answer: what the single and the bulk post share."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import structlog

from adjudge.api import questions
from adjudge.api.problems import Problem
from adjudge.api.services import Services
from adjudge.api.views import DecisionView, view, waiting
from adjudge.core.errors import AdjudgeError
from adjudge.engine.admission.admitting import Overloaded
from adjudge.engine.admission.limiting import LimitReached
from adjudge.engine.deciding.notifying import within
from adjudge.engine.intake.opening import Known
from adjudge.engine.intake.pending import Pending, Sheaf, replayed
from adjudge.engine.intake.questions import Question
from adjudge.store import decisions, intake, retention
from adjudge.store.connecting import UNAVAILABLE, Connection
from adjudge.store.intake import NewDecision, Replayed
from adjudge.store.scope import Scope

log = structlog.get_logger()

STRIDE = 200
"""Items of a bulk post that are taken in between two turns: as many as one flush writes. With 40 it took a tenth more
CPU."""


class Turnstile:
    """Lets one of many through in each pass of the event loop, first come first served.

    A bulk post is long work without a wait. Twenty of them, each as far as it gets, would hold up whoever asks one
    question for as long as all of theirs take, at every step of the way.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def passed(self) -> None:
        """Return when it is one's turn, to do a little."""
        await self._lock.acquire()
        asyncio.get_running_loop().call_soon(self._lock.release)


class Post:
    """The questions of one request, waited for together."""

    def __init__(self, services: Services, scope: Scope, *, in_bulk: bool = False) -> None:
        self._services = services
        self._scope = scope
        self._in_bulk = in_bulk
        self._sheaf = Sheaf(self._answered)

    async def submit(self, question: Question, *, reply: str | None = None) -> Pending:
        """Check a question, wait for its location's turn, and have it made durable.

        Raises what intake raises, Overloaded, and LimitReached.
        """
        services, scope = self._services, self._scope
        place = services.intake.places.find(scope, question.location, question.type)
        questions.check_evidence(place.kind.name, place.kind.evidence, question.evidence)
        if services.admission.has_to_wait(question.location, in_bulk=self._in_bulk):
            lane = question.lane or place.kind.lane
            await services.admission.turn(lane, question.location, in_bulk=self._in_bulk)
        row, opened = services.intake.prepare(scope, place, question, reply=reply)
        if row.terms.limited:
            try:
                await services.limiter.open(scope)
            except LimitReached:  # it stays reached for as long as decisions are open: a repeated post opens none
                if (held := await self._held(row)) is None:
                    raise
                return replayed(row, held)
        try:
            lane = services.admission.enter(row.terms.lane, row.terms.location, opened.deciders, opened.seconds)
            if lane != row.terms.lane:
                row = services.intake.in_lane(scope, place, row, lane)
        except Overloaded:
            if not opened.has_shed_fallback:
                raise
            row, opened = services.intake.prepare(scope, place, question, reply=reply, shed=True)
            services.admission.enter_unasked(row.terms.lane, row.terms.location)
        if row.terms.limited:
            services.limiter.sent(scope)
        return services.intake.submit(row, opened, self._sheaf)

    async def durable(self) -> None:
        """Return once all that was submitted has its answer."""
        await self._sheaf.all()

    async def _held(self, row: NewDecision) -> Replayed | None:
        """Return the decision that the row's idempotency key has made already."""
        async with self._services.pool.acquire() as connection:
            return await intake.held(connection, row)

    def _answered(self, row: NewDecision) -> None:
        self._services.admission.leave(row.terms.location)
        if row.terms.limited:
            self._services.limiter.arrived(self._scope)


async def ask(
    services: Services, scope: Scope, question: Question, *, wait_seconds: float
) -> tuple[DecisionView, bool]:
    """Accept a question; return the decision, and whether an earlier post of its key made it.

    Waits up to `wait_seconds` for an outcome. Raises what `Post.submit` and `accepted` raise.
    """
    post = Post(services, scope)

    def among_others() -> Question:
        return msgspec.structs.replace(question, lane=question.lane or questions.LANE_OF_BULK)

    if wait_seconds <= 0 or services.waiters.is_full:
        submitted = await post.submit(question)
        await post.durable()
        return await accepted(services, scope, submitted, wait_seconds, among_others)
    submitted = await post.submit(question, reply=services.waiters.replica)
    with services.waiters.expecting(submitted.row.id) as outcome:  # before it is sent: no hint is missed
        await post.durable()
        return await accepted(services, scope, submitted, wait_seconds, among_others, outcome)


async def ask_all(
    services: Services, scope: Scope, items: Sequence[msgspec.Raw], trace: str | None, turnstile: Turnstile
) -> list[Pending | AdjudgeError]:
    """Ask all items of a bulk post; return what came of each, in their order, or why it was not asked."""
    post = Post(services, scope, in_bulk=True)
    asked: list[Pending | AdjudgeError] = []
    for item in items:
        if len(asked) % STRIDE == 0:
            await turnstile.passed()
        try:
            asked.append(await post.submit(questions.read_item(item, trace=trace)))
        except AdjudgeError as error:
            asked.append(error)
    await post.durable()
    return asked


async def accepted(
    services: Services,
    scope: Scope,
    submitted: Pending,
    wait_seconds: float,
    otherwise: Callable[[], Question],
    outcome: "asyncio.Future[None] | None" = None,
) -> tuple[DecisionView, bool]:
    """Return the decision that is durable, once `outcome` is there or the wait over; see `ask`.

    Raises KeyReused, Unavailable, Unstorable.
    """
    row = submitted.row
    answer = services.intake.accepted(row, submitted.answer, otherwise)
    if isinstance(answer, Known):
        return await wait_for(services, scope, answer.id, wait_seconds), True
    try:
        if row.beginning.stage < 0:
            await start(services, row.id)
            return await wait_for(services, scope, row.id, wait_seconds), False
        if outcome is not None:
            await within(outcome, wait_seconds)
            return await read(services, scope, row.id), False
    except UNAVAILABLE as error:  # it is durable: whoever hears 503 would ask again
        log.warning("api.unread", decision=str(row.id), error=repr(error))
    return fresh(row, answer), False


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
            is_over = left <= 0 or services.waiters.is_closed
            if found.status not in ("open", "held", "provisional") or is_over:
                return found
            if found.status == "provisional" or not await within(outcome, left):
                return found if found.status == "provisional" else await read(services, scope, decision)


async def read(services: Services, scope: Scope, decision: UUID) -> DecisionView:
    """Return a decision that the caller may see. Raises Problem: unknown-decision, decision-gone."""
    async with services.pool.acquire() as connection:
        found = await decisions.get(connection, scope, decision)
        if found is None:
            raise await missing(connection, decision)
    return view(found)


async def missing(connection: Connection, decision: UUID) -> Problem:
    """Return why there is no such decision for a caller: unknown, or of a week that was dropped."""
    if await retention.is_gone(connection, decision):
        return Problem("decision-gone", f"decision {decision} is of a week that was dropped")
    return Problem("unknown-decision", f"there is no decision {decision}")


def fresh(row: NewDecision, asked_at: datetime) -> DecisionView:
    """Return a decision just accepted, without reading it again."""
    beginning = row.beginning
    return DecisionView(
        id=row.id,
        type=row.terms.type,
        location=row.terms.location,
        subject=msgspec.Raw(row.subject.encode()),
        status="open",
        revision=row.terms.revision,
        asked_at=asked_at,
        deadline=beginning.deadline if beginning.deadline_shown else None,
        waiting_for=waiting(beginning.waiting_for),
        outcome=None,
    )
