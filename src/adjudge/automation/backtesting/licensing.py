"""Certificates of a backtest: the same tests as in service, on the certify-audits of a division."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from adjudge.automation.backtesting.asking import PEOPLE, Replay, majority
from adjudge.automation.backtesting.beliefs import Belief, Rehearsal
from adjudge.automation.backtesting.sets import ORDERS, Booleans, Draw, Floats, Integers
from adjudge.automation.binomial import chances_to_pass, sign_test, tail, tails
from adjudge.automation.buying import scaled
from adjudge.automation.certifying import Licensed, certify
from adjudge.automation.samples import Sample, grid_of, reaching
from adjudge.core.pools import Stops

POINTS: Final = 100
"""Thresholds: steps of a point of coverage."""
SCALES: Final = (
    *(0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.2, 1.4, 1.55, 1.7, 1.85, 2.0),
    *(2.2, 2.4, 2.6, 2.8, 3.1, 3.4, 3.7, 4.0, 4.5, 5.0, 5.7, 6.5, 7.2, 8.0),
)
"""Of the stops that prices ask for, from asking always towards asking least."""
LOOSEST_START: Final = SCALES.index(0.7)
"""The test of the end of asking begins no looser: few calibrate-audits expect too much of the loosest steps."""
HALFWAY: Final = SCALES.index(2.0)
"""So far asking is loosened beside the thresholds that are surely expected, then the others are added."""
ROOM: Final = 0.2
"""The test of the end of asking begins where it is expected to need no more than this part of its δ."""
SURELY: Final = 0.02
"""A threshold is surely expected to be licensed where its test is expected to need no more than this part of its δ."""

NEARLY: Final = 0.95
"""Of the best chance to pass: a stricter start with so much of it is the safer one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """What models and people together make of a division."""

    beliefs: Sequence[Belief]
    """By number of votes."""
    available: Integers
    """How many votes each item has."""
    stops: Stops
    """As prices ask for."""
    rehearsal: Rehearsal
    threshold: float | None
    """From which on models alone are licensed; None: from none."""
    grid: Floats
    """That it was chosen from."""


def licensed(
    belief: Belief, truth: Integers, draw: Draw, *, target: float, delta: float
) -> tuple[float | None, Floats]:
    """Return the licensed threshold of confidence, if there is one, and the grid that it was chosen from."""
    heard = draw.calibrate[belief.answer[draw.calibrate] >= 0]
    grid = grid_of(belief.confidence[heard], POINTS)
    audits = draw.audited
    sample = Sample.columns(
        belief.confidence[audits],
        belief.answer[audits] != truth[audits],
        np.arange(len(audits)) >= len(draw.calibrate),
    )
    verdict = certify(sample, target=target, delta=delta, grid=grid)
    return (verdict.threshold if isinstance(verdict, Licensed) else None), grid


def licensed_end_of_asking(
    together: Together, people: Integers, truth: Integers, draw: Draw, *, target: float, delta: float
) -> tuple[Stops | None, float | None]:
    """Show of plans, one after another, that the whole is wrong less often than people (`over: plan`).

    The sequence is fixed by the calibrate-audits, each plan is tested at δ, and the first that is not shown ends it:
    first models answer nothing alone, then from the strictest threshold on to those surely expected to be licensed;
    then asking is loosened, then the other thresholds are added, then asking is loosened further. A looser step is
    shown for all thresholds so far (the intersection-union test needs no correction). Returns the loosest stops
    shown, none where nothing was, and the threshold shown with them that answers most within what is licensed.
    """
    surely, thresholds = (
        _expected(together.beliefs[0], truth, draw, together.grid, target, needed) for needed in (delta * SURELY, delta)
    )
    steps = [scaled(together.stops, scale) for scale in SCALES]
    start = _start(steps, together.rehearsal, surely, delta)
    licence, answering = None, 0
    compared = _Compared.of(together.beliefs, together.available, people, truth, draw.certify, thresholds)
    pairs: dict[int, list[tuple[int, int]]] = {}
    for place, count in _sequence(start, len(surely), len(thresholds)):
        if place not in pairs:
            pairs[place] = compared.pairs(steps[place])
        if not _shown(pairs[place][: count + 1], delta):
            break
        licence, answering = steps[place], count
    if licence is None or together.threshold is None or not answering:
        return licence, None
    return licence, max(together.threshold, float(thresholds[answering - 1]))


