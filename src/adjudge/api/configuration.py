"""The configuration in force: what it is, what came before, who runs it; publishing, and trying a change first."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from adjudge.api.answers import as_json
from adjudge.api.authentication import Caller, require
from adjudge.api.configuration_shapes import (
    Checked,
    Effective,
    Preview,
    Receipts,
    RevisionPage,
    RevisionView,
    RevisionWithDocuments,
)
from adjudge.api.documents import check_documents
from adjudge.api.problems import Problem, fault_of
from adjudge.api.services import Here, Services
from adjudge.api.shapes import PROBLEMS as COMMON
from adjudge.config import Configuration, InvalidConfiguration, diff, difference_in_words
from adjudge.config.authorship import line_revisions
from adjudge.config.remarks import remarks
from adjudge.core.specifications import DEFAULT_LOCATION
from adjudge.engine.aside import aside
from adjudge.engine.previewing import Tally, preview
from adjudge.engine.publishing import Publisher, check_places
from adjudge.store import controls, receipts, recorded, revisions
from adjudge.store.connecting import Connection
from adjudge.store.receipts import Member
from adjudge.store.revisions import Revision, Terms
from adjudge.store.scope import Scope

router = APIRouter(prefix="/v1/config", tags=["configuration"])

PROBLEMS = {**COMMON, 412: COMMON[409] | {"description": "somebody else was faster"}}
IfMatch = Annotated[
    str | None, Header(description='which you build on, as its `ETag` says: `"7"`; `*`: whichever is in force')
]

WEEK: Final = timedelta(days=7)
MOST_RELIVED: Final = 5_000
LONGEST_MESSAGE: Final = 1_000
DOCUMENTS: Final[dict[str, Any]] = {"config/claims.yaml": "types: …"}
WHAT_A_SET_IS: Final = "text of each YAML document by its name; those of packs that are named are added"


class OnlyAt(BaseModel):
    """Where a revision holds at first; the one before it holds elsewhere."""

    model_config = ConfigDict(extra="forbid")

    locations: list[str] = Field([], max_length=1000)
    groups: list[str] = Field([], max_length=1000)


class TermsBody(BaseModel):
    """How to publish."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"message": "0.97 in the east"}]})

    message: str = Field("", max_length=LONGEST_MESSAGE)
    only_at: OnlyAt | None = Field(None, description="at some locations first; unset: everywhere")
    goes_on_after_seconds: float | None = Field(
        None, gt=0, le=30 * 86_400, description="after which it holds everywhere; unset: when you publish it again"
    )


class PublishBody(TermsBody):
    """What to publish: documents, or an older revision again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"again": 3, "message": "roll back"}]})

    documents: dict[str, str] | None = Field(None, description=WHAT_A_SET_IS)
    again: int | None = Field(None, ge=1, le=2**31 - 1, description="the number of the revision to publish again")
    hash: str | None = Field(
        None, max_length=64, description="refuse unless the documents are exactly those that were tested elsewhere"
    )


class DocumentsBody(BaseModel):
    """Documents that are not published."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"documents": DOCUMENTS}]})

    documents: dict[str, str] = Field(description=WHAT_A_SET_IS)


class CheckBody(DocumentsBody):
    """Documents to compare with what is in force."""

    only_at: OnlyAt | None = Field(None, description="published at some locations first; unset: everywhere")


class PreviewBody(DocumentsBody):
    """Documents to try on what was decided."""

    days: float = Field(7, gt=0, le=90)


@router.get("/revisions", response_model=RevisionPage, responses=PROBLEMS)
async def list_revisions(
    scope: Caller,
    here: Here,
    before: Annotated[int | None, Query(ge=0, le=2**31 - 1)] = None,
    limit: Annotated[int, Query(ge=1, le=revisions.LONGEST_PAGE)] = 50,
) -> Response:
    """List revisions, newest first: that one is in force."""
    of_everything(scope)
    async with here.pool.acquire() as connection:
        page = await revisions.page(connection, before, limit)
    return answered({"items": page, "next": page[-1].number if len(page) == limit else None})


