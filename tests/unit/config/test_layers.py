"""Organisation, groups, location, type: what holds where, and which line says so."""

import itertools
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from tests.unit.config.documents import CLAIMS, Compile, FaultsOf

from adjudge.config import (
    InvalidConfiguration,
    Leaf,
    NoPlan,
    UnknownLocation,
    UnknownPool,
    UnknownType,
    compile_documents,
    sources,
)
from adjudge.core.plans import ByHand

STRICT = """\
groups:
  eu:
    dimension: region
    plans:
      claims:
        stages:
          - {ask: claim-risk@1, accept: {by_hand: "confidence >= 0.99"}}
          - {ask: agents, timeout: 5m}
"""
STORES = """\
locations:
  store-1: {groups: [eu], currency: EUR, time_zone: Europe/Warsaw, attributes: {size: 3}}
  store-2: {}
  store-3: {groups: [eu], types: {claim.pay: {deadline: 2d, title: Reklamacja}}}
"""


def threshold(configuration: object, location: str) -> str:
    accept = configuration.plan(location, "claim.pay").stages[0].accept  # type: ignore[attr-defined]
    assert isinstance(accept, ByHand)
    return f"{accept.condition.text} {accept.origin}"


def test_a_group_overlays_the_organisation_and_its_line_is_kept(compiled: Compile) -> None:
    configuration = compiled(CLAIMS, groups=STRICT, stores=STORES)

    assert threshold(configuration, "store-1") == "confidence >= 0.99 groups.yaml:7"
    assert threshold(configuration, "store-2") == "confidence >= 0.95 config/claims.yaml:10"


def test_a_type_may_differ_at_a_location(compiled: Compile) -> None:
    configuration = compiled(CLAIMS, groups=STRICT, stores=STORES)

    assert configuration.question_type("store-3", "claim.pay").title == "Reklamacja"
    assert configuration.question_type("store-1", "claim.pay").title == ""
    assert configuration.question_type("store-3", "claim.pay").space == configuration.types["claim.pay"].space


def test_equal_plans_are_one_object(compiled: Compile) -> None:
    configuration = compiled(CLAIMS, groups=STRICT, stores=STORES + "  store-4: {groups: [eu]}\n")

    assert configuration.plan("store-1", "claim.pay") is configuration.plan("store-4", "claim.pay")
    assert configuration.plan("store-1", "claim.pay").hash != configuration.plan("store-2", "claim.pay").hash


def test_the_hash_of_a_plan_is_of_what_it_does_not_of_where_it_stands(compiled: Compile) -> None:
    moved = compiled("# a comment\n" + CLAIMS)

    assert moved.plan("default", "claim.pay").hash == compiled(CLAIMS).plan("default", "claim.pay").hash
    assert moved.hash != compiled(CLAIMS).hash


BOTH = """\
groups:
  cautious: {dimension: chain, types: {claim.pay: {deadline: 3d}}}
  quick: {dimension: format, types: {claim.pay: {deadline: 2d}}}
"""
IN_BOTH = "locations: {a: {groups: [cautious, quick]}, b: {groups: [quick, cautious]}}"


def test_two_groups_that_disagree_are_a_fault_unless_an_order_decides(compiled: Compile, faults_of: FaultsOf) -> None:
    """The order in which a location happens to list its groups is none."""
    (fault,) = faults_of(CLAIMS, groups=BOTH, stores=IN_BOTH)

    assert (fault.file, fault.line, fault.path) == ("groups.yaml", 3, "groups.quick.types.claim.pay.deadline")
    assert "group `cautious` says otherwise (groups.yaml:2)" in fault.message
    assert compiled(CLAIMS, groups=BOTH.replace("2d", "3d"), stores=IN_BOTH)


@pytest.mark.parametrize(("order", "days"), [("chain, format", 2), ("format, chain", 3)])
def test_the_declared_order_of_dimensions_decides(compiled: Compile, order: str, days: int) -> None:
    configuration = compiled(f"organisation: {{merge_order: [{order}]}}\n" + CLAIMS, groups=BOTH, stores=IN_BOTH)

    deadlines = {configuration.question_type(name, "claim.pay").deadline for name in ("a", "b")}
    assert deadlines == {timedelta(days=days)}


