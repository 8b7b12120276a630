"""Commands from their arguments to what is printed and the status; the server is a function."""

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import version

import httpx
import pytest

from adjudge.cli import connection
from adjudge.cli.root import COMMANDS, run
from adjudge.client import Adjudge, Patience

DECISION = {
    "id": "01a2",
    "type": "claim.pay",
    "location": "default",
    "status": "final",
    "revision": 1,
    "asked_at": "2026-12-01T18:21:07Z",
    "outcome": {
        "version": 1,
        "answer": "pay",
        "source": "model",
        "reason": "0.99 is enough",
        "settled_at": "2026-12-01T18:21:08Z",
    },
}


class Api:
    """Says one thing, or what `answer` makes of the request, and remembers what it was asked."""

    def __init__(self) -> None:
        self.says = httpx.Response(200, json={})
        self.answer: Callable[[httpx.Request], object] | None = None
        self.asked: list[httpx.Request] = []

    def say(self, document, status=200):
        self.says = httpx.Response(status, json=document)

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        said = self.answer(request) if self.answer else self.says
        return said if isinstance(said, httpx.Response) else httpx.Response(200, json=said)

    def body(self):
        return json.loads(self.asked[-1].content)


@pytest.fixture
def api(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("ADJUDGE_URL", "ADJUDGE_KEY", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    api = Api()
    client = partial(
        Adjudge,
        "http://adjudge.test",
        "key",
        transport=httpx.MockTransport(api.handle),
        patience=Patience(total_seconds=0),
    )
    monkeypatch.setattr(connection, "Adjudge", client)
    return api


def test_a_question_is_asked_and_its_decision_printed_in_a_line(api, capsys):
    api.say(DECISION)

    status = run(
        ["ask", "claim.pay", "--evidence", '{"amount": "30.00"}', "--stake", "30.00 USD", "--subject", "claim=c-1"]
    )

    assert status == 0
    assert capsys.readouterr().out == "01a2  final  pay, by a model: 0.99 is enough\n"
    assert api.body() == {
        "type": "claim.pay",
        "location": "default",
        "evidence": {"amount": "30.00"},
        "stake": {"amount": "30.00", "currency": "USD"},
        "subject": {"claim": "c-1"},
    }


def test_who_stops_waiting_is_told_which_decision_goes_on(api, capsys):
    """Asking is one request and waiting another: what was asked has its id before anybody waits."""

    def answer(request: httpx.Request) -> object:
        if request.method == "GET":
            raise KeyboardInterrupt
        return DECISION | {"status": "open", "outcome": None}

    api.answer = answer

    assert run(["ask", "claim.pay", "--evidence", "{}", "--wait", "60"]) == 130

    assert "it goes on: adjudge decisions show 01a2\n" in capsys.readouterr().err


def test_top_into_a_pipe_prints_one_page_and_ends(api, capsys):
    """It ran on for ever and printed at its end: `adjudge top | head` said nothing."""
    looks = {
        "/v1/overview": {"at": "2026-12-01T18:21:07Z", "revision": 7, "accepted": 1, "open": []},
        "/v1/deciders": {"deciders": [{"id": "vision@1", "kind": "http"}]},
        "/v1/reviews/queues": {"queues": []},
    }

    def answer(request: httpx.Request) -> object:
        if len(api.asked) > 3 * len(looks):
            raise KeyboardInterrupt
        return looks[request.url.path]

    api.answer = answer

    assert run(["top", "--every", "0.5"]) == 0
    assert "vision@1  no worker" in capsys.readouterr().out


def test_evidence_is_read_from_a_file(api, tmp_path):
    api.say(DECISION)
    (tmp_path / "evidence.json").write_text('{"text": "fell"}')

    assert run(["ask", "claim.pay", "--evidence", "@evidence.json"]) == 0

    assert api.body()["evidence"] == {"text": "fell"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["ask"],
        ["ask", "claim.pay", "--evidence", "{"],
        ["ask", "claim.pay", "--evidence", "[]"],
        ["ask", "claim.pay", "--evidence", "@nowhere.json"],
        ["ask", "claim.pay", "--evidence", "{}", "--subject", "claim"],
        ["ask", "claim.pay", "--evidence", "{}", "--stake", "50.00"],
        ["decisions", "ls", "--status", "finished"],
        ["decisions", "ls", "--since", "yesterday"],
        ["keys", "create", "till", "--role", "boss"],
        ["keys", "create", "anna", "--role", "reviewer"],
    ],
)
def test_wrong_usage_is_two_and_asks_nothing(api, capsys, arguments):
    assert run(arguments) == 2

    assert "Error: " in capsys.readouterr().err
    assert api.asked == []


def test_a_refusal_is_one_line_with_its_pointer_and_one(api, capsys):
    pointed = [{"pointer": "#/evidence/text", "detail": "is required"}]
    problem = {"type": "x/invalid-evidence", "title": "Evidence does not fit claim.pay", "errors": pointed}
    api.say(problem, 422)

    assert run(["ask", "claim.pay", "--evidence", "{}"]) == 1

    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "adjudge: Evidence does not fit claim.pay: #/evidence/text is required\n"


@pytest.mark.parametrize(
    ("written", "answer"),
    [("pay", "pay"), ("1", "1"), ("7", 7), ("true", True), ('{"boxes": []}', {"boxes": []})],
    ids=["a label", "a label of digits", "a number", "a boolean", "an object"],
)
def test_a_truth_is_read_as_the_type_has_its_answers_whatever_became_of_the_decision(api, capsys, written, answer):
    """A decision that is open or cancelled has no answer to show of which kind they are."""
    problem = {"type": "x/answer-outside-space", "title": "Answer outside space"}
    label = {"source": "recount", "ref": "", "answer": answer, "recorded": True, "amended": False}

    def judge(request):
        fits = json.loads(request.content)["answer"] == answer
        decision = DECISION | {"outcome": None, "status": "open"}
        return {"label": label, "decision": decision} if fits else httpx.Response(422, json=problem)

    api.answer = judge

    assert run(["decisions", "truth", "01a2", written, "--source", "recount"]) == 0

    assert (api.body()["answer"], api.body()["source"]) == (answer, "recount")
    assert capsys.readouterr().out.startswith("recorded; it changes no outcome\n")


def test_a_truth_that_is_no_answer_is_refused_with_what_the_type_says_of_it(api, capsys):
    pointed = [{"pointer": "#/answer", "detail": "'seven' is not a whole number from 0 to 12"}]
    api.say({"type": "x/answer-outside-space", "title": "Answer outside space", "errors": pointed}, 422)

    assert run(["decisions", "truth", "01a2", "seven", "--source", "recount"]) == 1

    assert "#/answer 'seven' is not a whole number" in capsys.readouterr().err
    assert len(api.asked) == 1


def test_a_fault_of_ours_is_one_line_too(api, capsys, monkeypatch):
    monkeypatch.setattr(connection, "Adjudge", lambda **_: 1 / 0)

    assert run(["queues"]) == 1

    assert capsys.readouterr().err == "adjudge: ZeroDivisionError: division by zero (ADJUDGE_DEBUG=1 shows where)\n"


def test_queues_stand_as_in_the_first_hour(api, capsys):
    queue = {
        "pool": "agents",
        "waiting": 0,
        "leased": 0,
        "oldest_seconds": None,
        "due_5m": 0,
        "at_work": 1,
        "votes_per_hour": 41,
        "median_seconds": 8.2,
        "paused": False,
    }
    api.say({"queues": [queue]})

    assert run(["queues"]) == 0

    assert capsys.readouterr().out == (
        "POOL    WAITING  OLDEST  DUE<5M  AT WORK  VOTES/H  MEDIAN\n"
        "agents        0       –       0        1       41     8 s\n"
    )


def test_decisions_are_listed_by_what_was_asked_for(api, capsys):
    api.say({"items": [DECISION], "next": None})

    assert run(["decisions", "ls", "--source", "reviewer", "--limit", "3"]) == 0

    assert dict(api.asked[0].url.params) == {"source": "reviewer", "limit": "3"}
    assert capsys.readouterr().out.splitlines() == [
        "ID    ASKED                TYPE       LOCATION  STATUS  ANSWER  SOURCE",
        "01a2  2026-12-01 18:21:07  claim.pay  default   final   pay     model",
    ]


def test_json_is_what_the_api_says(api, capsys):
    api.say({"items": [DECISION], "next": None})

    assert run(["decisions", "ls", "--json"]) == 0

    (shown,) = json.loads(capsys.readouterr().out)
    assert shown["outcome"]["answer"] == "pay"


def test_a_quiet_key_is_nothing_but_the_key(api, capsys):
    api.say({"id": "key_1", "name": "till", "role": "client", "key": "adj_secret"}, 201)

    assert run(["keys", "create", "till", "--role", "client", "--quiet"]) == 0

    assert capsys.readouterr().out == "adj_secret\n"
    assert api.body() == {"name": "till", "role": "client"}


def test_a_reviewer_s_key_is_shown_once_and_kept_for_this_user_alone(api, capsys, tmp_path):
    (tmp_path / ".adjudge").mkdir()
    api.say({"name": "anna", "pools": ["agents"], "key": "adj_anna"}, 201)

    assert run(["reviewers", "add", "anna", "--pool", "agents"]) == 0

    kept = tmp_path / ".adjudge" / "keys" / "anna"
    assert kept.read_text() == "adj_anna\n"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert capsys.readouterr().out == "adj_anna\nshown once; kept in .adjudge/keys/anna\n"
    assert connection.key_of("anna") == "adj_anna"


@pytest.mark.parametrize("name", ["../api", "a/b", "", ".hidden"])
def test_a_reviewer_s_name_reaches_no_other_file(api, capsys, name):
    assert run(["review", "--as", name]) == 1

    assert "cannot be the name of a reviewer" in capsys.readouterr().err


def test_without_a_key_the_reviewer_is_told_how_to_get_one(api, capsys):
    assert run(["review", "--as", "anna"]) == 1

    assert "adjudge reviewers add anna --pool POOL" in capsys.readouterr().err


def test_no_pack_no_demo(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "adjudge.cli.demo", raising=False)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda *, group: ())

    assert run(["demo"]) == 1

    del sys.modules["adjudge.cli.demo"]  # it was imported without packs: the next test finds its own
    assert capsys.readouterr().err == "adjudge: no installed pack has a demo\n"


