"""The audits of a slice as its certificate and its watch read them: as if all had been drawn at one rate."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from adjudge.core.prefixes import Prefix
from adjudge.engine.audit_rates import PastRates
from adjudge.engine.certificates import licensing, memberships, watches
from adjudge.engine.certificates.certified_places import CertifiedPlace, scale_of
from adjudge.engine.certificates.licensing import AnyState, Drawn, Judged, OfSlice, Rarest, Sampling, Scale
from adjudge.store.automation import audited, inheritances, watched
from adjudge.store.automation.audited import Counted, Evidence, Selection, Waiting
from adjudge.store.automation.covers import Covers
from adjudge.store.automation.watched import Covered
from adjudge.store.connecting import Connection

MOST_READ: Final = 20_000
"""Closed audits that one look reads at most."""
MOST_WATCHED: Final = 10_000
"""Audited decisions that a watch reads at most in one look."""
ROUNDED: Final = 1e-6
"""Relative: rates are on record to the seventh digit, and are equal where they differ by less."""


def covered_by(certificates: Sequence[str], covers: Covers, plan_hashes: tuple[str, ...] = ()) -> Covered:
    """Return what these certificates of a slice cover. `plan_hashes`: plans whose open audits are to be read, too."""
    return Covered(
        certificates=tuple(certificates),
        stage=covers.stage,
        plan_hashes=plan_hashes,
        slices=covers.slices,
    )


def audits_of(covers: Covers) -> Selection:
    """Return which audits are evidence of what a certificate covers."""
    return Selection(
        type=covers.type,
        slices=covers.slices,
        prefix=covers.prefix,
        people=covers.people.votes if covers.people is not None else 0,
        joined=memberships.counted_after(covers),
    )


@dataclass(frozen=True, slots=True)
class AuditReading:
    """What one look reads of one slice, in the transaction of its caller."""

    connection: Connection
    scope: str
    covers: Covers
    place: CertifiedPlace
    past: PastRates

    async def evidence(self, sampling: Sampling, after: int, until: int | None) -> tuple[list[Evidence], Rarest]:
        """Return closed audits with numbers between, and the rate at which they count as drawn."""
        which = replace(audits_of(self.covers), slices=self.covers.sources(after))
        rows = await audited.evidence(self.connection, which, after, until, MOST_READ)
        return await self._of_members(sampling, rows)

    async def waiting(self, sampling: Sampling, after: int) -> list[Waiting]:
        """Return open audits with higher numbers."""
        rows = await audited.open_of(self.connection, self.covers.type, self.covers.sources(after), after)
        return (await self._of_members(sampling, rows))[0]

    async def judged(self, state: AnyState, prefix: Prefix, after: int, until: int | None) -> list[Judged]:
        """Return closed audits with numbers between as the test reads them."""
        rows, rarest = await self.evidence(state.sampling, after, until)
        scale = self.weighing(state.sampling, rarest)
        return licensing.judged(rows, prefix, state.calibrator, self.covers.people, scale)

    async def counted(self, after: int) -> Counted:
        """Return how many audits with higher numbers are closed, by role."""
        return await audited.counted(self.connection, audits_of(self.covers), after)

    async def newest(self, count: int) -> int:
        """Return the number behind which so many closed audits lie."""
        return await audited.newest(self.connection, audits_of(self.covers), count)

    async def lost(self, after: int) -> dict[str, int]:
        """Return why audits with higher numbers have no truth, and how many for each reason."""
        return await audited.lost(self.connection, audits_of(self.covers), after)

    async def watched(
        self, watch: Any, number: int, covered: Covered, sampling: Sampling, now: datetime
    ) -> tuple[Any, int]:
        """Return the watch once it has read what there is, and the number of the last audit that it has read.

        `number`: of the last one that it had read before; `covered`: the decisions over which it watches.
        """
        which, people = audits_of(self.covers), self.covers.people
        if people is not None and people.over == "plan":
            rows = await watched.of_plan(self.connection, which, number, self.place.plan.hash, MOST_WATCHED)
        else:
            rows = await watched.automated(self.connection, which, number, covered, MOST_WATCHED)
        rows, rarest = await self._alike(sampling, rows)
        overdue = now - self.place.patience
        rows = watches.up_to_undecided(rows, overdue)
        if people is None:
            scale = self.weighing(sampling, rarest)
            return watches.watched(watch, number, rows, overdue, scale)
        return watches.watched_beside(watch, number, rows, overdue, people)

    def weighing(self, sampling: Sampling, rarest: Rarest) -> Scale | None:
        """Return the scale of stakes of an epoch that was designed with these rates; None: it counts answers."""
        scale = scale_of(self.place)
        return scale and replace(scale, largest=sampling.largest, by_number=rarest.by_number)

    @property
    def _members_ever(self) -> list[str]:
        """Scopes of all slices that are in the group or were: what one had lost there stays lost after it has gone."""
        plan, index, kind = self.place.plan, self.place.index, self.covers.type
        gone = [plan.scope(index, kind, one.slice) for one in self.covers.memberships]
        return list(dict.fromkeys([*self.place.member_scopes, *gone]))

    async def _of_members(self, sampling: Sampling, rows: Sequence[OfSlice]) -> tuple[list[OfSlice], Rarest]:
        """Like `_alike`, without audits of slices that were not in the group, or had to leave it."""
        if self.place.member_scopes:
            rows = memberships.while_members(rows, self.covers.memberships)
            rows = licensing.before_leaving(rows, await inheritances.left(self.connection, self._members_ever))
        return await self._alike(sampling, rows)

    async def _alike(self, sampling: Sampling, rows: Sequence[Drawn]) -> tuple[list[Drawn], Rarest]:
        """Return audits as if all slices of the place had been audited at one rate, and that rate.

        Where answers are counted, audits drawn at a higher rate are thinned. Where money is, their weight takes the
        rate into account; left out are those drawn below the lowest rate on record, before a keeper had set their
        slice's.
        """
        rarest = await self._rarest(sampling, rows)
        if self.place.covers.money is None:
            return licensing.thinned(rows, self.scope, rarest), rarest
        return [row for row in rows if row.rate >= rarest.by_number.get(row.number, 0.0) * (1 - ROUNDED)], rarest

    async def _rarest(self, sampling: Sampling, rows: Sequence[Drawn]) -> Rarest:
        """Return the lowest rate among the slices of the place at the moments at which the coins of audits fell."""
        if not self.place.follows_budget:
            return Rarest(sampling.thinned_to)
        thrown = await self.past.of(self.connection, {row.policy for row in rows})
        members = memberships.Members(self.covers)
        lowest: dict[tuple[int, tuple[str, ...]], float | None] = {}
        by_number = {}
        for row in rows:
            here = row.policy, members.at(row.number)
            if here not in lowest:
                rates = thrown.get(row.policy, {})
                known = [rates[key] for name in here[1] if (key := (self.covers.type, name)) in rates]
                lowest[here] = min(*known, sampling.steady) if known else None
            if (rate := lowest[here]) is not None:
                by_number[row.number] = rate
        return Rarest(sampling.thinned_to, by_number)
