"""One consumer's dealings with the consumer group of one name: every command that a worker sends.

Three connections: reads may block, effects (acknowledge, retry, bury) must not wait behind them, and upkeep
(leases, claims, due retries) must wait behind neither. The last two are shared by all groups of a process.
"""

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from adjudge.streams import decoding, keyed_scripts, marks, scripts
from adjudge.streams.connections.script import Argument, Command, Script
from adjudge.streams.connections.wire import Wire, accepted
from adjudge.streams.decoding import Page
from adjudge.streams.fairness import KeyRules
from adjudge.streams.keys import Keys
from adjudge.streams.messages import Message, Trail
from adjudge.streams.reasons import Reasons
from adjudge.streams.server_clock import ServerClock
from adjudge.streams.signals import Unavailable

NOBODY = "nobody"
"""The consumer that holds what was handed back: its entries count as long idle, so the next claim takes them."""

_HANDED_BACK_MS = 30 * 86_400_000
_FORGET_ORIGIN_MS = 86_400_000
_PAGE = 200
_LOOK_AFTER_SECONDS = 1.0
_LOOK_AFTER = 50
"""Keys of a lane with a backlog whose slots are looked after at once."""


@dataclass(frozen=True, slots=True)
class Again:
    """A message to be tried again."""

    message: Message
    delay_seconds: float
    trail: Trail


@dataclass(frozen=True, slots=True)
class Moved:
    """How many delayed messages went back to their lanes, and when the next is due."""

    count: int
    next_seconds: float
    """Infinity when none waits."""
    freed: int = 0
    """Slots of keys that were held by nothing any more."""


