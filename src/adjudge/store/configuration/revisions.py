"""Revisions: published configuration, numbered, immutable, never deleted. The newest is in force."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from adjudge.core.errors import AdjudgeError
from adjudge.store import journal
from adjudge.store.connecting import Connection
from adjudge.store.scope import Scope

ONE_AT_A_TIME = 7_203_003
LONGEST_PAGE = 200


class RevisionMoved(AdjudgeError):
    """Somebody else has published since: what would be overwritten must be looked at first."""

    kind = "revision-moved"

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(f"revision {found} is in force, not {expected}: look at what changed, and try again")
        self.found = found


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How documents are published."""

    message: str = ""
    again: int | None = None
    """The revision whose documents these are."""
    approved: tuple[str, ...] = ()
    """Who else has looked at them."""
    only_at: tuple[str, ...] | None = None
    """`location:NAME` and `group:NAME`; None: everywhere."""
    goes_on_after: timedelta | None = None
    """When they are published everywhere, unless another revision follows first; None: when somebody says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What was published, without its documents."""

    number: int
    hash: str
    author: str
    message: str
    published_at: datetime
    again: int | None
    approved: tuple[str, ...]
    only_at: tuple[str, ...] | None
    rest: int | None
    """The revision that holds at all other locations; None: this one holds everywhere."""
    goes_on: datetime | None


LONGEST_HISTORY = 500
"""Revisions that are looked at for who wrote a line."""
VERSIONS = """
    SELECT number, name, text FROM (
        SELECT number, name, text, lag(text) OVER (PARTITION BY name ORDER BY number) AS before FROM (
            SELECT number, name, COALESCE(documents ->> name, '') AS text FROM revision, unnest($2::text[]) AS name
            WHERE org = 1 AND number <= $1 AND number > $1 - $3
        ) AS every
    ) AS told
    WHERE text IS DISTINCT FROM before ORDER BY number
"""

EVERYWHERE = Terms()
_COLUMNS = "number, hash, author, message, published_at, again, approved, only_at, rest, goes_on"


async def newest(connection: Connection) -> Revision | None:
    """Return what is in force; None: nothing was ever published."""
    row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM revision WHERE org = 1 ORDER BY number DESC LIMIT 1")
    return _revision(row) if row else None


async def get(connection: Connection, number: int) -> Revision | None:
    """Return a revision; None: there was none."""
    row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM revision WHERE org = 1 AND number = $1", number)
    return _revision(row) if row else None


async def of_hash(connection: Connection, hash_: str) -> int | None:
    """Return the newest revision of these documents; None: they were never published."""
    number: int | None = await connection.fetchval(
        "SELECT max(number) FROM revision WHERE org = 1 AND hash = $1", hash_
    )
    return number


async def page(connection: Connection, before: int | None, limit: int) -> list[Revision]:
    """Return revisions with numbers below `before`, newest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM revision WHERE org = 1 AND ($1::int IS NULL OR number < $1) "
        "ORDER BY number DESC LIMIT $2",
        before,
        limit,
    )
    return [_revision(row) for row in rows]


async def publish(
    connection: Connection,
    scope: Scope,
    hash_: str,
    documents: Mapping[str, str],
    terms: Terms = EVERYWHERE,
    *,
    expected: int | None = None,
) -> Revision:
    """Put documents in force under the next number; the caller's own transaction, if there is one.

    Nothing new is written where the same documents hold everywhere already. `expected`: the revision that must be
    in force until now; None: whichever, 0: none. Raises RevisionMoved.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", ONE_AT_A_TIME)
        before = await newest(connection)
        base = before.number if before else 0
        if expected is not None and expected != base:
            raise RevisionMoved(expected, base)
        if before is not None and before.hash == hash_ and before.rest is None and terms.only_at is None:
            return before
        rest = None
        if terms.only_at is not None and before is not None:
            rest = before.rest or before.number
        written = await _insert(connection, scope, hash_, documents, terms, rest, base + 1)
        noted: dict[str, Any] = {
            "hash": hash_,
            "before": before.hash if before else None,
            "base": base or None,
            "message": terms.message,
            "again": terms.again,
            "approved": terms.approved,
            "only_at": terms.only_at if rest else None,
            "documents": sorted(documents),
        }
        await journal.write(connection, scope, "configuration.published", str(written.number), **noted)
        return written


async def publish_first(connection: Connection, scope: Scope, hash_: str, documents: Mapping[str, str]) -> Revision:
    """Put documents in force where nothing was ever published; return what is in force, these or another's."""
    try:
        return await publish(connection, scope, hash_, documents, expected=0)
    except RevisionMoved:
        found = await newest(connection)
        assert found is not None
        return found


async def documents(connection: Connection, number: int) -> dict[str, str] | None:
    """Return the documents of a revision, by name; None where it was never published."""
    text = await connection.fetchval("SELECT documents FROM revision WHERE org = 1 AND number = $1", number)
    return msgspec.json.decode(text, type=dict[str, str]) if text is not None else None


async def versions(connection: Connection, number: int, names: Sequence[str]) -> dict[str, list[tuple[int, str]]]:
    """Return how documents read, oldest first, each with the revision from which on it did so.

    Up to revision `number`, and no further back than LONGEST_HISTORY before it: what is older dates from there.
    """
    rows = await connection.fetch(VERSIONS, number, list(names), LONGEST_HISTORY)
    found: dict[str, list[tuple[int, str]]] = {name: [] for name in names}
    for row in rows:
        found[row["name"]].append((row["number"], row["text"]))
    return found


async def authors(connection: Connection, numbers: Sequence[int]) -> dict[int, str]:
    """Return who published each of these revisions."""
    rows = await connection.fetch(
        "SELECT number, author FROM revision WHERE org = 1 AND number = ANY($1::int[])", list(numbers)
    )
    return {row["number"]: row["author"] for row in rows}


async def due(connection: Connection) -> Revision | None:
    """Return the revision in force where the time has come to publish it everywhere."""
    found = await newest(connection)
    if found is None or found.goes_on is None or found.rest is None:
        return None
    late: bool = await connection.fetchval("SELECT $1::timestamptz <= clock_timestamp()", found.goes_on)
    return found if late else None


async def _insert(
    connection: Connection,
    scope: Scope,
    hash_: str,
    documents: Mapping[str, str],
    terms: Terms,
    rest: int | None,
    number: int,
) -> Revision:
    only_at = terms.only_at if rest is not None else None
    row = await connection.fetchrow(
        f"""
        INSERT INTO revision (number, hash, documents, author, message, again, approved, only_at, rest, goes_on)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, clock_timestamp() + $10::interval)
        RETURNING {_COLUMNS}
        """,
        number,
        hash_,
        msgspec.json.encode(documents).decode(),
        scope.principal,
        terms.message,
        terms.again,
        list(terms.approved),
        list(only_at) if only_at is not None else None,
        rest,
        terms.goes_on_after if only_at is not None else None,
    )
    return _revision(row)


def _revision(row: Mapping[str, Any]) -> Revision:
    found = Revision(**dict(row))
    return replace(found, approved=_texts(row["approved"]) or (), only_at=_texts(row["only_at"]))


def _texts(found: Sequence[str] | None) -> tuple[str, ...] | None:
    return tuple(found) if found is not None else None
