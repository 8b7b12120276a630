"""Documents to layers: every file parsed, files of one layer joined, packs below the organisation.

A name that is defined twice in one layer is a fault. Lists (`routes`) from several files are joined in the order of
the files' names.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from adjudge.config.documents.cursors import Cursor, described
from adjudge.config.documents.faults import Faults, nearest
from adjudge.config.documents.merging import merge, needless_nulls
from adjudge.config.documents.nodes import Node, parse
from adjudge.config.documents.pausing import Pause
from adjudge.config.documents.readers import texts
from adjudge.config.packs import is_of_pack, offered_packs, pack_of
from adjudge.core.plans import Origin

LISTS: Final = ("routes", "packs")
OVERLAYS: Final = ("groups", "locations")
MAPPINGS: Final = ("organisation", "types", "deciders", "pools", "plans", "schedules", "audits", *OVERLAYS)
NEEDLESS: Final = "there is nothing here: no value is given, and no lower layer has one to take away"


def read_sources(documents: Mapping[str, str], faults: Faults, pause: Pause) -> Node:
    """Return packs and organisation merged. Raises InvalidConfiguration where a file is not readable YAML."""
    roots = {file: parse(file, documents[file], _layer(file), faults, pause) for file in sorted(documents)}
    faults.raise_any()
    own = _joined([root for file, root in roots.items() if root and not is_of_pack(file)], faults)
    packs = _packs(own, documents, faults)
    below = [
        _joined([root for file, root in roots.items() if root and pack_of(file) == pack], faults) for pack in packs
    ]
    if faults.has_below("packs") or any(_misspells_packs(root) for root in roots.values() if root):
        faults.raise_any()  # without what a pack brings, much else would seem to be wrong
    merged = _merged([*below, own], faults)
    return replace(merged, value=merged.entries | _overlays([*below, own]))


def _misspells_packs(root: Node) -> bool:
    sections = (*MAPPINGS, *LISTS)
    return any(key not in sections and nearest(key, sections) == "packs" for key in root.entries)


def _merged(layers: Sequence[Node], faults: Faults) -> Node:
    """Merge what holds everywhere."""
    merged = Node({}, layers[-1].origin, layers[-1].layer)
    for layer in layers:
        patch = replace(layer, value={key: node for key, node in layer.entries.items() if key not in OVERLAYS})
        for path, null in needless_nulls(patch, [merged]):
            faults.add(null.origin, path, NEEDLESS)
        merged = merge(merged, patch)
    return merged


def _overlays(layers: Sequence[Node]) -> dict[str, Node]:
    """Return groups and locations unmerged: a null in them is for the layers below, at each location."""
    found: dict[str, Node] = {}
    for layer in layers:
        for key in OVERLAYS:
            if key in layer.entries:
                section, before = layer.entries[key], found.get(key, layer.entries[key])
                found[key] = replace(section, value=before.entries | section.entries)
    return found


def _layer(file: str) -> str:
    return f"pack {pack_of(file)}" if is_of_pack(file) else "organisation"


def _packs(own: Node, documents: Mapping[str, str], faults: Faults) -> tuple[str, ...]:
    node = own.entries.get("packs")
    if node is None:
        return ()
    at = Cursor(node, "packs", faults)
    given = {pack_of(file) for file in documents if is_of_pack(file)}
    names = at.read(texts, ())
    for name in names:
        if name not in given:
            at.fault(
                f"no pack `{name}` is installed that offers configuration",
                nearest(name, (given | offered_packs()) - {name}),
            )
    return names


def _joined(roots: Iterable[Node], faults: Faults) -> Node:
    """Join the files of one layer, which must not define a name twice."""
    sections: dict[str, Node] = {}
    origin, layer = Origin("", 0), "organisation"
    for root in roots:
        layer = root.layer
        at = Cursor(root, "", faults)
        with at.fields() as fields:
            for key in (*MAPPINGS, *LISTS):
                _join(sections, key, fields.get(key))
            for key, misspelt in fields.slips().items():  # a fault, but read: else much more would seem to be wrong
                _join(sections, key, misspelt)
    return Node(sections, origin, layer)


def _join(sections: dict[str, Node], key: str, at: Cursor | None) -> None:
    if at is None or at.node.value is None:
        return
    wanted: type = list if key in LISTS else dict
    if not isinstance(at.node.value, wanted):
        at.fault(f"a {'list' if wanted is list else 'mapping'} is wanted here, not {described(at.node)}")
    elif key not in sections:
        sections[key] = at.node
    else:
        sections[key] = _both(sections[key], at)


def _both(before: Node, at: Cursor) -> Node:
    if isinstance(before.value, list):
        return Node([*before.items, *at.node.items], before.origin, before.layer)
    entries = dict(before.entries)
    for name, child in at.entries().items():
        if name in entries:
            child.fault(f"`{name}` is defined twice; first at {entries[name].origin}")
        entries.setdefault(name, child.node)
    return Node(entries, before.origin, before.layer)
