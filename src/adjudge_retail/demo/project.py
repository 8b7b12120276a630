"""The demo's project folder: configuration, pictures, and the system's own data beside them."""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adjudge_retail.demo.cases import Case
from adjudge_retail.demo.configuration import PICTURES
from adjudge_retail.pictures import shelf_picture

MARK: Final = "made-by-adjudge-demo"
"""A file that says that the folder may be deleted."""


class ForeignFolder(Exception):
    """There is something in the way that the demo did not make."""


LENDER: Final = "adjudge demo"


@dataclass(frozen=True, slots=True)
class Project:
    """The folder, once it is written."""

    folder: Path

    @property
    def pictures(self) -> Path:
        return self.folder / "config" / PICTURES

    def picture_of(self, case: Case) -> str:
        """Return the reference to a picture of a case: the set's own, or one that is drawn now."""
        image = case.item.image
        name = f"{_safe(case.item.id)}{image.suffix}" if image else f"{case.event}.svg"
        path = self.pictures / name
        if not path.exists():
            _place(image, path, case)
        return f"{PICTURES}://{name}"


def write_project(folder: Path, documents: Mapping[str, str]) -> Project:
    """Write a new project; an old one of the demo's is deleted with its data. Raises ForeignFolder."""
    if folder.exists():
        if not (folder / MARK).is_file() and any(folder.iterdir()):
            raise ForeignFolder(f"{folder} is there and is not the demo's: move it away or choose another --folder")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, mode=0o700)
    (folder / MARK).touch()
    (folder / ".gitignore").write_text("*\n")
    project = Project(folder)
    project.pictures.mkdir(parents=True)
    for name, text in documents.items():
        path = folder / "config" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return project


def lend_connection(project: Project, place: Path) -> Path | None:
    """Let commands that are run in `place` find the demo's system; None where they find another one.

    Returns the file to be taken back when the system stops.
    """
    own, lent = project.folder / ".adjudge" / "api.json", place / ".adjudge" / "api.json"
    if not own.is_file() or (lent.exists() and LENDER not in lent.read_text()):
        return None
    lent.parent.mkdir(mode=0o700, exist_ok=True)
    lent.unlink(missing_ok=True)  # of a demo that was killed
    with os.fdopen(os.open(lent, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({**json.loads(own.read_text()), "lent_by": LENDER}, file)
    return lent


def take_back(lent: Path) -> None:
    """Delete what was lent, and its folder where that was made for it."""
    lent.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # somebody else's things are in it
        lent.parent.rmdir()


def _place(image: Path | None, path: Path, case: Case) -> None:
    if image is not None:
        shutil.copyfile(image, path)
    else:
        path.write_text(shelf_picture(case.item.id, case.candidates), encoding="utf-8")


def _safe(item: str) -> str:
    """Return a file name: the item's id, or a digest where the id could not be one."""
    plain = item.isascii() and item.replace("-", "").replace("_", "").isalnum() and len(item) < 100
    return item if plain else hashlib.sha256(item.encode()).hexdigest()[:32]
