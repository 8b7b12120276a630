"""Commands on streams. Options that this package does not use are refused, not ignored."""

from collections.abc import Sequence
from typing import Any

from adjudge.streams.testing import stream as streams
from adjudge.streams.testing.keyspace import Keyspace
from adjudge.streams.testing.lua import Refused
from adjudge.streams.testing.plain_commands import OK, Arguments, Command, options, whole
from adjudge.streams.testing.stream import Group, Id, Pending, Stream, lower, read_id, shown, upper

SYNTAX = "ERR syntax error"


def _no_group(key: bytes, group: bytes) -> Refused:
    return Refused(f"NOGROUP No such key '{key.decode()}' or consumer group '{group.decode()}'")


def _group(keys: Keyspace, key: bytes, group: bytes) -> tuple[Stream, Group]:
    stream = keys.get(key, Stream)
    if stream is None or group not in stream.groups:
        raise _no_group(key, group)
    return stream, stream.groups[group]


def _seen(keys: Keyspace, group: Group, consumer: bytes) -> None:
    group.consumers[consumer] = keys.now_ms()


def _xadd(keys: Keyspace, words: Arguments) -> Any:
    key, at = words[0], 1
    if words[at].upper() == b"NOMKSTREAM":
        at += 1
        if not keys.has(key):
            return None
    if words[at].upper() in {b"MAXLEN", b"MINID"}:
        raise Refused("ERR trimming on XADD is not understood here")
    stream = keys.made(key, Stream)
    return stream.add(words[at], keys.now_ms(), list(words[at + 1 :]))


def _xrange(keys: Keyspace, words: Arguments) -> Any:
    return _listed(keys, words[0], words[1], words[2], words[3:], newest_first=False)


def _xrevrange(keys: Keyspace, words: Arguments) -> Any:
    return _listed(keys, words[0], words[2], words[1], words[3:], newest_first=True)


def _listed(keys: Keyspace, key: bytes, first: bytes, last: bytes, rest: Arguments, *, newest_first: bool) -> Any:
    stream = keys.get(key, Stream) or Stream()
    ids = stream.between(lower(first), upper(last))
    if newest_first:
        ids = ids[::-1]
    asked = options(rest, (b"COUNT",))
    if b"COUNT" in asked:
        ids = ids[: max(0, whole(asked[b"COUNT"]))]
    return _entries(stream, ids)


def _entries(stream: Stream, ids: Sequence[Id]) -> list[Any]:
    return [[shown(entry_id), list(stream.entries[entry_id])] for entry_id in ids]


def _xdel(keys: Keyspace, words: Arguments) -> int:
    stream = keys.get(words[0], Stream)
    return stream.delete([read_id(each) for each in words[1:]]) if stream else 0


def _xtrim(keys: Keyspace, words: Arguments) -> int:
    stream = keys.get(words[0], Stream)
    bound = next(word for word in words[2:] if word not in {b"~", b"="})
    if stream is None:
        return 0
    match words[1].upper():
        case b"MINID":
            lowest = read_id(bound)
            return stream.delete([entry_id for entry_id in stream.order if entry_id < lowest])
        case b"MAXLEN":
            return stream.delete(stream.order[: max(0, len(stream.order) - whole(bound))])
        case _:
            raise Refused(SYNTAX)


def _xack(keys: Keyspace, words: Arguments) -> int:
    stream = keys.get(words[0], Stream)
    group = stream.groups.get(words[1]) if stream else None
    return sum(group.pending.pop(read_id(each), None) is not None for each in words[2:]) if group else 0


def _xgroup(keys: Keyspace, words: Arguments) -> Any:
    action, key, name = words[0].upper(), words[1], words[2]
    if action == b"CREATE":
        return _create(keys, key, name, words[3], words[4:])
    stream = keys.get(key, Stream)
    if stream is None:
        raise Refused("ERR The XGROUP subcommand requires the key to exist.")
    if action == b"DESTROY":
        return int(stream.groups.pop(name, None) is not None)
    _, group = _group(keys, key, name)
    match action:
        case b"CREATECONSUMER":
            fresh = words[3] not in group.consumers
            _seen(keys, group, words[3])
            return int(fresh)
        case b"DELCONSUMER":
            return _delete_consumer(group, words[3])
        case b"SETID":
            group.last = stream.last if words[3] == b"$" else read_id(words[3])
            return OK
        case _:
            raise Refused(SYNTAX)


def _create(keys: Keyspace, key: bytes, name: bytes, start: bytes, rest: Arguments) -> Any:
    stream = keys.get(key, Stream)
    if stream is None:
        if b"MKSTREAM" not in options(rest, (b"ENTRIESREAD",)):
            raise Refused("ERR The XGROUP subcommand requires the key to exist.")
        stream = keys.made(key, Stream)
    if name in stream.groups:
        raise Refused("BUSYGROUP Consumer Group name already exists")
    stream.groups[name] = Group(stream.last if start == b"$" else read_id(start))
    return OK


