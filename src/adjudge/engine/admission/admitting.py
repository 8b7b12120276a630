"""Admission: decided before the insert, from what each replica knows already.

Each lane of a decider is bounded in time: what nobody has read yet, divided by how fast it is answered, and not
more than the question's first stage may take. Where several locations ask a decider, what one of them asks beyond its
share is put in the lane behind, so that the others' questions come first; what finds no room there is refused.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Final

from adjudge.core.errors import AdjudgeError
from adjudge.engine.admission.backlogs import Backlog, Length
from adjudge.engine.admission.turns import LONGEST_TURN_SECONDS, TIMES_IN_BULK, Turns
from adjudge.engine.intake.flushing import LARGEST_BATCH, LONGEST_WAIT_SECONDS
from adjudge.engine.intake.group_commit import BULK, GroupCommit
from adjudge.telemetry import names

BOUND_SECONDS: Final[Mapping[str, float]] = {"realtime": 15.0, "standard": 60.0, "bulk": 30.0}
"""How far a lane may be behind; bulk is shed before standard."""
BEHIND: Final = BULK
"""The lane of what a location asks beyond its share: it has its turns between what the others ask."""
CROWDED_SECONDS: Final = 0.25
"""How far behind a lane is when shares begin to count."""
IN_TIME: Final = 0.8
"""Of the time that the models of a first stage have, what may pass before they are asked."""
FOR_OTHERS: Final = 0.5
"""Of the bound, what one location may fill by itself: who comes next finds room, and is answered in time."""
TOO_MUCH: Final = "this location takes more than its share"
MOST_OPEN: Final = 500_000
"""Hard bound of decisions that wait for models."""
LONGEST_QUEUE: Final = 20 * LARGEST_BATCH
"""Rows that wait for a flush."""
PRESSING_QUEUE: Final = 5 * LARGEST_BATCH
"""Rows that wait for a flush while nothing is asked on the side any more."""


class Overloaded(AdjudgeError):
    """More is asked than can be answered in time."""

    kind = "overloaded"

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Admission:
    """Refuses before anything is promised."""

    def __init__(self, commit: GroupCommit, *, monotonic: Callable[[], float]) -> None:
        self._commit = commit
        self._monotonic = monotonic
        self._backlogs: dict[tuple[str, str], Backlog] = {}
        """By decider and lane."""
        self._hurry = asyncio.Event()
        """Some backlog has taken in so much that what is known of it is too old."""
        self._turns = Turns()
        self._open = 0

    def measured(self, decider: str, lengths: Mapping[str, Length], call_seconds: float) -> None:
        """Take over how long a decider's backlogs are, by lane, and how long its calls may take."""
        now = self._monotonic()
        for lane, length in lengths.items():
            if (decider, lane) in self._backlogs or length.unfinished:
                self._backlog(decider, lane).measured(length, now, call_seconds)

    def keep(self, deciders: Set[str]) -> None:
        """Forget the backlogs of all others: nobody is put to them any more."""
        self._backlogs = {key: backlog for key, backlog in self._backlogs.items() if key[0] in deciders}

    def looked(self) -> None:
        """All that was to be measured has been."""
        if not any(backlog.looks_due for backlog in self._backlogs.values()):
            self._hurry.clear()

    def counted(self, waiting: int) -> None:
        """Take over how many decisions wait for models, as the database has it."""
        self._open = waiting

    async def hurried(self) -> Set[str]:
        """Wait until deciders should be measured soon; return which."""
        await self._hurry.wait()
        return {decider for (decider, _), backlog in self._backlogs.items() if backlog.looks_due}

    def seconds_behind(self, lane: str, deciders: Sequence[str]) -> float:
        """Return how long the slowest of these deciders will take for what it has in a lane."""
        return max((self._backlog(decider, lane).seconds_behind for decider in deciders), default=0.0)

    def is_pressed(self) -> bool:
        """Return whether what is served has begun to wait: whatever else there is to do has to go first."""
        return any(self._commit.waiting(lane) > PRESSING_QUEUE for lane in BOUND_SECONDS) or any(
            backlog.seconds_behind > CROWDED_SECONDS for backlog in self._backlogs.values()
        )

    def enter(self, lane: str, location: str, deciders: Sequence[str], seconds: float) -> str:
        """Count a question in, until it leaves, and return the lane in which it is: its own, or the one behind.

        Raises Overloaded, and then it has not entered.

        `deciders`: whom it is put to first, and `seconds` is how long these may take.
        """
        now = self._note(location)
        self._check_queue(lane, LONGEST_QUEUE, deciders)
        is_behind = lane != BEHIND and self._goes_behind(lane, location, deciders, now)
        if is_behind:
            lane = BEHIND
            self._check_queue(lane, LONGEST_QUEUE, deciders)
        bound = min(BOUND_SECONDS.get(lane, 15.0), IN_TIME * seconds)
        backlogs = [self._backlog(decider, lane) for decider in deciders]
        for decider, backlog in zip(deciders, backlogs, strict=True):
            if backlog.seconds_behind > CROWDED_SECONDS:
                self._check(f"{decider} is {backlog.seconds_behind:.1f} s behind", lane, backlog, location, bound, now)
                if not is_behind:
                    self._check_share(lane, backlog, location, now)
        for backlog in backlogs:
            backlog.enter(location, now)
            if backlog.looks_due:
                self._hurry.set()
        self._turns.begin(location)
        return lane

    def enter_unasked(self, lane: str, location: str) -> None:
        """Count in a question that its fallback answers, and that takes no room in the lane. Raises Overloaded."""
        self._note(location)
        self._check_queue(lane, PRESSING_QUEUE)
        names.SHED.labels(lane, "fallback").inc()
        self._turns.begin(location)

    def leave(self, location: str) -> None:
        """Its row is durable, or was refused: who waits for a turn may come."""
        self._turns.end(location)

    def has_to_wait(self, location: str, *, in_bulk: bool = False) -> bool:
        """Return whether a question must wait for its location's turn; alone a location never has to."""
        return self._turns.has_to_wait(location, TIMES_IN_BULK if in_bulk else 1)

    async def turn(self, lane: str, location: str, *, in_bulk: bool = False) -> None:
        """Wait until the location may have one more on its way. Raises Overloaded."""
        if not await self._turns.come(location, TIMES_IN_BULK if in_bulk else 1):
            self._refuse(lane, "share", TOO_MUCH, LONGEST_TURN_SECONDS)

    def _goes_behind(self, lane: str, location: str, deciders: Sequence[str], now: float) -> bool:
        """Return whether one of these deciders should be asked by the others of the lane first."""
        is_behind = False
        for decider in deciders:
            backlog = self._backlog(decider, lane)
            if not backlog.goes_first(location, now):
                self._backlog(decider, BEHIND).believe(backlog.likely_rate)
                is_behind = True
        return is_behind

    def _check_queue(self, lane: str, longest: int, deciders: Sequence[str] = ()) -> None:
        """Refuse what would wait too long to be written, or where too much is open. Raises Overloaded."""
        if self._open > MOST_OPEN or self._commit.waiting(lane) > longest:
            self._refuse(lane, "full", "more is open than can be answered", self.seconds_behind(lane, deciders))
        if (late := self._commit.seconds_behind(lane)) > LONGEST_WAIT_SECONDS:
            self._refuse(lane, "full", f"the database is {late:.1f} s behind", late)

    def _check(self, state: str, lane: str, backlog: Backlog, location: str, bound: float, now: float) -> None:
        """Refuse what would not be answered in time, or leave no room for others. Raises Overloaded."""
        behind = backlog.seconds_behind
        if behind > bound or (behind > FOR_OTHERS * bound and backlog.has_its_share(location, now, among=2)):
            self._refuse(lane, "full", f"{state} in lane {lane}", behind)

    def _check_share(self, lane: str, backlog: Backlog, location: str, now: float) -> None:
        """Refuse who has its share; who was put behind the others has lost its place already. Raises Overloaded."""
        if backlog.is_asked_by_others(location, now) and backlog.has_its_share(location, now):
            self._refuse(lane, "share", TOO_MUCH, backlog.seconds_behind)

    def _backlog(self, decider: str, lane: str) -> Backlog:
        found = self._backlogs.get((decider, lane))
        if found is None:
            found = self._backlogs[decider, lane] = Backlog()
        return found

    def _note(self, location: str) -> float:
        """Remember that a location asks; return the time."""
        now = self._monotonic()
        self._turns.note(location, now)
        return now

    def _refuse(self, lane: str, why: str, detail: str, behind: float) -> None:
        names.SHED.labels(lane, why).inc()
        raise Overloaded(detail, retry_after=max(1, min(30, round(behind))))
