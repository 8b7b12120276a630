"""Where certificates may be earned, and what each may spend."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from tests.unit.config.documents import CLAIMS
from tests.unit.engine.slices import COVERS, ROW

from adjudge.config import compile_documents
from adjudge.core.plans import AgainstPeople
from adjudge.engine.certificates import watches
from adjudge.engine.certificates.budgets import shares_of
from adjudge.engine.certificates.certified_places import certified_places
from adjudge.engine.certificates.explaining import expected_false
from adjudge.engine.certificates.standings import never
from adjudge.engine.configuration.revisions import InForce
from adjudge.store.automation.covers import Covers
from adjudge.store.automation.epochs import EpochRow, UnderTest

STORES = """
groups: {north: {dimension: region}, south: {dimension: region}}
locations:
  oslo: {groups: [north]}
  bergen: {groups: [north], types: {claim.pay: {audits: {rate: 2%}}}}
  rome: {groups: [south]}
  alone: {}
"""


def test_slices_that_inherit_have_a_place_of_their_group_with_all_its_audits():
    text = CLAIMS.replace('{by_hand: "confidence >= 0.95"}', "certified") + STORES
    text += "audits: {rate: 5%, pool: agents, slices: location, inherit: region}\n"

    found = certified_places([compile_documents({"a.yaml": text}, base=Path("/"))])
    by_slice = {scope.split(":")[2]: place for scope, place in found.items()}

    assert set(by_slice) == {"oslo", "bergen", "rome", "alone", "region=north", "region=south"}
    north, oslo, alone = by_slice["region=north"], by_slice["oslo"], by_slice["alone"]
    assert north.covers.members == north.covers.locations == ("oslo", "bergen")
    assert {scope.split(":")[2] for scope in north.member_scopes} == {"oslo", "bergen"}
    assert north.thinned_to == 0.02, "the lowest rate: at others more of one store's audits would be read"
    assert (oslo.covers.slices, oslo.siblings, oslo.thinned_to) == (("oslo",), 2, 0.0)
    assert oslo.covers.parent == next(scope for scope in found if ":region=north:" in scope)
    assert (alone.covers.parent, alone.siblings) == (None, 1)


def test_where_locations_of_one_slice_are_audited_at_different_rates_their_audits_are_thinned_to_the_lowest():
    """A store that is audited four times as often would else be four times as much of the slice."""
    text = CLAIMS.replace('{by_hand: "confidence >= 0.95"}', "certified") + STORES

    def thinned_to(audits: str) -> float:
        [place] = certified_places([compile_documents({"a.yaml": text + audits}, base=Path("/"))]).values()
        return place.thinned_to

    assert thinned_to("audits: {rate: 5%, pool: agents}\n") == 0.02
    assert thinned_to("audits: {rate: 2%, pool: agents}\n") == 0.0
    assert thinned_to("audits: {rate: 5%, pool: agents, budget: 40}\n") == 0.02, "until keepers have set one"


def test_audits_whose_truth_is_anothers_word_are_not_counted_together():
    """One agent's word at one store would else be taken for the experts' of another, and the promise be an expert's."""
    text = CLAIMS.replace('{by_hand: "confidence >= 0.95"}', "certified")
    text = text.replace("pools: {", "pools: {experts: {}, ")
    by = {"a": "expert: experts", "b": "pool: agents, votes: 1", "c": "expert: experts, rate: 1%"}

    def covers(*names: str) -> Covers:
        stores = ", ".join(f"{name}: {{types: {{claim.pay: {{audits: {{{by[name]}}}}}}}}}" for name in names)
        compiled = compile_documents({"a.yaml": f"{text}locations: {{{stores}}}\n"}, base=Path("/"))
        [place] = certified_places([compiled]).values()
        return place.covers

    assert never(covers("a", "c")) is None
    for mixed in (covers("a", "b"), covers("b", "a"), covers("a", "b", "c")):
        assert (mixed.truth, mixed.has_expert) == ("1 alike or expert", False)
        assert "different ways" in str(never(mixed))
        assert msgspec.structs.replace(covers("a"), truth="").is_told_otherwise(mixed), "also of before it was recorded"
        assert not mixed.is_told_otherwise(mixed)


def test_a_location_that_no_coin_ever_audits_has_no_certificate_of_others():
    """Of its decisions nobody would ever know how many are wrong."""
    text = CLAIMS.replace('{by_hand: "confidence >= 0.95"}', "certified") + "audits: {pool: agents}\n"
    none = "{types: {claim.pay: {audits: {rate: 0}}}}"

    def why_never(*stores: str) -> str | None:
        said = ", ".join(f"s{n}: {store}" for n, store in enumerate(stores))
        compiled = compile_documents({"a.yaml": f"{text}locations: {{{said}}}\n"}, base=Path("/"))
        [place] = certified_places([compiled]).values()
        return never(place.covers)

    assert why_never("{}", "{}") is None
    for stores in (("{}", none), (none, "{}"), ("{}", none, "{}"), (none, none, "{}")):
        assert str(why_never(*stores)).endswith("3 alike or nobody")