def _delete_consumer(group: Group, consumer: bytes) -> int:
    doomed = [entry_id for entry_id, held in group.pending.items() if held.consumer == consumer]
    for entry_id in doomed:
        del group.pending[entry_id]
    group.consumers.pop(consumer, None)
    return len(doomed)


def read_group(keys: Keyspace, words: Arguments) -> Any:
    """XREADGROUP without waiting; None: there is nothing. BLOCK is the server's to see to."""
    name, consumer = words[1], words[2]
    at = next(place for place, word in enumerate(words) if place > 2 and word.upper() == b"STREAMS")
    asked = options(words[3:at], (b"COUNT", b"BLOCK"))
    half = (len(words) - at - 1) // 2
    count = whole(asked.get(b"COUNT", b"0")) or None
    found = []
    wanted = list(zip(words[at + 1 : at + 1 + half], words[at + 1 + half :], strict=True))
    groups = [_group(keys, key, name) for key, _ in wanted]  # all, before anything is read
    for (key, start), (stream, group) in zip(wanted, groups, strict=True):
        _seen(keys, group, consumer)
        if start != b">":
            found.append([key, _history(keys, stream, group, consumer, read_id(start), count)])
        elif new := _new(keys, stream, group, consumer, count, keep=b"NOACK" not in asked):
            found.append([key, new])
    return found or None


def _new(keys: Keyspace, stream: Stream, group: Group, consumer: bytes, count: int | None, *, keep: bool) -> list[Any]:
    ids = list(stream.after(group.last))[:count]
    for entry_id in ids:
        group.last = entry_id
        if keep:
            group.pending[entry_id] = Pending(consumer, keys.now_ms(), 1)
    return _entries(stream, ids)


def _history(
    keys: Keyspace, stream: Stream, group: Group, consumer: bytes, after: Id, count: int | None
) -> list[list[Any]]:
    own = [pair for pair in group.held(after, streams.HIGHEST, consumer) if pair[0] > after][:count]
    for entry_id, held in own:
        if entry_id not in stream.entries:
            continue
        held.delivered_ms, held.deliveries = keys.now_ms(), held.deliveries + 1
    return [[shown(entry_id), stream.entries.get(entry_id)] for entry_id, _ in own]


def _xpending(keys: Keyspace, words: Arguments) -> Any:
    _, group = _group(keys, words[0], words[1])
    if len(words) == 2:
        return _summary(group)
    rest, least_idle = list(words[2:]), 0
    if rest[0].upper() == b"IDLE":
        least_idle, rest = whole(rest[1]), rest[2:]
    first, last, count, *consumer = rest
    now_ms = keys.now_ms()
    one = read_id(first) if first == last and first not in {b"-", b"+"} and not first.startswith(b"(") else None
    if one is not None:  # the scripts ask so for each entry
        held = group.pending.get(one)
        found = [(one, held)] if held and consumer in ([], [held.consumer]) else []
    else:
        found = group.held(lower(first), upper(last), consumer[0] if consumer else None)
    idle = [(entry_id, held) for entry_id, held in found if _is_idle(held, now_ms, least_idle)]
    return [
        [shown(entry_id), held.consumer, max(0, now_ms - held.delivered_ms), held.deliveries]
        for entry_id, held in idle[: whole(count)]
    ]


def _is_idle(held: Pending, now_ms: int, least_idle: int) -> bool:
    """Where no idle time is asked for, a clock that was set back counts for nothing."""
    return not least_idle or now_ms - held.delivered_ms >= least_idle


def _summary(group: Group) -> list[Any]:
    if not group.pending:
        return [0, None, None, None]
    counts: dict[bytes, int] = {}
    for held in group.pending.values():
        counts[held.consumer] = counts.get(held.consumer, 0) + 1
    by_consumer = [[name, b"%d" % count] for name, count in sorted(counts.items())]
    return [len(group.pending), shown(min(group.pending)), shown(max(group.pending)), by_consumer]


_CLAIM_OPTIONS = frozenset({b"IDLE", b"TIME", b"RETRYCOUNT", b"FORCE", b"JUSTID", b"LASTID"})


