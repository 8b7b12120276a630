"""Erasures: a subject's evidence and subject fields are removed, figures stay, and the erasure is on record."""

from typing import Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from adjudge.api.answers import Answer, as_json
from adjudge.api.asking import missing
from adjudge.api.authentication import Admin
from adjudge.api.problems import Problem
from adjudge.api.services import Here
from adjudge.api.shapes import PROBLEMS
from adjudge.api.views import encode
from adjudge.store import erasures
from adjudge.store.erasures import Erasure
from adjudge.store.scope import Scope

router = APIRouter(prefix="/v1/erasures", tags=["administration"])


MOST_FIELDS = 8


class ErasureBody(BaseModel):
    """Whom to erase: all decisions whose subject has these fields, or one decision."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"subject": {"customer": "c-17"}, "reason": "request of 24 November"}]},
    )

    subject: dict[str, str] | None = Field(None, min_length=1, max_length=MOST_FIELDS)
    decision: UUID | None = None
    reason: str = Field(min_length=1, max_length=500, description="kept for ever: name no person in it")

    @model_validator(mode="after")
    def names_one(self) -> "ErasureBody":
        if (self.subject is None) == (self.decision is None):
            raise ValueError("give either `subject` or `decision`")
        return self


class ErasureView(Answer):
    """An erasure. Whose it was is not kept."""

    id: UUID
    decision: UUID | None
    fields: list[str]
    reason: str
    requested_by: str
    requested_at: str
    erased: int
    done_at: str | None


class Erasures(Answer):
    """The newest erasures."""

    erasures: list[ErasureView]


@router.post("", status_code=202, response_model=ErasureView, responses={200: {"model": ErasureView}, **PROBLEMS})
async def erase(body: ErasureBody, scope: Admin, here: Here) -> Response:
    """Erase a subject. 202: written down, and worked off by a keeper; 200: done, where one decision was named."""
    if body.decision is not None:
        return _json(await _erase_one(here, scope, body.decision, body.reason))
    assert body.subject is not None
    async with here.pool.acquire() as connection:
        return _json(await erasures.request(connection, scope, here.new_id(), body.subject, body.reason), 202)


@router.get("", response_model=Erasures, responses=PROBLEMS)
async def list_erasures(scope: Admin, here: Here) -> Response:
    """List the newest erasures."""
    async with here.pool.acquire() as connection:
        found = await erasures.listed(connection, scope)
    return Response(encode({"erasures": [_shown(each) for each in found]}), media_type="application/json")


@router.get("/{erasure}", response_model=ErasureView, responses=PROBLEMS)
async def get_erasure(erasure: UUID, scope: Admin, here: Here) -> Response:
    """Read how far an erasure has come."""
    async with here.pool.acquire() as connection:
        found = await erasures.get(connection, scope, erasure)
    if found is None:
        raise Problem("not-found", f"there is no erasure {erasure}")
    return _json(found)


async def _erase_one(here: Here, scope: Scope, decision: UUID, reason: str) -> Erasure:
    async with here.pool.acquire() as connection:
        async with connection.transaction():
            found = await erasures.erase_one(connection, scope, here.new_id(), decision, reason)
        if found is None:
            raise await missing(connection, decision)
    return found


def _shown(found: Erasure) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(found, builtin_types=())
    return {"decision" if name == "decision_id" else name: value for name, value in shown.items()}


def _json(found: Erasure, status: int = 200) -> Response:
    return as_json(_shown(found), status)
