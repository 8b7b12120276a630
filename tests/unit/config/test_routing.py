"""Routes by what a location is, what a question brings, and the time: checked when read, the first that fits counts."""

from datetime import UTC, datetime

import pytest
from tests.unit.config.documents import Compile, FaultsOf

from adjudge.config import Request, consider
from adjudge.core.facts import facts_in
from adjudge.core.money import Stake

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SHOP = """\
organisation: {currency: USD, rates: {EUR: 1.08}}
types:
  cart.verify:
    answers: ["no", "yes"]
    safe_side: "no"
    facts:
      units: {at: /cart/units, type: number}
      rush: {at: /rush, type: boolean}
      size: {at: /cart/size, type: [small, large]}
  receipt.dispute: {answers: [refund, uphold], safe_side: refund}
deciders: {m@1: {python: "models:m"}, m@2: {python: "models:m"}}
pools: {shelf: {}, experts: {}, night: {}}
plans:
  quick: {stages: [{ask: m@1, accept: {by_hand: "confidence >= 0.9"}}, {ask: shelf, timeout: 1m}], fallback: safe_side}
  careful:
    stages: [{ask: m@1, accept: {by_hand: "confidence >= 0.99"}}, {ask: shelf, timeout: 1m}]
    fallback: {escalate: experts, timeout: 1m, then: safe_side}
routes:
  - {type: cart.verify, plan: careful, when: 'over_stake_limit || facts.units > 20.0'}
  - {type: cart.verify, plan: careful, when: '"alcohol" in tags && hour >= 22'}
  - {type: "*", plan: quick, when: '!open', pools: {shelf: night}, lane: bulk}
  - {type: "*", plan: quick}
"""
STORES = """\
groups: {bars: {dimension: format, tags: [alcohol]}}
locations:
  bar: {groups: [bars], stake_limit: 50 USD, hours: {daily: 18:00-02:00}}
  shop: {stake_limit: 50 EUR, hours: {mon-sat: 08:00-20:00}, attributes: {size: 3}}
"""


def plan(configuration, location: str, kind: str = "cart.verify", at: datetime = NOON, **brought) -> str:
    evidence, stake = brought.pop("evidence", {}), brought.pop("stake", Stake(100, "USD"))
    facts = facts_in(evidence, configuration.question_type(location, kind).facts)
    return configuration.way(location, kind, Request(at, stake, brought, facts)).plan.name


@pytest.mark.parametrize(
    ("location", "at", "brought", "taken"),
    [
        ("shop", NOON, {}, "quick"),
        ("shop", NOON, {"stake": Stake(5401, "USD")}, "careful"),  # the limit is 50 EUR, 54 USD
        ("shop", NOON, {"stake": Stake(5400, "USD")}, "quick"),
        ("shop", NOON, {"stake": Stake(1, "JPY")}, "careful"),  # money that cannot be compared is much money
        ("shop", NOON, {"stake": None}, "careful"),
        ("shop", NOON, {"evidence": {"cart": {"units": 21}}}, "careful"),
        ("shop", NOON, {"evidence": {"cart": {"units": 20}}}, "quick"),
        ("shop", NOON, {"evidence": {"cart": {"units": "many"}}}, "quick"),
        ("shop", NOON.replace(hour=23), {}, "quick"),  # no alcohol
        ("bar", NOON.replace(hour=23), {}, "careful"),
        ("bar", NOON.replace(hour=20), {}, "quick"),
    ],
)
def test_the_first_route_that_fits_is_taken(compiled: Compile, location, at, brought, taken):
    assert plan(compiled(SHOP, stores=STORES), location, at=at, **brought) == taken


@pytest.mark.parametrize(
    ("stake", "taken"),
    [
        (Stake(5400, "USD"), "quick"),  # 50 EUR, and the shop counts in EUR
        (Stake(5401, "USD"), "careful"),
        (Stake(1, "JPY"), "careful"),
        (None, "careful"),
    ],
)
def test_a_route_reads_a_stake_in_the_currency_of_the_location(compiled: Compile, stake, taken):
    text = SHOP.replace("over_stake_limit || facts.units > 20.0", "stake > 50.0")
    stores = STORES.replace("stake_limit: 50 EUR", "currency: EUR")

    assert plan(compiled(text, stores=stores), "shop", stake=stake) == taken


def test_a_new_store_inherits_by_its_tags(compiled: Compile):
    with_new = compiled(SHOP, stores=STORES + "  new: {tags: [alcohol]}\n")

    assert plan(with_new, "new", at=NOON.replace(hour=23)) == "careful"
    assert with_new.location("new").tags == {"alcohol"}


def test_a_route_may_name_others_to_ask_and_another_lane(compiled: Compile):
    configuration = compiled(SHOP, stores=STORES)

    way = configuration.way("shop", "cart.verify", Request(NOON.replace(hour=21), Stake(1, "USD")))

    assert [stage.pool for stage in way.plan.stages] == [None, "night"]
    assert way.lane == "bulk"
    by_day = configuration.way("shop", "cart.verify", Request(NOON, Stake(1, "USD")))
    assert (by_day.plan.stages[1].pool, by_day.lane) == ("shelf", None)
    assert by_day.plan.hash != way.plan.hash
    assert configuration.plan("shop", "cart.verify", way.plan.hash) is way.plan


def test_what_is_the_same_for_every_question_is_told_when_compiled(compiled: Compile):
    """A shop without alcohol never looks at that route again."""
    configuration = compiled(SHOP, stores=STORES)

    ways = {name: len(configuration.sites[name].ways["cart.verify"]) for name in ("bar", "shop")}
    static = compiled(SHOP.replace('"alcohol" in tags && hour >= 22', '"alcohol" in tags'), stores=STORES)
    assert ways == {"bar": 4, "shop": 4}
    assert {name: len(static.sites[name].ways["cart.verify"]) for name in ("bar", "shop")} == {"bar": 2, "shop": 3}


