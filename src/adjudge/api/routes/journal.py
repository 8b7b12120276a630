"""The journal: who changed keys, reviewers, switches and configuration, and who looked at evidence."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field

from adjudge.api.answers import Answer, as_json
from adjudge.api.authentication import Admin
from adjudge.api.instants import Instant
from adjudge.api.services import Here
from adjudge.api.shapes import PROBLEMS
from adjudge.store import journal
from adjudge.store.journal import Action

router = APIRouter(prefix="/v1", tags=["administration"])

LARGEST_ID = 2**63 - 1


class JournalEntry(Answer):
    """Something that was done."""

    id: int
    at: datetime
    actor: str = Field(description="id of an API key; `system`, `command line`, or the role of a process")
    actor_name: str | None = Field(description="the key's name")
    action: str
    subject: str = Field(description="id of the key or decision, name of the reviewer or decider, number of a revision")
    location: str | None
    detail: dict[str, Any] = Field(description="never evidence")


class JournalPage(Answer):
    """A page of the journal, newest first."""

    items: list[JournalEntry]
    next: int | None = Field(description="`cursor` of the next page")


@router.get("/journal", response_model=JournalPage, responses=PROBLEMS)
async def read_journal(
    scope: Admin,
    here: Here,
    action: Action | None = None,
    actor: Annotated[str | None, Query(max_length=200)] = None,
    subject: Annotated[str | None, Query(max_length=200)] = None,
    since: Instant | None = None,
    until: Instant | None = None,
    limit: Annotated[int, Query(ge=1, le=journal.LONGEST_PAGE)] = 50,
    cursor: Annotated[int | None, Query(ge=0, le=LARGEST_ID)] = None,
) -> Response:
    """Read the journal, newest first. A key that is bound to locations is shown what was done there."""
    wanted = journal.Filter(action=action, actor=actor, subject=subject, since=since, until=until)
    async with here.pool.acquire() as connection:
        page = await journal.page(connection, scope, wanted, cursor, limit)
    body = {"items": page, "next": page[-1].id if len(page) == limit else None}
    return as_json(body)
