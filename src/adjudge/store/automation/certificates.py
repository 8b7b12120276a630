"""Certificates: what was licensed, on which evidence. Rows never change; which one is in force is a control."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
from msgspec.json import encode

from adjudge.core.licences import Licence
from adjudge.store.connecting import Connection
from adjudge.store.scope import Scope

_known: dict[str, Licence] = {}
"""Licences that this process has read: they never change, so each is read once."""
MOST_KNOWN: Final = 20_000

_read = msgspec.json.Decoder(Licence)


class _Input(msgspec.Struct):
    decision: str
    record: str | None = None


class _Inputs(msgspec.Struct):
    inputs: list[_Input]


class _Calibrated(msgspec.Struct):
    calibration: str = ""


_read_inputs = msgspec.json.Decoder(_Inputs)
_read_calibrated = msgspec.json.Decoder(_Calibrated)


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


async def issue(
    connection: Connection, id_: str, covers: object, body: object, scope: str, epoch: int, licence: Licence
) -> None:
    """Record a certificate: what it covers, all that it rests on, and what an acceptance looks at."""
    await connection.execute(
        "INSERT INTO certificate (id, slice, body, scope, epoch, licence) VALUES ($1, $2, $3, $4, $5, $6) "
        "ON CONFLICT (id) DO NOTHING",
        id_,
        encode(covers).decode(),
        encode(body).decode(),
        scope,
        epoch,
        encode(licence).decode(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate as it was issued."""

    id: str
    scope: str
    epoch: int
    issued_at: datetime
    covers: str
    body: str
    licence: str
    """What processes act on."""

    @property
    def sealed(self) -> dict[str, str]:
        """Hashes of the records of its inputs, by decision; empty where it was issued before these were kept."""
        inputs = _read_inputs.decode(self.body).inputs
        return {each.decision: each.record for each in inputs if each.record is not None}

    @property
    def calibration(self) -> str:
        """Name of the snapshot of its calibration."""
        return _read_calibrated.decode(self.licence).calibration


async def get(connection: Connection, id_: str) -> Certificate | None:
    """Return a certificate with its evidence."""
    row = await connection.fetchrow(
        "SELECT id, scope, epoch, issued_at, slice::text AS covers, body::text AS body, "
        "coalesce(licence::text, '{}') AS licence FROM certificate "
        "WHERE id = $1 AND scope IS NOT NULL",
        id_,
    )
    return Certificate(**dict(row)) if row else None


async def handed_down(connection: Connection, scopes: Sequence[str], groups: Sequence[str]) -> list[str]:
    """Return the certificates that slices of these scopes have had from these of their group."""
    rows = await connection.fetch(
        "SELECT id FROM certificate "
        "WHERE org = 1 AND scope = ANY($1::text[]) AND body ->> 'inherits' = ANY($2::text[])",
        list(scopes),
        list(groups),
    )
    return [row["id"] for row in rows]


CERTIFY = """
    INSERT INTO control (org, scope, generation, state, reason, changed_by, certificate)
    VALUES (1, $1, 1, 'on', $2, $3, $4)
    ON CONFLICT (org, scope) DO UPDATE SET generation = control.generation + 1, reason = excluded.reason,
        changed_by = excluded.changed_by, certificate = excluded.certificate, changed_at = clock_timestamp()
    RETURNING generation
"""


async def put_in_force(connection: Connection, by: Scope, scope: str, certificate: str | None, reason: str) -> int:
    """Put a certificate in force, or none: whoever relies on the one before is refused. Return the generation."""
    generation: int = await connection.fetchval(CERTIFY, scope, reason, by.principal, certificate)
    return generation


DISINHERIT = """
    UPDATE control SET generation = generation + 1, certificate = NULL, reason = $2, changed_by = $3,
        changed_at = clock_timestamp()
    WHERE org = 1 AND certificate IN (
        SELECT certificate.id FROM control AS held JOIN certificate ON certificate.id = held.certificate
        WHERE certificate.body ->> 'inherits' IN (SELECT id FROM certificate WHERE org = 1 AND scope = $1))
"""


async def disinherit(connection: Connection, by: Scope, group: str, reason: str) -> None:
    """Take from the members of a group what they have by its certificates. `group`: the scope of these."""
    await connection.execute(DISINHERIT, group, reason, by.principal)


async def in_force(connection: Connection, scopes: Sequence[str] | None = None) -> dict[str, tuple[str, int]]:
    """Return the certificate in force of each scope that has one, with its generation."""
    rows = await connection.fetch(
        "SELECT scope, certificate, generation FROM control "
        "WHERE org = 1 AND certificate IS NOT NULL AND ($1::text[] IS NULL OR scope = ANY($1::text[]))",
        scopes,
    )
    return {row["scope"]: (row["certificate"], row["generation"]) for row in rows}