@router.get("/revisions/{number}", response_model=RevisionWithDocuments, responses=PROBLEMS)
async def read_revision(number: str, scope: Caller, here: Here) -> Response:
    """Read a revision with its documents; `newest`: the one in force."""
    of_everything(scope)
    async with here.pool.acquire() as connection:
        found = await _revision(connection, number)
        documents = await revisions.documents(connection, found.number)
    return answered({**msgspec.to_builtins(found), "documents": documents}, etag=found.number)


@router.post("/revisions", status_code=201, response_model=RevisionView, responses=PROBLEMS)
async def publish(body: PublishBody, scope: Caller, here: Here, if_match: IfMatch = None) -> Response:
    """Publish: all processes take it over within a second; `GET /v1/config/receipts` says which have.

    Refused whole where there is a fault, and where another revision is in force than you say in `If-Match`.
    """
    of_everything(scope)
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
async def check(body: CheckBody, scope: Caller, here: Here) -> Response:
    """Say what publishing these documents would do: every fault, or what differs in effect from what is in force."""
    of_everything(scope)
    check_documents(body.documents)
    return answered(await checked(here, body.documents, places_of(body.only_at)))


@router.post("/preview", response_model=Preview, responses=PROBLEMS)
async def preview_documents(body: PreviewBody, scope: Caller, here: Here) -> Response:
    """Try these documents on decisions of the last days: how many would have been accepted, and at what cost.

    On what was said then. Where somebody would be asked who was not, the end is `unknown`.
    """
    of_everything(scope)
    check_documents(body.documents)
    compiled = await publisher_of(here).compiled(body.documents)
    return answered(await previewed(here, compiled, timedelta(days=body.days)))


@router.get("/receipts", response_model=Receipts, responses=PROBLEMS)
async def read_receipts(
    scope: Caller, here: Here, revision: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None
) -> Response:
    """Read who runs what: complete is a publication when every live process has it.

    A process that is newer than the revision asked for counts as having it.
    """
    of_everything(scope)
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
    scope: Caller,
    here: Here,
    location: Annotated[str, Query(max_length=100)] = DEFAULT_LOCATION,
    type: Annotated[str, Query(max_length=100)] = "",  # noqa: A002
) -> Response:
    """Read every value that decides about a type at a location, the document and line that say so, and who wrote it."""
    require(scope, "operator")
    place = here.intake.place(scope, location, type)
    async with here.pool.acquire() as connection:
        found = await revisions.get(connection, place.revision)
        assert found is not None
        leaves = here.revisions.configuration(place.revision).explain(location, type)
        versions = await revisions.versions(connection, found.number, list({leaf.file for leaf in leaves}))
        since = await aside(_since, versions)
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


def _remarks(configuration: Configuration) -> list[str]:
    return list(remarks(configuration))


def _since(versions: Mapping[str, Sequence[tuple[int, str]]]) -> dict[str, list[int]]:
    return {name: line_revisions(told) for name, told in versions.items()}


def of_everything(scope: Scope) -> None:
    """Refuse keys that may not change what holds for all. Raises Problem."""
    require(scope, "operator")
    if scope.locations is not None:
        raise Problem("forbidden", "configuration holds for all locations, and your key is bound to some")


def publisher_of(here: Services) -> Publisher:
    """Return the publisher of this process."""
    return Publisher(here.pool, here.revisions, here.streams)


def tag(header: str | None) -> int | None:
    """Return the number that an If-Match names; None: whichever. Raises Problem."""
    if header is None:
        raise Problem("precondition-required", 'say in `If-Match` which revision you build on: `"7"`, or `*`')
    text = header.strip().removeprefix("W/").strip('"')
    if text == "*":
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise Problem("revision-moved", f"there is no revision {text[:40]!r}")
    return int(text)


