"""One reviewer at work: carries out what the desk decides, and tells it what came of it."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, assert_never

from adjudge.cli.reviewing import wording
from adjudge.cli.reviewing.desk import Ask, Deliver, Desk, Effect, Effects, Release, Renew, Say, Show
from adjudge.cli.reviewing.entering import Answered, Entered, Skipped, Typing, Wrong, entered, pressed
from adjudge.client import (
    AsyncAdjudge,
    Forbidden,
    Lease,
    Overloaded,
    Problem,
    Recorded,
    Task,
    Unauthorized,
    Unavailable,
)

CLAIM_WAIT_SECONDS = 20

Happening = Callable[[float], Effects]
"""Something that happened; says, given monotonic seconds, what is to be done about it."""


class Output(Protocol):
    """Where the person sees the tasks."""

    def ask(self, line: str) -> None: ...
    def echo(self, typed: str) -> None: ...
    def end(self, typed: str) -> None: ...
    def say(self, text: str) -> None: ...


class Shift:
    """From sitting down to getting up."""

    def __init__(
        self,
        adjudge: AsyncAdjudge,
        screen: Output,
        *,
        pools: Sequence[str] | None,
        want_line: Callable[[], None] | None,
        now: Callable[[], float],
        clock: Callable[[], datetime],
    ) -> None:
        """Make a shift; `want_line` asks for one line of input, None: keys come as they are pressed."""
        self._adjudge = adjudge
        self._screen = screen
        self._pools = pools
        self._want_line = want_line
        self._now = now
        self._clock = clock
        self._desk = Desk()
        self._happenings: asyncio.Queue[Happening] = asyncio.Queue()
        self._asking: asyncio.Task[None] | None = None
        self._fatal: Problem | None = None
        self._introduced: set[str] = set()
        self._buffer = ""
        self._page = 0
        self._awaits_line = False

    async def run(self) -> None:
        """Work until the person leaves. Raises Problem where the key may not review."""
        async with asyncio.TaskGroup() as group:
            self._act(group, self._desk.begin(self._now()))
            while not self._desk.is_leaving:
                self._act(group, await self._next())
                self._ask_for_line()
            self._screen.end("")
            if self._asking is not None:
                self._asking.cancel()
        while not self._happenings.empty():  # what came of the last answers
            self._say(self._happenings.get_nowait()(self._now()))
        if self._fatal is not None:
            raise self._fatal

    def put(self, typed: str | None) -> None:
        """Take a key or a line; None: the person has left."""
        self._happenings.put_nowait(lambda now: self._typed(typed, now))

    async def _next(self) -> Effects:
        """Return what the next happening calls for, or the passing of time."""
        wakes_at = self._desk.wakes_at()
        try:
            async with asyncio.timeout(None if wakes_at is None else max(0.0, wakes_at - self._now())):
                happening = await self._happenings.get()
        except TimeoutError:
            return self._desk.ticked(self._now())
        return happening(self._now())

    def _act(self, group: asyncio.TaskGroup, effects: Effects) -> None:
        for effect in effects:
            match effect:
                case Ask():
                    self._asking = group.create_task(self._claim(effect), name="claim")
                case Deliver():
                    group.create_task(self._deliver(effect), name="deliver")
                case Release():
                    group.create_task(self._release(effect.task), name="release")
                case Renew():
                    group.create_task(self._renew(effect.task), name="renew")
                case Show():
                    self._show(effect.task)
                case Say():
                    self._screen.say(effect.text)
                case _:
                    assert_never(effect)

    def _say(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Say):
                self._screen.say(effect.text)

    def _show(self, task: Task, page: int = 0) -> None:
        self._buffer, self._page = "", page
        if task.type not in self._introduced:
            self._introduced.add(task.type)
            for line in wording.introduction(task):
                self._screen.say(line)
        for line in wording.before(task, page):
            self._screen.say(line)
        self._screen.ask(wording.prompt(task, self._clock()))

    def _typed(self, typed: str | None, now: float) -> Effects:
        self._awaits_line = False
        if self._desk.is_leaving:
            return []
        if typed is None:
            return self._desk.left(now)
        task = self._desk.shown
        if task is None:
            return self._aside(typed.strip(), now)
        self._desk.touched(now)
        if self._want_line is None:
            return self._obey(task, pressed(task, self._buffer, typed), self._buffer or typed, now)
        return self._obey(task, entered(task, typed), typed.strip(), now)

    def _obey(self, task: Task, said: Entered, typed: str, now: float) -> Effects:
        match said:
            case Typing(buffer):
                self._buffer = buffer
                self._screen.echo(buffer)
                return []
            case Wrong(why):
                self._screen.end(typed)
                self._screen.say(why)
                self._show(task, self._page)
                return []
            case "more":
                self._screen.end(typed)
                self._show(task, (self._page + 1) % wording.pages(task))
                return []
            case "undo" if self._desk.held is None:
                return self._desk.taken_back(now)
            case _:
                self._screen.end(typed)
        if isinstance(said, Answered | Skipped):
            return self._desk.decided(said, now)
        return self._desk.taken_back(now) if said == "undo" else self._desk.left(now)

    def _aside(self, typed: str, now: float) -> Effects:
        """Obey where no task is shown."""
        match typed:
            case "q" | "\x04":
                return self._desk.left(now)
            case "u":
                return self._desk.taken_back(now)
            case _:
                return []

    def _ask_for_line(self) -> None:
        """Let one line of a pipe through when there is something that it can be about."""
        is_of_use = self._desk.shown is not None or self._desk.held is not None
        if self._want_line is not None and is_of_use and not self._awaits_line:
            self._awaits_line = True
            self._want_line()

    async def _claim(self, ask: Ask) -> None:
        await asyncio.sleep(ask.after)
        try:
            claim = await self._adjudge.reviews.claim(ask.count, wait=CLAIM_WAIT_SECONDS, pools=self._pools)
        except (Unavailable, Overloaded) as problem:
            why = str(problem)
            self._happen(lambda now: self._desk.claim_failed(why))
        except Problem as problem:
            self._end(problem)
        else:
            leased = min((self._seconds_left(task.lease_until) for task in claim.tasks), default=0.0)
            self._happen(lambda now: self._desk.claimed(claim, leased, now))

    async def _deliver(self, sent: Deliver) -> None:
        await asyncio.sleep(sent.after)
        try:
            recorded = await self._send(sent)
        except (Unavailable, Overloaded) as problem:
            why = str(problem)
            self._happen(lambda now: self._desk.undelivered(sent, why))
        except (Unauthorized, Forbidden) as problem:
            self._end(problem)
        except Problem as problem:
            refusal = problem
            self._happen(lambda now: self._refused(sent, refusal, now))
        else:
            as_label = recorded is not None and recorded.recorded == "label"
            self._happen(lambda now: self._desk.delivered(sent.task, as_label=as_label))

    async def _send(self, sent: Deliver) -> Recorded | None:
        match sent.verdict:
            case Answered(answer):
                return await self._adjudge.reviews.answer(sent.task, answer, seconds=round(sent.seconds, 3))
            case Skipped(reason, note):
                await self._adjudge.reviews.decline(sent.task, reason, note)
                return None

    async def _release(self, task: Task) -> None:
        try:
            await self._adjudge.reviews.release(task)
        except Problem:
            return  # its lease ends by itself

    async def _renew(self, task: Task) -> None:
        try:
            lease: Lease = await self._adjudge.reviews.heartbeat(task)
        except (Unavailable, Overloaded):
            return  # the next heartbeat is due in a moment
        except (Unauthorized, Forbidden) as problem:
            self._end(problem)
        except Problem as problem:
            why = str(problem)
            self._happen(lambda now: self._lost(task, why, now))
        else:
            seconds = self._seconds_left(lease.lease_until)
            self._happen(lambda now: self._renewed(task, seconds, now))

    def _renewed(self, task: Task, seconds: float, now: float) -> Effects:
        self._desk.renewed(task.id, seconds, now)
        return []

    def _lost(self, task: Task, why: str, now: float) -> Effects:
        if self._desk.shown == task:  # else its prompt would stand there until the next task, and obey nothing
            self._screen.end(self._buffer)
        return self._desk.lost(task, why, now)

    def _refused(self, sent: Deliver, problem: Problem, now: float) -> Effects:
        if problem.kind == "decision-settled":
            return self._desk.overtaken(sent)
        if problem.kind == "answer-outside-space":
            return self._desk.returned(sent, str(problem), now)
        return self._desk.refused(sent, str(problem))

    def _end(self, problem: Problem) -> None:
        def leave(now: float) -> Effects:
            self._fatal = problem
            return [] if self._desk.is_leaving else self._desk.left(now)

        self._happen(leave)

    def _happen(self, happening: Happening) -> None:
        self._happenings.put_nowait(happening)

    def _seconds_left(self, until: datetime) -> float:
        return (until - self._clock()).total_seconds()
