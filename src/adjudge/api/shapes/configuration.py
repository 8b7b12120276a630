"""Responses about the configuration and switches, as the OpenAPI document has them."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from adjudge.api.shapes import Fault, Shape


class RevisionView(Shape):
    """A published configuration: numbered, and never changed."""

    number: int
    hash: str = Field(description="of its documents: the same documents have the same hash everywhere")
    author: str
    message: str
    published_at: datetime
    again: int | None = Field(description="the revision whose documents these are: it was published again")
    approved: list[str] = Field(description="who else has agreed to it")
    only_at: list[str] | None = Field(description="`location:NAME` and `group:NAME`; null: everywhere")
    rest: int | None = Field(description="the revision that holds elsewhere; null: none does")
    goes_on: datetime | None = Field(description="when it holds everywhere by itself")


class RevisionWithDocuments(RevisionView):
    """A published configuration with its documents."""

    documents: dict[str, str] = Field(description="text by name")


class RevisionPage(Shape):
    """Revisions, newest first."""

    items: list[RevisionView]
    next: int | None = Field(description="`before` of the next request; null: there are no more")


class ChangedLeafView(Shape):
    """A value that differs at some locations."""

    path: str
    before: Any = Field(description="null: it was not given")
    after: Any = Field(description="null: it is not given any more")
    file: str
    line: int
    layer: str
    locations: list[str]
    decisions_a_day: float = Field(description="of those asked there, by the last week")


class ChangedPlanView(Shape):
    """The plans that questions of a type may take at some locations."""

    type: str
    before: list[str] = Field(description="`name hash`, in the order of routes")
    after: list[str]
    locations: list[str]
    decisions_a_day: float


class EndingCertificatesView(Shape):
    """A certified stage that is gone, or is something else from then on: certificates of it that are in force end."""

    type: str
    plan: str
    deciders: list[str] = Field(description="of the stage, before")
    locations: list[str]


class DifferenceView(Shape):
    """What differs in effect from what is in force."""

    in_words: list[str]
    locations_added: list[str]
    locations_removed: list[str]
    leaves: list[ChangedLeafView]
    plans: list[ChangedPlanView]
    certificates_ending: list[EndingCertificatesView]
    decisions_a_day: float
    all_decisions_a_day: float


class Checked(Shape):
    """What publishing documents would do."""

    base: int = Field(description="the revision in force with which they were compared")
    base_hash: str
    hash: str | None = Field(description="null: they have faults")
    in_force: bool = Field(description="exactly these documents hold everywhere already")
    faults: list[Fault]
    remarks: list[str] = Field(description="what is likely a slip, in words; no fault, for it may be meant")
    difference: DifferenceView | None


class Ends(Shape):
    """How decisions ended."""

    accepted: int
    people: int
    fallback: int


class DraftEnds(Ends):
    """How decisions would have ended."""

    unknown: int = Field(description="somebody would have been asked who was not")
    no_plan: int


class TallyView(Shape):
    """What documents would have made of a type's decisions."""

    decisions: int
    before: Ends
    after: DraftEnds
    unknown_asked: dict[str, int] = Field(description="by whom the plan would ask")
    other_answers: int = Field(description="among those whose end is known")
    cost_micros_before: dict[str, int] = Field(description="by currency, of those whose end is known")
    cost_micros_after: dict[str, int]


class Preview(Shape):
    """What documents would have made of what was decided."""

    days: float
    decisions: int
    is_sample: bool = Field(description="there were more")
    types: dict[str, TallyView]


class MemberView(Shape):
    """A process, and what it runs."""

    name: str
    role: Literal["api", "worker", "keeper"]
    release: str
    started_at: datetime
    silent_seconds: float
    revision: int
    hash: str
    since: datetime
    drift: str | None = Field(description="how its folder differs from what was published when it began")
    refused: int | None = Field(description="the newest revision that it has refused")
    why: str | None
    is_live: bool


class Receipts(Shape):
    """How far a publication has come."""

    revision: int
    complete: bool = Field(description="every live process has it")
    live: int
    applied: int
    refused: list[str]
    waiting: list[str]
    processes: list[MemberView]


class WayView(Shape):
    """A plan that questions may take."""

    plan: str
    hash: str
    when: str | None = Field(description="the condition of its route; null: it has none")


class LeafView(Shape):
    """A value that decides, and where it is from."""

    path: str
    value: Any
    file: str
    line: int
    layer: str
    revision: int = Field(description="since which that line stands there")
    author: str


class Effective(Shape):
    """All that decides about a type at a location."""

    revision: int
    author: str
    published_at: datetime
    plans: list[WayView]
    leaves: list[LeafView]


class DraftView(Shape):
    """Documents on their way to a revision."""

    id: UUID
    version: int
    base: int = Field(description="the revision in force when it was written")
    documents: list[str] = Field(description="their names")
    message: str
    author: str
    edited_by: list[str]
    approved: list[str]
    created_at: datetime
    changed_at: datetime
    published: int | None = Field(description="the revision it became")


class DraftWithDocuments(DraftView):
    """A draft with its documents, and what publishing it would do."""

    documents: dict[str, str] = Field(description="text by name")  # type: ignore[assignment]
    would: Checked | None = Field(description="null: it was published")


class Drafts(Shape):
    """Drafts that are open."""

    drafts: list[DraftView]


class SwitchView(Shape):
    """A switch that somebody has touched."""

    scope: str
    kind: Literal["decider", "type", "location", "group", "everywhere"]
    name: str
    at: str | None = Field(description="of a type: at this location alone")
    state: Literal["on", "off", "expired"]
    reason: str
    changed_by: str
    changed_at: datetime
    until: datetime | None = Field(description="when it is on again by itself")
    generation: int


class Switches(Shape):
    """What is switched off, or was."""

    switches: list[SwitchView]
