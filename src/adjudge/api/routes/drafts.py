"""Drafts of the configuration: written, looked at, approved by a second person, published."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query, Response
from pydantic import ConfigDict, Field

from adjudge.api.documents import check_documents
from adjudge.api.problems import Problem
from adjudge.api.routes.publications import (
    DOCUMENTS,
    LONGEST_MESSAGE,
    PROBLEMS,
    DocumentsBody,
    IfMatch,
    OfEverything,
    TermsBody,
    answered,
    checked,
    previewed,
    publisher_of,
    tag,
    terms_of,
)
from adjudge.api.services import Here
from adjudge.api.shapes.configuration import Drafts, DraftView, DraftWithDocuments, Preview, RevisionView
from adjudge.store.configuration import drafts
from adjudge.store.configuration.drafts import Draft
from adjudge.store.connecting import Connection
from adjudge.store.scope import Scope

router = APIRouter(prefix="/v1/config/drafts", tags=["configuration"])


class DraftBody(DocumentsBody):
    """A draft; it may have faults as long as it is not published."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"documents": DOCUMENTS, "message": "0.97 in the east"}]}
    )

    message: str = Field("", max_length=LONGEST_MESSAGE)


@router.post("", status_code=201, response_model=DraftView, responses=PROBLEMS)
async def create_draft(body: DraftBody, scope: OfEverything, here: Here) -> Response:
    """Begin a draft, on top of the revision in force."""
    check_documents(body.documents)
    base = here.revisions.current.revision
    async with here.pool.acquire() as connection:
        draft = await drafts.create(connection, scope, here.new_id(), base, body.documents, body.message)
    return _answered(draft, 201)


@router.get("", response_model=Drafts, responses=PROBLEMS)
async def list_drafts(scope: OfEverything, here: Here) -> Response:
    """List drafts that are open, the one that changed last first."""
    async with here.pool.acquire() as connection:
        found = await drafts.listed(connection, scope)
    return answered({"drafts": [_summary(draft) for draft in found]})


@router.get("/{draft}", response_model=DraftWithDocuments, responses=PROBLEMS)
async def read_draft(draft: UUID, scope: OfEverything, here: Here) -> Response:
    """Read a draft, and what publishing it would do."""
    async with here.pool.acquire() as connection:
        found = await _draft(connection, scope, draft)
    would = await checked(here, found.documents) if found.published is None else None
    return answered({**_summary(found), "documents": found.documents, "would": would}, etag=found.version)


@router.put("/{draft}", response_model=DraftView, responses=PROBLEMS)
async def change_draft(
    draft: UUID, body: DraftBody, scope: OfEverything, here: Here, if_match: IfMatch = None
) -> Response:
    """Replace a draft, on top of the revision that is in force now; its approvals end."""
    expected = tag(if_match)
    check_documents(body.documents)
    base = here.revisions.current.revision
    async with here.pool.acquire() as connection, connection.transaction():
        found = await _open(connection, scope, draft, expected)
        changed = await drafts.change(connection, scope, found, body.documents, message=body.message, base=base)
    return _answered(changed)


@router.delete("/{draft}", status_code=204, responses=PROBLEMS)
async def discard_draft(draft: UUID, scope: OfEverything, here: Here) -> Response:
    """Drop a draft that is open."""
    async with here.pool.acquire() as connection:
        if not await drafts.discard(connection, scope, draft):
            raise Problem("not-found", "there is no such draft, or it was published")
    return Response(status_code=204)


@router.post("/{draft}/approve", response_model=DraftView, responses=PROBLEMS)
async def approve_draft(draft: UUID, scope: OfEverything, here: Here, if_match: IfMatch = None) -> Response:
    """Agree, as a second person, to the version that you name: not to a draft that you have written or changed."""
    expected = tag(if_match)
    async with here.pool.acquire() as connection, connection.transaction():
        found = await _open(connection, scope, draft, expected)
        approved = await drafts.approve(connection, scope, found)
    return _answered(approved)


@router.post("/{draft}/publish", status_code=201, response_model=RevisionView, responses=PROBLEMS)
async def publish_draft(
    draft: UUID, body: TermsBody, scope: OfEverything, here: Here, if_match: IfMatch = None
) -> Response:
    """Publish the version that you name. Refused where another revision is in force than it was made from."""
    expected = tag(if_match)
    async with here.pool.acquire() as connection, connection.transaction():
        found = await _open(connection, scope, draft, expected)
    check_documents(found.documents)  # it may be older than what is refused now
    published = await publisher_of(here).publish_draft(scope, found, terms_of(body))
    return answered(published, 201, etag=published.number)


@router.get("/{draft}/preview", response_model=Preview, responses=PROBLEMS)
async def preview_draft(
    draft: UUID, scope: OfEverything, here: Here, days: Annotated[float, Query(gt=0, le=90)] = 7
) -> Response:
    """Try a draft on decisions of the last days, on what was said then."""
    async with here.pool.acquire() as connection:
        found = await _draft(connection, scope, draft)
    compiled = await publisher_of(here).compiled(found.documents)
    return answered(await previewed(here, compiled, timedelta(days=days)))


async def _draft(connection: Connection, scope: Scope, draft: UUID, *, locked: bool = False) -> Draft:
    found = await drafts.get(connection, scope, draft, locked=locked)
    if found is None:
        raise Problem("not-found", "there is no such draft")
    return found


async def _open(connection: Connection, scope: Scope, draft: UUID, expected: int | None) -> Draft:
    """Return a draft that may still be changed, held by the transaction. Raises Problem, DraftMoved."""
    found = await _draft(connection, scope, draft, locked=True)
    if found.published is not None:
        raise Problem("already-exists", f"the draft was published as revision {found.published}")
    if expected is not None and expected != found.version:
        raise drafts.DraftMoved(f"the draft is at version {found.version}, not {expected}")
    return found


def _answered(draft: Draft, status: int = 200) -> Response:
    return answered(_summary(draft), status, etag=draft.version)


def _summary(draft: Draft) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(draft)
    return {**shown, "documents": sorted(draft.documents)}
