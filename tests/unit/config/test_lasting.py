"""A provisional answer that nobody could make final before the deadline is remarked."""

import pytest
from tests.unit.config.documents import CLAIMS

from adjudge.config import compile_documents
from adjudge.config.remarks import remarks

HELD = "fallback: {hold: 24h, then: {answer: refuse}}"
PEOPLE = "      - {ask: agents, votes: {min: 1, max: 1}, combine: first, timeout: 10m}\n"


@pytest.fixture
def lines_of(tmp_path):
    """Return the lines of the remarks that a document brings, by their beginning."""

    def lines(text: str) -> list[int]:
        found = [
            each
            for each in remarks(compile_documents({"config/claims.yaml": text}, base=tmp_path))
            if each.startswith("provisional until the deadline: claim.pay, plan claims: nobody is asked before it")
        ]
        return [int(each.rpartition(":")[2].rstrip(")")) for each in found]

    return lines


def line_of(text: str, words: str) -> int:
    return text[: text.index(words)].count("\n") + 1


def test_behind_models_alone(lines_of):
    text = (
        CLAIMS.replace(PEOPLE, "")
        .replace(HELD, "fallback: {provisional: best}")
        .replace("answers: [pay, refuse]", "answers: [pay, refuse]\n    safe_side: refuse")
    )

    assert lines_of(text) == [line_of(text, "fallback: {provisional")]


def test_behind_people_or_an_escalation_there_is_nothing_to_remark(lines_of):
    people = CLAIMS.replace(HELD, "fallback: {provisional: refuse}")
    escalated = CLAIMS.replace(PEOPLE, "").replace(
        HELD, "fallback: {escalate: agents, timeout: 1m, then: {provisional: refuse}}"
    )

    assert lines_of(people) == lines_of(escalated) == []


def test_a_failed_model_ahead_of_people_who_are_not_asked_any_more(lines_of):
    """Whoever takes the fallback of a stage passes over the stages behind it."""
    text = CLAIMS.replace("      - {ask: claim-risk@1,", "      - {ask: claim-risk@1, on_error: {provisional: refuse},")

    assert lines_of(text) == [line_of(text, "on_error")]
