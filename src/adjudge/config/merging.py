"""JSON Merge Patch (RFC 7396) over trees that keep, for every leaf, the line that holds its value."""

from collections.abc import Iterable, Iterator, Sequence

from adjudge.config.nodes import Node


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


def needless_nulls(patch: Node, below: Sequence[Node], path: str = "") -> Iterator[tuple[str, Node]]:
    """Yield the nulls of a patch that remove nothing from any of the trees below: values that were forgotten."""
    for key, child in patch.entries.items():
        targets = [tree.entries[key] for tree in below if key in tree.entries]
        here = f"{path}.{key}" if path else key
        if child.value is None and not targets:
            yield here, child
        yield from needless_nulls(child, targets, here)


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
