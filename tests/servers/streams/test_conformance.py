"""The server in memory and the real one answer alike: the same commands, scripts and stories on both."""

import asyncio
import random
import re

import pytest

from adjudge.streams import Entry, KeyRules, Streams
from adjudge.streams.connections.script import Script
from adjudge.streams.group import Again
from adjudge.streams.reasons import reasons_of
from adjudge.streams.retrying import trail_after
from adjudge.streams.testing import MemoryServer, MemoryStreams

NAME = "n"
KEYS = ("s1", "s2")


def alike(answer):
    """What must be equal: times and the wording of errors left out, the elements of sets and hashes in order."""
    if isinstance(answer, Exception):
        return str(answer).split(maxsplit=1)[0] if str(answer).split(maxsplit=1)[0].isupper() else "error"
    if isinstance(answer, list | tuple):
        return [alike(each) for each in answer]
    return answer.encode() if isinstance(answer, str) else answer


def without_idle(command, answer):
    if command[0] == "XPENDING" and len(command) > 3 and isinstance(answer, list):
        return [[entry_id, consumer, count] for entry_id, consumer, _, count in answer]
    if command[:2] == ("XINFO", "CONSUMERS") and isinstance(answer, list):
        return [each[:4] for each in answer]
    if command[0] in {"SMEMBERS", "HKEYS"} and isinstance(answer, list):
        return sorted(answer)
    return answer


class Commands:
    """Random commands on a few keys, so that they meet."""

    def __init__(self, seed: int) -> None:
        self.rng, self.next_id = random.Random(seed), 0

    def some(self, count: int):
        return [self.rng.choice(self.kinds)(self) for _ in range(count)]

    def key(self):
        return self.rng.choice(KEYS)

    def id(self):
        return f"{self.rng.randint(1, 12)}-1"

    def ids(self):
        return [self.id() for _ in range(self.rng.randint(1, 3))]

    def consumer(self):
        return self.rng.choice(("a", "b", "c"))

    def bound(self):
        return self.rng.choice(("-", "+", self.id(), f"({self.id()}"))

    def add(self):
        self.next_id += 1
        return ("XADD", self.key(), f"{self.next_id}-1", "f", self.rng.randint(0, 9))

    def read(self):
        count = self.rng.randint(1, 3)
        keys, start = self.rng.choice((KEYS, KEYS[:1])), self.rng.choice((">", ">", "0"))
        return ("XREADGROUP", "GROUP", "g", self.consumer(), "COUNT", count, "STREAMS", *keys, *(start for _ in keys))

    def claim(self):
        options = self.rng.choice(((), ("JUSTID",), ("IDLE", 5000, "RETRYCOUNT", 3, "JUSTID"), ("RETRYCOUNT", 7)))
        return ("XCLAIM", self.key(), "g", self.consumer(), self.rng.choice((0, 0, 1000)), *self.ids(), *options)

    def autoclaim(self):
        idle, options = self.rng.choice((0, 0, 1000)), self.rng.choice(((), ("JUSTID",)))
        return ("XAUTOCLAIM", self.key(), "g", self.consumer(), idle, self.rng.choice(("0-0", self.id())), *options)

    def pending(self):
        consumer = self.rng.choice(((), (self.consumer(),)))
        least = self.rng.choice(((), ("IDLE", 1000)))
        return ("XPENDING", self.key(), "g", *least, self.bound(), self.bound(), self.rng.randint(1, 9), *consumer)

    kinds = (
        add,
        add,
        add,
        read,
        read,
        claim,
        autoclaim,
        pending,
        lambda self: ("XGROUP", "CREATE", self.key(), "g", self.rng.choice(("0", "$")), "MKSTREAM"),
        lambda self: ("XGROUP", "CREATE", self.key(), "g", "0", "MKSTREAM"),
        lambda self: ("XGROUP", "DELCONSUMER", self.key(), "g", self.consumer()),
        lambda self: ("XGROUP", "CREATECONSUMER", self.key(), "g", self.consumer()),
        lambda self: ("XACK", self.key(), "g", *self.ids()),
        lambda self: ("XDEL", self.key(), *self.ids()),
        lambda self: ("XRANGE", self.key(), self.bound(), self.bound(), "COUNT", self.rng.randint(1, 4)),
        lambda self: ("XREVRANGE", self.key(), self.bound(), self.bound()),
        lambda self: ("XLEN", self.key()),
        lambda self: ("XPENDING", self.key(), "g"),
        lambda self: ("XINFO", "CONSUMERS", self.key(), "g"),
        lambda self: ("XTRIM", self.key(), "MINID", self.id()),
        lambda self: ("XTRIM", self.key(), "MAXLEN", self.rng.randint(2, 6)),
        lambda self: ("DEL", self.key()) if self.rng.random() < 0.1 else ("EXISTS", self.key()),
    )


