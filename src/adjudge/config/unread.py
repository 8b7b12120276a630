"""Tags and attributes that nothing reads: most are slips of the pen. No fault, for people may read them.

Tags are read by routes alone. Attributes are read by whatever expression or pointer names them, and perhaps by deciders
that are shown the whole question: where there is one, only those are told that look like an attribute that is read.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from adjudge.config.documents.faults import nearest
from adjudge.config.documents.merging import leaves
from adjudge.config.documents.nodes import Node
from adjudge.config.sites import Site
from adjudge.core.plans import Origin
from adjudge.core.remote import HttpModel
from adjudge.core.specifications import DeciderSpec

_TAGS: Final = re.compile(r"""(?:"([^"]+)"|'([^']+)')\s+in\s+tags\b|\b(tags)\b""")
_ATTRIBUTES: Final = re.compile(
    r"""\battributes\.(\w+)|\battributes\[(?:"([^"]+)"|'([^']+)')\]|(?:"([^"]+)"|'([^']+)')\s+in\s+attributes\b"""
    r"""|/attributes/([^/\s]+)|\b(attributes)\b"""
)


@dataclass(frozen=True, slots=True)
class Unread:
    """A tag or an attribute that nothing reads."""

    what: Literal["tag", "attribute"]
    name: str
    layer: str
    """Which says it: `location store-042`."""
    nearest: str | None
    """One that is read, and was probably meant."""
    origin: Origin


def unread(sites: Mapping[str, Site], deciders: Iterable[DeciderSpec]) -> Iterator[Unread]:
    """Yield those of all locations, each as often as there are locations that have it."""
    every = [standing for site in sites.values() for standing in site.every()]
    routes = {route.when.text for site in every for route in site.routes if route.when is not None}
    tags = _named(_TAGS, routes)
    attributes = _named(_ATTRIBUTES, _texts(every))
    is_shown = any(_is_shown_all(decider) for decider in deciders)
    for site in sites.values():
        if tags is not None:
            yield from _not_among(tags, "tag", site)
        if attributes is not None:
            found = _not_among(attributes, "attribute", site)
            yield from (each for each in found if each.nearest is not None or not is_shown)


def _not_among(read: frozenset[str], what: Literal["tag", "attribute"], site: Site) -> Iterator[Unread]:
    section = site.effective.entries.get(f"{what}s")
    said = section.entries if section is not None else {}
    for name, node in said.items():
        if name not in read:
            yield Unread(what, name, node.layer, nearest(name, read - said.keys()), node.origin)


def _named(mention: re.Pattern[str], texts: Iterable[str]) -> frozenset[str] | None:
    """Return the names that texts mention; None: some may read any."""
    found: set[str] = set()
    for match in (match for text in texts for match in mention.finditer(text)):
        *named, every = match.groups()
        if every is not None:
            return None
        found.update(name.replace("~1", "/").replace("~0", "~") for name in named if name is not None)
    return frozenset(found)


def _texts(sites: Iterable[Site]) -> Iterator[str]:
    """Yield every text of what is effective anywhere, attributes themselves left out; what is shared, once."""
    seen: dict[int, Node] = {}
    for key, node in ((key, node) for site in sites for key, node in site.effective.entries.items()):
        if key != "attributes" and id(node) not in seen:
            seen[id(node)] = node
            yield from (leaf.text for _, leaf in leaves(node, "") for leaf in (leaf.items or [leaf]))


def _is_shown_all(decider: DeciderSpec) -> bool:
    """Return whether it is given the whole question, and may read what it likes of it."""
    return bool(decider.python) or (isinstance(decider.remote, HttpModel) and not decider.remote.request)
