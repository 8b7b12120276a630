"""Keys: made, listed, rotated, limited, revoked. Their secrets are shown once."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Body, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from adjudge.api.answers import as_json
from adjudge.api.authentication import Admin
from adjudge.api.problems import Problem
from adjudge.api.services import Here
from adjudge.api.shapes import PROBLEMS, Shape
from adjudge.store import keys
from adjudge.store.scope import Limits

router = APIRouter(prefix="/v1/keys", tags=["administration"])


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}")
MOST_BOUNDS = 1_000
LONGEST_OVERLAP = 30 * 86_400


def _named(name: str) -> str:
    if _NAME.fullmatch(name):
        return name
    raise PydanticCustomError(
        "name", "is not a name: 1 to 100 of the letters A to Z and a to z, digits and . _ @ -, a letter or digit first"
    )


Name = Annotated[str, AfterValidator(_named), Field(json_schema_extra={"pattern": f"^{_NAME.pattern}$"})]


class LimitsView(Shape):
    """How much a key may ask for; null: as much as it wants."""

    requests_per_second: float | None
    bytes_per_second: int | None
    open_decisions: int | None


class KeyView(Shape):
    """What may be known of a key."""

    id: str
    name: str
    role: Literal["client", "reviewer", "operator", "admin"]
    locations: list[str] | None = Field(description="null: all")
    pools: list[str] | None
    reviewer: str | None = Field(description="whose key it is")
    limits: LimitsView
    created_at: datetime
    created_by: str
    rotated_at: datetime | None
    old_until: datetime | None = Field(description="until when the secret before opens, too")
    last_used_at: datetime | None = Field(description="to the minute")
    revoked_at: datetime | None


class NewKey(KeyView):
    """A key and its secret."""

    key: str = Field(description="shown this once")


class Keys(Shape):
    """Keys, without their secrets."""

    keys: list[KeyView]


class LimitsBody(BaseModel):
    """How much a key may ask for; what is not named is unlimited."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"requests_per_second": 50}]})

    requests_per_second: float | None = Field(None, ge=0.001, le=1_000_000)
    bytes_per_second: int | None = Field(None, ge=1, le=2**40, description="of the bodies of requests")
    open_decisions: int | None = Field(None, ge=1, le=2**31 - 1, description="asked for and without a final outcome")

    def limits(self) -> Limits:
        return Limits(**self.model_dump())


class KeyBody(BaseModel):
    """A key to be made. Bound to locations and pools; unset: to those of the key that makes it, or to none."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "till", "role": "client"}]})

    name: Name
    role: Literal["client", "operator", "admin"]
    locations: list[str] | None = Field(None, min_length=1, max_length=MOST_BOUNDS)
    pools: list[str] | None = Field(None, min_length=1, max_length=MOST_BOUNDS)
    limits: LimitsBody = LimitsBody()


class RotationBody(BaseModel):
    """How a key's secret is changed."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"overlap_seconds": 86_400}]})

    overlap_seconds: float = Field(
        86_400, ge=0, le=LONGEST_OVERLAP, description="how long the secret until now opens, too"
    )


@router.post("", status_code=201, response_model=NewKey, responses=PROBLEMS)
async def create_key(body: KeyBody, scope: Admin, here: Here) -> Response:
    """Make a key. It is shown this once."""
    locations = bounded(scope.locations, body.locations, "#/locations")
    pools = bounded(scope.pools, body.pools, "#/pools")
    for name in locations or ():
        here.revisions.current.location(name)
    for name in pools or ():
        here.revisions.current.pool(name)
    secret = keys.new_secret()
    async with here.pool.acquire() as connection:
        key = await keys.create(
            connection,
            id=keys.new_key_id(),
            name=body.name,
            role=body.role,
            secret=secret,
            created_by=scope.principal,
            locations=locations,
            pools=pools,
            limits=body.limits.limits(),
        )
    return as_json({**_shown(key), "key": secret}, 201)


@router.get("", response_model=Keys, responses=PROBLEMS)
async def list_keys(scope: Admin, here: Here) -> Response:
    """List keys; never the secrets. A bound key is shown those that are bound within its own bounds."""
    async with here.pool.acquire() as connection:
        return as_json({"keys": [_shown(key) for key in await keys.listed(connection, scope)]})


@router.post("/{key}/rotate", response_model=NewKey, responses=PROBLEMS)
async def rotate_key(
    key: str, scope: Admin, here: Here, body: Annotated[RotationBody | None, Body()] = None
) -> Response:
    """Give a key another secret, shown this once. The one until now opens too, until the overlap is over."""
    secret = keys.new_secret()
    overlap = (body or RotationBody()).overlap_seconds
    async with here.pool.acquire() as connection:
        rotated = await keys.rotate(connection, scope, key, secret, overlap)
    return as_json({**_shown(_found(rotated, key)), "key": secret})


@router.put("/{key}/limits", response_model=KeyView, responses=PROBLEMS)
async def limit_key(key: str, body: LimitsBody, scope: Admin, here: Here) -> Response:
    """Set a key's limits, all of them. Replicas hold it to them within three seconds."""
    async with here.pool.acquire() as connection:
        limited = await keys.limit(connection, scope, key, body.limits())
    return as_json(_shown(_found(limited, key)))


@router.delete("/{key}", status_code=204, responses=PROBLEMS)
async def revoke_key(key: str, scope: Admin, here: Here) -> Response:
    """End a key. Replicas may take it for three more seconds."""
    async with here.pool.acquire() as connection:
        if not await keys.revoke(connection, scope, key):
            raise _unknown(key)
    return Response(status_code=204)


def bounded(own: Sequence[str] | None, wanted: Sequence[str] | None, pointer: str) -> list[str] | None:
    """Return what a key may be bound to that is made by a key bound to `own`. Raises Problem: forbidden."""
    if own is None or (wanted is not None and set(wanted) <= set(own)):
        return None if wanted is None else list(wanted)
    if wanted is None:
        return list(own)
    raise Problem("forbidden", "a key makes only keys within its own bounds", pointer=pointer)


def _found(key: keys.Key | None, id_: str) -> keys.Key:
    if key is None:
        raise _unknown(id_)
    return key


def _unknown(key: str) -> Problem:
    return Problem("not-found", f"there is no key {key!r} in use")


def _shown(key: keys.Key) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(key)
    return shown
