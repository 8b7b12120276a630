"""What lies before one reviewer, and what is to be done about it. No I/O, no clock.

One task is shown, and the next is already leased. An answer is held back until the next one is given, or for two
seconds, and can be taken back until then: undo happens in the client, and the server never hears of it. Every method
returns what is to be done now; `now` is in monotonic seconds.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import TypeAlias

from adjudge.cli.reviewing.entering import Answered, Verdict
from adjudge.client import Claim, Empty, Task

AHEAD = 2
"""Tasks leased at once: the one shown and the next."""
HELD_SECONDS = 2.0
IDLE_SECONDS = 60.0
"""A longer silence than this counts as time away from work."""
AGAIN_SECONDS = 5.0
"""Before a call that failed for want of a server is made again."""
EMPTY_SECONDS = 1.0
"""Between claims that brought nothing: the server itself waits for work, unless there can be none."""
SHORTEST_RENEWAL, LONGEST_RENEWAL = 2.0, 15.0
"""Bounds between heartbeats: our clock may be off from the server's."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Claim up to `count` tasks, `after` seconds from now."""

    count: int
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Deliver:
    """Send a verdict, with the seconds at work it took, `after` seconds from now."""

    task: Task
    verdict: Verdict
    seconds: float
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Release:
    """Give a task back unseen."""

    task: Task


@dataclass(frozen=True, slots=True)
class Renew:
    """Renew the lease of a task."""

    task: Task


@dataclass(frozen=True, slots=True)
class Show:
    """Put a task before the person."""

    task: Task


@dataclass(frozen=True, slots=True)
class Say:
    """Tell the person."""

    text: str


Effect: TypeAlias = Ask | Deliver | Release | Renew | Show | Say
Effects: TypeAlias = list[Effect]


@dataclass(frozen=True, slots=True)
class Held:
    """A verdict that can still be taken back."""

    task: Task
    verdict: Verdict
    until: float


