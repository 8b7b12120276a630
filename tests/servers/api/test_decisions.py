"""The contract that callers code against: one shape, whoever decides, and what is refused."""

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta, timezone
from unittest.mock import ANY
from uuid import UUID

import pytest
import structlog
from structlog.testing import capture_logs
from tests.configured import question
from tests.stacks import Caller
from tests.waiting import until

from adjudge.api import asking, questions

SHAPE = {
    "id": str,
    "type": str,
    "location": str,
    "subject": dict,
    "status": str,
    "revision": int,
    "asked_at": str,
    "deadline": (str, type(None)),
    "waiting_for": (dict, type(None)),
    "outcome": (dict, type(None)),
}
OUTCOME = {
    "version": int,
    "answer": object,
    "confidence": (float, type(None)),
    "source": str,
    "deciders": list,
    "reason": str,
    "certificate": (str, type(None)),
    "settled_at": str,
}


def in_shape(decision: dict) -> dict:
    assert {name: type(value) for name, value in decision.items() if not isinstance(value, SHAPE.get(name, ()))} == {}
    assert decision.keys() == SHAPE.keys()
    if decision["outcome"] is not None:
        assert decision["outcome"].keys() == OUTCOME.keys()
        assert all(isinstance(decision["outcome"][name], kind) for name, kind in OUTCOME.items())
    return decision


def the_problem(answer, status: int, kind: str) -> dict:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["type"] == f"https://adjudge.dev/problems/{kind}"
    assert body["status"] == status
    assert body["detail"]
    assert body["errors"]
    assert all(error["pointer"].startswith("#") and error["detail"] for error in body["errors"])
    return body


def later(**by) -> str:
    return (datetime.now(UTC) + timedelta(**by)).isoformat()


async def test_model_person_fallback_and_cancel_have_one_shape(stack):
    """Promise 4."""
    anna = await stack.reviewer("anna")
    by_model = await stack.ask("model", wait=5)
    asked = await stack.ask("person")
    await anna.vote("refuse")
    by_person = await stack.read(asked["id"], wait=5)
    by_fallback = await stack.ask("nobody.answer", wait=5)
    cancelled = (await stack.admin.post(f"/v1/decisions/{(await stack.ask('expert'))['id']}/cancel")).json()
    listed = (await stack.admin.get("/v1/decisions")).json()["items"]

    settled = [by_model, by_person, by_fallback, cancelled]
    assert [in_shape(one)["outcome"]["source"] for one in settled] == ["model", "reviewer", "fallback", "cancel"]
    assert [one["status"] for one in settled] == ["final", "final", "final", "cancelled"]
    assert [one["outcome"]["answer"] for one in settled] == ["pay", "refuse", "refuse", None]
    assert in_shape(asked)["waiting_for"].keys() == {"pool", "votes", "until"}
    by_id = {one["id"]: in_shape(one) for one in listed}
    assert [by_id[one["id"]] for one in settled] == settled


async def test_who_waits_gets_the_outcome_and_who_does_not_gets_where_it_will_be(stack):
    body = question("model")
    waited = await stack.admin.post("/v1/decisions", body, Prefer="wait=5; of=others")
    at_once = await stack.admin.post("/v1/decisions", body)
    too_short = await stack.admin.post("/v1/decisions", question("person"), Prefer="respond-async, wait=1")
    stack_id = too_short.json()["id"]
    await stack.admin.post(f"/v1/decisions/{stack_id}/cancel")

    assert (waited.status_code, waited.headers["preference-applied"]) == (200, "wait=5")
    assert "location" not in waited.headers
    assert (at_once.status_code, at_once.headers["location"]) == (202, f"/v1/decisions/{at_once.json()['id']}")
    assert "preference-applied" not in at_once.headers
    assert (too_short.status_code, too_short.headers["preference-applied"]) == (202, "wait=1")
    assert in_shape(too_short.json())["outcome"] is None
    again = await stack.admin.get(at_once.headers["location"], Prefer="wait=5")
    assert again.json()["outcome"]["source"] == "model"