def _xclaim(keys: Keyspace, words: Arguments) -> Any:
    key, name, consumer, least_idle = words[0], words[1], words[2], whole(words[3])
    at = next((place for place, word in enumerate(words) if place > 3 and word.upper() in _CLAIM_OPTIONS), len(words))
    asked = options(words[at:], (b"IDLE", b"TIME", b"RETRYCOUNT", b"LASTID"))
    if asked.keys() & {b"FORCE", b"TIME", b"LASTID"}:
        raise Refused("ERR FORCE, TIME and LASTID are not understood here")
    stream, group = _group(keys, key, name)
    _seen(keys, group, consumer)
    claimed = []
    for entry_id in map(read_id, words[4:at]):
        if _taken(keys, stream, group, entry_id, consumer, least_idle):
            _recount(keys, group.pending[entry_id], asked)
            claimed.append(entry_id)
    return [shown(each) for each in claimed] if b"JUSTID" in asked else _entries(stream, claimed)


def _taken(keys: Keyspace, stream: Stream, group: Group, entry_id: Id, consumer: bytes, least_idle: int) -> bool:
    held = group.pending.get(entry_id)
    if held is None:
        return False
    if entry_id not in stream.entries:
        del group.pending[entry_id]  # since Redis 7.0
        return False
    if not _is_idle(held, keys.now_ms(), least_idle):
        return False
    held.consumer = consumer
    return True


def _recount(keys: Keyspace, held: Pending, asked: dict[bytes, bytes]) -> None:
    held.delivered_ms = keys.now_ms() - whole(asked.get(b"IDLE", b"0"))
    if b"RETRYCOUNT" in asked:
        held.deliveries = whole(asked[b"RETRYCOUNT"])
    elif b"JUSTID" not in asked:
        held.deliveries += 1


def _xautoclaim(keys: Keyspace, words: Arguments) -> Any:
    key, name, consumer, least_idle, start = words[:5]
    asked = options(words[5:], (b"COUNT",))
    count = whole(asked.get(b"COUNT", b"100"))
    stream, group = _group(keys, key, name)
    _seen(keys, group, consumer)
    waiting = [entry_id for entry_id, _ in group.held(lower(start), streams.HIGHEST, None)]
    claimed: list[Id] = []
    deleted: list[bytes] = []
    attempts = count * 10
    while waiting and attempts and count > len(claimed) + len(deleted):
        entry_id = waiting.pop(0)
        attempts -= 1
        if entry_id not in stream.entries:
            del group.pending[entry_id]
            deleted.append(shown(entry_id))
        elif _taken(keys, stream, group, entry_id, consumer, whole(least_idle)):
            _recount(keys, group.pending[entry_id], asked)
            claimed.append(entry_id)
    following = shown(waiting[0]) if waiting else b"0-0"
    answered = [shown(each) for each in claimed] if b"JUSTID" in asked else _entries(stream, claimed)
    return [following, answered, deleted]


def _xinfo(keys: Keyspace, words: Arguments) -> Any:
    stream = keys.get(words[1], Stream)
    if stream is None:
        raise Refused("ERR no such key")
    match words[0].upper():
        case b"STREAM":
            return _about_stream(stream)
        case b"GROUPS":
            return [_about_group(name, group) for name, group in sorted(stream.groups.items())]
        case b"CONSUMERS":
            _, group = _group(keys, words[1], words[2])
            return [_about_consumer(keys, group, name) for name in sorted(group.consumers)]
        case _:
            raise Refused(SYNTAX)


def _about_stream(stream: Stream) -> list[Any]:
    ends = [_entries(stream, stream.order[place:][:1]) for place in (0, -1)]
    first, last = (end[0] if end else None for end in ends)
    counts = [b"length", len(stream.order), b"last-generated-id", shown(stream.last), b"entries-added", stream.added]
    return [*counts, b"groups", len(stream.groups), b"first-entry", first, b"last-entry", last]


def _about_group(name: bytes, group: Group) -> list[Any]:
    held = [b"name", name, b"consumers", len(group.consumers), b"pending", len(group.pending)]
    return [*held, b"last-delivered-id", shown(group.last), b"entries-read", None, b"lag", None]


def _about_consumer(keys: Keyspace, group: Group, name: bytes) -> list[Any]:
    pending = sum(held.consumer == name for held in group.pending.values())
    idle = max(0, keys.now_ms() - group.consumers[name])
    return [b"name", name, b"pending", pending, b"idle", idle, b"inactive", idle]


COMMANDS: dict[bytes, Command] = {
    b"XADD": _xadd,
    b"XLEN": lambda keys, words: len((keys.get(words[0], Stream) or Stream()).order),
    b"XRANGE": _xrange,
    b"XREVRANGE": _xrevrange,
    b"XDEL": _xdel,
    b"XTRIM": _xtrim,
    b"XACK": _xack,
    b"XGROUP": _xgroup,
    b"XPENDING": _xpending,
    b"XCLAIM": _xclaim,
    b"XAUTOCLAIM": _xautoclaim,
    b"XINFO": _xinfo,
    b"XREADGROUP": read_group,
}
