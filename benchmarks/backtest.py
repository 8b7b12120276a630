"""What learning and a backtest take: CPU of one core, and the memory of the process.

    python benchmarks/backtest.py [--items 10000] [--halves 200] [--json FILE]

Claims: a reviewer's record is updated after a vote in at most 100 µs; 10,000 items in 200 halves take at most 60 s
of one core and 500 MiB. The set is synthetic: ten labels, two models, six answers to each item.
"""

import argparse
import json
import os
import resource
import sys
import time
import timeit
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy is loaded: one core is what is claimed
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from adjudge.automation.backtesting.policies import Terms
from adjudge.automation.backtesting.running import Request, run
from adjudge.automation.backtesting.sets import LabelledSet
from adjudge.automation.reviewers import Ballots, learn
from adjudge.core.pools import Prices

AIMS = {"update after a vote, µs": 100.0, "backtest, s of CPU": 60.0, "memory, MiB": 500.0}
LABELS, VOTES, PEOPLE = 10, 6, 40


def a_set(items: int) -> LabelledSet:
    chance = np.random.default_rng(1)
    truth = chance.integers(0, LABELS, items)
    ease = chance.gamma(2.0, 0.5, items)
    scores = {}
    for number, strength in enumerate((2.6, 1.8), start=1):
        odds = chance.normal(size=(items, LABELS))
        odds[np.arange(items), truth] += strength * (0.6 + ease)
        odds = np.exp(2.5 * odds)
        scores[f"model@{number}"] = (odds / odds.sum(1, keepdims=True)).astype(np.float32)
    heard = chance.normal(size=(items, VOTES, LABELS))
    heard[np.arange(items)[:, None], np.arange(VOTES), truth[:, None]] += 3 * (0.5 + ease[:, None])
    return LabelledSet(
        labels=tuple(f"label-{place}" for place in range(LABELS)),
        items=tuple(f"item-{place}" for place in range(items)),
        truth=truth,
        scores=scores,
        answers=heard.argmax(2),
        reviewers=np.argsort(chance.random((items, PEOPLE)), 1)[:, :VOTES],
        people=PEOPLE,
    )


def measure(items: int, halves: int) -> dict[str, float]:
    data = a_set(items)
    ballots = Ballots.of(data.answers, data.reviewers, labels=LABELS, people=PEOPLE)
    snapshot = learn(ballots, data.truth).snapshot(data.labels, [str(number) for number in range(PEOPLE)])
    belief = dict.fromkeys(data.labels, 1 / LABELS)
    update = min(timeit.repeat(lambda: snapshot.with_vote("7", "label-3", belief), number=100, repeat=50)) / 100
    began = time.process_time()
    terms = Terms(target=0.01, delta=0.1, prices=Prices(wrong=100))
    run(data, Request(terms=terms, repeats=halves))
    spent = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
    return dict(zip(AIMS, (update * 1e6, spent, peak), strict=True))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--items", type=int, default=10_000)
    arguments.add_argument("--halves", type=int, default=200)
    arguments.add_argument("--json", type=Path)
    given = arguments.parse_args()
    found = measure(given.items, given.halves)
    print(f"{'what':28} {'found':>8} {'aim':>8}")
    for name, value in found.items():
        print(f"{name:28} {value:8.1f} {AIMS[name]:8.0f}   {'met' if value <= AIMS[name] else 'MISSED'}")
    if given.json:
        given.json.write_text(json.dumps({"found": found, "aims": AIMS}, indent=1))


if __name__ == "__main__":
    main()
