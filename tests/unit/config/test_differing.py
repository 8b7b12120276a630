"""What a change does, not how it is written: which leaf at how many locations, which plans, how many decisions."""

import pytest
from tests.unit.config.documents import CLAIMS, Compile

from adjudge.config import Configuration, diff, difference_in_words
from adjudge.config.differing import Difference

STORES = """\
groups: {eu: {dimension: region}, us: {dimension: region}}
locations: {a: {groups: [eu]}, b: {groups: [eu]}, c: {groups: [us]}}
"""
STRICT = "groups: {eu: {dimension: region, types: {claim.pay: {deadline: 2d}}}, us: {dimension: region}}"
TRAFFIC = {("a", "claim.pay"): 100.0, ("b", "claim.pay"): 20.0, ("c", "claim.pay"): 3.0, ("gone", "other"): 1.0}
TWO_TYPES = CLAIMS.replace("plans:", "plans:\n  spare: {stages: [{ask: agents, timeout: 1h}], fallback: {answer: x}}")
TWO_TYPES = TWO_TYPES.replace("types:", "types:\n  spare.pay: {answers: [x, y]}").replace(
    "routes: [", "routes: [{type: spare.pay, plan: spare}, "
)


def difference(
    old: Configuration, new: Configuration, traffic: dict[tuple[str, str], float] | None = None
) -> Difference:
    return diff(old.sites, new.sites, traffic)


def test_a_comment_or_another_file_changes_nothing(compiled: Compile) -> None:
    types, _, rest = CLAIMS.partition("deciders:")

    moved = difference(compiled(CLAIMS), compiled(types="# why\n" + types, rest="deciders:" + rest))

    assert not moved
    assert difference_in_words(moved) == ["nothing differs in effect"]


def test_a_leaf_is_told_with_its_line_its_locations_and_its_decisions(compiled: Compile) -> None:
    changed = difference(
        compiled(CLAIMS, stores=STORES),
        compiled(CLAIMS, stores=STRICT + "\n" + STORES.splitlines()[1]),
        TRAFFIC,
    )

    (leaf,) = changed.leaves
    assert (leaf.path, leaf.before, leaf.after) == ("types.claim.pay.deadline", None, "2d")
    assert (leaf.file, leaf.line, leaf.layer, leaf.locations) == ("stores.yaml", 1, "group eu", ("a", "b"))
    assert (leaf.decisions_a_day, changed.decisions_a_day, changed.all_decisions_a_day) == (120, 120, 124)


def test_a_threshold_changes_the_plan_where_it_is_in_force(compiled: Compile) -> None:
    changed = difference(compiled(CLAIMS), compiled(CLAIMS.replace("0.95", "0.97")), {("default", "claim.pay"): 7})

    (plan,) = changed.plans
    assert (plan.type, plan.locations, plan.decisions_a_day) == ("claim.pay", ("default",), 7)
    assert plan.before != plan.after
    assert plan.before[0].startswith("claims ")
    assert difference_in_words(changed)[0] == (
        'plans.claims.stages[0].accept.by_hand: "confidence >= 0.95" -> "confidence >= 0.97" '
        "(organisation, config/claims.yaml:10) at default, 7 decisions a day"
    )
    assert difference_in_words(changed)[-1] == "1 value, 1 plan; touches 7 of 7 decisions a day"


@pytest.mark.parametrize(
    ("a_day", "told"), [(0.0, "0"), (2 / 7, "0.3"), (1e-3, "0.1"), (3.0, "3"), (9.5, "9.5"), (1_200.4, "1,200")]
)
def test_little_traffic_is_not_told_as_none(compiled: Compile, a_day: float, told: str) -> None:
    """Two questions of the first hour are two in a week."""
    traffic = {("default", "claim.pay"): a_day}
    changed = difference(compiled(CLAIMS), compiled(CLAIMS.replace("0.95", "0.97")), traffic)

    assert difference_in_words(changed)[0].endswith(f"at default, {told} decisions a day")
    assert difference_in_words(changed)[-1].endswith(f"touches {told} of {told} decisions a day")


def test_only_the_decisions_that_read_a_leaf_are_counted(compiled: Compile) -> None:
    """A decider's price is of its plans, a pool's wage of all that ask its people."""
    traffic = {("default", "claim.pay"): 5, ("default", "spare.pay"): 70}

    price = difference(compiled(TWO_TYPES), compiled(TWO_TYPES.replace("0.0005", "0.0007")), traffic)
    wage = difference(compiled(TWO_TYPES), compiled(TWO_TYPES.replace("12 USD/h", "13 USD/h")), traffic)

    assert [leaf.path for leaf in price.leaves] == ["deciders.claim-risk@1.cost"]
    assert (price.decisions_a_day, price.plans) == (5, ())
    assert [leaf.path for leaf in wage.leaves] == ["pools.agents.wage"]
    assert wage.decisions_a_day == 75


def test_what_is_taken_away_stands_where_it_stood(compiled: Compile) -> None:
    before = CLAIMS.replace("[pay, refuse]", "[pay, refuse]\n    deadline: 2d")

    (leaf,) = difference(compiled(before), compiled(CLAIMS)).leaves

    assert (leaf.path, leaf.before, leaf.after, leaf.line) == ("types.claim.pay.deadline", "2d", None, 4)


