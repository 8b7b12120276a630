"""The backtest itself: divisions one after another, each told to whoever listens."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from adjudge.automation.backtesting.policies import Answered, Backtest, Terms
from adjudge.automation.backtesting.scoring import BASELINE, Ledger, counted, kept
from adjudge.automation.backtesting.sets import Draw, LabelledSet, halves, resampled

Half: TypeAlias = Literal["test", "whole"]
"""What is judged: the other half; or the whole set from which the audits were drawn with replacement."""
Listener: TypeAlias = Callable[[Half, Draw, Answered], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be run."""

    terms: Terms
    repeats: int
    seed: int = 0
    decider: str | None = None


def run(
    data: LabelledSet,
    request: Request,
    *,
    progress: Callable[[int], None] = lambda done: None,
    listener: Listener = lambda half, draw, answered: None,
) -> dict[str, Ledger]:
    """Return what each policy did in all divisions. `progress` is told after each, `listener` all answers."""
    backtest = Backtest(data, request.terms, request.decider)
    ledgers: dict[str, Ledger] = {}
    for repeat in range(request.repeats):
        for draw, answered in _halves(backtest, data, request, repeat):
            ledger = ledgers.setdefault(
                answered.policy, Ledger(answered.guarantee, not answered.policy.startswith("people"))
            )
            ledger.halves.append(counted(answered, data.truth, draw.judged))
            ledger.certified += answered.threshold is not None
            if answered.decider is not None:
                ledger.deciders[answered.decider] = ledger.deciders.get(answered.decider, 0) + 1
            listener("test", draw, answered)
        _judge_promises(backtest, data, request, repeat, ledgers, listener)
        progress(repeat + 1)
    return ledgers


def _halves(backtest: Backtest, data: LabelledSet, request: Request, repeat: int) -> Iterator[tuple[Draw, Answered]]:
    draw = halves(data, repeat, request.seed)
    for answered in backtest.answered(draw):
        yield draw, answered


def _judge_promises(
    backtest: Backtest, data: LabelledSet, request: Request, repeat: int, ledgers: dict[str, Ledger], listener: Listener
) -> None:
    draw, baseline = resampled(data, repeat, request.seed), None
    for answered in backtest.answered(draw, certified_only=True):
        if answered.policy == BASELINE:
            baseline = answered
        promise = kept(answered, baseline, data, request.terms.target, draw.judged)
        if promise is not None:
            ledgers[answered.policy].promises.append(promise)
        listener("whole", draw, answered)
