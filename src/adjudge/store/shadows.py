"""Opinions of deciders in shadow, and the tally of what was expected of them and done.

Counted by the minute in which a decision was asked, as its id has it: of each minute that has passed for
long enough, `answered` + `failed` should be `expected`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import UUID

from adjudge.store.connecting import Connection

KEPT: Final = timedelta(days=7)
"""For how long tallies are kept."""

Bucket: TypeAlias = tuple[str, datetime]
"""(decider, minute)."""


class ShadowOpinion(NamedTuple):
    """What a decider in shadow said to one decision, or why it said nothing."""

    decision_id: UUID
    answer: str | None
    confidence: float | None
    distribution: str | None
    """JSON object."""
    fault: str | None
    detail: str
    seconds: float
    cost_micros: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How often a decider was to be asked, and what came of it."""

    expected: int = 0
    dropped: int = 0
    """Not asked, so that others were served: load, a full stream, too late. Part of what is missing."""
    answered: int = 0
    failed: int = 0

    @property
    def missing(self) -> int:
        """How many of those expected have no answer."""
        return max(0, self.expected - self.answered)


RECORD = """
    WITH new AS (
        SELECT * FROM unnest($2::uuid[], $3::text[], $4::float8[], $5::jsonb[], $6::text[], $7::text[], $8::float8[],
            $9::bigint[], $10::text[], $11::timestamptz[]) AS new (decision_id, answer, confidence, distribution, fault,
            detail, seconds, cost_micros, currency, minute)
    ), recorded AS (
        INSERT INTO shadow_opinion (decision_id, decider, answer, confidence, distribution, fault, detail, seconds,
            cost_micros, currency)
        SELECT decision_id, $1, answer, confidence, distribution, fault, detail, seconds, cost_micros, currency FROM new
        ON CONFLICT (decision_id, decider) DO NOTHING
        RETURNING decision_id, fault
    )
    INSERT INTO shadow_tally (decider, minute, answered, failed)
    SELECT $1, minute, count(*) FILTER (WHERE recorded.fault IS NULL), count(recorded.fault)
    FROM recorded JOIN new USING (decision_id) GROUP BY minute ORDER BY minute
    ON CONFLICT (org, decider, minute) DO UPDATE
        SET answered = shadow_tally.answered + excluded.answered, failed = shadow_tally.failed + excluded.failed
"""

EXPECT = """
    INSERT INTO shadow_tally (decider, minute, expected, dropped)
    SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::bigint[], $4::bigint[])
    ON CONFLICT (org, decider, minute) DO UPDATE
        SET expected = shadow_tally.expected + excluded.expected, dropped = shadow_tally.dropped + excluded.dropped
"""

TALLIED = """
    SELECT decider, sum(expected)::bigint AS expected, sum(dropped)::bigint AS dropped,
        sum(answered)::bigint AS answered, sum(failed)::bigint AS failed
    FROM shadow_tally
    WHERE minute >= date_trunc('minute', clock_timestamp() - $1::interval)
        AND minute < date_trunc('minute', clock_timestamp() - $2::interval)
    GROUP BY decider
"""

OF_DECISION = """
    SELECT decider, at, answer, confidence, distribution, fault, detail, seconds, cost_micros, currency
    FROM shadow_opinion WHERE decision_id = $1 ORDER BY decider
"""


def minute_of(decision: UUID) -> datetime:
    """Return the minute in which a decision's id was made."""
    return datetime.fromtimestamp((decision.int >> 80) // 60_000 * 60, UTC)


async def record(connection: Connection, decider: str, opinions: Sequence[ShadowOpinion]) -> None:
    """Write down what was said, and count it, in one statement; of a decision heard before, nothing.

    Of each decision one opinion at most.
    """
    ordered = sorted(opinions, key=lambda opinion: opinion.decision_id)  # two deliveries of a batch wait in no ring
    minutes = [minute_of(opinion.decision_id) for opinion in ordered]
    await connection.execute(RECORD, decider, *zip(*ordered, strict=True), minutes)


async def expect(connection: Connection, expected: Mapping[Bucket, int], dropped: Mapping[Bucket, int]) -> None:
    """Add to what was expected, and to what was dropped."""
    buckets = sorted({*expected, *dropped})  # in order: others write the same rows
    await connection.execute(
        EXPECT,
        [decider for decider, _ in buckets],
        [minute for _, minute in buckets],
        [expected.get(bucket, 0) for bucket in buckets],
        [dropped.get(bucket, 0) for bucket in buckets],
    )


async def tallied(connection: Connection, since: timedelta, until: timedelta) -> dict[str, Tally]:
    """Return what was asked of each decider in whole minutes, from `since` ago until `until` ago."""
    rows = await connection.fetch(TALLIED, since, until)
    return {row["decider"]: Tally(**{name: row[name] for name in Tally.__slots__}) for row in rows}


async def of_decision(connection: Connection, decision: UUID) -> list[dict[str, Any]]:
    """Return what was said on the side about a decision."""
    return [dict(row) for row in await connection.fetch(OF_DECISION, decision)]


async def forget(connection: Connection) -> None:
    """Delete tallies that nobody looks at any more."""
    await connection.execute("DELETE FROM shadow_tally WHERE minute < clock_timestamp() - $1::interval", KEPT)
