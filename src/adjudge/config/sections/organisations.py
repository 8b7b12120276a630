"""What holds for the whole organisation: its currency, rates, and how references in evidence are opened."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from adjudge.config.documents.cursors import Cursor, Fields, Misread
from adjudge.config.documents.nodes import Node
from adjudge.config.documents.readers import choice, currency, number, text, texts, whole
from adjudge.config.sections.locations import time_zone
from adjudge.core.money import CURRENCIES

DEFAULT_CURRENCY: Final = "USD"
MOST_APPROVALS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """The top of the layers."""

    name: str = "default"
    currency: str = DEFAULT_CURRENCY
    rates: Mapping[str, float] = field(default_factory=lambda: {DEFAULT_CURRENCY: 1.0})
    """Units of `currency` that one unit of the key buys."""
    resolvers: Mapping[str, Path | None] = field(default_factory=dict)
    """By URI scheme of a reference: the folder whose files are served, or None: passed on as it stands."""
    time_zone: str = "UTC"
    """Of locations that name none."""
    merge_order: tuple[str, ...] = ()
    """Dimensions of groups as they are laid, the last on top."""
    approvals: int = 0
    """How many others must agree to a draft before it is published."""


def read_organisation(at: Cursor | None, base: Path) -> Organisation:
    """Read `organisation`. Folders of resolvers lie below the file that names them."""
    if at is None:
        return Organisation()
    with at.fields() as fields:
        own = fields.read("currency", currency, DEFAULT_CURRENCY)
        return Organisation(
            name=fields.read("name", text, "default"),
            currency=own,
            rates=_rates(fields, own),
            resolvers=_resolvers(fields, base),
            time_zone=fields.read("time_zone", time_zone, "UTC"),
            merge_order=fields.read("merge_order", texts, ()),
            approvals=fields.read("approvals", whole(0, MOST_APPROVALS), 0),
        )


def _rates(fields: Fields, own: str) -> Mapping[str, float]:
    found = fields.get("rates")
    rates = {own: 1.0}
    for code, rate in (found.entries() if found is not None else {}).items():
        value = rate.read(number(0, float("inf"), "a number above 0"), 1.0)
        if len(code) != 3 or not code.isalpha() or not code.isupper():
            rate.fault(f"`{code}` is not an ISO 4217 code of three capitals")
        elif code not in CURRENCIES:
            rate.slip(f"`{code}` is no currency of ISO 4217")
        if code == own and value != 1:
            rate.fault(f"rates are in {own}: one {own} buys one")
        rates[code] = value
    return rates


def _resolvers(fields: Fields, base: Path) -> Mapping[str, Path | None]:
    found = fields.get("resolvers")
    return {scheme: _resolver(at, base) for scheme, at in (found.entries() if found is not None else {}).items()}


def _resolver(at: Cursor, base: Path) -> Path | None:
    if not isinstance(at.node.value, dict):
        at.read(choice("pass"), "pass")
        return None
    with at.fields() as fields:
        folder = fields.need("folder", "folder: images")
        return None if folder is None else base / Path(folder.node.origin.file).parent / folder.read(_folder, "")


def _folder(node: Node) -> str:
    folder = text(node)
    if not folder or Path(folder).is_absolute():
        raise Misread(f"`{folder}` is not a folder relative to this file")
    if any(part.startswith(".") for part in Path(folder).parts):
        raise Misread(f"`{folder}` is not a folder below this file: no `..`, and nothing hidden, is served")
    return folder
