"""Controls: switches above the revision, each with a generation.

They are locked only while one is being switched, so that a hanging process delays nobody. Instead, whoever acts on a
control names the generation that it read, and the statement that writes refuses generations no longer in force.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from adjudge.core.controls import AUTOMATION, Controls, is_place
from adjudge.store import journal
from adjudge.store.automation import certificates, learning
from adjudge.store.automation.learning import LEARNT
from adjudge.store.connecting import Connection
from adjudge.store.scope import Scope

DECIDER = "decider:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A switch that somebody has touched."""

    scope: str
    """`decider:vision-sku@2`, or the name of a place: see `core.controls.places_of`."""
    state: Literal["on", "off", "expired"]
    reason: str
    changed_by: str
    changed_at: datetime
    until: datetime | None
    """When it is on again by itself; None: only when somebody switches it on."""
    generation: int


READ = """
    SELECT scope, generation, state = 'off' AND (until IS NULL OR until > clock_timestamp()) AS is_off, certificate,
        changed_at
    FROM control WHERE org = 1
"""

SWITCH = """
    INSERT INTO control (org, scope, generation, state, reason, changed_by, until)
    VALUES ($1, $2, 1, $3, $4, $5, clock_timestamp() + $6::interval)
    ON CONFLICT (org, scope) DO UPDATE SET generation = control.generation + 1, state = excluded.state,
        reason = excluded.reason, changed_by = excluded.changed_by, until = excluded.until,
        changed_at = clock_timestamp()
    RETURNING scope, generation, state, reason, changed_by, changed_at, until
"""

LISTED = """
    SELECT scope, generation, reason, changed_by, changed_at, until,
        CASE WHEN state = 'off' AND until <= clock_timestamp() THEN 'expired' ELSE state END AS state
    FROM control WHERE org = $1 AND (state = 'off' OR $2) AND scope NOT LIKE ALL ('{certificate:%,learnt:%}')
    ORDER BY changed_at DESC
"""


async def read(connection: Connection) -> Controls:
    """Return what is in force, all of one moment."""
    rows = await connection.fetch(READ)
    licences = await certificates.licences(connection, [row["certificate"] for row in rows if row["certificate"]])
    learnt = [
        (row["scope"].removeprefix(LEARNT), row["generation"], row["changed_at"])
        for row in rows
        if row["scope"].startswith(LEARNT)
    ]
    return Controls(
        switched_off=frozenset(row["scope"].removeprefix(DECIDER) for row in rows if row["is_off"]),
        generations={row["scope"]: row["generation"] for row in rows},
        licences={licence.scope: licence for licence in licences},
        learnt=await learning.in_force(connection, learnt) if learnt else {},
    )


async def switch(
    connection: Connection,
    scope: Scope,
    name: str,
    *,
    on: bool,
    reason: str,
    lasting: timedelta | None = None,
    location: str | None = None,
) -> Switch:
    """Switch a decider (`decider:sure@1`) or all automation of a place on or off at once.

    `lasting`: for how long it is off; None: until it is switched on. `location`: where, if it is one place alone.
    """
    async with connection.transaction():
        if is_place(name.removeprefix(DECIDER)):  # first, and by all in the same order
            await connection.fetchrow(SWITCH, scope.org, AUTOMATION, "on", "", "", None)
        row = await connection.fetchrow(
            SWITCH, scope.org, name, "on" if on else "off", reason, scope.principal, None if on else lasting
        )
        noted = {"on": on, "reason": reason, "until": row["until"]}
        if name.startswith(DECIDER):
            await journal.write(connection, scope, "decider.switched", name.removeprefix(DECIDER), **noted)
        else:
            await journal.write(connection, scope, "automation.switched", name, location=location, **noted)
    return Switch(**dict(row))


async def listed(connection: Connection, scope: Scope, *, all_: bool = False) -> Sequence[Switch]:
    """Return what is switched off, lately expired or not; `all_`: also what is on again."""
    rows = await connection.fetch(LISTED, scope.org, all_)
    return [Switch(**dict(row)) for row in rows if row["scope"] != AUTOMATION]
