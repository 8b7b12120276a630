"""The journal: who changed keys, people, switches or configuration, and who looked at evidence. Insert-only."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec

from adjudge.store.connecting import Connection
from adjudge.store.scope import Scope

Action: TypeAlias = Literal[
    "key.created",
    "key.rotated",
    "key.limited",
    "key.revoked",
    "reviewer.added",
    "reviewer.moved",
    "decider.switched",
    "automation.switched",
    "configuration.published",
    "draft.created",
    "draft.changed",
    "draft.approved",
    "draft.discarded",
    "webhook.added",
    "webhook.rotated",
    "webhook.removed",
    "evidence.viewed",
    "certificate.issued",
    "certificate.suspended",
    "certificate.renewed",
]

LONGEST_PAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something that was done."""

    id: int
    at: datetime
    actor: str
    """Id of an API key, or `system` and `command line`."""
    actor_name: str | None
    """The key's name; None where it is no key."""
    action: Action
    subject: str
    """Id of the key, webhook or decision, name of the reviewer or decider, number of the revision."""
    location: str | None
    detail: msgspec.Raw
    """JSON object; never evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which entries; None: all."""

    action: str | None = None
    actor: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None


WRITE = "INSERT INTO journal (org, actor, action, subject, location, detail) VALUES ($1, $2, $3, $4, $5, $6)"

# A key that is bound to locations sees what was done there, and nothing that concerns all.
PAGE = """
    SELECT journal.id, at, actor, api_key.name AS actor_name, action, subject, location, detail
    FROM journal LEFT JOIN api_key ON api_key.id = journal.actor
    WHERE journal.org = $1 AND ($2::text[] IS NULL OR location = ANY($2::text[]))
        AND ($3::bigint IS NULL OR journal.id < $3)
        AND ($4::text IS NULL OR action = $4) AND ($5::text IS NULL OR actor = $5)
        AND ($6::text IS NULL OR subject = $6)
        AND ($7::timestamptz IS NULL OR at >= $7) AND ($8::timestamptz IS NULL OR at < $8)
    ORDER BY journal.id DESC LIMIT $9
"""


async def write(
    connection: Connection, scope: Scope, action: Action, subject: str, *, location: str | None = None, **detail: Any
) -> None:
    """Note what the scope's principal does, in the transaction that does it."""
    await connection.execute(
        WRITE, scope.org, scope.principal, action, subject, location, msgspec.json.encode(detail).decode()
    )


async def page(connection: Connection, scope: Scope, wanted: Filter, before: int | None, limit: int) -> list[Entry]:
    """Return entries with ids below `before`, newest first. One that commits late may be missed between pages."""
    rows = await connection.fetch(
        PAGE,
        scope.org,
        scope.locations,
        before,
        wanted.action,
        wanted.actor,
        wanted.subject,
        wanted.since,
        wanted.until,
        limit,
    )
    return [Entry(**{**row, "detail": msgspec.Raw(row["detail"].encode())}) for row in rows]
