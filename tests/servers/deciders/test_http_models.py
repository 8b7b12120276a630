"""The kind `http`, and how faults of servers are told apart, which all kinds share."""

import asyncio
import gzip
from datetime import timedelta

import pytest
from aiohttp import web
from tests.servers.deciders.model_server import HERE, ModelServer, asking_server, deciding, problem
from tests.unit.deciders.asking import PAY_OR_REFUSE, a_question, questions

from adjudge.core.money import Stake
from adjudge.deciders import Answered, Outbound, Question

SINGLE = {"response": {"answer": "/label", "confidence": "/score"}}
MANY = {
    "request": {"/amount": "/evidence/amount"},
    "many": {"requests": "/instances", "responses": "/predictions"},
    "response": {"distribution": "/scores"},
}


async def sure(request, body):
    return {"label": "pay", "score": 0.9}


def by_instance(request, body):
    return {"predictions": [{"scores": {"pay": 1 - risk(each), "refuse": risk(each)}} for each in body["instances"]]}


def risk(instance):
    return 0.25 if instance["amount"] == "low" else 0.75


async def by_amount(request, body):
    return by_instance(request, body)


async def test_the_request_is_mapped_from_the_question_and_the_answer_back():
    model = {
        "request": {
            "/input/amount": "/evidence/amount",
            "/input/tags": "/evidence/tags",
            "/stake": "/stake/amount",
            "/top~1k": {"value": 5},
        },
        "headers": {"X-Team": "retail", "X-Api-Key": {"secret": "vision"}},
        "key": "vision",
        "response": {"answer": "/best/0/label", "confidence": "/best/0/score"},
    }

    async def answer(request, body):
        return {"best": [{"label": "refuse", "score": 0.7}]}

    async with asking_server(answer, "http", model, cost="0.002 EUR", path="/score?v=2") as (bench, server):
        question = a_question()
        (found,) = await bench.ask(
            type(question)(
                id="q",
                type="claim.pay",
                location="store-1",
                space=question.space,
                evidence={"amount": 3, "tags": ["a"]},
                stake=Stake(249, "EUR"),
            )
        )

    path, headers, body = server.asked[0]
    assert found == Answered(
        answer="refuse", confidence=0.7, distribution=None, seconds=0.0, cost_micros=2_000, currency="EUR"
    )
    assert body == {"input": {"amount": 3, "tags": ["a"]}, "stake": "2.49", "top/k": 5}
    assert path == "/score"
    assert (headers["X-Team"], headers["X-Api-Key"], headers["Authorization"]) == ("retail", "s3cret", "Bearer s3cret")


async def test_without_a_mapping_the_whole_question_is_sent():
    async with asking_server(sure, "http", SINGLE) as (bench, server):
        await bench.ask(a_question("50.00", candidates=("a", "b"), subject={"claim": "c-1"}))

    assert server.asked[0][2] == {
        "id": "q",
        "type": "claim.pay",
        "location": "default",
        "evidence": {"amount": "50.00"},
        "candidates": ["a", "b"],
        "attributes": {},
        "stake": None,
        "subject": {"claim": "c-1"},
    }


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ({"distribution": "/p"}, {"p": {"pay": 0.8, "refuse": 0.2}}),
        ({"distribution": "/p"}, {"p": [["pay", 0.8], ["refuse", 0.2]]}),
        ({"distribution": "/p", "labels": ["refuse", "pay"]}, {"p": [0.2, 0.8]}),
        ({"distribution": ""}, {"pay": 0.8, "refuse": 0.2}),
    ],
)
async def test_a_distribution_is_read_in_each_of_its_forms(response, answer):
    async def said(request, body):
        return answer

    async with asking_server(said, "http", {"response": response}) as (bench, _):
        (found,) = await bench.ask(a_question())

    assert (found.answer, found.distribution) == ("pay", {"pay": 0.8, "refuse": 0.2})


@pytest.mark.parametrize(
    "answer",
    [
        {"label": "maybe", "score": 0.9},
        {"label": "pay", "score": 1.5},
        {"label": "pay", "score": "0.9"},
        {"label": "pay"},
        {"score": 0.9},
        ["pay", 0.9],
        "pay",
        web.Response,
    ],
)
async def test_an_answer_that_does_not_fit_is_garbage(answer):
    async def said(request, body):
        return web.Response(text="<html>no") if answer is web.Response else answer

    async with asking_server(said, "http", SINGLE) as (bench, _):
        assert await bench.faults(a_question()) == ["garbage"]


