"""Values of the core for tests: a test names only what matters to it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from adjudge.core.advance import Settle, Step, advance
from adjudge.core.answers import ClosedSpace, Labels
from adjudge.core.controls import Controls
from adjudge.core.events import Asked, Declined, Fault, FaultKind, HistoryEvent, Opinion, TimedOut
from adjudge.core.expressions import compile_condition
from adjudge.core.history import Case, History
from adjudge.core.money import Stake
from adjudge.core.plans import (
    Acceptance,
    Answer,
    ByHand,
    Combine,
    FallbackStep,
    Origin,
    Plan,
    Stage,
    Votes,
)
from adjudge.core.pools import Prices
from adjudge.core.replaying import replay

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PAY_OR_REFUSE = Labels(("pay", "refuse"))
SET_BY_HAND = Origin("config/claims.yaml", 10)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def by_hand(condition: str = "confidence >= 0.95", origin: Origin = SET_BY_HAND) -> ByHand:
    return ByHand(compile_condition(condition), origin)


def models(
    *deciders: str,
    rule: str = "first",
    accept: Acceptance | None = None,
    on_error: tuple[FallbackStep, ...] = (),
    timeout: float = 10,
) -> Stage:
    """A stage of models, by default one that accepts from 0.95."""
    return Stage(
        deciders=deciders or ("claim-risk@1",),
        combine=Combine(rule),
        accept=accept or by_hand(),
        on_error=on_error,
        timeout=seconds(timeout),
    )


def people(
    pool: str = "agents",
    *,
    least: int = 1,
    most: int = 1,
    together: int = 1,
    rule: str = "first",
    accept: Acceptance | None = None,
    timeout: float = 600,
    prices: Prices | None = None,
) -> Stage:
    return Stage(
        pool=pool,
        votes=Votes(least, most, together, prices),
        combine=Combine(rule),
        accept=accept,
        timeout=seconds(timeout),
    )


def a_plan(
    *stages: Stage,
    fallback: tuple[FallbackStep, ...] = (Answer("refuse"),),
    escalations: tuple[Stage, ...] = (),
    rates: Mapping[str, float] | None = None,
) -> Plan:
    return Plan(
        name="claims", stages=stages or (models(),), fallback=fallback, escalations=escalations, rates=rates or {}
    )


def a_case(
    *,
    space: ClosedSpace = PAY_OR_REFUSE,
    due_in: float = 3600,
    stake: Stake | None = None,
    currency: str | None = None,
    safe_side: str | None = "refuse",
    late: bool = False,
    shed: bool = False,
    groups: tuple[str, ...] = (),
) -> Case:
    return Case(
        type="claim.pay",
        location="default",
        space=space,
        deadline=NOON + seconds(due_in),
        stake=stake,
        currency=currency,
        safe_side=safe_side,
        late=late,
        shed=shed,
        groups=groups,
    )


class Life:
    """A decision put through `advance` as the engine does it: what a step records joins the history."""

    def __init__(self, plan: Plan, case: Case | None = None, controls: Controls | None = None) -> None:
        self.plan = plan
        self.controls = controls or Controls()
        self.now = NOON
        self.history = History(case or a_case())
        self.step: Step = self.then()

    @property
    def stage(self) -> int:
        """The stage asked last."""
        return max((event.stage for event in self.history.events if isinstance(event, Asked)), default=0)

    def then(self, *events: HistoryEvent, after: float = 0) -> Step:
        """Let `after` seconds pass, then record the events and take the step that follows."""
        self.now += seconds(after)
        history = self.history.then(*events)
        self.step = advance(self.plan, history, self.controls, self.now)
        self.history = history.then(*self.step.record)
        return self.step

    def opinion(
        self,
        by: str,
        answer: str | None,
        confidence: float = 0.99,
        *,
        distribution: dict[str, float] | None = None,
        stage: int | None = None,
    ) -> Opinion:
        return Opinion(
            at=self.now,
            stage=self.stage if stage is None else stage,
            by=by,
            source="model",
            answer=answer,
            confidence=confidence,
            distribution=distribution,
        )

    def vote(self, by: str, answer: str | None, *, stage: int | None = None) -> Opinion:
        index = self.stage if stage is None else stage
        pool = self.plan.stage(index).pool
        return Opinion(at=self.now, stage=index, by=by, source="reviewer", answer=answer, pool=pool)

    def fault(self, by: str, kind: FaultKind = "error", detail: str = "") -> Fault:
        return Fault(at=self.now, stage=self.stage, by=by, fault=kind, detail=detail)

    def declined(self, by: str) -> Declined:
        return Declined(at=self.now, stage=self.stage, by=by, reason="unsure")

    def time_out(self) -> TimedOut:
        return TimedOut(at=self.now, stage=self.stage)

    def says(self, *answers: tuple[str, str | None, float]) -> Step:
        """Models answer side by side: (by, answer, confidence)."""
        return self.then(*(self.opinion(by, answer, confidence) for by, answer, confidence in answers))

    def votes(self, **answers: str | None) -> Step:
        """People answer one after the other: anna="pay"."""
        for by, answer in answers.items():
            self.then(self.vote(by, answer), after=1)
        return self.step

    def until(self) -> Step:
        """Wait until the time that the last step named."""
        return self.then(after=(self.step.until - self.now).total_seconds())

    def replays(self) -> None:
        replay(self.plan, self.history.case, self.history.events)


def settled(step: Step) -> tuple[str | None, str, str, str]:
    """What a settlement says, for short: answer, kind, source, reason."""
    assert isinstance(step, Settle), step
    return step.outcome.answer, step.outcome.kind, step.outcome.source, step.outcome.reason


def instant_of(identifier: UUID) -> float:
    """Unix seconds at which a UUIDv7 was minted."""
    return (identifier.int >> 80) / 1000