def test_the_version_is_that_of_the_installed_package(capsys):
    assert run(["--version"]) == 0

    assert capsys.readouterr().out == f"adjudge {version('adjudge')}\n"


def test_help_names_all_commands_and_imports_none(capsys):
    loaded = set(sys.modules)

    assert run(["--help"]) == 0

    shown = capsys.readouterr().out
    assert all(f"\n  {name} " in shown for name in COMMANDS)
    assert not [module for module in set(sys.modules) - loaded if module.startswith("adjudge")]


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (["--help"], ["httpx", "msgspec", "fastapi", "asyncpg", "rich"]),
        (["streams", "run", "--help"], ["httpx", "fastapi", "asyncpg", "sqlalchemy", "structlog", "yaml", "redis"]),
        (["queues", "--help"], ["click", "rich", "fastapi", "asyncpg", "sqlalchemy", "uvicorn"]),
    ],
)
def test_commands_start_without_what_they_do_not_need(arguments, absent):
    program = (
        "import sys; from adjudge.cli.root import run; run(sys.argv[1:]);"
        "print(*sorted(sys.modules), sep='\\n', file=sys.stderr)"
    )

    ended = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=60, check=True
    )

    assert set(absent) & set(ended.stderr.split()) == set()


def test_deciders_are_listed_with_role_breaker_what_was_done_on_the_side_and_people(api, capsys):
    broken = {
        "state": "open",
        "reason": "timeout: no answer within 2 s",
        "fault": "timeout",
        "since": "2026-12-01T18:21:07Z",
        "until": "2026-12-01T18:21:17Z",
    }
    api.say(
        {
            "deciders": [
                {"id": "old@1", "kind": "oip", "role": "serving", "switched_off": False, "breaker": broken},
                {
                    "id": "new@2",
                    "kind": "python",
                    "role": "shadow",
                    "switched_off": True,
                    "breaker": None,
                    "shadow": {"expected": 50, "answered": 48, "failed": 1, "dropped": 1, "missing": 2},
                },
                {"id": "clerks", "kind": "reviewers", "people": {"members": 3, "at_work": 1, "paused": True}},
            ]
        }
    )

    assert run(["deciders", "ls"]) == 0

    old, new, clerks = capsys.readouterr().out.splitlines()[1:]
    assert old.split()[:5] == ["old@1", "oip", "serving", "on", "open"]
    assert "  2026-12-01 18:21:07  2026-12-01 18:21:17  " in old, "an instant reads as in all other lists"
    assert old.endswith("timeout: no answer within 2 s")
    assert "48/50" in new.split()
    assert "switched off" in new
    assert clerks.split()[:5] == ["clerks", "reviewers", "serving", "paused", "–"]
    assert "1/3" in clerks.split()
