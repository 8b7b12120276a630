"""What each call sends, and what it makes of the answer."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import msgspec
import pytest

from adjudge.client import (
    Decision,
    Event,
    Invalid,
    Money,
    Overloaded,
    Pointed,
    Problem,
    Question,
    Task,
    WaitingFor,
    Whole,
)


def test_a_question_is_sent_as_the_contract_says(server, adjudge, a_settled_decision):
    server.say(a_settled_decision())

    decision = adjudge.decisions.create(
        "claim.pay",
        evidence={"amount": "50.00", "text": "fell"},
        stake="50.00 USD",
        subject={"claim": "c-4"},
        wait=5,
        idempotency_key="c-4",
    )

    request = server.asked[0]
    assert (request.method, request.url.path) == ("POST", "/v1/decisions")
    assert request.headers["authorization"] == "Bearer secret"
    assert request.headers["prefer"] == "wait=5"
    assert request.headers["idempotency-key"] == "c-4"
    assert server.body() == {
        "type": "claim.pay",
        "location": "default",
        "subject": {"claim": "c-4"},
        "evidence": {"amount": "50.00", "text": "fell"},
        "stake": {"amount": "50.00", "currency": "USD"},
    }
    assert decision.outcome is not None
    assert (decision.status, decision.outcome.answer, decision.outcome.source) == ("final", "pay", "model")


def test_an_open_decision_says_whom_it_waits_for(server, adjudge, a_decision):
    server.say(httpx.Response(202, json=a_decision()))

    decision = adjudge.decisions.create("claim.pay", evidence={})

    until = datetime(2026, 12, 1, 18, 31, 7, tzinfo=UTC)
    assert decision.outcome is None
    assert decision.waiting_for == WaitingFor(pool="agents", votes=0, until=until)


@pytest.mark.parametrize(
    ("stake", "amount"),
    [(("50.00", "USD"), "50.00"), ((Decimal("2.50"), "USD"), "2.50"), ((7, "USD"), "7"), ("0.10 USD", "0.10")],
)
def test_a_stake_is_exact_money(server, adjudge, a_decision, stake, amount):
    server.say(a_decision())

    adjudge.decisions.create("claim.pay", evidence={}, stake=stake)

    assert server.body()["stake"] == {"amount": amount, "currency": "USD"}


def test_a_float_is_no_stake(adjudge):
    with pytest.raises(TypeError, match="never a float"):
        adjudge.decisions.create("claim.pay", evidence={}, stake=(0.1, "USD"))


@pytest.mark.parametrize("stake", [50, ("50.00",), 0.5])
def test_what_is_no_stake_is_refused_by_its_name(adjudge, stake):
    with pytest.raises(TypeError, match=r'a stake is "50.00 USD", or an amount and a currency, not'):
        adjudge.decisions.create("claim.pay", evidence={}, stake=stake)


def test_a_deadline_without_offset_is_refused_before_it_is_sent(server, adjudge):
    with pytest.raises(ValueError, match="offset"):
        adjudge.decisions.create("claim.pay", evidence={}, deadline=datetime(2026, 12, 1))

    assert server.asked == []


def test_a_deadline_that_is_no_datetime_is_refused_by_its_name(server, adjudge):
    with pytest.raises(TypeError, match="a deadline is a datetime with an offset, not '10m'"):
        adjudge.decisions.create("claim.pay", evidence={}, deadline="10m")

    assert server.asked == []


def test_what_is_no_question_among_many_is_named_before_they_are_posted(server, adjudge):
    with pytest.raises(TypeError, match=r"number 1 is no Question\(type, evidence, ...\): {}"):
        adjudge.decisions.create_many([Question("claim.pay", {}), {}])

    assert server.asked == []


def test_an_id_cannot_reach_another_resource(server, adjudge, a_decision):
    server.say(a_decision())

    adjudge.decisions.get("../keys?x=1")

    assert server.asked[0].url.raw_path == b"/v1/decisions/..%2Fkeys%3Fx%3D1"


def test_an_unknown_field_of_a_newer_server_is_passed_over(server, adjudge, a_decision):
    server.say(a_decision(colour="green"))

    assert adjudge.decisions.get("01a2").id == "01a2"


def test_a_path_is_read_with_events_that_this_version_does_not_know(server, adjudge, a_settled_decision, an_outcome):
    at = "2026-12-01T18:21:07.109Z"
    server.say(
        {
            "decision": a_settled_decision(),
            "events": [
                {"kind": "opinion", "at": at, "v": 1, "stage": 0, "by": "m@1", "source": "model", "answer": True},
                {"kind": "telepathy", "at": at, "strength": 3},
            ],
            "outcomes": [an_outcome()],
            "stake": {"amount": "2.49", "currency": "USD"},
            "plan": {"name": "shelf-standard", "hash": "ab", "revision": 1},
        }
    )

    path = adjudge.decisions.path("01a2")

    instant = datetime(2026, 12, 1, 18, 21, 7, 109000, tzinfo=UTC)
    assert path.events == (
        Event(kind="opinion", at=instant, stage=0, by="m@1", source="model", answer=True),
        Event(kind="telepathy", at=instant),
    )
    assert (path.stake, path.outcomes[0].version) == (Money(amount="2.49", currency="USD"), 1)


def test_a_list_goes_on_over_pages_until_there_are_no_more(server, adjudge, a_decision):
    server.say({"items": [a_decision(id="3"), a_decision(id="2")], "next": "c"}, {"items": [a_decision(id="1")]})

    found = [decision.id for decision in adjudge.decisions.list(type="claim.pay")]

    assert found == ["3", "2", "1"]
    assert dict(server.asked[1].url.params) == {"type": "claim.pay", "limit": "200", "cursor": "c"}


def test_a_list_asks_for_no_more_than_is_wanted(server, adjudge, a_decision):
    server.say({"items": [a_decision(id="3"), a_decision(id="2")], "next": "c"}, {"items": [a_decision(id="1")]})

    found = list(adjudge.decisions.list(limit=2))

    assert len(found) == 2
    assert [dict(request.url.params) for request in server.asked] == [{"limit": "2"}]


def test_a_bulk_post_answers_for_each_question_in_order(server, adjudge, a_decision):
    invalid = {"type": "https://adjudge.dev/problems/invalid-evidence", "title": "Evidence does not fit", "status": 422}
    server.say({"items": [{"status": 202, "decision": a_decision()}, {"status": 422, "problem": invalid}]})

    first, second = adjudge.decisions.create_many([Question("claim.pay", {"a": 1}), Question("claim.pay", {})])

    assert isinstance(first, Decision)
    assert isinstance(second, Invalid)
    assert second.kind == "invalid-evidence"
    assert [item["idempotency_key"] for item in server.body()["items"]] == ["key-1", "key-2"]


def test_an_item_that_may_come_back_says_when(server, adjudge):
    full = {"type": "https://adjudge.dev/problems/overloaded", "title": "Overloaded", "status": 429}
    server.say({"items": [{"status": 429, "problem": full, "retry_after": 7}]})

    (refused,) = adjudge.decisions.create_many([Question("claim.pay", {"a": 1})])

    assert isinstance(refused, Overloaded)
    assert refused.retry_after_seconds == 7


def test_a_bulk_post_is_cut_by_the_thousand(server, adjudge, a_decision):
    def page(size):
        return {"items": [{"status": 202, "decision": a_decision()}] * size}

    server.say(page(1000), page(1))

    assert len(adjudge.decisions.create_many(Question("claim.pay", {}) for _ in range(1001))) == 1001
    assert len(server.asked) == 2


def test_a_truth_says_how_it_is_known(server, adjudge, a_settled_decision):
    server.say({"label": {"answer": "pay"}, "decision": a_settled_decision()})

    labelled = adjudge.decisions.truth("01a2", "pay", source="appeal")

    assert server.body() == {"answer": "pay", "source": "appeal"}
    assert labelled.decision.id == "01a2"

    server.say({"label": {"answer": "pay"}, "decision": a_settled_decision()})
    adjudge.decisions.truth("01a2", "pay", source="recount", answer_could_influence=False)
    assert server.body() == {"answer": "pay", "source": "recount", "answer_could_influence": False}


def test_false_is_an_answer(server, adjudge, a_task):
    server.say({"recorded": "vote", "decision_status": "open"})

    adjudge.reviews.answer(msgspec.convert(a_task(), Task), False, seconds=2.5)

    assert server.asked[0].url.path == "/v1/reviews/t-1/answer"
    assert server.body() == {"answer": False, "token": "tok", "seconds": 2.5}


def test_a_claim_leases_tasks_or_says_why_not(server, adjudge, a_task):
    server.say({"tasks": [a_task()], "empty": None}, {"tasks": [], "empty": {"reason": "paused", "detail": "lunch"}})

    tasks, none = adjudge.reviews.claim(2, wait=20, pools=["agents"]), adjudge.reviews.claim()

    assert server.asked[0].headers["prefer"] == "wait=20"
    assert tasks.tasks[0].answers == ("pay", "refuse")
    assert (none.tasks, none.empty and none.empty.reason) == ((), "paused")


def test_answers_that_are_no_labels_are_told_apart(server, adjudge, a_task):
    server.say({"tasks": [a_task(answers={"integer": {"min": 0, "max": 12}})], "empty": None})

    (task,) = adjudge.reviews.claim().tasks

    assert not isinstance(task.answers, tuple)
    assert task.answers.integer == Whole(min=0, max=12)


def test_a_refusal_says_where(server, adjudge):
    pointed = [{"pointer": "#/evidence/text", "detail": "is required"}]
    server.say(server.refusal(422, "invalid-evidence", errors=pointed))

    with pytest.raises(Invalid) as refused:
        adjudge.decisions.create("claim.pay", evidence={})

    assert refused.value.errors[0].pointer == "#/evidence/text"
    assert str(refused.value) == "invalid-evidence: #/evidence/text is required"


def test_a_refusal_says_nothing_twice():
    errors = (Pointed("#/name", "there is one already"),)

    assert str(Problem("x", "Already exists", detail="there is one already", errors=errors)) == (
        "Already exists: #/name there is one already"
    )
    parameter = (Pointed("#/type (query)", "there is no question type `x`"),)
    assert str(Problem("x", "Unknown type", errors=parameter)) == "Unknown type: `type`: there is no question type `x`"
    assert str(Problem("x", "No", detail="no")) == "No"
    assert str(Problem("x", "No", detail="really", errors=(Pointed("#", "not here"),))) == "No: really; not here"


def test_an_answer_that_is_not_of_the_api_is_a_problem(server, adjudge):
    server.say(httpx.Response(200, content=b"<html>welcome to the hotel"))

    with pytest.raises(Problem, match="cannot read the answer"):
        adjudge.decisions.get("01a2")


def test_waiting_ends_with_the_outcome(server, adjudge, a_decision, a_settled_decision):
    server.say(a_decision(), a_settled_decision())

    decision = adjudge.decisions.wait("01a2", timeout=600)

    assert decision.status == "final"
    assert server.asked[0].headers["prefer"] == "wait=30"


def test_waiting_ends_with_its_time(server, adjudge, a_decision):
    server.say(a_decision())

    decision = adjudge.decisions.wait("01a2", timeout=5)

    assert decision.status == "open"
    assert server.time == 5


def test_waiting_does_not_storm_a_server_that_answers_at_once(server, adjudge, a_decision):
    server.say(a_decision())

    adjudge.decisions.wait("01a2", timeout=10)

    assert len(server.asked) <= 11


def test_a_long_wait_is_for_wait(adjudge):
    with pytest.raises(ValueError, match="0 to 30"):
        adjudge.decisions.create("claim.pay", evidence={}, wait=int(timedelta(hours=1).total_seconds()))


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_evidence_that_json_cannot_hold_is_refused_with_its_place(server, adjudge, number):
    """It would be sent as null: other evidence would be decided on than was given."""
    with pytest.raises(ValueError, match=r"evidence\.boxes\[1\]\.x is "):
        adjudge.decisions.create("shelf", evidence={"boxes": [{"x": 1.0}, {"x": number}]})

    assert server.asked == []