def test_a_higher_rank_is_laid_on_top(compiled: Compile) -> None:
    configuration = compiled(CLAIMS, groups=BOTH.replace("{dimension: chain", "{rank: 1"), stores=IN_BOTH)

    assert configuration.question_type("a", "claim.pay").deadline == timedelta(days=3)


TREE = """\
groups:
  us: {dimension: region, currency: USD, tags: [dollars, abroad], types: {claim.pay: {deadline: 3d, title: Claim}}}
  midwest: {within: us, time_zone: America/Chicago, tags: {lake: true, abroad: null}}
  chicago: {within: midwest, types: {claim.pay: {deadline: 2d}}}
locations:
  store-1: {groups: [chicago], tags: [new]}
"""


def test_a_group_within_another_is_laid_over_it_and_inherits_its_dimension(compiled: Compile) -> None:
    configuration = compiled(CLAIMS, tree=TREE)

    location, kind = configuration.location("store-1"), configuration.question_type("store-1", "claim.pay")
    assert location.groups == ("us", "midwest", "chicago")
    assert (kind.title, kind.deadline) == ("Claim", timedelta(days=2))
    assert location.time_zone == "America/Chicago"
    assert configuration.sites["store-1"].effective.entries["time_zone"].layer == "group midwest"


def test_tags_of_all_layers_add_up_and_null_takes_one_away(compiled: Compile) -> None:
    assert compiled(CLAIMS, tree=TREE).location("store-1").tags == {"dollars", "lake", "new"}


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (
            ("{dimension: region, c", "{within: chicago, dimension: region, c"),
            "a cycle: us within chicago within midwest within us",
        ),
        (("within: midwest, ", "within: midwets, "), "no group `midwets`; did you mean `midwest`?"),
        (("within: midwest, ", "within: midwest, dimension: city, "), "it is of dimension city, and lies within"),
        (("[chicago]", "[us, chicago]"), "`chicago` lies within `us`: naming `chicago` is enough"),
        (("dimension: region, c", "dimension: region, rank: 3, c"), ""),
        (("dimension: region, c", "dimension: region, rank: 3, c", "within: us, ", "within: us, rank: 2, "), "below"),
        (("tags: [new]", "tags: {new: yes}"), "a tag is there (`true`), or taken away (`null`)"),
        (("tags: [new]", "tags: [new, new]"), "`new` stands twice"),
        (("tags: [new]", "stake_limit: 50"), "`50` is not an amount such as `50 USD`"),
        (("tags: [new]", "stake_limit: 50 EUR"), "no rate between it and EUR"),
        (("tags: [new]", "hours: {mon-fri: 6-23}"), "`6-23` is not a span of hours"),
        (("tags: [new]", "hours: {monday: 06:00-23:00}"), "`monday` names no day"),
        (("tags: [new]", "hours: {mon: [06:00-12:00, 11:00-13:00]}"), "hours overlap on mon: 06:00-12:00, 11:00-13"),
        (("tags: [new]", "hours: {sun: 22:00-02:00, mon: 01:00-03:00}"), "hours overlap on mon: 00:00-02:00"),
        (("tags: [new]", "hours: {mon-wed: 06:00-07:00, wed-fri: none}"), "both say what holds on wed"),
        (("tags: [new]", "hours: {2026-02-30: none}"), "`2026-02-30` is no date"),
        (("tags: [new]", "hours: {mon: 06:00-06:00}"), "is empty; the whole day is `00:00-24:00`"),
    ],
)
def test_a_fault_of_groups_in_a_tree_or_of_a_profile_says_what_is_meant(
    spoilt: tuple[str, ...], said: str, compiled: Compile, faults_of: FaultsOf
) -> None:
    text = TREE
    for sound, wrong in zip(spoilt[::2], spoilt[1::2], strict=True):
        assert sound in text
        text = text.replace(sound, wrong)
    if not said:
        assert compiled(CLAIMS, tree=text)
        return

    faults = faults_of(CLAIMS, tree=text)

    assert any(said in str(fault) for fault in faults), "\n".join(map(str, faults))