def test_locations_that_come_and_go_are_named(compiled: Compile) -> None:
    changed = difference(
        compiled(CLAIMS, stores="locations: {a: {}, b: {}}"),
        compiled(CLAIMS, stores="locations: {b: {}, c: {}}"),
        {("a", "claim.pay"): 4, ("b", "claim.pay"): 9},
    )

    assert (changed.locations_added, changed.locations_removed) == (("c",), ("a",))
    assert difference_in_words(changed)[:2] == ["new: c", "gone: a"]
    assert changed.decisions_a_day == 4


def test_a_location_in_another_group_is_a_change_by_itself(compiled: Compile) -> None:
    before = compiled(CLAIMS, stores=STORES)

    changed = difference(
        before, compiled(CLAIMS, stores=STORES.replace("b: {groups: [eu]}", "b: {groups: [us]}")), TRAFFIC
    )

    assert [(leaf.path, leaf.before, leaf.after, leaf.locations) for leaf in changed.leaves] == [
        ("location.dimensions.region", "eu", "us", ("b",)),
        ("location.groups", ["eu"], ["us"], ("b",)),
    ]
    assert changed.decisions_a_day == 20


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("eu: {dimension: zone}", 'location.dimensions.zone: nothing -> "eu"'),
        ("eu: {dimension: region, within: us}", 'location.groups: ["eu"] -> ["eu","us"]'),
    ],
)
def test_what_a_group_is_changes_the_slices_of_its_locations(compiled: Compile, change: str, said: str) -> None:
    """Nothing that is laid on top differs, and yet other certificates and switches hold."""
    changed = difference(
        compiled(CLAIMS, stores=STORES), compiled(CLAIMS, stores=STORES.replace("eu: {dimension: region}", change))
    )

    assert f"{said} (from its groups) at a, b" in difference_in_words(changed)


def test_where_nobody_knows_what_is_asked_no_number_is_said(compiled: Compile) -> None:
    changed = difference(compiled(CLAIMS), compiled(CLAIMS.replace("0.95", "0.97")))

    assert changed.decisions_a_day is None
    assert difference_in_words(changed)[-1] == "1 value, 1 plan"
    assert "decision" not in "".join(difference_in_words(changed))


def test_what_ends_certificates_says_so_and_nothing_else_does(compiled: Compile) -> None:
    """A publication must not take automation away without a word: also where no plan differs."""
    certified = CLAIMS.replace('{by_hand: "confidence >= 0.95"}', "certified")
    people, experts = (f"audits: {{{who}}}\npools: {{experts: {{}}}}\n" for who in ("pool: agents", "expert: experts"))
    old = compiled(certified, audits=people)
    said = "certificates end: of claim-risk@1 for claim.pay, plan claims, at default"

    def changed(text: str, audits: str = people) -> list[str]:
        return difference_in_words(difference(old, compiled(text, audits=audits)))

    assert said in changed(certified.replace("deciders:claim_risk", "deciders:another"))
    assert said in changed(certified.replace("accept: certified", "accept: {certified: {target: 2%}}"))
    assert said in changed(certified, experts)
    assert said in changed(CLAIMS)
    for text in (certified.replace("timeout: 2s", "timeout: 3s"), certified.replace("timeout: 10m", "timeout: 11m")):
        found = changed(text)
        assert len(found) > 1
        assert not any(line.startswith("certificates end") for line in found)


def test_certificates_end_with_the_slice_of_which_they_speak_and_not_with_one_of_its_locations(
    compiled: Compile,
) -> None:
    certified = CLAIMS.replace('{by_hand: "confidence >= 0.95"}', "certified")
    moved = STORES.replace("a: {groups: [eu]}", "a: {groups: [us]}")
    alone = STORES.replace("b: {groups: [eu]}", "b: {groups: [us]}")
    without = alone.replace("a: {groups: [eu]}, ", "")

    def said(audits: str, after: str, stores: str = STORES, then: str = STORES) -> list[str]:
        old, new = (
            compiled(certified, audits=f"audits: {{pool: agents{more}}}\n" if more != "none" else "", stores=where)
            for more, where in ((audits, stores), (after, then))
        )
        found = difference_in_words(difference(old, new))
        return [line.partition(" at ")[2] for line in found if line.startswith("certificates end")]

    region, location = ", slices: region", ", slices: location"
    assert said("", region) == ["a, b, c"]
    assert said(location, location + ", inherit: region") == []
    assert said(location + ", inherit: region", location) == ["a, b, c"]
    assert said(region, region, then=moved) == [], "b is still in it"
    assert said(region, region, stores=alone, then=alone.replace("a: {groups: [eu]}", "a: {groups: [us]}")) == ["a"]
    assert said(region, region, stores=alone, then=without) == ["a"]
    assert said("", "", stores=alone, then=without) == []
    assert said("", "", then=STORES.replace("c: {", "c: {types: {claim.pay: {audits: {rate: 0}}}, ")) == ["a, b, c"]
    assert said("none", "") == [], "nothing could be earned without audits"
