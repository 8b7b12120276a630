"""Configuration made to take for ever is refused at once, or answered as a doubt: with its line, and shortly."""

import json
import time

import pytest
from tests.unit.config.documents import CLAIMS

from adjudge.core.expressions import compile_condition, compile_over_evidence

EVIDENCE = "{type: object, required: [amount, text], properties: {amount: {type: string}, text: {type: string}}}"
ACCEPT = '"confidence >= 0.95"'
LAUGHS = "\n".join(["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40))])
TOWER = {f"s{n}": {"allOf": [{"$ref": f"#/$defs/s{n + 1}"}] * 10} for n in range(12)} | {"s12": {}}
LIST = "[" + ",".join("1" * 30) + "]"
LOOPS = "".join(f"{LIST}.all({name}, " for name in "abcde") + "a + b + c + d + e > 0" + ")" * 5

BOMBS = {
    "a schema of references to references": (
        EVIDENCE,
        json.dumps({"$defs": TOWER, "$ref": "#/$defs/s0"}),
        "with its references written out it is more than 5000 schemas",
    ),
    "a pattern of a billion states": (
        EVIDENCE,
        '{properties: {text: {type: string, pattern: "((a{1000}){1000}){1000}"}}}',
        "not a JSON Schema",
    ),
    "a pattern of brackets": (
        EVIDENCE,
        '{properties: {text: {type: string, pattern: "%s"}}}' % ("(" * 20_000 + ")" * 20_000),
        "not a JSON Schema",
    ),
    "a condition without end": (ACCEPT, '"%s"' % ("true && " * 500 + "true"), "at most 1000 characters"),
    "a condition of brackets": (
        ACCEPT,
        '"%s"' % ("(" * 450 + "true" + ")" * 450),
        "claims.yaml:10: plans.claims.stages[0].accept.by_hand",
    ),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_it_is_refused_at_once_and_shortly(faults_of, bomb):
    sound, spoilt, said = BOMBS[bomb]
    assert sound in CLAIMS
    began = time.process_time()

    [fault] = faults_of(CLAIMS.replace(sound, spoilt))

    assert time.process_time() - began < 2
    assert said in str(fault)
    assert len(str(fault)) < 1_500


def test_a_billion_laughs_are_not_told(faults_of):
    began = time.process_time()

    faults = faults_of(laughs=LAUGHS)

    assert "aliases are not read" in str(faults[0])
    assert time.process_time() - began < 1


def test_loops_within_loops_of_a_condition_end_and_hold_nothing():
    """24 million turns; an engine's bound makes it an error, and a doubt defers."""
    condition = compile_condition(LOOPS)
    began = time.process_time()

    held = condition.holds({})

    assert not held
    assert time.process_time() - began < 1


def test_loops_over_the_evidence_end_whatever_was_posted():
    expression = compile_over_evidence("evidence.n.all(a, evidence.n.all(b, evidence.n.all(c, a + b + c >= 0.0)))")
    began = time.process_time()

    value = expression.value({"evidence": {"n": [float(n) for n in range(5_000)]}})

    assert value is None
    assert time.process_time() - began < 1


@pytest.mark.parametrize("pattern", ["^(a+)+$", "((a{100}){100}){100}"])
def test_patterns_of_expressions_are_linear_or_refused(pattern):
    expression = compile_over_evidence(f"evidence.text.matches('{pattern}')")
    began = time.process_time()

    assert not expression.value({"evidence": {"text": "a" * 200_000 + "!"}})
    assert time.process_time() - began < 1
