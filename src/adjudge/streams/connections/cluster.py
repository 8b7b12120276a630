"""Lines to all masters of a cluster: each command goes to the node that has its key.

Redirections are followed, because a redirected command was not carried out. MOVED also corrects the map of slots; ASK
does not, because only one key has left a slot that is being moved; TRYAGAIN waits until all keys of a script are on
one side. That may take longer than a call: until a slot belongs to its new node, that node refuses scripts with keys
that it does not have yet. After any trouble with a node the map is asked for again, from each node in turn, because
one of them may be cut off.
"""

import asyncio
from binascii import crc_hqx
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from adjudge.streams.connections.addresses import Address
from adjudge.streams.connections.line import Line
from adjudge.streams.connections.refusals import TRY_AGAIN, Refusal, has_code, redirected_to
from adjudge.streams.connections.script import Argument, Command
from adjudge.streams.signals import Unavailable

SLOTS: Final = 16_384
_REDIRECTIONS = 16
_TRY_AGAIN_SECONDS = 0.05
_KEYLESS = frozenset({"PING", "TIME", "COMMAND", "INFO", "CLIENT", "CONFIG"})
_KEY_PLACES = {"EVALSHA": 3, "EVAL": 3, "XGROUP": 2, "XINFO": 2, "OBJECT": 2}

Dial = Callable[[Address], Line]


class Slots:
    """Which node has which slot, as far as is known; shared by all lines of a process."""

    def __init__(self, seeds: Sequence[Address], dial: Dial) -> None:
        self._dial = dial
        self._nodes = deque((address, dial(address)) for address in seeds)
        self._owners: list[Address | None] = [None] * SLOTS
        self._doubtful = True
        self._turn = asyncio.Lock()

    async def owner(self, slot: int, until: float) -> Address:
        """The master of a slot. Raises `Unavailable`."""
        if self._doubtful:
            await self._refresh(until)
        owner = self._owners[slot]
        if owner is None:
            self.doubt()
            raise Unavailable(f"no node of the cluster has slot {slot}")
        return owner

    def moved(self, slot: int, owner: Address) -> None:
        """A node said who has the slot now."""
        self._owners[slot] = owner

    def doubt(self) -> None:
        """Ask for the map again before it is used."""
        self._doubtful = True

    async def close(self) -> None:
        """Close the connections through which the map is asked for."""
        for _, line in self._nodes:
            await line.close()

    async def _refresh(self, until: float) -> None:
        try:
            async with asyncio.timeout_at(until), self._turn:
                if self._doubtful:  # else another has asked meanwhile
                    await self._ask(until)
        except TimeoutError as error:
            raise Unavailable("no node of the cluster answered in time") from error

    async def _ask(self, until: float) -> None:
        now = asyncio.get_running_loop().time
        said = "no node is given"
        for left in range(len(self._nodes), 0, -1):
            address, line = self._nodes[0]
            self._nodes.rotate(-1)
            try:  # a silent one may have its share of the time only
                [answer] = await line.exchange([("CLUSTER", "SLOTS")], now() + (until - now()) / left)
            except Unavailable as error:
                said = str(error)
                continue
            if isinstance(answer, list) and answer:
                self._learn(ranges_of(answer, address))
                return
            said = str(answer) if answer else "it has no slots"
        raise Unavailable(f"no node of the cluster knows its slots: {said}")

    def _learn(self, ranges: Iterable[tuple[int, int, Address]]) -> None:
        owners: list[Address | None] = [None] * SLOTS
        for first, last, address in ranges:
            owners[first : last + 1] = [address] * (last + 1 - first)
        self._owners, self._doubtful = owners, False
        known = {address for address, _ in self._nodes}
        self._nodes.extend((new, self._dial(new)) for new in {each for each in owners if each} - known)


@dataclass(frozen=True, slots=True)
class _Sent:
    """A command, its place among the answers, and where it must go."""

    place: int
    command: Command
    slot: int
    asked: Address | None = None
    """The node that takes this one command of a slot it does not have yet."""


_Heard = tuple[_Sent, Address, Any]
"""What was sent, to which node, and its answer."""


