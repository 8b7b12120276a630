"""Commands on strings, hashes, lists, sets and sorted sets, as far as this package uses them."""

import fnmatch
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from adjudge.streams.testing.keyspace import Keyspace, Ranked
from adjudge.streams.testing.lua import Refused, Status

Arguments = Sequence[bytes]
Command = Callable[[Keyspace, Arguments], Any]
OK = Status(b"OK")
NOT_A_NUMBER = "ERR value is not an integer or out of range"


def options(words: Iterable[bytes], with_value: Iterable[bytes]) -> dict[bytes, bytes]:
    """Options of a command by name, those without a value with an empty one. Raises Refused."""
    found, left, valued = {}, iter(words), set(with_value)
    for word in left:
        name = word.upper()
        found[name] = next(left, b"") if name in valued else b""
    return found


def whole(text: bytes) -> int:
    """An integer. Raises Refused."""
    try:
        return int(text)
    except ValueError:
        raise Refused(NOT_A_NUMBER) from None


def shown(score: float) -> bytes:
    """A number as the server prints it."""
    if math.isinf(score):
        return b"inf" if score > 0 else b"-inf"
    return b"%d" % score if score == int(score) and abs(score) < 1e17 else b"%.17g" % score


def _set(keys: Keyspace, words: Arguments) -> Any:
    key, value, *rest = words
    asked = options(rest, (b"EX", b"PX", b"EXAT", b"PXAT"))
    old, ends = keys.get(key, bytes) if b"GET" in asked else None, keys.ends_ms(key) if b"KEEPTTL" in asked else None
    if (b"NX" in asked and keys.has(key)) or (b"XX" in asked and not keys.has(key)):
        return old
    for name, milliseconds in ((b"EX", 1000), (b"PX", 1)):
        if name in asked:
            ends = keys.now_ms() + whole(asked[name]) * milliseconds
    for name, milliseconds in ((b"EXAT", 1000), (b"PXAT", 1)):
        if name in asked:
            ends = whole(asked[name]) * milliseconds
    keys.put(key, value, ends)
    return old if b"GET" in asked else OK


def _mget(keys: Keyspace, words: Arguments) -> Any:
    return [keys.get(key, bytes) if keys.kind(key) == b"string" else None for key in words]


def _incrby(keys: Keyspace, words: Arguments) -> int:
    value = whole(keys.get(words[0], bytes) or b"0") + whole(words[1])
    keys.put(words[0], b"%d" % value, keys.ends_ms(words[0]))
    return value


def _delete(keys: Keyspace, words: Arguments) -> int:
    return sum(keys.delete(key) for key in words)


def _expire(keys: Keyspace, key: bytes, ends_ms: int) -> int:
    return int(keys.set_end(key, ends_ms))


def _pttl(keys: Keyspace, words: Arguments) -> int:
    if not keys.has(words[0]):
        return -2
    ends = keys.ends_ms(words[0])
    return -1 if ends is None else ends - keys.now_ms()


def _ttl(keys: Keyspace, words: Arguments) -> int:
    left = _pttl(keys, words)
    return left if left < 0 else round(left / 1000)


def _scan(keys: Keyspace, words: Arguments) -> Any:
    asked = options(words[1:], (b"MATCH", b"COUNT", b"TYPE"))
    found = _matching(keys, asked.get(b"MATCH", b"*"))
    kind = asked.get(b"TYPE")
    return [b"0", [key for key in found if kind in {None, keys.kind(key)}]]


def _matching(keys: Keyspace, pattern: bytes) -> list[bytes]:
    return [key for key in keys.living() if fnmatch.fnmatchcase(key.decode("latin-1"), pattern.decode("latin-1"))]


def _hset(keys: Keyspace, words: Arguments) -> int:
    found: dict[bytes, bytes] = keys.made(words[0], dict)
    before = len(found)
    found.update(zip(words[1::2], words[2::2], strict=True))
    return len(found) - before


def _hash(keys: Keyspace, key: bytes) -> dict[bytes, bytes]:
    return keys.get(key, dict) or {}


