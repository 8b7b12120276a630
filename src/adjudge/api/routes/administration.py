"""Reviewers and the configuration: what operators look at and admins change."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from adjudge.api.answers import Answer, as_json
from adjudge.api.authentication import Admin, Operator
from adjudge.api.problems import Problem
from adjudge.api.routes.keys import Name, bounded
from adjudge.api.services import Here, Services
from adjudge.api.shapes import PROBLEMS, Shape
from adjudge.store import keys
from adjudge.store.review import reviewers
from adjudge.store.scope import Scope

router = APIRouter(prefix="/v1", tags=["administration"])


class ReviewerView(Shape):
    """A person who may be asked."""

    name: str
    pools: list[str]
    added_at: datetime
    has_key: bool = Field(description="false: all their keys are revoked, and they are asked nothing")


class NewReviewer(ReviewerView):
    """A person, and the key that stands for them."""

    key: str = Field(description="shown this once")


class Reviewers(Shape):
    """The people who may be asked."""

    reviewers: list[ReviewerView]


class ByHand(Shape):
    """A threshold that was set by hand: nobody has certified it."""

    layer: str
    type: str
    plan: str
    condition: str
    origin: str = Field(examples=["config/claims.yaml:10"])


class ConfigView(Answer):
    """What a replica runs."""

    revision: int
    hash: str
    types: list[str]
    deciders: list[str]
    pools: list[str]
    locations: list[str]
    set_by_hand: list[ByHand]


class ReviewerBody(BaseModel):
    """A person to be added. The key is the person."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "anna", "pools": ["agents"]}]})

    name: Name
    pools: list[str] = Field(min_length=1)


class PoolsBody(BaseModel):
    """What a person answers for."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"pools": ["agents", "experts"]}]})

    pools: list[str] = Field(min_length=1)


@router.post("/reviewers", status_code=201, response_model=NewReviewer, responses=PROBLEMS)
async def add_reviewer(body: ReviewerBody, scope: Admin, here: Here) -> Response:
    """Add a person and make their key, shown this once; so does a name again whose keys were all revoked."""
    _check_pools(here, scope, body.pools)
    secret = keys.new_secret()
    async with here.pool.acquire() as connection, connection.transaction():
        person = await reviewers.add(connection, scope, body.name, body.pools)
        if person is None:
            raise Problem("already-exists", f"there is a reviewer {body.name!r} already", pointer="#/name")
        await keys.create(
            connection,
            id=keys.new_key_id(),
            name=body.name,
            role="reviewer",
            secret=secret,
            created_by=scope.principal,
            locations=scope.locations,
            pools=body.pools,
            reviewer=body.name,
        )
    return as_json({**msgspec.to_builtins(person), "has_key": True, "key": secret}, 201)


@router.put("/reviewers/{name}", response_model=ReviewerView, responses=PROBLEMS)
async def move_reviewer(name: str, body: PoolsBody, scope: Admin, here: Here) -> Response:
    """Have a person answer for these pools from now on. Processes go by it within three seconds."""
    _check_pools(here, scope, body.pools)
    async with here.pool.acquire() as connection:
        person = await reviewers.move(connection, scope, name, body.pools)
    if person is None:
        raise Problem("not-found", f"no reviewer {name!r} is known to this key")
    return as_json(person)


def _check_pools(here: Services, scope: Scope, pools: Sequence[str]) -> None:
    bounded(scope.pools, pools, "#/pools")
    for name in pools:
        here.revisions.current.pool(name)


@router.get("/reviewers", response_model=Reviewers, responses=PROBLEMS)
async def list_reviewers(scope: Operator, here: Here) -> Response:
    """List the people and their pools."""
    async with here.pool.acquire() as connection:
        return as_json({"reviewers": await reviewers.listed(connection, scope)})


@router.get("/config", response_model=ConfigView, responses=PROBLEMS)
async def read_config(scope: Operator, here: Here) -> Response:
    """Read what this replica runs: revision, types, locations, thresholds set by hand."""
    configuration = here.revisions.current
    return as_json(
        {
            "revision": configuration.revision,
            "hash": configuration.hash,
            "types": sorted(configuration.types),
            "deciders": sorted(configuration.deciders),
            "pools": sorted(configuration.pools),
            "locations": sorted(filter(scope.sees, configuration.locations)),
            "set_by_hand": [
                {
                    "layer": threshold.layer,
                    "type": threshold.type,
                    "plan": threshold.plan,
                    "condition": threshold.condition,
                    "origin": str(threshold.origin),
                }
                for threshold in configuration.by_hand()
            ],
        }
    )
