"""What people read of what is learnt of a reviewer."""

import json

from tests.unit.cli.test_commands import api

from adjudge.cli.root import run

__all__ = ["api"]

EMIL = {"reviewer": "emil", "votes": 180, "accuracy": 0.603, "low": 0.541, "high": 0.664}
LEARNT = {
    "type": "claim.pay",
    "snapshot": 7,
    "published_at": "2026-12-01T18:31:07Z",
    "votes": 900,
    "audits": 300,
    "people": [EMIL, {**EMIL, "reviewer": "anna", "accuracy": 0.95}],
    "stages": [],
}


def test_what_is_learnt_of_a_person_is_shown_with_its_interval_votes_and_snapshot(api, capsys):
    api.say({"learnt": [LEARNT, {**LEARNT, "type": "claim.refund", "people": []}]})

    assert run(["reviewers", "show", "emil"]) == 0

    _, row = capsys.readouterr().out.splitlines()
    assert row.split() == ["claim.pay", "60%", "54%", "to", "66%", "180", "7"]


def test_of_whom_nothing_is_learnt_it_is_said(api, capsys):
    staff = {"reviewers": [{"id": "r-1", "name": "zoe", "pools": ["agents"]}]}
    api.answer = lambda request: staff if request.url.path.endswith("/reviewers") else {"learnt": [LEARNT]}

    assert run(["reviewers", "show", "zoe"]) == 0
    assert capsys.readouterr().out == "nothing is learnt of zoe yet\n"
    assert run(["reviewers", "show", "zeo"]) == 1
    assert capsys.readouterr().err == "adjudge: there is no reviewer 'zeo'; there are zoe\n"


def test_programs_read_it_as_json(api, capsys):
    api.say({"learnt": [LEARNT]})
    assert run(["reviewers", "show", "emil", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"type": "claim.pay", "snapshot": 7, **EMIL}]