@dataclass(frozen=True, slots=True)
class Closings:
    """Thresholds of a posterior at which questions may close, from strict to loose: what a test goes through."""

    thresholds: Floats
    chance: float
    """How likely the first is to pass."""

    @classmethod
    def foreseen(cls, rehearsal: Rehearsal, votes: int, audits: int, *, target: float, delta: float) -> "Closings":
        """Fix them by a rehearsal: up to so many votes are asked for, and so many audits will certify.

        They begin at the strictest that is nearly as likely to pass as any. Where the rehearsal speaks most is often
        so loose a start that the test fails at once, and nothing closes.
        """
        available, beliefs = np.minimum(rehearsal.available, votes), rehearsal.beliefs[: votes + 1]
        heights = _heights(beliefs, available)
        grid = grid_of(np.concatenate(heights), POINTS)
        reached, errors = _closing_counts(beliefs, heights, rehearsal.truth, np.arange(len(rehearsal.items)), grid)
        to_come = np.round(reached * (audits / len(rehearsal.items))).astype(np.int64)
        chances = chances_to_pass(errors / ORDERS, reached / ORDERS, to_come, target, delta)
        first = int(np.argmax(chances >= NEARLY * chances.max(initial=0.0)))
        return cls(grid[first:], float(chances[first]))


def licensed_closing(
    beliefs: Sequence[Belief],
    available: Integers,
    truth: Integers,
    draw: Draw,
    closings: Closings,
    *,
    target: float,
    delta: float,
) -> tuple[float | None, Integers, Integers, Booleans]:
    """License the posterior itself: a question closes as soon as it reaches the threshold, before votes or after.

    Returns threshold, answers, votes bought, and what closed; what reaches it nowhere is answered after the last vote,
    uncertified, and not at all where nobody can be asked.
    """
    heights, thresholds = _heights(beliefs, available), closings.thresholds
    reached, errors = _closing_counts(beliefs, heights, truth, draw.certify, thresholds)
    threshold = None
    for candidate, count, wrong in zip(thresholds.tolist(), reached.tolist(), errors.tolist(), strict=True):
        if tail(wrong, count, target) > delta:
            break
        threshold = candidate
    return threshold, *_closed(beliefs, 2.0 if threshold is None else threshold, available)


def _sample(belief: Belief, truth: Integers, items: Integers) -> Sample:
    wrong = belief.answer[items] != truth[items]
    return Sample.columns(belief.confidence[items], wrong, np.zeros(len(items), bool))


def _heights(beliefs: Sequence[Belief], available: Integers) -> list[Floats]:
    """Return, by number of votes, the greatest confidence of each item so far."""
    found = [beliefs[0].confidence]
    for votes, belief in enumerate(beliefs[1:], start=1):
        found.append(np.where(available >= votes, np.maximum(found[-1], belief.confidence), found[-1]))
    return found


