"""How decisions are audited: for all types, for one, for a group's locations; and what each certificate speaks of."""

from datetime import timedelta

from tests.unit.config.documents import CLAIMS

from adjudge.config import compile_documents
from adjudge.config.remarks import remarks
from adjudge.core.money import Stake
from adjudge.core.plans import AgainstPeople, Certified

USUAL = "audits: {rate: 5%, pool: agents, expert: experts}\n"
PLACES = """
groups:
  north: {dimension: region, audits: {rate: 20%}}
  south: {dimension: region, types: {claim.pay: {audits: {slices: region, budget: 40}}}}
locations:
  oslo: {groups: [north]}
  rome: {groups: [south]}
"""


def compiled(text: str, tmp_path):
    text = text.replace("pools: {agents: {wage: 12 USD/h}}", "pools: {agents: {wage: 12 USD/h}, experts: {}}")
    return compile_documents({"config/claims.yaml": text}, base=tmp_path)


def test_a_type_is_audited_as_all_are_unless_a_layer_says_otherwise(tmp_path):
    found = compiled(CLAIMS + USUAL + PLACES, tmp_path)

    north, south = (found.question_type(place, "claim.pay").audits for place in ("oslo", "rome"))

    assert (north.rate, north.votes, north.slices, north.budget) == (0.2, 3, "all", None)
    assert (south.rate, south.expert, south.slices, south.budget) == (0.05, "experts", "region", 40)
    assert found.location("rome").slice_by(south.slices) == "south"
    assert found.location("oslo").slice_by("location") == "oslo"


def test_without_a_word_nothing_is_audited(tmp_path):
    assert compiled(CLAIMS, tmp_path).question_type("default", "claim.pay").audits is None


def test_faults_of_audits_name_what_is_meant(faults_of):
    for written, said in (
        ("audits: {rate: 5%}", "nobody answers the audits: name a `pool`, an `expert`, or both"),
        ("audits: {rate: 500%, pool: agents}", "is not a share such as `5%`, from 0% to 100%"),
        ("audits: {rate: 5%, pool: agnets}", "did you mean `agents`?"),
        ("audits: {pool: agents, slices: regoin}", "`regoin` is not one of `all`, `location`, `groups`"),
        ("audits: {expert: agents, votes: 3}", "the expert answers every audit: `votes` says nothing"),
        ("audits: {pool: agents, expert_share: 50%}", "without an `expert` it says nothing: name one, or leave it out"),
        ("audits: {pool: agents, vote: 3}", "nothing reads `vote` here"),
    ):
        assert any(said in str(fault) for fault in faults_of(f"{CLAIMS}{written}\n")), written


def test_a_certified_stage_says_what_is_promised(tmp_path):
    text = CLAIMS.replace(
        '{by_hand: "confidence >= 0.95"}',
        "{certified: {target: 2%, confidence: 0.95, validity: 7d, validity_audits: 800, drift: ends}}",
    )

    [stage, _] = compiled(text + USUAL, tmp_path).plan("default", "claim.pay").stages

    assert isinstance(stage.accept, Certified)
    assert (stage.accept.target, stage.accept.confidence, stage.accept.validity) == (0.02, 0.95, timedelta(days=7))
    assert (stage.accept.validity_audits, stage.accept.drift) == (800, "ends")


def test_what_nothing_can_ever_certify_is_named(tmp_path):
    """It defers for ever, and nobody would know why. It is no fault: it may stand in what is published already."""
    certified = CLAIMS.replace('{by_hand: "confidence >= 0.95"}', "certified")
    people = CLAIMS.replace("max: 1}, combine: first", "max: 3}, combine: majority, accept: certified")
    audits = "audits: {pool: agents}\n"

    [nobody] = compiled(certified, tmp_path).unearnable()
    [of_people] = compiled(people + audits, tmp_path).unearnable()

    assert (nobody.type, nobody.plan, nobody.origin.line) == ("claim.pay", "claims", 10)
    assert nobody.why.startswith("nothing audits this type")
    assert of_people.origin.line == 11
    assert of_people.why.startswith("audits cannot show what it would answer: it asks 1 to 3 people")
    [undrawn] = compiled(certified + "audits: {pool: agents, rate: 0, budget: 40}\n", tmp_path).unearnable()
    assert undrawn.why.startswith("no coin ever draws an audit")
    assert compiled(certified + audits, tmp_path).unearnable() == ()
    assert compiled(people.replace("max: 3", "max: 1") + audits, tmp_path).unearnable() == ()