async def test_a_compressed_answer_says_that_it_is_one():
    """Nobody asked for it, and what it unpacks to has no bound: its bytes alone would tell a reader nothing."""

    async def packed(request, body):
        answer = gzip.compress(b'{"label": "pay", "score": 0.9}')
        return web.Response(body=answer, headers={"Content-Encoding": "gzip"})

    async with asking_server(packed, "http", SINGLE) as (bench, _):
        (found,) = await bench.ask(a_question())

    assert (found.fault, found.detail) == ("garbage", "the server's answer is in 'gzip', which was not asked for")


async def test_an_answer_of_null_abstains():
    async def unsure(request, body):
        return {"label": None, "score": 0}

    async with asking_server(unsure, "http", SINGLE) as (bench, _):
        (found,) = await bench.ask(a_question())

    assert (found.answer, found.confidence) == (None, 0.0)


async def test_questions_share_a_request_up_to_the_batch():
    amounts = ["low", "high", "high", "low", "high"]
    async with asking_server(by_amount, "http", MANY, batch=2, concurrency=1) as (bench, server):
        found = await bench.ask(*questions(*amounts))

    assert [each.answer for each in found] == ["pay" if each == "low" else "refuse" for each in amounts]
    assert [len(body["instances"]) for _, _, body in server.asked] == [2, 2, 1]


async def test_a_question_that_lacks_what_the_model_needs_is_not_sent_and_holds_back_no_other():
    lacking = type(a_question())(id="q", type="t", location="l", evidence={}, space=a_question().space)
    async with asking_server(by_amount, "http", MANY, breaker={"failures": 1}) as (bench, server):
        found = await bench.ask(a_question("low"), lacking, a_question("high"))
        nothing = await bench.ask(lacking)

        assert bench.state.breaker == "closed"

    assert [each.answer for each in found if isinstance(each, Answered)] == ["pay", "refuse"]
    assert (found[1].fault, found[1].detail) == ("no-evidence", "the question has no /evidence/amount")
    assert nothing[0].fault == "no-evidence"
    assert len(server.asked) == 1


async def test_one_bad_answer_of_several_is_garbage_alone():
    async def spoilt(request, body):
        answers = by_instance(request, body)
        answers["predictions"][1] = {"error": "cannot read it"}
        return answers

    async with asking_server(spoilt, "http", MANY) as (bench, _):
        assert await bench.faults(*questions("low", "low", "high")) == [None, "garbage", None]


async def test_fewer_answers_than_questions_are_garbage_for_all():
    async def short(request, body):
        return {"predictions": by_instance(request, body)["predictions"][1:]}

    async with asking_server(short, "http", MANY) as (bench, _):
        assert await bench.faults(*questions("low", "high")) == ["garbage", "garbage"]


async def test_a_question_that_the_server_refuses_is_found_and_the_others_are_answered():
    async def choosy(request, body):
        if any(each["amount"] == "bad" for each in body["instances"]):
            return problem(422)
        return by_instance(request, body)

    async with asking_server(choosy, "http", MANY, breaker={"failures": 1}) as (bench, _):
        found = await bench.faults(*questions("low", "low", "bad", "high"))

        assert found == [None, None, "refused", None]
        assert bench.state.breaker == "closed"


@pytest.mark.parametrize("status", [401, 404, 500, 502, 503])
async def test_an_error_of_theirs_is_an_error(status):
    async def failing(request, body):
        return problem(status)

    async with asking_server(failing, "http", SINGLE, breaker={"failures": 2, "for": "1m"}) as (bench, _):
        assert await bench.faults(a_question()) == ["error"]
        assert bench.state.breaker == "closed"
        assert await bench.faults(a_question()) == ["error"]

        state = bench.state
        assert (state.breaker, state.fault, state.kind) == ("open", "error", "http")
        assert f"HTTP {status}" in state.reason
        assert state.until - state.since == timedelta(minutes=1)


async def test_a_server_that_is_away_is_asked_once_for_a_batch():
    """Halving finds the question to blame; here none is."""
    async with asking_server(by_amount, "http", MANY, breaker={"failures": 5}) as (bench, server):
        server.answer = lambda request, body: away()
        assert await bench.faults(*questions(*["low"] * 16)) == ["error"] * 16

    assert len(server.asked) == 1


async def away():
    return problem(503)


