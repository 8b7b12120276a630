"""Many hands on one decision: exactly one final outcome, and nobody waits for anybody in a ring (promise 2)."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import UUID, uuid4

import asyncpg
import httpx
import msgspec
import pytest
from tests.configured import question
from tests.waiting import until

from adjudge.api import questions
from adjudge.core.events import Opinion, TimedOut, write_events
from adjudge.core.outcomes import Outcome
from adjudge.engine.deciding.cancelling import cancel
from adjudge.engine.deciding.settling import new_outcome
from adjudge.engine.deciding.stepping import slips_of
from adjudge.engine.intake.flushing import Flusher
from adjudge.engine.intake.pending import Sheaf, Unavailable, Unstorable
from adjudge.engine.keeping.timers import asked as still_asked
from adjudge.store import controls, outcomes, partitions, work
from adjudge.store.intake import Replayed
from adjudge.store.outcomes import NewOutcome
from adjudge.store.scope import SYSTEM
from adjudge.telemetry import names


async def test_worker_redelivery_join_timer_and_cancel_make_one_final_each(stack):
    """Five hands, two hundred decisions, batches in any order."""
    await stack.stop("worker")
    services, hands = stack.services, Hands(stack, await stack.ask_many(200, "model"))

    async def settle(batch: list[UUID]) -> None:
        async with stack.db.acquire() as connection:
            verdicts = await outcomes.settle(connection, [final(decision) for decision in batch])
        hands.won.extend(verdicts.won)

    async def join(batch: list[UUID]) -> None:
        opinion = Opinion(
            at=services.clock(), stage=0, by="sure@1", source="model", answer="pay", confidence=0.99, currency="USD"
        )
        await hands.step(batch, opinion)

    acts = [act(batch) for act in (settle, settle, join, hands.time_out) for batch in hands.batches()]
    await hands.race([*acts, *(hands.cancel(decision) for decision in hands.some(60))])
    await stack.start("worker")


async def test_vote_timer_decline_and_cancel_make_one_final_each(stack):
    reviewer = await stack.reviewer("anna")
    await stack.reviewer("ben")  # somebody is left whom a question could be put to when she declines
    hands = Hands(stack, await stack.ask_many(120, "person"))
    await until(
        lambda: stack.value("SELECT count(*) FROM review_task WHERE state = 'waiting'"), lambda found: found >= 120
    )
    tasks = []
    while claimed := await reviewer.claim(3):
        tasks += claimed

    async def vote(task: dict) -> None:
        answer = await told(lambda: reviewer.answer(task, "pay"))
        assert answer.status_code in (200, 409), answer.text
        if answer.status_code == 200:
            hands.won.append(await stack.value("SELECT decision_id FROM review_task WHERE id = $1", UUID(task["id"])))

    async def decline(task: dict) -> None:
        path, body = f"/v1/reviews/{task['id']}/decline", {"token": task["token"]}
        answer = await told(lambda: reviewer.post(path, body))
        assert answer.status_code in (200, 409), answer.text

    acts = [hands.time_out(batch) for batch in hands.batches()]
    acts += [vote(task) for task in tasks[:60]] + [decline(task) for task in tasks[40:80]]
    await hands.race([*acts, *(hands.cancel(decision) for decision in hands.some(40))])


async def told(call: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """Ask again while the database has no time, as every client does: on a busy machine all these hands are many."""
    async with asyncio.timeout(30):
        while (answer := await call()).status_code == 503:
            await asyncio.sleep(0.1)
    return answer


def final(decision: UUID) -> NewOutcome:
    outcome = Outcome(version=1, kind="final", answer="pay", source="model", code="race")
    return new_outcome(decision, 0, outcome, (), attempt=uuid4())._replace(path=write_events(()))


class Hands:
    """What happens to the same decisions at the same time, and who thinks that he has won."""

    def __init__(self, stack, asked: list[str]) -> None:
        self._stack, self._rng = stack, random.Random(7)
        self.asked = [UUID(decision) for decision in asked]
        self.won: list[UUID] = []

    def some(self, count: int) -> list[UUID]:
        return self._rng.sample(self.asked, count)

    def batches(self) -> list[list[UUID]]:
        mixed = self.some(len(self.asked))
        return [mixed[start : start + 25] for start in range(0, len(mixed), 25)]

    async def step(self, batch: list[UUID], event) -> None:
        async with self._stack.db.acquire() as connection, connection.transaction():
            effects = await self._stack.services.stepper.step(connection, {decision: [event] for decision in batch})
        self.won.extend(finished.decision for finished in effects.finished)

    async def time_out(self, batch: list[UUID]) -> None:
        await self.step(batch, TimedOut(at=self._stack.services.clock(), stage=0))

    async def cancel(self, decision: UUID) -> None:
        services = self._stack.services
        async with self._stack.db.acquire() as connection, connection.transaction():
            effects = await cancel(connection, {decision: "x"}, now=services.clock, new_id=services.new_id)
        self.won.extend(finished.decision for finished in effects.finished)

    async def race(self, acts: list) -> None:
        self._rng.shuffle(acts)
        await asyncio.gather(*acts)
        stack = self._stack
        assert sorted(self.won) == sorted(self.asked)
        assert await stack.count_final(self.asked) == len(self.asked)
        assert not await stack.value("SELECT count(*) FROM work WHERE decision_id = ANY($1::uuid[])", self.asked)


async def test_questions_that_are_in_a_stream_twice_settle_once_and_hinder_no_neighbour(stack):
    """After a flush the api and the sweeper may both have sent; both copies come in one batch."""
    await stack.stop("worker")
    failed = names.STREAM_EVENTS.labels("failed")._value.get()
    asked = await stack.ask_many(20)
    async with stack.db.acquire() as connection:
        rows = await work.sendable(connection, [UUID(decision) for decision in asked])
    await stack.services.sender.send([slip for row in rows for slip in slips_of(row, still_asked(row))])
    await stack.start("worker")

    await stack.settled(asked, seconds=5)
    again = await stack.ask("model", wait=5)

    assert again["outcome"]["source"] == "model"
    assert names.STREAM_EVENTS.labels("failed")._value.get() == failed
    for decision in asked:
        assert stack.asked("sure@1").count(decision) <= 2


async def test_a_copy_that_comes_later_is_dropped_unasked(stack):
    asked = (await stack.ask("claims"))["id"]
    await until(lambda: stack.read(asked), lambda found: found["waiting_for"].get("pool") == "agents")
    async with stack.db.acquire() as connection:
        [row] = await work.sendable(connection, [UUID(asked)])
    [(slip, lane)] = slips_of(replace(row, stage=0), ["unsure@1"], resent=True)
    await stack.services.sender.send([(slip, lane)])
    marker = await stack.ask("model", wait=5)

    assert marker["outcome"] is not None
    assert stack.asked("unsure@1").count(asked) == 1
    await stack.admin.post(f"/v1/decisions/{asked}/cancel")


async def test_an_acceptance_under_a_control_no_longer_in_force_is_refused_and_defers(stack):
    """The decider is switched off while its opinion is under way; its worker does not know yet."""
    asked = (await stack.ask("gated"))["id"]
    await stack.until_asked("gated@1")
    await stack.admin.post("/v1/deciders/gated@1/switch", {"on": False, "reason": "recall"})
    stack.open_gate()

    settled = await stack.read(asked, wait=10)
    path = await stack.path(asked)
    stack.shut_gate()
    await stack.admin.post("/v1/deciders/gated@1/switch", {"on": True, "reason": "mended"})

    assert settled["outcome"]["source"] == "fallback"
    assert "gated@1 is switched off" in settled["outcome"]["reason"]
    assert [event["kind"] for event in path] == ["asked", "opinion", "deferred", "settled"]


async def test_the_settle_statement_itself_refuses_a_generation_that_has_passed(stack):
    """However stale the worker: it names what it relied on."""
    await stack.stop("worker")
    asked = [UUID(decision) for decision in await stack.ask_many(3)]
    relied = ('[{"scope": "decider:sure@1", "generation": 0}]', "[]", '[{"scope": "decider:x@1", "generation": 0}]')
    async with stack.db.acquire() as connection:
        switched = await controls.switch(connection, SYSTEM, "decider:sure@1", on=True, reason="test")
        rows = [
            relying(
                new_outcome(
                    decision, 0, Outcome(version=1, kind="final", answer="pay", source="model"), (), attempt=uuid4()
                ),
                relies,
            )
            for decision, relies in zip(asked, relied, strict=True)
        ]
        verdicts = await outcomes.settle(connection, rows)
        again = await outcomes.settle(
            connection,
            [relying(rows[0], f'[{{"scope": "decider:sure@1", "generation": {switched.generation}}}]')],
        )
    await stack.start("worker")

    assert verdicts.refused == {asked[0]}
    assert verdicts.won.keys() == set(asked[1:])
    assert again.won.keys() == {asked[0]}


def relying(row: NewOutcome, relied: str) -> NewOutcome:
    return row._replace(terms=row.terms._replace(relied=relied))


async def test_an_outcome_that_is_twice_in_a_batch_is_written_once(stack):
    """Promise 2: one statement sees no row that it writes itself."""
    await stack.stop("worker")
    [asked] = [UUID(decision) for decision in await stack.ask_many(1)]
    outcome = Outcome(version=1, kind="final", answer="pay", source="model")
    async with stack.db.acquire() as connection:
        row = new_outcome(asked, 0, outcome, (), attempt=uuid4())
        verdicts = await outcomes.settle(connection, [row, row, row._replace(terms=row.terms._replace(stage=1))])
    await stack.start("worker")

    assert verdicts.won.keys() == {asked}
    assert await stack.value("SELECT count(*) FROM outcome WHERE decision_id = $1", asked) == 1


async def test_a_poison_row_is_refused_alone_and_its_199_neighbours_are_committed(stack):
    """What the edge let through must not cost the others: PostgreSQL refuses the whole statement."""
    services = stack.services
    rows = []
    for n in range(200):
        row, _ = prepared(services, n)
        rows.append(row)
    rows[57] = rows[57]._replace(evidence='{"note": "\\u0000"}')
    rows[130] = rows[130]._replace(id=UUID(partitions.first_id(services.clock().replace(year=2300))))
    sent = []

    async def publish(entries) -> None:
        sent.extend(entries)

    flusher = Flusher(
        lambda: asyncpg.connect(stack.database_url), key_window_seconds=60, rng=random.Random(0), publish=publish
    )
    running = asyncio.create_task(flusher.run())
    sheaf = Sheaf()
    submitted = [flusher.submit(row, sheaf) for row in rows]
    await sheaf.all()
    answers = [each.answer for each in submitted]
    running.cancel()

    refused = [n for n, answer in enumerate(answers) if isinstance(answer, Exception)]
    assert refused == [57, 130]
    assert [type(answers[n]) for n in refused] == [Unstorable, Unavailable]
    assert not any(isinstance(answer, Replayed) for answer in answers)
    stored = await stack.value("SELECT count(*) FROM decision WHERE id = ANY($1::uuid[])", [row.id for row in rows])
    assert stored == 198
    for row in await stack.rows("SELECT decision_id FROM work WHERE type = 'expert'"):
        await stack.admin.post(f"/v1/decisions/{row['decision_id']}/cancel")


def prepared(services, n: int):
    asked = questions.read(msgspec.json.encode(question("expert", n=n)), key=None, trace=None)
    place = services.intake.places.find(SYSTEM, asked.location, asked.type)
    return services.intake.prepare(SYSTEM, place, asked)


async def test_a_caller_who_has_gone_does_not_hinder_the_flush(stack):
    """Its row is refused when nobody waits for the refusal any more."""
    row, _ = prepared(stack.services, 0)
    row = row._replace(evidence='{"note": "\\u0000"}')
    sheaf = Sheaf()
    refused = stack.services.intake._commit.submit(row, sheaf)
    gone = asyncio.create_task(sheaf.all())
    await asyncio.sleep(0)
    gone.cancel()

    with pytest.raises(asyncio.CancelledError):
        await gone
    assert (await stack.ask("model", wait=5))["outcome"]["source"] == "model"
    assert isinstance(refused.answer, Unstorable)
