"""One look at one certified slice: what was audited since is read, and what follows is written down.

What follows from what is read is decided without I/O, in `licensing`, `steps` and `standings`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, assert_never

import msgspec
import structlog

from adjudge.automation import families
from adjudge.automation.against_people import NoWorse
from adjudge.automation.betting import epoch_delta
from adjudge.automation.certifying import Licensed, Unanimity
from adjudge.core.counting import counted
from adjudge.core.licences import Terms
from adjudge.core.plans import Certified
from adjudge.core.prefixes import Prefix
from adjudge.engine.audit_rates import PastRates
from adjudge.engine.certificates import designing, licensing, records, standings, steps
from adjudge.engine.certificates.audit_reading import AuditReading, covered_by
from adjudge.engine.certificates.certified_places import CertifiedPlace
from adjudge.engine.certificates.inheriting import Heir, compare_siblings, read_inheritance
from adjudge.engine.certificates.licensing import AnyState, Judged, State
from adjudge.engine.certificates.steps import Expire, Issue
from adjudge.store import journal
from adjudge.store.automation import audit_seals, audited, certificates, epochs, inheritances, parameters
from adjudge.store.automation.epochs import EpochRow
from adjudge.store.automation.watched import Covered
from adjudge.store.connecting import Connection
from adjudge.store.scope import SYSTEM
from adjudge.telemetry import names

log = structlog.get_logger()


@dataclass(slots=True)
class Look:
    """One look at one slice, in the transaction of its caller, who has locked the slice's epoch."""

    connection: Connection
    row: EpochRow
    place: CertifiedPlace
    now: datetime
    share: float
    """Of the error budget, 0 to 1: all slices of a family share one."""
    past: PastRates

    async def run(self) -> None:
        covers = self.row.covers
        if (why := standings.never(covers)) is not None:
            await self._write(None, {"state": "none", "reason": why})
            return
        if not self.share and self.row.design is None:  # else it has spent its part, and may have what is to be watched
            why = (
                f"the family has an error budget for {counted(covers.family, 'slice')}, and so many were tested before"
            )
            await self._write(None, {"state": "none", "reason": why})
            return
        earlier = await self._earlier()
        state = licensing.read_state(self.row.design, covers.people, covers.money) if self.row.design else None
        if state is not None and not await self._follows_the_same(state, earlier):
            if state.epoch.audits:
                await epochs.restart(self.connection, self.row, "earlier-stage", "an earlier stage accepts otherwise")
                return
            await epochs.forget_design(self.connection, self.row)
            self.row, state = replace(self.row, design=None), None
        if self._is_rarer(state):
            await epochs.restart(self.connection, self.row, "replaced", "it is audited at a lower rate")
            return
        daily = await audited.daily(self.connection, covers.type, covers.slices, self.place.one_rate)
        state = state or await self._designed(earlier)
        if state is None:
            counts = await self._reading.counted(self.row.first_number)
            await self._end(None, standings.collecting(counts, covers, self._delta, daily))
        else:
            await self._go_on(state, daily)

    async def _go_on(self, state: AnyState, daily: float) -> None:
        """Read what was closed since, watch, test, and write down what follows. `daily`: audits a day."""
        state = await self._fed(state)
        if state.watch is not None:
            state = await self._watched(state)
            if state.watch is not None and state.watch.alarmed:
                await self._suspend(state)
                return
        state = await self._compared(state)
        unanimity = await self._unanimity()
        if state.epoch.delta < self._delta:  # a share of the family's has passed to this slice
            state = msgspec.structs.replace(state, epoch=replace(state.epoch, delta=self._delta))
        epoch, verdict = state.epoch.look(unanimity=unanimity, audits_per_day=daily or None)
        state = msgspec.structs.replace(state, epoch=epoch, looks=state.looks + 1)
        state = await self._decided(state, unanimity)
        verdict = await self._of_certificate(state, unanimity) or verdict
        lost = {} if isinstance(verdict, Licensed | NoWorse) else await self._reading.lost(self.row.first_number)
        standing = standings.standing(state, verdict, unanimity, self.row.covers, daily, lost)
        if self.row.inherited is None and steps.is_given_up(state, self.row.covers, state.epoch.delta):
            await self._write(state, standing)
            await epochs.give_up(self.connection, self.row)
            log.info("epoch.given_up", scope=self.row.scope, epoch=self.row.number, reason=standing["reason"])
            return
        await self._end(state, standing)

    def _is_rarer(self, state: AnyState | None) -> bool:
        """Return whether audits may weigh more than what was fixed as the most, or are drawn at less than the least.

        Or at less at some locations than at others, where all were audited alike when the epoch was designed.
        """
        place = self.place
        if state is not None and (
            place.least_rate < state.thinned_to
            or (place.thinned_to and not state.thinned_to and not place.follows_budget)
            or (place.follows_budget and place.steady < state.steady)
        ):
            return True
        row = self.row
        inherited = read_inheritance(row.inherited, row.covers.people) if row.inherited is not None else None
        return any(held is not None and self.place.largest > held.largest > 0 for held in (state, inherited))

    @property
    def _reading(self) -> AuditReading:
        return AuditReading(self.connection, self.row.scope, self.row.covers, self.place, self.past)

    @property
    def _delta(self) -> float:
        """What this epoch may spend of the error budget: all epochs of a scope together never more than all of it."""
        return epoch_delta((1 - self.row.covers.confidence) * self.share, self.row.number)

    async def _earlier(self) -> tuple[str, ...]:
        found = await certificates.in_force(self.connection, self.place.earlier) if self.place.earlier else {}
        return tuple(found[scope][0] for scope in self.place.earlier if scope in found)

    async def _follows_the_same(self, state: AnyState, earlier: tuple[str, ...]) -> bool:
        """Return whether earlier stages let through what they did when the epoch was designed, renewed or not."""
        return state.earlier == earlier or await self._terms(state.earlier) == await self._terms(earlier)

    async def _terms(self, ids: Sequence[str]) -> tuple[Terms, ...]:
        return tuple(licence.terms for licence in await certificates.licences(self.connection, ids))

    async def _judged(self, state: AnyState, after: int, until: int | None) -> list[Judged]:
        return await self._reading.judged(state, await self._prefix(state.earlier), after, until)

    async def _prefix(self, earlier: Sequence[str]) -> Prefix:
        """Return what the certificate speaks of, behind these certificates of earlier stages."""
        plan, index, covers = self.place.plan, self.place.index, self.row.covers
        scopes = {plan.scope(before, covers.type, covers.slice): before for before in range(index)}
        licences = await certificates.licences(self.connection, earlier)
        return Prefix(plan, index, {scopes[one.scope]: one for one in licences if one.scope in scopes})

    async def _designed(self, earlier: tuple[str, ...]) -> AnyState | None:
        """Fix calibrator, grid and starting point, once there are audits enough that certify nothing here."""
        covers, delta, first = self.row.covers, self._delta, self.row.first_number
        if not designing.may_design(await self._reading.counted(first), covers, delta):
            return None
        is_first = self.row.number == 1
        since = 0 if is_first else await self._reading.newest(designing.audits_to_begin(covers, delta))
        rows, rarest = await self._reading.evidence(self.place.sampling, since, None)
        scale = self._reading.weighing(self.place.sampling, rarest)
        found = designing.design(rows, await self._prefix(earlier), covers, delta, scale, first)
        if found is None:
            return None
        if earlier:  # what they leave to this stage was chosen by the audits so far, which are no fair sample of it
            self.row = await epochs.begin_at(self.connection, self.row, await audited.last_number(self.connection))
        calibration, epoch = found
        number = await parameters.publish(self.connection, f"calibrator:{self.row.scope}", calibration)
        return State(
            calibrator=calibration.calibrator,
            calibration=f"calibrator:{self.row.scope}#{number}",
            epoch=epoch,
            earlier=earlier,
            read_number=self.row.first_number,
            watched_number=self.row.first_number,
            thinned_to=self.place.thinned_to,
            steady=self.place.steady,
            largest=self.place.largest,
        )

    async def _fed(self, state: AnyState) -> AnyState:
        """Read what was closed, in intake order; an audit that is open blocks those behind it, but not for ever."""
        waiting = await self._reading.waiting(state.sampling, state.read_number)
        closed = await self._judged(state, state.read_number, None)
        found, overdue = licensing.readable(closed, waiting, self.now - self.place.patience)
        if not found:
            return state
        epoch = state.epoch.after([each.audit for each in found])
        drift = state.drift and licensing.drifted(state.drift, self.row.scope, found)
        fed = msgspec.structs.replace(
            state, epoch=epoch, read_number=found[-1].audit.number, overdue=(*state.overdue, *overdue), drift=drift
        )
        if fed.has_drifted and not state.has_drifted:
            log.warning("certificate.drifted", scope=self.row.scope, certificate=state.certificate)
        return fed

    async def _watched(self, state: AnyState) -> AnyState:
        covered = covered_by(state.certificates, self.row.covers, self.place.plan_hashes)
        if self.place.member_scopes:
            covered = await self._with_heirs(covered)
        watch, number = await self._reading.watched(
            state.watch, state.watched_number, covered, state.sampling, self.now
        )
        return msgspec.structs.replace(state, watch=watch, watched_number=number)

    async def _with_heirs(self, covered: Covered) -> Covered:
        """Return what a group's certificates cover: where slices inherit them, by the copies that these have."""
        members = self.place.member_scopes
        copies = await certificates.handed_down(self.connection, members, covered.certificates)
        heirs = await inheritances.inheriting(self.connection, members)
        return replace(covered, certificates=(*covered.certificates, *copies), slices=tuple(heirs))

    async def _compared(self, state: AnyState) -> AnyState:
        """Look at the members of a group, where a dated look at them is due."""
        covers = self.row.covers
        if not self.place.member_scopes or covers.people is not None or covers.money is not None:
            return state
        look = families.dated_look(self.now - self.row.began_at, timedelta(seconds=covers.validity_seconds))
        if look <= state.compared:
            return state
        await compare_siblings(self.connection, covers, self.place.member_scopes, look)
        return msgspec.structs.replace(state, compared=look)

    async def _suspend(self, state: AnyState) -> None:
        watch = state.watch
        assert watch is not None
        reason = standings.alarm(watch, self.row.covers)
        await self._write(state, {"state": "suspended", "reason": reason, "done": state.epoch.is_done})
        await epochs.suspend(self.connection, SYSTEM, self.row, "watch", reason)
        names.CERTIFICATES_SUSPENDED.labels(self.row.covers.type, "watch").inc()
        log.error("certificate.suspended", scope=self.row.scope, certificate=state.certificate, reason=reason)

    async def _unanimity(self) -> Unanimity | None:
        """Return what experts found among unanimous audits; None where their own word is the truth of every audit."""
        covers = self.row.covers
        if covers.people is not None or covers.money is not None or not covers.has_expert or covers.expert_share >= 1:
            return None
        checked, wrong = await audited.unanimity(self.connection, covers.type, covers.alike)
        return Unanimity(checked=checked, wrong=wrong)

    async def _decided(self, state: AnyState, unanimity: Unanimity | None) -> AnyState:
        """Issue, renew or let expire."""
        held = await certificates.licences(self.connection, [state.certificate] if state.certificate else [])
        later = self.place.plan.stages[self.place.index + 1 :]
        step = steps.next_step(
            state,
            held[0] if held else None,
            unanimity,
            ends_with_drift=self.row.covers.ends_with_drift,
            is_renewal_asked=self.row.renewal is not None,
            is_followed=any(isinstance(stage.accept, Certified) for stage in later),
            now=self.now,
        )
        match step:
            case None:
                return state
            case Issue():
                return await self._issue(state, step, unanimity)
            case Expire():
                return await self._expired(state, step)
            case _:
                assert_never(step)

    async def _expired(self, state: AnyState, step: Expire) -> AnyState:
        said = f"{step.certificate} {step.why}"
        await certificates.put_in_force(self.connection, SYSTEM, self.row.scope, None, said)
        log.warning("certificate.expired", scope=self.row.scope, certificate=step.certificate)
        return steps.expired(state, said)

    async def _issue(self, state: AnyState, step: Issue, unanimity: Unanimity | None) -> AnyState:
        verdict, scope = step.shown, self.row.scope
        closed = await self._judged(state, self.row.first_number, state.read_number + 1)
        inputs = licensing.as_read(closed, state.overdue)
        seals = await audit_seals.of(self.connection, [each.decision for each in inputs])
        body = records.body_of(self.row, state, verdict, unanimity, inputs, seals=seals, issued_at=self.now)
        certificate = records.id_of(body)
        behind = await self._terms(state.earlier)
        licence = records.licence_of(certificate, self.row, state, verdict.threshold, behind, self.now)
        await certificates.issue(self.connection, certificate, self.row.covers, body, scope, self.row.number, licence)
        await certificates.put_in_force(self.connection, SYSTEM, scope, certificate, standings.shown(verdict))
        await epochs.calm(self.connection, scope)
        await journal.write(self.connection, SYSTEM, "certificate.issued", certificate, of=scope)
        names.CERTIFICATES_ISSUED.labels(self.row.covers.type).inc()
        log.info("certificate.issued", scope=scope, certificate=certificate, threshold=verdict.threshold)
        if state.watch is None:
            last = await audited.last_number(self.connection)
            state = msgspec.structs.replace(state, watched_number=last)
        return steps.issued(state, step, certificate, inputs, self.row.covers)

    async def _end(self, state: AnyState | None, standing: dict[str, Any]) -> None:
        """Write what was found. A slice without a certificate of its own has its group's, unless it has left."""
        has_own = state is not None and state.certificate is not None
        if has_own and self.row.inherited is not None:
            await inheritances.inherit(self.connection, self.row.scope, self.row.number, None)
        if state is not None and state.certificate is not None:
            standing |= await self._in_force(state.certificate, state.coverage)
        if has_own or (self.row.covers.parent is None and self.row.inherited is None):
            await self._write(state, standing)
            return
        heir = Heir(self.connection, self.row, self.place, self.now, self.past)
        kept = await heir.inherited()
        if kept is not None and kept.watch.alarmed:
            await heir.leave(kept)
            return
        if kept is not None:
            standing |= {"threshold": kept.threshold}
            standing |= standings.inherited(kept.watch, self.row.covers, standing, kept.coverage, kept.group)
        elif (gone := (await epochs.suspended(self.connection)).get(str(self.row.covers.parent))) is not None:
            standing["reason"] = standings.group_gone(standing["reason"], gone)
        await self._write(state, standing)

    async def _of_certificate(self, state: AnyState, unanimity: Unanimity | None) -> Licensed | NoWorse | None:
        """Return what audits say by now of what is let through: what is told of a certificate is told of its threshold.

        The look may have shown another one, that is not worth a new certificate.
        """
        if state.certificate is None:
            return None
        [licence] = await certificates.licences(self.connection, [state.certificate])
        found: Licensed | NoWorse | None = state.epoch.at(licence.threshold, unanimity=unanimity)
        return found

    async def _in_force(self, certificate: str, coverage: float) -> dict[str, float]:
        """Return what models answer now: this look may have shown more, not worth a new certificate, or less."""
        [licence] = await certificates.licences(self.connection, [certificate])
        return {"threshold": licence.threshold, "coverage": coverage}

    async def _write(self, state: AnyState | None, standing: dict[str, Any]) -> None:
        design = licensing.written(state) if state is not None else self.row.design
        await epochs.write(
            self.connection,
            self.row.scope,
            self.row.number,
            delta=state.epoch.delta if state is not None else self._delta,
            design=design,
            standing=licensing.written(standing),
        )
