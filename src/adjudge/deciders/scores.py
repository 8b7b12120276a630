"""Checks a result as a function returned it. It is valid as it stands, or garbage; nothing is repaired."""

import math
import operator
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final, NamedTuple

from adjudge.core.answers import LARGEST_RANGE, LARGEST_STRUCTURE, ClosedSpace, Labels, OutsideSpace, canonical, keyed
from adjudge.deciders.explaining import clipped, explained, named, shown
from adjudge.deciders.results import Claim

TOLERANCE: Final = 1e-3
"""How far the sum of the probabilities may be from 1."""
MOST_ANSWERS: Final = LARGEST_RANGE
"""Answers that one result may name."""
LONGEST_ANSWERS: Final = 4 * LARGEST_STRUCTURE
"""Characters of all answers of one result together."""


class Garbage(ValueError):
    """The result is not a distribution over the answer space; says why, and quotes it."""

    def __init__(self, detail: str, *, recorded: str = "") -> None:
        """`recorded` quotes nothing."""
        super().__init__(detail)
        self.recorded = recorded


class Scores(NamedTuple):
    """A checked result."""

    answer: str | None
    confidence: float
    distribution: dict[str, float] | None


NO_ANSWER: Final = "it names no answer; None abstains"
ABSTAINED: Final = Scores(None, 0.0, None)


class Odd:
    """Stands for an object that cannot leave its process: no result; its text says what is wrong with it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


class Reader:
    """Reads the results of one call. Its questions mostly share their space, which is looked at once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[ClosedSpace, dict[str, str]]] = {}

    def read(self, space: ClosedSpace, result: Any) -> Scores:
        """Check one result. Raises Garbage, whatever the result is."""
        if result is None:
            return ABSTAINED
        try:
            distribution = self._labelled(space, result) if isinstance(space, Labels) else None
            if distribution is None and isinstance(result, Claim):
                return _claimed(space, result)
            return _scored(distribution or _keyed(space, pairs(result)))
        except Garbage:
            raise
        except OutsideSpace as error:
            raise Garbage(clipped(str(error)), recorded="not an answer of its type") from None
        except Exception as error:  # the result's own methods are strangers' code
            raise Garbage(f"{shown(result)}: {explained(error)}", recorded=named(error)) from None

    def _labelled(self, space: Labels, result: Any) -> dict[str, float] | None:
        """Read the usual case fast: a dict from labels to floats. None: look closer."""
        if type(result) is not dict:
            return None
        labels = self._labels(space)
        try:
            return {labels[answer]: _probability(probability) for answer, probability in result.items()}
        except (KeyError, TypeError):
            return None

    def _labels(self, space: Labels) -> dict[str, str]:
        entry = self._known.get(id(space))
        if entry is None:
            entry = self._known[id(space)] = (space, {label: label for label in space.labels})
        return entry[1]


def pairs(result: Any) -> list[tuple[Any, float]]:
    """Return the result as answers in JSON's kinds with their probabilities. Raises Garbage where it has no such form.

    Text may stand for structured JSON, as `keyed` reads it.
    """
    if isinstance(result, Odd):
        raise Garbage(repr(result))
    if not isinstance(result, Mapping | list | tuple):
        raise Garbage(
            f"{shown(result)} is not a mapping from answer to probability",
            recorded="not a mapping from answer to probability",
        )
    items = list(islice(result.items() if isinstance(result, Mapping) else result, MOST_ANSWERS + 1))
    if len(items) > MOST_ANSWERS:
        told = f"it names more than {MOST_ANSWERS} answers"
        raise Garbage(told, recorded=told)
    return [_pair(item) for item in items]


def _claimed(space: ClosedSpace, claim: Claim) -> Scores:
    confidence = _probability(claim.confidence)
    if not 0 <= confidence <= 1:
        told = f"{confidence} is not a probability"
        raise Garbage(told, recorded=told)
    return Scores(keyed(space, _plain(claim.answer)), confidence, None)


def _pair(item: Any) -> tuple[Any, float]:
    if not isinstance(item, tuple | list) or len(item) != 2:
        raise Garbage(f"{shown(item)} is not a pair of answer and probability")
    return _plain(item[0]), _probability(item[1])


def _plain(answer: Any) -> Any:
    """Return the answer without its library's own kind of string, whole number or truth value."""
    if answer is None or isinstance(answer, bool):
        return answer
    if _is_truth(answer):
        return bool(answer)
    if isinstance(answer, float):
        return float(answer)
    if isinstance(answer, str):
        return str.__str__(answer)  # an enumeration's own `str` gives its name
    if isinstance(answer, dict | list | tuple):
        return canonical(list(answer) if isinstance(answer, tuple) else answer)
    if hasattr(type(answer), "__index__"):
        return operator.index(answer)
    raise Garbage(f"{shown(answer)} is not an answer", recorded="not an answer of its type")


def _probability(value: Any) -> float:
    if type(value) is float:
        return value
    if isinstance(value, str) or _is_truth(value) or not hasattr(type(value), "__float__"):
        raise Garbage(f"{shown(value)} is not a probability", recorded="not a probability")
    return float(value)


def _is_truth(value: Any) -> bool:
    """Return whether it says yes or no, as Python's or numpy's `bool`: a slip that would be read as entirely sure."""
    return type(value).__name__ in ("bool", "bool_")


def _keyed(space: ClosedSpace, items: Iterable[tuple[Any, float]]) -> dict[str, float]:
    distribution: dict[str, float] = {}
    for answer, probability in items:
        key = keyed(space, answer)
        if key in distribution:
            raise Garbage(f"it names {shown(answer)} twice")
        distribution[key] = probability
    if sum(map(len, distribution)) > LONGEST_ANSWERS:
        told = f"its answers are longer than {LONGEST_ANSWERS} characters together"
        raise Garbage(told, recorded=told)
    return distribution


def _scored(distribution: dict[str, float]) -> Scores:
    if not distribution:
        raise Garbage(NO_ANSWER, recorded=NO_ANSWER)
    probabilities = distribution.values()
    confidence = max(probabilities)
    if not (confidence <= 1 and min(probabilities) >= 0 and abs(math.fsum(probabilities) - 1) <= TOLERANCE):
        raise _fault(distribution)
    return Scores(min(key for key, each in distribution.items() if each == confidence), confidence, distribution)


def _fault(distribution: dict[str, float]) -> Garbage:
    for key, probability in distribution.items():
        if not 0 <= probability <= 1:
            told = f"{probability} is not a probability"
            return Garbage(f"{shown(key)} has {probability}, which is not a probability", recorded=told)
    told = f"the probabilities add up to {math.fsum(distribution.values()):.6g}, not 1"
    return Garbage(told, recorded=told)