def test_locations_share_what_they_take(compiled: Compile):
    many = STORES + "".join(f"  s{number}: {{hours: {{mon-sat: 08:00-20:00}}}}\n" for number in range(5))

    configuration = compiled(SHOP, stores=many)

    assert len({id(configuration.sites[f"s{number}"].ways) for number in range(5)}) == 1


def test_every_route_says_why_it_is_not_taken(compiled: Compile):
    configuration = compiled(SHOP, stores=STORES)

    routed = consider(configuration, "shop", "cart.verify", Request(NOON, Stake(1, "USD"), {}, {"units": 3.0}))
    late = consider(configuration, "bar", "receipt.dispute", Request(NOON))

    assert (routed.plan, routed.asked, routed.lane) == ("quick", ("m@1", "shelf"), "standard")
    assert [each.why for each in routed.considered] == [
        "`over_stake_limit || facts.units > 20.0` does not hold",
        '`"alcohol" in tags && hour >= 22` does not hold',
        "`!open` does not hold",
        "taken",
    ]
    assert [each.why for each in late.considered] == [
        "it is for cart.verify",
        "it is for cart.verify",
        "taken: `!open` holds",
        "an earlier one is taken",
    ]
    unknown = consider(configuration, "shop", "cart.verify", Request(NOON, Stake(1, "USD")))
    assert "has no value: the request has no facts.units" in unknown.considered[0].why


WHEN = "'over_stake_limit || facts.units > 20.0'"
LAST = '  - {type: "*", plan: quick}\n'


@pytest.mark.parametrize(
    ("sound", "spoilt", "said"),
    [
        (WHEN, "'facts.unit > 20.0'", "undeclared reference to 'facts.unit'; did you mean `facts.units`?"),
        (WHEN, "'facts.units > \"20\"'", "found no matching overload"),
        (WHEN, "'facts.rush > 20.0'", "found no matching overload"),
        (WHEN, "'stak > 20.0'", "did you mean `stake`?"),
        (WHEN, "'stake'", "is not a condition"),
        (WHEN, "'stake_in(\"PLN\") > 3.0'", "no rate for PLN"),
        (WHEN, "'\"alcohl\" in tags'", "no location has the tag `alcohl`; did you mean `alcohol`?"),
        (WHEN, "'\"bar\" in groups'", "no location has the group `bar`; did you mean `bars`?"),
        (WHEN, "'location == \"shp\"'", "no location `shp`; did you mean `shop`?"),
        (WHEN, "'true'", "is the same for every question"),
        (LAST, "", "no route follows for a `cart.verify` for which `!open` does not hold"),
        (LAST, LAST + LAST, "no question takes this route"),
        ("'!open', pools: {shelf: night}", "'!open', pools: {shelf: nigth}", "no pool `nigth`; did you mean `night`?"),
        ("'!open', pools: {shelf: night}", "'!open', pools: {experts: night}", "plan `quick` does not ask `experts`"),
        ("'!open', pools: {shelf: night}", "'!open', deciders: {m@1: m@3}", "no decider `m@3`"),
        ("'!open', pools: {shelf: night}", "'!open', deciders: {m@1: m@1}", "in place of itself changes nothing"),
        ("lane: bulk", "lane: slow", "is not one of `realtime`, `standard`, `bulk`"),
        ("lane: bulk", "schedules: [lunch]", "no schedule `lunch`"),
        ("type: number", "type: integer", "is not one of `number`, `boolean`"),
        ("at: /cart/units", "at: cart.units", "is not a JSON pointer"),
        ("units: {at", "Units: {at", "`Units` is not a name for a fact"),
        ("type: [small, large]", "type: []", "a fact that is one of several words names 1 to 100 of them"),
    ],
)
def test_a_fault_of_a_route_says_what_is_meant(faults_of: FaultsOf, sound: str, spoilt: str, said: str):
    assert sound in SHOP

    faults = faults_of(SHOP.replace(sound, spoilt, 1), stores=STORES)

    assert any(said in str(fault) for fault in faults), "\n".join(map(str, faults))


def test_types_that_declare_a_fact_differently_cannot_share_a_route(faults_of: FaultsOf):
    other = SHOP.replace("receipt.dispute: {", "receipt.dispute: {facts: {units: {at: /u, type: boolean}}, ")
    spoilt = other.replace("'!open'", "'facts.units'")

    assert any("as number and as boolean" in fault.message for fault in faults_of(spoilt, stores=STORES))


def test_routing_ends_whatever_the_condition(compiled: Compile):
    """Loops within loops are cut off, and a condition without a value does not hold."""
    many = "[" + ",".join("1" * 30) + "]"
    loops = "".join(f"{many}.all({name}, " for name in "abcde") + "a + b + c + d + e > 0 && stake > 1.0" + ")" * 5

    configuration = compiled(SHOP.replace(WHEN, f"'{loops}'"), stores=STORES)

    assert plan(configuration, "shop", stake=Stake(5000, "USD")) == "quick"


def test_facts_are_figures_and_declared_words_never_free_text(compiled: Compile):
    declared = compiled(SHOP, stores=STORES).question_type("shop", "cart.verify").facts

    found = facts_in({"cart": {"units": 3, "size": "a name"}, "rush": "yes"}, declared)

    assert found == {"units": 3.0}
    assert facts_in({"cart": {"units": True, "size": "large"}, "rush": False}, declared) == {
        "size": "large",
        "rush": False,
    }