class Group:
    """The group `name` as consumer `consumer`. Every method raises `Unavailable`, or `NoGroup` after a flush."""

    def __init__(
        self,
        name: str,
        lanes: Sequence[str],
        *,
        group: str,
        consumer: str,
        reads: Wire,
        effects: Wire,
        upkeep: Wire,
        wakes: str,
        rules: KeyRules | None = None,
    ) -> None:
        self.name = name
        self._keys = Keys(name)
        self._streams = {lane: self._keys.lane(lane) for lane in lanes}
        self._lane_of = {key.encode(): lane for lane, key in self._streams.items()}
        self._group, self._consumer, self._wakes, self._rules = group, consumer, wakes, rules
        self._reads, self._effects, self._upkeep = reads, effects, upkeep
        self._has_xackdel: bool | None = None
        self._loop_time = asyncio.get_running_loop().time
        self._clock = ServerClock(self._loop_time)
        self._looked_after = dict.fromkeys(self._streams, 0)
        self._look_after_at = self._loop_time()

    def now(self) -> float:
        """Unix seconds on the server's clock, for deadlines and ages; see `ServerClock`."""
        return self._clock.now()

    async def create(self) -> int:
        """Make the streams and their groups where they are missing, from the first entry on; return how many.

        Also writes down the rules for keys, and asks the server for the time.
        """
        keys = [self._keys.rules, *self._streams.values()]
        (seconds, micros), made = await self._upkeep.ask(
            scripts.CREATE.command(keys, [self._group, *written(self._rules)])
        )
        self._clock.heard(int(seconds) + int(micros) / 1e6)
        return int(made)

    async def read(self, lanes: Iterable[str], count: int, block_seconds: float) -> Mapping[str, Sequence[Message]]:
        """At most `count` new messages of each lane; waits at most `block_seconds` for the first, 0: not at all."""
        keys = [self._streams[lane] for lane in lanes]
        block = ("BLOCK", max(1, round(block_seconds * 1000))) if block_seconds else ()
        command: Command = (
            *("XREADGROUP", "GROUP", self._group, self._consumer, "COUNT", count, *block),
            *("STREAMS", *keys, *(">" for _ in keys)),
        )
        answer = await self._reads.ask(command, block_seconds=block_seconds)
        named = [(self._lane_of[key], entries) for key, entries in answer or ()]
        return {lane: decoding.fresh(self.name, lane, entries) for lane, entries in named}

    async def own_pending(self, lane: str, after: str) -> Page:
        """A page of what this consumer was given: a lost answer leaves messages that only the server knows of."""
        command = scripts.OWN_PENDING.command(
            [self._streams[lane]], [self._group, self._consumer, f"({after}" if after else "-", _PAGE]
        )
        last, found, deleted = await self._upkeep.ask(command)
        return Page(decoding.pending(self.name, lane, found, started=False), len(deleted), last.decode())

    async def claim(self, lane: str, idle_seconds: float, count: int, cursor: str) -> Page:
        """Take messages over whose consumers have been silent for `idle_seconds`. Begin at cursor `0-0`."""
        arguments: list[Argument] = [self._group, self._consumer, round(idle_seconds * 1000), cursor, count]
        following, found, deleted = await self._upkeep.ask(scripts.CLAIM.command([self._streams[lane]], arguments))
        messages = decoding.pending(self.name, lane, found, started=True)
        return Page(messages, len(deleted), "" if following == b"0-0" else following.decode())

    async def renew(self, lane: str, ids: Iterable[str]) -> set[str]:
        """Renew leases; return the ids that are no longer this consumer's."""
        return await self._take(lane, [argument for entry_id in ids for argument in (entry_id, "")])

    async def start(self, lane: str, messages: Iterable[Message]) -> set[str]:
        """Renew leases and count a start of each; return the ids that are no longer this consumer's."""
        return await self._take(lane, [a for message in messages for a in (message.id, message.crashes + 1)])

    async def acknowledge(self, lane: str, messages: Sequence[Message]) -> None:
        """Finish messages: nobody gets them again, they leave the stream, and the next of their keys enter it."""
        plain = [message for message in messages if not message.key]
        commands = [*await self._finishing(lane, plain), *self._passing_on(lane, messages)]
        try:
            for answer in await self._effects.call(*commands):
                accepted(answer)
        except Unavailable:
            self._has_xackdel = None  # whoever answers next may be another server
            raise

    async def retry(self, lane: str, again: Iterable[Again]) -> None:
        """Move failed messages to the delayed set; they keep the slots of their keys."""
        arguments = [argument for each in again for argument in _parked(each)]
        await self._effects.ask(self._keyed(keyed_scripts.RETRY, lane, arguments))

    async def bury(self, lane: str, letters: Iterable[tuple[Message, Reasons]], keep_seconds: float) -> None:
        """Move messages to the dead letters, and drop dead letters older than `keep_seconds`."""
        arguments: list[Argument] = [round(keep_seconds * 1000)]
        for message, reasons in letters:
            body, mark = message.body, marks.encoded(message)
            arguments += (message.id, message.origin, body, msgspec.json.encode(reasons), mark, message.key)
        await self._effects.ask(self._keyed(keyed_scripts.BURY, lane, arguments, self._keys.dead))

    async def move_due(self) -> Moved:
        """Let in whatever waits for its time and has come to it: delayed messages, retries, keys under a rate.

        Now and then some of the keys with a backlog are looked after: a slot of theirs may be held by an entry that
        was deleted by hand.
        """
        fixed: list[Argument] = [self._keys.prefix, self._wakes, _PAGE, _FORGET_ORIGIN_MS]
        looks = self._loop_time() - self._look_after_at > _LOOK_AFTER_SECONDS
        count = _LOOK_AFTER if looks else 0
        lanes = [a for lane, first in self._looked_after.items() for a in (lane, first, count)]
        keys = [self._keys.delayed, self._keys.retrying, self._keys.rules]
        moved, next_ms, now_ms, freed, backlogs = await self._upkeep.ask(
            keyed_scripts.MOVE_DUE.command(keys, [*fixed, *lanes])
        )
        self._clock.heard(int(now_ms) / 1000)
        if looks:
            self._look_after_at = self._loop_time()
            self._look_further(backlogs)
        return Moved(moved, next_ms / 1000 if next_ms >= 0 else math.inf, freed)

    async def hand_back(self, lane: str, counts: Mapping[str, int]) -> None:
        """Let others claim these ids at once, each with this count of starts."""
        arguments: list[Argument] = [argument for pair in counts.items() for argument in pair]
        fixed: list[Argument] = [self._group, self._consumer, NOBODY, _HANDED_BACK_MS]
        await self._effects.ask(scripts.HAND_BACK.command([self._streams[lane]], [*fixed, *arguments]))

    async def forget_dead(self, idle_seconds: float) -> None:
        """Remove names of consumers that have nothing pending and were silent for `idle_seconds`."""
        for key in self._streams.values():
            command = scripts.FORGET_DEAD.command([key], [self._group, round(idle_seconds * 1000)])
            await self._upkeep.ask(command)

    async def leave(self) -> None:
        """Remove the consumer's own name, where it has nothing pending."""
        for key in self._streams.values():
            await self._effects.ask(scripts.LEAVE.command([key], [self._group, self._consumer]))

    async def close(self) -> None:
        """Close the connection that is its own."""
        await self._reads.close()

    async def _take(self, lane: str, arguments: Sequence[Argument]) -> set[str]:
        lost: set[str] = set()
        for start in range(0, len(arguments), 2 * _PAGE):
            page: list[Argument] = [self._group, self._consumer, *arguments[start : start + 2 * _PAGE]]
            answer = await self._upkeep.ask(scripts.TAKE.command([self._streams[lane]], page))
            lost.update(entry_id.decode() for entry_id in answer)
        return lost

    async def _finishing(self, lane: str, messages: Sequence[Message]) -> list[Command]:
        if not messages:
            return []
        origins = [message.origin for message in messages if message.trail]
        # First, because an origin left behind would pretend that its message is still under way.
        forget: list[Command] = [("ZREM", self._keys.retrying, *origins)] if origins else []
        ids, has_xackdel = [message.id for message in messages], await self._can_xackdel()
        return [*forget, *finishing(self._streams[lane], self._group, ids, has_xackdel=has_xackdel)]

    def _passing_on(self, lane: str, messages: Sequence[Message]) -> list[Command]:
        keyed = [message for message in messages if message.key]
        pages = [keyed[start : start + _PAGE] for start in range(0, len(keyed), _PAGE)]
        return [self._keyed(keyed_scripts.FINISH, lane, [a for m in page for a in _finished(m)]) for page in pages]

    def _keyed(self, script: Script, lane: str, arguments: Iterable[Argument], *keys: str) -> Command:
        fixed: list[Argument] = [self._keys.prefix, self._wakes, self._group, lane]
        return script.command([*self._keys.shared(lane), *keys], [*fixed, *arguments])

    def _look_further(self, backlogs: Sequence[int]) -> None:
        for (lane, first), keys in zip(list(self._looked_after.items()), backlogs, strict=True):
            self._looked_after[lane] = first + _LOOK_AFTER if first + _LOOK_AFTER < keys else 0

    async def _can_xackdel(self) -> bool:
        if self._has_xackdel is None:
            self._has_xackdel = knows_command((await self._effects.call(("COMMAND", "INFO", "XACKDEL")))[0])
        return self._has_xackdel


