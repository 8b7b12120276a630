"""What each policy answers, whom it asks for that, and under which threshold.

Nothing here reads the truth of an item that is judged, nor a vote beyond those that the policy has bought.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from adjudge.automation.backtesting.asking import (
    PEOPLE,
    asked_until_agreed,
    asked_until_sure,
    kept_to_people,
    majority,
    pays,
    priced,
)
from adjudge.automation.backtesting.beliefs import (
    AskedAgain,
    Belief,
    Crowd,
    Models,
    Rehearsal,
    believed,
    blended,
    crowd_of,
    learnt_apart,
    log_scores,
    people_alone,
    pooled,
    raw,
    towards_multiplied,
)
from adjudge.automation.backtesting.licensing import (
    Closings,
    Together,
    licensed,
    licensed_closing,
    licensed_end_of_asking,
)
from adjudge.automation.backtesting.sets import Booleans, Draw, Integers, LabelledSet
from adjudge.automation.reviewers import Ballots, consensus
from adjudge.core.pools import Prices

MOST: Final = 5
"""Votes that are bought at most, where nothing else is said: those about whom people differ are worth two more."""
FIXED: Final = 0.9
HALFWAY: Final = 0.5
"""To multiplied likelihoods: how far the weights are moved where few audits certify the posterior itself. So it is sure
only after more votes, and seldom wrong then: that is likelier to pass, though it may save less."""
ENOUGH: Final = 0.8
"""A chance to pass with which weights stay as they were learnt: it is foreseen too low rather than too high."""
LIKELIER: Final = 0.05
"""By how much more likely to pass weights that are moved must be: less is luck."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is asked of every policy."""

    target: float
    delta: float
    prices: Prices
    is_priced: bool = False
    """Prices were given: they alone say when asking ends. Else a vote costs 1, a wrong answer 1 / target, and the
    plan is held to the accuracy of three people."""
    votes: int = MOST


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a policy does with all items of a set."""

    policy: str
    answer: Integers
    """-1: none."""
    bought: Integers
    """How many votes, in the order drawn."""
    threshold: float | None = None
    guarantee: str | None = None
    """`risk`: what is covered is within the target; `people`: the whole is right at least as often as people."""
    decider: str | None = None
    closed: Booleans | None = None
    """Where a licence speaks of more than the automated part: of what."""

    @property
    def automated(self) -> Booleans:
        found: Booleans = (self.bought == 0) & (self.answer >= 0)
        return found

    @property
    def covered(self) -> Booleans:
        """Which answers the promise speaks of."""
        match self.guarantee:
            case None:
                return np.zeros(len(self.answer), bool)
            case "people":
                return self.answer >= 0
            case _:
                return self.automated if self.closed is None else self.closed


class Backtest:
    """A set and the terms; what no division changes is computed once."""

    def __init__(self, data: LabelledSet, terms: Terms, decider: str | None = None) -> None:
        self._data, self._terms = data, terms
        self._deciders = [decider] if decider else list(data.scores)
        self._logs = log_scores(data)
        self._raw = {name: raw(data.scores[name]) for name in self._deciders}
        self._consensus = self._all_votes() if data.has_people else None
        self._majority, self._tied = majority(data.answers, data.answers.shape[1]), _tied(data)

    def answered(self, draw: Draw, *, certified_only: bool = False) -> Iterator[Answered]:
        """Yield what each policy does under one division; `certified_only`: those that promise something."""
        data, terms = self._data, self._terms
        people = majority(draw.answers, PEOPLE)
        if data.has_people:
            if certified_only:
                yield Answered(policy=f"people only, {PEOPLE} votes", answer=people, bought=_given(draw, PEOPLE))
            else:
                yield from self._people(draw, people)
        if not self._deciders:
            return
        crowd = crowd_of(data, draw, draw.calibrate, terms.votes) if data.has_people else None
        decider = self._chosen(draw)
        yield from self._raw_policies(decider, draw, people)
        yield from self._certified([decider], "", draw, crowd, people)
        if len(self._logs) > 1:
            yield from self._certified(blended(self._logs, data, draw), ", blended", draw, crowd, people)

    def _people(self, draw: Draw, people: Integers) -> Iterator[Answered]:
        for votes in range(1, PEOPLE + 1):
            name = f"people only, {votes} vote{'s' * (votes > 1)}"
            answer = people if votes == PEOPLE else majority(draw.answers, votes)
            yield Answered(policy=name, answer=answer, bought=_given(draw, votes))
        crowd = crowd_of(self._data, draw, draw.audited, PEOPLE)
        yield Answered(policy="people only, weighed", answer=people_alone(crowd, PEOPLE), bought=_given(draw, PEOPLE))
        answer, bought = asked_until_agreed(draw.answers, PEOPLE)
        yield Answered(policy="people only, adaptive", answer=answer, bought=bought)
        most = draw.answers.shape[1]
        if most > PEOPLE and self._consensus is not None:
            everyone, answer = _given(draw, most), self._majority.copy()
            answer[self._tied] = majority(draw.answers[self._tied], most)
            yield Answered(policy="people only, all votes", answer=answer, bought=everyone)
            yield Answered(policy="people only, all votes weighed", answer=self._consensus, bought=everyone)

    def _raw_policies(self, decider: str, draw: Draw, people: Integers) -> Iterator[Answered]:
        said = self._raw[decider]
        nothing = np.zeros(len(self._data), int)
        yield Answered(
            policy="model only", answer=said.answer, bought=nothing, guarantee="risk", threshold=0.0, decider=decider
        )
        yield _thresholded(f"fixed threshold {FIXED:g}", said, FIXED, draw, people, decider)

    def _certified(
        self, deciders: Sequence[str], suffix: str, draw: Draw, crowd: Crowd | None, people: Integers
    ) -> Iterator[Answered]:
        data, terms = self._data, self._terms
        name = deciders[0] if not suffix else None
        models = Models.of([self._logs[decider] for decider in deciders], draw).with_frequencies(data, draw)
        beliefs, weights = pooled(data, models, crowd, draw)
        first = beliefs[0]
        threshold, grid = licensed(first, data.truth, draw, target=terms.target, delta=terms.delta)
        yield _thresholded(f"certified{suffix}", first, threshold, draw, people, name)
        if crowd is None:
            return
        again, apart = AskedAgain.of(data, models, crowd, draw), learnt_apart(data, models, crowd, weights, draw)
        together = Together(
            beliefs=beliefs,
            available=crowd.available,
            stops=priced(crowd, weights, terms.prices),
            rehearsal=again.rehearsal(apart),
            threshold=threshold,
            grid=grid,
        )
        yield self._adaptive(together, draw, suffix, name)
        yield self._against_people(together, draw, people, suffix, name)
        if not suffix:
            halfway, product = (
                self._closings(again.rehearsal([towards_multiplied(each[: PEOPLE + 1], part) for each in apart]), draw)
                for part in (HALFWAY, 1.0)
            )
            learnt = self._closings(together.rehearsal, draw)
            is_moved = learnt.chance < ENOUGH and halfway.chance > learnt.chance + LIKELIER
            part, closings = (HALFWAY, halfway) if is_moved else (0.0, learnt)
            for policy, moved, tested in (
                ("certified posterior", part, closings),
                ("certified posterior, multiplied", 1.0, product),
            ):
                pool = believed(models, crowd, towards_multiplied(weights[: PEOPLE + 1], moved)) if moved else beliefs
                yield self._closing(policy, pool, tested, crowd, draw, name)

    def _adaptive(self, together: Together, draw: Draw, suffix: str, name: str | None) -> Answered:
        """Answer by the model above its threshold; below it ask people as long as the next vote pays."""
        first = together.beliefs[0]
        automated = reached(first, together.threshold)
        most = min(PEOPLE, len(together.beliefs) - 1)
        stops, is_expected = kept_to_people(together.stops, together.rehearsal, automated, self._terms.delta)
        is_expected = is_expected and pays(stops, together.rehearsal, automated, self._terms.prices, most)
        if self._terms.is_priced or is_expected:
            ending = together.stops if self._terms.is_priced else stops
            answer, bought = asked_until_sure(together.beliefs, ending, together.available, np.arange(len(self._data)))
        else:
            answer, bought = asked_until_agreed(draw.answers, most)
        return Answered(
            policy=f"certified + adaptive votes{suffix}",
            answer=np.where(automated, first.answer, answer),
            bought=np.where(automated, 0, bought),
            threshold=together.threshold,
            guarantee="risk",
            decider=name,
        )

    def _against_people(
        self, together: Together, draw: Draw, people: Integers, suffix: str, name: str | None
    ) -> Answered:
        """Ask until the end of asking that is shown to leave the whole no worse than people; else people decide."""
        policy, beliefs, terms = f"certified against people{suffix}", together.beliefs, self._terms
        stops, threshold = licensed_end_of_asking(
            together, people, self._data.truth, draw, target=terms.target, delta=terms.delta
        )
        automated = reached(beliefs[0], threshold)
        if stops is None or not pays(stops, together.rehearsal, automated, terms.prices):
            answer, bought = asked_until_agreed(draw.answers, PEOPLE)
            return Answered(policy=policy, answer=answer, bought=bought, guarantee="people", decider=name)
        answer, bought = asked_until_sure(beliefs, stops, together.available, np.arange(len(people)))
        return Answered(
            policy=policy,
            answer=np.where(automated, beliefs[0].answer, answer),
            bought=np.where(automated, 0, bought),
            threshold=threshold,
            guarantee="people",
            decider=name,
        )

    def _closings(self, rehearsal: Rehearsal, draw: Draw) -> Closings:
        terms = self._terms
        return Closings.foreseen(rehearsal, PEOPLE, len(draw.certify), target=terms.target, delta=terms.delta)

    def _closing(
        self, policy: str, beliefs: Sequence[Belief], closings: Closings, crowd: Crowd, draw: Draw, name: str | None
    ) -> Answered:
        """Close wherever the posterior reaches the licensed threshold, before votes or after up to three."""
        terms = self._terms
        available = np.minimum(crowd.available, PEOPLE)
        threshold, answer, bought, closed = licensed_closing(
            beliefs[: PEOPLE + 1], available, self._data.truth, draw, closings, target=terms.target, delta=terms.delta
        )
        return Answered(
            policy=policy,
            answer=answer,
            bought=bought,
            threshold=threshold,
            guarantee="risk",
            decider=name,
            closed=closed,
        )

    def _chosen(self, draw: Draw) -> str:
        """Return the decider with the least log loss on the calibrate-audits, where none was named.

        Who said nothing of an item is taken to have said that all labels are alike.
        """
        if len(self._deciders) == 1:
            return self._deciders[0]
        truth = self._data.truth[draw.calibrate]

        def fit(name: str) -> float:
            logs = self._logs[name][draw.calibrate]
            silent = (~logs.any(1)).sum() * np.log(len(self._data.labels))
            return float(logs[np.arange(len(truth)), truth].sum() - silent)

        return max(self._deciders, key=fit)

    def _all_votes(self) -> Integers:
        data = self._data
        ballots = Ballots.of(data.answers, data.reviewers, labels=len(data.labels), people=data.people)
        answer: Integers = consensus(ballots).argmax(1)
        return np.where((data.answers >= 0).any(1), answer, -1)


def _thresholded(
    policy: str, belief: Belief, threshold: float | None, draw: Draw, people: Integers, name: str | None
) -> Answered:
    """Answer by models from the threshold on, else by people."""
    automated = reached(belief, threshold)
    return Answered(
        policy=policy,
        answer=np.where(automated, belief.answer, people),
        bought=np.where(automated, 0, _given(draw, PEOPLE)),
        threshold=threshold,
        guarantee="risk",
        decider=name,
    )


def _tied(data: LabelledSet) -> Integers:
    """Return the items of which all votes together leave it open what most say: who comes first then decides."""
    labels, (items, places) = len(data.labels), np.nonzero(data.answers >= 0)
    counts = np.bincount(items * labels + data.answers[items, places], minlength=len(data) * labels)
    table = counts.reshape(len(data), labels)
    return np.flatnonzero((table == table.max(1, keepdims=True)).sum(1) > 1)


def reached(belief: Belief, threshold: float | None) -> Booleans:
    """Return which items are answered without people."""
    return (belief.answer >= 0) & (belief.confidence >= (np.inf if threshold is None else threshold))


def _given(draw: Draw, votes: int) -> Integers:
    found: Integers = (draw.answers[:, :votes] >= 0).sum(1)
    return found