def _closing_counts(
    beliefs: Sequence[Belief], heights: Sequence[Floats], truth: Integers, items: Integers, grid: Floats
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, for each threshold, how many items close and how many of these wrongly.

    An item closes after so many votes if its confidence reached the threshold then and not before.
    """
    errors = np.zeros(len(grid), np.int64)
    before = np.full(len(items), -1.0)
    for belief, height in zip(beliefs, heights, strict=True):
        now = height[items]
        wrong = belief.answer[items] != truth[items]
        errors += _reached_by(now[wrong], grid) - _reached_by(before[wrong], grid)
        before = now
    return reaching(np.sort(before), grid), errors


def _expected(belief: Belief, truth: Integers, draw: Draw, grid: Floats, target: float, needed: float) -> Floats:
    """Return the thresholds down to the loosest whose test is expected to need no more than `needed`."""
    reached, errors = _sample(belief, truth, draw.calibrate).counts(grid)
    more = len(draw.certify) / len(draw.calibrate)
    expected = tails(np.round(errors * more).astype(np.int64), np.round(reached * more).astype(np.int64), target)
    kept = np.flatnonzero(expected <= needed)
    return grid[: kept[-1] + 1] if kept.size else grid[:0]


def _sequence(start: int, surely: int, thresholds: int) -> Iterator[tuple[int, int]]:
    """Yield the step and how many thresholds, from strict to loose, models may answer at."""
    yield from ((start, count) for count in range(surely + 1))
    yield from ((place, surely) for place in range(start + 1, HALFWAY + 1))
    yield from ((HALFWAY, count) for count in range(surely + 1, thresholds + 1))
    yield from ((place, thresholds) for place in range(HALFWAY + 1, len(SCALES)))


def _start(steps: Sequence[Stops], rehearsal: Rehearsal, thresholds: Floats, delta: float) -> int:
    """Return the loosest step that is expected to be shown with room, else the likeliest.

    The rehearsal has as many rows as there are certify-audits (ORDERS is the ratio of the roles): its p-values are
    those to be expected there.
    """
    people, items = majority(rehearsal.answers, PEOPLE), np.arange(len(rehearsal.items))
    compared = _Compared.of(rehearsal.beliefs, rehearsal.available, people, rehearsal.truth, items, thresholds)
    expected = []
    for place in reversed(range(LOOSEST_START + 1)):
        needed = max(_needed(pair) for pair in set(compared.pairs(steps[place])))
        if needed <= delta * ROOM:
            return place
        expected.append(needed)
    return LOOSEST_START - int(np.argmin(expected))


@dataclass(frozen=True, slots=True)
class _Compared:
    """Items that people answered, with whether they and the models alone are right: what all steps are held against."""

    replay: Replay
    is_theirs: Booleans
    """Whether people are right."""
    reached: Integers
    """At how many thresholds, counted from the strictest, models do not answer the item yet."""
    thresholds: int
    alone: tuple[Integers, Integers]
    """Of no automation at all, then of each threshold: of what models answer, where only they are right, and people."""

    @classmethod
    def of(
        cls,
        beliefs: Sequence[Belief],
        available: Integers,
        people: Integers,
        truth: Integers,
        items: Integers,
        thresholds: Floats,
    ) -> "_Compared":
        items = items[people[items] >= 0]
        true, replay = truth[items], Replay.of(beliefs, available, truth[items], items)
        theirs, right = people[items] == true, replay.is_right[0]
        # thresholds fall: an item is reached from the first on that is not above its confidence
        reached = np.searchsorted(-thresholds, -beliefs[0].confidence[items], side="left")
        size = len(thresholds)
        return cls(
            replay,
            theirs,
            reached,
            size,
            (_so_far(reached, right & ~theirs, size), _so_far(reached, ~right & theirs, size)),
        )

    def pairs(self, stops: Stops) -> list[tuple[int, int]]:
        """Return how often only the plan is right, and only people: without automation, then at each threshold."""
        asked = self.replay.right(stops)
        found = []
        for alone, is_one_sided in zip(self.alone, (asked & ~self.is_theirs, ~asked & self.is_theirs), strict=True):
            counted = _so_far(self.reached, is_one_sided, self.thresholds)
            found.append((alone + int(is_one_sided.sum()) - counted).tolist())
        return list(zip(*found, strict=True))


def _so_far(reached: Integers, marked: Booleans, thresholds: int) -> Integers:
    """Return how many of the marked items are answered without automation (none), then at each threshold."""
    counts = np.bincount(reached[marked], minlength=thresholds + 1)[:thresholds]
    return np.concatenate([[0], np.cumsum(counts)])


def _shown(pairs: Iterable[tuple[int, int]], delta: float) -> bool:
    return all(_needed(pair) <= delta for pair in set(pairs))  # many thresholds part nothing further


def _needed(pair: tuple[int, int]) -> float:
    """Return the p-value of the sign test of a plan that alone is right so often, and people alone."""
    return sign_test(for_model=pair[0], against=pair[1])


def _reached_by(confidence: Floats, thresholds: Floats) -> Integers:
    return reaching(np.sort(confidence), thresholds)


def _closed(beliefs: Sequence[Belief], threshold: float, available: Integers) -> tuple[Integers, Integers, Booleans]:
    first, bought = beliefs[0], np.zeros(len(available), int)
    closed = (first.confidence >= threshold) & (first.answer >= 0)
    answer = np.where(closed, first.answer, -1)
    for votes, belief in enumerate(beliefs[1:], start=1):
        asks = ~closed & (available >= votes)
        answer[asks], bought[asks] = belief.answer[asks], votes
        closed |= asks & (belief.confidence >= threshold)
    return answer, bought, closed
