"""One step of the core against the bare CEL evaluation within it: microseconds per call.

    python benchmarks/advance.py [--calls 300] [--repeats 200]

The baseline is the compiled expression alone (`confidence >= 0.95`), called as its library documents.
Claim: `advance` takes at most 15 µs for a one-stage decision that a model settles. The fastest of all
repeats is shown: what the code costs, not what else the machine does.
"""

import argparse
import timeit
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cel_expr_python import cel

from adjudge.core.advance import Settle, advance
from adjudge.core.answers import Labels
from adjudge.core.controls import Controls
from adjudge.core.events import Asked, HistoryEvent, Opinion, Source
from adjudge.core.expressions import compile_condition
from adjudge.core.history import Case, History
from adjudge.core.money import Stake
from adjudge.core.plans import Answer, ByHand, Combine, Origin, Plan, Stage, Votes

AIM_MICROSECONDS = 15.0
CONDITION = "confidence >= 0.95"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
UNTIL = NOW + timedelta(minutes=5)
MODEL = Stage(deciders=("claim-risk@1",), accept=ByHand(compile_condition(CONDITION), Origin("config/claims.yaml", 10)))
PEOPLE = Stage(pool="agents", combine=Combine("majority"), votes=Votes(2, 3), timeout=timedelta(minutes=10))
PLAN = Plan(name="claims", stages=(MODEL, PEOPLE), fallback=(Answer("refuse"),))
CASE = Case(
    type="claim.pay",
    location="default",
    space=Labels(("pay", "refuse")),
    deadline=NOW + timedelta(hours=1),
    stake=Stake(3000, "USD"),
)
CONTROLS = Controls(generations={"decider:claim-risk@1": 3})


def opinion(stage: int, by: str, source: Source, confidence: float) -> Opinion:
    return Opinion(
        at=NOW,
        stage=stage,
        by=by,
        source=source,
        answer="pay",
        confidence=confidence,
        distribution={"pay": confidence, "refuse": 1 - confidence} if source == "model" else None,
    )


def after(*events: HistoryEvent) -> History:
    """A history in which `advance` has recorded its own steps between the events given."""
    history = History(CASE)
    for event in events:
        history = history.then(*advance(PLAN, history, CONTROLS, NOW).record, event)
    return history


def steps() -> dict[str, Callable[[], object]]:
    asked = after()
    sure = after(opinion(0, "claim-risk@1", "model", 0.99))
    unsure = after(opinion(0, "claim-risk@1", "model", 0.61))
    voted = after(*unsure.events[1:], opinion(1, "anna", "reviewer", 0.0), opinion(1, "ben", "reviewer", 0.0))
    assert any(isinstance(event, Asked) for event in sure.events)
    assert isinstance(advance(PLAN, sure, CONTROLS, NOW), Settle)
    assert isinstance(advance(PLAN, voted, CONTROLS, NOW), Settle)
    return {
        "advance: ask the first stage": lambda: advance(PLAN, asked, CONTROLS, NOW),
        "advance: a sure model settles": lambda: advance(PLAN, sure, CONTROLS, NOW),
        "advance: an unsure one defers to people": lambda: advance(PLAN, unsure, CONTROLS, NOW),
        "advance: the second vote settles": lambda: advance(PLAN, voted, CONTROLS, NOW),
    }


def bare() -> Callable[[], object]:
    """The library alone."""
    program = cel.NewEnv(variables={"confidence": cel.Type.DOUBLE}).compile(CONDITION)
    return lambda: program.eval(data={"confidence": 0.99}).plain_value()


def microseconds(call: Callable[[], object], calls: int, repeats: int) -> float:
    return min(timeit.repeat(call, number=calls, repeat=repeats)) / calls * 1e6


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--calls", type=int, default=300)
    arguments.add_argument("--repeats", type=int, default=200)
    given = arguments.parse_args()
    baseline = microseconds(bare(), given.calls, given.repeats)
    print(f"{'what':42} {'µs':>6} {'× bare CEL':>11}")
    print(f"{'bare CEL evaluation of ' + CONDITION:42} {baseline:6.1f} {1:11.1f}")
    for name, call in steps().items():
        taken = microseconds(call, given.calls, given.repeats)
        aim = f"   aim {AIM_MICROSECONDS:g} µs: {'met' if taken <= AIM_MICROSECONDS else 'MISSED'}" * ("sure m" in name)
        print(f"{name:42} {taken:6.1f} {taken / baseline:11.1f}{aim}")


if __name__ == "__main__":
    main()
