"""The calls about keys, reviewers, deciders and the configuration."""

from collections.abc import Sequence

import msgspec

from adjudge.client.calls import Call, known, nothing, path, reader
from adjudge.client.values import Decider, Key, NewKey, NewReviewer, Published, Reviewer, Role

_new_key = reader(NewKey)
_new_reviewer = reader(NewReviewer)
_published = reader(Published)


def create_key(
    name: str, role: Role, *, locations: Sequence[str] | None = None, pools: Sequence[str] | None = None
) -> Call[NewKey]:
    """Make an API key, for all locations and pools where none are named. Its secret is shown this once."""
    body = known(name=name, role=role, locations=locations, pools=pools)
    return Call(method="POST", path=path("keys"), read=_new_key, body=body, repeatable=False)


def list_keys() -> Call[tuple[Key, ...]]:
    """Return all keys, without their secrets."""
    return Call(method="GET", path=path("keys"), read=_read_keys)


def revoke_key(id: str) -> Call[None]:  # noqa: A002
    """End a key: it opens nothing from now on."""
    return Call(method="DELETE", path=path("keys", id), read=nothing)


def add_reviewer(name: str, pools: Sequence[str]) -> Call[NewReviewer]:
    """Add a person who answers for pools. Their key is shown this once; the key is the person."""
    body = {"name": name, "pools": list(pools)}
    return Call(method="POST", path=path("reviewers"), read=_new_reviewer, body=body, repeatable=False)


def list_reviewers() -> Call[tuple[Reviewer, ...]]:
    """Return the people who answer."""
    return Call(method="GET", path=path("reviewers"), read=_read_reviewers)


def list_deciders() -> Call[tuple[Decider, ...]]:
    """Return whoever can be asked, and whether they are."""
    return Call(method="GET", path=path("deciders"), read=_read_deciders)


def get_config() -> Call[Published]:
    """Return the configuration in force."""
    return Call(method="GET", path=path("config"), read=_published)


class _Keys(msgspec.Struct, frozen=True):
    keys: tuple[Key, ...]


class _Reviewers(msgspec.Struct, frozen=True):
    reviewers: tuple[Reviewer, ...]


class _Deciders(msgspec.Struct, frozen=True):
    deciders: tuple[Decider, ...]


def _read_keys(content: bytes) -> tuple[Key, ...]:
    return msgspec.json.decode(content, type=_Keys).keys


def _read_reviewers(content: bytes) -> tuple[Reviewer, ...]:
    return msgspec.json.decode(content, type=_Reviewers).reviewers


def _read_deciders(content: bytes) -> tuple[Decider, ...]:
    return msgspec.json.decode(content, type=_Deciders).deciders
