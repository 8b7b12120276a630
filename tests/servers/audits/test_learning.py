"""What votes are worth is learnt in a running system, and each decision is replayed with what was known at its time."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.configured import PLANS, TYPES, configuration
from tests.servers.audits.auditing import audited, closed
from tests.servers.audits.evidence import EXPERTS
from tests.stacks import Caller, Stack
from tests.unit.automation.asked import CROWD, LABELS, Item, items, majority
from tests.waiting import until

from adjudge.automation.learning import Voted
from adjudge.core.answers import Labels
from adjudge.core.events import Derived, read_events
from adjudge.core.history import Case
from adjudge.core.pools import Snapshot
from adjudge.core.replaying import Diverged, replay
from adjudge.core.reviewers import Reviewers, TrackRecord
from adjudge.engine import coins
from adjudge.engine.audits.learning import voted
from adjudge.store import controls, labels
from adjudge.store.automation import learning
from adjudge.store.automation.audits import written
from adjudge.store.scope import SYSTEM
from adjudge.store.work import read_case

BOTH = learning.BlindVotes(votes=(("anna", "pay"), ("ben", "pay")))
POORER = {**CROWD, "anna": 0.55}


def priced(**prices: float) -> dict[str, Any]:
    """Documents in which people are asked about each `model`: a majority of three until something is learnt."""
    types = {name: {"answers": ["pay", "refuse"], **TYPES.get(name, {})} for name in PLANS}
    types["model"]["audits"] = {**EXPERTS, "rate": 0}
    votes = {"min": 1, "max": 3, "prices": {"wrong": 100, "expert": 20, **prices}}
    asked = {"ask": "agents", "votes": votes, "combine": "majority", "timeout": "10m"}
    expert = {"ask": "experts", "votes": {"min": 1, "max": 1}, "combine": "first", "timeout": "10m"}
    plan = {"stages": [{"ask": "unsure@1"}, asked, expert], "fallback": {"answer": "refuse"}}
    return {"types": types, "plans": {**PLANS, "model": plan}, "pools": configuration()["pools"]}


AUDIT = """
    INSERT INTO audit (decision_id, number, type, location, slice, role, rate, policy, asked_at, truth, truth_by,
        expert_coin, votes, opinions, facts, prefixes)
    SELECT id, nextval('decision_number'), 'model', 'default', 'all', $2, 1, 1, clock_timestamp(), truth, 'expert',
        '{}', votes, opinions, $6, '[]'
    FROM unnest($1::uuid[], $3::text[], $4::jsonb[], $5::jsonb[]) AS new (id, truth, votes, opinions)
