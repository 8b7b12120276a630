"""Decisions as callers see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args
from uuid import UUID

from adjudge.core.outcomes import OutcomeSource
from adjudge.store.connecting import Connection
from adjudge.store.partitions import first_id
from adjudge.store.scope import ORGANISATION, Scope

LONGEST_PAGE = 200
MINTING = timedelta(minutes=10)
"""More than the time in an id and `asked_at` ever differ by, through clocks and the wait for a flush."""
FIRST, LAST = UUID(int=0), UUID(int=2**128 - 1)
EPOCH, END = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A decision with its latest outcome and what it waits for."""

    id: UUID
    type: str
    location: str
    lane: str
    subject: str
    stake_minor: int | None
    stake_currency: str | None
    facts: str
    revision: int
    plan_hash: str
    asked_at: datetime
    deadline: datetime
    deadline_shown: bool
    trace: str | None
    audit: bool
    audit_rate: float
    status: str
    waiting_for: str | None
    version: int | None
    answer: str | None
    source: str | None
    confidence: float | None
    deciders: list[str] | None
    reason: str | None
    certificate: str | None
    settled_at: datetime | None

    @property
    def is_imported(self) -> bool:
        """It was decided elsewhere, by no plan of ours."""
        return not self.plan_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What a caller lists. Unset: everything."""

    type: str | None = None
    location: str | None = None
    status: str | None = None
    source: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def _seen(decision: str = "decision.id") -> str:
    """Return the query of decisions as they are seen, with the outcome and work of `decision`.

    Where that is a parameter, as it is for one, planning looks at no partition but its own: planning is nearly all
    that a look-up costs.
    """
    return f"""
    SELECT decision.id, decision.type, decision.location, decision.lane, decision.subject, decision.stake_minor,
        decision.stake_currency, decision.facts, decision.revision, decision.plan_hash, decision.asked_at,
        decision.deadline, decision.deadline_shown, decision.trace, decision.audit, decision.audit_rate,
        CASE WHEN latest.source = 'cancel' THEN 'cancelled' ELSE coalesce(latest.kind, work.status, 'open') END
            AS status,
        work.waiting_for, latest.version, latest.answer, latest.source, latest.confidence, latest.deciders,
        latest.reason, latest.certificate, latest.settled_at
    FROM decision
        LEFT JOIN LATERAL (
            SELECT * FROM outcome WHERE outcome.decision_id = {decision} ORDER BY version DESC LIMIT 1
        ) AS latest ON true
        LEFT JOIN work ON work.decision_id = {decision} AND work.purpose = 'decide'
    WHERE decision.org = $1 AND ($2::text[] IS NULL OR decision.location = ANY($2::text[]))
"""


GET = f"{_seen('$3::uuid')} AND decision.id = $3::uuid"

# Bounds of ids, never null: they choose partitions and end the scan.
PAGE = f"""{_seen()}
    AND decision.id < $3::uuid AND decision.id >= $11::uuid
    AND ($4::text IS NULL OR decision.type = $4)
    AND ($5::text IS NULL OR decision.location = $5)
    AND ($6::text IS NULL OR $6 =
        CASE WHEN latest.source = 'cancel' THEN 'cancelled' ELSE coalesce(latest.kind, work.status, 'open') END)
    AND ($7::text IS NULL OR latest.source = $7)
    AND ($8::timestamptz IS NULL OR decision.asked_at >= $8)
    AND ($9::timestamptz IS NULL OR decision.asked_at < $9)
    ORDER BY decision.id DESC LIMIT $10