def _hdel(keys: Keyspace, words: Arguments) -> int:
    found = _hash(keys, words[0])
    removed = sum(found.pop(name, None) is not None for name in words[1:])
    keys.drop_if_empty(words[0])
    return removed


def _hincrby(keys: Keyspace, words: Arguments) -> int:
    found: dict[bytes, bytes] = keys.made(words[0], dict)
    value = whole(found.get(words[1], b"0")) + whole(words[2])
    found[words[1]] = b"%d" % value
    return value


def _hsetnx(keys: Keyspace, words: Arguments) -> int:
    return 0 if words[1] in _hash(keys, words[0]) else _hset(keys, words)


def _list(keys: Keyspace, key: bytes) -> list[bytes]:
    return keys.get(key, list) or []


def _push(place: int) -> Command:
    def push(keys: Keyspace, words: Arguments) -> int:
        if len(words) < 2:
            raise Refused("ERR wrong number of arguments")
        found: list[bytes] = keys.made(words[0], list)
        if place < 0:
            found.extend(words[1:])
        else:
            found[:0] = reversed(words[1:])
        return len(found)

    return push


def _pop(place: int) -> Command:
    def pop(keys: Keyspace, words: Arguments) -> Any:
        found = _list(keys, words[0])
        if not found:
            return None
        count = whole(words[1]) if len(words) > 1 else 1
        taken = [found.pop(place) for _ in range(min(count, len(found)))]
        keys.drop_if_empty(words[0])
        return taken if len(words) > 1 else taken[0]

    return pop


def _lindex(keys: Keyspace, words: Arguments) -> bytes | None:
    found, place = _list(keys, words[0]), whole(words[1])
    return found[place] if -len(found) <= place < len(found) else None


def _lrem(keys: Keyspace, words: Arguments) -> int:
    found, count, value = _list(keys, words[0]), whole(words[1]), words[2]
    places = [place for place, each in enumerate(found) if each == value]
    doomed = places[count:] if count < 0 else places[: count or None]
    for place in reversed(doomed):
        del found[place]
    keys.drop_if_empty(words[0])
    return len(doomed)


def _part(values: Sequence[Any], first: int, last: int) -> list[Any]:
    begin = max(0, first + len(values)) if first < 0 else first
    end = last + len(values) if last < 0 else last
    return list(values[begin : end + 1])


def _ltrim(keys: Keyspace, words: Arguments) -> Any:
    found = _list(keys, words[0])
    found[:] = _part(found, whole(words[1]), whole(words[2]))
    keys.drop_if_empty(words[0])
    return OK


def _members(keys: Keyspace, key: bytes) -> set[bytes]:
    return keys.get(key, set) or set()


def _sadd(keys: Keyspace, words: Arguments) -> int:
    found: set[bytes] = keys.made(words[0], set)
    before = len(found)
    found.update(words[1:])
    return len(found) - before


def _srem(keys: Keyspace, words: Arguments) -> int:
    found = _members(keys, words[0])
    removed = len(found & set(words[1:]))
    found.difference_update(words[1:])
    keys.drop_if_empty(words[0])
    return removed


def _ranked(keys: Keyspace, key: bytes) -> Ranked:
    return keys.get(key, Ranked) or Ranked()


_ZADD_OPTIONS = frozenset({b"NX", b"XX", b"GT", b"LT", b"CH", b"INCR"})


def _zadd(keys: Keyspace, words: Arguments) -> Any:
    at = 1
    while words[at].upper() in _ZADD_OPTIONS:
        at += 1
    asked = {word.upper() for word in words[1:at]}
    found = keys.made(words[0], Ranked)
    added = changed = 0
    for score, member in zip(words[at::2], words[at + 1 :: 2], strict=True):
        old, new = found.get(member), float(score) + (found.get(member, 0.0) if b"INCR" in asked else 0.0)
        if _is_refused(asked, old, new):
            continue
        found[member] = new
        added, changed = added + (old is None), changed + (old != new)
        if b"INCR" in asked:
            return shown(new)
    keys.drop_if_empty(words[0])
    return changed if b"CH" in asked else added


def _is_refused(asked: set[bytes], old: float | None, new: float) -> bool:
    if old is None:
        return b"XX" in asked
    return b"NX" in asked or (b"GT" in asked and new <= old) or (b"LT" in asked and new >= old)


