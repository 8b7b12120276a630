"""Whole lives of decisions: what happens, in any order, and what must hold at every step."""

from dataclasses import replace

from tests.builders import Life
from tests.properties.strategies import PEOPLE, Happening, World

from adjudge.core.advance import Ask, Settle, Step, Wait, advance
from adjudge.core.controls import AUTOMATION, places_of
from adjudge.core.events import Asked, Deferred, Fault, FaultKind, HistoryEvent, Opinion
from adjudge.core.history import History, fold
from adjudge.core.outcomes import Outcome, OutcomeKind
from adjudge.core.plans import ByHand, Stage

FAULTS: tuple[FaultKind, ...] = (
    *("error", "timeout", "garbage", "refused", "quota"),
    *("breaker", "dead-letter", "no-evidence"),
)
MAY_FOLLOW: set[tuple[OutcomeKind | None, OutcomeKind]] = {
    (None, "provisional"),
    (None, "final"),
    ("provisional", "final"),
}
"""Kinds of outcomes that `advance` may write on top of each other. What amends a final one is no step of it."""
OUTSIDE = "{not a key of any space"


class WatchedLife(Life):
    """A life in which every step is checked as it is taken."""

    def __init__(self, world: World) -> None:
        self.keys = world.keys
        self.asks: list[Ask] = []
        self.outcomes: list[Outcome] = []
        super().__init__(world.plan, world.case)

    def then(self, *events: HistoryEvent, after: float = 0) -> Step:
        before = self.history.then(*events)
        was_final = self.is_final
        step = super().then(*events, after=after)
        self._watch(before, step, was_final=was_final)
        return step

    @property
    def is_final(self) -> bool:
        return bool(self.outcomes) and self.outcomes[-1].kind == "final"

    def live(self, happening: Happening) -> None:
        after, events = self.meant(happening)
        self.then(*events, after=after)

    def end(self, most_steps: int = 60) -> None:
        """Let every timer ring until nothing is left to wait for."""
        for _ in range(most_steps):
            if self.is_final:
                return
            self.until()
        raise AssertionError(f"still open after {most_steps} timers")

    def meant(self, happening: Happening) -> tuple[float, tuple[HistoryEvent, ...]]:
        match happening.what:
            case "answer" | "opinion" | "vote":
                return 0, (self._told(happening),)
            case "fault":
                kind = FAULTS[happening.answer % len(FAULTS)]
                return 0, (replace_stage(self.fault(self._decider(happening), kind), self._stage(happening)),)
            case "decline":
                return 0, (self.declined(PEOPLE[happening.who]),)
            case "time-out":
                return 0, (self.time_out(),)
            case "pass":
                return happening.seconds, ()
            case "timer":
                return max(0.0, (self.step.until - self.now).total_seconds()), ()
            case "repeat":
                return 0, self.history.events[-1:] if isinstance(self.last, Opinion | Fault) else ()
            case "switch":
                names = (self._decider(happening),) * 4 + places_of(self.history.case)
                name = names[happening.who % len(names)]
                self.controls = replace(self.controls, switched_off=self.controls.switched_off ^ {name})
                return 0, ()
            case _:
                return 0, ()

    @property
    def last(self) -> HistoryEvent | None:
        return self.history.events[-1] if self.history.events else None

    def _told(self, happening: Happening) -> Opinion:
        stage, wrong = self._stage(happening), happening.malformed
        asks_people = self.plan.stage(stage).pool is not None
        person = asks_people if happening.what == "answer" else happening.what == "vote"
        key: str | None = self.keys[happening.answer % len(self.keys)]
        key = {"abstains": None, "outside": OUTSIDE}.get(wrong, key)
        by = PEOPLE[happening.who] if person else self._decider(happening)
        if person != (wrong == "wrong source"):
            return self.vote(by, key, stage=stage)
        by = "stranger@9" if wrong == "stranger" else by
        spread = _spread(key, happening, self.keys)
        return self.opinion(by, key, happening.confidence, distribution=spread, stage=stage)

    def _stage(self, happening: Happening) -> int:
        most = len(self.plan.stages) + len(self.plan.escalations)
        return self.stage if happening.stage is None else happening.stage % most

    def _decider(self, happening: Happening) -> str:
        deciders = self.plan.stage(self._stage(happening)).deciders or ("nobody@1",)
        return deciders[happening.who % len(deciders)]

    def _is_off(self, decider: str) -> bool:
        return bool(self.controls.switched_off & {decider, *places_of(self.history.case)})

    def _watch(self, before: History, step: Step, *, was_final: bool) -> None:
        assert advance(self.plan, before, self.controls, self.now) == step, "the same inputs lead elsewhere"
        if was_final:
            assert step == Wait(self.history.case.deadline, ())
            return
        match step:
            case Ask():
                self._watch_question(step)
            case Wait():
                assert self.now < step.until <= self.history.case.deadline
                assert self._somebody_may_answer(), "waits for nobody"
            case Settle():
                assert (self.outcomes[-1].kind if self.outcomes else None, step.outcome.kind) in MAY_FOLLOW
                assert step.outcome.version == len(self.outcomes) + 1
                self.outcomes.append(step.outcome)
                self._watch_outcome(before, step.outcome)

    def _somebody_may_answer(self) -> bool:
        """Whether a wait is for somebody: a decider that is silent, a seat without a vote, or a fallback's own time."""
        progress = fold(self.history.events, self.history.case.space)
        if progress.fell_back is not None and progress.fell_back.fallback != "escalate":
            return True
        tally = progress.tally(self.stage)
        if self.plan.stage(self.stage).pool is None:
            return bool(tally.silent())
        return tally.asked is not None and tally.asked.seats > len(tally.votes)

    def _watch_question(self, ask: Ask) -> None:
        stage = self.plan.stage(ask.stage)
        earlier = [one for one in self.asks if one.stage == ask.stage]
        assert self.now < ask.until <= self.history.case.deadline
        assert not any(self._is_off(decider) for decider in ask.deciders)
        assert ask.first_seat == sum(one.seats for one in earlier)
        assert ask.first_seat + ask.seats <= stage.votes.maximum or stage.pool is None
        assert ask.seats <= stage.votes.together
        assert (ask.seats > 0) == (stage.pool is not None)
        assert not earlier or stage.pool is not None
        self.asks.append(ask)

    def _watch_outcome(self, before: History, outcome: Outcome) -> None:
        space = self.history.case.space
        assert outcome.answer is not None
        assert space.holds(outcome.answer)
        match outcome.source:
            case "fallback":
                assert (outcome.deciders, outcome.relied, outcome.confidence) == ((), (), None)
            case "model":
                assert (outcome.kind, outcome.code) == ("final", "by-hand")
                self._watch_model(before, outcome)
            case "reviewer":
                assert outcome.kind == "final"
                self._watch_people(before, outcome)
            case _:
                raise AssertionError(f"nobody here is a {outcome.source}")
        assert outcome.source == "fallback" or self.now < self.history.case.deadline

    def _watch_model(self, before: History, outcome: Outcome) -> None:
        """A model is believed only where it was asked, answered well, first, and a threshold set by hand accepts."""
        (index,) = {i for i, stage in self._stages() if set(outcome.deciders) & set(stage.deciders)}
        assert isinstance(self.plan.stage(index).accept, ByHand)
        assert {one.scope for one in outcome.relied} == {AUTOMATION, *(f"decider:{name}" for name in outcome.deciders)}
        assert not any(isinstance(event, Deferred) and event.stage == index for event in before.events)
        (asked,) = (event for event in before.events if isinstance(event, Asked) and event.stage == index)
        for decider in outcome.deciders:
            assert decider in asked.deciders
            assert not self._is_off(decider)
            assert _first(before, index, decider) in _sound(before, index, self.history)

    def _watch_people(self, before: History, outcome: Outcome) -> None:
        """People are believed only where a stage that asked them had the votes for it."""
        asked = [(index, stage) for index, stage in self._stages() if stage.pool in outcome.deciders]
        pools = {stage.pool for _, stage in asked}
        assert not any(self._is_off(decider) for decider in outcome.deciders if decider not in pools)
        assert any(self._has_the_votes(before, index, stage, outcome) for index, stage in asked)

    def _has_the_votes(self, before: History, index: int, stage: Stage, outcome: Outcome) -> bool:
        votes = [one for one in _sound(before, index, self.history) if one.source == "reviewer"]
        votes = votes[: stage.votes.maximum]
        if len(votes) < stage.votes.minimum:
            return False
        if stage.combine.rule == "majority":  # of which later votes could overturn nothing
            agreeing = sum(vote.answer == outcome.answer for vote in votes)
            return agreeing > stage.votes.maximum - agreeing
        if stage.combine.rule == "agree":
            given = [vote.answer for vote in votes if vote.answer is not None]
            return given[-stage.votes.minimum :] == [outcome.answer] * stage.votes.minimum
        return True

    def _stages(self) -> list[tuple[int, Stage]]:
        return list(enumerate((*self.plan.stages, *self.plan.escalations)))


