"""Packs: installed packages that offer configuration of their own, as a layer below the organisation.

An entry point of the group `adjudge.packs` names an object with `config`, a folder, or None. Its
documents travel with the others, so that a published revision does not depend on what is installed.
"""

from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Final

GROUP: Final = "adjudge.packs"

_PREFIX: Final = "pack:"


def installed_packs(names: Iterable[str]) -> Mapping[str, Path]:
    """Return the folders of those packs that are installed and offer one. Nothing else is imported."""
    wanted = set(names)
    packs = {entry.name: _loaded(entry) for entry in entry_points(group=GROUP) if entry.name in wanted}
    return {name: Path(pack.config) for name, pack in packs.items() if pack is not None and pack.config is not None}


def offered_packs() -> frozenset[str]:
    """Return the names under which packs are installed, for whoever has misspelt one."""
    return frozenset(entry.name for entry in entry_points(group=GROUP))


def _loaded(entry: EntryPoint) -> Any:
    """Return a pack; None where its entry point outlived it."""
    try:
        return entry.load()
    except ModuleNotFoundError:
        return None


def name_in_pack(pack: str, file: str) -> str:
    """Return the name of a pack's document: `pack:retail/types.yaml`."""
    return f"{_PREFIX}{pack}/{file}"


def is_of_pack(document: str) -> bool:
    return document.startswith(_PREFIX)


def pack_of(document: str) -> str:
    """Return the pack that a document came from; empty: none."""
    return document.removeprefix(_PREFIX).partition("/")[0] if is_of_pack(document) else ""
