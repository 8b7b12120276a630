"""`adjudge try`: the real plan and the real model, in words; what the API would refuse, it refuses."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from adjudge.cli.root import run

DECIDERS = """\
def sure(questions): return [{"a": 0.99, "b": 0.01} for _ in questions]
def unsure(questions): return [{"a": 0.6, "b": 0.4} for _ in questions]
def other(questions): return [{"b": 0.97, "a": 0.03} for _ in questions]
def silent(questions): return [None for _ in questions]
def broken(questions): raise RuntimeError("no weights")
def certain(questions): return [{True: 0.99, False: 0.01} for _ in questions]
def counting(questions): return [{"a": 0.5 + len(questions) / 10, "b": 0.5 - len(questions) / 10} for _ in questions]
"""
CONFIG = """\
types: {{t: {{answers: {answers}, safe_side: {safe_side}, evidence: {{type: object, required: [x]}}}}}}
deciders:
  sure@1: {{python: "deciders:sure"}}
  unsure@1: {{python: "deciders:unsure"}}
  other@1: {{python: "deciders:other"}}
  silent@1: {{python: "deciders:silent"}}
  broken@1: {{python: "deciders:broken"}}
  certain@1: {{python: "deciders:certain"}}
  counting@1: {{python: "deciders:counting"}}
pools: {{agents: {{}}, experts: {{}}}}
plans:
  p:
    stages: {stages}
    fallback: {fallback}
routes: [{{type: t, plan: p}}]
audits: {{pool: agents, expert: experts}}
"""
PEOPLE = "{ask: agents, votes: {min: 2, max: 3}, combine: majority, timeout: 90s}"
BY_HAND = 'accept: {by_hand: "confidence >= 0.95"}'

ASKED = '{"type": "t", "evidence": {"x": "%s"}}'

Try = Callable[..., list[str]]


@pytest.fixture
def tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Try:
    """Puts one question through a plan; returns the lines printed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deciders.py").write_text(DECIDERS)
    (tmp_path / "config").mkdir()

    def try_(
        *stages: str,
        fallback: str = "safe_side",
        answers: str = "[a, b]",
        safe_side: str = "b",
        questions: tuple[str, ...] = ('{"type": "t", "evidence": {"x": 1}}',),
        status: int = 0,
        options: tuple[str, ...] = (),
    ) -> list[str]:
        text = CONFIG.format(stages=f"[{', '.join(stages)}]", fallback=fallback, answers=answers, safe_side=safe_side)
        (tmp_path / "config/all.yaml").write_text(text)
        (tmp_path / "questions.jsonl").write_text("\n".join(questions))
        assert run(["try", "questions.jsonl", *options]) == status
        return capsys.readouterr().out.splitlines()

    return try_


def ask(*names: str, accept: str = BY_HAND, more: str = "") -> str:
    return f"{{ask: [{', '.join(names)}], {more}{accept}}}"


@pytest.mark.parametrize(
    ("stages", "fallback", "line"),
    [
        ([ask("sure@1")], "safe_side", "1  sure@1: a 0.99     accepted: a"),
        ([ask("unsure@1")], "safe_side", "1  unsure@1: a 0.60     under 0.95: b"),
        ([ask("unsure@1")], "{provisional: best}", "1  unsure@1: a 0.60     under 0.95: a, provisionally"),
        (
            [ask("unsure@1")],
            "{hold: 1h, then: {answer: a}}",
            "1  unsure@1: a 0.60     under 0.95: held 1 h, then a",
        ),
        (
            [ask("unsure@1"), ask("sure@1")],
            "safe_side",
            "1  unsure@1: a 0.60; sure@1: a 0.99     accepted: a",
        ),
        (
            [ask("unsure@1"), PEOPLE, ask("sure@1")],
            "{escalate: experts, timeout: 1h, then: {provisional: best}}",
            "1  unsure@1: a 0.60     under 0.95: agents (2 to 3 votes, 90 s), else sure@1, "
            "else experts (1 vote, 1 h), else the best answer so far, provisionally",
        ),
        (
            [ask("unsure@1")],
            "{hold: 1h, then: {escalate: experts, timeout: 2h, then: safe_side}}",
            "1  unsure@1: a 0.60     under 0.95: held 1 h, then experts (1 vote, 2 h), else b",
        ),
        (
            [ask("unsure@1")],
            "{escalate: experts, timeout: 2h, then: {hold: 7d, then: safe_side}}",
            "1  unsure@1: a 0.60     under 0.95: experts (1 vote, 2 h), else held 7 d, then b",
        ),
        (
            [ask("sure@1", "other@1", more="combine: agree, "), PEOPLE],
            "safe_side",
            "1  sure@1: a 0.99, other@1: b 0.97     deciders disagree: a 1, b 1: agents (2 to 3 votes, 90 s), else b",
        ),
        (
            [ask("silent@1"), PEOPLE],
            "safe_side",
            "1  silent@1: abstains     no decider had an answer: agents (2 to 3 votes, 90 s), else b",
        ),
        (
            [ask("broken@1", more="on_error: {answer: a}, "), PEOPLE],
            "safe_side",
            "1  broken@1: error     broken@1 failed: RuntimeError: no weights (deciders.py:5): a",
        ),
        (
            [ask("sure@1", accept="accept: certified"), PEOPLE],
            "safe_side",
            "1  sure@1: a 0.99     no certificate is in force here: agents (2 to 3 votes, 90 s), else b",
        ),
        ([PEOPLE], "safe_side", "1       agents (2 to 3 votes, 90 s), else b"),
    ],
)
def test_what_becomes_of_a_question_is_said_in_a_line(stages: list[str], fallback: str, line: str, tried: Try) -> None:
    assert tried(*stages, fallback=fallback) == [line]


