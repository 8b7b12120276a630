"""Certificates: what was licensed, on which evidence. Rows never change; which one is in force is a control."""

from collections.abc import Sequence
from typing import Final

import msgspec

from adjudge.core.licences import Licence
from adjudge.store.connecting import Connection

_known: dict[str, Licence] = {}
"""Licences that this process has read: they never change, so each is read once."""
MOST_KNOWN: Final = 20_000

_read = msgspec.json.Decoder(Licence)


async def licences(connection: Connection, ids: Sequence[str]) -> list[Licence]:
    """Return the licences of these certificates."""
    missing = [id_ for id_ in ids if id_ not in _known]
    if missing:
        if len(_known) > MOST_KNOWN:
            _known.clear()
            missing = list(ids)
        rows = await connection.fetch(
            "SELECT id, licence::text FROM certificate WHERE id = ANY($1::text[]) AND licence IS NOT NULL", missing
        )
        _known.update({row["id"]: _read.decode(row["licence"]) for row in rows})
    return [_known[id_] for id_ in ids if id_ in _known]
