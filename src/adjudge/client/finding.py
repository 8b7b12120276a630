"""Where the API is, and with which key: the environment, else `.adjudge/api.json` of the project."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from adjudge.client.problems import Problem

PROJECT_FOLDER = ".adjudge"


@dataclass(frozen=True, slots=True)
class Connection:
    """An address with a key."""

    url: str
    key: str = field(repr=False)


class NotConnected(Problem):
    """Nothing says where the API is, or with which key to ask it."""

    def __init__(self, title: str) -> None:
        super().__init__("not-connected", title)


class _File(msgspec.Struct, frozen=True):
    url: str
    key: str


def connection_to(url: str | None, key: str | None) -> Connection:
    """Return the connection of this process, as far as `url` and `key` leave it open. Raises NotConnected."""
    given = {"ADJUDGE_URL": url, "ADJUDGE_KEY": key}
    return find_connection({**os.environ, **{name: text for name, text in given.items() if text}}, Path.cwd())


def find_connection(environment: Mapping[str, str], folder: Path) -> Connection:
    """Return ADJUDGE_URL and ADJUDGE_KEY, each else from the project of `folder`. Raises NotConnected.

    The project's key is never sent to another address than the project's.
    """
    project = find_project(folder)
    stored = _stored(project)
    url = (environment.get("ADJUDGE_URL") or (stored.url if stored else "")).rstrip("/")
    if not url:
        raise NotConnected(
            "no API is known: set ADJUDGE_URL and ADJUDGE_KEY, or run `adjudge up` in this folder or a parent"
        )
    own_key = stored.key if stored and stored.url.rstrip("/") == url else ""
    key = environment.get("ADJUDGE_KEY") or own_key
    if not key:
        raise NotConnected(f"no key is known for {url}: set ADJUDGE_KEY")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise NotConnected("that is no API key: it has spaces, line breaks or other characters that no key has")
    return Connection(url, key)


def find_project(folder: Path) -> Path | None:
    """Return the nearest `.adjudge` folder of `folder` or its parents."""
    places = (place / PROJECT_FOLDER for place in (folder, *folder.parents))
    return next((place for place in places if place.is_dir()), None)


def _stored(project: Path | None) -> _File | None:
    if project is None or not (file := project / "api.json").is_file():
        return None
    try:
        return msgspec.json.decode(file.read_bytes(), type=_File)
    except (OSError, msgspec.DecodeError) as error:
        raise NotConnected(f"cannot read {file}: {error}") from error
