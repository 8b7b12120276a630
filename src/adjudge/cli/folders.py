"""The documents of a folder by the names under which they are published."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from adjudge.config import Configuration, InvalidConfiguration, base_of, compile_documents, read_folder
from adjudge.config.documents.pausing import Pause, no_pause
from adjudge.config.packs import is_of_pack
from adjudge.core.counting import counted

MANIFEST = ".revision.json"


@dataclass(frozen=True, slots=True)
class Folder:
    """A configuration folder; what is published goes before it."""

    path: Path
    working: Path

    @property
    def base(self) -> Path:
        """Where the Python deciders of this process are looked for."""
        return base_of(self.path, self.working)

    def read(self, like: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return its documents, named as those of `like` are. Raises InvalidConfiguration."""
        return read_folder(self.path.resolve(), relative_to=self.base if like is None else self.base_of(like))

    def base_of(self, documents: Mapping[str, str]) -> Path:
        """Return what the names of published documents are relative to here: this folder, or the one it is in."""
        inside = _prefix(documents) == f"{self.path.resolve().name}/"
        return self.path.resolve().parent if inside else self.path.resolve()

    def compile(self, documents: Mapping[str, str], number: int, pause: Pause = no_pause) -> Configuration:
        """Compile a revision; what was published already (`number`) with its slips. Raises InvalidConfiguration."""
        base = self.base_of(documents)
        return compile_documents(documents, revision=number, base=base, pause=pause, is_new=number == 0)

    def drift(self, published: Configuration) -> str | None:
        """Return how it differs from what is published; None: it does not, or it is not there."""
        try:
            own = self.read(published.documents)
        except InvalidConfiguration as invalid:
            return f"the folder has faults: {invalid}" if self.path.is_dir() else None
        differing = sorted(
            name for name in own.keys() | published.documents if own.get(name) != published.documents.get(name)
        )
        if not differing:
            return None
        return f"{counted(len(differing), 'document differs', 'documents differ')}: {', '.join(differing[:3])}"


class Manifest(msgspec.Struct, frozen=True):
    """What makes an exported folder exactly the revision that it was: names, and the packs of that day."""

    number: int
    hash: str
    prefix: str
    packs: dict[str, str]


def export(folder: Path, number: int, hash_: str, documents: Mapping[str, str]) -> None:
    """Write a revision as a folder. Raises OSError."""
    prefix = _prefix(documents)
    own = {folder / name.removeprefix(prefix): text for name, text in documents.items() if not is_of_pack(name)}
    outside = next((file for file in own if not _is_inside(file, folder)), None)
    if outside is not None:
        raise OSError(f"{outside} would be written outside {folder}")
    for file, text in own.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    packs = {name: text for name, text in documents.items() if is_of_pack(name)}
    (folder / MANIFEST).write_bytes(msgspec.json.encode(Manifest(number, hash_, prefix, packs)))


def _is_inside(file: Path, folder: Path) -> bool:
    try:
        return file.resolve().is_relative_to(folder.resolve()) and file.resolve() != folder.resolve()
    except ValueError:  # a NUL in its name
        return False


def documents_of(folder: Path, like: Mapping[str, str] | None) -> dict[str, str]:
    """Return what a folder would publish; one that was exported, with the names and packs that it had.

    `like`: what is in force, whose names it takes. Raises InvalidConfiguration.
    """
    manifest = folder / MANIFEST
    if not manifest.is_file():
        return Folder(folder, Path.cwd()).read(like)
    told = msgspec.json.decode(manifest.read_bytes(), type=Manifest)
    read = read_folder(folder.resolve(), relative_to=folder.resolve())
    own = {f"{told.prefix}{name}": text for name, text in read.items() if not is_of_pack(name)}
    return own | told.packs


def _prefix(documents: Mapping[str, str]) -> str:
    """Return the folder that all documents of their own are in, with its slash; empty: there is none."""
    firsts = {name.partition("/")[0] for name in documents if not is_of_pack(name) and "/" in name}
    bare = any("/" not in name for name in documents if not is_of_pack(name))
    return f"{firsts.pop()}/" if len(firsts) == 1 and not bare else ""
