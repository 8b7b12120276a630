"""The pack's example of 120 stores as something to play: its documents, and what is read of its stores."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from adjudge_retail import EXAMPLES
from adjudge_retail.demo.configuration import EXPERTS, references
from adjudge_retail.demo.plans import POOL
from adjudge_retail.demo.stores import Fleet, Store

REFERENCES: Final = "references.yaml"
"""The one document that the demo replaces by its own: it has pictures in a folder."""
DIMENSION: Final = "format"
BUSY: Final = "stadium"
"""It is half-time there."""
VOTES: Final = 2.0
"""That its plans buy for a question that people answer, about."""
FEW: Final = 4
"""Experts: they are asked where those of the shelf do not agree."""


def documents() -> dict[str, str]:
    """Return each file of the configuration folder, as it is shipped but for where pictures are."""
    shipped = {path.name: path.read_text(encoding="utf-8") for path in sorted(EXAMPLES.glob("*.yaml"))}
    assert REFERENCES in shipped
    return {**shipped, REFERENCES: references()}


def fleet() -> Fleet:
    """Return its stores, each with its format and its currency."""
    read = [yaml.safe_load(text) for text in documents().values()]
    groups = _section(read, "groups")
    rates = _section(read, "organisation")["rates"]
    stores = (_store(name, said, groups, rates) for name, said in _section(read, "locations").items())
    formats = tuple(name for name, said in groups.items() if said.get("dimension") == DIMENSION)
    return Fleet(tuple(sorted(stores, key=lambda store: store.name)), formats, BUSY)


def staff(people: int) -> dict[str, int]:
    """Spread people over its pools."""
    return {POOL: people - FEW, EXPERTS: FEW}


def _store(name: str, said: Mapping[str, Any], groups: Mapping[str, Any], rates: Mapping[str, float]) -> Store:
    within = [groups[each] | {"name": each} for listed in said["groups"] for each in _upwards(listed, groups)]
    group = next(each["name"] for each in within if each.get("dimension") == DIMENSION)
    currency = next(each["currency"] for each in within if "currency" in each)
    return Store(name, group, currency, rates[currency])


def _upwards(group: str, groups: Mapping[str, Any]) -> Iterator[str]:
    """Yield a group and those in which it lies."""
    here: str | None = group
    while here is not None:
        yield here
        here = groups[here].get("within")


def _section(documents: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return {key: value for document in documents for key, value in document.get(name, {}).items()}