class Plain(Commands):
    """Strings, hashes, lists, sets and sorted sets; the wrong kind too, now and then."""

    def any(self, kind: str):
        return self.rng.choice((f"{kind}1", f"{kind}2", "x"))

    def word(self):
        return self.rng.choice("abcde")

    def score(self):
        return self.rng.choice((1, 2.5, 3, -1, 1e15, 7))

    def edge(self):
        return self.rng.choice(("-inf", "+inf", "2", "(2.5", "3"))

    kinds = (
        lambda s: ("SET", s.any("t"), s.word(), *s.rng.choice(((), ("NX",), ("XX",), ("NX", "GET"), ("PX", 60_000)))),
        lambda s: ("SET", s.any("t"), s.rng.randint(0, 9)),
        lambda s: (s.rng.choice(("GET", "INCR", "DECR", "STRLEN")), s.any("t")),
        lambda s: ("MGET", "t1", "t2", "z1"),
        lambda s: (s.rng.choice(("EXISTS", "TYPE", "DEL", "PERSIST")), s.any(s.rng.choice("thlz"))),
        lambda s: ("HSET", s.any("h"), s.word(), s.rng.randint(0, 9), s.word(), 1),
        lambda s: ("HSETNX", s.any("h"), s.word(), 2),
        lambda s: ("HINCRBY", s.any("h"), s.word(), 3),
        lambda s: ("HMGET", s.any("h"), s.word(), s.word()),
        lambda s: (s.rng.choice(("HGET", "HDEL", "HEXISTS")), s.any("h"), s.word()),
        lambda s: (s.rng.choice(("HLEN", "HKEYS")), s.any("h")),
        lambda s: (s.rng.choice(("RPUSH", "LPUSH")), s.any("l"), s.word(), s.word()),
        lambda s: (s.rng.choice(("LPOP", "RPOP", "LLEN")), s.any("l")),
        lambda s: ("LPOP", s.any("l"), 2),
        lambda s: ("LINDEX", s.any("l"), s.rng.randint(-3, 3)),
        lambda s: ("LRANGE", s.any("l"), s.rng.randint(-3, 3), s.rng.randint(-3, 3)),
        lambda s: ("LREM", s.any("l"), s.rng.randint(-2, 2), s.word()),
        lambda s: ("LTRIM", s.any("l"), s.rng.randint(-5, 1), -1),
        lambda s: (s.rng.choice(("SADD", "SREM")), s.any("e"), s.word(), s.word()),
        lambda s: ("SISMEMBER", s.any("e"), s.word()),
        lambda s: (s.rng.choice(("SCARD", "SMEMBERS")), s.any("e")),
        lambda s: ("ZADD", s.any("z"), *s.rng.choice(((), ("NX",), ("XX",), ("GT",), ("CH",))), s.score(), s.word()),
        lambda s: ("ZADD", s.any("z"), s.score(), s.word(), s.score(), s.word()),
        lambda s: (s.rng.choice(("ZSCORE", "ZREM", "ZRANK")), s.any("z"), s.word()),
        lambda s: ("ZCARD", s.any("z")),
        lambda s: ("ZRANGE", s.any("z"), s.rng.randint(-3, 2), s.rng.randint(-3, 3), "WITHSCORES"),
        lambda s: ("ZRANGE", s.any("z"), s.edge(), s.edge(), "BYSCORE", "LIMIT", 0, 2),
        lambda s: ("ZRANGEBYSCORE", s.any("z"), s.edge(), s.edge(), "WITHSCORES", "LIMIT", 1, 2),
        lambda s: (s.rng.choice(("ZCOUNT", "ZREMRANGEBYSCORE")), s.any("z"), s.edge(), s.edge()),
        lambda s: ("ZINCRBY", s.any("z"), 1.5, s.word()),
        lambda s: ("ZPOPMIN", s.any("z")),
    )


