"""`adjudge webhooks`: what is asked, and what is printed."""

import json

import pytest
from tests.unit.cli.test_commands import api

from adjudge.cli.root import run

WEBHOOK = {
    "id": "wh_1",
    "url": "https://example.com/hook",
    "locations": ["store-001"],
    "created_at": "2026-12-01T12:00:00Z",
    "created_by": "key_1",
    "waiting": 3,
    "parked": 1,
}
DELIVERY = {
    "decision": "01a2",
    "version": 1,
    "state": "waiting",
    "created_at": "2026-12-01T12:00:00Z",
    "next_at": "2026-12-01T12:05:00Z",
    "attempts": [{"attempt": 1, "at": "2026-12-01T12:00:00Z", "seconds": 0.2, "status": 500, "error": "answered 500"}],
}


def test_a_secret_is_printed_first_and_once(api, capsys):
    api.say({**WEBHOOK, "secret": "whsec_x"}, 201)

    assert run(["webhooks", "add", "https://example.com/hook", "--location", "store-001", "--type", "claim.pay"]) == 0

    assert capsys.readouterr().out == "whsec_x\nshown once; webhook wh_1 to https://example.com/hook\n"
    assert api.body() == {"url": "https://example.com/hook", "locations": ["store-001"], "types": ["claim.pay"]}


@pytest.mark.parametrize(
    ("how", "state"),
    [
        ({}, "well"),
        (
            {"failing_since": "2026-12-01T12:00:00Z", "failure": "answered 500"},
            "fails since 2026-12-01 12:00Z: answered 500",
        ),
        ({"stopped_at": "2026-12-01T12:00:00Z"}, "stopped: 410 Gone"),
    ],
)
def test_each_endpoint_is_a_line_that_says_how_it_does(api, capsys, how, state):
    api.say({"webhooks": [WEBHOOK | how]})

    assert run(["webhooks", "ls"]) == 0

    assert capsys.readouterr().out.splitlines()[1].split(maxsplit=6) == [
        "wh_1", "https://example.com/hook", "store-001", "–", "3", "1", state,
    ]  # fmt: skip


def test_each_delivery_is_a_line_with_its_last_attempt(api, capsys):
    api.say({"items": [DELIVERY], "next": None})

    assert run(["webhooks", "show", "wh_1", "--state", "waiting", "--limit", "5"]) == 0

    assert "waiting" in (line := capsys.readouterr().out.splitlines()[1])
    assert line.endswith("1  answered 500  2026-12-01 12:05Z")
    assert dict(api.asked[0].url.params) == {"state": "waiting", "limit": "5"}


def test_a_test_that_does_not_arrive_is_one(api, capsys):
    api.say({"delivered": False, "status": None, "error": "no answer within 15 s", "seconds": 15})

    assert run(["webhooks", "test", "wh_1"]) == 1

    assert capsys.readouterr().err == "adjudge: not delivered: no answer within 15 s\n"


def test_a_test_that_arrives_is_nought(api, capsys):
    api.say({"delivered": True, "status": 204, "error": None, "seconds": 0.012})

    assert run(["webhooks", "test", "wh_1"]) == 0

    assert capsys.readouterr().out == "delivered: 204 in 12 ms\n"


def test_a_new_secret_is_printed_with_the_end_of_the_old(api, capsys):
    api.say({"id": "wh_1", "secret": "whsec_y", "old_secret_until": "2026-12-02T12:00:00Z"})

    assert run(["webhooks", "rotate", "wh_1", "--keep-hours", "2"]) == 0

    assert capsys.readouterr().out == "whsec_y\nshown once; the old one signs until 2026-12-02 12:00Z\n"
    assert api.body() == {"keep_hours": 2}


def test_what_is_sent_again_is_counted(api, capsys):
    api.say({"id": "wh_1", "redelivered": 7})

    assert run(["webhooks", "redeliver", "wh_1", "--decision", "01a2", "--json"]) == 0

    assert json.loads(capsys.readouterr().out) == {"id": "wh_1", "redelivered": 7}
    assert api.body() == {"decision": "01a2"}


def test_what_waits_for_a_receiver_that_fails_is_told_with_the_reason(api, capsys):
    """It is due already, so that nothing of it is sent sooner."""
    failing = {**WEBHOOK, "failing_since": "2026-12-01T12:00:00Z", "failure": "answered 500"}
    api.answer = lambda request: (
        {"webhooks": [failing]} if request.method == "GET" else {"id": "wh_1", "redelivered": 0}
    )

    assert run(["webhooks", "redeliver", "wh_1"]) == 0

    said = capsys.readouterr().out
    assert said.startswith("0 to be sent again\n3 wait: it fails since 2026-12-01 12:00Z: answered 500; ")
    assert "adjudge webhooks test wh_1" in said


def test_an_endpoint_is_removed_by_its_id(api, capsys):
    assert run(["webhooks", "rm", "../keys/key_1"]) == 0

    assert api.asked[0].url.raw_path == b"/v1/webhooks/..%2Fkeys%2Fkey_1"


__all__ = ["api"]
