"""`adjudge outcomes follow`: a line for each outcome."""

import json

import httpx
from tests.unit.cli.test_commands import DECISION, api

from adjudge.cli.root import run

EVENT = {
    "specversion": "1.0",
    "id": "01a2.1",
    "source": "/v1/decisions",
    "type": "dev.adjudge.outcome.final",
    "subject": "01a2",
    "time": "2026-12-01T18:21:08Z",
    "datacontenttype": "application/json",
    "cursor": "c-1",
    "data": DECISION,
}
PAGE = {"items": [EVENT], "next": "c-1", "at_end": True}


def test_each_outcome_is_a_line(api, capsys):
    api.say(PAGE)

    status = run(["outcomes", "follow", "--once", "--type", "claim.pay", "--location", "default"])

    assert status == 0
    assert capsys.readouterr().out == "2026-12-01 18:21:08  claim.pay  default  final  pay  model  01a2\n"
    params = dict(api.asked[0].url.params)
    assert params.pop("limit")
    assert params == {"type": "claim.pay", "location": "default"}


def test_json_has_the_cursor_to_go_on_from(api, capsys):
    api.say(PAGE)

    status = run(["outcomes", "follow", "--once", "--after", "c-0", "--json"])

    line = json.loads(capsys.readouterr().out)
    assert status == 0
    assert (line["cursor"], line["data"]["outcome"]["answer"]) == ("c-1", "pay")
    assert api.asked[0].url.params["after"] == "c-0"


def test_without_cursor_or_time_it_begins_now(api):
    api.says = httpx.Response(410, json={"type": "https://adjudge.dev/problems/cursor-too-old", "status": 410})

    assert run(["outcomes", "follow"]) == 1
    assert api.asked[0].url.params["since"].startswith("20")
    assert api.asked[0].headers["prefer"] == "wait=30"


__all__ = ["api"]
