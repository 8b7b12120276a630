"""What votes are worth: the blind votes that it is learnt from, and its snapshots, which never change.

The number of the snapshot in force is the generation of a control, and so reaches all processes as controls do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

import msgspec

from adjudge.core.audits import AuditVote, ModelSaid
from adjudge.core.history import Case
from adjudge.core.pools import Snapshot
from adjudge.store.automation import parameters
from adjudge.store.automation.audits import AUDIT_LABEL, LATE_AUDIT_VOTE
from adjudge.store.connecting import Connection
from adjudge.store.labels import LATE_VOTE
from adjudge.store.work import read_case

LEARNT: Final = "learnt:"
"""Control and kind of snapshot of a question type: `learnt:claim.pay`."""

InForce: TypeAlias = tuple[str, int, datetime]
"""Question type, number, since when."""

_known: dict[InForce, Snapshot] = {}
"""Snapshots that this process has read."""
MOST_KNOWN: Final = 500

_snapshot = msgspec.json.Decoder(Snapshot)
_votes = msgspec.json.Decoder(tuple[AuditVote, ...])
_said = msgspec.json.Decoder(dict[str, ModelSaid])


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedVotes:
    """A closed calibrate-audit."""

    truth: str | None
    truth_by: str
    votes: tuple[AuditVote, ...]
    """Blind, in the order given; without the expert's, whose word is the truth."""
    said: dict[str, ModelSaid]
    case: Case


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindVotes:
    """What people said of a decision that no coin drew."""

    votes: tuple[tuple[str, str], ...]
    """(reviewer, answer), in the order given."""
    truth: str | None = None
    """What came later of itself, whatever had been answered."""


CALIBRATE = """
    SELECT truth, truth_by, votes::text, opinions::text, facts::text FROM audit
    WHERE org = 1 AND type = $1 AND role = 'calibrate' ORDER BY number DESC LIMIT $2
"""

# What a price has bought is no fair sample of anybody's votes: a second one is asked for where the first contradicted
# the model. So of decisions only those votes are learnt from that were bought as configured.
AS_CONFIGURED = """
    answered_at < coalesce(
        (SELECT min(at) FROM parameter_snapshot WHERE org = 1 AND kind = 'learnt:' || $1), 'infinity')
"""

# Of decisions that no coin drew: votes of those that certify are never learnt from. One vote alone says nothing, unless
# the truth came later by itself: not where the answer given had a part in that, nor where two sources differ.
BLIND = f"""
    SELECT votes, at, truth
    FROM (
        SELECT decision_id, array_agg(ARRAY[reviewer, answer] ORDER BY answered_at) AS votes, min(answered_at) AS at,
            count(*) AS number
        FROM unnest($2::text[]) AS asked (pool) CROSS JOIN LATERAL (
            SELECT vote.decision_id, vote.reviewer, vote.answer, vote.answered_at
            FROM vote JOIN decision ON decision.id = vote.decision_id
            WHERE vote.pool = asked.pool AND vote.purpose = 'stage' AND NOT vote.saw_model AND NOT vote.saw_peers
                AND decision.type = $1 AND NOT decision.audit AND {AS_CONFIGURED}
            ORDER BY vote.answered_at DESC LIMIT $3) AS given
        GROUP BY decision_id) AS voted
        LEFT JOIN LATERAL (
            SELECT min(label.answer) AS truth FROM label
            WHERE label.decision_id = voted.decision_id AND NOT label.answer_could_influence
                AND label.source <> ALL ($4::text[])
            HAVING count(DISTINCT label.answer) = 1) AS late ON true
    WHERE number > 1 OR truth IS NOT NULL ORDER BY at
"""

LAST = f"""
    SELECT (SELECT max(closed_at) FROM audit WHERE org = 1 AND type = $1 AND role = 'calibrate') AS audit,
        (SELECT max(answered_at) FROM vote WHERE pool = ANY($2::text[]) AND {AS_CONFIGURED}) AS vote
"""

