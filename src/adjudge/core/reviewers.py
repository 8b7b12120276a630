"""What blind votes have shown of the people who gave them: how likely each person gives each answer to each truth.

Dawid and Skene 1979 with priors: a reviewer's record is mixed with the crowd's, as if the crowd had given `strength`
votes in their place. So somebody new counts like the crowd, and the less is known of a person, the closer their
rates are to the crowd's (each rate is the mean of its posterior). Where labels are many, a record is a single coin,
right or wrong, and all wrong answers are alike.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

MOST_CONFUSED: Final = 12
"""Up to so many labels a record says which is taken for which; beyond, it is one coin."""
LEAST_RATE: Final = 1e-6


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
        crowd = self.crowd.rows[truth][answer]
        if not record.rows:
            return crowd
        row = record.rows[truth]
        return (row[answer] + self.strength * crowd) / (math.fsum(row) + self.strength)

    def _coin(self, record: TrackRecord, size: int) -> tuple[float, float]:
        total = record.right + record.wrong + self.strength
        right = (record.right + self.strength * self.crowd.right) / total if total else self.crowd.right
        return right, (1 - right) / max(1, size - 1)
