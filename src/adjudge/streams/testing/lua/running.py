"""Scripts as the server runs them: translated once, called with keys, arguments and a way to its commands."""

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cmp_to_key, lru_cache
from types import CodeType
from typing import Any

from adjudge.streams.testing.lua import packing, patterns
from adjudge.streams.testing.lua.translating import python_of
from adjudge.streams.testing.lua.values import (
    LuaError,
    Many,
    Table,
    equal,
    index,
    joined,
    number,
    one,
    spread,
    text,
    to_number,
    type_name,
)

Call = Callable[[Sequence[bytes]], Any]
"""One command of the server: answers bytes, int, None, lists of these, `Status`; raises `Refused`."""


class Status(bytes):
    """An answer such as OK, which scripts see as a table."""

    __slots__ = ()


class Refused(Exception):
    """The server's error to one command."""


def run_script(source: str, keys: Sequence[bytes], arguments: Sequence[bytes], call: Call) -> Any:
    """Run the script and return its answer as the server gives it to a client. Raises Refused."""
    names = {**_LIBRARY, **_redis(call)}
    exec(_compiled(source), names)  # noqa: S102  # it is our own translation of our own script
    try:
        return _answer(one(names["script"](Table.of(keys), Table.of(arguments))))
    except LuaError as error:
        raise Refused(f"ERR {error}") from error


@lru_cache(maxsize=256)
def _compiled(source: str) -> CodeType:
    return compile(python_of(source), "<script>", "exec")


def _redis(call: Call) -> dict[str, Any]:
    def redis_call(*arguments: Any) -> Any:
        return _seen(call([_argument(each) for each in arguments]))

    def redis_pcall(*arguments: Any) -> Any:
        try:
            return redis_call(*arguments)
        except Refused as error:
            return Table.named({"err": str(error).encode()})

    both = {"call": redis_call, "pcall": redis_pcall}
    return {f"{library}_{name}": function for library in ("redis", "server") for name, function in both.items()}


