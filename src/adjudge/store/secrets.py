"""Keys of our own: of the coins and of signed URLs. The newest of a kind is in use, older ones still verify."""

from adjudge.store.connecting import Connection


async def newest(connection: Connection, kind: str, fresh: tuple[str, bytes]) -> tuple[str, bytes]:
    """Return (id, key) in use; `fresh` becomes the first where there is none. Safe to race."""
    await connection.execute(
        "INSERT INTO secret (kind, id, value) SELECT $1, $2, $3 WHERE NOT EXISTS (SELECT FROM secret WHERE kind = $1)",
        kind,
        *fresh,
    )
    row = await connection.fetchrow(
        "SELECT id, value FROM secret WHERE kind = $1 ORDER BY created_at, id LIMIT 1", kind
    )
    return row["id"], row["value"]
