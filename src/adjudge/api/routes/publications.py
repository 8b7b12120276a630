"""What the routers of revisions and of drafts share: preconditions of publishing, and what it would change."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from fastapi import Depends, Header, Response
from pydantic import BaseModel, ConfigDict, Field

from adjudge.api.answers import as_json
from adjudge.api.authentication import Operator
from adjudge.api.problems import Problem, fault_of
from adjudge.api.services import Services
from adjudge.api.shapes import PROBLEMS as COMMON
from adjudge.config import Configuration, InvalidConfiguration, diff, difference_in_words
from adjudge.config.remarks import remarks
from adjudge.engine.configuration.previewing import Tally, preview
from adjudge.engine.configuration.publishing import Publisher, check_places
from adjudge.engine.giving_way import giving_way
from adjudge.store import controls
from adjudge.store.configuration import recorded
from adjudge.store.configuration.revisions import Terms
from adjudge.store.scope import Scope

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


class DocumentsBody(BaseModel):
    """Documents that are not published."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"documents": DOCUMENTS}]})

    documents: dict[str, str] = Field(description=WHAT_A_SET_IS)


async def of_everything(scope: Operator) -> Scope:
    """Dependency: an operator who may change what holds for all. Raises Problem."""
    if scope.locations is not None:
        raise Problem("forbidden", "configuration holds for all locations, and your key is bound to some")
    return scope


OfEverything: TypeAlias = Annotated[Scope, Depends(of_everything)]


def publisher_of(here: Services) -> Publisher:
    """Return the publisher of this process."""
    return Publisher(here.pool, here.revisions, here.streams)


def tag(header: str | None) -> int | None:
    """Return the revision, or the version of a draft, that an If-Match names; None: whichever. Raises Problem."""
    if header is None:
        raise Problem("precondition-required", 'say in `If-Match` what you build on, as its `ETag` was: `"7"`, or `*`')
    text = header.strip().removeprefix("W/").strip('"')
    if text == "*":
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise Problem("revision-moved", f"{text[:40]!r} is no number of a revision or a draft's version")
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
    found = await giving_way(diff, in_force.sites(), in_force.after(compiled, only_at).sites(), traffic)
    return {
        **base,
        "hash": compiled.hash,
        "in_force": in_force.rest is None and compiled.hash == in_force.newest.hash,
        "faults": [],
        "remarks": await giving_way(_remarks, compiled),
        "difference": {
            "in_words": difference_in_words(found),
            "locations_added": found.locations_added,
            "locations_removed": found.locations_removed,
            "leaves": [msgspec.to_builtins(leaf) for leaf in found.leaves],
            "plans": [msgspec.to_builtins(plan) for plan in found.plans],
            "certificates_ending": [msgspec.to_builtins(ending) for ending in found.certificates_ending],
            "decisions_a_day": found.decisions_a_day,
            "all_decisions_a_day": found.all_decisions_a_day,
        },
    }


async def previewed(here: Services, compiled: Configuration, span: timedelta) -> dict[str, Any]:
    """Return what a configuration would have made of what was decided."""
    async with here.pool.acquire() as connection:
        sample = await recorded.sample(connection, span, MOST_RELIVED)
        in_force = await controls.read(connection)
    tallies = await giving_way(preview, compiled, sample, in_force)
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


def _remarks(configuration: Configuration) -> list[str]:
    return list(remarks(configuration))


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