def test_a_slice_whose_locations_are_audited_in_different_ways_is_named(tmp_path):
    """What two people agree on and what an expert says are no sample of one thing, nor is what nobody looks at."""
    text = CLAIMS.replace('{by_hand: "confidence >= 0.95"}', "certified") + "audits: {pool: agents}\n"

    def whys(audits: str) -> list[str]:
        stores = f"locations: {{oslo: {{}}, rome: {{types: {{claim.pay: {{audits: {audits}}}}}}}}}\n"
        return [each.why for each in compiled(text + stores, tmp_path).unearnable()]

    assert whys("{rate: 10%}") == []
    assert any("(`3 alike`, `nobody`): audit them alike" in why for why in whys("{rate: 0}"))
    assert whys("{votes: 2}") == [
        "locations of `all` find out in several ways what is true (`2 alike`, `3 alike`): audit them alike"
    ]
    assert whys("{votes: 2, slices: location}") == []


def test_a_family_with_more_slices_than_it_counts_is_remarked(tmp_path):
    """Else most stores wait for a certificate that never comes, and only `why` says so."""
    text = CLAIMS.replace('{by_hand: "confidence >= 0.95"}', "{certified: {target: 1%, family: 2}}") + PLACES
    by_store = "audits: {rate: 5%, pool: agents, expert: experts, slices: location, inherit: all}\n"
    places = text.replace("types: {claim.pay: {audits: {slices: region, budget: 40}}}", "rank: 2")

    [said] = [each for each in remarks(compiled(places + by_store, tmp_path)) if "family" in each]

    assert said.startswith("3 slices of claim.pay share the error budget of a `family` of 2: those tested last")
    assert "config/claims.yaml:" in said
    assert not [each for each in remarks(compiled(text + USUAL, tmp_path)) if "family" in each]


AGAINST = CLAIMS.replace('{by_hand: "confidence >= 0.95"}', "{certified: {people: {votes: 3, margin: 1%}}}")
APART = "audits: {pool: agents, votes: 0, people: 3, expert: experts, expert_share: 100%}\n"


def test_a_stage_may_be_certified_against_people(tmp_path):
    [stage, _] = compiled(AGAINST + APART, tmp_path).plan("default", "claim.pay").stages

    assert isinstance(stage.accept, Certified)
    assert stage.accept.people == AgainstPeople(votes=3, margin=0.01, over="plan")


def test_whatever_would_make_a_comparison_void_is_a_fault(faults_of):
    """People who agree would be right by definition; and where a second stage moves, so does the plan."""
    pools = AGAINST.replace("pools: {", "pools: {experts: {}, ")
    second = pools.replace(
        "      - {ask: agents", "      - {ask: claim-risk@1, accept: certified}\n      - {ask: agents"
    )
    both = pools.replace("margin: 1%}", "margin: 1%}, target: 1%")
    for text, said in (
        (pools + APART.replace("people: 3", "people: 2"), "3 votes of each audit must be compared, and `audits` set 2"),
        (pools + APART.replace("100%", "50%").replace("votes: 0", "votes: 3"), "are no truth about people: name an"),
        (pools + APART.replace("100%", "50%"), "without `votes` the truth is an expert's: name an `expert`"),
        (second + APART, "no other stage of it is certified"),
        (both + APART, "a certificate has a `target`, or `people` with whom it is compared, not both"),
        (pools.replace("1%", "30%") + APART, "is more than 20%"),
    ):
        found = faults_of(text)
        assert any(said in str(fault) for fault in found), (said, found)


def test_a_certificate_of_a_whole_plan_ends_with_any_change_of_it(tmp_path):
    """What is deferred is compared, too: who decides that, and for how long they are asked, is a part of it."""

    def first(text: str) -> str:
        return compiled(text + APART, tmp_path).plan("default", "claim.pay").prefixes[0]

    later = ("timeout: 10m", "timeout: 11m")
    assert first(AGAINST.replace(*later)) != first(AGAINST)
    automated = AGAINST.replace("margin: 1%", "margin: 1%, over: automated")
    assert first(automated.replace(*later)) == first(automated)


def test_what_a_slice_cannot_inherit_is_a_fault(faults_of):
    certified = CLAIMS.replace('{by_hand: "confidence >= 0.95"}', "certified")
    audits = "audits: {pool: agents, slices: location, inherit: all}\n"
    for text, said in (
        (certified + audits.replace("location", "all"), "`slices` are no smaller than whose certificate they would"),
        (certified + audits.replace("all}", "regoin}"), "`regoin` is not one of `all`"),
        (certified.replace("certified}", "{certified: {family: 1}}}") + audits, "is not a whole number from 2"),
    ):
        assert any(said in str(fault) for fault in faults_of(text)), said


MONEY = CLAIMS.replace('{by_hand: "confidence >= 0.95"}', "{certified: {target: 1%, money: {up_to: 500 USD}}}")
BY_STAKE = "audits: {expert: experts, rate: 5%, per_stake: 200 USD}\norganisation: {rates: {USD: 1}}\n"


def test_a_target_may_be_of_money_and_audits_drawn_in_proportion_to_it(tmp_path):
    found = compiled(MONEY + BY_STAKE, tmp_path)

    [stage, _] = found.plan("default", "claim.pay").stages

    assert isinstance(stage.accept, Certified)
    assert (stage.accept.money, stage.accept.target) == (Stake(50_000, "USD"), 0.01)
    assert found.question_type("default", "claim.pay").audits.per_stake == Stake(20_000, "USD")