@pytest.mark.parametrize("commands", [Commands, Plain])
async def test_random_commands_are_answered_alike(commands, streams):
    for seed in range(60):
        asked, memory = commands(seed).some(200), MemoryServer()

        _, *real = await streams._questions.call(("FLUSHALL",), *asked)

        for place, (command, answer) in enumerate(zip(asked, real, strict=True)):
            found = without_idle(command, alike(memory.answer(command)))
            assert found == without_idle(command, alike(answer)), (seed, place, command)


LUA = {
    "numbers": "return {7 / 2, 3 * '4', 10 % 3, -7 % 3, 2 ^ 10, 1e3, 0x10, tostring(1764000000123), tostring(2.5)}",
    "truth": "return {0 and 'zero', '' and 'empty', nil == false and 1 or 2, not nil, 1 == '1' and 1 or 2}",
    "tables": "local t = {1, 2, x = 3} t[#t + 1] = 9 table.insert(t, 1, 8) return {#t, t[1], table.remove(t), t.x}",
    "sorting": "local t = {3, 1, 2} table.sort(t, function(a, b) return a > b end) return table.concat(t, ',')",
    "closures": "local n = 0 local function up() n = n + 1 return n, 'x' end up() return {up(), (up())}",
    "loops": "local s = '' for i = 9, 1, -3 do s = s .. i end repeat s = s .. 'r' until #s > 5 return s",
    "patterns": "return {string.match('@12 a/1-0', '^@(%d+) (.*)'), ('a-b'):find('-', 1, true), ('k='):gsub('=', ':')}",
    "format": "return {string.format('%.0f', 1764000000123.4), string.format('%05d %s %5.1f', 42, 'x', 2.25)}",
    "packing": "return cmsgpack.pack({'b\\0', 1, -5, 300, 2.5, {k = 'v'}, true})",
    "unpacking": "local t = cmsgpack.unpack(cmsgpack.pack({'a', 70000, {1, 2}})) return {t[1], t[2], t[3][2]}",
    "json": 'return {cjson.encode({a = 1}), cjson.decode(\'{"k": [1, "x"]}\').k[2]}',
    "nothing": "return {redis.call('GET', 'none') == false and 1 or 2, redis.call('GET', 'none')}",
    "errors": "return redis.pcall('NOSUCH', 1)['err'] and 1 or 2",
    "failing": "return redis.call('LPUSH', KEYS[1])",
    "arguments": "return {KEYS[1], ARGV[1], #ARGV, unpack(ARGV)}",
    "numbers sent": "redis.call('SET', KEYS[1], 1764000000123) return redis.call('GET', KEYS[1])",
    "fractions sent": "redis.call('SET', KEYS[1], 0.5) return redis.call('GET', KEYS[1])",
}


@pytest.mark.parametrize("name", LUA)
async def test_lua_means_the_same(name, streams):
    command = ("EVAL", LUA[name], 1, "k", "a1", "a2")
    [real] = await streams._questions.call(command)

    assert alike(MemoryServer().answer(command)) == alike(real)


async def publishing(streams: Streams):
    entries = [Entry(NAME, "a", b"%d" % i, 2) for i in range(3)]
    yield await streams.publish(entries)
    yield await streams.publish([Entry(NAME, "b", b"x", 9, key="k", dedup_id="d") for _ in range(2)])
    yield await streams.publish([Entry(NAME, "b", b"x", 9, delay_seconds=60.0, expires_at=4e9, headers={"h": "v"})])
    yield await streams.depth(NAME, ["a", "b"])
    yield await streams.oldest(NAME, ["a", "b"]) is not None


