"""Whether a condition makes sense: the words that it compares names with, and whether it could ever hold.

Told is only what is certain. Whether more can be told nobody promises.
"""

import operator
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Final, TypeAlias, TypeGuard

from adjudge.config.cursors import Cursor
from adjudge.config.faults import nearest
from adjudge.config.hours import DAYS
from adjudge.core.answers import AnswerSpace, Candidates, Labels
from adjudge.core.expressions import FACT, Expression
from adjudge.core.trees import Call, Items, Literal, Name, Tree, every

Value: TypeAlias = bool | float | str

_DATE: Final = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
_BOUNDS: Final[Mapping[str, tuple[float, float]]] = {"confidence": (0, 1), "margin": (0, 1), "hour": (0, 23)}
"""Of variables, both included."""
_COMPARED: Final[Mapping[str, tuple[str, Callable[[float, float], bool]]]] = {
    "_<_": ("below", operator.lt),
    "_<=_": ("at most", operator.le),
    "_>_": ("above", operator.gt),
    "_>=_": ("at least", operator.ge),
}
_FLIPPED: Final = {"_<_": "_>_", "_<=_": "_>=_", "_>_": "_<_", "_>=_": "_<=_", "_==_": "_==_", "_!=_": "_!=_"}


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


def never_holds(tree: Tree) -> str | None:
    """Return why something holds for no question; None: it may."""
    match tree:
        case Literal(False):
            return "a part of it is `false`"
        case Call("_||_", (one, other)):
            why = never_holds(one)
            return why if why is not None and never_holds(other) is not None else None
        case Call("_&&_"):
            parts = list(_conjuncts(tree))
            whys = (why for part in parts if (why := never_holds(part)) is not None)
            return next(whys, None) or _contradiction(parts)
        case _:
            return _contradiction([tree])


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
                yield _shown(name), word
            case Call("@in", (Name(name), Items(items))):
                said = (item.value for item in items if isinstance(item, Literal))
                yield from ((_shown(name), word) for word in said if isinstance(word, str))
            case Call("@in", (Literal(str(word)), Name(name))):
                yield _shown(name), word
            case Call(call, (Name(name), Literal(str(word)))) if call in _COMPARED and name == "date":
                yield name, word
            case _:
                pass


def _conjuncts(tree: Tree) -> Iterator[Tree]:
    match tree:
        case Call("_&&_", parts):
            for part in parts:
                yield from _conjuncts(part)
        case _:
            yield tree


@dataclass(slots=True)
class _Demands:
    """What must be true of one variable at the same time."""

    equal: list[Value] = field(default_factory=list)
    unequal: list[Value] = field(default_factory=list)
    bounds: list[tuple[str, float]] = field(default_factory=list)
    """Comparisons, as CEL calls them, and the number."""


def _contradiction(parts: Sequence[Tree]) -> str | None:
    demands: dict[str, _Demands] = {}
    for part in parts:
        _demand(demands, part)
    for name, wanted in demands.items():
        if name in _BOUNDS:
            low, high = _BOUNDS[name]
            wanted.bounds += [("_>=_", low), ("_<=_", high)]
    return next((why for name, each in demands.items() if (why := _clash(_shown(name), each)) is not None), None)


def _demand(demands: dict[str, _Demands], part: Tree) -> None:
    match part:
        case Name(name):
            demands.setdefault(name, _Demands()).equal.append(True)
        case Call("!_", (Name(name),)):
            demands.setdefault(name, _Demands()).equal.append(False)
        case Call(call, (Literal(), Name())) if call in _FLIPPED:
            literal, variable = part.arguments
            _demand(demands, Call(_FLIPPED[call], (variable, literal)))
        case Call("_==_", (Name(name), Literal(value))):
            demands.setdefault(name, _Demands()).equal.append(value)
        case Call("_!=_", (Name(name), Literal(value))):
            demands.setdefault(name, _Demands()).unequal.append(value)
        case Call(call, (Name(name), Literal(value))) if call in _COMPARED and _is_number(value):
            demands.setdefault(name, _Demands()).bounds.append((call, float(value)))
        case _:
            pass


def _clash(name: str, wanted: _Demands) -> str | None:
    first = wanted.equal[0] if wanted.equal else None
    if first is not None:
        other = next((value for value in wanted.equal if not _same(value, first)), None)
        if other is not None:
            return f"`{name}` is {_written(first)} and {_written(other)} at once"
        if any(_same(value, first) for value in wanted.unequal):
            return f"`{name}` is {_written(first)} and is not at once"
    for call, number in wanted.bounds:
        said, holds = _COMPARED[call]
        if _is_number(first) and not holds(float(first), number):
            return f"`{name}` is {_written(first)} and {said} {number:g} at once"
        against = next((each for each in wanted.bounds if _excludes(call, number, *each)), None)
        if against is not None:
            beyond = "; past midnight it is `||`" if name == "hour" else ""
            return f"`{name}` is {said} {number:g} and {_COMPARED[against[0]][0]} {against[1]:g} at once{beyond}"
    return None


def _excludes(call: str, number: float, other: str, limit: float) -> bool:
    """Return whether no number is both, as `at least 22` and `below 6`."""
    if call not in ("_>_", "_>=_") or other not in ("_<_", "_<=_"):
        return False
    return number > limit or (number == limit and (call, other) != ("_>=_", "_<=_"))


def _same(one: Value, other: Value) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_date(word: str) -> bool:
    if not _DATE.fullmatch(word):
        return False
    try:
        date.fromisoformat(f"{word}-01-01"[:10])
    except ValueError:
        return False
    return True


def _written(value: Value) -> str:
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _shown(name: str) -> str:
    return name.replace(FACT, "facts.")