"""


async def record(stack: Stack, found: Sequence[Item], role: str = "calibrate") -> None:
    """Record these as closed audits, of which an expert has said what is true."""
    deadline = await stack.value("SELECT clock_timestamp()")
    case = Case(type="model", location="default", space=Labels(("pay", "refuse")), deadline=deadline, slice="all")
    votes = [[*item.votes, ("eva", item.truth)] for item in found]
    await stack.rows(
        AUDIT,
        [uuid4() for _ in found],
        role,
        [item.truth for item in found],
        [json.dumps([_vote(*each) for each in given]) for given in votes],
        [json.dumps({"unsure@1": _said(item)}) for item in found],
        written(case),
    )


def _vote(name: str, answer: str) -> dict[str, str]:
    return {"reviewer": name, "pool": "agents", "purpose": "truth", "answer": answer}


def _said(item: Item) -> dict[str, Any]:
    """The model of the stack is never sure."""
    shares = {answer: 0.6 if answer == guess(item) else 0.4 for answer in LABELS}
    return {"answer": guess(item), "confidence": 0.6, "distribution": shares}


def guess(item: Item) -> str:
    """What the model says: right in three of four."""
    return max(item.said, key=item.said.__getitem__)


async def learnt(stack: Stack, number: int, seconds: float = 40) -> int:
    """Return the number of the snapshot in force, once it is this one or a later one."""
    return await until(
        lambda: stack.value("SELECT generation FROM control WHERE scope = 'learnt:model'"),
        lambda found: (found or 0) >= number,
        seconds=seconds,
    )


async def people(stack: Stack, *names: str, pool: str = "agents") -> dict[str, Caller]:
    found = {}
    for name in names:
        answer = await stack.admin.post("/v1/reviewers", {"name": name, "pools": [pool]})
        assert answer.status_code == 201, answer.text
        found[name] = Caller(stack.client, answer.json()["key"])
    return found


async def asked(stack: Stack, votes: int = 0) -> dict[str, Any]:
    """Ask a question; return it once it waits for people."""
    decision = (await stack.ask(say="pay"))["id"]
    return await until(lambda: stack.read(decision), lambda found: found["waiting_for"].get("votes") == votes)


async def test_one_vote_of_somebody_known_to_be_good_is_enough_and_one_of_a_poor_one_is_not(build_stack):
    stack = await build_stack("api", "worker", "keeper", documents=priced())
    agents = await people(stack, "anna", "emil", "ben")

    before = await asked(stack)
    await agents["anna"].vote("pay")
    await agents["ben"].vote("pay")
    assert "votes as configured: nothing is learnt here yet" in (await stack.read(before["id"]))["outcome"]["reason"]

    await record(stack, items(150, seed=3))
    number = await learnt(stack, 1)
    by_anna = await asked(stack)
    await agents["anna"].vote("pay")
    by_emil = await asked(stack)
    await agents["emil"].vote("pay")

    settled = await stack.read(by_anna["id"])
    assert settled["outcome"]["answer"] == "pay"
    assert settled["outcome"]["source"] == "reviewer"
    assert f"another vote is not worth its price (snapshot {number})" in settled["outcome"]["reason"]
    assert {event.get("learnt", 0) for event in await stack.path(by_anna["id"])} >= {number}
    assert (await stack.read(by_emil["id"]))["waiting_for"]["votes"] == 1


async def test_what_leaves_doubt_goes_to_the_expert_and_is_never_a_toss(build_stack):
    stack = await build_stack("api", "worker", "keeper", documents=priced())
    agents = await people(stack, "anna", "cleo", "emil")
    [expert] = (await people(stack, "eva", pool="experts")).values()
    await record(stack, items(150, seed=3))
    await learnt(stack, 1)

    torn = await asked(stack)
    await agents["anna"].vote("refuse")
    await agents["cleo"].vote("pay")
    await agents["emil"].vote("refuse")  # two of three, and still who knows

    assert (await stack.read(torn["id"]))["waiting_for"]["pool"] == "experts"
    await expert.vote("refuse")
    assert (await stack.read(torn["id"]))["outcome"]["answer"] == "refuse"


async def test_a_decision_is_replayed_with_the_snapshot_of_its_time(build_stack):
    """Promise 7: two later snapshots, by which the same vote would not have been enough."""
    stack = await build_stack("api", "worker", "keeper", documents=priced())
    agents = await people(stack, "anna")
    await record(stack, items(150, seed=3))
    first = await learnt(stack, 1)
    decision = await asked(stack)
    await agents["anna"].vote("pay")
    assert (await stack.read(decision["id"]))["outcome"]["answer"] == "pay"

    await record(stack, items(150, seed=2, skills=POORER))
    second = await learnt(stack, first + 1)
    await record(stack, items(200, seed=3, skills=POORER))
    third = await learnt(stack, second + 1)

    row, snapshots = await recorded(stack, decision["id"])
    path, case = read_events(row["path"]), read_case(row["facts"])
    plan = stack.services.revisions.current.plan("default", "model")
    assert max(event.learnt for event in path if isinstance(event, Derived)) == first
    replay(plan, case, path, snapshots=snapshots)
    for later in (second, third):
        with pytest.raises(Diverged):
            replay(plan, case, path, snapshots=dict.fromkeys(snapshots, snapshots[later]))


async def recorded(stack: Stack, decision: str) -> tuple[Any, dict[int, Any]]:
    [row] = await stack.rows(
        "SELECT facts, path::text AS path FROM decision JOIN outcome ON decision_id = id WHERE id = $1", UUID(decision)
    )
    async with stack.db.acquire() as connection:
        found = await learning.snapshots(connection, "model")
    return row, {snapshot.number: snapshot for _, snapshot, _ in found}


async def test_a_snapshot_comes_into_force_while_people_vote_and_then_fewer_votes_are_bought(build_stack):
    """Seeded: the same people say the same of the same questions; no answer is worse than three votes would give."""
    stack = await build_stack("api", "worker", "keeper", documents=priced())
    agents = await people(stack, *CROWD)
    [expert] = (await people(stack, "eva", pool="experts")).values()
    given = items(60, seed=12)
    half = len(given) // 2

    first = [await lived(stack, agents, expert, item) for item in given[:half]]
    recording = asyncio.create_task(record(stack, items(150, seed=3)))
    during = await asked(stack)
    await recording
    await learnt(stack, 1)
    await agents["anna"].vote("pay")  # asked before there was a snapshot, answered under it
    second = [await lived(stack, agents, expert, item) for item in given[half:]]

    assert (await stack.read(during["id"]))["outcome"]["answer"] == "pay"
    assert sum(second_votes for _, second_votes in second) < 0.9 * sum(votes for _, votes in first)
    right = sum(answer == item.truth for (answer, _), item in zip(second, given[half:], strict=True))
    assert right >= sum(majority(item) == item.truth for item in given[half:])


async def lived(stack: Stack, agents: dict[str, Caller], expert: Caller, item: Item) -> tuple[str, int]:
    """Put the question, let people vote in their order while they are asked; return the answer and the votes bought."""
    decision = (await stack.ask(say=guess(item)))["id"]
    for bought, (name, answer) in enumerate(item.votes):
        async with asyncio.timeout(20):
            while (found := await stack.read(decision))["outcome"] is None and (
                found["waiting_for"].get("votes") != bought or found["waiting_for"].get("pool") != "agents"
            ):
                if found["waiting_for"].get("pool") == "experts":
                    await expert.vote(item.truth)
                    return item.truth, bought
                await asyncio.sleep(0.01)
        if found["outcome"] is not None:
            return found["outcome"]["answer"], bought
        await agents[name].vote(answer)
    found = await stack.read(decision)
    if found["outcome"] is None:
        await expert.vote(item.truth)
        return item.truth, len(item.votes)
    return found["outcome"]["answer"], len(item.votes)


async def test_an_audit_as_it_closes_is_what_is_learnt_from(build_stack, monkeypatch):
    """The votes of the blind, in order, the expert's word as the truth and not among them, and what the model said."""
    monkeypatch.setattr(coins, "CALIBRATE_SHARE", 1.0)
    documents = audited(model={"votes": 2})
    stack = await build_stack("api", "worker", "keeper", documents=documents, audit_rate=1.0)
    agents = await people(stack, "anna", "ben")
    [expert] = (await people(stack, "eva", pool="experts")).values()

    decision = await stack.ask(wait=5)
    await agents["anna"].vote("pay")
    await agents["ben"].vote("refuse")
    await expert.vote("refuse")
    await closed(stack, decision["id"])

    async with stack.db.acquire() as connection:
        [one] = await learning.calibrate_audits(connection, "model", 10)
    assert voted(one) == Voted(
        votes=(("anna", "pay"), ("ben", "refuse")),
        labels=("pay", "refuse"),
        truth="refuse",
        said={"sure@1": {"pay": pytest.approx(0.99), "refuse": pytest.approx(0.01)}},
    )


