"""Seals of closed audits: a hash over the record, by which a certificate shows that its evidence was not changed.

Sealed are the truth, the votes, what models said, and the coins.
"""

from collections.abc import Mapping, Sequence

from adjudge.store.connecting import Connection


def _hash(*columns: str) -> str:
    built = f"jsonb_build_array({', '.join(columns)})::text"
    return f"left(encode(sha256(convert_to({built}, 'UTF8')), 'hex'), 16)"


_FIRST = ("number", "role", "rate", "truth", "truth_by", "answered", "votes", "opinions")
_SECOND = (*_FIRST, "slice", "policy", "facts", "prefixes", "people", "expert_coin")
_SEAL = f"'3-' || {_hash(*_SECOND, 'stage_votes')}"
_SEALS_BEFORE = ("'2-' || " + _hash(*_SECOND), _hash(*_FIRST))
"""Of certificates that were issued before votes of stages were on record, and before seals had a number."""
OF = f"SELECT decision_id, {_SEAL} AS seal FROM audit WHERE decision_id = ANY($1::uuid[])"
BROKEN = f"""
    SELECT given.decision FROM unnest($1::uuid[], $2::text[]) AS given (decision, seal)
    LEFT JOIN audit ON audit.decision_id = given.decision
    WHERE audit.decision_id IS NULL
        OR given.seal <> CASE left(given.seal, 2) WHEN '3-' THEN {_SEAL} WHEN '2-' THEN {_SEALS_BEFORE[0]}
            ELSE {_SEALS_BEFORE[1]} END
    ORDER BY given.decision
"""


async def of(connection: Connection, decisions: Sequence[str]) -> dict[str, str]:
    """Return the seal of each of these audits that is closed, by decision."""
    return {str(row["decision_id"]): row["seal"] for row in await connection.fetch(OF, list(decisions))}


async def broken(connection: Connection, sealed: Mapping[str, str]) -> list[str]:
    """Return those of these audits, by decision, whose record no longer has this seal, or is gone."""
    rows = await connection.fetch(BROKEN, list(sealed), list(sealed.values()))
    return [str(row["decision"]) for row in rows]
