"""A key that is misspelt is one fault, whatever depends on it: only the true one is named."""

import re

import pytest
from tests.unit.config.documents import Compile, FaultsOf

SHOPS = """\
organisation: {name: shops, currency: USD, rates: {GBP: 1.3}, merge_order: [region, format]}
types:
  t: {answers: [a, b], safe_side: b, deadline: 1h}
deciders:
  m@1: {python: "models:m"}
  n@1: {python: "models:n"}
pools: {people: {}, experts: {}}
plans:
  quick:
    stages:
      - {ask: [m@1, n@1], combine: agree, accept: {by_hand: 'confidence > 0.9 && stake_in("USD") < 9.0'}}
      - {ask: people, votes: {min: 1, max: 3}, combine: bayes, accept: {by_hand: 'confidence > 0.9'}, timeout: 1m}
    fallback: {escalate: experts, timeout: 1m, then: safe_side}
  careful: {stages: [{ask: people, timeout: 1m}], fallback: safe_side}
routes:
  - {type: t, plan: careful, groups: [bars]}
  - {type: t, plan: careful, when: 'stake > 5.0'}
  - {type: t, plan: quick}
groups:
  uk: {dimension: region, currency: GBP}
  bars:
    dimension: format
    schedules:
      noon:
        hours: {daily: 11:00-13:00}
        types: {t: {deadline: 30m}}
        routes: [{type: t, plan: careful, when: open}, {type: t, plan: quick}]
locations: {inn: {groups: [uk, bars]}, shop: {}}
"""


def test_the_configuration_to_spoil_is_sound(compiled: Compile):
    compiled(SHOPS)


@pytest.mark.parametrize(
    ("sound", "spoilt", "path", "meant"),
    [
        ("rates:", "rats:", "organisation.rats", "rates"),
        ("types:\n", "tpyes:\n", "tpyes", "types"),
        ("pools:", "pols:", "pols", "pools"),
        ("groups:\n", "gruops:\n", "gruops", "groups"),
        ("answers:", "anwers:", "types.t.anwers", "answers"),
        ("safe_side: b", "safeside: b", "types.t.safeside", "safe_side"),
        ("deadline: 1h", "deadlin: 1h", "types.t.deadlin", "deadline"),
        ("python:", "pyton:", "deciders.m@1.pyton", "python"),
        ("    stages:\n", "    stage:\n", "plans.quick.stage", "stages"),
        ("combine: agree", "combin: agree", "plans.quick.stages[0].combin", "combine"),
        ("agree, accept:", "agree, acept:", "plans.quick.stages[0].acept", "accept"),
        ("bayes, accept:", "bayes, acept:", "plans.quick.stages[1].acept", "accept"),
        ("{by_hand: 'confidence > 0.9'}", "{byhand: '1'}", "plans.quick.stages[1].accept.byhand", "by_hand"),
        ("fallback: {esc", "fallbak: {esc", "plans.quick.fallbak", "fallback"),
        ("then:", "than:", "plans.quick.fallback.than", "then"),
        ("plan: careful, groups:", "plan: careful, group:", "routes[0].group", "groups"),
        ("when: 'stake", "wen: 'stake", "routes[1].wen", "when"),
        ("- {type: t, plan: quick}", "- {tpye: t, plan: quick}", "routes[2].tpye", "type"),
        ("- {type: t, plan: quick}", "- {type: t, plan: quik}", "routes[2].plan", "quick"),
        ("dimension: region", "dimensio: region", "groups.uk.dimensio", "dimension"),
        ("dimension: format", "dimension: formt", "organisation.merge_order", "formt"),
        ("hours:", "houres:", "groups.bars.schedules.noon.houres", "hours"),
        ("types: {t: {deadline: 30m}}", "type: {t: {deadline: 30m}}", "groups.bars.schedules.noon.type", "types"),
        ("{t: {deadline: 30m}}", "{tt: {deadline: 30m}}", "groups.bars.schedules.noon.types.tt", "t"),
        ("{deadline: 30m}", "{dedline: 30m}", "groups.bars.schedules.noon.types.t.dedline", "deadline"),
        ("when: open}, {", "wen: open}, {", "groups.bars.schedules.noon.routes[0].wen", "when"),
        ("{type: t, plan: quick}]", "{type: t, plan: quik}]", "groups.bars.schedules.noon.routes[1].plan", "quick"),
    ],
)  # fmt: skip
def test_what_is_misspelt_is_all_that_is_named(faults_of: FaultsOf, sound: str, spoilt: str, path: str, meant: str):
    assert sound in SHOPS

    faults = faults_of(SHOPS.replace(sound, spoilt, 1))

    assert [(fault.path, fault.nearest) for fault in faults] == [(path, meant)], "\n".join(map(str, faults))


def test_a_schedule_with_a_misspelt_key_does_not_seem_to_change_nothing(faults_of: FaultsOf):
    head, _, routes = SHOPS.partition("        routes: [")

    (fault,) = faults_of(head.replace("types: {t: {d", "tpyes: {t: {d") + routes.partition("\n")[2])

    assert fault.path == "groups.bars.schedules.noon.tpyes"


def test_what_is_not_misspelt_is_missing_beside_what_is_unknown(faults_of: FaultsOf):
    """All faults at once: an unknown key that means nothing else hides none."""
    faults = faults_of(SHOPS.replace("python:", "zzz:", 1).replace("combine: agree", "xyz: 1"))

    assert {fault.path for fault in faults} == {
        "deciders.m@1", "deciders.m@1.zzz", "plans.quick.stages[0]", "plans.quick.stages[0].xyz",
    }  # fmt: skip


@pytest.mark.parametrize("section", ["organisation", "types", "deciders", "pools", "plans", "routes", "groups"])
def test_a_misspelt_section_hides_no_fault_of_the_others_nor_its_own(faults_of: FaultsOf, section: str):
    wrong = SHOPS.replace("stake > 5.0", "stak > 5.0").replace("deadline: 1h", "deadline: 1 hour")

    faults = faults_of(re.sub(rf"^{section}:", f"{section}z:", wrong, flags=re.MULTILINE))

    assert {fault.path for fault in faults} == {f"{section}z", "routes[1].when", "types.t.deadline"}


@pytest.mark.parametrize("place", ["groups.uk", "locations.inn"])
def test_tags_that_are_misspelt_are_known_to_whom_asks_for_them(faults_of: FaultsOf, place: str):
    asked = SHOPS.replace("stake > 5.0", 'stake > 5.0 && "old" in tags')
    spoilt = {
        "groups.uk": asked.replace("currency: GBP}", "currency: GBP, tag: [old]}"),
        "locations.inn": asked.replace("[uk, bars]}", "[uk, bars], tag: [old]}"),
    }

    (fault,) = faults_of(spoilt[place])

    assert (fault.path, fault.nearest) == (f"{place}.tag", "tags")
