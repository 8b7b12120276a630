"""Answers that are hard to tell apart. They are no fault, but are named by `config check`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from adjudge.config.sites import Site
from adjudge.core.alike import hard_to_tell_apart
from adjudge.core.answers import AnswerSpace, Candidates, Labels
from adjudge.core.plans import Origin


@dataclass(frozen=True, slots=True)
class LookAlike:
    """Two answers to a type that look alike."""

    type: str
    one: str
    other: str
    origin: Origin


def look_alikes(sites: Iterable[Site]) -> Iterator[LookAlike]:
    """Yield those of all locations; what locations share, once."""
    seen: set[int] = set()
    for standing in (each for site in sites for each in site.every()):
        for name, kind in standing.types.items():
            if id(kind) not in seen:
                seen.add(id(kind))
                answers = standing.effective.entries["types"].entries[name].entries["answers"]
                for one, other in hard_to_tell_apart(_labels_of(kind.space)):
                    yield LookAlike(name, one, other, answers.origin)


def _labels_of(space: AnswerSpace) -> tuple[str, ...]:
    """Return the labels that configuration names."""
    match space:
        case Labels(labels):
            return labels
        case Candidates(always):
            return always
        case _:
            return ()