def test_null_takes_a_value_of_a_lower_layer_away(compiled: Compile) -> None:
    text = CLAIMS.replace("[pay, refuse]", "[pay, refuse]\n    deadline: 2d")

    configuration = compiled(text, stores="locations: {a: {types: {claim.pay: {deadline: null}}}, b: {}}")

    assert configuration.question_type("a", "claim.pay").deadline is None
    assert configuration.question_type("b", "claim.pay").deadline is not None


def test_a_null_that_takes_nothing_away_is_a_value_forgotten(faults_of: FaultsOf) -> None:
    (fault,) = faults_of(CLAIMS, stores="locations:\n  a:\n    types:\n      claim.pay:\n        deadline:\n")

    assert (fault.line, fault.path) == (5, "locations.a.types.claim.pay.deadline")


def test_without_locations_exactly_default_exists(compiled: Compile) -> None:
    assert set(compiled(CLAIMS).locations) == {"default"}
    assert set(compiled(CLAIMS, stores="locations: {a: {}}").locations) == {"a"}


def test_a_location_knows_its_groups_currency_zone_and_attributes(compiled: Compile) -> None:
    groups = "groups: {eu: {attributes: {size: 1, formats: [kiosk]}}}"

    location = compiled(CLAIMS, groups=groups, stores=STORES).location("store-1")

    assert (location.groups, location.currency, location.time_zone) == (("eu",), "EUR", "Europe/Warsaw")
    assert location.attributes == {"size": 3, "formats": ["kiosk"]}


def test_routes_follow_the_profile_of_a_location(compiled: Compile) -> None:
    routes = "[{type: claim.pay, plan: people, groups: [new], locations: [old-2]}, {type: '*', plan: claims}]\n"
    people = "  people: {stages: [{ask: agents, timeout: 1h}], fallback: {answer: refuse}}\nroutes: "
    text = CLAIMS.replace("routes: [{type: claim.pay, plan: claims}]\n", people + routes)

    configuration = compiled(
        text, stores="groups: {new: {}}\nlocations: {new-1: {groups: [new]}, old-1: {}, old-2: {}}"
    )

    plans = {name: configuration.plan(name, "claim.pay").name for name in configuration.locations}
    assert plans == {"new-1": "people", "old-1": "claims", "old-2": "people"}


@pytest.mark.parametrize(
    ("overlay", "said"),
    [
        ("groups: {eu: {deciders: {claim-risk@1: {timeout: 9s}}}}", "deciders are the same at every location"),
        ("groups: {eu: {pools: {agents: {wage: 9 EUR/h}}}}", "pools are the same at every location"),
        ("groups: {eu: {rnk: 3}}", "did you mean `rank`?"),
        ("groups: {eu: {plans: {claims: {late: aks}}}}", "did you mean `ask`?"),
        ("groups: {eu: {plans: []}}", "`plans` is a mapping, not a list"),
        ("groups: {eu: {}}\nlocations: {a: {groups: [eux]}}", "no group `eux`; did you mean `eu`?"),
        ("groups: {eu: {dimension: r}, us: {dimension: r}}\nlocations: {a: {groups: [eu, us]}}", "both of dimension r"),
        ("groups: {eu: {}}\nlocations: {a: {groups: [eu, eu]}}", "group `eu` stands twice"),
        ("locations: {a: {time_zone: Europe/Warsw}}", "did you mean `Europe/Warsaw`?"),
        ("locations: {a: {currency: euro}}", "is not an ISO 4217 code"),
        ("locations: {'a b': {}}", "is not a name for a location"),
        ("locations: {a: {routes: [{type: claim.pay, plan: own}]}}", "no plan `own`"),
    ],
)
def test_a_fault_of_a_layer_says_what_is_meant(overlay: str, said: str, faults_of: FaultsOf) -> None:
    faults = faults_of(CLAIMS, layers=overlay)

    assert any(said in str(fault) for fault in faults), "\n".join(map(str, faults))


