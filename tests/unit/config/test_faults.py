"""What is told of faults together; each by itself: test_wrong.py."""

from collections.abc import Callable

import pytest
from tests.unit.config.documents import CLAIMS, FaultsOf

HOLD = "{hold: 24h, then: {answer: refuse}}"


def test_all_faults_are_found_at_once(faults_of: FaultsOf) -> None:
    spoilt = CLAIMS.replace("agents,", "agnets,").replace("0.0005 USD", "cheap").replace("answer: refuse", "answer: no")

    assert [fault.line for fault in faults_of(spoilt)] == [5, 11, 12]


def test_one_wrong_name_is_one_fault(fault_of: Callable[[str, str], str]) -> None:
    """Nothing that merely follows from it: a plan without a route, an answer outside of no space."""
    assert "did you mean `claims`?" in fault_of("plan: claims}]", "plan: claim}]")
    assert "`pay` stands twice" in fault_of("[pay, refuse]", "[pay, pay]")


def test_a_mapping_where_a_name_belongs_is_told_what_belongs_there(fault_of: Callable[[str, str], str]) -> None:
    """Groups of a location, most of all: their dimension is said where they are declared, not here."""
    assert "the name of a plan is wanted here, not a mapping" in fault_of("plan: claims}]", "plan: {a: claims}}]")
    assert "the name of a plan is wanted here, not nothing" in fault_of("plan: claims}]", "plan: null}]")


def test_a_plan_and_a_type_that_no_route_leads_to_are_faults(faults_of: FaultsOf) -> None:
    spare = "  spare: {stages: [{ask: agnets, timeout: 3m}], fallback: {answer: x}}\n"
    text = CLAIMS.replace("plans:\n", "plans:\n" + spare).replace("types:\n", "types:\n  t: {answers: [a]}\n")

    faults = faults_of(text)

    assert [(fault.line, fault.path, fault.message) for fault in faults] == [
        (2, "types.t", "no route gives this type a plan"),
        (9, "plans.spare.stages[0].ask", "no pool or decider `agnets`"),
        (9, "plans.spare", "no route leads to this plan"),
    ]


def test_a_stage_that_asks_a_misspelt_pool_hides_none_of_its_other_faults(faults_of: FaultsOf) -> None:
    """`combin` was told of in the second round only."""
    faults = faults_of(CLAIMS.replace("ask: agents", "ask: agent").replace("combine: first", "combin: first"))

    assert sorted((fault.message.partition(" `")[0], fault.nearest) for fault in faults) == [
        ("no pool or decider", "agents"),
        ("nothing reads", "combine"),
    ]


ESCALATED = CLAIMS.replace("{agents: {wage: 12 USD/h}}", "{team-a: {}, team-b: {}}").replace(
    HOLD, "{escalate: team-b, timeout: 1h, then: {answer: refuse}}"
)


@pytest.mark.parametrize(
    "spoilt",
    [
        CLAIMS.replace("ask: agents", "ask: claim-risks"),
        CLAIMS.replace("ask: claim-risk@1", "ask: agents@1"),
        CLAIMS.replace("ask: claim-risk@1", "ask: claim-next@3").replace(
            "deciders: {", 'deciders: {claim-next@2: {python: "deciders:claim_risk", role: shadow}, '
        ),
        ESCALATED.replace("ask: agents", "ask: team-c"),
    ],
    ids=["a pool, near a model", "a model, near a pool", "near a model in shadow", "near a pool that is escalated to"],
)
def test_nothing_is_told_of_whom_a_stage_was_only_guessed_to_ask(faults_of: FaultsOf, spoilt: str) -> None:
    """It has other fields, or may not be asked there: none of that stands in the documents."""
    (fault,) = faults_of(spoilt)

    assert fault.message.startswith("no pool or decider")


def test_a_model_may_stand_without_accept_where_people_weigh_it_later(compiled: Callable[[str], object]) -> None:
    weighed = CLAIMS.replace(', accept: {by_hand: "confidence >= 0.95"}', "").replace(
        "combine: first", 'combine: {bayes: {model_weight: 0.5}}, accept: {by_hand: "confidence >= 0.9"}'
    )

    assert compiled(weighed)


def test_an_escalation_of_an_escalation_asks_a_third_pool(faults_of: FaultsOf) -> None:
    chain = "{escalate: experts, timeout: 1h, then: {escalate: experts, timeout: 1h, then: {answer: pay}}}"

    (fault,) = faults_of(CLAIMS.replace("pools: {", "pools: {experts: {}, ").replace(HOLD, chain))

    assert fault.path == "plans.claims.fallback.then.escalate"
    assert "was asked before in this chain" in fault.message


def test_the_fault_of_what_a_location_or_a_group_lays_on_top_is_at_its_place_in_the_document(faults_of: FaultsOf):
    """It is found where all layers are one, and mended where it was written."""
    own = (
        "groups: {g: {types: {claim.pay: {deadline: soon}}}}\nlocations: {store-001: {groups: [g], time_zone: Berlin}}"
    )

    of_type, of_location = faults_of(claims=CLAIMS, stores=own)

    assert (of_type.line, of_type.path) == (1, "groups.g.types.claim.pay.deadline")
    assert (of_location.line, of_location.path) == (2, "locations.store-001.time_zone")


def test_a_place_is_named_once_and_what_follows_from_a_fault_there_is_none(faults_of: FaultsOf):
    audited = "locations: {store-001: {tags: {new: maybe}, audits: {rate: 5%, pool: nobody}}}"

    tag, pool = faults_of(claims=CLAIMS, stores=audited)

    assert tag.path == "locations.store-001.tags.new"
    assert pool.path == "locations.store-001.audits.pool"
