"""Messages in work one by one: long-lived runners take them as they become free.

A task for each message would cost more than most handlers do. So a runner is a task that handles one message after
the other, and there are as many runners as were ever needed at once, up to the limit. Leases, acknowledgements and
observation are batched: finished messages are written while the next ones run, and wait at most `LINGER_SECONDS` for
others.
"""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import copy_context

from adjudge.streams.consuming.concluding import BASE_SECONDS, CAP_SECONDS, Concluding
from adjudge.streams.consuming.finished import Finished
from adjudge.streams.consuming.holding import Holding
from adjudge.streams.consuming.lanes import Batch
from adjudge.streams.consuming.pausing import pause
from adjudge.streams.handlers.escaping import as_exception
from adjudge.streams.messages import Message
from adjudge.streams.observing import Observer
from adjudge.streams.retrying import backoff
from adjudge.streams.signals import Poison, Stall, TimedOut
from adjudge.streams.subscriptions import Subscription

LOOK_SECONDS = 0.02
"""How long a lane may go unread although it has room, because it had none when the reader last looked."""

_TURN_SECONDS = 0.005
"""After so long without a wait, runners let the rest of the process have a turn."""

_MOST_CLAIMED = 16
_LONGEST_WATCH_SECONDS = 0.5
_LEAST_SECONDS = 1.0
"""Time to write what is finished, when the time to drain is over."""

Call = Callable[[Message], Awaitable[bytes | None]]


class _Runner:
    __slots__ = ("began", "ended_late", "ends", "message", "task")

    def __init__(self) -> None:
        self.message: Message | None = None
        """In the handler's hands."""
        self.began = 0.0
        self.ended_late = False
        """Its handler was told to end, because its time was over."""
        self.ends = 0
        """How often it was itself told to end."""
        self.task: asyncio.Task[None] | None = None


