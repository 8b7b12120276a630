"""JSON Merge Patch (RFC 7396) over trees that keep, for every leaf, the line that holds its value."""

from collections.abc import Iterable, Iterator, Sequence

from adjudge.config.documents.nodes import Node


def merge(target: Node | None, patch: Node) -> Node:
    """Return `target` with `patch` applied: mappings are merged, null removes, all else replaces.

    What the patch does not touch is the same object afterwards.
    """
    if not isinstance(patch.value, dict):
        return patch
    base = target if target is not None and isinstance(target.value, dict) else patch
    entries = dict(base.entries) if base is target else {}
    for key, change in patch.value.items():
        if change.value is None:
            entries.pop(key, None)
        else:
            entries[key] = merge(entries.get(key), change)
    return base.holding(entries)


def merge_all(first: Node, patches: Iterable[Node]) -> Node:
    """Return `first` with all patches applied, the last on top."""
    for patch in patches:
        first = merge(first, patch)
    return first


def needless_nulls(patch: Node, below: Sequence[Node]) -> Iterator[tuple[str, Node]]:
    """Yield the nulls of a patch that remove nothing from any of the trees below: values that were forgotten.

    The patch itself may be among them, and does not count.
    """
    for keys, null in _nulls(patch):
        if not any(tree is not patch and _has(tree, keys) for tree in below):
            yield ".".join(keys), null


def _nulls(patch: Node) -> Iterator[tuple[tuple[str, ...], Node]]:
    """Yield the nulls within mappings, each with the keys that lead to it."""
    for key, child in patch.entries.items():
        if child.value is None:
            yield (key,), child
        else:
            yield from (((key, *keys), null) for keys, null in _nulls(child))


def _has(tree: Node, keys: Sequence[str]) -> bool:
    for key in keys:
        found = tree.entries.get(key)
        if found is None:
            return False
        tree = found
    return True


def leaves(node: Node, path: str) -> Iterator[tuple[str, Node]]:
    """Yield what holds values: scalars, empty mappings, and lists of scalars as a whole."""
    if isinstance(node.value, dict) and node.value:
        for key, child in node.value.items():
            yield from leaves(child, f"{path}.{key}" if path else key)
    elif isinstance(node.value, list) and any(isinstance(item.value, dict | list) for item in node.value):
        for index, item in enumerate(node.value):
            yield from leaves(item, f"{path}[{index}]")
    else:
        yield path, node
