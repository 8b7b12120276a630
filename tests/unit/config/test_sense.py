"""Conditions that cannot mean what they say: only the true fault is named, and none where there is none."""

from pathlib import Path

import pytest
from tests.unit.config.documents import Compile, FaultsOf

from adjudge.config import compile_documents

SHOPS = """\
types:
  t: {answers: [a, b], safe_side: b, facts: {kind: {at: /kind, type: [dry, fresh]}}}
  u: {answers: {candidates: {always: [other]}}, safe_side: other}
  v: {answers: {integer: {min: 1, max: 3}}, safe_side: 1}
deciders:
  m@1: {python: "models:m"}
  s@1: {python: "models:s", role: shadow}
pools: {people: {}}
plans:
  quick: {stages: [{ask: m@1, accept: {by_hand: 'ACCEPT'}}], fallback: safe_side}
  careful: {stages: [{ask: people, timeout: 1m}], fallback: safe_side, shadow: s@1}
routes:
  - {type: t, plan: careful, when: 'WHEN'}
  - {type: 'TYPE', plan: quick}
groups: {bars: {tags: [new], attributes: {size: l}}}
locations: {inn: {groups: [bars]}}
"""


def shops(when: str = "stake > 5.0", accept: str = "margin >= 0.9", kind: str = "t") -> str:
    sound = SHOPS.replace("WHEN", when).replace("ACCEPT", accept).replace("TYPE", kind)
    unused = [name for name in "tuv" if kind != "*" and name != kind]
    return "\n".join(line for line in sound.splitlines() if not line.startswith(tuple(f"  {name}:" for name in unused)))


@pytest.mark.parametrize(
    "when",
    [
        "confidense > 1.0",  # no such variable
        "stake >",  # not CEL
        "stake",  # no condition
        "true",  # the same for every question
        '"nwe" in tags',
        'weekday == "Monday"',
        "hour >= 22 && hour < 6",
    ],
)
def test_a_condition_with_a_fault_is_all_that_is_named(faults_of: FaultsOf, when: str):
    """It used to count as `always`: the routes after it were unreachable, their plans unread."""
    (fault,) = faults_of(shops(when))

    assert fault.path == "routes[0].when"


def test_a_route_that_leads_nowhere_is_all_that_is_named(faults_of: FaultsOf):
    """The shadow of the plan that it meant seemed to be of no use."""
    (fault,) = faults_of(shops().replace("plan: careful, when", "plan: carefull, when"))

    assert fault.path == "routes[0].plan"


@pytest.mark.parametrize(
    "when",
    [
        'weekday in ["sat", "sun"] && hour >= 9 && hour < 23',
        "hour >= 22 || hour < 6",
        "hour >= 9 && hour <= 9",
        'date >= "2026-12" && date < "2027"',
        'date == "2026-12-24" || date == "2026-12-31"',
        'subject.a == "x" || subject.a == "y"',
        'subject.a != "x" && subject.a != "y"',
        'subject.a == "weekday == 1" && open',
        'tags.exists(weekday, weekday == "new")',
        '"new" in tags && !("bars" in groups && open)',
        'facts.kind == "dry" && stake_in("USD") > 3.0 && stake_in("USD") < 30.0',
        "open == (hour >= 8)",
        "attributes.size == 3 || (attributes.size == 1 && open)",
        'stake > 5.0 ? weekday == "mon" : open',
    ],
)
def test_what_may_hold_is_sound(compiled: Compile, when: str):
    compiled(shops(when))


def test_an_answer_of_any_type_that_takes_the_plan_may_be_named(compiled: Compile, faults_of: FaultsOf):
    """A plan is read for each type; of candidates each request brings its own."""
    compiled(shops(accept='answer == "banana"', kind="*"))
    without = shops(accept='answer == "a" || answer == "3"', kind="*")
    compiled(without.replace("  u:", "  # u:"))
    (fault,) = faults_of(without.replace("  u:", "  # u:").replace('"3"', '"4"'))
    assert "`4` is no answer" in fault.message


def test_a_revision_in_force_runs_on_with_its_slips(faults_of: FaultsOf):
    """It was published before they were known: a restart must not be refused for them."""
    text = shops('hour >= 22 && hour < 6 && weekday == "monday"', accept='answer == "x"')
    assert len(faults_of(text)) == 3

    held = compile_documents({"a.yaml": text}, base=Path(), revision=7, is_new=False)

    assert held.plan_names() == {"careful", "quick"}


def test_a_revision_in_force_keeps_a_currency_that_nobody_lists(faults_of: FaultsOf):
    """Stakes and wages are in it: nothing else can be made of them."""
    text = "organisation: {currency: ZZZ}\n" + shops().replace("people: {}", "people: {wage: 3 ZZZ/h}")
    assert len(faults_of(text)) == 2

    held = compile_documents({"a.yaml": text}, base=Path(), revision=7, is_new=False)

    assert (held.location("inn").currency, held.pool("people").currency) == ("ZZZ", "ZZZ")