def test_what_audits_cannot_show_of_money_is_a_fault(faults_of):
    text = MONEY.replace("pools: {", "pools: {experts: {}, ")
    plain = text.replace(", money: {up_to: 500 USD}", "")
    before = text.replace(
        "    stages:\n", "    stages:\n      - {ask: claim-risk@1, accept: {by_hand: 'margin > 0.5'}}\n"
    )
    for written, said in (
        (plain + BY_STAKE, "audits drawn by stake (`per_stake`) show a share of money: add `money: {up_to: …}`"),
        (before + BY_STAKE, "only the first stage that accepts is certified by money"),
        (text + BY_STAKE.replace("5%", "5%, pool: agents"), "how often people who agree are wrong is known by answers"),
        (
            text + BY_STAKE.replace("200 USD", "200 USD, budget: 40"),
            "nobody knows how many audits a rate that",
        ),
        (text + BY_STAKE.replace("200 USD", "much"), "`much` is not an amount such as `50 USD`"),
        (text.replace("500 USD", "500 CHF") + BY_STAKE, "organisation.rates has no rate for CHF"),
        (text.replace("up_to: 500 USD", "up_to: 0 USD") + BY_STAKE, "`0 USD` is nothing"),
        (text.replace("target: 1%", "people: {votes: 3}") + BY_STAKE, "people are compared by answers, not by money"),
    ):
        found = faults_of(written)
        assert any(said in str(fault) for fault in found), (said, found)


def test_a_prefix_changes_with_what_decides_about_its_answers_and_with_nothing_else(tmp_path):
    """An epoch ends with any change of these: its audits never license what is another question."""
    text = CLAIMS.replace('{by_hand: "confidence >= 0.95"}', "certified") + USUAL
    [usual, _] = compiled(text, tmp_path).plan("default", "claim.pay").prefixes

    def first(*change: str) -> str:
        assert change[0] in text
        return compiled(text.replace(*change), tmp_path).plan("default", "claim.pay").prefixes[0]

    assert first("timeout: 10m", "timeout: 11m") == usual
    assert first("combine: first", "combine: agree") == usual
    assert first("claim-risk@1", "claim-risk@2") != usual
    assert first("certified", "{certified: {target: 2%}}") != usual
    assert first("[pay, refuse]", "[pay, refuse, part]") != usual


def test_a_prefix_changes_with_what_its_deciders_are_and_not_with_how_they_are_asked(tmp_path):
    """A certificate of `claim-risk@1` says nothing of another function that is given the same name."""

    def first(text: str) -> str:
        certified = text.replace('{by_hand: "confidence >= 0.95"}', "certified")
        return compiled(certified + USUAL, tmp_path).plan("default", "claim.pay").prefixes[0]

    usual, python = first(CLAIMS), '{python: "deciders:claim_risk", timeout: 2s, cost: 0.0005 USD}'
    http = "{http: {url: 'https://a.example/v1/score', response: {answer: /a, confidence: /c}}, timeout: 2s}"
    behind = first(CLAIMS.replace(python, http))

    assert python in CLAIMS
    for same in (
        '{python: "deciders:claim_risk", timeout: 3s, cost: 0.1 USD, retries: 2, batch: 10, concurrency: 1}',
        '{python: "deciders:claim_risk", isolate: process, linger: 5ms, breaker: {failures: 3, for: 5s}}',
    ):
        assert first(CLAIMS.replace(python, same)) == usual
    for other in ('{python: "deciders:another"}', '{python: "deciders:claim_risk", settings: {strict: true}}', http):
        assert first(CLAIMS.replace(python, other)) != usual
    moved = http.replace("a.example", "b.example:8443").replace("score'", "score', key: vision")
    assert first(CLAIMS.replace(python, moved)) == behind
    keyed = http.replace("score'", "score', headers: {X-Api-Key: {secret: vision}}")
    assert first(CLAIMS.replace(python, keyed)) == behind
    assert first(CLAIMS.replace(python, http.replace("/v1/", "/v2/"))) != behind
    assert first(CLAIMS.replace(python, http.replace("score'", "score', headers: {X-Model: big}"))) != behind


def test_a_prefix_changes_with_rates_of_currencies_only_where_stakes_are_looked_at(tmp_path):
    """They are published every day somewhere; that would end every certificate there is."""

    def first(text: str, euro: float) -> str:
        said = f"organisation: {{rates: {{USD: 1, EUR: {euro}}}}}\n"
        return compiled(text + said, tmp_path).plan("default", "claim.pay").prefixes[0]

    answers = CLAIMS.replace('{by_hand: "confidence >= 0.95"}', "certified") + USUAL
    of_money = MONEY + BY_STAKE.partition("organisation")[0]
    for text, is_same in ((answers, True), (AGAINST + APART, True), (of_money, False)):
        assert (first(text, 1.08) == first(text, 1.09)) is is_same, text
