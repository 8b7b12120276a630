"""What became of the accepted decisions, counted in the database: the demo's word is not enough."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

QUERY: Final = """\
WITH ledger AS (SELECT unnest($1::uuid[]) AS id),
     counted AS (SELECT ledger.id,
                        (SELECT count(*) FROM outcome
                         WHERE outcome.decision_id = ledger.id AND outcome.kind = 'final') AS finals
                 FROM ledger)
SELECT count(*)                            AS accepted,
       count(*) FILTER (WHERE finals >= 1) AS settled,
       count(*) FILTER (WHERE finals = 0)  AS lost,
       count(*) FILTER (WHERE finals > 1)  AS settled_twice,
       (SELECT count(*) FROM decision
        WHERE subject ->> 'run' = $2 AND id <> ALL ($1::uuid[])) AS not_in_ledger
FROM counted"""
"""$1: the ids in the ledger; $2: the run's name. `not_in_ledger`: asked twice, or accepted without our hearing."""
SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Count:
    """The row of the query."""

    accepted: int
    settled: int
    lost: int
    settled_twice: int
    not_in_ledger: int


async def count(database_url: str, decisions: Sequence[str], run: str) -> Count:
    """Ask the database."""
    connection = await asyncpg.connect(database_url, timeout=SECONDS)
    try:
        row = await connection.fetchrow(QUERY, [UUID(decision) for decision in decisions], run, timeout=SECONDS)
    finally:
        await connection.close(timeout=SECONDS)
    return Count(**dict(row))