class Singles:
    """Hands out what waits to a handler of single messages. `progressed` is called when some have ended."""

    def __init__(
        self,
        subscription: Subscription,
        call: Call,
        *,
        concluding: Concluding,
        holding: Holding,
        observer: Observer,
        stop: asyncio.Event,
        quarantine: asyncio.Lock,
        rng: random.Random,
        progressed: Callable[[], None],
    ) -> None:
        self._subscription, self._call, self._concluding = subscription, call, concluding
        self._lanes, self._stop, self._observer = holding.lanes, stop, observer
        self._quarantine, self._rng = quarantine, rng
        self._loop = asyncio.get_running_loop()
        self._progressed = progressed
        self._done = Finished(subscription, concluding=concluding, written=self._on_done)
        self._failed = Finished(subscription, concluding=concluding, written=self._on_failed)
        """Apart, because to bury one may take long, and those that are done must not wait for it."""
        self._runners: set[_Runner] = set()
        self._resting: deque[asyncio.Future[None]] = deque()
        self._is_rousing = False
        """A runner has been woken and has not come round yet: no need to wake another."""
        self._confirmed: deque[Message] = deque()
        """Taken over from the dead, and confirmed to be ours."""
        self._stalled = 0
        self._thirsty = False
        """The reader waits for room."""
        self._context = copy_context()
        self._wake = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._writers: list[asyncio.Task[None]] = []
        self._watcher: asyncio.Task[None] | None = None
        self.unfinished: list[Message] = []
        """Begun, but cut off by the end of the worker."""

    @property
    def ahead(self) -> int:
        """Messages of a lane that may wait in front of the handler."""
        return self._subscription.prefetch

    @property
    def stalled(self) -> bool:
        """Whether what stands behind the handler is gone."""
        return self._stalled > 0

    async def wait_for_room(self) -> None:
        """Until more can be taken in, or `wake`."""
        several = len(self._subscription.lanes) > 1
        while not self._stop.is_set() and not self._has_room():
            self._wake.clear()
            self._thirsty = True
            if self._tasks:
                self._rouse()  # what upkeep has claimed did not come by the reader, who would wait for it for ever
            if several and not self._stalled:
                await pause(self._wake, LOOK_SECONDS)
            else:
                await self._wake.wait()
        self._thirsty = False

    def wake(self) -> None:
        """The worker stops."""
        self._wake.set()

    def hand_out(self, tasks: asyncio.TaskGroup) -> None:
        """Let runners know that there may be work."""
        if self._tasks is None:
            self._begin(tasks)
        self._rouse()

    async def drain(self, seconds: float) -> None:
        """Let what runs come to its end, then cut it off; write what is finished."""
        until = self._loop.time() + seconds
        while self._resting:
            _wake(self._resting.popleft())
        if tasks := [runner.task for runner in self._runners if runner.task]:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for runner in self._runners:
                if runner.task in late:
                    runner.ends += 1
                    runner.task.cancel()
            if late:
                await asyncio.wait(late, timeout=_LEAST_SECONDS)
        await self._write_the_rest(max(_LEAST_SECONDS, until - self._loop.time()))

    async def _write_the_rest(self, seconds: float) -> None:
        for finished in (self._done, self._failed):
            finished.close()
        late = (await asyncio.wait(self._writers, timeout=seconds))[1] if self._writers else set()
        for task in (*late, *([self._watcher] if self._watcher else [])):
            task.cancel()

    def _begin(self, tasks: asyncio.TaskGroup) -> None:
        name, self._tasks = self._subscription.name, tasks
        self._writers = [tasks.create_task(each.run(), name=f"finish {name}") for each in (self._done, self._failed)]
        if self._subscription.timeout_seconds:
            self._watcher = tasks.create_task(self._watch(), name=f"watch {name}")

    def _on_done(self, count: int, seconds: float) -> None:
        self._observer.handled(self._subscription.name, count, seconds)
        self._progressed()
        self._wake.set()

    def _on_failed(self, count: int, seconds: float) -> None:
        self._observer.handled(self._subscription.name, 0, seconds)
        self._progressed()
        self._wake.set()

    def _rouse(self) -> None:
        """Wake one runner, or make one, if there is work for it."""
        if self._is_rousing or self._stalled or not (len(self._lanes) or self._confirmed):
            return
        while self._resting:
            resting = self._resting.popleft()
            if not resting.done():
                self._is_rousing = True
                resting.set_result(None)
                return
        if len(self._runners) < self._subscription.concurrency and not self._stop.is_set():
            self._is_rousing = True
            self._make_runner()

    def _make_runner(self) -> None:
        assert self._tasks is not None
        runner = _Runner()
        self._runners.add(runner)
        runner.task = self._tasks.create_task(
            self._run(runner), name=f"run {self._subscription.name}", context=self._context.copy()
        )

    def _has_room(self) -> bool:
        if self._stalled or len(self._done) + len(self._failed) >= self._subscription.prefetch:
            return False
        if self._lanes.all_closed and not self._lanes:
            return True  # the reader knows how long to wait for an opening
        return bool(self._lanes.with_room(at_least=(self._subscription.prefetch + 1) // 2))

    async def _run(self, runner: _Runner) -> None:
        """Handle one message after the other, until the worker stops, or a handler leaves its context changed.

        What one message's handler has put into context variables is nothing to the next: a new runner goes on.
        """
        self._is_rousing = False
        before = copy_context()
        turn_began = self._loop.time()
        try:
            while not self._stop.is_set() and copy_context() == before:
                found = self._next()
                if found is None:
                    await self._rest()
                    turn_began = self._loop.time()
                elif isinstance(found, Batch):
                    await self._take_over(runner, found)
                else:
                    await self._handle(runner, found)
                    if runner.began - turn_began > _TURN_SECONDS:
                        await asyncio.sleep(0)
                        turn_began = self._loop.time()
        finally:
            self._runners.discard(runner)
        self._rouse()

    def _next(self) -> Message | Batch | None:
        if self._stalled:
            return None
        found = self._confirmed.popleft() if self._confirmed else self._lanes.take_one(_MOST_CLAIMED)
        if self._thirsty and 2 * len(self._lanes) <= self._subscription.prefetch:
            self._thirsty = False
            self._wake.set()
        if not self._is_rousing and self._lanes:
            self._rouse()
        return found

    async def _rest(self) -> None:
        resting = self._loop.create_future()
        self._resting.append(resting)
        if len(self._resting) == len(self._runners):
            self._done.hurry()
            self._failed.hurry()
        await resting
        self._is_rousing = False

    async def _take_over(self, runner: _Runner, batch: Batch) -> None:
        """Begin what was taken over from a dead consumer: the suspects each alone, the others with all."""
        if not batch.suspect:
            self._confirmed += await self._concluding.still_ours(batch.lane, batch.messages, claimed=True)
            return
        async with self._quarantine:  # one in the whole process, so that only the culprit's count grows
            if batch.messages[0].crashes >= self._subscription.crash_limit:
                await self._concluding.bury(batch.lane, batch.messages, Poison(batch.messages[0].crashes))
                return
            for message in await self._concluding.still_ours(batch.lane, batch.messages, claimed=True):
                await self._handle(runner, message)

    async def _handle(self, runner: _Runner, message: Message) -> None:
        runner.began = self._loop.time()
        if runner.began > self._concluding.leases_last_until or message.expires_at is not None:
            if not await self._may_begin(message):
                return
            runner.began = self._loop.time()
        stall = await self._attempt(runner, message)
        if stall:
            await self._outlast(runner, message, stall)

    async def _may_begin(self, message: Message) -> bool:
        if self._concluding.is_expired(message):
            await self._concluding.expire(message.lane, [message])
            return False
        return bool(await self._concluding.still_ours(message.lane, [message], claimed=False))

    async def _attempt(self, runner: _Runner, message: Message) -> Stall | None:
        """Call the handler once; return why it stalled."""
        runner.message = message
        try:
            answer = await self._call(message)
        except BaseException as raised:  # whatever a handler raises is its answer about the message
            error = self._told(runner, message, raised)
            if isinstance(error, Stall):
                return error
            self._failed.failed(message, error, self._loop.time() - runner.began)
        else:
            self._done.done(message, answer, self._loop.time() - runner.began)
        finally:
            runner.message = None
            if runner.ended_late:
                self._forget_late(runner)
        return None

    def _told(self, runner: _Runner, message: Message, raised: BaseException) -> Exception:
        if runner.ended_late and isinstance(raised, asyncio.CancelledError | TimeoutError):
            return TimedOut(self._subscription.timeout_seconds or 0.0)
        try:
            return as_exception(raised)
        except BaseException:
            self.unfinished.append(message)
            raise

    async def _outlast(self, runner: _Runner, message: Message, stall: Stall | None) -> None:
        """Try a message that stalled again and again, until the world is back or the worker stops."""
        self._stalled += 1
        failures = 0
        try:
            while stall and not self._stop.is_set():
                self._observer.stalled(self._subscription.name, stall)
                await pause(self._stop, backoff(failures, BASE_SECONDS, CAP_SECONDS, self._rng))
                failures += 1
                if not self._stop.is_set():
                    runner.began = self._loop.time()
                    stall = await self._attempt(runner, message)
            if stall:
                self.unfinished.append(message)
        finally:
            self._stalled -= 1
            self._wake.set()

    async def _watch(self) -> None:
        """End handlers whose time is over; again and again those that do not heed it."""
        limit = self._subscription.timeout_seconds
        assert limit is not None
        while True:
            await asyncio.sleep(min(_LONGEST_WATCH_SECONDS, limit / 10))
            late = self._loop.time() - limit
            for runner in self._runners:
                if runner.message and runner.began < late and runner.task:
                    runner.ended_late = True
                    runner.task.cancel()

    @staticmethod
    def _forget_late(runner: _Runner) -> None:
        """Take back the requests to end that were meant for the handler, not for the runner."""
        runner.ended_late = False
        while runner.task and runner.task.cancelling() > runner.ends:
            runner.task.uncancel()


def _wake(resting: asyncio.Future[None]) -> None:
    if not resting.done():
        resting.set_result(None)
