"""What a slice has from its group until it has a certificate of its own: handed down, watched apart, lost apart.

A group's certificate speaks of the group's average. So each slice that inherits has its own watch,
at its share of the probability of a false alarm; and whose certificate was ever taken away inherits no more.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Generic, TypeAlias

import msgspec
import structlog

from adjudge.automation import families
from adjudge.automation.families import Tally
from adjudge.automation.paired import PairedWatch
from adjudge.automation.watching import Watch
from adjudge.core.licences import Licence, ScopeName, Terms, prefix_of
from adjudge.core.plans import AgainstPeople
from adjudge.engine.audit_rates import PastRates
from adjudge.engine.certificates import licensing, records, standings, watches
from adjudge.engine.certificates.audit_reading import AuditReading, audits_of, covered_by
from adjudge.engine.certificates.certified_places import CertifiedPlace
from adjudge.engine.certificates.licensing import Watching
from adjudge.engine.certificates.records import Verified
from adjudge.store import journal
from adjudge.store.automation import audited, certificates, epochs, inheritances, watched
from adjudge.store.automation.covers import Covers
from adjudge.store.automation.epochs import EndedWhy, EpochRow
from adjudge.store.connecting import Connection
from adjudge.store.scope import SYSTEM
from adjudge.telemetry import names

log = structlog.get_logger()

MOST_TALLIED: Final = 10_000
"""Audits of a member that a dated look counts at most, the oldest first."""


class Inheritance(msgspec.Struct, Generic[Watching], frozen=True, kw_only=True):
    """What a slice has from its group. JSON by value."""

    group: str
    """The group's certificate."""
    certificates: tuple[str, ...]
    """The slice's own copies, the last in force."""
    threshold: float
    coverage: float
    """That of the group's certificate."""
    largest: float = 0.0
    """As `licensing.Sampling.largest`, of the slice itself; 0: the target is of answers."""
    watch: Watching
    watched_number: int
    since: int = 0
    """Number of the last decision before the slice first had it."""
    is_lapsed: bool = False
    """Whether the slice has it no more, but may have it again in the same epoch of its group: the watch then goes on,
    and reads meanwhile what was asked before."""


AnyInheritance: TypeAlias = Inheritance[Any]

_of_target: Final = msgspec.json.Decoder(Inheritance[Watch])
_of_people: Final = msgspec.json.Decoder(Inheritance[PairedWatch])


def read_inheritance(text: str, people: AgainstPeople | None) -> AnyInheritance:
    """Read what was stored."""
    return _of_target.decode(text) if people is None else _of_people.decode(text)


def body_of(
    row: EpochRow, group: Licence, siblings: int, issued_at: datetime, earlier: tuple[Terms, ...] = ()
) -> dict[str, Any]:
    """Return all that a certificate says that was handed down: the evidence is the group's."""
    body = {
        "scope": row.scope,
        "covers": row.covers,
        "epoch": row.number,
        "inherits": group.certificate,
        "from": group.scope,
        "siblings": siblings,
        "target": group.target,
        "confidence": group.confidence,
        "threshold": group.threshold,
        "calibration": group.calibration,
        "calibrator": group.calibrator,
        "issued_at": issued_at,
        "valid_until": group.valid_until,
        "inputs": [],
    }
    if group.people is not None:
        body["people"] = group.people
    if group.money is not None:
        body["money"] = group.money
    if group.by_consensus:
        body["scale"] = "consensus"
    if earlier:
        body["behind"] = earlier
    return records.plain(body)


def licence_of(certificate: str, row: EpochRow, group: Licence, earlier: tuple[Terms, ...] = ()) -> Licence:
    """Return the group's licence as one of the slice."""
    return msgspec.structs.replace(group, certificate=certificate, scope=row.scope, earlier=(), behind=earlier)


def terms_here(group: Licence, earlier: Sequence[ScopeName]) -> tuple[Terms, ...]:
    """Return what the group's certificate was tested behind, as this slice must have it in its earlier stages."""
    own = {prefix_of(scope): scope for scope in earlier}
    return tuple(msgspec.structs.replace(terms, scope=own[prefix_of(terms.scope)]) for terms in group.behind)


