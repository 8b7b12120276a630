"""One world drawn from a seed: a publisher, workers, a broker, and what goes wrong between them."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from adjudge.streams import Entry, KeyRules, Observer, Retries, Subscription, Worker
from adjudge.streams.subscriptions import Single
from adjudge.streams.testing.broker import MemoryStreams
from adjudge.streams.testing.clock import Process, run
from adjudge.streams.testing.network import LATEST_SECONDS, Fate, Network
from adjudge.streams.testing.server import MemoryServer

NAME, LANES = "n", {"fast": 3, "slow": 1}
SETTLED_SECONDS = 90.0
"""By then, on the virtual clock and counted from the last fault, all must be finished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a world is like."""

    seed: int
    items: int
    keys: int
    slots: int
    workers: int
    batch: int
    concurrency: int
    single: bool
    lease_seconds: float
    slowest_seconds: float
    failing: float
    """Share of runs that fail."""
    odds: dict[Fate, float] = field(default_factory=dict)
    freezes: int = 0
    kills: int = 0
    restarts: int = 0
    """Workers that stop in good order, with others in their place."""
    clock_steps: int = 0
    vanishes: int = 0
    """Entries that an operator deletes by hand."""
    flushes: int = 0

    @property
    def ordered(self) -> bool:
        """Whether the items of a key must come in order."""
        return self.slots == 1 and not self.flushes and not self.vanishes

    @property
    def gentle(self) -> bool:
        """Nothing goes wrong that could take a lease away, so nothing is run beside itself."""
        return not (self.freezes or self.kills or self.clock_steps or self.flushes or self.odds.get(Fate.LATE))

    @property
    def calm(self) -> bool:
        """Nothing goes wrong at all."""
        return self.gentle and not self.odds and not self.restarts and not self.vanishes


def drawn(seed: int) -> Plan:
    """The plan of a seed: each fault is in some of the worlds, so that each is also met alone."""
    rng = random.Random(seed)
    calm, gentle = rng.random() < 0.1, rng.random() < 0.3
    fates = [fate for fate in Fate if fate is not Fate.WELL and not (gentle and _is_harsh(fate))]
    odds = {fate: rng.choice((0.005, 0.02, 0.05)) for fate in fates if rng.random() < 0.4}

    def some(most: int) -> int:
        return 0 if calm or gentle else rng.choice((0, 0, rng.randint(1, most)))

    return Plan(
        seed=seed,
        items=rng.randint(4, 14),
        keys=rng.choice((0, 2, 3)),
        slots=rng.choice((1, 1, 2)),
        workers=rng.randint(1, 3),
        batch=rng.randint(1, 4),
        concurrency=rng.randint(1, 3),
        single=rng.random() < 0.5,
        lease_seconds=20.0 if gentle and not calm else 1.0,
        slowest_seconds=rng.choice((0.01, 0.3, 2.5)),
        failing=rng.choice((0.0, 0.1, 0.3)),
        odds={} if calm else odds,
        freezes=some(2),
        kills=some(2),
        restarts=0 if calm else rng.choice((0, rng.randint(1, 3))),
        clock_steps=some(2),
        vanishes=0 if calm else rng.choice((0, 0, 1)),
        flushes=some(1),
    )


def _is_harsh(fate: Fate) -> bool:
    return fate in {Fate.LATE, Fate.KILLED_BEFORE, Fate.KILLED_AFTER}


class Host:
    """A worker process."""

    def __init__(self, world: "World", number: int) -> None:
        self._world = world
        self.process = Process(f"worker {number}")
        self.network = Network(random.Random(world.rng.random()), world.odds, longest_seconds=0.005)
        self.rng = random.Random(world.rng.random())
        self.stop = asyncio.Event()
        with self.process.running():
            self.task = asyncio.create_task(self._run())

    @property
    def is_up(self) -> bool:
        return self.process.alive and not self.task.done()

    async def _run(self) -> None:
        streams = MemoryStreams(self._world.server, rng=self.rng, network=self.network, process=self.process)
        subscription = self._world.subscription(self)
        worker = Worker(streams, [subscription], stop=self.stop, drain_seconds=1.0, observer=self._world.observer)
        await worker.run()


class World:
    """Runs a plan, keeps what handlers did, and says what was wrong."""

    def __init__(self, plan: Plan, told: Callable[[float, int], None]) -> None:
        self._told = told
        self.plan, self.rng = plan, random.Random(plan.seed + 1)
        self.server = MemoryServer()
        self.loop = asyncio.get_running_loop()
        self.odds = dict(plan.odds)
        self.observer = Observer()
        self.admin = MemoryStreams(self.server)
        self.hosts: list[Host] = []
        self.done: Counter[int] = Counter()
        self.vanished: set[int] = set()
        self.wrong: list[str] = []
        self._running: list[tuple[Host, str]] = []
        self._runs: Counter[Host] = Counter()

    async def live(self) -> list[str]:
        """All that was wrong, in words."""
        for _ in range(self.plan.workers):
            self._start()
        publisher = asyncio.create_task(self._publish())
        await self._trouble()
        await publisher
        self._heal()
        await asyncio.sleep(LATEST_SECONDS)
        await self._settle()
        for host in self.hosts:
            host.stop.set()
        if up := [host.task for host in self.hosts if host.process.alive]:
            done, late = await asyncio.wait(up, timeout=30)
            self.wrong += [f"a worker ended with {task.exception()!r}" for task in done if task.exception()]
            self.wrong += ["a worker does not stop"] * len(late)
        await self._judge()
        return self.wrong

    # What happens

    def _start(self) -> None:
        self.hosts.append(Host(self, len(self.hosts)))

    async def _publish(self) -> None:
        network = Network(random.Random(self.rng.random()), _without_death(self.odds), longest_seconds=0.005)
        streams = MemoryStreams(self.server, rng=random.Random(self.rng.random()), network=network)
        for item in range(self.plan.items):
            while not isinstance((await streams.publish([self.entry(item)]))[0], str):
                await asyncio.sleep(0.05)
            await asyncio.sleep(self.rng.choice((0.0, 0.02, 0.3)))

    def entry(self, item: int) -> Entry:
        key = f"k{item % self.plan.keys}" if self.plan.keys else ""
        lane = list(LANES)[(item % self.plan.keys if self.plan.keys else item) % 2]
        return Entry(NAME, lane, b"%d" % item, 1_000, key=key)

    async def _trouble(self) -> None:
        plan = self.plan
        events = [self._freeze] * plan.freezes + [self._kill] * plan.kills + [self._restart] * plan.restarts
        events += [self._step_clock] * plan.clock_steps + [self._vanish] * plan.vanishes + [self._flush] * plan.flushes
        self.rng.shuffle(events)
        for event in events:
            await asyncio.sleep(self.rng.uniform(0.0, 0.8))
            event()
            self._replace_the_dead()

    def _freeze(self) -> None:
        host = self._any_up()
        if host is not None and not host.process.frozen:
            self.loop.freeze(host.process)
            self.loop.call_later(self.rng.uniform(0.1, 3.0), self._thaw, host)

    def _thaw(self, host: Host) -> None:
        if host.process.alive:
            self.loop.thaw(host.process)

    def _kill(self) -> None:
        if (host := self._any_up()) is not None:
            self.loop.kill(host.process)

    def _restart(self) -> None:
        if (host := self._any_up()) is not None:
            host.stop.set()
            self._start()

    def _step_clock(self) -> None:
        self.server.clock_step_seconds += self.rng.uniform(-3.0, 3.0)

    def _vanish(self) -> None:
        for lane in LANES:
            found = self.server.answer(("XRANGE", f"{{{NAME}}}:{lane}", "-", "+", "COUNT", 1))
            for entry_id, fields in found:
                self.vanished.add(int(fields[1]))
                self.server.answer(("XDEL", f"{{{NAME}}}:{lane}", entry_id))

    def _flush(self) -> None:
        self.server.flush()
        for item in range(self.plan.items):  # what the publisher still remembers it sends again
            self.server_publish(item)

    def server_publish(self, item: int) -> None:
        if not self.done[item]:
            asyncio.create_task(self._republish(item))  # noqa: RUF006

    async def _republish(self, item: int) -> None:
        await self.admin.publish([self.entry(item)])

    def _any_up(self) -> Host | None:
        up = [host for host in self.hosts if host.is_up]
        return self.rng.choice(up) if up else None

    def _replace_the_dead(self) -> None:
        working = [host for host in self.hosts if host.is_up and not host.stop.is_set()]
        for _ in range(self.plan.workers - len(working)):
            self._start()

    def _heal(self) -> None:
        self.odds.clear()
        for host in self.hosts:
            host.network.odds = {}
        self._replace_the_dead()

    async def _settle(self) -> None:
        until = self.loop.time() + SETTLED_SECONDS
        while self.loop.time() < until:
            await asyncio.sleep(0.25)
            if await self._is_finished():
                return
        self.wrong.append(f"not finished after {SETTLED_SECONDS:g} s: {await self.admin.depth(NAME, list(LANES))}")

    async def _is_finished(self) -> bool:
        if not self.plan.vanishes:
            return await self.admin.oldest(NAME, list(LANES)) is None
        depth = await self.admin.depth(NAME, list(LANES))
        return not depth.delayed and not any(lane.length + lane.waiting for lane in depth.lanes.values())

    # What handlers do

    def subscription(self, host: Host) -> Subscription:
        plan = self.plan

        async def batch(messages):
            return await self._handle(host, messages)

        async def single(message):
            for error in (await self._handle(host, [message])).values():
                raise error

        return Subscription(
            name=NAME,
            lanes=LANES,
            handler=Single(single) if plan.single else batch,
            batch=plan.batch,
            prefetch=plan.batch,
            concurrency=plan.concurrency,
            lease_seconds=plan.lease_seconds,
            retries=Retries(limit=20, base_seconds=0.1, cap_seconds=1.0),
            crash_limit=20,
            keys=KeyRules(slots=plan.slots) if plan.keys else None,
        )

    async def _handle(self, host, messages):
        self._begin(host, messages)
        try:
            await asyncio.sleep(host.rng.uniform(0.0, self.plan.slowest_seconds))
        finally:
            if host.process.alive:
                self._runs[host] -= 1
                for message in messages:
                    self._running.remove((host, message.key))
        errors = {}
        for message in messages:
            if host.rng.random() < self.plan.failing:
                errors[message.id] = ValueError("bad luck")
            else:
                self._finish(int(message.body))
        return errors

    def _begin(self, host: Host, messages) -> None:
        self._runs[host] += 1
        if self._runs[host] > self.plan.concurrency:
            self.wrong.append(f"{self._runs[host]} runs at once in one worker")
        for message in messages:
            self._running.append((host, message.key))
            self._check_order(message)
        if self.plan.gentle and not self.plan.vanishes:
            counts = Counter(key for host, key in self._running if key and host.process.alive)
            self.wrong += [f"{n} of {key} at once" for key, n in counts.items() if n > self.plan.slots]

    def _check_order(self, message) -> None:
        if not (message.key and self.plan.ordered):
            return
        item = int(message.body)
        earlier = range(item % self.plan.keys, item, self.plan.keys)
        if skipped := [each for each in earlier if not self.done[each]]:
            self.wrong.append(f"item {item} began before {skipped} of its key were done")

    def _finish(self, item: int) -> None:
        self.done[item] += 1
        self._told(self.loop.time(), item)

    # What must hold at the end

    async def _judge(self) -> None:
        dead = {int(letter.body) for letter in await self.admin.dead_letters.page(NAME)}
        lost = set(range(self.plan.items)) - set(self.done) - dead - self.vanished
        if lost:
            self.wrong.append(f"lost: {sorted(lost)}")
        if self.plan.calm and (twice := [item for item, count in self.done.items() if count > 1]):
            self.wrong.append(f"run twice although nothing went wrong: {twice}")
        self._judge_keys()
        await self._judge_names()

    def _judge_keys(self) -> None:
        for key in self.server.keys.living():
            short = key.decode().removeprefix(f"{{{NAME}}}:")
            if short.startswith(("held/", "retrying")) and self.plan.vanishes:
                continue  # of what was deleted by hand: found when its key's next needs the slot, or after a day
            if short.startswith(("held/", "backlog/", "waiting/", "due/", "delayed", "retrying")):
                self.wrong.append(f"left behind: {short}")

    async def _judge_names(self) -> None:
        group = self.admin.group(NAME, list(LANES), "judge")
        await group.create()
        await group.forget_dead(-1)
        for lane in LANES:
            left = self.server.answer(("XINFO", "CONSUMERS", f"{{{NAME}}}:{lane}", "adjudge"))
            names = [dict(zip(each[::2], each[1::2], strict=True))[b"name"] for each in left]
            # What is gone stays pending until it is claimed; `nobody` is no consumer that died.
            if not self.plan.vanishes and set(names) - {b"nobody"}:
                self.wrong.append(f"consumers left behind in {lane}: {names}")


def _without_death(odds: dict[Fate, float]) -> dict[Fate, float]:
    return {fate: share for fate, share in odds.items() if fate not in {Fate.KILLED_BEFORE, Fate.KILLED_AFTER}}


def outcome_of(plan: Plan, told: Callable[[float, int], None] = lambda *_: None) -> list[str]:
    """All that was wrong in a world; the same for the same plan. `told` hears which item was done when."""

    async def live() -> list[str]:
        return await World(plan, told).live()

    try:
        return run(live, plan.seed)
    except Exception as error:  # a bug of the worker's own is wrong too
        return [f"{type(error).__name__}: {error}"]