PUT_IN_FORCE = """
    INSERT INTO control (org, scope, generation, state, reason, changed_by) VALUES (1, $1, $2, 'on', '', 'keeper')
    ON CONFLICT (org, scope) DO UPDATE SET generation = excluded.generation, changed_at = clock_timestamp()
"""

SNAPSHOTS = """
    SELECT kind, number, body::text, at FROM parameter_snapshot
    WHERE org = 1 AND kind LIKE 'learnt:%' AND ($1::text IS NULL OR kind = 'learnt:' || $1)
        AND ($2::int IS NULL OR number = $2)
"""


NEWEST = """
    SELECT DISTINCT ON (kind) kind, number, body::text, at FROM parameter_snapshot
    WHERE org = 1 AND kind LIKE 'learnt:%' ORDER BY kind, number DESC
"""


async def calibrate_audits(connection: Connection, question_type: str, limit: int) -> list[AuditedVotes]:
    """Return the last closed calibrate-audits of a type, in the order asked."""
    rows = await connection.fetch(CALIBRATE, question_type, limit)
    return [
        AuditedVotes(
            truth=row["truth"],
            truth_by=row["truth_by"],
            votes=_votes.decode(row["votes"])[: -1 if row["truth_by"] == "expert" else None],
            said=_said.decode(row["opinions"]),
            case=read_case(row["facts"]),
        )
        for row in reversed(rows)
    ]


async def blind_votes(connection: Connection, question_type: str, pools: Sequence[str], limit: int) -> list[BlindVotes]:
    """Return the votes of people who saw neither a model's answer nor a colleague's, by decision.

    The last ones of each pool before the first snapshot: since then prices decide who is asked.
    """
    rows = await connection.fetch(BLIND, question_type, list(pools), limit, [AUDIT_LABEL, LATE_AUDIT_VOTE, LATE_VOTE])
    return [
        BlindVotes(votes=tuple((reviewer, answer) for reviewer, answer in row["votes"]), truth=row["truth"])
        for row in rows
    ]


async def last(connection: Connection, question_type: str, pools: Sequence[str]) -> tuple[datetime | None, ...]:
    """Return when evidence came last: another moment, other evidence."""
    return tuple(await connection.fetchrow(LAST, question_type, list(pools)))


async def newest(connection: Connection, question_type: str) -> Snapshot | None:
    """Return the newest snapshot of a type."""
    found = await parameters.newest(connection, LEARNT + question_type)
    return _numbered(*found) if found is not None else None


async def publish(connection: Connection, question_type: str, snapshot: Snapshot) -> int:
    """Publish a snapshot under the next number, and put it in force in all processes; return the number."""
    number = await parameters.publish(connection, LEARNT + question_type, snapshot)
    await connection.execute(PUT_IN_FORCE, LEARNT + question_type, number)
    return number


async def in_force(connection: Connection, wanted: Sequence[InForce]) -> dict[str, Snapshot]:
    """Return the snapshots that are in force, by question type."""
    if len(_known) > MOST_KNOWN:
        _known.clear()
    for one in wanted:
        if one not in _known:
            for _, snapshot, _ in await snapshots(connection, one[0], one[1]):
                _known[one] = snapshot
    return {one[0]: _known[one] for one in wanted if one in _known}


async def current(connection: Connection) -> list[tuple[str, Snapshot, datetime]]:
    """Return the newest snapshot of each type, and when it was published."""
    return [_published(row) for row in await connection.fetch(NEWEST)]


async def snapshots(
    connection: Connection, question_type: str | None = None, number: int | None = None
) -> list[tuple[str, Snapshot, datetime]]:
    """Return snapshots with their types, and when each was published."""
    rows = await connection.fetch(SNAPSHOTS, question_type, number)
    return [_published(row) for row in rows]


def _published(row: Any) -> tuple[str, Snapshot, datetime]:
    return row["kind"].removeprefix(LEARNT), _numbered(row["number"], row["body"]), row["at"]


def _numbered(number: int, body: str) -> Snapshot:
    return msgspec.structs.replace(_snapshot.decode(body), number=number)