async def keys_with_one_slot(streams: Streams):
    group = streams.group(NAME, ["a"], "me", KeyRules(slots=1))
    yield await group.create()
    yield await streams.publish([Entry(NAME, "a", b"%d" % i, 99, key="k") for i in range(4)])
    for _ in range(3):
        found = await group.read(["a"], 10, 0)
        yield [(m.body, m.key, m.crashes) for m in found.get("a", [])]
        await group.acknowledge("a", found["a"])
    yield await streams.depth(NAME, ["a"])
    yield (await group.move_due()).count
    await group.close()


async def failing(streams: Streams):
    group, other = streams.group(NAME, ["a"], "me"), streams.group(NAME, ["a"], "other")
    await group.create()
    await streams.publish([Entry(NAME, "a", b"%d" % i, 99, key="k" if i else "") for i in range(3)])
    messages = (await group.read(["a"], 10, 0))["a"]
    yield [m.body for m in messages]
    error = ValueError("no")
    await group.retry("a", [Again(messages[0], 0.0, trail_after(messages[0], error, 0.0))])
    await group.retry("a", [Again(messages[0], 0.0, trail_after(messages[0], error, 0.0))])
    yield (await group.move_due()).count
    again = (await group.read(["a"], 10, 0))["a"]
    yield [(m.body, m.failures, m.deliveries) for m in again]
    await group.bury("a", [(m, reasons_of(m, error, 0.0)) for m in again], 60.0)
    letters = await streams.dead_letters.page(NAME)
    yield [(letter.body, letter.error, len(letter.history)) for letter in letters]
    yield await streams.dead_letters.replay(NAME, [letter.id for letter in letters])
    yield await group.hand_back("a", {m.id: 1 for m in messages})
    page = await other.claim("a", 30.0, 10, "0-0")
    yield [(m.body, m.crashes) for m in page.messages], page.deleted, page.following
    yield await group.renew("a", [m.id for m in page.messages]) == {m.id for m in page.messages}
    yield await other.start("a", page.messages)
    own = await other.own_pending("a", "")
    yield [(m.body, m.crashes) for m in own.messages], own.deleted
    await group.leave()
    yield await other.forget_dead(-1)
    yield await streams.depth(NAME, ["a"])
    await group.close()
    await other.close()


async def listening(streams: Streams):
    heard, ready = asyncio.Queue(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        listener = group.create_task(streams.listen("c", heard.put_nowait, ready))
        async with asyncio.timeout(10):
            await ready.wait()
            yield await streams.hint("c", b"one"), await streams.hint("other", b"two"), await heard.get()
        listener.cancel()
    yield await streams.epoch() == await streams.epoch(), await streams.ping()


def masked(answer: object) -> str:
    """Ids by the order in which they are met, and no ages."""
    text = re.sub(r"oldest_seconds=[\d.]+", "oldest_seconds=?", repr(answer))
    met: dict[str, int] = {}
    return re.sub(r"\d{13}-\d+", lambda found: f"<{met.setdefault(found.group(), len(met))}>", text)


@pytest.mark.parametrize("story", [publishing, keys_with_one_slot, failing, listening])
async def test_a_story_goes_the_same_way_on_both(story, streams):
    real = [masked(answer) async for answer in story(streams)]

    async with MemoryStreams(MemoryServer()) as memory:
        assert [masked(answer) async for answer in story(memory)] == real


async def test_a_flushed_script_is_loaded_again_on_both(streams):
    script = Script("return {KEYS[1], ARGV[1] + 1}")
    memory = MemoryStreams(MemoryServer())

    for each in (streams, memory):
        for _ in range(2):
            assert await each._questions.ask(script.command(["k"], [1])) == [b"k", 2]
            await each._questions.ask(("SCRIPT", "FLUSH"))


@pytest.mark.parametrize("seconds", [0.05, 0.3])
async def test_a_read_waits_as_long_on_both(seconds, streams):
    async with MemoryStreams(MemoryServer()) as memory:
        for each in (streams, memory):
            group = each.group(NAME, ["a"], "me")
            await group.create()
            began = asyncio.get_running_loop().time()

            assert await group.read(["a"], 1, seconds) == {}

            assert seconds <= asyncio.get_running_loop().time() - began < seconds + 1.0
            await group.close()