def _zrem(keys: Keyspace, words: Arguments) -> int:
    found = _ranked(keys, words[0])
    removed = sum(found.pop(member, None) is not None for member in words[1:])
    keys.drop_if_empty(words[0])
    return removed


def _zscore(keys: Keyspace, words: Arguments) -> bytes | None:
    score = _ranked(keys, words[0]).get(words[1])
    return None if score is None else shown(score)


def _zrange(keys: Keyspace, words: Arguments) -> Any:
    key, first, last, *rest = words
    asked, by_score = _zrange_options(rest)
    pairs = _ranked(keys, key).in_order()
    if by_score:
        low, high = (last, first) if b"REV" in asked else (first, last)
        pairs = _scored(pairs, low, high)
    if b"REV" in asked:
        pairs.reverse()
    if not by_score:
        pairs = _part(pairs, whole(first), whole(last))
    if b"LIMIT" in asked:
        offset, count = map(whole, asked[b"LIMIT"].split())
        pairs = pairs[offset : None if count < 0 else offset + count]
    return _flat(pairs, b"WITHSCORES" in asked)


def _zrange_options(words: list[bytes]) -> tuple[dict[bytes, bytes], bool]:
    asked, at = {}, 0
    while at < len(words):
        name = words[at].upper()
        takes = 2 if name == b"LIMIT" else 0
        asked[name] = b" ".join(words[at + 1 : at + 1 + takes])
        at += 1 + takes
    return asked, b"BYSCORE" in asked


def _scored(pairs: Iterable[tuple[bytes, float]], low: bytes, high: bytes) -> list[tuple[bytes, float]]:
    def above(score: float) -> bool:
        return score > float(low[1:]) if low.startswith(b"(") else score >= float(low)

    def below(score: float) -> bool:
        return score < float(high[1:]) if high.startswith(b"(") else score <= float(high)

    return [pair for pair in pairs if above(pair[1]) and below(pair[1])]


def _flat(pairs: Iterable[tuple[bytes, float]], with_scores: bool) -> list[bytes]:
    if not with_scores:
        return [member for member, _ in pairs]
    return [each for member, score in pairs for each in (member, shown(score))]


def _zcount(keys: Keyspace, words: Arguments) -> int:
    return len(_scored(_ranked(keys, words[0]).items(), words[1], words[2]))


def _zremrangebyscore(keys: Keyspace, words: Arguments) -> int:
    doomed = [member for member, _ in _scored(_ranked(keys, words[0]).items(), words[1], words[2])]
    return _zrem(keys, [words[0], *doomed])


def _zremrangebyrank(keys: Keyspace, words: Arguments) -> int:
    doomed = _part(_ranked(keys, words[0]).in_order(), whole(words[1]), whole(words[2]))
    return _zrem(keys, [words[0], *(member for member, _ in doomed)])


def _zrank(keys: Keyspace, words: Arguments) -> int | None:
    members = [member for member, _ in _ranked(keys, words[0]).in_order()]
    return members.index(words[1]) if words[1] in members else None


def _zpop(place: int) -> Command:
    def pop(keys: Keyspace, words: Arguments) -> Any:
        pairs = _ranked(keys, words[0]).in_order()[::place]
        taken = pairs[: whole(words[1]) if len(words) > 1 else 1]
        _zrem(keys, [words[0], *(member for member, _ in taken)])
        return _flat(taken, with_scores=True)

    return pop


def _zincrby(keys: Keyspace, words: Arguments) -> Any:
    return _zadd(keys, [words[0], b"INCR", words[1], words[2]])


