"""How far an export has come: `export.json` beside the tables it speaks of."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec

from adjudge.core.errors import AdjudgeError
from adjudge.labelled.tables import Form, find_table
from adjudge.store.decisions import FIRST
from adjudge.store.extracting import NOTHING_BEFORE, Wanted

FILE: Final = "export.json"
PARTS: Final = ".export"
"""Folder of what a run has fetched so far."""
LOCK: Final = ".export.lock"


class UnsuitableFolder(AdjudgeError):
    """The folder holds something else, or another export, or another process exports into it."""

    kind = "unsuitable-folder"


class Run(msgspec.Struct, kw_only=True):
    """An export that is not finished."""

    high: str
    """The mark that the next export goes on from."""
    labels: tuple[str, ...]
    grown: bool = False
    """Labels came up after the first part was written."""
    first: UUID | None = None
    after: UUID = FIRST
    """The last decision of the parts that are on disk."""
    parts: int = 0
    decisions: int = 0
    assembling: bool = False
    """All parts are there; tables may have been replaced already."""


class Progress(msgspec.Struct, kw_only=True):
    """What a folder holds, and what is under way."""

    v: int = 1
    type: str
    form: Form
    locations: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None
    mark: str = NOTHING_BEFORE
    last: UUID = FIRST
    """The greatest id that was ever exported."""
    labels: tuple[str, ...] = ()
    run: Run | None = None

    @property
    def wanted(self) -> Wanted:
        return Wanted(type=self.type, locations=self.locations, since=self.since, until=self.until)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Make the folder and keep other exports out. Raises UnsuitableFolder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UnsuitableFolder(f"{folder}: another process exports into it") from None
        yield


def resumed(folder: Path, wanted: Wanted, form: Form) -> Progress:
    """Return where the folder's export stands, a new one where there is none. Raises UnsuitableFolder.

    Its first run said since and until when: `7d` ago is another instant every time.
    """
    file = folder / FILE
    if not file.exists():
        if any(find_table(folder, name) for name in ("items", "labels", "answers")):
            raise UnsuitableFolder(f"{folder}: holds a labelled set that was not exported: name another folder")
        return Progress(type=wanted.type, form=form, locations=wanted.locations, since=wanted.since, until=wanted.until)
    try:
        found = msgspec.json.decode(file.read_bytes(), type=Progress)
    except (OSError, msgspec.DecodeError) as error:
        raise UnsuitableFolder(f"{file}: {error}") from error
    if (found.type, found.locations, found.form) != (wanted.type, wanted.locations, form):
        raise UnsuitableFolder(f"{folder}: was exported with other options ({_options(found)}): name another folder")
    return found


def save(folder: Path, progress: Progress) -> None:
    """Write it down so that it is there whole, or as it was before."""
    fresh = folder / f"{FILE}.new"
    with fresh.open("wb") as stream:
        stream.write(msgspec.json.format(msgspec.json.encode(progress), indent=1))
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(folder / FILE)


def _options(found: Progress) -> str:
    return " ".join([f"--type {found.type} --form {found.form}", *(f"--location {at}" for at in found.locations or ())])