async def test_what_is_learnt_is_shown_to_operators_and_of_their_own_pools_people(build_stack):
    stack = await build_stack("api", "keeper", documents=priced())
    reviewer = (await people(stack, "anna", "emil"))["anna"]
    await people(stack, "ben", pool="brief")
    assert (await stack.admin.get("/v1/automation/learnt")).json() == {"learnt": []}
    await record(stack, items(150, seed=3))
    await record(stack, items(20, seed=2, skills={"zoe": 0.9}, votes=1), role="certify")
    number = await learnt(stack, 1)

    [found] = (await stack.admin.get("/v1/automation/learnt")).json()["learnt"]
    [bound] = (await (await stack.key("operator", pools=["agents"])).get("/v1/automation/learnt")).json()["learnt"]

    assert (found["type"], found["snapshot"], found["votes"], found["audits"]) == ("model", number, 450, 150)
    shown = {each["reviewer"]: each for each in found["people"]}
    assert shown.keys() == CROWD.keys(), "the expert's word is the truth and no vote; what certifies is not learnt from"
    assert shown["emil"]["high"] < shown["anna"]["low"] < shown["anna"]["accuracy"] < shown["anna"]["high"]
    assert sum(each["votes"] for each in shown.values()) == 450
    [stage] = found["stages"]
    assert stage["deciders"] == ["unsure@1"]
    assert len(stage["weights"]) == 4
    assert {each["reviewer"] for each in bound["people"]} == {"anna", "emil"}
    assert (await reviewer.get("/v1/automation/learnt")).status_code == 403
    async with stack.db.acquire() as connection:
        assert await controls.listed(connection, SYSTEM, all_=True) == [], "no switch that somebody has touched"


