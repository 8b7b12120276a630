"""Labels that look alike, so that people take them for one answer while models tell them apart."""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import Final

LOOK_THE_SAME: Final = "look the same: they differ in blanks, or in how characters are made"


def indistinguishable(labels: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield labels that nobody could tell apart: they differ in blanks, or in how a character is put together."""
    return _pairs(labels, _seen)


def hard_to_tell_apart(labels: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield labels that differ in case, or in the form of a character. Article numbers may."""
    return _pairs(labels, _folded)


def _pairs(labels: Sequence[str], form: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """Yield each label with the first before it that has the same form."""
    first: dict[str, str] = {}
    for label in labels:
        before = first.setdefault(form(label), label)
        if before != label:
            yield before, label


def _seen(label: str) -> str:
    return " ".join(unicodedata.normalize("NFC", label).split())


def _folded(label: str) -> str:
    return unicodedata.normalize("NFKC", _seen(label)).casefold()
