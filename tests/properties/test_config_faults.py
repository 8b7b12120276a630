"""Whatever stands in a document: it is sound, or has faults with places; reading it never fails."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.config.test_misspelt import SHOPS

from adjudge.config import InvalidConfiguration, compile_documents
from adjudge.config.remarks import remarks

JUNK: list[Any] = [
    None, [], {}, 0, -1, 0.5, 1e308, "", "x", "a b", "*", True, [1], [None], [[]], ["x", "x"], {"x": 1}, {"x": None},
    "10m", "99d", "1 USD", "confidence > 2.0", "open && !open", 'location == "x"', {"when": "true"}, {"$ref": "#"},
    {"type": "object", "required": [1], "properties": 1}, {"x": {"x": []}}, "\u202e", "x" * 300,
]  # fmt: skip
KEYS = ["x", "accept", "when", "groups", "hours", "within", "schedules", "types", "evidence", "dimension", "fallbacks"]


def places(node: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to each value within."""
    if above:
        yield above
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from places(child, (*above, key))


SOUND = yaml.safe_load(SHOPS)
SPOILT = st.tuples(st.sampled_from(list(places(SOUND))), st.sampled_from([None, *KEYS]), st.sampled_from(JUNK))


def spoil(document: Any, way: tuple[Any, ...], key: str | None, junk: Any) -> None:
    """Put junk in the place of a value, or under a key beside it."""
    try:
        for step in way[:-1]:
            document = document[step]
        document[way[-1] if key is None or not isinstance(document, dict) else key] = copy.deepcopy(junk)
    except (KeyError, IndexError, TypeError):
        return  # what was spoilt before has no such place


@settings(max_examples=60, deadline=None)
@given(changes=st.lists(SPOILT, min_size=1, max_size=3))
def test_a_document_with_anything_in_it_is_read_to_its_end(changes):
    document = copy.deepcopy(SOUND)
    for way, key, junk in changes:
        spoil(document, way, key, junk)

    faults = {is_new: faults_of(json.dumps(document), is_new=is_new) for is_new in (True, False)}

    assert all(fault.file == "shops.yaml" and fault.line == 1 and fault.message for fault in faults[True])
    assert faults[True] or not faults[False], "what may be published can be compiled again"


def faults_of(text: str, *, is_new: bool) -> tuple[Any, ...]:
    try:
        list(remarks(compile_documents({"shops.yaml": text}, base=Path(), is_new=is_new)))
    except InvalidConfiguration as invalid:
        return invalid.faults
    return ()