"""
WAITING_PAGE = PAGE.replace("LEFT JOIN work ON", "JOIN work ON")
"""Of decisions that are not settled: begins with the few that have work, not with all that ever were."""
_TOLD_PAGE = PAGE.replace(
    "FROM decision\n", "FROM outcome AS told JOIN decision ON decision.id = told.decision_id\n"
).replace(
    "    ORDER BY",
    """    AND told.decision_id < $3::uuid AND told.decision_id >= $11::uuid AND told.version = latest.version
    AND told.{which}
    ORDER BY""",
)
# The word stands in the statement: of a parameter's PostgreSQL would think after a while that it is a common one.
TOLD_PAGES = {
    "cancelled": _TOLD_PAGE.format(which="source = 'cancel'"),
    "amended": _TOLD_PAGE.format(which="kind = 'amended'"),
    **{source: _TOLD_PAGE.format(which=f"source = '{source}'") for source in get_args(OutcomeSource)},
}
"""Of decisions whose outcome may be a rare one, by status or source: outcomes alone are passed over."""

ALWAYS_RARE = ("cancelled", "amended")

# The next name in the order of the index. Of `{column} = $2` PostgreSQL would think after a while that it is a common
# one, found soonest by reading the table: of a name that is not there, all of it.
ON_RECORD = {
    column: f"""
    SELECT coalesce(
        (SELECT {column} FROM decision WHERE org = $1 AND {column} >= $2 ORDER BY {column} LIMIT 1) = $2, false)
    """
    for column in ("type", "location")
}

PATH = """
    SELECT version, kind, answer, source, confidence, deciders, reason, code, certificate, relied, votes, cost,
        settled_at, path
    FROM outcome WHERE decision_id = $1 ORDER BY version
"""


async def get(connection: Connection, scope: Scope, decision: UUID) -> Seen | None:
    """Return a decision; None: there is none that the caller may see."""
    row = await connection.fetchrow(GET, scope.org, scope.locations, decision)
    return None if row is None else Seen(**dict(row))


async def page(connection: Connection, scope: Scope, wanted: Filter, before: UUID | None, limit: int) -> list[Seen]:
    """Return a keyset page, newest id first. Ids can commit late: the feed, not this, misses nothing."""
    low, high = _bounds(wanted, before)
    rows = await connection.fetch(
        _statement(scope, wanted),
        scope.org,
        scope.locations,
        high,
        wanted.type,
        wanted.location,
        wanted.status,
        wanted.source,
        wanted.since,
        wanted.until,
        min(limit, LONGEST_PAGE),
        low,
    )
    return [Seen(**dict(row)) for row in rows]


async def is_on_record(connection: Connection, scope: Scope, column: Literal["type", "location"], name: str) -> bool:
    """Return whether there is a decision of this type or location, at whatever location and whatever is configured."""
    found: bool = await connection.fetchval(ON_RECORD[column], scope.org, name)
    return found


async def path(connection: Connection, decision: UUID) -> tuple[list[dict[str, object]], list[str], str | None]:
    """Return (outcomes with their part of the path, later events, history while open) as stored."""
    outcomes = [dict(row) for row in await connection.fetch(PATH, decision)]
    events = await connection.fetch(
        "SELECT body FROM decision_event WHERE decision_id = $1 ORDER BY at, event_id", decision
    )
    history = await connection.fetchval(
        "SELECT history FROM work WHERE decision_id = $1 AND purpose = 'decide'", decision
    )
    return outcomes, [row["body"] for row in events], history


async def status_of_task(connection: Connection, task: UUID) -> str:
    """Return the status of the decision that a review task belongs to."""
    rows = await connection.fetch(
        f"{_seen()} AND decision.id = (SELECT decision_id FROM review_task WHERE id = $3)", ORGANISATION, None, task
    )
    return str(rows[0]["status"])


async def settled_among(connection: Connection, ids: Sequence[UUID]) -> list[UUID]:
    """Return which of the decisions have an outcome."""
    rows = await connection.fetch(
        "SELECT DISTINCT decision_id FROM outcome WHERE decision_id = ANY($1::uuid[])", list(ids)
    )
    return [row["decision_id"] for row in rows]


def _statement(scope: Scope, wanted: Filter) -> str:
    if wanted.status in ("open", "held", "provisional"):
        return WAITING_PAGE
    # Decisions of a location or type may be few: the page begins with them. But what is always rare is found sooner
    # among the outcomes of all types, which are few types.
    if scope.locations is not None or wanted.location is not None:
        return PAGE
    if wanted.type is not None and wanted.status not in ALWAYS_RARE:
        return PAGE
    rare = wanted.status if wanted.status in TOLD_PAGES else wanted.source
    return TOLD_PAGES[rare] if rare is not None else PAGE


def _bounds(wanted: Filter, before: UUID | None) -> tuple[UUID, UUID]:
    """Return the smallest id that a page may have, and the one that all of its ids are below."""
    low, high = FIRST, before or LAST
    if wanted.since is not None and wanted.since > EPOCH + MINTING:
        low = UUID(first_id(wanted.since - MINTING))
    if wanted.until is not None and EPOCH < wanted.until < END:
        high = min(high, UUID(first_id(wanted.until + MINTING)))
    return low, high
