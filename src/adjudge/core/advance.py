"""What happens next to a decision: ask, wait, or settle.

Called after every opinion, time-out and error, by workers, votes, timers and replays. Reads nothing
but its arguments, so a recorded path always ends in the same outcome.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeAlias, assert_never

from adjudge.core.combining import Belief, Combined, Pending, Undecided, combine_models, combine_people, more_people
from adjudge.core.events import Asked, Deferred, FellBack, HistoryEvent, Opinion, Settled
from adjudge.core.history import History, Progress, fold
from adjudge.core.outcomes import Outcome, OutcomeSource, Relied
from adjudge.core.plans import Answer, ByHand, Certified, Escalate, Hold, Plan, Provisional, SafeSide, Stage


@dataclass(frozen=True, slots=True)
class Controls:
    """What stands above the revision and acts at once."""

    switched_off: frozenset[str] = frozenset()
    """Deciders that must not be asked or believed."""
    generations: Mapping[str, int] = field(default_factory=dict)
    """Generation in force, by scope; 0 where a control was never touched."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask models, or seat one more person: `seats` new review tasks."""

    stage: int
    deciders: tuple[str, ...]
    pool: str | None
    seats: int
    first_seat: int
    until: datetime
    record: tuple[HistoryEvent, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before `until`, unless somebody answers."""

    until: datetime
    record: tuple[HistoryEvent, ...]


@dataclass(frozen=True, slots=True)
class Settle:
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
    walk = _Walk(plan, history, controls, now, fold(history.events))
    if walk.progress.final:
        return Wait(history.case.deadline, ())
    if now >= history.case.deadline:
        return walk.last_resort("deadline", "its deadline has passed")
    for index in walk.open_stages():
        step = walk.through(index)
        if step is not None:
            return step
    return walk.fall_back()


@dataclass(slots=True)
class _Walk:
    """One call of `advance`: what it reads, and what it has decided to record so far."""

    plan: Plan
    history: History
    controls: Controls
    now: datetime
    progress: Progress
    record: list[HistoryEvent] = field(default_factory=list)

    def open_stages(self) -> list[int]:
        """Return the stages to look at in order; once a fallback was taken, only those already asked."""
        if self.progress.fell_back is None:
            return list(range(len(self.plan.stages)))
        return sorted(index for index, tally in self.progress.tallies.items() if tally.asked)

    def through(self, index: int) -> Step | None:
        """Return the step that this stage calls for; None when it is, or now becomes, passed over."""
        stage, tally = self.plan.stage(index), self.progress.tally(index)
        reopened = tally.deferred is not None and self._is_reopened(index)
        if tally.deferred is not None and not reopened:
            return None
        if tally.asked is None:
            return self._ask_first(index, stage)
        combined: Combined = self._combined(index, stage)
        if isinstance(combined, Belief):
            verdict = self._judged(stage, combined)
            if isinstance(verdict, Settle):
                return verdict
            combined = more_people(stage, tally) if stage.pool else verdict
        if not isinstance(combined, Pending):
            return self._on_undecided(index, stage, combined, already=reopened)
        until = self._until(index)
        if self.now >= until or (tally.timed_out and not reopened):
            return self._on_undecided(index, stage, self._late(stage, index), already=reopened)
        return self._await(index, stage, combined, until)

    def fall_back(self) -> Step:
        """Take the next step of the fallback that is in force."""
        last = self.progress.fell_back
        chain = last.chain if last else self._chain_of_error()
        steps = self.plan.chain(chain)
        position = last.step if last else 0
        if last is not None:
            match steps[position]:
                case Escalate(stage):
                    step = self.through(stage)
                    if step is not None:
                        return step
                    position += 1
                case Hold() if self.now < last.until:
                    return Wait(min(last.until, self.history.case.deadline), tuple(self.record))
                case Hold():
                    position += 1
                case _:
                    return Wait(self.history.case.deadline, tuple(self.record))
        return self._take(chain, position)

    def last_resort(self, code: str, reason: str) -> Settle:
        """Settle finally, now, by the end of the fallback's chain."""
        last = self.progress.fell_back
        step = self.plan.chain(last.chain if last else self._chain_of_error())[-1]
        answer = step.answer if isinstance(step, Answer | Provisional) else self.history.case.safe_side
        return self._settle_by_fallback(answer or self._best(), code, reason, final=True)

    def _take(self, chain: int, position: int) -> Step:
        step, case = self.plan.chain(chain)[position], self.history.case
        reason = self._why()
        match step:
            case Answer(answer):
                return self._settle_by_fallback(answer, self._code(), reason, final=True)
            case SafeSide():
                return self._settle_by_fallback(case.safe_side or self._best(), self._code(), reason, final=True)
            case Provisional(answer):
                self._note(chain, position, "provisional", case.deadline, reason)
                return self._settle_by_fallback(answer or self._best(), self._code(), reason, final=False)
            case Hold(duration):
                until = min(self.now + duration, case.deadline)
                self._note(chain, position, "hold", until, reason)
                return Wait(until, tuple(self.record))
            case Escalate(stage):
                self._note(chain, position, "escalate", self.now + self.plan.stage(stage).timeout, reason)
                asked = self.through(stage)
                return asked if asked is not None else self._take(chain, position + 1)
            case _:
                assert_never(step)

    def _note(self, chain: int, step: int, fallback: Any, until: datetime, reason: str) -> None:
        self.record.append(FellBack(at=self.now, chain=chain, step=step, fallback=fallback, reason=reason, until=until))

    def _ask_first(self, index: int, stage: Stage) -> Step | None:
        until = min(self.now + stage.timeout, self.history.case.deadline)
        if stage.pool is not None:
            return self._ask(index, stage, stage.votes.minimum if stage.votes.together > 1 else 1, 0, until)
        on = tuple(decider for decider in stage.deciders if decider not in self.controls.switched_off)
        if not on or (stage.combine.rule != "first" and len(on) < len(stage.deciders)):
            off = next(decider for decider in stage.deciders if decider not in on)
            return self._on_undecided(index, stage, Undecided("switched-off", f"{off} is switched off"))
        return self._ask(index, replace(stage, deciders=on), 0, 0, until)

    def _ask(self, index: int, stage: Stage, seats: int, first_seat: int, until: datetime) -> Ask:
        asked = (stage.pool,) if stage.pool else stage.deciders
        self.record.append(Asked(at=self.now, stage=index, deciders=asked, seats=first_seat + seats, until=until))
        return Ask(index, stage.deciders, stage.pool, seats, first_seat, until, tuple(self.record))

    def _await(self, index: int, stage: Stage, pending: Pending, until: datetime) -> Step:
        asked = self.progress.tally(index).asked
        if pending.seats and asked is not None:
            return self._ask(index, stage, pending.seats, asked.seats, until)
        return Wait(min(until, self.history.case.deadline), tuple(self.record))

    def _combined(self, index: int, stage: Stage) -> Combined:
        tally = self.progress.tally(index)
        if stage.pool is None:
            return combine_models(stage, tally)
        earlier = [
            opinion
            for before, other in sorted(self.progress.tallies.items())
            if before < index
            for opinion in other.opinions.values()
            if opinion.source != "reviewer"
        ]
        return combine_people(stage, tally, earlier, self.history.case.space.size())

    def _judged(self, stage: Stage, belief: Belief) -> Settle | Undecided:
        off = [opinion.by for opinion in belief.opinions if opinion.by in self.controls.switched_off]
        if off:
            return Undecided("switched-off", f"{off[0]} is switched off")
        match stage.accept:
            case None if stage.pool is not None:
                return self._settle(belief, "people", f"{belief.agreeing} of {belief.asked} agree")
            case None:
                return Undecided("not-accepted", "the stage accepts nothing by itself")
            case Certified():
                return Undecided("no-certificate", "no certificate is valid here")
            case ByHand(condition, origin):
                if condition.holds(self._known(belief)):
                    reason = f"{_sure(belief)}, {_enough(stage.accept)} (set by hand, {origin})"
                    return self._settle(belief, "by-hand", reason)
                return Undecided("unsure", f"{_short(belief, stage.accept)} (set by hand, {origin})")
            case _:
                assert_never(stage.accept)

    def _known(self, belief: Belief) -> dict[str, Any]:
        case, stake = self.history.case, self.history.case.stake
        return {
            "confidence": belief.confidence,
            "margin": belief.margin,
            "answer": belief.answer,
            "votes": belief.votes,
            "agreeing": belief.agreeing,
            "stake": stake.major if stake else float("inf"),
            "stakes": self._stakes(),
            "question_type": case.type,
            "location": case.location,
            "attributes": case.attributes,
            "opinions": [
                {"by": opinion.by, "answer": opinion.answer or "", "confidence": opinion.confidence}
                for opinion in belief.opinions
            ],
        }

    def _stakes(self) -> dict[str, float]:
        """Return the stake in every currency that has a rate; without a stake, infinite in each."""
        stake, rates = self.history.case.stake, self.plan.rates
        if stake is None:
            return dict.fromkeys(rates, float("inf"))
        known = {**rates, stake.currency: rates.get(stake.currency, 1.0)}
        if stake.currency not in rates:
            return {stake.currency: stake.major}
        return {currency: stake.major * known[stake.currency] / rate for currency, rate in known.items()}

    def _on_undecided(self, index: int, stage: Stage, why: Undecided, *, already: bool = False) -> Step | None:
        if already:
            return None
        event = Deferred(at=self.now, stage=index, code=why.code, reason=why.reason)
        self.record.append(event)
        tally = self.progress.tally(index)
        tally.deferred = self.progress.last_deferred = event
        if stage.on_error and tally.faults and self.progress.fell_back is None:
            return self._take(index, 0)
        return None

    def _late(self, stage: Stage, index: int) -> Undecided:
        if stage.pool is None:
            silent = ", ".join(self.progress.tally(index).silent())
            return Undecided("timeout", f"{silent} did not answer in time")
        votes = len(self.progress.tally(index).votes)
        return Undecided("no-reviewer", f"{stage.pool}: {votes} of {stage.votes.minimum} votes in time")

    def _until(self, index: int) -> datetime:
        """Return until when a stage is open: people go on while a fallback holds or is provisional."""
        asked, last = self.progress.tally(index).asked, self.progress.fell_back
        if last is not None and self._is_reopened(index):
            return last.until
        return asked.until if asked else self.now

    def _is_reopened(self, index: int) -> bool:
        last = self.progress.fell_back
        if last is None or last.fallback == "escalate":
            return False
        people = [i for i, tally in self.progress.tallies.items() if self.plan.stage(i).pool and tally.asked]
        return bool(people) and index == max(people)

    def _chain_of_error(self) -> int:
        """Return the chain that a fault has sent the decision to, or -1: the plan's own."""
        for index, stage in enumerate(self.plan.stages):
            tally = self.progress.tally(index)
            if stage.on_error and tally.faults and tally.deferred:
                return index
        return -1

    def _settle(self, belief: Belief, code: str, reason: str) -> Settle:
        source = _source(belief)
        deciders = tuple(dict.fromkeys(opinion.pool or opinion.by for opinion in belief.opinions))
        models = [opinion.by for opinion in belief.opinions if opinion.source != "reviewer"]
        scopes = [f"decider:{name}" for name in dict.fromkeys(models)]
        return self._settled(
            Outcome(
                version=self.progress.version + 1,
                kind="final",
                answer=belief.answer,
                source=source,
                confidence=belief.confidence,
                deciders=deciders,
                reason=reason,
                code=code,
                relied=tuple(Relied(scope, self.controls.generations.get(scope, 0)) for scope in scopes),
            )
        )

    def _settle_by_fallback(self, answer: str | None, code: str, reason: str, *, final: bool) -> Settle:
        return self._settled(
            Outcome(
                version=self.progress.version + 1,
                kind="final" if final else "provisional",
                answer=answer,
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
            )
        )
        return Settle(outcome, self.history.case.deadline, tuple(self.record))

    def _best(self) -> str | None:
        """Return the best answer so far: the surest opinion's, people before models."""
        opinions = [o for tally in self.progress.tallies.values() for o in tally.opinions.values() if o.answer]
        best = max(opinions, key=_weight, default=None)
        return best.answer if best else self.history.case.safe_side

    def _why(self) -> str:
        last = self.progress.last_deferred
        return last.reason if last else "there was nobody to ask"

    def _code(self) -> str:
        last = self.progress.last_deferred
        return last.code if last else "nobody"


def _weight(opinion: Opinion) -> tuple[bool, float, str]:
    return opinion.source == "reviewer", opinion.confidence, opinion.answer or ""


def _source(belief: Belief) -> OutcomeSource:
    sources = {opinion.source for opinion in belief.opinions}
    if "reviewer" in sources:
        return "reviewer"
    return "model" if "model" in sources else "rule"


def _sure(belief: Belief) -> str:
    names = " and ".join(dict.fromkeys(opinion.by for opinion in belief.opinions if opinion.source != "reviewer"))
    if belief.votes:
        people = f"{belief.votes} vote{'s' if belief.votes > 1 else ''}"
        names = f"{names} and {people}" if names else people
    verb = "is" if len(belief.opinions) == 1 else "are"
    return f"{names} {verb} {shown(belief.confidence)} sure"


def _enough(accept: ByHand) -> str:
    threshold = accept.condition.threshold
    return f"{threshold:g} is enough" if threshold is not None else f"`{accept.condition.text}` holds"


def _short(belief: Belief, accept: ByHand) -> str:
    threshold = accept.condition.threshold
    if threshold is not None:
        return f"{shown(belief.confidence, below=threshold)} is under {threshold:g}"
    return f"`{accept.condition.text}` does not hold"


def shown(confidence: float, below: float | None = None) -> str:
    """Write a probability with two digits, or as many as it takes not to look like the threshold it misses."""
    for digits in range(2, 8):
        text = f"{confidence:.{digits}f}"
        if below is None or float(text) < below:
            return text
    return repr(confidence)