def places_of(only_at: OnlyAt | None) -> tuple[str, ...] | None:
    """Return where something is published first; None: everywhere. Raises Problem."""
    if only_at is None:
        return None
    places = (*(f"location:{name}" for name in only_at.locations), *(f"group:{name}" for name in only_at.groups))
    if not places:
        raise Problem("invalid-body", "name a location or a group", pointer="#/only_at")
    return places


def terms_of(body: TermsBody) -> Terms:
    """Return how to publish."""
    only_at = places_of(body.only_at)
    seconds = body.goes_on_after_seconds
    if seconds is not None and only_at is None:
        raise Problem("invalid-body", "it holds everywhere at once", pointer="#/goes_on_after_seconds")
    after = None if seconds is None else timedelta(seconds=seconds)
    return Terms(message=body.message, only_at=only_at, goes_on_after=after)


async def checked(
    here: Services, documents: Mapping[str, str], only_at: tuple[str, ...] | None = None
) -> dict[str, Any]:
    """Return every fault, or what would differ in effect, at some locations or everywhere. Raises UnknownPlaces."""
    in_force = here.revisions.in_force
    base = {"base": in_force.newest.revision, "base_hash": in_force.newest.hash}
    try:
        compiled = await publisher_of(here).compiled(documents)
    except InvalidConfiguration as invalid:
        faults = [fault_of(fault) for fault in invalid.faults]
        return {**base, "hash": None, "in_force": False, "faults": faults, "remarks": [], "difference": None}
    check_places(compiled, only_at)
    async with here.pool.acquire() as connection:
        traffic = await recorded.traffic(connection, WEEK)
    found = await aside(diff, in_force.sites(), in_force.after(compiled, only_at).sites(), traffic)
    return {
        **base,
        "hash": compiled.hash,
        "in_force": in_force.rest is None and compiled.hash == in_force.newest.hash,
        "faults": [],
        "remarks": await aside(_remarks, compiled),
        "difference": {
            "in_words": difference_in_words(found),
            "locations_added": found.locations_added,
            "locations_removed": found.locations_removed,
            "leaves": [msgspec.to_builtins(leaf) for leaf in found.leaves],
            "plans": [msgspec.to_builtins(plan) for plan in found.plans],
            "decisions_a_day": found.decisions_a_day,
            "all_decisions_a_day": found.all_decisions_a_day,
        },
    }


async def previewed(here: Services, compiled: Configuration, span: timedelta) -> dict[str, Any]:
    """Return what a configuration would have made of what was decided."""
    async with here.pool.acquire() as connection:
        sample = await recorded.sample(connection, span, MOST_RELIVED)
        in_force = await controls.read(connection)
    tallies = await aside(preview, compiled, sample, in_force)
    return {
        "days": span / timedelta(days=1),
        "decisions": len(sample),
        "is_sample": len(sample) >= MOST_RELIVED,
        "types": {name: _tally(tally) for name, tally in tallies.items()},
    }


def answered(value: object, status: int = 200, *, etag: int | None = None) -> Response:
    """Return an answer with the tag that If-Match will name."""
    response = as_json(value, status)
    if etag is not None:
        response.headers["ETag"] = f'"{etag}"'
    return response


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


def _tally(tally: Tally) -> dict[str, Any]:
    ends: Sequence[str] = ("accepted", "people", "fallback", "unknown", "no-plan")
    return {
        "decisions": tally.decisions,
        "before": {end: tally.before[end] for end in ends[:3]},
        "after": {end.replace("-", "_"): tally.after[end] for end in ends},
        "unknown_asked": dict(tally.unknown.most_common(20)),
        "other_answers": tally.other_answers,
        "cost_micros_before": dict(tally.cost_before),
        "cost_micros_after": dict(tally.cost_after),
    }