def replace_stage(fault: Fault, stage: int) -> Fault:
    return Fault(at=fault.at, stage=stage, by=fault.by, fault=fault.fault)


def _spread(key: str | None, happening: Happening, keys: tuple[str, ...]) -> dict[str, float] | None:
    if key is None or (happening.who % 2 and happening.malformed != "unnormalised"):
        return None
    other = next(one for one in keys if one != key)
    rest = 1 - happening.confidence
    return {key: happening.confidence, other: abs(rest - 0.0011) if happening.malformed == "unnormalised" else rest}


def _first(history: History, stage: int, by: str) -> Opinion | Fault:
    return next(
        event
        for event in history.events
        if isinstance(event, Opinion | Fault) and event.stage == stage and event.by == by
    )


def _sound(history: History, stage: int, whole: History) -> list[Opinion]:
    """Opinions that were recorded first and are not malformed, by rules of this file's own."""
    names = dict.fromkeys(
        event.by for event in history.events if isinstance(event, Opinion | Fault) and event.stage == stage
    )
    firsts = [_first(history, stage, name) for name in names]
    return [one for one in firsts if isinstance(one, Opinion) and one.answer != OUTSIDE and _adds_up(one)]


def _adds_up(opinion: Opinion) -> bool:
    return opinion.distribution is None or abs(sum(opinion.distribution.values()) - 1) <= 1e-3
