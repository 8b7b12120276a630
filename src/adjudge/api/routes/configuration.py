"""The configuration in force, its history and which process runs it; publishing a change, and trying it first."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response
from pydantic import ConfigDict, Field

from adjudge.api.authentication import Operator
from adjudge.api.documents import check_documents
from adjudge.api.problems import Problem
from adjudge.api.routes.publications import (
    PROBLEMS,
    WHAT_A_SET_IS,
    DocumentsBody,
    IfMatch,
    OfEverything,
    OnlyAt,
    TermsBody,
    answered,
    checked,
    places_of,
    previewed,
    publisher_of,
    tag,
    terms_of,
)
from adjudge.api.services import Here, Services
from adjudge.api.shapes.configuration import (
    Checked,
    Effective,
    Preview,
    Receipts,
    RevisionPage,
    RevisionView,
    RevisionWithDocuments,
)
from adjudge.config.documents.authorship import line_revisions
from adjudge.core.specifications import DEFAULT_LOCATION
from adjudge.engine.configuration.publishing import Publisher
from adjudge.engine.giving_way import giving_way
from adjudge.store.configuration import receipts, revisions
from adjudge.store.configuration.receipts import Member
from adjudge.store.configuration.revisions import Revision
from adjudge.store.connecting import Connection
from adjudge.store.scope import Scope

router = APIRouter(prefix="/v1/config", tags=["configuration"])


class PublishBody(TermsBody):
    """What to publish: documents, or an older revision again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"again": 3, "message": "roll back"}]})

    documents: dict[str, str] | None = Field(None, description=WHAT_A_SET_IS)
    again: int | None = Field(None, ge=1, le=2**31 - 1, description="the number of the revision to publish again")
    hash: str | None = Field(
        None, max_length=64, description="refuse unless the documents are exactly those that were tested elsewhere"
    )


class CheckBody(DocumentsBody):
    """Documents to compare with what is in force."""

    only_at: OnlyAt | None = Field(None, description="published at some locations first; unset: everywhere")


class PreviewBody(DocumentsBody):
    """Documents to try on what was decided."""

    days: float = Field(7, gt=0, le=90)


@router.get("/revisions", response_model=RevisionPage, responses=PROBLEMS)
async def list_revisions(
    scope: OfEverything,
    here: Here,
    before: Annotated[int | None, Query(ge=0, le=2**31 - 1)] = None,
    limit: Annotated[int, Query(ge=1, le=revisions.LONGEST_PAGE)] = 50,
) -> Response:
    """List revisions, newest first: that one is in force."""
    async with here.pool.acquire() as connection:
        page = await revisions.page(connection, before, limit)
    return answered({"items": page, "next": page[-1].number if len(page) == limit else None})


@router.get("/revisions/{number}", response_model=RevisionWithDocuments, responses=PROBLEMS)
async def read_revision(number: str, scope: OfEverything, here: Here) -> Response:
    """Read a revision with its documents; `newest`: the one in force."""
    async with here.pool.acquire() as connection:
        found = await _revision(connection, number)
        documents = await revisions.documents(connection, found.number)
    return answered({**msgspec.to_builtins(found), "documents": documents}, etag=found.number)


@router.post("/revisions", status_code=201, response_model=RevisionView, responses=PROBLEMS)
async def publish(body: PublishBody, scope: OfEverything, here: Here, if_match: IfMatch = None) -> Response:
    """Publish: all processes take it over within a second; `GET /v1/config/receipts` says which have.

    Refused whole where there is a fault, and where another revision is in force than you say in `If-Match`.
    """
    expected = tag(if_match)
    publisher = publisher_of(here)
    if (body.documents is None) == (body.again is None):
        raise Problem("invalid-body", "either `documents` or `again` is wanted", pointer="#/documents")
    if body.again is not None:
        published = await _again(here, publisher, scope, body, body.again, expected)
    else:
        documents = body.documents or {}
        check_documents(documents)
        if body.hash is not None and (found := (await publisher.compiled(documents)).hash) != body.hash:
            raise Problem("invalid-body", f"these documents have the hash {found}", pointer="#/hash")
        published = await publisher.publish(scope, documents, terms_of(body), expected=expected)
    return answered(published, 201, etag=published.number)


