"""A decision in words."""

import msgspec
import pytest

from adjudge.cli.showing import path_lines, summary
from adjudge.client import Path


def event(kind, at, **fields):
    return {"kind": kind, "at": f"2026-12-01T{at}Z", "stage": 0, **fields}


def vote(by, at, seconds, cost_micros):
    paid = {"cost_micros": cost_micros, "currency": "USD"}
    return event("opinion", at, by=by, source="reviewer", answer="satsuma", seconds=seconds, confidence=0.95, **paid)


@pytest.fixture
def a_path():
    def build(*, status="final", outcome=True, events=(), labels=()):
        settled_at = "2026-12-01T18:21:22.017Z"
        document = {
            "decision": {
                "id": "01a2",
                "type": "product.identify",
                "location": "store-042",
                "status": status,
                "revision": 1,
                "asked_at": "2026-12-01T18:21:07.104Z",
                "deadline": "2026-12-01T18:24:07.104Z",
                "waiting_for": None if outcome else {"pool": "agents", "votes": 1, "until": settled_at},
                "outcome": {"version": 1, "answer": "satsuma", "source": "reviewer", "settled_at": settled_at}
                if outcome
                else None,
            },
            "stake": {"amount": "2.49", "currency": "USD"},
            "plan": {"name": "shelf-standard", "revision": 1},
            "events": list(events),
            "labels": list(labels),
        }
        return msgspec.convert(document, Path)

    return build


MODEL = event(
    "opinion",
    "18:21:07.109",
    by="vision-sku@2",
    source="model",
    answer="orange",
    confidence=0.61,
    distribution={"satsuma": 0.36, "orange": 0.61, "lime": 0.0},
    seconds=0.002,
    cost_micros=500,
    currency="USD",
)
DEFERRED = event(
    "deferred", "18:21:07.109", code="unsure", reason="0.61 is under 0.95 (set by hand, groups/eu.yaml:14)"
)
SETTLED = event(
    "settled", "18:21:22.017", version=1, outcome="final", answer="satsuma", source="reviewer", reason="2 of 2 agree"
)


def test_an_imported_path_says_nothing_of_what_nobody_knows(a_path):
    """Neither took an answer no time, nor is anybody called `?1`."""
    unknown, known = vote("?1", "18:21:16.480", 0.0, 0), vote("anna", "18:21:16.480", 9.4, 0)
    path = msgspec.structs.replace(a_path(events=[unknown, known, SETTLED]), plan=None)

    _, first, second, _ = path_lines(path)

    assert first.endswith("somebody  satsuma")
    assert second.split()[1:5] == ["anna", "satsuma", "9.4", "s"]


def test_the_path_reads_as_the_first_hour_promises(a_path):
    path = a_path(
        events=[
            event("asked", "18:21:07.104", deciders=["vision-sku@2"]),
            MODEL,
            DEFERRED,
            vote("anna", "18:21:16.480", 9.4, 44_762),
            vote("ben", "18:21:22.016", 5.5, 26_190),
            SETTLED,
        ]
    )

    assert "\n".join(path_lines(path)) == (
        "18:21:07.104  asked         product.identify at store-042, stake 2.49 USD, due in 3 min;"
        " revision 1, plan shelf-standard\n"
        "18:21:07.109  vision-sku@2  orange 0.61, satsuma 0.36                      2 ms    0.0005 USD\n"
        "18:21:07.109  deferred      0.61 is under 0.95 (set by hand, groups/eu.yaml:14)\n"
        "18:21:16.480  anna          satsuma                                        9.4 s   0.045 USD\n"
        "18:21:22.016  ben           satsuma                                        5.5 s   0.026 USD\n"
        "18:21:22.017  settled       satsuma, final, by reviewers: 2 of 2 agree     14.9 s  0.0715 USD in all"
    )


def test_what_became_known_of_the_truth_stands_behind_the_outcome(a_path):
    """A truth was recorded, and shown nowhere."""
    labels = [
        {"at": "2026-12-02T08:00:00Z", "source": "recount", "ref": "R-7", "answer": "orange", "after_version": 1},
        {"at": "2026-12-02T08:00:01Z", "source": "late-vote", "ref": "ben", "answer": "satsuma", "after_version": 1},
        {"at": "2026-12-02T08:00:02Z", "source": "late-return", "ref": "", "answer": "orange", "after_version": 1},
    ]

    truth, late, other = path_lines(a_path(events=[MODEL, SETTLED], labels=labels))[-3:]

    assert truth.split()[1:] == ["recount", "orange", "was", "right", "(R-7)"]
    assert late.split()[1:5] == ["ben", "satsuma,", "too", "late:"]
    assert other.split()[1:] == ["late-return", "orange", "was", "right"]


def test_an_open_decision_says_whom_it_waits_for(a_path):
    path = a_path(status="open", outcome=False, events=[MODEL, DEFERRED])

    assert path_lines(path)[-1].endswith("open          waits for agents until 18:21:22, 1 answered so far")


def test_what_is_held_until_tomorrow_says_the_day(a_path):
    held = event("fell_back", "18:21:07.110", fallback="hold", until="2026-12-02T18:21:07Z", reason="nobody")

    lines = path_lines(a_path(status="open", outcome=False, events=[MODEL, held]))

    assert lines[2].endswith("hold until 2026-12-02 18:21:07: nobody")


def test_an_open_decision_in_one_line_says_whom_it_waits_for(a_path):
    line = summary(a_path(status="open", outcome=False, events=[]).decision)

    assert line.endswith("open  waits for agents until 18:21:22, 1 answered so far")


def test_faults_and_what_is_newer_than_this_version_are_lines_too(a_path):
    fault = event("fault", "18:21:07.109", by="m@1", fault="timeout", detail="2 s", seconds=2.0)
    path = a_path(events=[fault, event("telepathy", "18:21:07.2", reason="felt it"), SETTLED])

    assert "  m@1        timeout: 2 s" in path_lines(path)[1]
    assert path_lines(path)[2].endswith("telepathy  felt it")


def test_costs_of_several_currencies_are_never_summed(a_path):
    euro = MODEL | {"by": "other@1", "currency": "EUR", "cost_micros": 30_000}

    assert path_lines(a_path(events=[MODEL, euro, SETTLED]))[-1].endswith("0.03 EUR + 0.0005 USD in all")


def test_a_decision_is_one_line(a_decision, noon):
    outcome = {"version": 1, "answer": True, "source": "fallback", "reason": "fallback: deadline", "settled_at": noon}

    assert summary(a_decision(status="final", outcome=outcome)) == "01a2  final  true, by the fallback: deadline"


def test_a_reason_cannot_move_the_cursor(a_path):
    path = a_path(events=[event("deferred", "18:21:07.1", reason="\x1b[2Jgone"), SETTLED])

    assert "\x1b" not in "".join(path_lines(path))
