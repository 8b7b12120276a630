"""Drafts: documents on their way to a revision. Each change makes a new version, and takes approvals back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from adjudge.core.errors import AdjudgeError
from adjudge.store import journal
from adjudge.store.connecting import Connection
from adjudge.store.scope import Scope

MOST_OPEN = 200


class DraftMoved(AdjudgeError):
    """Somebody else has changed the draft since it was read."""

    kind = "draft-moved"


class OwnDraft(AdjudgeError):
    """Whoever wrote or changed a draft is not its second person."""

    kind = "own-draft"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A draft that is open, or was published."""

    id: UUID
    version: int
    base: int
    documents: Mapping[str, str]
    message: str
    author: str
    edited_by: tuple[str, ...]
    approved: tuple[str, ...]
    created_at: datetime
    changed_at: datetime
    published: int | None
    """The revision it became."""


_COLUMNS = "id, version, base, documents, message, author, edited_by, approved, created_at, changed_at, published"


async def create(
    connection: Connection, scope: Scope, id_: UUID, base: int, documents: Mapping[str, str], message: str
) -> Draft:
    """Begin a draft."""
    async with connection.transaction():
        row = await connection.fetchrow(
            f"""
            INSERT INTO draft (org, id, base, documents, message, author, edited_by)
            VALUES ($1, $2, $3, $4, $5, $6, ARRAY[$6::text]) RETURNING {_COLUMNS}
            """,
            scope.org,
            id_,
            base,
            msgspec.json.encode(documents).decode(),
            message,
            scope.principal,
        )
        await journal.write(connection, scope, "draft.created", str(id_), base=base, documents=sorted(documents))
    return _draft(row)


async def get(connection: Connection, scope: Scope, id_: UUID, *, locked: bool = False) -> Draft | None:
    """Return a draft; `locked`: it stays so until the transaction ends."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM draft WHERE org = $1 AND id = $2 {'FOR UPDATE' if locked else ''}", scope.org, id_
    )
    return _draft(row) if row else None


async def listed(connection: Connection, scope: Scope) -> list[Draft]:
    """Return open drafts, the one that changed last first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM draft WHERE org = $1 AND published IS NULL ORDER BY changed_at DESC LIMIT {MOST_OPEN}",
        scope.org,
    )
    return [_draft(row) for row in rows]


async def change(
    connection: Connection,
    scope: Scope,
    draft: Draft,
    documents: Mapping[str, str],
    *,
    message: str,
    base: int,
) -> Draft:
    """Write the next version of a draft that this transaction holds; what was approved is approved no longer."""
    row = await connection.fetchrow(
        f"""
        UPDATE draft SET version = version + 1, documents = $3, message = $4, base = $5, approved = '{{}}',
            edited_by = (SELECT array_agg(DISTINCT name) FROM unnest(edited_by || $6::text) AS name),
            changed_at = clock_timestamp()
        WHERE org = $1 AND id = $2 RETURNING {_COLUMNS}
        """,
        scope.org,
        draft.id,
        msgspec.json.encode(documents).decode(),
        message,
        base,
        scope.principal,
    )
    changed = sorted(name for name in documents.keys() | draft.documents if _differs(name, documents, draft.documents))
    await journal.write(connection, scope, "draft.changed", str(draft.id), version=row["version"], documents=changed)
    return _draft(row)


async def approve(connection: Connection, scope: Scope, draft: Draft) -> Draft:
    """Note that a second person agrees to this version of a draft that this transaction holds. Raises OwnDraft."""
    if scope.principal in draft.edited_by:
        raise OwnDraft("you have written this draft, or changed it: a second person approves it")
    row = await connection.fetchrow(
        f"""
        UPDATE draft SET approved = (SELECT array_agg(DISTINCT name) FROM unnest(approved || $3::text) AS name)
        WHERE org = $1 AND id = $2 RETURNING {_COLUMNS}
        """,
        scope.org,
        draft.id,
        scope.principal,
    )
    await journal.write(connection, scope, "draft.approved", str(draft.id), version=draft.version)
    return _draft(row)


async def published(connection: Connection, scope: Scope, id_: UUID, number: int) -> None:
    """Note which revision a draft became."""
    await connection.execute("UPDATE draft SET published = $3 WHERE org = $1 AND id = $2", scope.org, id_, number)


async def discard(connection: Connection, scope: Scope, id_: UUID) -> bool:
    """Drop an open draft; return whether there was one."""
    async with connection.transaction():
        done: str = await connection.execute(
            "DELETE FROM draft WHERE org = $1 AND id = $2 AND published IS NULL", scope.org, id_
        )
        if done.endswith(" 0"):
            return False
        await journal.write(connection, scope, "draft.discarded", str(id_))
    return True


def _differs(name: str, one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return one.get(name) != other.get(name)


def _draft(row: Mapping[str, Any]) -> Draft:
    documents = msgspec.json.decode(row["documents"], type=dict[str, str])
    edited_by, approved = tuple(row["edited_by"]), tuple(row["approved"])
    return Draft(**{**dict(row), "documents": documents, "edited_by": edited_by, "approved": approved})
