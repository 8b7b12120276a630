"""`adjudge deciders check`: what came back as it came, and what is made of it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from adjudge.cli.root import run

DECIDERS = """\
def sure(questions): return [{"a": 0.97, "b": 0.03} for _ in questions]
def silent(question): return None
def odd(question): return {"a": 1.5}
def broken(question): raise RuntimeError("no weights")
def choosy(question):
    if question.evidence["x"] == 1: raise RuntimeError("not this one")
    return {"b": 1.0}
"""
CONFIG = """\
types: {t: {answers: [a, b], evidence: {type: object, required: [x]}}}
deciders:
  sure@1: {python: "deciders:sure", cost: 0.002 USD}
  silent@1: {python: "deciders:silent"}
  odd@1: {python: "deciders:odd"}
  broken@1: {python: "deciders:broken", breaker: {failures: 1}}
  choosy@1: {python: "deciders:choosy", breaker: {failures: 1}}
  small@1: {rule: {when: "evidence.x < 2", answer: a}}
pools: {people: {}}
plans: {p: {stages: [{ask: people, timeout: 1m}], fallback: {answer: b}}}
routes: [{type: t, plan: p}]
"""
FIRST, SECOND, INVALID = (json.dumps({"type": "t", "evidence": evidence}) for evidence in ({"x": 1}, {"x": 2}, {}))

Check = Callable[..., str]


@pytest.fixture
def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    """Puts questions to a decider; returns what is printed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deciders.py").write_text(DECIDERS)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/all.yaml").write_text(CONFIG)

    def check(decider: str, *questions: str, status: int = 0, options: tuple[str, ...] = ()) -> str:
        (tmp_path / "questions.jsonl").write_text("\n".join(questions))
        assert run(["deciders", "check", decider, "--questions", "questions.jsonl", *options]) == status
        printed = capsys.readouterr()
        return printed.out + printed.err

    return check


def test_the_raw_answer_stands_beside_the_opinion_the_time_and_the_cost(checked):
    said = checked("sure@1", FIRST).splitlines()

    assert said[0] == '1  raw      {"a":0.97,"b":0.03}'
    assert said[1] == "   opinion  a 0.97"
    assert said[2].startswith("   took     ")
    assert said[2].endswith(" ms, 0.002 USD")
    assert said[3].startswith("sure@1: 1 answered; median ")


@pytest.mark.parametrize(
    ("decider", "raw", "understood"),
    [
        ("silent@1", "raw      null", "opinion  abstains"),
        ("small@1", 'raw      ["a",1.0]', "opinion  a 1.00"),
    ],
)
def test_whatever_the_kind_it_is_shown_as_it_came(checked, decider, raw, understood):
    said = checked(decider, FIRST)

    assert raw in said
    assert understood in said


def test_garbage_is_shown_with_what_is_wrong_with_it(checked):
    said = checked("odd@1", FIRST, status=1)

    assert 'raw      {"a":1.5}' in said
    assert "garbage  'a' has 1.5, which is not a probability" in said
    assert "odd@1: 1 garbage" in said


def test_a_fault_has_no_raw_answer_and_its_detail(checked):
    said = checked("broken@1", FIRST, status=1)

    assert "raw      nothing" in said
    assert "no weights" in said


def test_each_question_is_put_whatever_came_of_the_one_before(checked):
    """No breaker stands between."""
    said = checked("choosy@1", FIRST, SECOND, status=1)

    assert "not this one" in said
    assert "opinion  b 1.00" in said


def test_a_line_that_the_api_would_refuse_is_not_put(checked):
    said = checked("sure@1", INVALID, FIRST, status=1)

    assert "1  invalid  #/evidence/x is required" in said
    assert "2  raw" in said
    assert "sure@1: 1 invalid, 1 answered" in said


def test_as_json_it_is_an_object_a_line(checked):
    first, second = (json.loads(line) for line in checked("small@1", FIRST, SECOND, options=("--json",)).splitlines())

    assert (first["line"], first["result"], first["answer"], first["raw"]) == (1, "answered", "a", ['["a",1.0]'])
    assert (second["result"], second["answer"]) == ("abstained", None)


def test_a_decider_that_is_not_declared_is_refused_with_those_that_are(checked):
    assert "there are broken@1, choosy@1" in checked("none@1", FIRST, status=1)
