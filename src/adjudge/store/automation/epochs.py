"""Epochs: one error budget each, of a slice and a prefix of a plan; and what their last look found."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, TypeAlias

import msgspec
from msgspec.json import encode

from adjudge.store import journal
from adjudge.store.automation import certificates
from adjudge.store.automation.covers import Covers
from adjudge.store.connecting import Connection
from adjudge.store.scope import SYSTEM, Scope

EndedWhy: TypeAlias = Literal["watch", "siblings", "operator", "replaced", "earlier-stage", "drift", "given-up"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRow:
    """The epoch that runs."""

    scope: str
    number: int
    covers: Covers
    first_number: int
    began_at: datetime
    design: str | None
    standing: str | None
    renewal: str | None
    """Who has asked for a new validity."""
    inherited: str | None = None
    """What the slice has from its group."""
    after: EndedWhy | None = None
    """Why the one before ended; None: it is the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderTest:
    """An epoch of a family whose tests have begun, though it may have ended, or be in no configuration any more."""

    scope: str
    number: int
    type: str
    stage: int
    family: int
    prefix: str
    done: bool = False
    """Whether its whole sequence of thresholds was shown."""


# Tests begin with an epoch's first calibrator. A design that is forgotten and made anew keeps the place that it had.
UNDER_TEST = """
    SELECT epoch.scope, epoch.number, covers ->> 'type' AS type, (covers ->> 'stage')::int AS stage,
        (covers ->> 'family')::int AS family, covers ->> 'prefix' AS prefix,
        coalesce((standing ->> 'done')::boolean, false) AS done
    FROM epoch CROSS JOIN LATERAL (
        SELECT min(at) AS at FROM parameter_snapshot
        WHERE org = 1 AND kind = 'calibrator:' || epoch.scope AND at BETWEEN began_at AND coalesce(ended_at, 'infinity')
    ) AS calibrator
    WHERE epoch.org = 1 AND (covers ->> 'family')::int > 0 AND calibrator.at IS NOT NULL
    ORDER BY calibrator.at, epoch.scope
"""

SEEN = """
    SELECT scope, number, covers::text, first_number, began_at, design::text, standing::text, renewal,
        inherited::text,
        (SELECT before.ended_why FROM epoch AS before
            WHERE before.org = 1 AND before.scope = epoch.scope AND before.number = epoch.number - 1) AS after
    FROM epoch WHERE org = 1 AND ended_at IS NULL
"""
CURRENT = f"{SEEN} AND ($1::text IS NULL OR scope = $1) ORDER BY scope, number"
HOLD = f"{SEEN} AND scope = $1 AND number = $2"

# Decisions get their numbers from this sequence at intake: what is drawn later has a higher one.
BEGIN = """
    INSERT INTO epoch (scope, number, covers, first_number, delta)
    SELECT $1, coalesce(max(number) + 1, $3), $2,
        CASE WHEN max(number) IS NULL THEN $4
            ELSE (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM decision_number) END, 0
    FROM epoch WHERE org = 1 AND scope = $1
    RETURNING number
"""

# A group under another name, or of stores that were in others, goes on where the last of those stands: what an epoch
# that has ended had read licenses nothing here either, and what one name has spent in tests no other may spend again.
# Nor does it read audits of one of its stores from before these were counted anew there, as after another truth.
STANDS_AT = """
    SELECT coalesce(max(epoch.number + (epoch.design IS NOT NULL)::int), 1) AS number,
        greatest(coalesce(max(epoch.first_number), 0), (
            SELECT max(own.first_number) FROM epoch AS own
            WHERE own.org = 1 AND own.covers ->> 'type' = $1 AND own.covers ->> 'prefix' = $2
                AND own.covers ->> 'slice' = ANY($3::text[])
                AND (own.number = 1 OR EXISTS (SELECT FROM epoch AS before
                    WHERE before.org = 1 AND before.scope = own.scope AND before.number = own.number - 1
                        AND before.ended_why = 'replaced')))) AS first_number
    FROM epoch
    WHERE org = 1 AND covers ->> 'type' = $1 AND covers ->> 'prefix' = $2
        AND (covers -> 'members' ?| $3::text[]
            OR EXISTS (SELECT FROM jsonb_array_elements(covers -> 'memberships') AS one
                WHERE one ->> 'slice' = ANY($3::text[])))
"""

_covers: Final = msgspec.json.Decoder(Covers)


async def current(connection: Connection, scope: str | None = None) -> list[EpochRow]:
    """Return the epochs that run."""
    rows = await connection.fetch(CURRENT, scope)
    return [EpochRow(**{**dict(row), "covers": _covers.decode(row["covers"])}) for row in rows]


async def under_test(connection: Connection) -> list[UnderTest]:
    """Return the epochs of all families whose tests have begun, in the order in which they did."""
    return [UnderTest(**dict(row)) for row in await connection.fetch(UNDER_TEST)]


async def hold(connection: Connection, row: EpochRow) -> EpochRow | None:
    """Lock an epoch and read it again: an operator may have ended it, or asked for its renewal. None: it has ended."""
    found = await connection.fetchrow(f"{HOLD} FOR UPDATE", row.scope, row.number)
    return EpochRow(**{**dict(found), "covers": _covers.decode(found["covers"])}) if found else None


async def begin(connection: Connection, scope: str, covers: Covers) -> int:
    """Begin the next epoch of a scope; of one after another only audits drawn from now on count. Return its number."""
    stands = await connection.fetchrow(STANDS_AT, covers.type, covers.prefix, list(covers.members))
    number: int = await connection.fetchval(
        BEGIN, scope, encode(covers).decode(), stands["number"], stands["first_number"]
    )
    return number