def _argument(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if type(value) is int:
        return b"%d" % value
    if type(value) is float:
        return b"%d" % value if value.is_integer() and abs(value) < 2**63 else b"%.17g" % value
    raise LuaError("Lua redis lib command arguments must be strings or integers")


def _seen(answer: Any) -> Any:
    """A command's answer as a script sees it: nothing is false."""
    if answer is None:
        return False
    if type(answer) is list:
        return Table.of([_seen(each) for each in answer])
    return Table.named({"ok": bytes(answer)}) if type(answer) is Status else answer


def _answer(value: Any) -> Any:
    """A script's answer as a client sees it: numbers lose their fraction, false is nothing, an array ends at nil."""
    if value is None or value is False:
        return None
    if value is True:
        return 1
    if type(value) is float:
        return int(value)
    if type(value) is not Table:
        return value
    if b"err" in value.entries:
        raise Refused(value.entries[b"err"].decode())
    if b"ok" in value.entries:
        return Status(value.entries[b"ok"])
    return [_answer(each) for each in value]


def true(value: Any) -> bool:
    """Only nil and false are not."""
    return value is not None and value is not False


def put(owner: Any, key: Any, value: Any) -> None:
    """`owner[key] = value`."""
    if type(owner) is not Table:
        raise LuaError(f"attempt to index a {type_name(owner)} value")
    owner.put(key, value)


def table(listed: Sequence[Any], named: dict[Any, Any]) -> Table:
    """A constructor's table."""
    found = Table.of(listed)
    for key, value in named.items():
        found.put(key, value)
    return found


def fitted(values: Sequence[Any], count: int) -> list[Any]:
    """So many, padded with nil."""
    return [*values, *[None] * count][:count]


def counting(first: float, last: float, step: float = 1) -> Iterator[float]:
    """The numbers of a `for`."""
    value = first
    while value <= last if step > 0 else value >= last:
        yield value
        value += step


def pairwise(rounds: Iterable[Any], count: int) -> Iterator[Any]:
    """The rounds of a generic `for`, with so many names."""
    return (fitted(spread(each), count) if count > 1 else one(each) for each in rounds)


def _ipairs(value: Table) -> Iterator[Many]:
    return (Many(pair) for pair in enumerate(value, start=1))


def _pairs(value: Table) -> Iterator[Many]:
    return (Many((key, value.entries[key])) for key in list(value.entries) if key in value.entries)


def _next(value: Table, key: Any = None) -> Any:
    keys = list(value.entries)
    place = 0 if key is None else keys.index(key) + 1
    return Many((keys[place], value.entries[keys[place]])) if place < len(keys) else None


def _unpack(value: Table, first: int = 1, last: int | None = None) -> Many:
    return Many(index(value, place) for place in range(int(first), int(len(value) if last is None else last) + 1))


def _select(place: Any, *values: Any) -> Any:
    return len(values) if place == b"#" else Many(values[int(place) - 1 :])


def _error(message: Any, *_: Any) -> None:
    if type(message) is Table and b"err" in message.entries:
        raise Refused(message.entries[b"err"].decode())
    raise LuaError(text(message).decode())


def _pcall(function: Callable[..., Any], *arguments: Any) -> Many:
    try:
        return Many((True, *spread(function(*arguments))))
    except (LuaError, Refused) as error:
        return Many((False, str(error).encode()))


def _assert(value: Any, message: Any = b"assertion failed!", *_: Any) -> Any:
    if not true(value):
        _error(message)
    return value


def _insert(owner: Table, *place_and_value: Any) -> None:
    if len(place_and_value) == 1:
        owner.put(len(owner) + 1, place_and_value[0])
        return
    place, value = int(place_and_value[0]), place_and_value[1]
    for at in range(len(owner), place - 1, -1):
        owner.put(at + 1, owner.entries[at])
    owner.put(place, value)


def _remove(owner: Table, place: float | None = None) -> Any:
    last = len(owner)
    at = last if place is None else int(place)
    removed = owner.entries.get(at)
    for each in range(at, last):
        owner.put(each, owner.entries[each + 1])
    owner.put(last, None)
    return removed


def _concat(owner: Table, separator: bytes = b"", first: int = 1, last: int | None = None) -> bytes:
    return text(separator).join(map(text, _unpack(owner, first, last)))


def _sort(owner: Table, before: Callable[[Any, Any], Any] | None = None) -> None:
    values = list(owner)
    if before is None:
        values.sort()
    else:
        values.sort(key=_ordered(before))
    for place, value in enumerate(values, start=1):
        owner.put(place, value)


def _ordered(before: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    return cmp_to_key(lambda left, right: -1 if true(one(before(left, right))) else int(true(one(before(right, left)))))


def _whole(value: float) -> float:
    return int(value) if math.isfinite(value) else value


_LIBRARY: dict[str, Any] = {
    **{each.__name__: each for each in (Many, Table, equal, index, joined, number, one, spread)},
    **{each.__name__: each for each in (counting, fitted, pairwise, put, table, true)},
    **{name: each for name, each in vars(patterns).items() if name.startswith("string_")},
    **{name: each for name, each in vars(packing).items() if name.startswith(("cmsgpack_", "cjson_"))},
    "global_tonumber": to_number,
    "global_tostring": text,
    "global_type": lambda value, *_: type_name(value).encode(),
    "global_ipairs": _ipairs,
    "global_pairs": _pairs,
    "global_next": _next,
    "global_unpack": _unpack,
    "global_select": _select,
    "global_error": _error,
    "global_pcall": _pcall,
    "global_assert": _assert,
    "table_insert": _insert,
    "table_remove": _remove,
    "table_concat": _concat,
    "table_sort": _sort,
    "table_getn": len,
    "table_unpack": _unpack,
    "math_floor": lambda value: _whole(math.floor(number(value)) if math.isfinite(number(value)) else value),
    "math_ceil": lambda value: math.ceil(number(value)),
    "math_abs": lambda value: abs(number(value)),
    "math_max": lambda *values: max(map(number, values)),
    "math_min": lambda *values: min(map(number, values)),
    "math_fmod": lambda value, by: math.fmod(number(value), number(by)),
    "math_pow": lambda value, by: number(value) ** number(by),
    "math_sqrt": lambda value: math.sqrt(number(value)),
    "math_log": lambda value: math.log(number(value)),
    "math_huge": math.inf,
    "redis_error_reply": lambda message: Table.named({"err": message}),
    "redis_status_reply": lambda message: Table.named({"ok": message}),
    "redis_sha1hex": lambda value: hashlib.sha1(text(value), usedforsecurity=False).hexdigest().encode(),
    "redis_log": lambda *_: None,
    "redis_replicate_commands": lambda: True,
    "redis_setresp": lambda _: None,
    "redis_LOG_WARNING": 3,
    "redis_LOG_NOTICE": 2,
}
