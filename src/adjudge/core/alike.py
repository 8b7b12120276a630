"""Labels that look alike, so that people take them for one answer while models tell them apart."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import Final

LOOK_THE_SAME: Final = "look the same: they differ in blanks, in what is not seen, or in how characters are made"
_UNSEEN: Final = re.compile("[\u00ad\u061c\u200b\u200e\u200f\u2060-\u2064\u2066-\u2069\ufeff]")
"""Soft hyphen, zero-width space, marks and isolates of direction (libraries of messages put these around what they
fill in), word joiner, operators without a sign, byte order mark. What joins characters is seen."""


def indistinguishable(labels: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield labels that nobody could tell apart: by blanks, by what is not seen, by how a character is put together."""
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
    if not label.isascii():
        label = unicodedata.normalize("NFC", _UNSEEN.sub("", label))
    return " ".join(label.split())


def _folded(label: str) -> str:
    return unicodedata.normalize("NFKC", _seen(label)).casefold()
