"""What certificates cost: the statistics behind them, and a step under one.

    python benchmarks/automation.py [--calls 300] [--repeats 200] [--json FILE]

One core, plain function calls, the fastest of several repeats. A certificate is computed as for its first time:
tables of needed audits are forgotten between repeats. Watching: so many slices with 1,500 automated decisions a
day each, 5% of them audited; an update of the watch for each audit, one of score drift for each decision. Steps:
`advance` with a certified stage against one under a threshold set by hand.
"""

import asyncio
import timeit
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

import numpy as np

from adjudge.automation import betting, binomial
from adjudge.automation.betting import Epoch
from adjudge.automation.certifying import certify, choose_start
from adjudge.automation.drift import Drift
from adjudge.automation.samples import Audit, Role, Sample, grid_of
from adjudge.automation.watching import Watch
from adjudge.core.advance import Settle, advance
from adjudge.core.calibration import Isotonic
from adjudge.core.controls import Controls
from adjudge.core.history import History
from adjudge.core.licences import Licence
from adjudge.core.plans import ByHand, Certified, Plan
from advance import CASE, CONTROLS, MODEL, NOW, PEOPLE, PLAN, after, microseconds, opinion
from load.report import Row, Target, parser, publish

AUDITS: Final = 10_000
SLICES: Final = 1_000
DECISIONS_A_DAY: Final = 1_500
AUDIT_SHARE: Final = 0.05
DAY_SECONDS: Final = 86_400

BY_HAND: Final = "advance: a threshold set by hand"
CERTIFIED_STEP: Final = "advance: a certified stage"

TARGETS: Final = (
    Target(f"a certificate over {AUDITS:,} audits", "certificate, exact", "value", "<=", 50, "ms"),
    Target(f"an epoch over {AUDITS:,} audits", "certificate, betting", "value", "<=", 50, "ms"),
    Target("a step under a certificate", CERTIFIED_STEP, "value", "<=", 15, "µs"),
    Target(f"{SLICES:,} slices watched", "slices watched", "value", "<=", 1, "% of a core"),
)

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
        BY_HAND: step(PLAN, by_hand, CONTROLS),
        CERTIFIED_STEP: step(CERTIFIED, certified, in_force),
        "advance: no certificate in force, to people": step(CERTIFIED, certified, CONTROLS),
    }


def audits(rng: np.random.Generator) -> list[Audit]:
    """Audits of a model that is wrong in 0.4% of what it is sure of."""
    scores = rng.random(AUDITS)
    wrong = rng.random(AUDITS) < np.where(scores > 0.2, 0.004, 0.2)
    roles = np.where(rng.random(AUDITS) < 0.8, Role.CERTIFY, Role.CALIBRATE)
    columns = zip(scores.tolist(), wrong.tolist(), roles.tolist(), strict=True)
    return [Audit(number=i, score=s, wrong=w, role=Role(r)) for i, (s, w, r) in enumerate(columns)]


def forgetting(call: Callable[[], object]) -> Callable[[], object]:
    def run() -> object:
        for table in (binomial.tail, binomial.audits_needed, betting.audits_needed):
            table.cache_clear()
        return call()

    return run


def seconds(call: Callable[[], object], *, calls: int = 1, repeats: int = 7) -> float:
    return min(timeit.repeat(call, number=calls, repeat=repeats)) / calls


async def measure(options: Namespace) -> list[Row]:
    rng = np.random.default_rng(1)
    drawn = audits(rng)
    sample = Sample.of(drawn)
    calibrate = sample.part(Role.CALIBRATE)
    grid = grid_of(calibrate.scores)
    start = choose_start(calibrate, grid, target=0.01, delta=0.1, certify_audits=len(sample) - len(calibrate))
    assert start is not None
    epoch = Epoch.begin(target=0.01, delta=0.1, grid=grid, start=start)
    watch, drift = Watch.begin(target=0.01), Drift.begin(rng.random(5_000).tolist())
    exact = seconds(forgetting(lambda: certify(Sample.of(drawn), target=0.01, delta=0.1)))
    bet = seconds(forgetting(lambda: epoch.after(drawn).look()))
    one, score = (
        seconds(lambda: watch.after(wrong=False), calls=5_000),
        seconds(lambda: drift.after(0.5, 0.5), calls=5_000),
    )
    busy = SLICES * DECISIONS_A_DAY * (AUDIT_SHARE * one + score) / DAY_SECONDS
    return [
        Row("certificate, exact", f"{AUDITS:,} audits", exact * 1e3, "ms"),
        Row("certificate, betting", f"{AUDITS:,} audits, one look", bet * 1e3, "ms"),
        Row("update of a watch", "an audit", one * 1e6, "µs"),
        Row("update of score drift", "a decision", score * 1e6, "µs"),
        Row("slices watched", f"{SLICES:,} of {DECISIONS_A_DAY:,} a day", busy * 100, "% of a core"),
        *steps_taken(options),
    ]


def steps_taken(options: Namespace) -> list[Row]:
    found = {name: microseconds(call, options.calls, options.repeats) for name, call in steps().items()}
    return [Row(name, "a call", taken, "µs", taken / found[BY_HAND]) for name, taken in found.items()]


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--calls", type=int, default=300)
    arguments.add_argument("--repeats", type=int, default=200)
    options = arguments.parse_args()
    publish(asyncio.run(measure(options)), TARGETS, options)


if __name__ == "__main__":
    main()
