"""Schemas of configuration that would take for ever do not."""

import time

import jsonschema_rs
import pytest

from adjudge.core.schemas import MOST_UNFOLDED, unfolded, validator


def a_tower(levels: int, of: int) -> dict:
    """References to references: a kilobyte that stands for `of` to the power of `levels`."""
    storeys = {f"s{n}": {"allOf": [{"$ref": f"#/$defs/s{n + 1}"}] * of} for n in range(levels)}
    return {"$defs": {**storeys, f"s{levels}": {"type": "object"}}, "$ref": "#/$defs/s0"}


def test_references_written_out_are_counted_by_their_paths():
    assert unfolded(a_tower(2, 3)) == 1 + (1 + 3 * (1 + 1 + 3 * (1 + 1)))
    assert unfolded(a_tower(30, 10)) > MOST_UNFOLDED


@pytest.mark.parametrize("name", ["$anchor", "$dynamicAnchor", "$id"])
def test_references_by_name_are_followed_too(name):
    mark = "" if name == "$id" else "#"
    levels = [{name: f"s{n}", "allOf": [{"$ref": f"{mark}s{n + 1}"}] * 10} for n in range(9)]

    assert unfolded({"$defs": {str(n): level for n, level in enumerate(levels)}, "$ref": f"{mark}s0"}) > MOST_UNFOLDED


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {"$ref": "#/nowhere/0/at/all"},
        {"allOf": [{"$ref": "#/allOf/1"}, {"$ref": "#/allOf/999999999999"}]},
        {"properties": {f"field{n}": {"type": "string"} for n in range(1_000)}},
        True,
    ],
    ids=str,
)
def test_what_refers_to_itself_or_nowhere_and_what_is_merely_long_is_small(schema):
    assert unfolded(schema) < MOST_UNFOLDED / 2


def test_nesting_without_end_is_too_much():
    schema: dict = {}
    for _ in range(3_000):
        schema = {"not": schema}

    assert unfolded(schema) > MOST_UNFOLDED


@pytest.mark.parametrize("pattern", ["((a{1000}){1000}){1000}", "(" * 5_000 + ")" * 5_000])
def test_a_pattern_that_is_too_large_is_no_schema(pattern):
    with pytest.raises(jsonschema_rs.ValidationError):
        validator({"properties": {"text": {"pattern": pattern}}})


@pytest.mark.parametrize("pattern", [r"^(a+)+$", r"^(a|aa)+$", r"^(a*)*\1b(?=c)$", r"^(?=(a+)+b)(a+)+$"])
def test_a_pattern_that_tries_for_ever_ends_and_does_not_fit(pattern):
    texts = ["a" * 200 + "!"] * 1_000
    held_to = validator({"items": {"pattern": pattern}})

    began = time.process_time()
    fits = held_to.is_valid(texts)
    next(iter(held_to.iter_errors(texts)))

    assert not fits
    assert time.process_time() - began < 1


def test_many_texts_that_each_take_long_are_not_tried_to_their_ends():
    """Each would fit in the end, after some 100,000 tries."""
    texts = ["a" * 500 + "!"] * 2_000
    held_to = validator({"items": {"pattern": r"^(?:(a*)(a*)\1b(?=c)|a+!)$"}})

    began = time.process_time()

    assert not held_to.is_valid(texts)
    assert time.process_time() - began < 1


def test_usual_patterns_with_look_around_still_work():
    held_to = validator({"pattern": r"^(?!.*\.\.)(?=.{3,64}$)[a-z.]+(?<!\.)$"})

    assert held_to.is_valid("some.body")
    assert not held_to.is_valid("some..body")


def test_nothing_outside_is_read():
    with pytest.raises(jsonschema_rs.ValidationError):
        validator({"$ref": "http://127.0.0.1:9/schema.json"})
