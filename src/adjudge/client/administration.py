"""Reviewers, deciders, the configuration in force, the overview: the calls, and what they answer."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from adjudge.client.calls import Call, path, reader
from adjudge.client.values import Value


class Reviewer(Value, frozen=True, kw_only=True):
    """A person who answers for pools."""

    name: str
    pools: tuple[str, ...] = ()
    has_key: bool = True
    """False: all their keys are revoked, and they are asked nothing."""


class NewReviewer(Value, frozen=True, kw_only=True):
    """A reviewer just added; `key` is shown this once."""

    name: str
    pools: tuple[str, ...] = ()
    key: str


class Breaker(Value, frozen=True, kw_only=True):
    """Whether a decider is being asked at all."""

    state: str | None = None
    reason: str | None = None
    fault: str | None = None
    """Of what kind the fault was that opened it."""
    since: datetime | None = None
    until: datetime | None = None
    """When an open one lets a probe through; past that it is `due` until the next question does."""


class PoolPeople(Value, frozen=True, kw_only=True):
    """The people of a pool."""

    members: int = 0
    at_work: int = 0
    """They have a task, or answered one within five minutes."""
    paused: bool = False


class ShadowTally(Value, frozen=True, kw_only=True):
    """What was expected of a decider in shadow in the last hour, and what came of it."""

    expected: int = 0
    answered: int = 0
    failed: int = 0
    dropped: int = 0
    """Not asked, so that others were served."""
    missing: int = 0
    """Expected and not answered; those of this moment included."""


class Decider(Value, frozen=True, kw_only=True):
    """Whoever can be asked."""

    id: str
    kind: str
    role: str = "serving"
    """`shadow`: asked on the side, and never believed."""
    switched_off: bool = False
    """By an operator, in every process."""
    breaker: Breaker | None = None
    """The worst of all workers; None: none has reported."""
    shadow: ShadowTally | None = None
    """None: it serves."""
    people: PoolPeople | None = None
    """None: it is no pool of people."""


class OpenDecisions(Value, frozen=True, kw_only=True):
    """Decisions of one lane without a final outcome."""

    lane: str
    count: int
    oldest_seconds: float


class AskingStream(Value, frozen=True, kw_only=True):
    """Questions to one decider that are not finished."""

    decider: str
    unread: int
    held: int
    """In workers' hands."""
    oldest_seconds: float | None = None
    dead: int = 0


class Overview(Value, frozen=True, kw_only=True):
    """Everything at one moment. Two of them give rates."""

    at: datetime
    revision: int
    accepted: int
    """Since the first decision; a failed commit leaves a gap."""
    open: tuple[OpenDecisions, ...] = ()
    overdue: int = 0
    """Open decisions with a step due that nobody takes."""
    sources: Mapping[str, int] = {}
    """Who settled the latest outcomes."""
    streams: tuple[AskingStream, ...] | None = None
    """None: the broker does not answer."""


class Published(Value, frozen=True, kw_only=True):
    """The configuration in force."""

    revision: int
    hash: str
    types: Any = None
    locations: Any = None


_reviewer = reader(Reviewer)
_new_reviewer = reader(NewReviewer)
_published = reader(Published)
_overview = reader(Overview)


def add_reviewer(name: str, pools: Sequence[str]) -> Call[NewReviewer]:
    """Add a person who answers for pools, or take one back. Their key is shown this once; the key is the person."""
    body = {"name": name, "pools": list(pools)}
    return Call(method="POST", path=path("reviewers"), read=_new_reviewer, body=body, repeatable=False)


def move_reviewer(name: str, pools: Sequence[str]) -> Call[Reviewer]:
    """Have a person answer for these pools from now on."""
    return Call(method="PUT", path=path("reviewers", name), read=_reviewer, body={"pools": list(pools)})


def list_reviewers() -> Call[tuple[Reviewer, ...]]:
    """Return the people who answer."""
    return Call(method="GET", path=path("reviewers"), read=_read_reviewers)


def list_deciders() -> Call[tuple[Decider, ...]]:
    """Return whoever can be asked, and whether they are."""
    return Call(method="GET", path=path("deciders"), read=_read_deciders)


def get_config() -> Call[Published]:
    """Return the configuration in force."""
    return Call(method="GET", path=path("config"), read=_published)


def read_overview() -> Call[Overview]:
    """Return the state of everything; the key must be bound to no location."""
    return Call(method="GET", path=path("overview"), read=_overview)


class _Reviewers(msgspec.Struct, frozen=True):
    reviewers: tuple[Reviewer, ...]


class _Deciders(msgspec.Struct, frozen=True):
    deciders: tuple[Decider, ...]


def _read_reviewers(content: bytes) -> tuple[Reviewer, ...]:
    return msgspec.json.decode(content, type=_Reviewers).reviewers


def _read_deciders(content: bytes) -> tuple[Decider, ...]:
    return msgspec.json.decode(content, type=_Deciders).deciders
