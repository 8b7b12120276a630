"""The configuration that a process starts with: the newest published one or, if there is none, its folder's."""

import os
from pathlib import Path

import msgspec
import structlog

from adjudge.cli.folders import Folder
from adjudge.config import InvalidConfiguration, hash_of
from adjudge.engine.configuration.revisions import InForce, Revisions
from adjudge.store.configuration import revisions
from adjudge.store.connecting import Connection
from adjudge.store.scope import Scope

log = structlog.get_logger()


async def begun(connection: Connection, folder: Folder, role: str) -> Revisions:
    """Return what is in force; the folder is published where nothing is. Raises InvalidConfiguration."""
    found = await Revisions.opened(connection, folder.compile)
    if found is not None:
        return found
    documents = folder.read()
    folder.compile(documents, 0)  # refused before it is published
    await revisions.publish_first(connection, Scope(role, "admin"), hash_of(documents), documents)
    opened = await Revisions.opened(connection, folder.compile)
    assert opened is not None
    return opened


class Copy(msgspec.Struct, frozen=True):
    """What a process ran, kept beside it for a start while the database is down."""

    number: int
    documents: dict[str, str]
    rest: "Copy | None" = None
    only_at: list[str] = []


def keep(file: Path, in_force: InForce) -> None:
    """Write a copy of what is in force, whole or not at all; one that cannot be written is missed, not needed.

    The processes of one machine share it: each writes a file of its own, and puts it in place.
    """
    rest = Copy(in_force.rest.revision, dict(in_force.rest.documents)) if in_force.rest else None
    copy = Copy(in_force.newest.revision, dict(in_force.newest.documents), rest, sorted(in_force.only_at))
    fresh = file.with_name(f".{file.name}.{os.getpid()}.new")
    try:
        fresh.write_bytes(msgspec.json.encode(copy))
        fresh.replace(file)
    except OSError as error:
        log.warning("configuration.uncopied", file=str(file), error=str(error))


def kept(file: Path | None, folder: Folder) -> Revisions | None:
    """Return what was in force when the copy was written; None: there is none that can be read."""
    if file is None:
        return None
    try:
        copy = msgspec.json.decode(file.read_bytes(), type=Copy)
        newest = folder.compile(copy.documents, copy.number)
        rest = folder.compile(copy.rest.documents, copy.rest.number) if copy.rest else None
    except (OSError, msgspec.MsgspecError, InvalidConfiguration) as error:
        log.warning("configuration.uncopied", file=str(file), error=str(error))
        return None
    held = Revisions(newest, folder.compile)
    held.put_in_force(InForce(newest, rest, frozenset(copy.only_at)))
    return held