async def cover(connection: Connection, scope: str, number: int, covers: Covers) -> None:
    """Note what configuration says by now: locations, rates."""
    await connection.execute(
        "UPDATE epoch SET covers = $3 WHERE org = 1 AND scope = $1 AND number = $2",
        scope,
        number,
        encode(covers).decode(),
    )


async def write(
    connection: Connection, scope: str, number: int, *, delta: float, design: str | None, standing: str
) -> None:
    """Write what a look found."""
    await connection.execute(
        "UPDATE epoch SET delta = $3, design = $4, standing = $5, looked_at = clock_timestamp(), "
        "renewal = NULL WHERE org = 1 AND scope = $1 AND number = $2 AND ended_at IS NULL",
        scope,
        number,
        delta,
        design,
        standing,
    )


async def end(connection: Connection, scope: str, number: int, why: EndedWhy) -> bool:
    """End an epoch: its audits never license again. Return whether this call ended it."""
    ended = await connection.fetchval(
        "UPDATE epoch SET ended_at = clock_timestamp(), ended_why = $3 "
        "WHERE org = 1 AND scope = $1 AND number = $2 AND ended_at IS NULL RETURNING number",
        scope,
        number,
        why,
    )
    return ended is not None


async def suspend(connection: Connection, by: Scope, row: EpochRow, why: EndedWhy, reason: str) -> None:
    """Take away the certificate in force, end the epoch and begin the next, in which the slice may earn its way back.

    People take over at once: what was accepted under it and is not settled yet is refused by the settle statement.
    """
    if not await end(connection, row.scope, row.number, why):
        return
    await certificates.put_in_force(connection, by, row.scope, None, reason)
    if row.covers.members:
        await certificates.disinherit(connection, by, row.scope, reason)
    await begin(connection, row.scope, row.covers)
    await connection.execute(
        "INSERT INTO alarm (name, detail) VALUES ($1, $2) "
        "ON CONFLICT (org, name) DO UPDATE SET detail = excluded.detail, since = clock_timestamp()",
        f"suspended:{row.scope}",
        reason,
    )
    await journal.write(connection, by, "certificate.suspended", row.scope, why=why, reason=reason)


async def restart(connection: Connection, row: EpochRow, why: EndedWhy, reason: str) -> None:
    """Begin anew because what is to be shown has changed. It is no finding, so no alarm; what is in force ends.

    Not for an epoch that has read no audit: it has spent nothing, see `forget_design`.
    """
    if row.scope in await certificates.in_force(connection, [row.scope]):
        await certificates.put_in_force(connection, SYSTEM, row.scope, None, reason)
        if row.covers.members:
            await certificates.disinherit(connection, SYSTEM, row.scope, reason)
        await journal.write(connection, SYSTEM, "certificate.suspended", row.scope, why=why, reason=reason)
    await calm(connection, row.scope)
    if await end(connection, row.scope, row.number, why):
        await begin(connection, row.scope, row.covers)


async def ended(connection: Connection, scope: str, number: int) -> tuple[datetime, EndedWhy] | None:
    """Return when and why an epoch ended; None: it runs."""
    row = await connection.fetchrow(
        "SELECT ended_at, ended_why FROM epoch WHERE org = 1 AND scope = $1 AND number = $2 AND ended_at IS NOT NULL",
        scope,
        number,
    )
    return (row["ended_at"], row["ended_why"]) if row is not None else None


async def give_up(connection: Connection, row: EpochRow) -> None:
    """Begin anew where nothing was licensed, from another start. An alarm stays: nothing was earned again."""
    if await end(connection, row.scope, row.number, "given-up"):
        await begin(connection, row.scope, row.covers)


async def forget_design(connection: Connection, row: EpochRow) -> None:
    """Have an epoch that has tested nothing designed anew."""
    await connection.execute(
        "UPDATE epoch SET design = NULL WHERE org = 1 AND scope = $1 AND number = $2", row.scope, row.number
    )


async def begin_at(connection: Connection, row: EpochRow, first_number: int) -> EpochRow:
    """Have an epoch read only audits of decisions with higher numbers."""
    await connection.execute(
        "UPDATE epoch SET first_number = $3 WHERE org = 1 AND scope = $1 AND number = $2",
        row.scope,
        row.number,
        first_number,
    )
    return replace(row, first_number=first_number)


async def ask_to_renew(connection: Connection, by: Scope, row: EpochRow, reason: str) -> None:
    """Note that the certificate is to be computed again with a new validity."""
    await connection.execute(
        "UPDATE epoch SET renewal = $3 WHERE org = 1 AND scope = $1 AND number = $2",
        row.scope,
        row.number,
        by.principal,
    )
    await journal.write(connection, by, "certificate.renewed", row.scope, reason=reason)


async def calm(connection: Connection, scope: str) -> None:
    """Take back the alarm of a scope: it is licensed again."""
    await connection.execute("DELETE FROM alarm WHERE org = 1 AND name = $1", f"suspended:{scope}")


async def spent(connection: Connection) -> dict[str, float]:
    """Return what the epochs of each scope have spent of the error budget; without a test, nothing is spent."""
    rows = await connection.fetch(
        "SELECT scope, sum(delta) AS spent FROM epoch WHERE org = 1 AND design IS NOT NULL GROUP BY scope"
    )
    return {row["scope"]: row["spent"] for row in rows}


async def suspended(connection: Connection) -> Mapping[str, str]:
    """Return the scopes whose certificate was suspended and not earned again, and why."""
    rows = await connection.fetch("SELECT name, detail FROM alarm WHERE org = 1 AND name LIKE 'suspended:%'")
    return {row["name"].removeprefix("suspended:"): row["detail"] for row in rows}