async def test_a_time_out_of_ours_is_a_time_out_and_the_request_is_given_up():
    gone = asyncio.Event()

    async def slow(request, body):
        try:
            await asyncio.Event().wait()
        finally:
            gone.set()

    async with asking_server(slow, "http", SINGLE, timeout="50ms", breaker={"failures": 1}) as (bench, _):
        assert await bench.faults(a_question()) == ["timeout"]
        assert bench.state.fault == "timeout"

        async with asyncio.timeout(5):
            await gone.wait()
        assert bench.state.lost == 0


async def test_garbage_opens_the_breaker_and_says_so():
    async def babble(request, body):
        return {"label": "maybe"}

    async with asking_server(babble, "http", SINGLE, breaker={"failures": 2}) as (bench, _):
        await bench.ask(a_question())
        await bench.ask(a_question())

        assert (bench.state.breaker, bench.state.fault) == ("open", "garbage")


async def test_refusals_never_open_the_breaker():
    async def refusing(request, body):
        return problem(400)

    async with asking_server(refusing, "http", SINGLE, breaker={"failures": 1}) as (bench, _):
        for _ in range(3):
            assert await bench.faults(a_question()) == ["refused"]

        assert bench.state.breaker == "closed"


async def test_a_refusal_shows_that_the_server_is_back():
    async def failing(request, body):
        return problem(500)

    async def refusing(request, body):
        return problem(422)

    async with asking_server(failing, "http", SINGLE, breaker={"failures": 1, "for": "10s"}) as (bench, server):
        await bench.ask(a_question())
        server.answer = refusing
        bench.clock.seconds = 10

        assert await bench.faults(a_question()) == ["refused"]
        assert bench.state.breaker == "closed"


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (problem(429, **{"Retry-After": "7"}), 7),
        (problem(429, **{"Retry-After": "Mon, 02 Mar 2026 12:02:00 GMT"}), 120),
        (problem(429, **{"Retry-After": "999999999999"}), 3_600),
        (problem(429, **{"Retry-After": "soon"}), 30),
        (problem(429, **{"Retry-After": "0"}), 1),
        (problem(429), 30),
        (problem(429, {"error": {"code": "insufficient_quota"}}), 600),
        (problem(402), 600),
    ],
)
async def test_a_quota_opens_the_breaker_at_once_for_as_long_as_the_server_says(answer, seconds):
    async def spent(request, body):
        return answer

    async with asking_server(spent, "http", SINGLE, breaker={"failures": 100}, retries=3) as (bench, server):
        assert await bench.faults(a_question()) == ["quota"]

        state = bench.state
        assert (state.breaker, state.fault) == ("open", "quota")
        assert state.until - state.since == timedelta(seconds=seconds)
        bench.clock.seconds = seconds - 0.5
        assert await bench.faults(a_question()) == ["breaker"]
        server.answer = sure
        bench.clock.seconds = seconds
        assert await bench.faults(a_question()) == [None]
        assert bench.state.breaker == "closed"

    assert len(server.asked) == 2


async def test_a_redirect_is_an_error_and_is_not_followed():
    async def elsewhere(request, body):
        return problem(307, Location="/inside")

    async with asking_server(elsewhere, "http", SINGLE) as (bench, server):
        (found,) = await bench.ask(a_question())

    assert (found.fault, "not followed" in found.detail, len(server.asked)) == ("error", True, 1)


async def test_a_private_server_is_not_asked_unless_its_network_is_listed():
    async with (
        ModelServer(sure).running() as server,
        deciding({"http": {"url": server.url, **SINGLE}}, outbound=Outbound()) as bench,
    ):
        (found,) = await bench.ask(a_question())

        assert (found.fault, server.asked) == ("error", [])
        assert "ADJUDGE_OUTBOUND_ALLOW" in found.detail


async def test_a_secret_that_is_not_set_is_named_and_nothing_is_sent():
    async with asking_server(sure, "http", {**SINGLE, "key": "lost-one"}) as (bench, server):
        (found,) = await bench.ask(a_question())

    assert (found.fault, server.asked) == ("error", [])
    assert found.detail == "the secret `lost-one` is not set: ADJUDGE_SECRET_LOST_ONE"


@pytest.mark.parametrize(("value", "sent"), [("s3cret\n", "Bearer s3cret"), ("two\nlines", None), ("", None)])
async def test_a_secret_is_sent_without_the_space_around_it_and_never_breaks_a_header(value, sent):
    outbound = Outbound(HERE.permitted, lambda secret: {"vision": value}.get(secret.name))
    async with (
        ModelServer(sure).running() as server,
        deciding({"http": {"url": server.url, "key": "vision", **SINGLE}}, outbound=outbound) as bench,
    ):
        assert await bench.faults(a_question()) == [None if sent else "error"]

    assert [headers["Authorization"] for _, headers, _ in server.asked] == ([sent] if sent else [])