def verify(certificate: str, body: dict[str, Any], group: dict[str, Any]) -> Verified:
    """Compute again: the hash of the slice's copy, the group's certificate from its record, and that they agree."""
    of_group = records.verify(body["inherits"], group)
    same = all(body[name] == group[name] for name in ("threshold", "calibrator", "target", "valid_until"))
    return Verified(
        hash_holds=records.id_of(body) == certificate and of_group.hash_holds,
        licence_holds=of_group.licence_holds and same,
        threshold=of_group.threshold,
        audits=of_group.audits,
        lost=of_group.lost,
    )


@dataclass(slots=True)
class Heir:
    """A slice that has no certificate of its own, at one look."""

    connection: Connection
    row: EpochRow
    place: CertifiedPlace
    now: datetime
    past: PastRates

    async def inherited(self) -> AnyInheritance | None:
        """Return what the slice has from its group now, once that is written down; None: nothing.

        What has lapsed is returned only where its watch has raised an alarm.
        """
        kept = await self._kept()
        written = licensing.written(kept) if kept is not None else None
        await inheritances.inherit(self.connection, self.row.scope, self.row.number, written)
        return None if kept is not None and kept.is_lapsed and not kept.watch.alarmed else kept

    async def _kept(self) -> AnyInheritance | None:
        row, covers = self.row, self.row.covers
        kept = read_inheritance(row.inherited, covers.people) if row.inherited else None
        if kept is not None:
            reading = AuditReading(self.connection, row.scope, covers, self.place, self.past)
            sampling = replace(self.place.sampling, largest=kept.largest)
            covered = covered_by(kept.certificates, covers, self.place.plan_hashes)
            watch, number = await reading.watched(kept.watch, kept.watched_number, covered, sampling, self.now)
            kept = msgspec.structs.replace(kept, watch=watch, watched_number=number)
            if watch.alarmed:
                return kept
        parent = [covers.parent] if covers.parent is not None else []
        force = await certificates.in_force(self.connection, [*parent, row.scope])
        group = force[parent[0]][0] if parent and parent[0] in force else None
        why = await self._why_not(group)
        if group is None or why is not None:
            if row.scope in force:
                await certificates.put_in_force(self.connection, SYSTEM, row.scope, None, why or "")
            return await self._lapsed(kept)
        if kept is not None and kept.group == group and row.scope in force and not kept.watch.expired:
            return kept
        return await self._handed_down(group, kept)

    async def _lapsed(self, kept: AnyInheritance | None) -> AnyInheritance | None:
        """Return what is kept of what the slice has no more: all, while the epoch of its group that gave it runs."""
        parent = self.row.covers.parent
        if kept is None or parent is None or await inheritances.has_left(self.connection, self.row.scope):
            return None
        is_same = await inheritances.runs(self.connection, parent, kept.group)
        return msgspec.structs.replace(kept, is_lapsed=True) if is_same else None

    async def _why_not(self, group: str | None) -> str | None:
        """Return why a slice does not have its group's certificate; None: it has.

        A later stage's speaks of what its group's earlier stages let through: where this slice has certificates of its
        own there, or none, it says nothing.
        """
        if group is None:
            return "the certificate of its group is in force no more"
        if await inheritances.has_left(self.connection, self.row.scope):
            return "it inherits no more"
        [licence] = await certificates.licences(self.connection, [group])
        earlier = self.place.earlier
        force = await certificates.in_force(self.connection, earlier) if earlier else {}
        here = await certificates.licences(self.connection, [force[scope][0] for scope in earlier if scope in force])
        is_behind = terms_here(licence, earlier) == tuple(one.terms for one in here)
        return None if is_behind else "an earlier stage accepts otherwise here than in its group"

    async def _handed_down(self, group: str, kept: AnyInheritance | None) -> AnyInheritance:
        """Issue the slice's copy of a certificate of its group. The watch over what it inherits goes on."""
        row = self.row
        [licence] = await certificates.licences(self.connection, [group])
        of_group = await certificates.get(self.connection, group)
        assert of_group is not None
        earlier = terms_here(licence, self.place.earlier)
        body = body_of(row, licence, self.place.siblings, self.now, earlier)
        certificate = records.id_of(body)
        own = licence_of(certificate, row, licence, earlier)
        await certificates.issue(self.connection, certificate, row.covers, body, row.scope, row.number, own)
        reason = f"inherits {group} of {row.covers.parent}"
        await certificates.put_in_force(self.connection, SYSTEM, row.scope, certificate, reason)
        await epochs.calm(self.connection, row.scope)
        await journal.write(self.connection, SYSTEM, "certificate.issued", certificate, of=row.scope, group=group)
        names.CERTIFICATES_ISSUED.labels(row.covers.type).inc()
        log.info("certificate.inherited", scope=row.scope, certificate=certificate, group=group)
        watch = kept.watch if kept is not None else None
        last = await audited.last_number(self.connection) if kept is None else 0
        of_group_body = msgspec.json.decode(of_group.body)
        read = [(each["score"], each.get("weight", 1.0)) for each in of_group_body["inputs"]]
        weights = watches.weights_of(row.covers, read, licence.threshold)
        return Inheritance(
            group=group,
            certificates=(*(kept.certificates if kept is not None else ()), certificate),
            threshold=licence.threshold,
            coverage=of_group_body["coverage"],
            largest=kept.largest if kept is not None else self.place.largest,
            watch=watch
            if watch is not None and not watch.expired
            else watches.gone_on(watch, row.covers, self.place.siblings, weights),
            watched_number=kept.watched_number if kept is not None else last,
            since=kept.since if kept is not None else last,
        )

    async def leave(self, kept: AnyInheritance) -> None:
        """Take away what the slice has from its group: it is none of those of which the average speaks."""
        await take_away(self.connection, self.row, kept, "watch", standings.alarm(kept.watch, self.row.covers))


