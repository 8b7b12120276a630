"""The API as commands reach it: the client of this folder's project, and the keys of its reviewers."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# httpx brings its own command line and imports it whenever click happens to be installed; None makes
# that import fail as if it were not, which httpx provides for. It would double our start-up time.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

from adjudge.cli.refusing import Refused, remark  # noqa: E402
from adjudge.client import Adjudge, Patience, Problem  # noqa: E402
from adjudge.client.finding import PROJECT_FOLDER, find_project  # noqa: E402

SILENT_SECONDS = 1.0
"""For so long a command waits without a word."""


@contextmanager
def connected() -> Iterator[Adjudge]:
    """Yield the client; a problem ends the command with its one line."""
    try:
        with Adjudge(on_retry=Waiting(Patience().total_seconds)) as adjudge:
            yield adjudge
    except Problem as problem:
        raise Refused(str(problem)) from problem


class Waiting:
    """Says once why a command waits, where that takes longer than a moment."""

    def __init__(self, at_most: float) -> None:
        self._at_most = at_most
        self._seconds = 0.0

    def __call__(self, problem: Problem, seconds: float) -> None:
        before, self._seconds = self._seconds, self._seconds + seconds
        if before < SILENT_SECONDS <= self._seconds:
            remark(f"{problem}. It is tried again for up to {self._at_most:.0f} s")


def key_of(reviewer: str) -> str:
    """Return the reviewer's key: stored in the project by `reviewers add`, else ADJUDGE_KEY. Raises Refused."""
    file = _key_file(_project(), reviewer)
    if file.is_file():
        return file.read_text().strip()
    if key := os.environ.get("ADJUDGE_KEY"):
        return key
    raise Refused(f"{file} does not exist: `adjudge reviewers add {reviewer} --pool POOL` makes it, or set ADJUDGE_KEY")


def store_key(reviewer: str, key: str) -> Path:
    """Keep a reviewer's key in the project, for this user alone. Raises Refused."""
    file = _key_file(_project(), reviewer)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(f"{key}\n")
    fresh.replace(file)
    return file


def shown_path(path: Path) -> str:
    """Return a path as short as it can be from here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _project() -> Path:
    return find_project(Path.cwd()) or Path.cwd() / PROJECT_FOLDER


def _key_file(project: Path, reviewer: str) -> Path:
    if not reviewer or reviewer.startswith(".") or not set("/\\\0").isdisjoint(reviewer):
        raise Refused(f"{reviewer!r} cannot be the name of a reviewer")
    return project / "keys" / reviewer
