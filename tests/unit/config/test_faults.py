"""`adjudge config check` is a promise: every fault with file, line, path and the nearest valid name."""

from collections.abc import Callable

import pytest
from tests.unit.config.documents import CLAIMS, FaultsOf

PLAN = "config/claims.yaml:{}: plans.claims."
ACCEPT = PLAN.format(10) + "stages[0].accept"
BY_HAND = ACCEPT + ".by_hand: "
PEOPLE = PLAN.format(11) + "stages[1]"
FALLBACK = PLAN.format(12) + "fallback"
ANSWERS = "config/claims.yaml:3: types.claim.pay.answers: "
HOLD = "{hold: 24h, then: {answer: refuse}}"
BOUGHT = "votes: {min: 1, max: 1}"

FAULTS = [
    ("{ask: agents,", "{ask: agnets,", f"{PEOPLE}.ask: no pool or decider `agnets`; did you mean `agents`?"),
    ("ask: claim-risk@1,", "ask: claim-risk@2,", "no pool or decider `claim-risk@2`; did you mean `claim-risk@1`?"),
    ("[pay, refuse]", "[pay, refuse]\n    deadlin: 3d", "nothing reads `deadlin` here; known are"),
    ("[pay, refuse]", "[pay, refuse]\n    deadlin: 3d", "`facts`; did you mean `deadline`?"),
    ("{answer: refuse}", "{answer: refus}", "is not one of pay, refuse; did you mean `refuse`?"),
    ("plan: claims}]", "plan: claimz}]", ":13: routes[0].plan: no plan `claimz`; did you mean `claims`?"),
    ("type: claim.pay, plan", "type: claim.pai, plan", "no question type `claim.pai`; did you mean `claim.pay`?"),
    ("plan: claims}]", "plan: claims, groups: [eu]}]", "routes[0].groups[0]: no group `eu`"),
    ("plan: claims}]", "plan: claims, locations: [x]}]", "routes[0].locations[0]: no location `x`"),
    ("plan: claims}]", "plan: claims, groups: []}]", "an empty list matches nothing"),
    ("plan: claims}]", "plan: claims}, {type: claim.pay, plan: claims}]", "routes[1]: no question takes this route"),
    ("timeout: 10m", "timeout: 10 minutes", "`10 minutes` is not a duration, such as 500ms, 2s, 10m, 24h or 7d"),
    ("timeout: 10m", "timeout: 31d", "longer than 30 days"),
    (
        "[pay, refuse]",
        "[pay, refuse]\n    deadline: 25m",
        "24 h is longer than the deadline of claim.pay, 25 min",
    ),
    (", timeout: 10m", "", f"{PEOPLE}: `timeout` is missing"),
    ("confidence >= 0.95", "confidense >= 0.95", f"{BY_HAND}`confidense >= 0.95`, column 1: undeclared reference"),
    ("confidence >= 0.95", "confidense >= 0.95", "did you mean `confidence`?"),
    ("confidence >= 0.95", "confidence >= 95.0", f"{BY_HAND}confidence is at most 1: 95 is never reached"),
    ("confidence >= 0.95", "confidence", "it must be true or false"),
    ("confidence >= 0.95", "stake_in('EUR') < 20.0", f"{BY_HAND}organisation.rates has no rate for EUR"),
    ('{by_hand: "confidence >= 0.95"}', "certifed", f"{ACCEPT}: `certifed` is neither `certified` nor"),
    (', accept: {by_hand: "confidence >= 0.95"}', "", "`accept` is missing: without it nothing that a model says"),
    (BOUGHT, "votes: {min: 3, max: 2}", f"{PEOPLE}.votes: at least 3 votes cannot be had from at most 2"),
    (BOUGHT, "votes: {max: 3, together: 4}", f"{PEOPLE}.votes: 4 together are more than the 3"),
    (BOUGHT, "votes: {min: 0}", "`0` is not a whole number from 1"),
    ("max: 1}, combine: first", "max: 3}", f"{PEOPLE}: `combine` is missing"),
    ("combine: first", "combine: bayes", f"{PEOPLE}: `accept` is missing: `bayes` gives a belief"),
    ("combine: first", "combine: majorty", "is not one of first, agree, majority, bayes; did you mean `majority`?"),
    ("{ask: agents,", "{ask: [agents, claim-risk@1],", "a stage asks models, or the people of one pool"),
    ("timeout: 10m}", "timeout: 10m, on_error: defer}", "nothing reads `on_error` here"),
    ("then: {answer: refuse}}", "then: {hold: 1h}}", f"{FALLBACK}.then: this fallback does not end in an answer"),
    (HOLD, "{hold: 24h}", f"{FALLBACK}: this fallback does not end in an answer"),
    (HOLD, "safe_side", f"{FALLBACK}: claim.pay declares no `safe_side`"),
    (HOLD, "{provisional: best}", f"{FALLBACK}.provisional: claim.pay declares no `safe_side`"),
    (HOLD, "{escalate: agent, timeout: 1h, then: {answer: pay}}", "no pool `agent`; did you mean `agents`?"),
    (HOLD, "{escalate: agents, timeout: 1h, then: {answer: pay}}", "an escalation asks another pool"),
    (HOLD, "{answer: pay, hold: 3h}", "not answer and hold"),
    (HOLD, "{}", "a fallback is one of answer, safe_side, provisional, escalate, hold"),
    (
        "fallback: {",
        "fallbak: {",
        "nothing reads `fallbak` here; known are `stages`, `fallback`, `late`, `shadow`; did you mean",
    ),
    ("0.0005 USD", "0.0005", "deciders.claim-risk@1.cost: `0.0005` is not an amount such as `0.0005 USD`"),
    ("12 USD/h", "12 USD", "pools.agents.wage: `12 USD` is not an amount such as `12 USD/h`"),
    ("deciders:claim_risk", "deciders.claim_risk", "is not a function, such as `module:function`"),
    ("claim-risk@1: {", "claim-risk: {", "is not a decider's name with its version, such as `vision-sku@2`"),
    ("{wage: 12 USD/h}", "{accuracy: 1}", "is not a probability between 0 and 1, both excluded"),
    ("[pay, refuse]", "[true, refuse]", ANSWERS + 'a text is wanted here, not `true`; to mean the text, write "true"'),
    ("[pay, refuse]", "[pay, refuse, pay]", ANSWERS + "`pay` stands twice"),
    ("[pay, refuse]", "[]", ANSWERS + "an answer space has 1 to"),
    ("[pay, refuse]", "boolaen", "did you mean `boolean`?"),
    ("[pay, refuse]", "{integer: {min: 3, max: 2}}", "answers.integer: from 3 to 2 is not a range"),
    ("[pay, refuse]", "{candidates: {always: [pay]}}", "outside the answer space: 'refuse' is not one of pay"),
    ("[pay, refuse]", "candidates", "of candidates, only labels declared as `always` can be named here"),
    ("[pay, refuse]", "[pay, refuse]\n    safe_side: refund", "types.claim.pay.safe_side: outside the answer space"),
    ("[pay, refuse]", "[pay, refuse]\n    safe_side: {expression: evidenc.x}", "did you mean `evidence`?"),
    ("[pay, refuse]", "[pay, refuse]\n    show: [amout]", "has no field `amout`; did you mean `amount`?"),
    ("[pay, refuse]", "[pay, refuse]\n    amend: [thruth]", "did you mean `truth`?"),
    ("{type: object,", "{type: objct,", "config/claims.yaml:4: types.claim.pay.evidence.type: not a JSON Schema"),
    ("{type: object,", "{$ref: 'https://example.org/x',", "types.claim.pay.evidence: not a JSON Schema"),
    ("timeout: 2s, cost", "timeout: 2s, timeout: 3s, cost", "written twice"),
    ("timeout: 2s, cost", "timeout: , cost", "there is nothing here: no value is given"),
    ("  claims:", "  'my claims':", "`my claims` is not a name for a plan"),
    ("  claim.pay:", "  claim/pay:", "`claim/pay` is not a name for a question type"),
    ("pools: {agents:", "pools: {a b: {}, agents:", "`a b` is not a name for a pool"),
    ("types:", "pack: x\ntypes:", "config/claims.yaml:1: pack: nothing reads `pack` here"),
]


