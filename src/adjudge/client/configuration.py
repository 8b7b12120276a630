"""Revisions, drafts, receipts and switches: the calls, and what they answer."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from adjudge.client.calls import Call, known, nothing, path, reader
from adjudge.client.values import Value


class ConfigRevision(Value, frozen=True, kw_only=True):
    """A published configuration, numbered and immutable."""

    number: int
    hash: str
    author: str
    message: str
    published_at: datetime
    again: int | None = None
    """The revision whose documents these are."""
    approved: tuple[str, ...] = ()
    only_at: tuple[str, ...] | None = None
    """`location:NAME` and `group:NAME`; None: everywhere."""
    rest: int | None = None
    """The revision that holds elsewhere."""
    goes_on: datetime | None = None
    documents: dict[str, str] | None = None
    """None where revisions are listed."""


class ConfigFault(Value, frozen=True, kw_only=True):
    """One thing that is wrong with documents."""

    detail: str
    document: str = ""
    line: int = 0
    path: str = ""
    nearest: str | None = None


class ConfigCheck(Value, frozen=True, kw_only=True):
    """What publishing documents would do."""

    base: int
    """The revision in force with which they were compared."""
    base_hash: str
    hash: str | None = None
    """None: they have faults."""
    in_force: bool = False
    """Exactly these documents hold everywhere already."""
    faults: tuple[ConfigFault, ...] = ()
    remarks: tuple[str, ...] = ()
    """What is likely a slip, in words; no fault, for it may be meant."""
    difference: dict[str, Any] | None = None
    """`in_words`, and the same for machines."""


class ConfigPreview(Value, frozen=True, kw_only=True):
    """What documents would have made of decisions."""

    days: float
    decisions: int
    is_sample: bool
    types: dict[str, dict[str, Any]]


class ConfigMember(Value, frozen=True, kw_only=True):
    """A process, and what it runs."""

    name: str
    role: str
    release: str
    is_live: bool
    silent_seconds: float
    revision: int
    hash: str
    since: datetime
    drift: str | None = None
    refused: int | None = None
    why: str | None = None


class ConfigReceipts(Value, frozen=True, kw_only=True):
    """How far a publication has come."""

    revision: int
    complete: bool
    live: int
    applied: int
    refused: tuple[str, ...]
    waiting: tuple[str, ...]
    processes: tuple[ConfigMember, ...]


class ConfigDraft(Value, frozen=True, kw_only=True):
    """Documents on their way to a revision."""

    id: str
    version: int
    base: int
    message: str
    author: str
    approved: tuple[str, ...]
    changed_at: datetime
    published: int | None = None


class Switch(Value, frozen=True, kw_only=True):
    """What is switched off, or was."""

    scope: str
    kind: str
    name: str
    at: str | None
    state: Literal["on", "off", "expired"]
    reason: str
    changed_by: str
    changed_at: datetime
    until: datetime | None
    generation: int


_revision = reader(ConfigRevision)
_draft = reader(ConfigDraft)
_check = reader(ConfigCheck)
_preview = reader(ConfigPreview)
_receipts = reader(ConfigReceipts)
_switch = reader(Switch)

LONG_SECONDS = 20
"""Compiling and comparing take their time."""


def revisions(*, before: int | None = None, limit: int | None = None) -> Call[tuple[ConfigRevision, ...]]:
    """Return revisions without their documents, newest first: that one is in force."""
    params = known(before=None if before is None else str(before), limit=None if limit is None else str(limit))
    return Call(method="GET", path=path("config", "revisions"), read=_read_revisions, params=params)


def revision(number: int | None = None) -> Call[ConfigRevision]:
    """Return a revision with its documents; without a number, the one in force."""
    return Call(
        method="GET",
        path=path("config", "revisions", "newest" if number is None else str(number)),
        read=_revision,
        wait_seconds=LONG_SECONDS,
    )


def publish(
    documents: Mapping[str, str] | None = None,
    *,
    again: int | None = None,
    base: int | None = None,
    message: str = "",
    locations: Sequence[str] = (),
    groups: Sequence[str] = (),
    goes_on_after_seconds: float | None = None,
    hash: str | None = None,
) -> Call[ConfigRevision]:
    """Publish documents, or an older revision again. `base`: the revision that must be in force; None: whichever.

    With `locations` or `groups` it holds there first. `hash`: refuse unless the documents are exactly those.
    """
    body = known(
        documents=documents,
        again=again,
        message=message,
        only_at=_only_at(locations, groups),
        goes_on_after_seconds=goes_on_after_seconds,
        hash=hash,
    )
    return Call(
        method="POST",
        path=path("config", "revisions"),
        read=_revision,
        body=body,
        headers=_if_match(base),
        wait_seconds=LONG_SECONDS,
        repeatable=False,
    )


def check(
    documents: Mapping[str, str], *, locations: Sequence[str] = (), groups: Sequence[str] = ()
) -> Call[ConfigCheck]:
    """Return every fault, or what publishing these documents, there first or everywhere, would change."""
    body = known(documents=documents, only_at=_only_at(locations, groups))
    return Call(method="POST", path=path("config", "check"), read=_check, body=body, wait_seconds=LONG_SECONDS)


def preview(documents: Mapping[str, str], *, days: float = 7) -> Call[ConfigPreview]:
    """Return what would have become of the decisions of the last days, on what was said then."""
    body = {"documents": documents, "days": days}
    return Call(method="POST", path=path("config", "preview"), read=_preview, body=body, wait_seconds=LONG_SECONDS)


def receipts(revision: int | None = None) -> Call[ConfigReceipts]:
    """Return who runs what, and whether every live process has the revision; without a number, the newest."""
    params = known(revision=None if revision is None else str(revision))
    return Call(method="GET", path=path("config", "receipts"), read=_receipts, params=params)


def create_draft(documents: Mapping[str, str], *, message: str = "") -> Call[ConfigDraft]:
    """Begin a draft."""
    body = {"documents": documents, "message": message}
    return Call(method="POST", path=path("config", "drafts"), read=_draft, body=body, repeatable=False)


def list_drafts() -> Call[tuple[ConfigDraft, ...]]:
    """Return the drafts that are open."""
    return Call(method="GET", path=path("config", "drafts"), read=_read_drafts)


def approve_draft(id: str, version: int) -> Call[ConfigDraft]:
    """Agree, as a second person, to a version of a draft."""
    return Call(
        method="POST", path=path("config", "drafts", id, "approve"), read=_draft, body={}, headers=_if_match(version)
    )


def publish_draft(
    id: str,
    version: int,
    *,
    message: str = "",
    locations: Sequence[str] = (),
    groups: Sequence[str] = (),
    goes_on_after_seconds: float | None = None,
) -> Call[ConfigRevision]:
    """Publish a version of a draft."""
    body = known(message=message, only_at=_only_at(locations, groups), goes_on_after_seconds=goes_on_after_seconds)
    return Call(
        method="POST",
        path=path("config", "drafts", id, "publish"),
        read=_revision,
        body=body,
        headers=_if_match(version),
        wait_seconds=LONG_SECONDS,
        repeatable=False,
    )


def discard_draft(id: str) -> Call[None]:
    """Drop a draft."""
    return Call(method="DELETE", path=path("config", "drafts", id), read=nothing)


def list_switches(*, all: bool = False) -> Call[tuple[Switch, ...]]:
    """Return what is switched off; `all`: also what was switched on again."""
    return Call(method="GET", path=path("controls"), read=_read_switches, params={"all": "true"} if all else {})


def switch(
    kind: str, name: str = "", *, on: bool, reason: str, at: str | None = None, for_seconds: float | None = None
) -> Call[Switch]:
    """Switch a decider, a type (at a location), a location, a group or everything off or on, at once."""
    body = known(kind=kind, name=name, at=at, on=on, reason=reason, for_seconds=for_seconds)
    return Call(method="POST", path=path("controls"), read=_switch, body=body)


def _only_at(locations: Sequence[str], groups: Sequence[str]) -> dict[str, Any] | None:
    return {"locations": list(locations), "groups": list(groups)} if locations or groups else None


def _if_match(number: int | None) -> dict[str, str]:
    return {"If-Match": "*" if number is None else f'"{number}"'}


class _Revisions(msgspec.Struct, frozen=True):
    items: tuple[ConfigRevision, ...]


class _Drafts(msgspec.Struct, frozen=True):
    drafts: tuple[ConfigDraft, ...]


class _Switches(msgspec.Struct, frozen=True):
    switches: tuple[Switch, ...]


def _read_revisions(content: bytes) -> tuple[ConfigRevision, ...]:
    return msgspec.json.decode(content, type=_Revisions).items


def _read_drafts(content: bytes) -> tuple[ConfigDraft, ...]:
    return msgspec.json.decode(content, type=_Drafts).drafts


def _read_switches(content: bytes) -> tuple[Switch, ...]:
    return msgspec.json.decode(content, type=_Switches).switches
