"""What waits for one decider in one lane, as a replica knows it: how far behind it is, and who takes how much of it."""

from collections import Counter
from typing import Final, NamedTuple

from adjudge.engine.admission.shares import AHEAD_SECONDS, Shares

WINDOW_SECONDS: Final = 1.0
"""In which a location's share is counted, and for how long what was crowded counts as crowded."""
LIKELY_RATE: Final = 200.0
"""Questions a second that a decider is trusted to answer until it was seen with more to do than it could."""
LEAST_RATE: Final = 50.0
"""With which it is reckoned at least, unless it was seen to answer fewer. One that hangs answers nothing, and is no
reason to refuse: what was put to it goes on to people when its time is over."""
LIKE_A_TIMEOUT: Final = 0.8
"""Of the time that a call may take: what is in work for as long ends by time-out, as likely as not."""
LEARNING_SECONDS: Final = 0.5
"""In which answers are counted at least: they come in batches."""
LEARNING_ANSWERS: Final = 10
"""So many are counted, or for so long as the next says: of few the quickest moments would be taken for the rate."""
LONGEST_LEARNING_SECONDS: Final = 2.5
TRUSTED: Final = 2.0
"""Times what it was seen to answer while nothing was left unread: with so much it will keep up, too."""
LOOK_AGAIN: Final = 100
"""Questions taken in after which what is known of a backlog is too old."""
LOOK_AGAIN_SECONDS: Final = 0.1
"""Or as many as a slower decider was seen to answer in so long."""
LOOKS: Final = 3
"""How often it is looked at then: the last of these questions are still on their way to it at first."""


class Length(NamedTuple):
    """A backlog as the broker has it."""

    unread: int
    unfinished: int
    """Those in the hands of workers included."""
    added: int
    """That ever came in."""
    oldest_seconds: float
    """Age of the oldest unfinished one; 0 if there is none."""

    @property
    def is_in_work(self) -> bool:
        """Whether some are in the hands of workers."""
        return self.unfinished > self.unread


