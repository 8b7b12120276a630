"""Conditions that can never be true, because their parts exclude each other. Only what is certain is reported."""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias, TypeGuard

from adjudge.core.expressions import FACT
from adjudge.core.trees import Call, Literal, Name, Tree

Value: TypeAlias = bool | float | str

_BOUNDS: Final[Mapping[str, tuple[float, float]]] = {"confidence": (0, 1), "margin": (0, 1), "hour": (0, 23)}
"""Of variables, both included."""
_COMPARED: Final[Mapping[str, tuple[str, Callable[[float, float], bool]]]] = {
    "_<_": ("below", operator.lt),
    "_<=_": ("at most", operator.le),
    "_>_": ("above", operator.gt),
    "_>=_": ("at least", operator.ge),
}
_FLIPPED: Final = {"_<_": "_>_", "_<=_": "_>=_", "_>_": "_<_", "_>=_": "_<=_", "_==_": "_==_", "_!=_": "_!=_"}


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
    return next((why for name, each in demands.items() if (why := _clash(shown(name), each)) is not None), None)


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


def _written(value: Value) -> str:
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def shown(name: str) -> str:
    return name.replace(FACT, "facts.")
