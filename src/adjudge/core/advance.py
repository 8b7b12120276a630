"""What happens next to a decision: ask, wait, or settle.

Called after every opinion, time-out and error: by workers, by people's votes, by timers and by replays. It reads
nothing but its arguments, so a recorded path always ends in the same outcome.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, TypeAlias, assert_never

import msgspec

from adjudge.core.accepting import NO_CERTIFICATE, Accepted, judge
from adjudge.core.beliefs import Belief, Combined, Pending, Undecided
from adjudge.core.combining import answers_of, best_answer, combine_models, combine_people, more_people, seats_wanted
from adjudge.core.controls import AUTOMATION, Controls, is_place, touching
from adjudge.core.counting import counted
from adjudge.core.events import Asked, Deferred, FellBack, HistoryEvent, Opinion, Settled
from adjudge.core.history import Case, History, Progress, Tally, fold
from adjudge.core.licences import Licence, ScopeName, Terms
from adjudge.core.outcomes import Outcome, OutcomeSource, Relied
from adjudge.core.plans import Answer, Certified, Escalate, Hold, Plan, Provisional, SafeSide, Stage
from adjudge.core.pools import Snapshot


class Ask(msgspec.Struct, frozen=True):
    """Ask models, or seat one more person: `seats` new review tasks."""

    stage: int
    deciders: tuple[str, ...]
    pool: str | None
    seats: int
    first_seat: int
    until: datetime
    record: tuple[HistoryEvent, ...]


class Wait(msgspec.Struct, frozen=True):
    """Nothing to do before `until`, unless somebody answers."""

    until: datetime
    record: tuple[HistoryEvent, ...]


class Settle(msgspec.Struct, frozen=True):
    """Write an outcome; a provisional one stays open until `until`."""

    outcome: Outcome
    until: datetime
    record: tuple[HistoryEvent, ...]


Step: TypeAlias = Ask | Wait | Settle
"""`record` is what the step adds to the history."""


def advance(plan: Plan, history: History, controls: Controls, now: datetime) -> Step:
    """Settle by the first stage that accepts; else ask or await the first still open; else fall back.

    Total for every compiled plan and every history. Doubt defers (promise 3).
    """
    case = history.case
    progress = fold(history.events, case.space)
    if progress.final:
        return Wait(case.deadline, ())
    off = touching(controls, plan.deciders(), case) if controls.switched_off else ()
    scopes, in_force = _certified(plan, case, controls) if plan.prefixes and controls.licences else ({}, {})
    licences = tuple([licence.certificate for licence in in_force.values()]) if in_force else ()
    snapshot = controls.learnt.get(case.type) if controls.learnt and plan.is_priced else None
    learnt = snapshot.number if snapshot is not None else 0
    walk = _Walk(plan, history, now, progress, controls, off, scopes, in_force, licences, snapshot, learnt)
    if now >= case.deadline:
        return walk.last_resort()
    if case.shed and not history.events:
        return walk.shed()
    for index in walk.open_stages():
        step = walk.through(index)
        if step is not None:
            return step
    return walk.fall_back()


class _Walk(msgspec.Struct):
    """One call of `advance`: what it reads, and what it has decided to record so far."""

    plan: Plan
    history: History
    now: datetime
    progress: Progress
    controls: Controls
    switched_off: tuple[str, ...]
    scopes: dict[int, ScopeName]
    """For each certified stage, the name of the control under which it accepts; empty if no certificate is in force."""
    in_force: dict[int, Licence]
    """For each of these stages that has one, the licence in force under that control."""
    licences: tuple[str, ...]
    """Ids of the certificates of `in_force`."""
    snapshot: Snapshot | None
    """What is learnt of the worth of votes; None unless a stage of the plan buys votes by their price."""
    learnt: int
    """Number of the snapshot; 0: there is none."""
    record: list[HistoryEvent] = []

    def open_stages(self) -> Iterable[int]:
        """Return the stages to look at in order; once a fallback was taken, only those already asked."""
        if self.progress.fell_back is None:
            return range(len(self.plan.stages))
        return sorted(index for index, tally in self.progress.tallies.items() if tally.asked)

    def through(self, index: int) -> Step | None:
        """Return the step that this stage calls for. None: it is passed over, or has just been."""
        stage, tally = self.plan.stage(index), self.progress.tally(index)
        if self.snapshot is not None:
            stage = self._knowing(self.snapshot, index, stage)
        reopened = tally.deferred is not None and self._is_reopened(index)
        if tally.deferred is not None and not reopened:
            return None
        if tally.asked is None:
            return self._ask_first(index, stage)
        if tally.timed_out and not reopened:
            return self._defer(index, self._late(index, stage))
        combined = combine_models(stage, tally) if stage.pool is None else self._combined(index, stage, tally)
        if isinstance(combined, Belief):
            verdict = self._judged(index, stage, combined)
            if isinstance(verdict, Accepted):
                return self._settle(index, stage, combined, verdict)
            combined = more_people(stage, tally, verdict)
        until = self._reopened_until() if reopened else tally.asked.until
        if isinstance(combined, Pending) and self.now < until:
            return self._await(index, stage, combined, tally.asked.seats, until)
        if reopened:
            return None
        return self._defer(index, combined if isinstance(combined, Undecided) else self._late(index, stage))

    def fall_back(self) -> Step:
        """Take the next step of the fallback that is in force."""
        last = self.progress.fell_back
        if last is None:
            return self._take(self.plan.ending(self._why()[0]), 0)
        match self.plan.chain(last.chain)[last.step]:
            case Escalate(stage):
                return self.through(stage) or self._take(last.chain, last.step + 1)
            case Hold() if self.now >= last.until:
                return self._take(last.chain, last.step + 1)
            case Hold():
                return Wait(min(last.until, self.history.case.deadline), tuple(self.record))
            case _:
                return Wait(self.history.case.deadline, tuple(self.record))

    def shed(self) -> Step:
        """Take the fallback of a question for which there was no room on arrival. Nobody is asked."""
        event = Deferred(at=self.now, stage=0, code="shed", reason="more was asked than could be answered in time")
        self.record.append(event)
        self.progress.tally(0).deferred = self.progress.last_deferred = event
        return self._take(self.plan.ending("shed"), 0)

    def last_resort(self) -> Settle:
        """The deadline has passed: settle finally by the last step of the fallback's chain."""
        last, case = self.progress.fell_back, self.history.case
        step = self.plan.chain(last.chain if last else self.plan.ending("deadline"))[-1]
        answer = step.answer if isinstance(step, Answer | Provisional) else case.safe_side
        reason = "its deadline had passed on arrival" if case.late else "its deadline has passed"
        return self._settle_by_fallback(answer, "deadline", reason, final=True)

    def _take(self, chain: int, position: int) -> Step:
        step, case = self.plan.chain(chain)[position], self.history.case
        code, reason = self._why()
        match step:
            case Answer(answer):
                return self._settle_by_fallback(answer, code, reason, final=True)
            case SafeSide():
                return self._settle_by_fallback(case.safe_side, code, reason, final=True)
            case Provisional(answer):
                self._note(chain, position, "provisional", case.deadline)
                return self._settle_by_fallback(answer, code, reason, final=False)
            case Hold(duration):
                until = min(self.now + duration, case.deadline)
                self._note(chain, position, "hold", until)
                return Wait(until, tuple(self.record))
            case Escalate(stage):
                self._note(chain, position, "escalate", self._until(self.plan.stage(stage)))
                return self.through(stage) or self._take(chain, position + 1)
            case _:
                assert_never(step)

    def _knowing(self, snapshot: Snapshot, index: int, stage: Stage) -> Stage:
        """Return the stage with the learnt weights of its models and voters, if there are any."""
        pool = snapshot.pool(self.plan.learnt_as(index)) if stage.votes.prices is not None else None
        return stage if pool is None else stage.knowing(pool)

    def _note(
        self, chain: int, step: int, fallback: Literal["hold", "escalate", "provisional"], until: datetime
    ) -> None:
        _, reason = self._why()
        self.record.append(
            FellBack(
                at=self.now,
                chain=chain,
                step=step,
                fallback=fallback,
                reason=reason,
                until=until,
                switched_off=self.switched_off,
                licences=self.licences,
                learnt=self.learnt,
            )
        )

    def _ask_first(self, index: int, stage: Stage) -> Step | None:
        until = self._until(stage)
        if stage.pool is not None:
            return self._seat(index, stage.pool, seats_wanted(stage, self.progress.tally(index)), 0, until)
        on = tuple(decider for decider in stage.deciders if not self._is_off(decider))
        if on and (on == stage.deciders or stage.combine.rule == "first"):
            self._asked(index, on, 0, until)
            return Ask(index, on, None, 0, 0, until, tuple(self.record))
        return self._defer(index, self._switched(decider for decider in stage.deciders if decider not in on))

    def _seat(self, index: int, pool: str, seats: int, first_seat: int, until: datetime) -> Ask:
        self._asked(index, (pool,), first_seat + seats, until)
        return Ask(index, (), pool, seats, first_seat, until, tuple(self.record))

    def _asked(self, index: int, who: tuple[str, ...], seats: int, until: datetime) -> None:
        self.record.append(
            Asked(
                at=self.now,
                stage=index,
                deciders=who,
                seats=seats,
                until=until,
                switched_off=self.switched_off,
                licences=self.licences,
                learnt=self.learnt,
            )
        )

    def _await(self, index: int, stage: Stage, pending: Pending, seats: int, until: datetime) -> Step:
        if pending.seats and stage.pool is not None:
            return self._seat(index, stage.pool, pending.seats, seats, until)
        return Wait(until, tuple(self.record))

    def _combined(self, index: int, stage: Stage, tally: Tally) -> Combined:
        """Combine the votes of people. Where votes are weighed, the models of earlier stages are weighed with them."""
        earlier = [
            opinion for before in range(index) for opinion in self._heard(before) if opinion.source != "reviewer"
        ]
        return combine_people(stage, tally, earlier, self.history.case.space.size())

    def _judged(self, index: int, stage: Stage, belief: Belief) -> Accepted | Undecided:
        if self.switched_off:
            off = [each.by for each in belief.opinions if each.source != "reviewer" and self._is_off(each.by)]
            if off:
                return self._switched(off[:1])
        if not isinstance(stage.accept, Certified):
            return judge(stage, belief, self.history.case, self.plan.rates)
        return judge(stage, belief, self.history.case, self.plan.rates, self._licence(index))

    def _licence(self, index: int) -> Licence | Undecided:
        """Return the licence of a certified stage that is in force at this moment."""
        licence = self.in_force.get(index)
        if licence is None:
            return NO_CERTIFICATE
        if self.now >= licence.valid_until:
            return Undecided("no-certificate", f"certificate {licence.certificate} has expired")
        if licence.behind != self._terms(index):
            return Undecided("no-certificate", f"certificate {licence.certificate} speaks of another earlier stage")
        return licence

    def _terms(self, before: int) -> tuple[Terms, ...]:
        """Return what the certificates in force of all stages before this one let through."""
        return tuple([licence.terms for index, licence in self.in_force.items() if index < before]) if before else ()

    def _defer(self, index: int, why: Undecided) -> Step | None:
        """Pass the stage over for good. Take its own fallback for this failure, if it has one and none is in force."""
        event = Deferred(
            at=self.now,
            stage=index,
            code=why.code,
            reason=why.reason,
            switched_off=self.switched_off,
            licences=self.licences,
            learnt=self.learnt,
        )
        self.record.append(event)
        self.progress.tally(index).deferred = self.progress.last_deferred = event
        branch = self.plan.branch(index, why.code)
        return self._take(branch, 0) if branch is not None and self.progress.fell_back is None else None

    def _is_off(self, decider: str) -> bool:
        return bool(self.switched_off) and (decider in self.switched_off or self._place_off is not None)

    @property
    def _place_off(self) -> str | None:
        """The first place of this case where all automation is off."""
        return next((name for name in self.switched_off if is_place(name)), None)

    def _switched(self, deciders: Iterable[str]) -> Undecided:
        place = self._place_off
        why = f"{', '.join(deciders)} is switched off" if place is None else f"automation is off, {place}"
        return Undecided("switched-off", why)

    def _late(self, index: int, stage: Stage) -> Undecided:
        tally = self.progress.tally(index)
        if stage.pool is not None:
            nobody_left = tally.timed_out is not None and tally.timed_out.nobody_left
            ending = ", and nobody is left to ask" if nobody_left else " in time"
            detail = f"{len(tally.votes)} of {counted(stage.votes.minimum, 'vote')}{ending}"
            return Undecided("no-reviewer", f"{stage.pool}: {detail}")
        return Undecided("timeout", f"{', '.join(tally.silent() or stage.deciders)} did not answer in time")

    def _until(self, stage: Stage) -> datetime:
        return min(self.now + stage.timeout, self.history.case.deadline)

    def _reopened_until(self) -> datetime:
        last, deadline = self.progress.fell_back, self.history.case.deadline
        return min(last.until, deadline) if last else deadline

    def _is_reopened(self, index: int) -> bool:
        """Return whether the people asked last may still answer, because a fallback holds or was only provisional."""
        last = self.progress.fell_back
        if last is None or last.fallback == "escalate":
            return False
        people = [i for i, tally in self.progress.tallies.items() if self.plan.stage(i).pool and tally.asked]
        return index == max(people, default=-1)

    def _settle(self, index: int, stage: Stage, belief: Belief, accepted: Accepted) -> Settle:
        models = _models(belief)
        return self._settled(
            Outcome(
                version=self.progress.version + 1,
                kind="final",
                answer=belief.answer,
                source=_source(belief),
                confidence=belief.confidence if accepted.confidence is None else accepted.confidence,
                deciders=models if stage.pool is None else (*models, stage.pool),
                reason=accepted.reason,
                code=accepted.code,
                certificate=accepted.licence.certificate if accepted.licence is not None else None,
                relied=self._relied(models, index, accepted.licence),
            )
        )

    def _relied(self, models: tuple[str, ...], index: int, licence: Licence | None) -> tuple[Relied, ...]:
        """Return the controls that an acceptance rests on: deciders, automation, certificates up to this stage."""
        scopes = [f"decider:{name}" for name in models]
        if models:
            scopes.append(AUTOMATION)
        if licence is not None:
            scopes += [scope for stage, scope in self.scopes.items() if stage <= index]
        generations = self.controls.generations
        return tuple([Relied(scope, generations.get(scope, 0)) for scope in scopes])

    def _settle_by_fallback(self, answer: str | None, code: str, reason: str, *, final: bool) -> Settle:
        """Settle. A fallback without an answer of its own takes the best answer so far, else the harmless one."""
        return self._settled(
            Outcome(
                version=self.progress.version + 1,
                kind="final" if final else "provisional",
                answer=self._best() if answer is None else answer,
                source="fallback",
                reason=f"fallback: {reason}",
                code=code,
            )
        )

    def _settled(self, outcome: Outcome) -> Settle:
        self.record.append(
            Settled(
                at=self.now,
                version=outcome.version,
                outcome=outcome.kind,
                answer=outcome.answer,
                source=outcome.source,
                confidence=outcome.confidence,
                reason=outcome.reason,
                code=outcome.code,
                switched_off=self.switched_off,
                licences=self.licences,
                learnt=self.learnt,
            )
        )
        return Settle(outcome, self.history.case.deadline, tuple(self.record))

    def _best(self) -> str | None:
        best = best_answer(opinion for index in sorted(self.progress.tallies) for opinion in self._heard(index))
        return self.history.case.safe_side if best is None else best

    def _heard(self, index: int) -> list[Opinion]:
        """Return the opinions of a stage, without those of deciders that have been switched off since."""
        tally = self.progress.tallies.get(index)
        if tally is None or tally.asked is None:
            return []
        stage = self.plan.stage(index)
        heard = tally.votes if stage.pool is not None else answers_of(stage, tally)
        return [opinion for opinion in heard if opinion.source == "reviewer" or not self._is_off(opinion.by)]

    def _why(self) -> tuple[str, str]:
        last = self.progress.last_deferred
        return (last.code, last.reason) if last else ("nobody", "there was nobody to ask")


def _certified(plan: Plan, case: Case, controls: Controls) -> tuple[dict[int, ScopeName], dict[int, Licence]]:
    """Return the controls of the plan's certified stages, and the licences in force under them; by stage, in order."""
    scopes: dict[int, ScopeName] = {}
    in_force: dict[int, Licence] = {}
    for index, stage in enumerate(plan.stages):
        if isinstance(stage.accept, Certified):
            scope = scopes[index] = plan.scope(index, case.type, case.slice)
            licence = controls.licences.get(scope)
            if licence is not None:
                in_force[index] = licence
    return scopes, in_force


def _models(belief: Belief) -> tuple[str, ...]:
    """Return the models and rules that a belief rests on, each once."""
    found: dict[str, None] = {}
    for opinion in belief.opinions:
        if opinion.source != "reviewer":
            found[opinion.by] = None
    return tuple(found)


def _source(belief: Belief) -> OutcomeSource:
    found: OutcomeSource = "rule"
    for opinion in belief.opinions:
        if opinion.source == "reviewer":
            return "reviewer"
        if opinion.source == "model":
            found = "model"
    return found