@router.post("/check", response_model=Checked, responses=PROBLEMS)
async def check(body: CheckBody, scope: OfEverything, here: Here) -> Response:
    """Say what publishing these documents would do: every fault, or what differs in effect from what is in force."""
    check_documents(body.documents)
    return answered(await checked(here, body.documents, places_of(body.only_at)))


@router.post("/preview", response_model=Preview, responses=PROBLEMS)
async def preview_documents(body: PreviewBody, scope: OfEverything, here: Here) -> Response:
    """Try these documents on decisions of the last days: how many would have been accepted, and at what cost.

    On what was said then. Where somebody would be asked who was not, the end is `unknown`.
    """
    check_documents(body.documents)
    compiled = await publisher_of(here).compiled(body.documents)
    return answered(await previewed(here, compiled, timedelta(days=body.days)))


@router.get("/receipts", response_model=Receipts, responses=PROBLEMS)
async def read_receipts(
    scope: OfEverything, here: Here, revision: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None
) -> Response:
    """Read who runs what: complete is a publication when every live process has it.

    A process that is newer than the revision asked for counts as having it.
    """
    async with here.pool.acquire() as connection:
        newest = await revisions.newest(connection)
        fleet = await receipts.fleet(connection)
    number = revision or (newest.number if newest else 0)
    live = [each for each in fleet if each.is_live]
    applied = [each.name for each in live if each.revision >= number]
    refused = [each.name for each in live if each.revision < number and (each.refused or 0) >= number]
    body = {
        "revision": number,
        "complete": len(applied) == len(live),
        "live": len(live),
        "applied": len(applied),
        "refused": refused,
        "waiting": [each.name for each in live if each.name not in {*applied, *refused}],
        "processes": [_member(each) for each in fleet],
    }
    return answered(body)


@router.get("/effective", response_model=Effective, responses=PROBLEMS)
async def read_effective(
    scope: Operator,
    here: Here,
    location: Annotated[str, Query(max_length=100)] = DEFAULT_LOCATION,
    type: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Read every value that decides about a type at a location, the document and line that say so, and who wrote it."""
    place = here.intake.places.find(scope, location, type)
    async with here.pool.acquire() as connection:
        found = await revisions.get(connection, place.revision)
        assert found is not None
        leaves = here.revisions.configuration(place.revision).explain(location, type)
        versions = await revisions.versions(connection, found.number, list({leaf.file for leaf in leaves}))
        since = await giving_way(_since, versions)
        authors = await revisions.authors(connection, [number for lines in since.values() for number in set(lines)])
    return answered(
        {
            "revision": found.number,
            "author": found.author,
            "published_at": found.published_at,
            "plans": [
                {"plan": way.plan.name, "hash": way.plan.mark, "when": way.when.text if way.when is not None else None}
                for way in place.site.ways[type]
            ],
            "leaves": [
                {**msgspec.to_builtins(leaf), "revision": number, "author": authors[number]}
                for leaf in leaves
                for number in (since[leaf.file][leaf.line - 1],)
            ],
        }
    )


def _since(versions: Mapping[str, Sequence[tuple[int, str]]]) -> dict[str, list[int]]:
    return {name: line_revisions(told) for name, told in versions.items()}


async def _revision(connection: Connection, number: str) -> Revision:
    """Return a revision by its number. Raises Problem."""
    if number == "newest":
        found = await revisions.newest(connection)
    else:
        is_number = number.isascii() and number.isdigit() and len(number) < 10
        found = await revisions.get(connection, int(number)) if is_number else None
    if found is None:
        raise Problem("not-found", f"there is no revision {number[:40]!r}")
    return found


async def _again(
    here: Services, publisher: Publisher, scope: Scope, body: PublishBody, number: int, expected: int | None
) -> Revision:
    async with here.pool.acquire() as connection:
        if await revisions.get(connection, number) is None:
            raise Problem("not-found", f"there is no revision {number}", pointer="#/again")
    return await publisher.publish_again(scope, number, terms_of(body), expected=expected)


def _member(each: Member) -> dict[str, Any]:
    return {**msgspec.to_builtins(each), "is_live": each.is_live}
