"""Rules are checked when they are read; a decider in shadow can be named nowhere where it would count."""

import pytest
from tests.unit.config.documents import Compile, FaultsOf

from adjudge.core.rules import Rule

DOCUMENT = """\
types: {claim.pay: {answers: [pay, refuse]}}
deciders:
  small@1:
    rule:
      - {when: "evidence.amount < 20.0", answer: pay}
      - {when: "has(evidence.said)", answer: {expression: evidence.said}, confidence: 0.9}
  new@1: {python: "deciders:new", role: shadow}
pools: {agents: {}}
plans:
  claims:
    stages:
      - {ask: small@1, accept: {by_hand: "confidence > 0.95"}}
      - {ask: agents, timeout: 10m}
    fallback: {answer: refuse}
    shadow: new@1
routes: [{type: claim.pay, plan: claims}]
"""


def test_a_rule_is_a_decider_of_its_own_kind(compiled: Compile) -> None:
    small = compiled(DOCUMENT).deciders["small@1"]

    assert (small.kind, small.source, small.is_shadow) == ("rule", "rule", False)
    assert isinstance(small.rule, Rule)
    assert [case.confidence for case in small.rule.cases] == [1.0, 0.9]


def test_a_shadow_is_no_part_of_what_the_plan_does(compiled: Compile) -> None:
    with_it = compiled(DOCUMENT)
    without = compiled(DOCUMENT.replace("    shadow: new@1\n", "").replace(", role: shadow", ""))

    plan = with_it.plan("default", "claim.pay")
    assert plan.shadows == ("new@1",)
    assert plan.deciders() == {"small@1"}
    assert plan.hash == without.plan("default", "claim.pay").hash
    assert set(with_it.serving) == {"small@1"}
    assert set(with_it.in_shadow) == {"new@1"}


def test_a_function_in_shadow_has_a_process_of_its_own(compiled: Compile) -> None:
    assert compiled(DOCUMENT).deciders["new@1"].isolate == "process"


@pytest.mark.parametrize(
    ("sound", "spoilt", "said"),
    [
        ("answer: pay}", "answer: maybe}", "`small@1` has the label `maybe`, which is no answer to claim.pay"),
        ("answer: pay}", "answer: 3}", "`small@1` has the label `3`"),
        ("answer: pay}", "answer: {expression: evidense.x}}", "did you mean `evidence`"),
        ("answer: pay}", "answer: {expression: evidence.x, more: 1}}", "nothing reads `more` here"),
        ("evidence.amount < 20.0", "evidence.amount + 20.0", "is not a condition"),
        ("evidence.amount < 20.0", "evidence.amount <", "column"),
        ('{when: "evidence.amount < 20.0", answer: pay}', "{answer: pay}", "`when` is missing"),
        ("confidence: 0.9", "confidence: 1.5", "is not a number above 0, at most 1"),
        ("ask: small@1", "ask: new@1", "`new@1` is in shadow, and nothing that it says is acted on"),
        ("shadow: new@1", "shadow: small@1", "only a decider with `role: shadow` is asked on the side"),
        ("shadow: new@1", "shadow: [new@1, agents]", "`agents` is not in shadow"),
        ("shadow: new@1", "shadow: [new@1, nobody@1]", "no pool or decider `nobody@1`"),
        ("    shadow: new@1\n", "", "no plan that is used names it under `shadow`"),
        ("role: shadow", "role: shadow, isolate: none", "in a process of its own"),
        ("role: shadow", "role: canary", "is not one of `serving`, `shadow`"),
        ('{python: "deciders:new", role', '{python: "deciders:new", rule: [], role', "a decider is of one kind"),
    ],
)
def test_a_fault_says_what_is_wrong(faults_of: FaultsOf, sound: str, spoilt: str, said: str) -> None:
    assert sound in DOCUMENT

    faults = faults_of(DOCUMENT.replace(sound, spoilt, 1))

    assert any(said in str(fault) for fault in faults), "\n".join(map(str, faults))


def test_a_rule_has_a_bound_of_cases(faults_of: FaultsOf) -> None:
    cases = "\n".join(['      - {when: "true", answer: pay}'] * 51)

    faults = faults_of(DOCUMENT.replace('      - {when: "evidence.amount < 20.0", answer: pay}', cases))

    assert any("1 to 50 cases" in str(fault) for fault in faults)