def test_what_is_published_for_some_locations_first_says_nothing_of_the_others():
    """Else their certificates would end, and be earned anew on audits whose truth is still the old one."""
    text = CLAIMS.replace('{by_hand: "confidence >= 0.95"}', "certified").replace("pools: {", "pools: {experts: {}, ")
    stores = "locations: {a: {}, b: {}}\naudits: {slices: location, "
    old, new = (
        compile_documents({"a.yaml": f"{text}{stores}{who}}}\n"}, base=Path("/"))
        for who in ("pool: agents", "expert: experts")
    )
    staged = InForce(old).after(new, ["location:a"])

    found = certified_places(staged.all(), staged.at)

    assert {place.covers.slice: place.covers.truth for place in found.values()} == {"a": "expert", "b": "3 alike"}
    other = compile_documents({"a.yaml": f"{text}{stores}pool: agents}}\n".replace("_risk", "_other")}, base=Path("/"))
    staged = InForce(old).after(other, ["location:a"])
    assert len(certified_places(staged.all(), staged.at)) == 4, "those of before stay, for it may be rolled back"


def test_each_band_of_stakes_has_a_certificate_of_its_own_with_its_own_target():
    """A route for each band takes a plan of its own; audits of one never license the other."""
    plan = CLAIMS[CLAIMS.index("  claims:\n") : CLAIMS.index("routes:")]
    dear = plan.replace("  claims:", "  dear:").replace(
        '{by_hand: "confidence >= 0.95"}', "{certified: {target: 0.1%}}"
    )
    usual = plan.replace('{by_hand: "confidence >= 0.95"}', "{certified: {target: 2%}}")
    routes = "routes: [{type: claim.pay, plan: dear, when: 'stake > 100.0'}, {type: claim.pay, plan: claims}]\n"
    text = CLAIMS.replace(plan, usual + dear).replace("routes: [{type: claim.pay, plan: claims}]\n", routes)

    found = certified_places([compile_documents({"a.yaml": text + "audits: {pool: agents}\n"}, base=Path("/"))])

    assert {place.covers.plan: place.covers.target for place in found.values()} == {"claims": 0.02, "dear": 0.001}
    assert len({place.covers.prefix for place in found.values()}) == 2


def test_each_of_those_that_inherit_has_its_share_of_a_false_alarm():
    """Of twenty stores all together 5%, however often one looks."""
    of_target = watches.begun(COVERS, 20)
    against_people = watches.begun(msgspec.structs.replace(COVERS, people=AgainstPeople()), 20)

    assert (of_target.delta, against_people.delta) == (0.0025, 0.0025)
    assert watches.begun(COVERS).delta == 0.05


def family(count: int, most: int, **numbers: int) -> list[EpochRow]:
    """Return slices s0, s1 … in their first epochs, but for those of other `numbers`."""
    covers = msgspec.structs.replace(COVERS, family=most)
    names = [f"s{n}" for n in range(count)]
    return [replace(ROW, scope=name, covers=covers, number=numbers.get(name, 1)) for name in names]


def under_test(most: int, *scopes: str, done: str = "", prefix: str = "p0", number: int = 1) -> list[UnderTest]:
    kind = {"type": "claim.pay", "stage": 0, "family": most, "prefix": prefix, "number": number}
    return [UnderTest(scope=name, done=name in done.split(), **kind) for name in scopes]


def test_slices_of_a_family_have_equal_shares_in_the_order_in_which_their_tests_began():
    """And who is done hands its share to the next; all together never have more than one budget that is not done."""
    order = ("s2", "s1", "s0")
    assert shares_of(family(3, 4), under_test(4, *order)) == pytest.approx({"s2": 0.25, "s1": 0.25, "s0": 0.25})
    assert shares_of(family(3, 2), under_test(2, "s2", "s1")) == pytest.approx({"s2": 0.5, "s1": 0.5, "s0": 0.0})
    one_done, two_done = under_test(4, *order, done="s2"), under_test(4, *order, done="s2 s1")
    assert shares_of(family(3, 4), one_done) == pytest.approx({"s2": 0.25, "s1": 0.5, "s0": 0.25})
    assert shares_of(family(3, 4), two_done) == pytest.approx({"s2": 0.25, "s1": 0.5, "s0": 0.75})
    assert shares_of([ROW], ()) == {}


