"""A call is tried again while that can help and cannot do harm."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adjudge.client import Conflict, Invalid, NotFound, Overloaded, Patience, Problem, Unauthorized, Unavailable

LOST = httpx.ReadError("connection reset")
REFUSED = httpx.ConnectError("connection refused")


def test_one_idempotency_key_serves_all_attempts_of_a_call(server, adjudge, a_decision):
    server.say(LOST, server.refusal(503, "unavailable"), a_decision())

    adjudge.decisions.create("claim.pay", evidence={})

    assert [request.headers["idempotency-key"] for request in server.asked] == ["key-1"] * 3


def test_each_call_has_its_own_idempotency_key(server, adjudge, a_decision):
    server.say(a_decision())

    adjudge.decisions.create("claim.pay", evidence={})
    adjudge.decisions.create("claim.pay", evidence={})

    assert [request.headers["idempotency-key"] for request in server.asked] == ["key-1", "key-2"]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_server_that_cannot_now_is_asked_again(server, adjudge, a_decision, status):
    server.say(server.refusal(status, "later"), a_decision())

    assert adjudge.decisions.get("01a2").id == "01a2"


def test_retry_after_is_honoured(server, adjudge, a_decision):
    server.say(server.refusal(429, "overloaded", retry_after="7"), a_decision())

    adjudge.decisions.get("01a2")

    assert server.slept[0] >= 7


def test_a_server_that_asks_for_no_pause_is_asked_seldomer_all_the_same(server, adjudge, a_decision):
    server.say(*[server.refusal(503, "unavailable", retry_after="0")] * 6, a_decision())

    adjudge.decisions.get("01a2")

    assert server.slept == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2])


@pytest.mark.parametrize("is_awaited", [False, True])
async def test_who_asks_is_told_of_each_attempt_that_failed(server, a_decision, is_awaited):
    told = []
    settings = {"on_retry": lambda problem, seconds: told.append((problem.kind, seconds))}
    server.say(REFUSED, server.refusal(429, "overloaded", retry_after="7"), a_decision())

    if is_awaited:
        await server.async_client(**settings).decisions.get("01a2")
    else:
        server.client(**settings).decisions.get("01a2")

    assert [kind for kind, _ in told] == ["unreachable", "overloaded"]
    assert [seconds for _, seconds in told] == server.slept


def test_a_retry_after_beyond_all_patience_is_an_error_at_once(server, adjudge):
    server.say(server.refusal(429, "overloaded", retry_after="3600"))

    with pytest.raises(Overloaded) as refused:
        adjudge.decisions.get("01a2")

    assert (len(server.asked), server.slept) == (1, [])
    assert refused.value.retry_after_seconds == 3600


def test_pauses_grow_and_end_with_patience(server, adjudge):
    server.say(REFUSED)

    with pytest.raises(Unavailable, match="cannot reach"):
        adjudge.decisions.get("01a2")

    assert server.slept[:4] == [0.1, 0.2, 0.4, 0.8]
    assert 20 < server.time <= 30


@pytest.mark.parametrize(
    ("status", "error"), [(401, Unauthorized), (404, NotFound), (409, Conflict), (422, Invalid), (500, Problem)]
)
def test_what_no_repetition_mends_is_asked_once(server, adjudge, status, error):
    server.say(server.refusal(status, "no"))

    with pytest.raises(error):
        adjudge.decisions.get("01a2")

    assert len(server.asked) == 1


def test_a_key_is_not_made_twice_when_the_answer_is_lost(server, adjudge):
    server.say(LOST)

    with pytest.raises(Unavailable):
        adjudge.keys.create("till", "client")

    assert len(server.asked) == 1


def test_a_secret_is_not_changed_twice_when_the_answer_is_lost(server, adjudge):
    """The second would end the one that somebody may hold."""
    server.say(LOST)

    with pytest.raises(Unavailable):
        adjudge.keys.rotate("key_1")

    assert len(server.asked) == 1


def test_who_reaches_a_limit_waits_as_told(server, adjudge, a_settled_decision):
    server.say(server.refusal(429, "limit-reached", retry_after="3"), a_settled_decision())

    assert adjudge.decisions.get("01a2").status == "final"
    assert server.slept[0] >= 3


def test_a_key_is_asked_for_again_when_the_server_was_not_reached(server, adjudge):
    made = {"id": "1", "name": "till", "role": "client", "key": "k"}
    server.say(REFUSED, server.refusal(503, "unavailable"), httpx.Response(201, json=made))

    assert adjudge.keys.create("till", "client").key == "k"


async def test_the_awaited_client_does_the_same(server, a_decision, a_settled_decision):
    server.say(LOST, server.refusal(429, "overloaded", retry_after="2"), a_decision(), a_settled_decision())

    async with server.async_client() as adjudge:
        asked = await adjudge.decisions.create("claim.pay", evidence={})
        decision = await adjudge.decisions.wait(asked.id, timeout=60)

    assert decision.status == "final"
    assert server.slept[0] == pytest.approx(0.1)
    assert server.slept[1] >= 2


async def test_the_awaited_client_lists_over_pages(server, a_decision):
    server.say({"items": [a_decision(id="2")], "next": "c"}, {"items": [a_decision(id="1")]})

    async with server.async_client() as adjudge:
        found = [decision.id async for decision in adjudge.decisions.list()]

    assert found == ["2", "1"]


@given(
    attempt=st.integers(1, 10_000),
    chance=st.floats(0, 1),
    asked_for=st.none() | st.floats(0, 1e6),
)
def test_a_pause_is_never_shorter_than_asked_for_nor_longer_than_the_longest(attempt, chance, asked_for):
    patience = Patience()

    pause = patience.pause(attempt, chance, asked_for)

    if not asked_for:
        assert 0 < pause <= patience.longest_pause_seconds
    else:
        assert asked_for <= pause <= asked_for + patience.first_pause_seconds