async def test_an_idempotency_key_stands_for_one_question_of_one_caller(stack):
    body = {**question("model"), "subject": {"claim": "c-1"}}
    reordered = json.dumps(dict(reversed(body.items())), indent=2).encode()
    first = await stack.admin.post("/v1/decisions", body, Idempotency_Key="k-1")
    await stack.read(first.json()["id"], wait=5)

    same = await stack.admin("POST", "/v1/decisions", content=reordered, Idempotency_Key="k-1")
    other = await stack.admin.post("/v1/decisions", {**body, "subject": {"claim": "c-2"}}, Idempotency_Key="k-1")
    somebody = await stack.key("client")
    theirs = await somebody.post("/v1/decisions", body, Idempotency_Key="k-1")

    assert same.status_code == 200
    assert same.headers["idempotency-replayed"] == "true"
    assert (same.json()["id"], same.json()["status"]) == (first.json()["id"], "final")
    the_problem(other, 422, "idempotency-key-reused")
    assert theirs.status_code == 202
    assert theirs.json()["id"] != first.json()["id"]


async def test_a_key_stands_for_its_question_whether_it_came_alone_or_with_others(stack):
    """Who got no answer to a bulk post asks one by one."""
    body, other = question("model", n=1), question("model", n=2)
    alone = await stack.admin.post("/v1/decisions", body, Idempotency_Key="alone")
    items = [{**each, "idempotency_key": key} for each, key in ((body, "alone"), (other, "alone"), (body, "bulk"))]
    bulk = (await stack.admin.post("/v1/decisions/bulk", {"items": items})).json()["items"]

    again = await stack.admin.post("/v1/decisions", body, Idempotency_Key="bulk")
    another = await stack.admin.post("/v1/decisions", other, Idempotency_Key="bulk")

    assert (bulk[0]["decision"]["id"], bulk[0]["replayed"]) == (alone.json()["id"], True)
    assert bulk[1]["problem"]["type"].endswith("/idempotency-key-reused")
    assert (again.json()["id"], again.headers["idempotency-replayed"]) == (bulk[2]["decision"]["id"], "true")
    the_problem(another, 422, "idempotency-key-reused")


async def test_bulk_posts_at_once_do_a_little_of_one_of_them_in_each_pass_of_the_loop(stack, monkeypatch):
    """Whoever asks one question passes the loop some ten times until it is answered."""
    read_item, read, most = questions.read_item, 0, 0

    def counted(*arguments, **more):
        nonlocal read
        read += 1
        return read_item(*arguments, **more)

    async def watch():
        nonlocal most
        before = read
        while True:
            await asyncio.sleep(0)
            most, before = max(most, read - before), read

    monkeypatch.setattr(questions, "read_item", counted)
    watching = asyncio.create_task(watch())
    items = [question("model", n=n) for n in range(150)]
    answers = await asyncio.gather(*(stack.admin.post("/v1/decisions/bulk", {"items": items}) for _ in range(6)))
    watching.cancel()

    assert read == 6 * 150
    assert most <= asking.STRIDE
    assert {len(answer.json()["items"]) for answer in answers} == {150}


@pytest.mark.parametrize(
    ("header", "status", "kind"),
    [
        ("Idempotency-Key", 422, "invalid-body"),
        ("Authorization", 401, "unauthenticated"),
        ("Content-Type", 422, "invalid-body"),
    ],
)
async def test_a_header_that_says_two_things_is_refused(stack, header, status, kind):
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {stack.admin.key}", "Idempotency-Key": "k"}
    twice = [*headers.items(), (header, headers[header])]

    answer = await stack.client.post("/v1/decisions", content=json.dumps(question("model")), headers=twice)

    the_problem(answer, status, kind)
    assert "more than once" in answer.json()["detail"]


async def test_a_key_that_header_and_body_say_differently_is_refused(stack):
    """Whichever was taken, a retry that says only the other would ask again."""
    body = {**question("model"), "idempotency_key": "one"}

    other, same = [await stack.admin.post("/v1/decisions", body, Idempotency_Key=key) for key in ("other", "one")]

    assert the_problem(other, 422, "invalid-body")["errors"][0]["pointer"] == "#/idempotency_key"
    assert same.status_code == 202