COMMANDS: dict[bytes, Command] = {
    b"SET": _set,
    b"GET": lambda keys, words: keys.get(words[0], bytes),
    b"GETDEL": lambda keys, words: (keys.get(words[0], bytes), keys.delete(words[0]))[0],
    b"MGET": _mget,
    b"SETNX": lambda keys, words: int(_set(keys, [*words, b"NX"]) is OK),
    b"INCR": lambda keys, words: _incrby(keys, [words[0], b"1"]),
    b"DECR": lambda keys, words: _incrby(keys, [words[0], b"-1"]),
    b"INCRBY": _incrby,
    b"DECRBY": lambda keys, words: _incrby(keys, [words[0], b"%d" % -whole(words[1])]),
    b"STRLEN": lambda keys, words: len(keys.get(words[0], bytes) or b""),
    b"DEL": _delete,
    b"UNLINK": _delete,
    b"EXISTS": lambda keys, words: sum(keys.has(key) for key in words),
    b"TYPE": lambda keys, words: Status(keys.kind(words[0])),
    b"EXPIRE": lambda keys, words: _expire(keys, words[0], keys.now_ms() + whole(words[1]) * 1000),
    b"PEXPIRE": lambda keys, words: _expire(keys, words[0], keys.now_ms() + whole(words[1])),
    b"EXPIREAT": lambda keys, words: _expire(keys, words[0], whole(words[1]) * 1000),
    b"PEXPIREAT": lambda keys, words: _expire(keys, words[0], whole(words[1])),
    b"PERSIST": lambda keys, words: int(keys.ends_ms(words[0]) is not None and keys.set_end(words[0], None)),
    b"PTTL": _pttl,
    b"TTL": _ttl,
    b"KEYS": lambda keys, words: _matching(keys, words[0]),
    b"SCAN": _scan,
    b"HSET": _hset,
    b"HSETNX": _hsetnx,
    b"HGET": lambda keys, words: _hash(keys, words[0]).get(words[1]),
    b"HMGET": lambda keys, words: [_hash(keys, words[0]).get(name) for name in words[1:]],
    b"HGETALL": lambda keys, words: [each for pair in _hash(keys, words[0]).items() for each in pair],
    b"HKEYS": lambda keys, words: list(_hash(keys, words[0])),
    b"HVALS": lambda keys, words: list(_hash(keys, words[0]).values()),
    b"HLEN": lambda keys, words: len(_hash(keys, words[0])),
    b"HEXISTS": lambda keys, words: int(words[1] in _hash(keys, words[0])),
    b"HDEL": _hdel,
    b"HINCRBY": _hincrby,
    b"RPUSH": _push(-1),
    b"LPUSH": _push(0),
    b"LPOP": _pop(0),
    b"RPOP": _pop(-1),
    b"LLEN": lambda keys, words: len(_list(keys, words[0])),
    b"LRANGE": lambda keys, words: _part(_list(keys, words[0]), whole(words[1]), whole(words[2])),
    b"LINDEX": _lindex,
    b"LREM": _lrem,
    b"LTRIM": _ltrim,
    b"SADD": _sadd,
    b"SREM": _srem,
    b"SMEMBERS": lambda keys, words: sorted(_members(keys, words[0])),
    b"SISMEMBER": lambda keys, words: int(words[1] in _members(keys, words[0])),
    b"SMISMEMBER": lambda keys, words: [int(each in _members(keys, words[0])) for each in words[1:]],
    b"SCARD": lambda keys, words: len(_members(keys, words[0])),
    b"ZADD": _zadd,
    b"ZREM": _zrem,
    b"ZSCORE": _zscore,
    b"ZMSCORE": lambda keys, words: [_zscore(keys, [words[0], each]) for each in words[1:]],
    b"ZCARD": lambda keys, words: len(_ranked(keys, words[0])),
    b"ZCOUNT": _zcount,
    b"ZRANGE": _zrange,
    b"ZRANGEBYSCORE": lambda keys, words: _zrange(keys, [*words, b"BYSCORE"]),
    b"ZREVRANGE": lambda keys, words: _zrange(keys, [*words, b"REV"]),
    b"ZREVRANGEBYSCORE": lambda keys, words: _zrange(keys, [*words, b"BYSCORE", b"REV"]),
    b"ZREMRANGEBYSCORE": _zremrangebyscore,
    b"ZREMRANGEBYRANK": _zremrangebyrank,
    b"ZRANK": _zrank,
    b"ZPOPMIN": _zpop(1),
    b"ZPOPMAX": _zpop(-1),
    b"ZINCRBY": _zincrby,
}
