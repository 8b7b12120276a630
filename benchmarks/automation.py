"""A step under a certificate against one under a threshold set by hand: microseconds per call.

    python benchmarks/automation.py [--calls 300] [--repeats 200] [--json FILE]

Claim: `advance` with a certified stage takes at most 15 µs. The fastest of all repeats is shown: what the code
costs, not what else the machine does.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from adjudge.core.advance import Controls, Settle, advance
from adjudge.core.calibration import Isotonic
from adjudge.core.history import History
from adjudge.core.licences import Licence
from adjudge.core.plans import ByHand, Certified, Plan
from advance import CASE, CONTROLS, MODEL, NOW, PEOPLE, PLAN, after, microseconds, opinion

AIM_MICROSECONDS = 15.0
SLICES = 1_000
assert isinstance(MODEL.accept, ByHand)
CERTIFIED = replace(
    PLAN, stages=(replace(MODEL, accept=Certified(MODEL.accept.origin)), PEOPLE), prefixes=("0" * 12, "1" * 12)
)
KNOTS = tuple(n / 40 for n in range(41))


def licence(scope: str) -> Licence:
    return Licence(
        certificate="c-" + "0" * 12,
        scope=scope,
        threshold=0.9,
        calibrator=Isotonic(KNOTS, KNOTS),
        calibration="calibrator#1",
        target=0.01,
        confidence=0.9,
        valid_until=NOW + timedelta(days=30),
    )


def controls() -> Controls:
    """A certificate in force in each of a thousand slices, and in that of the case."""
    own = CERTIFIED.scope(0, CASE.type, CASE.slice)
    scopes = [own, *(f"certificate:{CASE.type}:store-{n}:{'0' * 12}" for n in range(SLICES))]
    generations = {**CONTROLS.generations, **dict.fromkeys(scopes, 3)}
    return Controls(generations=generations, licences={scope: licence(scope) for scope in scopes})


def steps() -> dict[str, Callable[[], object]]:
    by_hand, in_force = after(opinion(0, "claim-risk@1", "model", 0.99)), controls()
    asked = advance(CERTIFIED, History(CASE), in_force, NOW).record
    certified = History(CASE, (*asked, opinion(0, "claim-risk@1", "model", 0.99)))
    settled = advance(CERTIFIED, certified, in_force, NOW)
    assert isinstance(settled, Settle)
    assert settled.outcome.certificate is not None

    def step(plan: Plan, history: History, found: Controls) -> Callable[[], object]:
        return lambda: advance(plan, history, found, NOW)

    return {
        "advance: a threshold set by hand": step(PLAN, by_hand, CONTROLS),
        "advance: a certified stage": step(CERTIFIED, certified, in_force),
        "advance: no certificate in force, to people": step(CERTIFIED, certified, CONTROLS),
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--calls", type=int, default=300)
    arguments.add_argument("--repeats", type=int, default=200)
    arguments.add_argument("--json", type=Path)
    given = arguments.parse_args()
    found = {name: microseconds(call, given.calls, given.repeats) for name, call in steps().items()}
    baseline = found["advance: a threshold set by hand"]
    print(f"{'what':46} {'µs':>6} {'× by hand':>10}")
    for name, taken in found.items():
        aim = f"   aim {AIM_MICROSECONDS:g} µs: {'met' if taken <= AIM_MICROSECONDS else 'MISSED'}"
        print(f"{name:46} {taken:6.1f} {taken / baseline:10.2f}{aim * ('a certified stage' in name)}")
    if given.json:
        given.json.write_text(json.dumps({"microseconds": found, "aim": AIM_MICROSECONDS}, indent=1))


if __name__ == "__main__":
    main()