async def compare_siblings(connection: Connection, covers: Covers, members: Container[str], look: int) -> None:
    """Look at all members of a group at one date: who by its exact test is worse than the target leaves, at once.

    Beside each one's watch, with an error budget of its own over all looks: a test at a fixed date finds a moderate
    excess that a bet, which may be looked at always, has not shown yet. Only where answers are counted.
    """
    had = [row for row in await epochs.current(connection) if row.scope in members and row.inherited is not None]
    kept = {row.scope: read_inheritance(str(row.inherited), None) for row in had}
    rows = [row for row in had if not kept[row.scope].is_lapsed]
    tallies = {row.scope: await _tally(connection, row, kept[row.scope]) for row in rows}
    delta = families.look_delta(covers.watch, look)
    gone = families.leaving(tallies, target=covers.target, delta=delta)
    for row in rows:
        held = await epochs.hold(connection, row) if row.scope in gone else None
        if held is not None:
            tally = tallies[row.scope]
            found = (
                f"{tally.errors} of {tally.audits} audited automated decisions were wrong by look {look} at all "
                f"members of its group, the target is {covers.target:.2%}; of probability "
                f"{families.chance(tally, covers.target):.2g}, and {delta / len(tallies):.2g} is allowed"
            )
            await take_away(connection, held, kept[row.scope], "siblings", found)


async def _tally(connection: Connection, row: EpochRow, kept: AnyInheritance) -> Tally:
    """Return what the audits that the watch has read come to."""
    covers = row.covers
    covered = covered_by(kept.certificates, covers)
    found = await watched.automated(connection, audits_of(covers), kept.since, covered, MOST_TALLIED)
    return watches.tallied([one for one in found if one.number <= kept.watched_number], row.scope)


async def take_away(connection: Connection, row: EpochRow, kept: AnyInheritance, why: EndedWhy, found: str) -> None:
    """Take away what a slice has from its group, for good; what it accepted already is refused as it settles."""
    reason = f"{found}: it inherits no more from {row.covers.parent}"
    await epochs.suspend(connection, SYSTEM, row, why, reason)
    names.CERTIFICATES_SUSPENDED.labels(row.covers.type, why).inc()
    log.error("certificate.suspended", scope=row.scope, certificate=kept.certificates[-1], reason=reason)
