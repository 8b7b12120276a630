"""The calls about reviewers, deciders and the configuration."""

from collections.abc import Sequence

import msgspec

from adjudge.client.calls import Call, path, reader
from adjudge.client.values import Decider, NewReviewer, Overview, Published, Reviewer

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