def test_a_plan_of_another_layer_is_not_known_here(faults_of: FaultsOf) -> None:
    own = "{stages: [{ask: agents, timeout: 1h}], fallback: {answer: refuse}}"
    stores = f"locations:\n  a: {{plans: {{own: {own}}}}}\n  b: {{routes: [{{type: claim.pay, plan: own}}]}}\n"

    (fault, *_) = [fault for fault in faults_of(CLAIMS, stores=stores) if "some layer" in fault.message]

    assert "but not at `b`" in fault.message


def test_a_location_whose_money_cannot_be_compared_is_a_fault(faults_of: FaultsOf) -> None:
    text = CLAIMS.replace("confidence >= 0.95", "stake_in('USD') < 20.0")

    (fault,) = faults_of(text, stores="locations:\n  a: {currency: PLN}\n  b: {}\n")

    assert (fault.line, fault.path) == (2, "locations.a")
    assert "no rate for PLN" in fault.message


def test_a_group_may_add_a_decider(compiled: Compile) -> None:
    groups = 'groups: {eu: {deciders: {claim-risk@2: {python: "deciders:two"}}}}'

    assert set(compiled(CLAIMS, groups=groups).deciders) == {"claim-risk@1", "claim-risk@2"}


def test_each_effective_leaf_names_its_line_and_layer(compiled: Compile) -> None:
    leaves = compiled(CLAIMS, groups=STRICT, stores=STORES).explain("store-3", "claim.pay")

    by_path = {leaf.path: leaf for leaf in leaves}
    title, fallback = "types.claim.pay.title", "plans.claims.fallback.then.answer"
    accept = "plans.claims.stages[0].accept.by_hand"
    assert by_path[title] == Leaf(title, "Reklamacja", "stores.yaml", 4, "location store-3")
    assert by_path[accept] == Leaf(accept, "confidence >= 0.99", "groups.yaml", 7, "group eu")
    assert by_path[fallback] == Leaf(fallback, "refuse", "config/claims.yaml", 12, "organisation")
    assert by_path["locations.store-3.groups"].layer == "location store-3"
    assert by_path["routes[0].plan"].value == "claims"
    assert by_path["pools.agents.wage"].value == "12 USD/h"


def test_every_threshold_set_by_hand_is_listed_with_its_layer(compiled: Compile) -> None:
    listed = compiled(CLAIMS, groups=STRICT, stores=STORES).by_hand()

    assert [(each.layer, each.type, each.plan, each.condition, str(each.origin)) for each in listed] == [
        ("organisation", "claim.pay", "claims", "confidence >= 0.95", "config/claims.yaml:10"),
        ("group eu", "claim.pay", "claims", "confidence >= 0.99", "groups.yaml:7"),
    ]


def test_what_is_not_there_is_refused_with_a_pointer(compiled: Compile) -> None:
    configuration = compiled(
        CLAIMS.replace("plan: claims}", "plan: claims, locations: [store-1]}"), stores="locations: {store-1: {}, x: {}}"
    )

    with pytest.raises(UnknownLocation, match=r"did you mean `store-1`") as location:
        configuration.plan("store-2", "claim.pay")
    with pytest.raises(UnknownType, match=r"did you mean `claim\.pay`") as question_type:
        configuration.plan("store-1", "claim.pai")
    with pytest.raises(NoPlan) as plan:
        configuration.plan("x", "claim.pay")
    with pytest.raises(UnknownPool):
        configuration.pool("agent")

    assert [location.value.pointer, question_type.value.pointer, plan.value.pointer] == [
        "#/location",
        "#/type",
        "#/type",
    ]