@pytest.mark.parametrize(("sound", "spoilt", "said"), FAULTS, ids=[f"{spoilt[:40]}" for _, spoilt, _ in FAULTS])
def test_a_fault_names_its_line_and_what_was_meant(sound: str, spoilt: str, said: str, faults_of: FaultsOf) -> None:
    assert sound in CLAIMS

    faults = faults_of(CLAIMS.replace(sound, spoilt, 1))

    assert any(said in str(fault) for fault in faults), "\n".join(map(str, faults))


def test_all_faults_are_found_at_once(faults_of: FaultsOf) -> None:
    spoilt = CLAIMS.replace("agents,", "agnets,").replace("0.0005 USD", "cheap").replace("answer: refuse", "answer: no")

    assert [fault.line for fault in faults_of(spoilt)] == [5, 11, 12]


def test_one_wrong_name_is_one_fault(fault_of: Callable[[str, str], str]) -> None:
    """Nothing that merely follows from it: a plan without a route, an answer outside of no space."""
    assert "did you mean `claims`?" in fault_of("plan: claims}]", "plan: claim}]")
    assert "`pay` stands twice" in fault_of("[pay, refuse]", "[pay, pay]")


def test_a_plan_and_a_type_that_no_route_leads_to_are_faults(faults_of: FaultsOf) -> None:
    spare = "  spare: {stages: [{ask: agnets, timeout: 3m}], fallback: {answer: x}}\n"
    text = CLAIMS.replace("plans:\n", "plans:\n" + spare).replace("types:\n", "types:\n  t: {answers: [a]}\n")

    faults = faults_of(text)

    assert [(fault.line, fault.path, fault.message) for fault in faults] == [
        (2, "types.t", "no route gives this type a plan"),
        (9, "plans.spare.stages[0].ask", "no pool or decider `agnets`"),
        (9, "plans.spare", "no route leads to this plan"),
    ]


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
