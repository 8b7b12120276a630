"""Labels that look alike: what people take for one answer and models give as the other."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from adjudge.config.cursors import Cursor
from adjudge.config.sites import Site
from adjudge.core.answers import AnswerSpace, Candidates, Labels
from adjudge.core.plans import Origin


@dataclass(frozen=True, slots=True)
class LookAlike:
    """Two labels that differ in case or in the form of a character. No fault: article numbers may."""

    type: str
    one: str
    other: str
    origin: Origin


def look_alikes(sites: Iterable[Site]) -> Iterator[LookAlike]:
    """Yield the labels that are hard to tell apart; what locations share, once."""
    seen: set[int] = set()
    for standing in (each for site in sites for each in site.every()):
        for name, kind in standing.types.items():
            if id(kind) not in seen:
                seen.add(id(kind))
                answers = standing.effective.entries["types"].entries[name].entries["answers"]
                for one, other in _pairs(_labels_of(kind.space), _folded):
                    yield LookAlike(name, one, other, answers.origin)


def refuse_the_same(at: Cursor, labels: Sequence[str]) -> None:
    """Note labels that nobody could tell apart: they differ in blanks, or in how a character is put together."""
    for one, other in _pairs(labels, _seen):
        at.slip(f"the labels {one!r} and {other!r} look the same: they differ in blanks, or in how characters are made")


def _labels_of(space: AnswerSpace) -> tuple[str, ...]:
    """Return the labels that configuration names."""
    match space:
        case Labels(labels):
            return labels
        case Candidates(always):
            return always
        case _:
            return ()


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