def test_a_pack_lies_below_the_organisation(compiled: Compile) -> None:
    documents = {
        "own.yaml": "packs: [claims]\npools: {agents: {wage: 9 USD/h}}\nplans: {claims: {late: ask}}",
        "pack:claims/claims.yaml": CLAIMS.replace(
            "plans:\n", "plans:\n  spare: {stages: [{ask: agents, timeout: 1h}], fallback: {answer: pay}}\n"
        ),
    }

    configuration = compile_documents(documents, base=Path("/"))

    leaves = {leaf.path: leaf for leaf in configuration.explain("default", "claim.pay")}
    assert leaves["pools.agents.wage"].layer == "organisation"
    assert leaves["plans.claims.late"].layer == "organisation"
    assert leaves["plans.claims.fallback.hold"].layer == "pack claims"
    assert configuration.pool("agents").wage_micros_per_hour == 9_000_000


def test_a_pack_that_is_not_installed_is_a_fault(faults_of: FaultsOf) -> None:
    (fault,) = faults_of("packs: [retial]\n" + CLAIMS)

    assert (fault.line, fault.path) == (1, "packs")
    assert "no pack `retial` is installed" in fault.message


def test_a_pack_whose_code_is_gone_is_not_offered_in_its_own_place(
    faults_of: FaultsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its entry point is still there: "no pack `retail` is installed; did you mean `retail`?"."""
    monkeypatch.setattr(sources, "offered_packs", lambda: frozenset({"retail"}))
    (fault,) = faults_of("packs: [retail]\n" + CLAIMS)

    assert fault.nearest is None


def test_a_name_defined_in_two_files_is_a_fault(faults_of: FaultsOf) -> None:
    (fault,) = faults_of(CLAIMS, more="pools:\n  agents: {}\n")

    assert str(fault) == "more.yaml:2: pools.agents: `agents` is defined twice; first at config/claims.yaml:6"


def test_routes_of_several_files_follow_each_other(compiled: Compile) -> None:
    plan = "{stages: [{ask: agents, timeout: 1h}], fallback: {answer: x}}"
    more = f"types: {{b: {{answers: [x]}}}}\nplans: {{b: {plan}}}\nroutes: [{{type: b, plan: b}}]"

    configuration = compiled(CLAIMS, more=more)

    assert configuration.plan("default", "b").name == "b"
    assert configuration.plan("default", "claim.pay").name == "claims"


def nested(depth: int) -> str:
    within = "".join(f"  g{number}: {{within: g{number - 1}, tags: [t{number}]}}\n" for number in range(1, depth))
    return f"groups:\n  g0: {{tags: [t0]}}\n{within}locations: {{inn: {{groups: [g{depth - 1}]}}}}\n"


def test_groups_that_lie_too_deep_in_each_other_are_one_fault(compiled: Compile, faults_of: FaultsOf):
    assert len(compiled(CLAIMS, groups=nested(32)).location("inn").groups) == 32

    (fault,) = faults_of(CLAIMS, groups=nested(40))

    assert (fault.path, fault.line) == ("groups.g32", 34)
    assert "it lies in 32 groups" in fault.message


def test_each_group_of_a_cycle_is_told_so_and_what_leads_into_it_is_not(faults_of: FaultsOf):
    found = faults_of(CLAIMS, groups="groups: {a: {within: b}, b: {within: c}, c: {within: b}, d: {within: a}}")

    assert [(fault.path, fault.message) for fault in found] == [
        ("groups.b", "a cycle: b within c within b"),
        ("groups.c", "a cycle: c within b within c"),
    ]


def calls_to_compile(depth: int) -> int:
    """Count what Python calls: time is a matter of the machine."""
    counted = itertools.count()
    groups, _, _ = nested(depth).partition("locations")  # each is looked at by itself: no location is in any
    documents = {"claims.yaml": CLAIMS, "groups.yaml": groups}
    sys.setprofile(lambda *_: next(counted) and None)
    try:
        with pytest.raises(InvalidConfiguration):
            compile_documents(documents, base=Path())
    finally:
        sys.setprofile(None)
    return next(counted)


def test_groups_within_each_other_take_no_more_than_others():
    """They took the third power of their number: three thousand took minutes."""
    assert calls_to_compile(300) < 2.6 * calls_to_compile(150)
