"""What each process reports of its deciders, such as their breakers, for all other processes to see."""

from collections.abc import Mapping

import msgspec

from adjudge.store.connecting import Connection


async def report(connection: Connection, process: str, states: Mapping[str, Mapping[str, object]]) -> None:
    """Write the states of one process, and drop those of processes silent for a minute."""
    await connection.executemany(
        "INSERT INTO decider_state (process, decider, body) VALUES ($1, $2, $3) "
        "ON CONFLICT (org, process, decider) DO UPDATE SET body = excluded.body, at = clock_timestamp()",
        [(process, decider, msgspec.json.encode(body).decode()) for decider, body in states.items()],
    )
    await connection.execute("DELETE FROM decider_state WHERE at < clock_timestamp() - interval '1 minute'")


async def states(connection: Connection) -> list[tuple[str, str, dict[str, object]]]:
    """Return (process, decider, state) of all living processes."""
    rows = await connection.fetch("SELECT process, decider, body FROM decider_state ORDER BY decider, process")
    return [(row["process"], row["decider"], msgspec.json.decode(row["body"])) for row in rows]
