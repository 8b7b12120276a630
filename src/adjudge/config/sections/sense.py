"""Whether a condition makes sense: the words that it compares names with, and whether it could ever hold.

Only what is certain is reported; a condition that passes may still make no sense.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Final

from adjudge.config.documents.cursors import Cursor
from adjudge.config.documents.faults import nearest
from adjudge.config.sections.contradictions import never_holds, shown
from adjudge.config.sections.hours import DAYS
from adjudge.core.answers import AnswerSpace, Candidates, Labels
from adjudge.core.expressions import Expression
from adjudge.core.trees import Call, Items, Literal, Name, Tree, every

_DATE: Final = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
_ORDER: Final = ("_<_", "_<=_", "_>_", "_>=_")


@dataclass(frozen=True, slots=True)
class Words:
    """What a variable may be."""

    valid: Collection[str]
    none: str
    """Said of a word that is not among them: `no location has the tag`."""


WEEKDAYS: Final = Words(DAYS, f"a weekday is one of {', '.join(DAYS)}, not")


def check_sense(at: Cursor, condition: Expression, words: Mapping[str, Words]) -> None:
    """Note what is wrong with a condition. `words`: by variable."""
    if not at.faults.is_new:
        return
    said, why = _told(condition)
    for name, word in said:
        if name in words and word not in words[name].valid:
            known = words[name]
            meant = nearest(word, known.valid) or nearest(word[:3].lower(), known.valid)
            at.slip(f"{known.none} `{word[:80]}`", meant)
        if name == "date" and not _is_date(word):
            at.slip(f"`{word[:80]}` is no date such as 2026-12-24, with which `date` could be compared")
    if why is not None:
        at.slip(f"`{condition.text}` never holds: {why}")


@lru_cache(maxsize=4096)
def _told(condition: Expression) -> tuple[tuple[tuple[str, str], ...], str | None]:
    """Return the words of a condition, and why it never holds; plans that many types take are read for each."""
    tree = condition.tree
    return tuple(_words(tree)), never_holds(tree)


@dataclass(slots=True)
class NamedAnswers:
    """The answers that conditions name, beside the types for which they are read: one may mean another type's."""

    _noted: dict[tuple[object, str], tuple[Cursor, set[str], list[AnswerSpace]]] = field(default_factory=dict)

    def note(self, at: Cursor, condition: Expression, space: AnswerSpace) -> None:
        """Note a condition that is read for a type with this answer space."""
        if "answer" in condition.reads and at.faults.is_new:
            said = {word for name, word in _told(condition)[0] if name == "answer"}
            self._noted.setdefault((at.node.origin, condition.text), (at, said, []))[2].append(space)

    def check(self) -> None:
        """Note a fault where an answer is none to any of the types."""
        for at, said, spaces in self._noted.values():
            closed = [space for space in spaces if not isinstance(space, Candidates)]
            if len(closed) < len(spaces):  # each request brings its own
                continue
            labels = [label for space in closed if isinstance(space, Labels) for label in space.labels]
            for word in sorted(said):
                if not any(space.holds(word) for space in closed):
                    at.slip(f"`{word[:80]}` is no answer to what is asked here", nearest(word, labels))


def _words(tree: Tree) -> Iterator[tuple[str, str]]:
    """Yield each variable that is compared with a word, or searched for one, with the word."""
    for part in every(tree):
        match part:
            case Call("_==_" | "_!=_", (Name(name), Literal(str(word))) | (Literal(str(word)), Name(name))):
                yield shown(name), word
            case Call("@in", (Name(name), Items(items))):
                said = (item.value for item in items if isinstance(item, Literal))
                yield from ((shown(name), word) for word in said if isinstance(word, str))
            case Call("@in", (Literal(str(word)), Name(name))):
                yield shown(name), word
            case Call(call, (Name(name), Literal(str(word)))) if call in _ORDER and name == "date":
                yield name, word
            case _:
                pass


def _is_date(word: str) -> bool:
    if not _DATE.fullmatch(word):
        return False
    try:
        date.fromisoformat(f"{word}-01-01"[:10])
    except ValueError:
        return False
    return True