class Backlog:
    """Questions of one lane for one decider."""

    def __init__(self) -> None:
        self.looks_due = 0
        """How often it should be measured soon."""
        self._taken = 0
        """By this replica, since it was last measured."""
        self._length = Length(0, 0, 0, 0.0)
        self._line, self._line_at = 0.0, 0.0
        """Questions that came before the next one, and when: as looked at, and as reckoned since."""
        self._rate: float | None = None
        """Questions answered a second; None: it was never seen with something to do."""
        self._believed: float | None = None
        """As seen in another lane."""
        self._mark: tuple[float, Length] | None = None
        """Since when something was left unread at every look, and from where answers are counted."""
        self._count: tuple[float, Length] | None = None
        """From where answers are counted, whether or not something was left unread."""
        self._kept_up = 0.0
        """Questions a second that it was seen to answer with nothing left unread."""
        self._shares = Shares()
        self._crowded_until = 0.0
        self._window_ends = 0.0
        self._admitted: Counter[str] = Counter()
        """By location, in the present window."""
        self._asking: set[str] = set()
        """Locations that asked in this window or the one before."""
        self.likely_rate = LEAST_RATE
        """Questions a second that it will answer in all likelihood."""
        self._look_again = LOOK_AGAIN
        self._reckon()

    @property
    def seconds_behind(self) -> float:
        """How long it will take until what nobody has read yet is answered.

        Where something was left unread, what this replica has let in since comes behind. A burst may be over in no
        time, so before anything is known of its rate, no longer than something has waited.
        """
        rate = self._believed if self._rate is None else self._rate
        if rate is not None:
            return (self._length.unread + self._taken) / rate if self._length.unread else 0.0
        return min(self._length.oldest_seconds, self._length.unread / LIKELY_RATE)

    def measured(self, length: Length, now: float, call_seconds: float) -> None:
        """Take over what the broker has. `call_seconds`: how long a call of the decider may take."""
        self._length, self._taken = length, 0
        self._line, self._line_at = float(length.unread), now
        self.looks_due = max(0, self.looks_due - 1)
        self._note_pace(now)
        if not length.unread:  # it has not enough to do to show how fast it is
            self._mark = None
        elif self._mark is None or (length.is_in_work and not self._mark[1].is_in_work):
            self._mark = (now, length)  # the time before workers began is no slowness of theirs
        else:
            self._learn(now, call_seconds, *self._mark)
        self._reckon()

    def _note_pace(self, now: float) -> None:
        since, before = self._count or (now, self._length)
        if self._count is None or now - since >= LEARNING_SECONDS:
            self._count = (now, self._length)
            seen = max(0.0, _answered(before, self._length) / max(now - since, LEARNING_SECONDS))
            self._kept_up = max(min(self._kept_up, seen), seen / TRUSTED) if self._length.unread else seen

    def enter(self, location: str, now: float) -> None:
        """Count a question in."""
        self._roll(now)
        self._asking.add(location)
        self._admitted[location] += 1
        self._taken += 1
        self._line, self._line_at = self._before(now) + 1, now
        if self._taken == self._look_again:
            self.looks_due = LOOKS

    def goes_first(self, location: str, now: float) -> bool:
        """Return whether a location's next question may come before those of the others; see Shares."""
        if self._before(now) > self.likely_rate * AHEAD_SECONDS:
            self._crowded_until = now + WINDOW_SECONDS
        return self._shares.goes_first(location, now, self.likely_rate, is_crowded=now < self._crowded_until)

    def is_asked_by_others(self, location: str, now: float) -> bool:
        """Return whether more than this location has asked lately."""
        return self._active(location, now) > 1

    def has_its_share(self, location: str, now: float, *, among: int = 1) -> bool:
        """Return whether a location has taken what it may of a window's answers, as one of `among` at least."""
        rate = LIKELY_RATE if self._rate is None else self._rate
        share = rate * WINDOW_SECONDS / max(among, self._active(location, now))
        return self._admitted[location] >= share

    def believe(self, rate: float) -> None:
        """Take over what another lane has shown of the decider; it counts until this one shows it."""
        self._believed = rate
        self._reckon()

    def _reckon(self) -> None:
        """Take what was learnt as the likely rate: each question that comes in reads it."""
        rate = self._believed if self._rate is None else self._rate
        self.likely_rate = max(LEAST_RATE, TRUSTED * self._kept_up) if rate is None else max(rate, self._kept_up)
        self._look_again = max(1, min(LOOK_AGAIN, round(self.likely_rate * LOOK_AGAIN_SECONDS)))

    def _before(self, now: float) -> float:
        """Return how many questions will be answered before the next one."""
        return max(0.0, self._line - self.likely_rate * (now - self._line_at))

    def _learn(self, now: float, call_seconds: float, since: float, before: Length) -> None:
        length, seconds = self._length, now - since
        answered = _answered(before, length)
        if seconds < LEARNING_SECONDS or not answered:
            return
        if 0 < answered < LEARNING_ANSWERS and seconds < LONGEST_LEARNING_SECONDS:
            return
        self._mark = (now, length)
        if answered > 0:  # fewer than none: the broker has lost its data, and begins again
            seen = answered / seconds
            in_work_seconds = (length.unfinished - length.unread) / seen
            if seen < LEAST_RATE and in_work_seconds > LIKE_A_TIMEOUT * call_seconds:
                seen = LEAST_RATE
            self._rate = seen if self._rate is None or seen > self._rate else 0.5 * self._rate + 0.5 * seen

    def _active(self, location: str, now: float) -> int:
        self._roll(now)
        self._asking.add(location)
        return len(self._asking)

    def _roll(self, now: float) -> None:
        if now >= self._window_ends:
            self._asking = set(self._admitted) if now < self._window_ends + WINDOW_SECONDS else set()
            self._admitted.clear()
            self._window_ends = now + WINDOW_SECONDS


def _answered(before: Length, after: Length) -> int:
    """Questions that were answered between two looks; fewer than none where the broker has lost its data."""
    return after.added - before.added + before.unfinished - after.unfinished