def test_what_a_slice_handed_on_in_its_first_epoch_is_not_handed_on_again_in_the_next():
    """It may be suspended itself, and then tests with its own part: that of no epoch is spent twice."""
    first = under_test(2, "s0", "s1", done="s0 s1")
    later = under_test(2, "s1", number=2)

    assert shares_of(family(2, 2, s1=2), [*first, *later]) == {"s0": 0.5, "s1": 0.5}
    assert shares_of(family(2, 2, s0=2, s1=2), [*first, *later]) == {"s0": 0.5, "s1": 0.5}
    back = under_test(2, "s1", number=2, done="s1")
    assert shares_of(family(2, 2, s0=2, s1=2), [*first, *back]) == {"s0": 1.0, "s1": 0.5}
    assert shares_of(family(3, 2, s1=2), [*first, *later])["s2"] == 1.0, "what was handed on stays so"


def test_who_is_not_tested_holds_no_place_in_a_family_and_who_has_left_keeps_it():
    """What was spent is spent; but under another prefix, as with another version of a model, all begins anew."""
    assert shares_of(family(3, 1), ()) == {"s0": 1, "s1": 1, "s2": 1}, "whichever is the first to be tested"
    assert shares_of(family(3, 1), under_test(1, "s1")) == {"s0": 0, "s1": 1, "s2": 0}
    assert shares_of(family(2, 2), under_test(2, "s1", "closed")) == {"s0": 0, "s1": 0.5}
    assert shares_of(family(2, 2), under_test(2, "s1", "closed", prefix="p of before")) == {"s0": 0.5, "s1": 0.5}


def test_false_certificates_to_expect_are_those_of_all_slices_tested_and_of_a_family_one_budget():
    spent = {f"s{n}": 0.06 for n in range(4)}

    assert expected_false(family(4, 0), spent) == pytest.approx(0.24)
    assert expected_false(family(4, 2), spent) == pytest.approx(0.1)
    assert expected_false(family(4, 0), {}) == 0


TWO_STAGES = CLAIMS.replace('{by_hand: "confidence >= 0.95"}', "certified").replace(
    "      - {ask: agents", "      - {ask: claim-risk@1, combine: agree, accept: certified}\n      - {ask: agents"
)


def test_a_groups_later_stage_comes_behind_its_groups_earlier_one():
    text = TWO_STAGES + STORES + "audits: {rate: 5%, pool: agents, slices: location, inherit: region}\n"

    found = certified_places([compile_documents({"a.yaml": text}, base=Path("/"))])

    later = {scope.split(":")[2]: place for scope, place in found.items() if place.index == 1}
    assert {name: [scope.split(":")[2] for scope in place.earlier] for name, place in later.items()} == {
        name: [name] for name in ("oslo", "bergen", "rome", "alone", "region=north", "region=south")
    }
    assert all(scope in found for place in later.values() for scope in place.earlier)


def test_a_group_weighs_money_by_the_rarest_audits_of_its_slices():
    """What weighs 1 is the most that a stake can be of its probability anywhere in the group: nothing is thinned."""
    text = CLAIMS.replace('{by_hand: "confidence >= 0.95"}', "{certified: {target: 1%, money: {up_to: 500 USD}}}")
    text = text.replace("pools: {", "pools: {experts: {}, ") + STORES + "organisation: {rates: {USD: 1}}\n"
    text += "audits: {rate: 5%, expert: experts, slices: location, inherit: region}\n"

    found = certified_places([compile_documents({"a.yaml": text}, base=Path("/"))])

    largest = {scope.split(":")[2]: (place.largest, place.thinned_to) for scope, place in found.items()}
    assert largest["oslo"] == (10_000, 0.0)
    assert largest["bergen"] == largest["region=north"] == (25_000, 0.0)


def test_a_group_follows_a_budget_where_one_of_its_slices_does_and_the_others_rates_are_steady():
    text = CLAIMS.replace('{by_hand: "confidence >= 0.95"}', "certified")
    budget = "{groups: [south], types: {claim.pay: {audits: {budget: 40}}}}"
    text += STORES.replace("{rate: 2%}", "{rate: 2%, budget: 40}").replace("{groups: [south]}", budget)
    text += "  milan: {groups: [south]}\n"
    text += "audits: {rate: 5%, pool: agents, slices: location, inherit: region}\n"

    found = certified_places([compile_documents({"a.yaml": text}, base=Path("/"))])

    told = {scope.split(":")[2]: (place.follows_budget, place.steady) for scope, place in found.items()}
    assert told["region=north"] == told["region=south"] == (True, 0.05)
    assert told["bergen"] == told["rome"] == (True, 1.0)
    assert told["oslo"] == told["milan"] == (False, 0.05)
