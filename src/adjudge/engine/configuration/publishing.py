"""Publishing: documents are compiled as a whole, put in force under the next number, and announced to every process."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from adjudge.config import Configuration, with_packs
from adjudge.core.counting import counted
from adjudge.core.errors import AdjudgeError
from adjudge.engine.configuration.lookout import CHANGED
from adjudge.engine.configuration.revisions import Revisions
from adjudge.store.configuration import drafts, revisions
from adjudge.store.configuration.drafts import Draft
from adjudge.store.configuration.revisions import Revision, Terms
from adjudge.store.connecting import Connection, Pool
from adjudge.store.scope import Scope
from adjudge.streams import Streams
from adjudge.telemetry import names

BY_TIME: Final = "the time has come"
"""The message of a revision that is published everywhere because its time has come."""


class ApprovalNeeded(AdjudgeError):
    """The configuration in force wants a second person to agree first."""

    kind = "approval-needed"


class UnknownPlaces(AdjudgeError):
    """A publication is limited to locations or groups that it does not have."""

    kind = "unknown-location"


@dataclass(frozen=True, slots=True)
class Publisher:
    """Publishes, for one process."""

    pool: Pool
    revisions: Revisions
    streams: Streams

    async def compiled(self, documents: Mapping[str, str]) -> Configuration:
        """Compile documents aside, those of packs that they name and do not bring added.

        Raises InvalidConfiguration with every fault.
        """
        return await self.revisions.compiled_aside({**with_packs(documents), **documents})

    async def publish(
        self, scope: Scope, documents: Mapping[str, str], terms: Terms, *, expected: int | None
    ) -> Revision:
        """Put documents in force. Raises InvalidConfiguration, ApprovalNeeded, RevisionMoved, UnknownPlaces."""
        if self._approvals_needed:
            raise ApprovalNeeded("a second person must agree: make a draft, and have it approved")
        compiled = await self.compiled(documents)
        async with self.pool.acquire() as connection:
            published = await self._put_in_force(connection, scope, compiled, terms, expected)
        await self.tell()
        return published

    async def publish_draft(self, scope: Scope, draft: Draft, terms: Terms) -> Revision:
        """Put a draft in force. Raises what `publish` raises, and DraftMoved."""
        compiled = await self.compiled(draft.documents)
        async with self.pool.acquire() as connection, connection.transaction():
            held = await drafts.get(connection, scope, draft.id, locked=True)
            if held is None or held.version != draft.version or held.published is not None:
                raise drafts.DraftMoved("the draft was changed or published meanwhile: look at it again")
            if len(held.approved) < self._approvals_needed:
                needed = self._approvals_needed
                raise ApprovalNeeded(f"approved by {len(held.approved)} of {counted(needed, 'other')}")
            approved = Terms(
                message=terms.message or draft.message,
                approved=held.approved,
                only_at=terms.only_at,
                goes_on_after=terms.goes_on_after,
            )
            published = await self._put_in_force(connection, scope, compiled, approved, draft.base)
            await drafts.published(connection, scope, draft.id, published.number)
        await self.tell()
        return published

    async def publish_again(self, scope: Scope, number: int, terms: Terms, *, expected: int | None) -> Revision:
        """Put an older revision in force again: a roll back, or what held at some locations for all.

        It must have been approved before, or hold everybody to as many approvals as are needed now.
        Raises RevisionMoved, UnknownRevision, InvalidConfiguration, UnknownPlaces, ApprovalNeeded.
        """
        async with self.pool.acquire() as connection:
            compiled = await self.revisions.compiled(connection, number)
            before = await revisions.get(connection, number)
            approved = before.approved if before is not None else ()
            if max(len(approved), compiled.organisation.approvals) < self._approvals_needed:
                raise ApprovalNeeded(f"nobody approved revision {number} when it was published: make a draft of it")
            again = Terms(
                message=terms.message,
                again=number,
                approved=approved,
                only_at=terms.only_at,
                goes_on_after=terms.goes_on_after,
            )
            published = await self._put_in_force(connection, scope, compiled, again, expected)
        await self.tell()
        return published

    async def tell(self) -> None:
        """Let every process look at once."""
        await self.streams.hint(CHANGED, b"")

    @property
    def _approvals_needed(self) -> int:
        return max(each.organisation.approvals for each in self.revisions.in_force.all())

    async def _put_in_force(
        self, connection: Connection, scope: Scope, compiled: Configuration, terms: Terms, expected: int | None
    ) -> Revision:
        check_places(compiled, terms.only_at)
        published = await revisions.publish(
            connection, scope, compiled.hash, compiled.documents, terms, expected=expected
        )
        names.PUBLISHED.inc()
        return published


async def go_on(connection: Connection, scope: Scope) -> Revision | None:
    """Publish everywhere what was published for some locations until now; None: its time has not come."""
    due = await revisions.due(connection)
    if due is None:
        return None
    documents = await revisions.documents(connection, due.number)
    assert documents is not None
    terms = Terms(message=BY_TIME, again=due.number, approved=due.approved)
    try:
        return await revisions.publish(connection, scope, due.hash, documents, terms, expected=due.number)
    except revisions.RevisionMoved:
        return None  # another keeper was faster, or a person


def check_places(compiled: Configuration, only_at: tuple[str, ...] | None) -> None:
    """Raise UnknownPlaces where a configuration has not all of these."""
    known = {f"location:{name}" for name in compiled.sites}
    known |= {f"group:{name}" for site in compiled.sites.values() for name in site.location.groups}
    for name in only_at or ():
        if name not in known:
            kind, _, place = name.partition(":")
            raise UnknownPlaces(f"there is no {kind} `{place[:100]}`", pointer="#/only_at")
