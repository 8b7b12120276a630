"""Reading a folder of YAML documents, within bounds."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from adjudge.config.documents.faults import Faults
from adjudge.config.documents.nodes import Node, parse
from adjudge.config.packs import installed_packs, is_of_pack, name_in_pack
from adjudge.core.plans import Origin

LARGEST_FILE: Final = 1024 * 1024
LARGEST_FOLDER: Final = 16 * 1024 * 1024
MOST_FILES: Final = 5_000


def read_folder(folder: Path, *, relative_to: Path | None = None) -> dict[str, str]:
    """Return the text of every `*.yaml` below the folder by the name that faults and origins show.

    Names are relative to `relative_to`, or to the folder itself. Hidden files and folders are left
    alone (a mounted ConfigMap keeps its former versions in one). Documents of the packs that the
    folder names come along. Raises InvalidConfiguration.
    """
    faults = Faults()
    documents = _documents(folder, relative_to or folder, faults)
    if not documents and not faults:
        faults.add(Origin(str(folder), 0), "", "no folder with a *.yaml in it")
    faults.raise_any()
    return with_packs(documents)


def with_packs(documents: Mapping[str, str], packs: Mapping[str, Path] | None = None) -> dict[str, str]:
    """Return the documents with those of the packs that they name. `packs`: None, those installed."""
    own = {file: text for file, text in documents.items() if not is_of_pack(file)}
    named = _named_packs(own)
    folders = installed_packs(named) if packs is None else packs
    faults = Faults()
    for pack in named:
        if pack in folders:
            found = _documents(folders[pack], folders[pack], faults)
            own.update({name_in_pack(pack, file): text for file, text in found.items()})
    faults.raise_any()
    return own


def base_of(folder: Path, working: Path) -> Path:
    """Return what names are relative to: the working folder where the configuration lies in it, else the latter."""
    return working.resolve() if folder.resolve().parent == working.resolve() else folder.resolve()


def _documents(folder: Path, relative_to: Path, faults: Faults) -> dict[str, str]:
    documents: dict[str, str] = {}
    size = 0
    for path in _paths(folder):
        shown = path.relative_to(relative_to).as_posix() if path.is_relative_to(relative_to) else str(path)
        if not path.is_file():
            what = "to a folder is not followed" if path.is_dir() else "leads to no file"
            faults.add(Origin(shown, 0), "", f"a link {what}: put documents here")
            continue
        size += path.stat().st_size
        if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
            faults.add(Origin(shown, 0), "", "a link that leads out of the folder is not followed")
        elif path.suffix != ".yaml":
            faults.add(Origin(shown, 0), "", "only *.yaml is read: name it so")
        elif path.stat().st_size > LARGEST_FILE or size > LARGEST_FOLDER or len(documents) >= MOST_FILES:
            bounds = f"{LARGEST_FILE} bytes a file, {LARGEST_FOLDER} and {MOST_FILES} files in all"
            faults.add(Origin(shown, 0), "", f"too much to read: at most {bounds}")
            break
        else:
            documents[shown] = _text(path, shown, faults)
    return documents


def _paths(folder: Path) -> Iterator[Path]:
    """Yield files of YAML, and links that lead to no file: what lies behind them would be left out in silence."""
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if hidden:
            continue
        is_yaml = path.suffix.lower() in (".yaml", ".yml")
        if (is_yaml and path.is_file()) or (path.is_symlink() and (path.is_dir() or (is_yaml and not path.exists()))):
            yield path


def _text(path: Path, shown: str, faults: Faults) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        faults.add(Origin(shown, line), "", "not UTF-8: save the file in this encoding")
    except OSError as error:
        faults.add(Origin(shown, 0), "", f"cannot be read: {error}")
    return ""


def _named_packs(documents: Mapping[str, str]) -> list[str]:
    unheeded = Faults()  # compiling reports them
    roots = [parse(file, text, "", unheeded) for file, text in sorted(documents.items()) if "packs" in text]
    return list(dict.fromkeys(name for root in roots if root is not None for name in _packs_of(root)))


def _packs_of(root: Node) -> list[str]:
    packs = root.entries.get("packs")
    return [item.value for item in packs.items if isinstance(item.value, str)] if packs is not None else []
