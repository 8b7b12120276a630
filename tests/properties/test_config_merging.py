"""Merging layers: RFC 7396, and every leaf on the line that holds its value."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adjudge.config.documents.faults import Faults
from adjudge.config.documents.merging import leaves, merge, merge_all
from adjudge.config.documents.nodes import Node, parse
from adjudge.core.plans import Origin

UNTIMED = settings(deadline=None)  # the machine may be busy
KEYS = st.sampled_from(["a", "b", "c", "d"])
SCALARS = st.one_of(st.booleans(), st.integers(-5, 5), st.sampled_from(["yes", "no", "on", "", "0x1", "~", "1e3"]))
VALUES = st.recursive(
    st.one_of(SCALARS, st.lists(SCALARS, max_size=3)),
    lambda inner: st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
PATCHED = st.recursive(
    st.one_of(st.none(), SCALARS, st.lists(SCALARS, max_size=3)),
    lambda inner: st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=4)
PATCHES = st.dictionaries(KEYS, PATCHED, max_size=4)


def written(value: Any, file: str) -> tuple[Node, list[str]]:
    """Return the tree of a document written with one scalar a line, and its lines."""
    text = json.dumps(value, indent=1)
    node = parse(file, text, file, Faults())
    assert node is not None
    return node, text.splitlines()


def rfc_7396(target: Any, patch: Any) -> Any:
    """The pseudocode of the RFC, as it stands there."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = rfc_7396(result.get(name), value)
    return result


@UNTIMED
@given(target=DOCUMENTS, patch=PATCHES)
def test_merging_is_json_merge_patch(target: Any, patch: Any) -> None:
    merged = merge(written(target, "t")[0], written(patch, "p")[0])

    assert merged.plain() == rfc_7396(target, patch)


@UNTIMED
@given(layers=st.lists(PATCHES, min_size=1, max_size=4))
def test_every_leaf_stands_on_the_line_that_holds_its_value(layers: list[Any]) -> None:
    trees = {f"f{number}": written(layer, f"f{number}") for number, layer in enumerate(layers)}

    merged = merge_all(Node({}, Origin("", 0), ""), [tree for tree, _ in trees.values()])

    for path, leaf in leaves(merged, ""):
        if leaf.origin.file:
            line = trees[leaf.origin.file][1][leaf.origin.line - 1].strip().rstrip(",")
            key = path.rsplit(".", 1)[-1]
            shown = json.dumps(leaf.plain())
            assert leaf.layer == leaf.origin.file
            assert line.startswith(f'"{key}":') or not key
            assert isinstance(leaf.value, list | dict) or line == f'"{key}": {shown}'


@UNTIMED
@given(target=DOCUMENTS, patch=PATCHES)
def test_merging_a_patch_twice_changes_nothing(target: Any, patch: Any) -> None:
    tree, change = written(target, "t")[0], written(patch, "p")[0]

    once = merge(tree, change)

    assert merge(once, change) == once


@UNTIMED
@given(target=DOCUMENTS, first=DOCUMENTS, second=DOCUMENTS)
def test_patches_that_remove_nothing_may_be_merged_among_themselves_first(target: Any, first: Any, second: Any) -> None:
    """Associative, as long as there is no null and no kind of value is replaced by another."""
    one, two, three = written(target, "t")[0], written(first, "1")[0], written(second, "2")[0]

    left, right = merge(merge(one, two), three), merge(one, merge(two, three))

    assert left.plain() == right.plain() or not same_kinds(target, first, second)


@UNTIMED
@given(target=DOCUMENTS, patch=PATCHES)
def test_what_a_patch_does_not_name_stays_the_same_object(target: Any, patch: Any) -> None:
    """Compiling shares by identity what many locations have in common."""
    tree = written(target, "t")[0]

    merged = merge(tree, written(patch, "p")[0])

    assert all(merged.entries[key] is tree.entries[key] for key in target.keys() - patch.keys())


def same_kinds(*values: Any) -> bool:
    """Return whether a key is a mapping in all of the values or in none, all the way down."""
    mappings = [value for value in values if isinstance(value, dict)]
    if len(mappings) not in (0, len(values)):
        return False
    keys = {key for mapping in mappings for key in mapping}
    return all(same_kinds(*(mapping[key] for mapping in mappings if key in mapping)) for key in keys)


@UNTIMED
@given(text=st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No bytes of a stranger bring the reader down."""
    faults = Faults()

    node = parse("any.yaml", text, "organisation", faults)

    assert node is None or bool(faults) or json.dumps(node.plain(), allow_nan=False)


@UNTIMED
@given(value=VALUES)
def test_json_is_read_as_it_is(value: Any) -> None:
    """YAML 1.2 holds JSON: what the API is given means the same as a file."""
    assert written({"value": value}, "j")[0].plain() == {"value": value}


@UNTIMED
@given(target=DOCUMENTS, layers=st.lists(st.dictionaries(KEYS, VALUES, max_size=3), max_size=3))
def test_layers_laid_one_by_one_are_the_layers_laid_at_once(target: Any, layers: list[Any]) -> None:
    """And laying them all again changes nothing."""
    tree, patches = written(target, "t")[0], [written(layer, str(n))[0] for n, layer in enumerate(layers)]

    whole = merge_all(tree, patches)

    stepwise = tree
    for patch in patches:
        stepwise = merge_all(stepwise, [patch])
    assert stepwise == whole
    if same_kinds(target, *layers):
        assert merge_all(whole, patches).plain() == whole.plain()
