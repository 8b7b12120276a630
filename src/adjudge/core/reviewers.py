"""What blind votes have shown of the people who gave them: how likely each person gives each answer to each truth.

Dawid and Skene 1979 with priors: a reviewer's record is mixed with the crowd's, as if the crowd had given `strength`
votes in their place. So somebody new counts like the crowd, and the less is known of a person, the closer their
rates are to the crowd's (each rate is the mean of its posterior). How often somebody is right is known long before
what they take for what: so where that foretells votes better, the crowd's rates of each true answer are first moved to
the accuracy that the person's votes on all others show. Where labels are many, a record is a single coin, right or
wrong, and all wrong answers are alike.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

MOST_CONFUSED: Final = 12
"""Up to so many labels a record says which is taken for which; beyond, it is one coin."""
LEAST_RATE: Final = 1e-6
LEAST_MISS: Final = 1e-3
"""Nobody is taken to be right, or wrong, more surely than this."""
LEAST_SHARE: Final = 1e-12
"""What a crowd that is never wrong is divided by."""


class TrackRecord(msgspec.Struct, frozen=True):
    """How somebody's votes fell, later ones weighing more."""

    right: float = 0.0
    wrong: float = 0.0
    rows: tuple[tuple[float, ...], ...] = ()
    """Votes by true answer, then by answer given, in the order of the labels; empty: one coin."""

    def after(self, answer: int, belief: Sequence[float], keep: float) -> "TrackRecord":
        """Return the record with one more vote; `belief`: what is true by now; all earlier ones count `keep`.

        A golden answer is a belief that is sure.
        """
        hit = belief[answer]
        rows = tuple(
            tuple(count * keep + truth * (place == answer) for place, count in enumerate(row))
            for row, truth in zip(self.rows, belief, strict=False)  # one coin: no rows
        )
        return TrackRecord(self.right * keep + hit, self.wrong * keep + 1 - hit, rows)


_NOTHING: Final = TrackRecord()


class Reviewers(msgspec.Struct, frozen=True):
    """A snapshot of all records: numbered and never changed by whoever keeps it."""

    labels: tuple[str, ...]
    crowd: TrackRecord
    """Rates, not counts: rows sum to one, and so do `right` and `wrong`."""
    records: dict[str, TrackRecord]
    strength: float
    """How many votes the crowd counts for in each person's rates."""
    keep: float = 1.0
    """What a vote still weighs after one more by the same person."""
    coin: float | None = None
    """How many votes the crowd's accuracy counts for in a person's own. None: as many as `strength`, and the crowd's
    rates are not moved."""

    @property
    def coin_strength(self) -> float:
        """How many votes of the crowd are in a person's accuracy."""
        return self.strength if self.coin is None else self.coin

    def log_likelihoods(self, reviewer: str, answer: str, named: Sequence[str], size: int) -> list[float]:
        """Return the log likelihood of this vote for each named answer being true, and last for an unnamed one.

        `size`: how many answers there are in all.
        """
        record = self.records.get(reviewer, _NOTHING)
        places = {label: place for place, label in enumerate(self.labels)} if self.crowd.rows else {}
        given = places.get(answer)
        right, wrong = self._coin(record, size)
        found = [
            self._rate(record, places[truth], given)
            if given is not None and truth in places
            else (right if truth == answer else wrong)
            for truth in named
        ]
        return [math.log(max(rate, LEAST_RATE)) for rate in (*found, wrong)]

    def with_vote(self, reviewer: str, answer: str, belief: Mapping[str, float]) -> "Reviewers":
        """Return the snapshot after one more vote. A vote outside the labels leaves it as it is."""
        if answer not in self.labels:
            return self
        size = len(self.labels)
        blank = TrackRecord(rows=((0.0,) * size,) * size if self.crowd.rows else ())
        record = self.records.get(reviewer, blank)
        fresh = record.after(self.labels.index(answer), [belief.get(label, 0.0) for label in self.labels], self.keep)
        return msgspec.structs.replace(self, records={**self.records, reviewer: fresh})

    def _rate(self, record: TrackRecord, truth: int, answer: int) -> float:
        if not record.rows:
            return self.crowd.rows[truth][answer]
        row = record.rows[truth]
        return (row[answer] + self.strength * self._drawn_to(record, truth, answer)) / (math.fsum(row) + self.strength)

    def _drawn_to(self, record: TrackRecord, truth: int, answer: int) -> float:
        """Return the crowd's rate, its odds of the right answer times the person's odds over the crowd's elsewhere."""
        rate, row = self.crowd.rows[truth][answer], record.rows[truth]
        if self.coin is None:
            return rate
        right = max(record.right - row[truth], 0.0)
        votes = right + max(record.wrong - math.fsum(row) + row[truth], 0.0)
        own = (right + self.coin * self.crowd.right) / (votes + self.coin)
        hit, times = _open(self.crowd.rows[truth][truth]), _odds(own) / _odds(self.crowd.right)
        moved = hit * times / (hit * times + 1 - hit)
        missed = max(1 - self.crowd.rows[truth][truth], LEAST_SHARE)
        return moved if answer == truth else rate * (1 - moved) / missed

    def _coin(self, record: TrackRecord, size: int) -> tuple[float, float]:
        total = record.right + record.wrong + self.coin_strength
        right = (record.right + self.coin_strength * self.crowd.right) / total if total else self.crowd.right
        return right, (1 - right) / max(1, size - 1)


def _open(rate: float) -> float:
    return min(max(rate, LEAST_MISS), 1 - LEAST_MISS)


def _odds(rate: float) -> float:
    return _open(rate) / (1 - _open(rate))