def finishing(key: str, group: str, ids: Sequence[str], *, has_xackdel: bool) -> list[Command]:
    """Commands that acknowledge and delete."""
    if has_xackdel:
        return [("XACKDEL", key, group, "IDS", len(ids), *ids)]
    # In this order: cut off between the two, an entry is found gone; the other way round it would stay for ever.
    return [("XDEL", key, *ids), ("XACK", key, group, *ids)]


def knows_command(information: object) -> bool:
    """Whether COMMAND INFO of one command described it: unknown ones answer nil, refused ones an error."""
    return isinstance(information, list) and bool(information) and information[0] is not None


def written(rules: KeyRules | None) -> tuple[int, float, int]:
    """Slots, milliseconds between two entries, and burst; without rules a key has no bound."""
    slots, burst = (rules.slots, rules.burst) if rules else (0, 1)
    return (slots, 1000 / rules.per_second if rules and rules.per_second else 0, burst)


def _parked(again: Again) -> tuple[Argument, ...]:
    message, trail = again.message, msgspec.json.encode(again.trail)
    delay_ms, mark = round(again.delay_seconds * 1000), marks.encoded(message)
    return (message.id, delay_ms, message.body, trail, message.origin, message.published_ms, mark, message.key)


def _finished(message: Message) -> tuple[Argument, ...]:
    return (message.id, message.key, message.origin if message.trail else "")
