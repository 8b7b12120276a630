"""Tags and attributes that nothing reads: named with the place that says so, and what was probably meant; no fault."""

import pytest
from tests.unit.config.documents import Compile

SHOPS = """\
types: {{t: {{answers: [a, b], safe_side: b}}}}
deciders: {{m@1: {{{decider}}}}}
plans:
  quick: {{stages: [{{ask: m@1, accept: {{by_hand: 'margin >= 0.9 && attributes.size > 3'}}}}], fallback: safe_side}}
  careful: {{stages: [{{ask: m@1, accept: {{by_hand: 'confidence >= 0.99'}}}}], fallback: safe_side}}
routes:
  - {{type: t, plan: careful, when: '"new" in tags || {when}'}}
  - {{type: t, plan: quick}}
groups: {{bars: {{{bars}}}}}
locations:
  new: {{tags: [new], attributes: {{size: 1}}}}
  pub: {{groups: [bars]}}
  inn: {{groups: [bars], {inn}}}
"""
RULE = "rule: [{when: 'attributes.size > 1', answer: a}]"
PYTHON = 'python: "models:m"'


@pytest.fixture
def unread_of(compiled: Compile):
    """Returns what nothing reads, in words."""

    def unread(bars: str, inn: str = "", decider: str = RULE, when: str = "stake > 5.0") -> list[str]:
        sound = compiled(SHOPS.format(bars=bars, inn=inn, decider=decider, when=when))
        return [f"{each.what} {each.name} {each.layer} {each.origin.line} {each.nearest}" for each in sound.unread()]

    return unread


def test_a_tag_that_no_route_reads_is_named_once_with_the_nearest_that_one_does(unread_of):
    assert unread_of("tags: [nwe]") == ["tag nwe group bars 9 new"]


def test_what_is_read_is_not_named(unread_of):
    assert unread_of("tags: [new], attributes: {size: 4}") == []


def test_an_attribute_that_nothing_reads_is_named(unread_of):
    assert unread_of("attributes: {size: 4, owner: us}") == ["attribute owner group bars 9 None"]


def test_what_one_location_lacks_was_meant_where_another_has_both(unread_of):
    assert unread_of("attributes: {sizes: 4}", inn="attributes: {size: 5}") == ["attribute sizes group bars 9 size"]


def test_where_a_decider_is_shown_all_attributes_only_slips_of_the_pen_are_named(unread_of):
    """What a Python function reads nobody knows."""
    assert unread_of("attributes: {szie: 4, owner: us}", decider=PYTHON) == ["attribute szie group bars 9 size"]
    assert unread_of("attributes: {sizes: 4, size: 5}", decider=PYTHON) == []


@pytest.mark.parametrize(
    "when",
    ['attributes.owner == "us"', 'attributes["owner"] == "us"', '"owner" in attributes', "has(attributes.owner)"],
)
def test_an_attribute_is_read_however_it_is_written(unread_of, when: str):
    assert unread_of("attributes: {owner: us}", when=f"stake > 5.0 && {when}") == []


@pytest.mark.parametrize(
    ("when", "bars"),
    [('tags.exists(t, t.startsWith("n"))', "tags: [nwe]"), ("size(attributes) > 1", "attributes: {a: 1}")],
)
def test_what_an_expression_may_read_without_naming_it_is_not_named(unread_of, when: str, bars: str):
    assert unread_of(bars, when=f"stake > 5.0 && {when}") == []


def test_what_a_model_is_sent_by_pointer_is_read(unread_of):
    remote = "http: {url: 'http://127.0.0.1/', request: {/tier: %s}, response: {answer: /a, confidence: /c}}"
    assert unread_of("attributes: {owner: us}", decider=remote % "/attributes/owner") == []
    assert unread_of("attributes: {other: us}", decider=remote % "/attributes/owner") != []
    assert unread_of("attributes: {owner: us}", decider=remote % "/attributes") == []
    assert unread_of("attributes: {owner: us}", decider=remote % "/location") == ["attribute owner group bars 9 None"]
    whole = "http: {url: 'http://127.0.0.1/', response: {answer: /a, confidence: /c}}"
    assert unread_of("attributes: {owner: us}", decider=whole) == []


def test_labels_that_differ_in_case_are_named_and_groups_without_a_location(compiled: Compile):
    """No fault: article numbers may differ so, and a group may wait for its first store."""
    shops = SHOPS.format(bars="", inn="", decider=RULE, when="stake > 5.0")
    shops = shops.replace("answers: [a, b]", "answers: [a, b, Ab, aB, ①, '1']").replace(
        "bars: {}}", "bars: {}, cafes: {}}"
    )

    sound = compiled(shops)

    pairs = [(each.one, each.other, each.origin.line) for each in sound.look_alikes()]
    assert pairs == [("①", "1", 1), ("Ab", "aB", 1)]
    assert {name: at.line for name, at in sound.empty_groups().items()} == {"cafes": 9}
