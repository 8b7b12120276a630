"""A stranger's bytes become a question, or a problem that points at the field."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adjudge.api import questions
from adjudge.api.problems import Problem
from adjudge.core.errors import AdjudgeError
from adjudge.engine.intake.questions import InvalidEvidence


def read(body: str | bytes):
    raw = body.encode() if isinstance(body, str) else body
    return questions.read(raw, key=None, trace=None)


def test_a_whole_question_is_read():
    question = questions.read(
        b'{"type":"claim.pay","location":"store-1","subject":{"claim":"c-1"},"evidence":{"amount":"30.00"},'
        b'"stake":{"amount":"2.49","currency":"USD"},"deadline":"2026-12-01T10:00:00+01:00","lane":"bulk"}',
        key="k-1",
        trace=None,
    )

    assert (question.type, question.location, question.idempotency_key) == ("claim.pay", "store-1", "k-1")
    assert question.evidence == {"amount": "30.00"}
    assert question.evidence_json == b'{"amount":"30.00"}'
    assert question.stake is not None
    assert question.stake.minor == 249


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ('{"evidence":{}}', "#/type"),
        ('{"type":"t"}', "#/evidence"),
        ('{"type":7,"evidence":{}}', "#/type"),
        ('{"type":"t","evidence":[]}', "#/evidence"),
        ('{"type":"t","evidence":{},"colour":1}', "#/colour"),
        ('{"type":"t","evidence":{},"subject":{"a":1}}', "#/subject/a"),
        ('{"type":"t","evidence":{},"subject":{"a":"","b/c":null}}', "#/subject/b~1c"),
        ('{"type":"t","evidence":{},"subject":{"a":"' + "x" * 201 + '"}}', "#/subject/a"),
        ('{"type":"t","evidence":{},"subject":[]}', "#/subject"),
        ('{"type":"t","evidence":{},"subject":{"a":' + "[" * 20_000 + "]" * 20_000 + "}}", "#/subject"),
        ('{"type":"t","evidence":{},"subject":{"a":1},', "#/subject"),
        ('{"type":"t","evidence":{},"stake":{"amount":2.49,"currency":"USD"}}', "#/stake/amount"),
        ('{"type":"t","evidence":{},"stake":{"amount":"2.499","currency":"USD"}}', "#/stake/amount"),
        ('{"type":"t","evidence":{},"stake":{"amount":"2","currency":"usd"}}', "#/stake/currency"),
        ('{"type":"t","evidence":{},"deadline":"2026-12-01T10:00:00"}', "#/deadline"),
        ('{"type":"t","evidence":{},"deadline":"1026-12-01T10:00:00Z"}', "#/deadline"),
        ('{"type":"t","evidence":{},"lane":"shadow"}', "#/lane"),
        ('{"type":"t","evidence":{"a":"\\u0000"}}', "#/evidence/a"),
        ('{"type":"t","evidence":{"a/b":["x","\\u0000"]}}', "#/evidence/a~1b/1"),
        ('{"type":"t\\u0000","evidence":{}}', "#/type"),
        ('{"type":"t","evidence":{},"candidates":["a","b\\u0000"]}', "#/candidates/1"),
        ('{"type":"t","evidence":{"a\\u0000":1}}', "#/evidence/a\0"),
        ('{"type":"t","evidence":{"a~b":"\\u0000"}}', "#/evidence/a~0b"),
        ('{"type":"t","evidence":{},"location":"' + "x" * 201 + '"}', "#/location"),
        ('{"type":"t","evidence":{},"stake":{"amount":"2","currency":"USD","tip":"1"}}', "#/stake/tip"),
        ('{"type":"t","evidence":{},"location":"b\\u0000"}', "#/location"),
        ('{"type":"t","evidence":{},"idempotency_key":"b\\u0000"}', "#/idempotency_key"),
        ('{"type":"t","evidence":{},"subject":{"a":"b\\u0000"}}', "#/subject/a"),
        ('{"type":"t","evidence":{},"subject":{"a\\u0000":""}}', "#/subject/a\0"),
        ('{"type":"t","evidence":{"n":1e400}}', "#/evidence/n"),
        ('{"type":"t","evidence":{},"stake":{"amount":"2","currency":"ZZZ"}}', "#/stake/currency"),
        ('{"type":"t","evidence":{},"subject":{"' + "x" * 201 + '":""}}', "#/subject/" + "x" * 200),
        ('{"type":"t","evidence":' + '{"a":' * 65 + "1" + "}" * 65 + "}", "#/evidence"),
        (
            '{"type":"t","evidence":{},"subject":{"1":"","2":"","3":"","4":"","5":"","6":"","7":"","8":"","9":""}}',
            "#/subject",
        ),
    ],
)
def test_what_does_not_fit_is_pointed_at(body, pointer):
    with pytest.raises(AdjudgeError) as refused:
        read(body)

    assert refused.value.pointer == pointer


def test_a_lane_that_is_none_is_told_which_there_are():
    with pytest.raises(Problem) as refused:
        read('{"type":"t","evidence":{},"lane":"urgent"}')

    assert (refused.value.pointer, str(refused.value)) == ("#/lane", "'urgent' is not one of realtime, standard, bulk")


def test_a_question_keeps_its_own_lane_and_else_has_that_of_its_post():
    bodies = [b'{"type":"t","evidence":{}}', b'{"type":"t","evidence":{},"lane":"realtime"}']

    assert [questions.read(body, key=None, trace=None, lane="bulk").lane for body in bodies] == ["bulk", "realtime"]


def test_a_bulk_post_has_a_thousand_items_and_no_more():
    def post(items: int) -> bytes:
        return b'{"items":[' + b",".join([b"{}"] * items) + b"]}"

    assert len(questions.read_bulk(post(questions.MOST_BULK))) == 1_000
    with pytest.raises(Problem) as refused:
        questions.read_bulk(post(questions.MOST_BULK + 1))
    assert refused.value.pointer == "#/items"
    with pytest.raises(Problem) as unknown:
        questions.read_bulk(b'{"items":[],"atomic":true}')
    assert unknown.value.pointer == "#/atomic"


@pytest.mark.parametrize("body", ["", "{", '{"type":"t","evidence":{}}x', b"\xff\xfe{}"])
def test_what_is_not_json_says_so(body):
    with pytest.raises(Problem) as refused:
        read(body)

    assert refused.value.kind == "malformed-json"


def test_an_escaped_backslash_before_u0000_is_no_nul():
    assert read('{"type":"t","evidence":{"a":"\\\\u0000"}}').evidence == {"a": "\\u0000"}


@given(st.binary(max_size=200))
def test_any_bytes_are_a_question_or_a_problem(body):
    with contextlib.suppress(AdjudgeError):
        read(body)


def test_all_faults_of_the_evidence_are_told_at_once():
    schema = {"type": "object", "required": ["amount", "text"], "properties": {"amount": {"type": "string"}}}

    with pytest.raises(InvalidEvidence) as refused:
        questions.check_evidence("claim.pay", schema, {"amount": 5})

    assert set(refused.value.faults) == {
        ("#/evidence/text", "is required"),
        ("#/evidence/amount", '5 is not of type "string"'),
    }
    assert refused.value.title == "Evidence does not fit claim.pay"


def test_a_fault_does_not_repeat_the_whole_of_long_evidence():
    schema = {"type": "object", "properties": {"text": {"type": "integer"}}}

    with pytest.raises(InvalidEvidence) as refused:
        questions.check_evidence("claim.pay", schema, {"text": "x" * 10_000})

    [(pointer, detail)] = refused.value.faults
    assert (pointer, len(detail)) == ("#/evidence/text", 200)


@pytest.mark.parametrize(
    ("header", "trace"),
    [
        (b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", True),
        (b"00-0af7", False),
        (b"'; DROP TABLE decision", False),
        (None, False),
    ],
)
def test_only_a_trace_context_travels_on(header, trace):
    assert (questions.traced(header) is not None) == trace


BAD_ITEMS = {
    "half a surrogate pair": rb'{"type":"t","evidence":{"text":"\ud800 ],{"}}',
    "deep": b"[" * 20_000 + b"]" * 20_000,
}


@pytest.mark.parametrize("bad", BAD_ITEMS.values(), ids=BAD_ITEMS)
def test_an_item_that_is_no_json_harms_none_of_its_neighbours(bad):
    """JavaScript that cuts a character in two sends the first."""
    good = b'{"type":"t","evidence":{"text":"a ] } , \\" b"}}'

    items = questions.read_bulk(b'{ "items" : [' + good + b"," + bad + b" , " + good + b"]}\n")

    assert [bytes(item).strip() for item in items] == [good, bad, good]
    with pytest.raises(Problem):
        questions.read_item(items[1], trace=None)


@pytest.mark.parametrize("tail", [b"", b"]", b"]}]", b"]}}", b',{"type":'])
def test_a_bulk_post_that_is_cut_off_is_refused_whole(tail):
    with pytest.raises(Problem) as refused:
        questions.read_bulk(b'{"items":[{"type":"t","evidence":{}}' + tail + (b"" if tail else b","))

    assert refused.value.kind == "malformed-json"


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_what_some_write_for_no_number_is_no_json(constant):
    """It was said to hold half of a surrogate pair."""
    with pytest.raises(Problem) as refused:
        read(f'{{"type":"t","evidence":{{"n":{constant}}}}}')

    assert (refused.value.kind, refused.value.pointer) == ("malformed-json", "#")


def test_half_a_surrogate_pair_is_refused_where_it_stands():
    with pytest.raises(Problem) as refused:
        read(rb'{"type":"t","evidence":{"texts":["a","\udc00"]}}')

    assert (refused.value.kind, refused.value.pointer) == ("invalid-body", "#/evidence/texts/1")


def test_an_empty_idempotency_key_is_none_that_two_questions_could_share():
    with pytest.raises(Problem) as refused:
        read('{"type":"t","evidence":{},"idempotency_key":""}')

    assert refused.value.pointer == "#/idempotency_key"
