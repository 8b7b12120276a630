"""Receipts: which process runs which revision, or why it does not; and who is alive to run one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from adjudge.store.connecting import Connection

SILENT_SECONDS = 5.0
"""A process that has not been seen for so long is not waited for."""
FORGOTTEN_SECONDS = 3_600.0
"""For so long one that has gone is still shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A process, and what it runs."""

    name: str
    role: str
    release: str
    started_at: datetime
    silent_seconds: float
    """Since its last heartbeat."""
    revision: int
    hash: str
    since: datetime
    drift: str | None
    refused: int | None
    """The newest revision that it has refused, where that is newer than what it runs."""
    why: str | None

    @property
    def is_live(self) -> bool:
        return self.silent_seconds < SILENT_SECONDS


RUNS = """
    INSERT INTO process (name, role, release, revision, hash, drift) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (org, name) DO UPDATE SET revision = excluded.revision, hash = excluded.hash, drift = excluded.drift,
        since = CASE WHEN process.revision = excluded.revision THEN process.since ELSE clock_timestamp() END,
        seen_at = clock_timestamp()
"""

RECEIPT = """
    INSERT INTO receipt (process, revision, applied, why, hash) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (org, process, revision) DO UPDATE
        SET applied = excluded.applied, why = excluded.why, hash = excluded.hash, at = clock_timestamp()
"""

FLEET = """
    SELECT process.name, role, release, started_at,
        extract(epoch FROM clock_timestamp() - seen_at)::double precision AS silent_seconds,
        process.revision, process.hash, since, drift, refused.revision AS refused, refused.why
    FROM process LEFT JOIN LATERAL (
        SELECT receipt.revision, receipt.why FROM receipt
        WHERE receipt.org = process.org AND receipt.process = process.name AND NOT applied
            AND receipt.revision > process.revision
        ORDER BY receipt.revision DESC LIMIT 1) AS refused ON true
    WHERE process.org = 1
    ORDER BY role, process.name
"""


async def runs(
    connection: Connection, process: str, role: str, release: str, number: int, hash_: str, drift: str | None
) -> None:
    """Say what a process runs, with a receipt for it, in the caller's transaction."""
    await connection.execute(RUNS, process, role, release, number, hash_, drift)
    await connection.execute(RECEIPT, process, number, True, None, hash_)


async def refuse(connection: Connection, process: str, number: int, why: str) -> None:
    """Say why a process does not run a revision."""
    await connection.execute(RECEIPT, process, number, False, why[:2000], None)


async def beat(connection: Connection, process: str) -> bool:
    """Say that a process lives; return whether it is known."""
    done: str = await connection.execute("UPDATE process SET seen_at = clock_timestamp() WHERE name = $1", process)
    return done.endswith(" 1")


async def leave(connection: Connection, process: str) -> None:
    """Say that a process has ended in good order: nobody waits for it, and its receipts go."""
    await connection.execute("DELETE FROM process WHERE name = $1", process)
    await connection.execute("DELETE FROM receipt WHERE process = $1", process)


async def forget_dead(connection: Connection) -> int:
    """Drop processes that have long gone, and the receipts of those that are no longer known."""
    await connection.execute(
        "DELETE FROM process WHERE seen_at < clock_timestamp() - $1 * interval '1 second'", FORGOTTEN_SECONDS
    )
    done: str = await connection.execute(
        "DELETE FROM receipt WHERE at < clock_timestamp() - $1 * interval '1 second' "
        "AND NOT EXISTS (SELECT FROM process WHERE process.name = receipt.process)",
        FORGOTTEN_SECONDS,
    )
    return int(done.rpartition(" ")[2])


async def fleet(connection: Connection) -> Sequence[Member]:
    """Return every process that is known, alive or lately gone."""
    return [Member(**dict(row)) for row in await connection.fetch(FLEET)]
