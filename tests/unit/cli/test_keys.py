"""`adjudge keys` and `adjudge journal`: what is asked of the API, and what is shown."""

import json

import pytest
from tests.unit.cli.test_commands import api

from adjudge.cli.root import run

__all__ = ["api"]

KEY = {
    "id": "key_1",
    "name": "till",
    "role": "client",
    "locations": ["store-001"],
    "pools": None,
    "limits": {"requests_per_second": 50, "bytes_per_second": None, "open_decisions": 2_000},
    "created_at": "2026-12-01T18:00:00Z",
    "old_until": "2999-12-02T18:00:00Z",
    "last_used_at": "2026-12-01T18:31:00Z",
    "revoked_at": None,
}
ENTRY = {
    "id": 7,
    "at": "2026-12-01T18:31:07Z",
    "actor": "key_2",
    "actor_name": "anna",
    "action": "evidence.viewed",
    "subject": "01a2",
    "location": "store-001",
    "detail": {"pool": "agents", "task": "t-1", "note": None},
}


def test_a_list_shows_bounds_limits_and_use(api, capsys):
    api.say({"keys": [KEY, {**KEY, "id": "key_0", "limits": {}, "last_used_at": None, "old_until": None}]})

    assert run(["keys", "ls"]) == 0

    _, limited, free = capsys.readouterr().out.splitlines()
    assert "50 requests/s, 2000 open  2026-12-01 18:31  valid, the one before too until 2999-12-02 18:00" in limited
    assert free.endswith("–                         never             valid")


def test_limits_are_set_as_a_whole(api, capsys):
    api.say(KEY)

    assert run(["keys", "limit", "key_1", "--requests-per-second", "50", "--open-decisions", "2000"]) == 0

    assert (api.asked[0].method, api.asked[0].url.path) == ("PUT", "/v1/keys/key_1/limits")
    assert api.body() == {"requests_per_second": 50, "bytes_per_second": None, "open_decisions": 2000}
    assert capsys.readouterr().out == "key_1 of till: 50 requests/s, 2000 open\n"


@pytest.mark.parametrize(("given", "seconds"), [((), 86_400), (("--overlap", "0"), 0), (("--overlap", "1.5"), 5_400)])
def test_a_rotation_says_how_long_the_old_secret_opens(api, capsys, given, seconds):
    api.say({**KEY, "key": "adj_new"})

    assert run(["keys", "rotate", "key_1", "--quiet", *given]) == 0

    assert api.body() == {"overlap_seconds": seconds}
    assert capsys.readouterr().out == "adj_new\n"


def test_the_journal_is_a_line_for_each_thing_done(api, capsys):
    api.say({"items": [ENTRY], "next": None})

    assert run(["journal", "--action", "evidence.viewed", "--subject", "01a2", "--limit", "5"]) == 0

    assert dict(api.asked[0].url.params) == {"action": "evidence.viewed", "subject": "01a2", "limit": "5"}
    assert capsys.readouterr().out.splitlines()[1] == (
        "2026-12-01 18:31:07  key_2 (anna)  evidence.viewed  01a2  store-001  pool=agents task=t-1"
    )


def test_the_journal_is_read_a_page_after_the_other(api, capsys):
    pages = {None: {"items": [ENTRY] * 200, "next": 7}, "7": {"items": [ENTRY] * 40, "next": None}}
    api.answer = lambda request: pages[request.url.params.get("cursor")]

    assert run(["journal", "--limit", "300", "--json"]) == 0

    assert len(json.loads(capsys.readouterr().out)) == 240
    assert [request.url.params.get("cursor") for request in api.asked] == [None, "7"]
    assert [request.url.params["limit"] for request in api.asked] == ["200", "100"]
