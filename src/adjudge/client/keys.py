"""API keys and the journal: the calls, and what they answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec

from adjudge.client.calls import Call, known, nothing, path, reader
from adjudge.client.values import Value

Role: TypeAlias = Literal["client", "reviewer", "operator", "admin"]


class Limits(Value, frozen=True, kw_only=True):
    """How much a key may ask for; None: as much as it wants."""

    requests_per_second: float | None = None
    bytes_per_second: int | None = None
    """Of the bodies of requests."""
    open_decisions: int | None = None
    """Asked for and without a final outcome."""


class Key(Value, frozen=True, kw_only=True):
    """An API key, without its secret."""

    id: str
    name: str
    role: Role
    locations: tuple[str, ...] | None = None
    pools: tuple[str, ...] | None = None
    limits: Limits = Limits()
    created_at: datetime | None = None
    rotated_at: datetime | None = None
    old_until: datetime | None = None
    """Until when the secret before the last rotation opens, too."""
    last_used_at: datetime | None = None
    """To the minute."""
    revoked_at: datetime | None = None


class NewKey(Value, frozen=True, kw_only=True):
    """An API key just made; `key` is shown this once."""

    id: str
    name: str
    role: Role
    key: str


class JournalEntry(Value, frozen=True, kw_only=True):
    """Something that was done to what stands above decisions, or a look at evidence."""

    id: int
    at: datetime
    actor: str
    """Id of an API key; `system`, `command line`, or the role of a process."""
    actor_name: str | None = None
    action: str
    """What was done to what: `key.created`, `key.rotated`, `key.limited`, `key.revoked`, `reviewer.added`,
    `reviewer.moved`, `decider.switched`, `automation.switched`, `configuration.published`, `draft.created`,
    `draft.changed`, `draft.approved`, `draft.discarded`, `webhook.added`, `webhook.rotated`, `webhook.removed`,
    `evidence.viewed`, `certificate.issued`, `certificate.suspended`, `certificate.renewed`; a newer server may have
    more."""
    subject: str
    location: str | None = None
    detail: dict[str, Any] = msgspec.field(default_factory=dict)


class JournalPage(Value, frozen=True, kw_only=True):
    """Some of the journal, newest first, and where it goes on."""

    items: tuple[JournalEntry, ...]
    next: int | None = None


LARGEST_PAGE = 200

_new_key = reader(NewKey)
_key = reader(Key)
_journal = reader(JournalPage)


def create(
    name: str,
    role: Role,
    *,
    locations: Sequence[str] | None = None,
    pools: Sequence[str] | None = None,
    limits: Limits | None = None,
) -> Call[NewKey]:
    """Make an API key, for all locations and pools where none are named. Its secret is shown this once."""
    body = known(name=name, role=role, locations=locations, pools=pools, limits=limits)
    return Call(method="POST", path=path("keys"), read=_new_key, body=body, repeatable=False)


def list_all() -> Call[tuple[Key, ...]]:
    """Return all keys, without their secrets."""
    return Call(method="GET", path=path("keys"), read=_read_keys)


def rotate(id: str, *, overlap_seconds: float | None = None) -> Call[NewKey]:
    """Give a key another secret, shown this once. The one until now opens too, for a day or as said."""
    body = known(overlap_seconds=overlap_seconds)
    return Call(method="POST", path=path("keys", id, "rotate"), read=_new_key, body=body, repeatable=False)


def limit(id: str, limits: Limits) -> Call[Key]:
    """Set a key's limits, all of them."""
    return Call(method="PUT", path=path("keys", id, "limits"), read=_key, body=limits)


def revoke(id: str) -> Call[None]:
    """End a key: it opens nothing from now on."""
    return Call(method="DELETE", path=path("keys", id), read=nothing)


@dataclass
class JournalListing:
    """The journal, newest first, a page at a time, as far as the caller reads on."""

    left: int | None = None
    """How many are wanted still; None: all."""
    action: str | None = None
    actor: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    cursor: int | None = None
    ended: bool = False

    def next_page(self) -> Call[JournalPage] | None:
        """Return the call for the next page; None when there is none, or no more are wanted."""
        if self.ended or (self.left is not None and self.left <= 0):
            return None
        params = known(
            action=self.action,
            actor=self.actor,
            subject=self.subject,
            since=self.since and self.since.isoformat(),
            until=self.until and self.until.isoformat(),
            limit=str(min(LARGEST_PAGE, LARGEST_PAGE if self.left is None else self.left)),
            cursor=None if self.cursor is None else str(self.cursor),
        )
        return Call(method="GET", path=path("journal"), read=_journal, params=params)

    def take(self, page: JournalPage) -> tuple[JournalEntry, ...]:
        """Return the entries of the page, and remember where it ended."""
        self.cursor, self.ended = page.next, page.next is None
        if self.left is not None:
            self.left -= len(page.items)
        return page.items


class _Keys(msgspec.Struct, frozen=True):
    keys: tuple[Key, ...]


def _read_keys(content: bytes) -> tuple[Key, ...]:
    return msgspec.json.decode(content, type=_Keys).keys