@pytest.mark.parametrize("status", [500, 429, 422, 200])
async def test_a_server_that_repeats_what_it_was_sent_has_no_secret_quoted(status):
    async def repeats(request, body):
        return web.Response(status=status, text=f"request was: {dict(request.headers)}")

    outbound = Outbound(HERE.permitted, lambda secret: "s3cret-of-ours")
    async with (
        ModelServer(repeats).running() as server,
        deciding({"http": {"url": server.url, "key": "vision", **SINGLE}}, outbound=outbound) as bench,
    ):
        (found,) = await bench.ask(a_question())

    assert "s3cret" in server.asked[0][1]["Authorization"]
    assert "request was" in found.detail
    assert "s3cret" not in found.detail


async def test_at_most_so_many_requests_run_at_once():
    running = most = 0

    async def counted(request, body):
        nonlocal running, most
        running, most = running + 1, max(most, running + 1)
        await asyncio.sleep(0.01)
        running -= 1
        return {"label": "pay", "score": 0.9}

    async with asking_server(counted, "http", SINGLE, concurrency=3) as (bench, _):
        await asyncio.gather(*(bench.ask(a_question()) for _ in range(12)))

    assert most == 3


async def test_a_question_that_is_not_sent_costs_nothing():
    """It lacks what is sent, or nobody may be connected to: no bill will ever have it."""

    async def scores(request, body):
        return {"label": "pay", "score": 0.9}

    model = {**SINGLE, "request": {"/amount": "/evidence/amount"}}
    async with asking_server(scores, "http", model, cost="0.001 USD") as (bench, server):
        (lacking,) = await bench.ask(Question(id="q", type="t", location="l", space=PAY_OR_REFUSE, evidence={}))
        (found,) = await bench.ask(a_question())
    async with asking_server(scores, "http", {**model, "key": "unset"}, cost="0.001 USD") as (bench, _):
        (unsent,) = await bench.ask(a_question())

    assert (lacking.fault, lacking.cost_micros, lacking.seconds) == ("no-evidence", 0, 0.0)
    assert (unsent.fault, unsent.cost_micros) == ("error", 0)
    assert (found.cost_micros, len(server.asked)) == (1_000, 1)


async def test_after_an_error_it_is_asked_again_as_configured_and_each_try_costs():
    async def failing_once(request, body):
        return problem(500) if len(server.asked) == 1 else {"label": "pay", "score": 0.9}

    async with asking_server(failing_once, "http", SINGLE, retries=1, cost="0.001 USD") as (bench, server):
        (found,) = await bench.ask(a_question())

    assert (found.answer, found.cost_micros) == ("pay", 2_000)


SECRET = "Mrs Smith, 3 Elm Road"


@pytest.mark.parametrize(
    ("model", "reply", "recorded"),
    [
        (MANY, lambda body: problem(500, body), "HTTP 500"),
        (MANY, lambda body: problem(503, body), "HTTP 503"),
        (MANY, lambda body: problem(422, body), "HTTP 422"),
        (MANY, lambda body: problem(429, body), "HTTP 429"),
        (MANY, lambda body: web.Response(text=str(body)), "the server's answer is not JSON"),
        (MANY, lambda body: body, "the answer has no /predictions"),
        (MANY, lambda body: {"predictions": SECRET}, "not a list of 2 answers"),
        (MANY, lambda body: {"predictions": body["instances"]}, "the answer has no /scores"),
        (SINGLE, lambda body: {"label": SECRET, "score": 0.9}, "not an answer of its type"),
        (SINGLE, lambda body: {"label": "pay", "score": SECRET}, "not a probability"),
    ],
)
async def test_what_a_server_repeats_of_its_questions_is_no_part_of_what_is_recorded(model, reply, recorded):
    """Which questions share a call was our choice: words about one are shown with another, at another location."""

    async def repeat(request, body):
        return reply(body)

    async with asking_server(repeat, "http", model, breaker={"failures": 1, "for": "10s"}) as (bench, _):
        asked = questions(SECRET, SECRET)
        answers = [*await bench.ask(*asked), *await bench.ask(*asked)]

    assert any(SECRET[:8] in answer.detail for answer in answers), "operators are told all of it"
    assert answers[0].recorded == recorded
    assert not any("Smith" in answer.recorded for answer in answers)
    assert {answer.recorded for answer in answers if answer.fault == "breaker"} <= {"error", "garbage", "quota"}