async def test_posts_of_one_key_at_the_same_moment_make_one_decision(stack):
    body = question("model")

    answers = await asyncio.gather(
        *(stack.admin.post("/v1/decisions", body, Idempotency_Key="racing") for _ in range(40))
    )

    assert {answer.status_code for answer in answers} <= {200, 202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1


async def test_a_bulk_post_answers_each_item_for_itself_and_creates_nothing_twice(stack):
    items = [
        {**question("model"), "idempotency_key": "b-0"},
        {"type": "no.such.type", "evidence": {}},
        {**question("model"), "idempotency_key": "b-2"},
        {"type": "model", "evidence": {"amount": 3}},
        [],
    ]
    first = (await stack.admin.post("/v1/decisions/bulk", {"items": items})).json()["items"]
    again = (await stack.admin.post("/v1/decisions/bulk", {"items": items})).json()["items"]

    assert [item["status"] for item in first] == [202, 422, 202, 422, 422]
    assert first[1]["problem"]["errors"][0]["pointer"] == "#/type"
    assert first[3]["problem"]["errors"][0]["pointer"] == "#/evidence/amount"
    in_shape(first[0]["decision"])
    assert [again[n]["decision"]["id"] for n in (0, 2)] == [first[n]["decision"]["id"] for n in (0, 2)]
    assert again[0]["replayed"]


DEEP = json.dumps({"type": "model", "evidence": {"amount": "1"}}).replace('"1"', "[" * 64 + "]" * 64)
REFUSED = {
    "malformed JSON": ("{", 400, "malformed-json", "#"),
    "not an object": ("[]", 422, "invalid-body", "#"),
    "an unknown field": ({**question(), "answer": "pay"}, 422, "invalid-body", "#/answer"),
    "a missing field": ({"type": "model"}, 422, "invalid-body", "#/evidence"),
    "a wrong type": ({**question(), "subject": {"claim": 3}}, 422, "invalid-body", "#/subject/claim"),
    "a candidate without a name": ({**question(), "candidates": ["a", ""]}, 422, "invalid-body", "#/candidates/1"),
    "evidence that is no object": ({"type": "model", "evidence": [1]}, 422, "invalid-body", "#/evidence"),
    "an unknown question type": ({**question("nothing")}, 422, "unknown-type", "#/type"),
    "an unknown location": (question(location="store-9"), 422, "unknown-location", "#/location"),
    "evidence without its field": ({"type": "model", "evidence": {}}, 422, "invalid-evidence", "#/evidence/amount"),
    "evidence of a wrong type": (question(amount=3), 422, "invalid-evidence", "#/evidence/amount"),
    "a NUL in the evidence": (question(note={"a/b": ["x\0"]}), 422, "invalid-body", "#/evidence/note/a~1b/0"),
    "a NUL in a name": (question(**{"no\0te": 1}), 422, "invalid-body", "#/evidence/no\0te"),
    "a NUL in the subject": ({**question(), "subject": {"claim": "\0"}}, 422, "invalid-body", "#/subject/claim"),
    "a number beyond a double": (
        '{"type": "model", "evidence": {"amount": "1", "note": 1e400}}',
        422,
        "invalid-body",
        "#/evidence/note",
    ),
    "depth 65": (DEEP, 422, "invalid-body", "#/evidence"),
    "nine subjects": ({**question(), "subject": {str(n): "" for n in range(9)}}, 422, "invalid-body", "#/subject"),
    "a naive deadline": ({**question(), "deadline": "2030-01-01T00:00:00"}, 422, "invalid-body", "#/deadline"),
    "a deadline that is none": ({**question(), "deadline": "soon"}, 422, "invalid-body", "#/deadline"),
    "a deadline in 31 days": ({**question(), "deadline": later(days=31)}, 422, "invalid-question", "#/deadline"),
    "half a cent": (
        {**question(), "stake": {"amount": "1.005", "currency": "EUR"}},
        422,
        "invalid-money",
        "#/stake/amount",
    ),
    "a stake that is a number": (
        {**question(), "stake": {"amount": 1.5, "currency": "EUR"}},
        422,
        "invalid-body",
        "#/stake/amount",
    ),
    "a stake in no currency": (
        {**question(), "stake": {"amount": "1.50", "currency": "euro"}},
        422,
        "invalid-money",
        "#/stake/currency",
    ),
    "candidates nobody asked for": ({**question(), "candidates": ["a"]}, 422, "invalid-question", "#/candidates"),
    "no candidates": (question("pick"), 422, "invalid-question", "#/candidates"),
    "a candidate twice": ({**question("pick"), "candidates": ["a", "a"]}, 422, "invalid-question", "#/candidates"),
    "candidates made of other characters": (
        {**question("pick"), "candidates": ["caf\u00e9", "cafe\u0301"]},
        422,
        "invalid-question",
        "#/candidates",
    ),
    "a candidate that looks like one of always": (
        {**question("pick"), "candidates": ["a", "other "]},
        422,
        "invalid-question",
        "#/candidates",
    ),
    "a lane of our own": ({**question(), "lane": "shadow"}, 422, "invalid-body", "#/lane"),
    "a lone surrogate": (
        '{"type": "model", "evidence": {"amount": "\\ud800"}}',
        422,
        "invalid-body",
        "#/evidence/amount",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_it_is_refused_with_a_pointer_and_nothing_is_stored(stack, what):
    body, status, kind, pointer = REFUSED[what]
    content = (body if isinstance(body, str) else json.dumps(body)).encode()
    before = await stack.value("SELECT count(*) FROM decision")

    answer = await stack.admin("POST", "/v1/decisions", content=content)

    assert the_problem(answer, status, kind)["errors"][0]["pointer"] == pointer
    assert await stack.value("SELECT count(*) FROM decision") == before


async def test_what_is_at_the_limits_is_accepted(stack):
    deep = json.loads("[" * 62 + "]" * 62)
    body = {
        **question(deep=deep, note=1e308, big=10**300, bars=[[], {}] * 60),
        "subject": {str(n): "x" * 200 for n in range(8)},
        "stake": {"amount": "999999999999.99", "currency": "EUR"},
        "deadline": later(days=29, hours=23),
    }

    answer = await stack.admin.post("/v1/decisions", body, Prefer="wait=5")

    assert answer.status_code == 200, answer.text
    path = (await stack.admin.get(f"/v1/decisions/{answer.json()['id']}/path")).json()
    assert path["stake"] == {"amount": "999999999999.99", "currency": "EUR"}


async def test_a_body_too_large_is_refused_before_and_while_it_is_read(stack):
    large = json.dumps(question(note="x" * 300_000)).encode()

    async def in_parts():
        for start in range(0, len(large), 65_536):
            yield large[start : start + 65_536]

    told = await stack.admin("POST", "/v1/decisions", content=large)
    untold = await stack.admin("POST", "/v1/decisions", content=in_parts())
    item = await stack.admin.post("/v1/decisions/bulk", {"items": [json.loads(large), question()]})
    text = await stack.admin("POST", "/v1/decisions", content=b"{}", Content_Type="text/plain")
    packed = await stack.admin("POST", "/v1/decisions", content=b"\x1f\x8b", Content_Encoding="gzip")

    the_problem(told, 413, "body-too-large")
    the_problem(untold, 413, "body-too-large")
    assert [one["status"] for one in item.json()["items"]] == [413, 202]
    the_problem(text, 415, "unsupported-media-type")
    the_problem(packed, 415, "unsupported-media-type")


async def test_a_deadline_is_answered_as_it_is_shown_later(stack):
    """It came back in the offset in which it was sent, and in UTC from then on."""
    in_two_days = datetime.now(timezone(timedelta(hours=1))) + timedelta(days=2)
    body = {**question("model"), "deadline": in_two_days.isoformat()}

    asked = (await stack.admin.post("/v1/decisions", body)).json()
    (in_bulk,) = (await stack.admin.post("/v1/decisions/bulk", {"items": [body]})).json()["items"]
    shown = (await stack.admin.get(f"/v1/decisions/{asked['id']}")).json()

    assert {asked["deadline"], in_bulk["decision"]["deadline"]} == {shown["deadline"]}
    assert shown["deadline"].endswith("Z")


async def test_the_log_tells_each_outcome_with_its_decision_and_the_trace_it_came_with(stack, monkeypatch):
    """The decision was named, and nothing led from the caller's trace to it."""
    every_level = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    monkeypatch.setattr("adjudge.engine.deciding.sending.log", every_level)
    traces = [f"00-{n:032x}-b7ad6b7169203331-00" for n in (1, 2, 3)]

    with capture_logs() as lines:
        model, person, cancelled = [
            (await stack.admin.post("/v1/decisions", question(kind), traceparent=trace)).json()["id"]
            for kind, trace in zip(("model", "person", "person"), traces, strict=True)
        ]
        await stack.admin.post(f"/v1/decisions/{cancelled}/cancel", {})
        await (await stack.reviewer("anna")).vote("pay")

        def told() -> list[str | None]:  # others' decisions are told of, too
            by_id = {str(line["decision"]): line["trace"] for line in lines if line["event"] == "decision.settled"}
            return [by_id.get(decision) for decision in (model, person, cancelled)]

        await until(told, lambda found: found == traces)


async def test_a_backlog_is_settled_by_the_fallback_which_says_why(stack):
    """Part 4: a deadline already past on arrival."""
    late = await stack.admin.post("/v1/decisions", {**question(), "deadline": later(hours=-1)}, Prefer="wait=5")
    asked = await stack.admin.post(
        "/v1/decisions", {**question("late.ask"), "deadline": later(hours=-1)}, Prefer="wait=5"
    )

    outcome = late.json()["outcome"]
    assert (outcome["answer"], outcome["source"]) == ("refuse", "fallback")
    assert "its deadline had passed on arrival" in outcome["reason"]
    assert (asked.json()["outcome"]["answer"], asked.json()["outcome"]["source"]) == ("pay", "model")


async def test_cancel_is_final_and_of_a_settled_decision_409_with_its_outcome(stack):
    settled = await stack.ask("model", wait=5)
    too_late = await stack.admin.post(f"/v1/decisions/{settled['id']}/cancel")
    waiting = await stack.ask("expert")
    cancelled = await stack.admin.post(f"/v1/decisions/{waiting['id']}/cancel", {"reason": "returned"})

    assert the_problem(too_late, 409, "already-settled")["decision"] == settled
    assert cancelled.json()["outcome"]["reason"] == "cancelled by admin: returned"
    assert cancelled.json()["waiting_for"] is None


async def test_cancels_that_come_in_a_crowd_are_cancelled_together_and_each_hears_its_own(stack):
    """One transaction each took longer than a request waits for a connection: some heard 503."""
    asked = await stack.ask_many(60, "expert")

    answers = await asyncio.gather(
        *(stack.admin.post(f"/v1/decisions/{decision}/cancel", {"reason": "closed"}) for decision in asked * 2)
    )

    of_each = [
        {first.status_code, second.status_code} for first, second in zip(answers[:60], answers[60:], strict=True)
    ]
    assert of_each == [{200, 409}] * 60
    assert {answer.json()["status"] for answer in answers if answer.status_code == 200} == {"cancelled"}
    written = await stack.rows("SELECT xid::text, reason FROM outcome WHERE decision_id = ANY($1::uuid[])", asked)
    assert {row["reason"] for row in written} == {"cancelled by admin: closed"}
    assert len(written) == 60
    assert len({row["xid"] for row in written}) <= 20


async def test_a_reason_that_cannot_be_stored_harms_no_other_cancel_beside_it(stack):
    asked = await stack.ask_many(9, "expert")
    reasons = ["a\0b" if n == 4 else "closed" for n in range(9)]

    answers = await asyncio.gather(
        *(
            stack.admin.post(f"/v1/decisions/{decision}/cancel", {"reason": reason})
            for decision, reason in zip(asked, reasons, strict=True)
        )
    )

    assert [answer.status_code for answer in answers] == [200] * 4 + [422] + [200] * 4
    the_problem(answers[4], 422, "unstorable")
    assert (await stack.admin.post(f"/v1/decisions/{asked[4]}/cancel")).status_code == 200


HELD_UP = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def test_who_goes_away_while_cancelling_leaves_nobody_waiting(stack):
    cancelling = stack.services.cancelling
    first, second = map(UUID, await stack.ask_many(2, "expert"))
    async with asyncio.timeout(20), stack.db.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM work WHERE decision_id = ANY($1::uuid[]) FOR UPDATE", [first, second])
        leader = asyncio.create_task(cancelling.cancel(first, by="x", reason=""))
        while not await stack.value(HELD_UP):
            await asyncio.sleep(0.01)
        other = asyncio.create_task(cancelling.cancel(second, by="x", reason=""))
        leader.cancel()

    async with asyncio.timeout(10):
        await asyncio.wait([leader])
        await other
    assert leader.cancelled()
    assert await stack.count_final([first, second]) == 2


async def test_late_truth_amends_where_configured_and_is_a_label_elsewhere(stack):
    amendable, other = await stack.ask("model", wait=5), await stack.ask("late.ask", wait=5)
    said = {"answer": "refuse", "source": "appeal", "ref": "a-1"}

    amended = await stack.admin.post(f"/v1/decisions/{amendable['id']}/truth", said)
    again = await stack.admin.post(f"/v1/decisions/{amendable['id']}/truth", said)
    label = await stack.admin.post(f"/v1/decisions/{other['id']}/truth", said)
    outside = await stack.admin.post(f"/v1/decisions/{other['id']}/truth", {**said, "answer": "maybe"})

    assert amended.json()["label"] == {**said, "recorded": True, "amended": True}
    decision = amended.json()["decision"]
    assert (decision["status"], decision["outcome"]["version"], decision["outcome"]["answer"]) == (
        "amended",
        2,
        "refuse",
    )
    assert again.json()["label"]["recorded"] is False
    assert again.json()["decision"] == decision
    assert (label.json()["label"]["amended"], label.json()["decision"]["outcome"]) == (False, other["outcome"])
    assert the_problem(outside, 422, "answer-outside-space")["errors"][0]["pointer"] == "#/answer"
    [known] = (await stack.admin.get(f"/v1/decisions/{amendable['id']}/path")).json()["labels"]
    assert (known.pop("at"), known) == (ANY, {**said, "after_version": 1})


async def test_a_late_vote_is_on_the_path_for_operators_and_its_reviewer_for_nobody_else(stack):
    anna, client = await stack.reviewer("anna"), await stack.key("client")
    asked = await stack.ask("person")
    [task] = await anna.claim(wait=5)
    await client.post(f"/v1/decisions/{asked['id']}/cancel")
    await anna.answer(task, "pay")
    await client.post(f"/v1/decisions/{asked['id']}/truth", {"answer": "refuse", "source": "appeal"})

    paths = [(await caller.get(f"/v1/decisions/{asked['id']}/path")).json() for caller in (stack.admin, client)]

    told = [[(label["source"], label["answer"]) for label in path["labels"]] for path in paths]
    assert told == [[("late-vote", "pay"), ("appeal", "refuse")], [("appeal", "refuse")]]
    assert paths[0]["labels"][0]["ref"].startswith("anna")


@pytest.mark.parametrize("source", ["late-vote", "audit", "late-audit-vote"])
async def test_nobody_speaks_for_reviewers(stack, source):
    """A label of such a source is a vote: it amends, and teaches what people are worth."""
    decision, client = (await stack.ask("model", wait=5))["id"], await stack.key("client")

    answer = await client.post(f"/v1/decisions/{decision}/truth", {"answer": "pay", "source": source, "ref": "anna"})

    assert the_problem(answer, 422, "reserved-source")["errors"][0]["pointer"] == "#/source"
    assert await stack.rows("SELECT FROM label WHERE decision_id = $1", decision) == []


async def test_a_source_that_contradicts_itself_is_told_so(stack):
    decision = (await stack.ask("model", wait=5))["id"]
    said = {"answer": "refuse", "source": "appeal", "ref": "a-1"}
    await stack.admin.post(f"/v1/decisions/{decision}/truth", said)

    other = await stack.admin.post(f"/v1/decisions/{decision}/truth", {**said, "answer": "pay"})
    corrected = await stack.admin.post(f"/v1/decisions/{decision}/truth", {**said, "answer": "pay", "ref": "a-2"})

    assert the_problem(other, 409, "said-otherwise")["errors"][0]["pointer"] == "#/answer"
    assert corrected.json()["label"]["recorded"]


async def test_a_bulk_post_has_no_key_for_all_its_items(stack):
    body = {"items": [question("model")]}
    answer = await stack.admin.post("/v1/decisions/bulk", body, **{"Idempotency-Key": "b-1"})

    assert the_problem(answer, 422, "invalid-body")["errors"][0]["pointer"] == "#/items"


async def test_only_an_operators_call_amends_where_the_type_says_operator(stack):
    decision = (await stack.ask("called", wait=5))["id"]
    client, operator = await stack.key("client"), await stack.key("operator")
    said = {"answer": "refuse", "source": "hotline"}

    told = await client.post(f"/v1/decisions/{decision}/truth", {**said, "ref": "1"})
    called = await operator.post(f"/v1/decisions/{decision}/truth", {**said, "ref": "2"})

    assert (told.json()["label"]["amended"], told.json()["decision"]["status"]) == (False, "final")
    assert (called.json()["label"]["amended"], called.json()["decision"]["status"]) == (True, "amended")
    assert called.json()["decision"]["outcome"]["reason"] == "hotline says so (2)"


async def test_truths_at_the_same_moment_make_one_version_each(stack):
    decision = (await stack.ask("model", wait=5))["id"]
    truths = [{"answer": ("refuse", "pay")[n % 2], "source": "appeal", "ref": str(n)} for n in range(30)]

    answers = await asyncio.gather(*(stack.admin.post(f"/v1/decisions/{decision}/truth", said) for said in truths))

    assert {answer.status_code for answer in answers} == {200}
    versions = await stack.rows("SELECT version, kind FROM outcome WHERE decision_id = $1 ORDER BY version", decision)
    assert [row["version"] for row in versions] == list(range(1, len(versions) + 1))
    assert sum(answer.json()["label"]["amended"] for answer in answers) == len(versions) - 1 >= 2


async def test_a_path_tells_who_was_asked_what_they_said_and_what_it_cost(stack):
    """Promise 7; the trace context of the post is on it."""
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    posted = await stack.admin.post("/v1/decisions", question("model"), Prefer="wait=5", traceparent=trace)
    malformed = await stack.admin.post("/v1/decisions", question("model"), Prefer="wait=5", traceparent="00-nonsense")
    bulk = await stack.admin.post("/v1/decisions/bulk", {"items": [question("model")]}, traceparent=trace)
    together = bulk.json()["items"][0]["decision"]["id"]

    path = (await stack.admin.get(f"/v1/decisions/{posted.json()['id']}/path")).json()
    assert [event["kind"] for event in path["events"]] == ["asked", "opinion", "settled"]
    assert (path["events"][1]["by"], path["events"][1]["answer"], path["events"][1]["cost"]) == (
        "sure@1",
        "pay",
        "0.0005 USD",
    )
    assert path["outcomes"][0]["cost"] == ["0.0005 USD"]
    assert (path["decision"], path["trace"]) == (posted.json(), trace)
    assert (await stack.admin.get(f"/v1/decisions/{malformed.json()['id']}/path")).json()["trace"] is None
    assert (await stack.admin.get(f"/v1/decisions/{together}/path")).json()["trace"] == trace


async def test_pages_of_a_list_meet_without_a_gap(stack):
    ids = await stack.ask_many(25, "late.ask")
    await stack.settled(ids)

    found, cursor = [], ""
    while cursor is not None:
        page = (await stack.admin.get(f"/v1/decisions?type=late.ask&limit=7{cursor and '&cursor=' + cursor}")).json()
        found += [one["id"] for one in page["items"]]
        cursor = page["next"]

    assert [one for one in found if one in ids] == sorted(ids, reverse=True)
    assert len(found) == len(set(found))


@pytest.mark.parametrize("path", ["decisions?type=", "decisions?location=", "outcomes?type="])
async def test_an_empty_filter_says_that_it_is_empty(stack, path):
    answer = await stack.admin.get(f"/v1/{path}")

    name = path.partition("?")[2].rstrip("=")
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": f"#/{name} (query)", "detail": "is empty: leave it out to list all"}]


@pytest.mark.parametrize("path", ["decisions", "outcomes"])
async def test_a_filter_by_a_name_that_was_never_there_says_so(stack, path):
    """It listed nothing, and whoever had misspelt a type was none the wiser."""
    answers = [await stack.admin.get(f"/v1/{path}?{said}") for said in ("type=persom", "location=store-01")]

    assert [answer.status_code for answer in answers] == [422, 422]
    assert [answer.json()["errors"][0]["pointer"] for answer in answers] == ["#/type (query)", "#/location (query)"]
    assert "there is no question type `persom`; did you mean `person`?" in answers[0].json()["detail"]
    assert "did you mean `store-" in answers[1].json()["detail"]


TEXTS = {
    "a cancellation's reason": ("POST", "/v1/decisions/{id}/cancel", {"reason": "x\0"}),
    "a truth's source": ("POST", "/v1/decisions/{id}/truth", {"answer": "pay", "source": "x\0"}),
    "a listed type": ("GET", "/v1/decisions?type=x%00", None),
    "a key's location": ("POST", "/v1/keys", {"name": "x", "role": "client", "locations": ["x\0"]}),
    "a switch's reason": ("POST", "/v1/deciders/sure@1/switch", {"on": True, "reason": "\0"}),
}


@pytest.mark.parametrize("what", TEXTS)
async def test_a_nul_is_the_callers_fault_wherever_it_stands(stack, what):
    """What PostgreSQL cannot store is refused, not our failure."""
    method, path, body = TEXTS[what]
    decision = (await stack.ask("expert"))["id"]

    answer = await stack.admin(method, path.format(id=decision), body)
    await stack.admin.post(f"/v1/decisions/{decision}/cancel")

    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_malformed_json_is_said_to_be_so_on_every_route(stack):
    decision = (await stack.ask("model", wait=5))["id"]

    answer = await stack.admin("POST", f"/v1/decisions/{decision}/truth", content=b"{")

    the_problem(answer, 400, "malformed-json")


async def test_a_failure_of_our_own_is_a_problem_too(stack, monkeypatch):
    monkeypatch.setattr(type(stack.services.admission), "enter", lambda *_: 1 / 0)

    answer = await stack.admin.post("/v1/decisions", question())

    the_problem(answer, 500, "internal")


@pytest.mark.parametrize("route", ["/v1/decisions", "/v1/decisions/bulk"])
async def test_the_refusal_of_too_much_says_when_to_come_back_and_does_not_hurry(stack, monkeypatch, route):
    """A client that repeats at once would take the time of all others."""
    monkeypatch.setattr("adjudge.api.hot.HELD_BACK_SECONDS", 0.2)
    monkeypatch.setattr("adjudge.engine.admission.admitting.LONGEST_QUEUE", -1)
    started = asyncio.get_running_loop().time()

    answer = await stack.admin.post(route, {"items": [question()]} if route.endswith("bulk") else question())

    assert asyncio.get_running_loop().time() - started >= 0.2
    if route.endswith("bulk"):
        assert answer.json()["items"][0]["status"] == 429
    else:
        the_problem(answer, 429, "overloaded")
        assert int(answer.headers["retry-after"]) >= 1


async def test_a_read_that_waits_ends_with_its_key(stack, monkeypatch):
    monkeypatch.setattr("adjudge.api.authentication.REMEMBERED_SECONDS", 0.0)
    made = (await stack.admin.post("/v1/keys", {"name": "short", "role": "client"})).json()
    asked = await stack.ask("person")
    path = f"/v1/decisions/{asked['id']}"
    waiting = asyncio.create_task(Caller(stack.client, made["key"]).get(path, Prefer="wait=20"))
    await asyncio.sleep(0)

    await stack.admin("DELETE", f"/v1/keys/{made['id']}")
    await stack.admin.post(f"{path}/cancel")

    the_problem(await waiting, 401, "unauthenticated")