def test_a_condition_that_is_no_plain_threshold_is_shown_whole(tried: Try) -> None:
    (line,) = tried(ask("sure@1", accept='accept: {by_hand: "stake < 5.0"}'), PEOPLE)

    assert "`stake < 5.0` does not hold (set by hand, config/all.yaml:13): agents" in line


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ('{"type": "t", "evidence": {}}', "#/evidence/x is required"),
        ('{"type": "tt", "evidence": {"x": 1}}', "#/type there is no question type `tt`"),
        ('{"type": "t", "evidence": {"x": 1}, "location": "x"}', "#/location there is no location `x`"),
        ('{"type": "t", "evidence": {"x": 1}, "candidates": ["c"]}', "#/candidates the answers of t are declared"),
        ('{"type": "t", "evidence": {"x": 1}, "stake": {"amount": "1.005", "currency": "USD"}}', "#/stake/amount"),
        ('{"type": "t", "evidence": {"x": 1}, "deadline": "tomorrow"}', "#/deadline"),
        ('{"type": "t", "evidence": {"x": 1}, "sujbect": {}}', "#/sujbect is no field of this object"),
        ("no JSON", "the body is not JSON"),
    ],
)
def test_what_the_api_would_refuse_is_refused_and_the_rest_is_tried(question: str, said: str, tried: Try) -> None:
    sound = '{"type": "t", "evidence": {"x": 1}}'

    lines = tried(ask("sure@1"), questions=(sound, question, sound), status=1)

    assert lines[0].startswith("1  sure@1: a 0.99")
    assert lines[1].startswith(f"2  {said}")
    assert lines[2].startswith("3  sure@1: a 0.99")


def test_questions_are_put_together_and_blank_lines_do_not_count(tried: Try) -> None:
    """A model is asked in batches, as by a worker; the number is that of the line in the file."""
    sound = '{"type": "t", "evidence": {"x": 1}}'

    lines = tried(ask("counting@1"), questions=(sound, "", sound, sound))

    assert [line[:24] for line in lines] == [f"{number}  counting@1: a 0.80   " for number in (1, 3, 4)]


def test_a_text_may_hold_whatever_else_breaks_lines_and_a_file_may_begin_with_a_mark(tried: Try) -> None:
    texts = ("\ufeff" + ASKED % "one\u2028two", ASKED % "three\x85four", ASKED % "five")

    assert len(tried(f"{{ask: sure@1, {BY_HAND}}}", questions=texts)) == 3


def test_json_holds_the_events_of_each_line(tried: Try) -> None:
    questions = ('{"type": "t", "evidence": {"x": 1}}', '{"type": "t", "evidence": {}}')

    sound, invalid = map(json.loads, tried(ask("sure@1"), questions=questions, status=1, options=("--json",)))

    assert (sound["line"], sound["fate"], sound["outcome"]["answer"]) == (1, "accepted: a", "a")
    assert [event["kind"] for event in sound["events"]] == ["asked", "opinion", "settled"]
    assert invalid == {"line": 2, "errors": [{"pointer": "#/evidence/x", "detail": "is required"}]}


def test_json_holds_answers_as_their_type_has_them(tried: Try) -> None:
    """As POST /v1/decisions and the path do."""
    (line,) = tried(ask("certain@1"), answers="boolean", safe_side="false", options=("--json",))

    shown = json.loads(line)
    assert (shown["outcome"]["answer"], shown["events"][1]["answer"], shown["fate"]) == (True, True, "accepted: true")


def test_a_configuration_with_faults_is_not_tried(tried: Try) -> None:
    assert tried(ask("sure@2"), status=1) == []


def test_a_deadline_that_has_passed_falls_back(tried: Try) -> None:
    (line,) = tried(ask("sure@1"), questions=('{"type":"t","evidence":{"x":1},"deadline":"2020-01-01T00:00:00Z"}',))

    assert line.endswith("its deadline has passed: b")