class ClusterLine:
    """As a line, to the whole cluster."""

    def __init__(self, slots: Slots, dial: Dial) -> None:
        self._slots, self._dial = slots, dial
        self._lines: dict[Address, Line] = {}
        self._heard: Line | None = None

    async def exchange(self, commands: Sequence[Command], until: float) -> list[Any]:
        """Answers in order. Where one node of several fails, its `Unavailable` stands in its commands' places.

        Raises `Unavailable` if all fail.
        """
        now = asyncio.get_running_loop().time
        answers: list[Any] = [None] * len(commands)
        left = [_Sent(place, command, slot) for place, (command, slot) in enumerate(_with_slots(commands))]
        for _ in range(_REDIRECTIONS):
            round_ = await self._round(left, until)
            for sent, _, answer in round_:
                answers[sent.place] = answer
            left = [again for each in round_ if (again := self._redirected(*each))]
            if not left:
                break
            if any(has_code(answers[sent.place], TRY_AGAIN) for sent in left):
                if now() + _TRY_AGAIN_SECONDS > until:
                    break  # with the server's word, which says more than that time is over
                await asyncio.sleep(_TRY_AGAIN_SECONDS)
        failed = [answer for answer in answers if isinstance(answer, Unavailable)]
        if failed and len(failed) == len(answers):
            raise failed[0]
        return answers

    async def tell(self, command: Command, until: float) -> None:
        """Send a command whose answer comes through `listen`. Raises `Unavailable`."""
        key = key_of(command)
        if key is not None:  # a channel: any node will do, and by its slot they are spread
            self._heard = self._line(await self._slots.owner(key_slot(_bytes(key)), until))
        if self._heard is None:
            raise Unavailable("no channel was named yet")
        try:
            await self._heard.tell(command, until)
        except Unavailable:
            self._slots.doubt()
            raise

    async def listen(self, wait_seconds: float) -> Any:
        """What the server says unasked; None after silence. Raises `Unavailable`."""
        if self._heard is None:
            raise Unavailable("nothing was told yet")
        try:
            return await self._heard.listen(wait_seconds)
        except Unavailable:
            self._slots.doubt()
            raise

    async def close(self) -> None:
        """Close now; a later call opens anew."""
        for line in self._lines.values():
            await line.close()

    async def _round(self, left: Sequence[_Sent], until: float) -> list[_Heard]:
        """Send each to its node, to all nodes at once."""
        parts: dict[Address, list[_Sent]] = {}
        for sent in left:
            parts.setdefault(sent.asked or await self._slots.owner(sent.slot, until), []).append(sent)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._part(address, part, until)) for address, part in parts.items()]
        return [heard for task in tasks for heard in task.result()]

    async def _part(self, address: Address, part: Sequence[_Sent], until: float) -> list[_Heard]:
        commands: list[Command] = []
        for sent in part:
            commands += [("ASKING",), sent.command] if sent.asked else [sent.command]
        try:
            answers = iter(await self._line(address).exchange(commands, until))
        except Unavailable as error:
            self._slots.doubt()
            return [(sent, address, error) for sent in part]
        heard = []
        for sent in part:
            if sent.asked:
                next(answers)
            heard.append((sent, address, next(answers)))
        return heard

    def _redirected(self, sent: _Sent, asked: Address, answer: Any) -> _Sent | None:
        """What to send again; None: it has its answer."""
        match answer:
            case Refusal(code="MOVED"):
                self._slots.moved(sent.slot, redirected_to(answer, asked))
                return _Sent(sent.place, sent.command, sent.slot)
            case Refusal(code="ASK"):
                return _Sent(sent.place, sent.command, sent.slot, redirected_to(answer, asked))
            case Refusal(code="TRYAGAIN"):
                return sent
        return None

    def _line(self, address: Address) -> Line:
        if address not in self._lines:
            self._lines[address] = self._dial(address)
        return self._lines[address]


def ranges_of(answer: Iterable[Sequence[Any]], asked: Address) -> list[tuple[int, int, Address]]:
    """First slot, last slot and master, from CLUSTER SLOTS. A node that does not know its own host names none."""
    return [
        (first, last, Address((host or b"").decode() or asked.host, port))
        for first, last, (host, port, *_), *_ in answer
    ]


def key_of(command: Command) -> Argument | None:
    """The first key, or the channel; None: the command has none, and any node may answer."""
    name = str(command[0])
    if name in _KEYLESS:
        return None
    if name in {"XREADGROUP", "XREAD"}:
        return command[command.index("STREAMS") + 1]
    return command[_KEY_PLACES.get(name, 1)]


def key_slot(key: bytes) -> int:
    """The slot of a key: CRC16 (XMODEM) of its hash tag, where it has one (Redis cluster specification)."""
    _, brace, rest = key.partition(b"{")
    tag, closed, _ = rest.partition(b"}")
    return crc_hqx(tag if brace and closed and tag else key, 0) % SLOTS


def spread(key: str) -> list[str]:
    """The key once for every 1,024th part of the slots: together they are on all nodes of most clusters."""
    tags: dict[int, str] = {}
    number = 0
    while len(tags) < _PARTS:
        tags.setdefault(key_slot(b"%d" % number) * _PARTS // SLOTS, f"{key}:{{{number}}}")
        number += 1
    return [tags[part] for part in sorted(tags)]


_PARTS = 16


def _with_slots(commands: Sequence[Command]) -> list[tuple[Command, int]]:
    """A command without a key goes along with the first that has one."""
    keys = [key_of(command) for command in commands]
    first = next((key for key in keys if key is not None), b"")
    return [
        (command, key_slot(_bytes(first if key is None else key))) for command, key in zip(commands, keys, strict=True)
    ]


def _bytes(key: Argument) -> bytes:
    return key if isinstance(key, bytes) else str(key).encode()