async def test_only_blind_votes_of_what_certifies_nothing_are_learnt_from(stack_of_votes):
    """Audits that certify are counted and never learnt from; who saw the model's answer or a peer's says nothing."""
    found = await learning.blind_votes(stack_of_votes, "model", ["agents"], 100)

    assert found == [BOTH]
    assert await learning.calibrate_audits(stack_of_votes, "model", 10) == []


async def test_votes_that_a_price_has_bought_are_not_learnt_from(stack_of_votes):
    """They are asked for where an earlier one contradicted the model: no fair sample of what anybody says."""
    before = await learning.last(stack_of_votes, "model", ["agents"])
    nothing = Reviewers((), TrackRecord(0.9, 0.1), {}, strength=2.0)
    await learning.publish(
        stack_of_votes, "model", Snapshot(reviewers=nothing, people={}, stages={}, votes=0, audits=0)
    )
    decision = await stack_of_votes.fetchval("SELECT decision_id FROM vote WHERE purpose = 'stage' LIMIT 1")
    another = await stack_of_votes.fetchval(COPIED, decision, UUID(int=decision.int ^ 2), False)

    for name in ("anna", "ben"):
        await stack_of_votes.execute(VOTE, another, name, "stage", False, False)

    assert await learning.blind_votes(stack_of_votes, "model", ["agents"], 100) == [BOTH]
    assert await learning.last(stack_of_votes, "model", ["agents"]) == before


async def test_a_truth_that_came_later_by_itself_is_a_golden_answer(stack_of_votes):
    """And says something of one vote alone. Not what the answer had a part in: complaints are about wrong answers."""
    found = await stack_of_votes.fetch("SELECT decision_id FROM vote WHERE purpose = 'stage' AND NOT saw_model LIMIT 1")
    [(decision,)] = found
    lone = await stack_of_votes.fetchval(COPIED, decision, UUID(int=decision.int ^ 2), False)
    await stack_of_votes.execute(VOTE, lone, "cleo", "stage", False, False)

    async def read() -> dict[str, str | None]:
        votes = await learning.blind_votes(stack_of_votes, "model", ["agents"], 100)
        return {each.votes[0][0]: each.truth for each in votes}

    assert await read() == {"anna": None}
    for source, influenced in (("complaint", True), ("late-vote", False)):
        await labels.insert(stack_of_votes, label(decision, source, "refuse", influenced=influenced))
    assert await read() == {"anna": None}
    await labels.insert(stack_of_votes, label(decision, "till", "refuse"))
    await labels.insert(stack_of_votes, label(lone, "till", "refuse"))
    assert await read() == {"anna": "refuse", "cleo": "refuse"}
    await labels.insert(stack_of_votes, label(decision, "stocktaking", "pay"))
    assert await read() == {"anna": None, "cleo": "refuse"}, "two that differ are no truth"


def label(decision: UUID, source: str, answer: str, *, influenced: bool = False) -> labels.NewLabel:
    return labels.NewLabel(
        decision_id=decision,
        source=source,
        source_ref="1",
        answer=answer,
        reporter="key_1",
        after_version=1,
        answer_could_influence=influenced,
    )


@pytest.fixture
async def stack_of_votes(build_stack):
    """Two votes on each of five decisions, of which one alone may be learnt from; the last is drawn by the coin."""
    stack = await build_stack("api", documents=priced())
    await record(stack, items(5, seed=1), role="certify")
    decisions = [UUID((await stack.ask(say="pay"))["id"]) for _ in range(4)]
    async with stack.db.acquire() as connection:
        decisions.append(await connection.fetchval(COPIED, decisions[0], UUID(int=decisions[0].int ^ 1), True))
        seen = [(False, False), (True, False), (False, True), (False, False), (False, False)]
        purposes = ["stage", "stage", "stage", "truth", "stage"]
        for decision, (saw_model, saw_peers), purpose in zip(decisions, seen, purposes, strict=True):
            for name in ("anna", "ben"):
                await connection.execute(VOTE, decision, name, purpose, saw_model, saw_peers)
        yield connection


COPIED = """
    INSERT INTO decision
    SELECT (jsonb_populate_record(decision, jsonb_build_object('id', $2::uuid, 'audit', $3::boolean))).* FROM decision
    WHERE id = $1 RETURNING id
"""


VOTE = """
    INSERT INTO vote (decision_id, reviewer, task_id, purpose, stage, seat, pool, answer, seconds, claimed_at, why,
        saw_model, saw_peers)
    VALUES ($1, $2, gen_random_uuid(), $3, 1, 0, 'agents', 'pay', 1, clock_timestamp(), 'random', $4, $5)
"""