@dataclass(slots=True)
class Desk:
    """The state of one reviewer's work."""

    shown: Task | None = None
    next: deque[Task] = field(default_factory=deque)
    held: Held | None = None
    is_asking: bool = False
    is_leaving: bool = False
    _said: str = ""
    _touched: float = 0.0
    _active: dict[str, float] = field(default_factory=dict)
    _renew_at: dict[str, float] = field(default_factory=dict)

    def begin(self, now: float) -> Effects:
        """Sit down."""
        return self._go_on(now)

    def claimed(self, claim: Claim, lease_seconds: float, now: float) -> Effects:
        """Take what a claim brought; each lease lasts `lease_seconds` from now."""
        self.is_asking = False
        if self.is_leaving:
            return [Release(task) for task in claim.tasks]
        self.next += claim.tasks
        for task in claim.tasks:
            self.renewed(task.id, lease_seconds, now)
        if not claim.tasks:
            return [*self._say_empty(claim.empty), *self._ask(EMPTY_SECONDS)]
        return self._go_on(now)

    def claim_failed(self, why: str) -> Effects:
        """Try again later: the server could not be asked."""
        self.is_asking = False
        return [] if self.is_leaving else [*self._say_once(why), *self._ask(AGAIN_SECONDS)]

    def touched(self, now: float) -> None:
        """Count the time since the last key as time at work, unless it was too long for that."""
        if self.shown is not None:
            spent = min(now - self._touched, IDLE_SECONDS)
            self._active[self.shown.id] = self._active.get(self.shown.id, 0.0) + spent
        self._touched = now

    def decided(self, verdict: Verdict, now: float) -> Effects:
        """Hold the verdict on the task shown, send the one held before, show the next task."""
        if self.shown is None:
            return []
        self.touched(now)
        delivered = self._deliver_held()
        self.held, self.shown = Held(self.shown, verdict, now + HELD_SECONDS), None
        return [*delivered, *self._go_on(now)]

    def taken_back(self, now: float) -> Effects:
        """Show the task of the held verdict again; what was shown comes after it."""
        if self.held is None:
            return [Say("nothing to take back: the last answer has been sent")]
        self.touched(now)
        if self.shown is not None:
            self.next.appendleft(self.shown)
        self.shown, self.held = self.held.task, None
        return [Show(self.shown)]

    def left(self, now: float) -> Effects:
        """Get up: what was answered is sent, all else given back."""
        self.touched(now)
        self.is_leaving = True
        given_back = [Release(task) for task in (self.shown, *self.next) if task is not None]
        self.shown = None
        self.next.clear()
        self._renew_at.clear()
        return [*self._deliver_held(), *given_back]

    def ticked(self, now: float) -> Effects:
        """Do what time alone calls for: send a verdict held long enough, renew leases."""
        effects: Effects = []
        if self.held is not None and now >= self.held.until:
            effects += self._deliver_held()
        for task in self._leased():
            if now >= self._renew_at.get(task.id, now + 1):
                self._renew_at[task.id] = now + SHORTEST_RENEWAL  # until the answer to the heartbeat says more
                effects.append(Renew(task))
        return effects

    def wakes_at(self) -> float | None:
        """Return when `ticked` has something to do."""
        times = [self._renew_at[task.id] for task in self._leased() if task.id in self._renew_at]
        if self.held is not None:
            times.append(self.held.until)
        return min(times, default=None)

    def renewed(self, task_id: str, lease_seconds: float, now: float) -> None:
        """Remember when to send the next heartbeat."""
        self._renew_at[task_id] = now + min(max(lease_seconds / 3, SHORTEST_RENEWAL), LONGEST_RENEWAL)

    def lost(self, task: Task, why: str, now: float) -> Effects:
        """Put away a task whose lease has ended."""
        self._forget(task)
        if self.held is not None and self.held.task.id == task.id:
            self.held = None
            return [Say(f"your answer to {task.type} was not sent: {why}")]
        if self.shown is not None and self.shown.id == task.id:
            self.shown = None
            return [Say(f"{task.type} is no longer before you: {why}"), *self._go_on(now)]
        self.next = deque(other for other in self.next if other.id != task.id)
        return self._ask()

    def delivered(self, task: Task, *, as_label: bool) -> Effects:
        """Put away a task that is done."""
        self._forget(task)
        return [Say(f"{task.type}: settled meanwhile; your answer was kept as a label")] if as_label else []

    def overtaken(self, sent: Deliver) -> Effects:
        """Put away a task whose decision was settled first: an answer is a label, a skip came to nothing."""
        if isinstance(sent.verdict, Answered):
            return self.delivered(sent.task, as_label=True)
        self._forget(sent.task)
        return [Say(f"{sent.task.type}: settled meanwhile; there was nothing left to skip")]

    def refused(self, sent: Deliver, why: str) -> Effects:
        """Say that a verdict was not taken, and cannot be."""
        self._forget(sent.task)
        return [Say(f"{_said(sent)} was not taken: {why}")]

    def returned(self, sent: Deliver, why: str, now: float) -> Effects:
        """Show a task again whose answer is none that may be given: it is still this person's."""
        if self.is_leaving:
            return self.refused(sent, why)
        self.next.appendleft(sent.task)
        self._renew_at[sent.task.id] = now
        return [Say(f"{_said(sent)} was not taken: {why}"), *self._go_on(now)]

    def undelivered(self, sent: Deliver, why: str) -> Effects:
        """Send a verdict again later, unless the person has left."""
        if self.is_leaving:
            return [Say(f"{_said(sent)} was not sent: {why}")]
        return [*self._say_once(why), Deliver(sent.task, sent.verdict, sent.seconds, AGAIN_SECONDS)]

    def _go_on(self, now: float) -> Effects:
        effects: Effects = []
        if self.shown is None and self.next:
            self.shown, self._said, self._touched = self.next.popleft(), "", now
            effects.append(Show(self.shown))
        return [*effects, *self._ask()]

    def _ask(self, after: float = 0.0) -> Effects:
        wanted = AHEAD - len(self.next) - (self.shown is not None)
        if self.is_asking or self.is_leaving or wanted <= 0:
            return []
        self.is_asking = True
        return [Ask(wanted, after)]

    def _deliver_held(self) -> Effects:
        held, self.held = self.held, None
        return [] if held is None else [Deliver(held.task, held.verdict, self._active.get(held.task.id, 0.0))]

    def _say_empty(self, empty: Empty | None) -> Effects:
        if self.shown is not None or empty is None:
            return []
        reason = _WHY_EMPTY.get(empty.reason, empty.reason)
        return self._say_once(f"{reason} ({empty.detail})" if empty.detail else reason)

    def _say_once(self, text: str) -> Effects:
        if text == self._said:
            return []
        self._said = text
        return [Say(text)]

    def _leased(self) -> list[Task]:
        held = self.held.task if self.held else None
        return [task for task in (held, self.shown, *self.next) if task is not None]

    def _forget(self, task: Task) -> None:
        self._active.pop(task.id, None)
        self._renew_at.pop(task.id, None)


def _said(sent: Deliver) -> str:
    return f"your {'answer to' if isinstance(sent.verdict, Answered) else 'skip of'} {sent.task.type}"


_WHY_EMPTY = {
    "none_waiting": "nothing to review; waiting, Ctrl-C ends",
    "all_leased": "others are at work on all that waits; waiting, Ctrl-C ends",
    "wrong_pool": "tasks wait, but not for your pools; waiting, Ctrl-C ends",
    "paused": "the pool is paused; waiting, Ctrl-C ends",
    "all_seen": "you have answered all that waits; waiting, Ctrl-C ends",
}
