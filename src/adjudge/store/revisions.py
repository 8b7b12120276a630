"""Revisions: published configuration, numbered, immutable, never deleted."""

from collections.abc import Mapping
from typing import Any

import msgspec

from adjudge.store import journal
from adjudge.store.connecting import Connection
from adjudge.store.scope import Scope

ONE_AT_A_TIME = 7_203_003


async def publish(connection: Connection, hash_: str, documents: Mapping[str, str], author: str) -> int:
    """Return the number of these documents: a new one, unless they are what is in force already."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", ONE_AT_A_TIME)
        latest = await connection.fetchrow(
            "SELECT number, hash FROM revision WHERE org = 1 ORDER BY number DESC LIMIT 1"
        )
        if latest is not None and latest["hash"] == hash_:
            return int(latest["number"])
        number = (latest["number"] if latest else 0) + 1
        await connection.execute(
            "INSERT INTO revision (number, hash, documents, author) VALUES ($1, $2, $3, $4)",
            number,
            hash_,
            msgspec.json.encode(documents).decode(),
            author,
        )
        noted: dict[str, Any] = {"hash": hash_, "documents": sorted(documents)}
        await journal.write(connection, Scope(author, "admin"), "configuration.published", str(number), **noted)
        return int(number)


async def documents(connection: Connection, number: int) -> dict[str, str] | None:
    """Return the documents of a revision, by name; None where it was never published."""
    text = await connection.fetchval("SELECT documents FROM revision WHERE org = 1 AND number = $1", number)
    return msgspec.json.decode(text, type=dict[str, str]) if text is not None else None


async def receipt(connection: Connection, process: str, number: int, why_not: str | None = None) -> None:
    """Record that a process runs a revision, or why it refused it."""
    await connection.execute(
        "INSERT INTO receipt (process, revision, applied, why) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        process,
        number,
        why_not is None,
        why_not,
    )
