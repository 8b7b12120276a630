"""A labelled set as columns, and one random division of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from adjudge.core.audits import CALIBRATE_SHARE

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Integers = NDArray[np.integer]

ORDERS: Final = 4
"""In which each calibrate-audit is asked again: who happened to come first says little about a plan."""
FEWEST_ITEMS: Final = 40
"""Below, a half says nothing that could be called a figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSet:
    """Items with what is true, what models scored and what people answered."""

    labels: tuple[str, ...]
    items: tuple[str, ...]
    truth: Integers
    scores: Mapping[str, NDArray[np.float32]]
    """By decider: a row an item, a column a label. A row of zeros: the decider did not score the item."""
    answers: Integers
    """A row an item, a column an answer, in an order that says nothing; -1 behind the last."""
    reviewers: Integers
    """Numbers of the people, laid out like the answers; -1 where unknown."""
    people: int
    """How many people are told apart."""
    rows: Integers | None = None
    """The number of each answer among its item's in the file, from 0; None: as they stand."""

    def __len__(self) -> int:
        return len(self.items)

    @property
    def has_people(self) -> bool:
        return bool(self.answers.shape[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One division: what is learnt from, what certifies, what is judged; and the order in which people are asked."""

    repeat: int
    calibrate: Integers
    certify: Integers
    judged: Integers
    places: Integers
    """A row an item: the columns of `answers` in the order asked."""
    answers: Integers
    reviewers: Integers
    again: Integers
    """Further orders for the calibrate-audits: these ORDERS times, one after another, laid out like `places`."""

    @property
    def audited(self) -> Integers:
        return np.concatenate([self.calibrate, self.certify])


def halves(data: LabelledSet, repeat: int, seed: int) -> Draw:
    """Divide at random into an audited and a judged half. What is drawn depends on no truth, score or answer."""
    chance = np.random.default_rng([seed, repeat, 0])
    order = chance.permutation(len(data))
    middle = len(data) // 2
    return _drawn(data, repeat, order[:middle], np.sort(order[middle:]), chance)


def resampled(data: LabelledSet, repeat: int, seed: int) -> Draw:
    """Draw audits from the whole set with replacement; the whole set, from which they came, is judged.

    So the promise is held against the risk itself, not against another sample's noise.
    """
    chance = np.random.default_rng([seed, repeat, 1])
    audits = chance.integers(0, len(data), len(data) // 2)
    return _drawn(data, repeat, audits, np.arange(len(data)), chance)


def _drawn(data: LabelledSet, repeat: int, audits: Integers, judged: Integers, chance: np.random.Generator) -> Draw:
    cut = max(1, round(len(audits) * CALIBRATE_SHARE))
    places = _shuffled(data.answers, chance)
    return Draw(
        repeat=repeat,
        calibrate=audits[:cut],
        certify=audits[cut:],
        judged=judged,
        places=places,
        answers=np.take_along_axis(data.answers, places, 1),
        reviewers=np.take_along_axis(data.reviewers, places, 1),
        again=_shuffled(np.tile(data.answers[audits[:cut]], (ORDERS, 1)), chance),
    )


def _shuffled(answers: Integers, chance: np.random.Generator) -> Integers:
    """Return the columns of each row's answers in random order, those without one last."""
    keys = chance.random(answers.shape)
    keys[answers < 0] = 2.0
    return np.argsort(keys, axis=1, kind="stable")
