"""Admission: refused before anything is promised, and the greedy first."""

import asyncio
from collections import deque
from contextlib import suppress

import pytest

from adjudge.engine.admission.admitting import (
    BEHIND,
    BOUND_SECONDS,
    CROWDED_SECONDS,
    FOR_OTHERS,
    IN_TIME,
    LONGEST_QUEUE,
    MOST_OPEN,
    PRESSING_QUEUE,
    Admission,
    Overloaded,
)
from adjudge.engine.admission.backlogs import LEAST_RATE, LOOK_AGAIN_SECONDS, LOOKS, WINDOW_SECONDS, Length
from adjudge.engine.admission.shares import AHEAD_SECONDS
from adjudge.engine.admission.turns import AT_WORK
from adjudge.engine.intake.flushing import LONGEST_WAIT_SECONDS
from adjudge.store.measuring import LANES
from adjudge.telemetry import names


class Commit:
    """As much of the group commit as admission looks at; rows of other lanes than `bulk` go together."""

    def __init__(self) -> None:
        self.rows = {"bulk": 0, "others": 0}
        self.behind = {"bulk": 0.0, "others": 0.0}

    def waiting(self, lane: str) -> int:
        return self.rows["bulk" if lane == "bulk" else "others"]

    def seconds_behind(self, lane: str) -> float:
        return self.behind["bulk" if lane == "bulk" else "others"]


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def commit():
    return Commit()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def admission(commit, clock):
    return Admission(commit, monotonic=clock)


RATE = 200
"""Questions a second that `busy` makes a decider answer."""


def ask(admission, location="store-1", lane="standard", decider="vision@1", seconds=1_000.0):
    entered = admission.enter(lane, location, (decider,), seconds)
    admission.leave(location)
    return entered


def busy(admission, clock, seconds, lane="standard", decider="vision@1", rate=RATE):
    """Have a decider's backlog seen at work, `rate` answers a second, and so many seconds behind."""
    unfinished = round(rate * seconds)
    for second in range(2):
        admission.measured(decider, {lane: Length(unfinished, unfinished, unfinished + second * rate, 0.1)}, 10.0)
        clock.now += WINDOW_SECONDS


def test_a_quiet_system_takes_everything(admission):
    for _ in range(10_000):
        ask(admission)


def test_a_lane_beyond_its_bound_in_time_is_full(admission, clock):
    busy(admission, clock, BOUND_SECONDS["bulk"] + 0.1, lane="bulk")

    with pytest.raises(Overloaded, match=r"vision@1 is 30\.1 s behind in lane bulk") as refused:
        ask(admission, lane="bulk")

    assert 1 <= refused.value.retry_after <= 30
    ask(admission, lane="standard")


def test_a_slow_model_stands_in_nobody_elses_way(admission, clock):
    """What is put to another model in the same lane finds nothing before it."""
    busy(admission, clock, BOUND_SECONDS["realtime"] + 1, lane="realtime", decider="slow@1")

    with pytest.raises(Overloaded):
        ask(admission, lane="realtime", decider="slow@1")
    ask(admission, lane="realtime", decider="quick@1")


def test_of_several_models_the_slowest_counts(admission, clock):
    busy(admission, clock, BOUND_SECONDS["realtime"] + 1, lane="realtime", decider="slow@1")

    with pytest.raises(Overloaded, match="slow@1"):
        admission.enter("realtime", "store-1", ("quick@1", "slow@1"), 1_000.0)


def test_what_would_not_be_asked_within_its_stage_is_refused_and_not_let_in_to_fall_back(admission, clock):
    """A model that has 10 s and 9 s of work before it would be given up before it was asked."""
    busy(admission, clock, 9.0)

    with pytest.raises(Overloaded, match="behind"):
        ask(admission, seconds=10.0)
    ask(admission, seconds=9.0 / IN_TIME + 0.1)


def test_people_who_are_asked_first_have_no_backlog_of_models(admission, clock):
    busy(admission, clock, 1_000.0)

    admission.enter("standard", "store-1", (), 0.0)


def test_one_location_alone_leaves_room_for_whoever_comes_next(admission, clock):
    """Beyond half of the bound it has half of what is answered; another still finds room, and is answered in time."""
    busy(admission, clock, FOR_OTHERS * IN_TIME * 10.0 + 0.1)
    for _ in range(RATE // 2):
        ask(admission, seconds=10.0)

    with pytest.raises(Overloaded, match="behind"):
        ask(admission, seconds=10.0)
    ask(admission, "store-2", seconds=10.0)


def test_bulk_is_shed_before_standard(admission, clock):
    busy(admission, clock, 45.0, lane="bulk")
    busy(admission, clock, 45.0)

    with pytest.raises(Overloaded, match="lane bulk"):
        ask(admission, lane="bulk")
    ask(admission, lane="standard")


def test_whoever_is_refused_is_told_to_come_back_within_half_a_minute_and_is_counted(admission, commit, clock):
    refused = names.SHED.labels("bulk", "full")._value.get()
    hints = []
    commit.rows["bulk"] = LONGEST_QUEUE + 1
    for _ in range(2):
        with pytest.raises(Overloaded) as told:
            ask(admission, lane="bulk")
        hints.append(told.value.retry_after)
        busy(admission, clock, 600.0, lane="bulk")

    assert hints == [1, 30]
    assert names.SHED.labels("bulk", "full")._value.get() == refused + 2


async def test_a_backlog_that_took_in_much_is_to_be_measured_again_at_once(admission):
    """Within a second a burst of thousands would be let in for a model that answers a hundred."""
    for _ in range(round(LEAST_RATE * LOOK_AGAIN_SECONDS) - 1):
        ask(admission)
    ask(admission, decider="quick@1")
    waiting = asyncio.create_task(admission.hurried())
    await asyncio.sleep(0)
    assert not waiting.done()

    ask(admission)
    for _ in range(LOOKS):  # the last of them are not in the stream yet when it is looked at first
        assert await asyncio.wait_for(admission.hurried(), 1) == {"vision@1"}
        admission.measured("vision@1", {"standard": Length(10, 10, 100, 0.1)}, 10.0)
        admission.looked()
    assert await waiting is not None
    again = asyncio.create_task(admission.hurried())
    await asyncio.sleep(0)
    assert not again.done()
    again.cancel()


def test_a_model_that_is_asked_no_more_presses_nobody(admission, clock):
    busy(admission, clock, 10.0, decider="gone@1")
    assert admission.is_pressed()

    admission.keep({"vision@1"})

    assert not admission.is_pressed()


@pytest.mark.parametrize(("full", "lanes", "free"), [("bulk", ["bulk"], "standard"), ("others", LANES[:2], "bulk")])
def test_too_long_a_queue_for_the_database_refuses_all_that_would_join_it(admission, commit, full, lanes, free):
    """Bulk is flushed by itself: however much of it waits, the others find room, and the other way round."""
    commit.rows[full] = LONGEST_QUEUE + 1

    for lane in lanes:
        with pytest.raises(Overloaded):
            ask(admission, lane=lane)
    ask(admission, lane=free)


def test_what_a_slow_database_would_not_take_in_time_is_refused(admission, commit):
    """However few they are: nobody would be told in time that their question was accepted."""
    commit.behind["others"] = LONGEST_WAIT_SECONDS
    ask(admission)
    commit.behind["others"] = LONGEST_WAIT_SECONDS + 2.6

    with pytest.raises(Overloaded, match=r"the database is 6\.6 s behind") as refused:
        ask(admission)
    with pytest.raises(Overloaded):  # a fallback that answers is a row, too
        admission.enter_unasked("standard", "store-1")

    assert refused.value.retry_after == 7


def test_too_many_open_decisions_refuse_all(admission):
    admission.counted(MOST_OPEN + 1)

    with pytest.raises(Overloaded):
        ask(admission)


def test_behind_but_not_full_the_shares_of_what_is_answered_count(admission, clock):
    busy(admission, clock, 1.0, lane=BEHIND)
    ask(admission, "store-2", lane=BEHIND)
    for _ in range(RATE // 2):
        ask(admission, "store-1", lane=BEHIND)

    with pytest.raises(Overloaded, match="share"):
        ask(admission, "store-1", lane=BEHIND)
    ask(admission, "store-2", lane=BEHIND)


def test_a_share_is_one_of_those_who_ask_the_same_model(admission, clock):
    """The stores of another model take nothing of this one."""
    busy(admission, clock, 1.0, lane=BEHIND)
    for n in range(100):
        ask(admission, f"store-{n + 2}", lane=BEHIND, decider="quick@1")

    for _ in range(RATE):
        ask(admission, "store-1", lane=BEHIND)


def test_a_share_is_for_a_second_and_among_those_who_asked_in_it_or_the_one_before(admission, clock):
    busy(admission, clock, 1.0, lane=BEHIND)
    ask(admission, "store-2", lane=BEHIND)
    for _ in range(2):  # store-2 asks in the first second only
        for _ in range(RATE // 2):
            ask(admission, "store-1", lane=BEHIND)
        with pytest.raises(Overloaded, match="share"):
            ask(admission, "store-1", lane=BEHIND)
        clock.now += WINDOW_SECONDS

    for _ in range(RATE):
        ask(admission, "store-1", lane=BEHIND)


def test_who_was_silent_for_long_has_no_share(admission, clock):
    busy(admission, clock, 1.0, lane=BEHIND)
    ask(admission, "store-2", lane=BEHIND)
    clock.now += 5 * WINDOW_SECONDS

    for _ in range(RATE):
        ask(admission, "store-1", lane=BEHIND)


def test_what_can_be_dropped_is_dropped_long_before_anything_is_refused(admission, commit, clock):
    """Promise 6: shadows go first."""
    assert not admission.is_pressed()

    busy(admission, clock, CROWDED_SECONDS + 0.1)
    assert admission.is_pressed()
    ask(admission)

    busy(admission, clock, 0.0)
    assert not admission.is_pressed()
    commit.rows["bulk"] = PRESSING_QUEUE + 1
    assert admission.is_pressed()
    ask(admission)


def burst_beside_others(admission, clock, *, rate, burst, lasting=0.0, others=3, every=0.2, seconds=10.0):
    """Return how long the others' questions wait for a model: one store asks `burst` at once in a quiet minute.

    Or asks as many again and again, whenever the model has answered, for a `lasting` time.

    The model answers one at a time, of the lane that was served least for its weight, and is looked at as often as
    admission wants it.
    """
    step, waited = 1 / rate, []
    lines = {"standard": deque(), BEHIND: deque()}
    served, added = dict.fromkeys(lines, 0.0), dict.fromkeys(lines, 0)
    asked_at = {f"store-{n}": clock.now + n * every / others for n in range(1, others + 1)}
    begin, looked_at = clock.now, 0.0
    while clock.now < begin + seconds:
        due = [name for name, at in asked_at.items() if at <= clock.now]
        arriving = ["store-0"] * burst if begin + 2 <= clock.now < begin + 2 + max(step, lasting) else []
        for location in due + arriving:
            with suppress(Overloaded):
                lane = ask(admission, location)
                lines[lane].append((location, clock.now))
                added[lane] += 1
        for name in due:
            asked_at[name] += every
        ready = [lane for lane, line in lines.items() if line]
        if ready:
            lane = min(ready, key=served.__getitem__)
            location, at = lines[lane].popleft()
            served[lane] += {"standard": 1 / 4, BEHIND: 1}[lane]
            served.update({idle: served[lane] for idle in lines if not lines[idle] and served[idle] < served[lane]})
            if location != "store-0":
                waited.append(clock.now - at)
        if clock.now - looked_at >= 0.1:
            looked_at = clock.now
            for lane, line in lines.items():
                admission.measured("vision@1", {lane: Length(len(line), len(line), added[lane], 0.1)}, 10.0)
        clock.now += step
    return sorted(waited)


@pytest.mark.parametrize("rate", [40, 150])
@pytest.mark.parametrize("burst", [300, 2_000])
def test_the_first_burst_of_one_store_keeps_the_others_of_a_slow_model_waiting_for_no_more_than_a_moment(
    admission, clock, rate, burst
):
    """Failure row "burst beyond capacity". Without a lane behind the burst is seconds of work before everybody."""
    waited = burst_beside_others(admission, clock, rate=rate, burst=burst)

    assert waited[int(0.95 * len(waited))] <= 2 * AHEAD_SECONDS
    assert waited[-1] <= 0.5


@pytest.mark.parametrize("rate", [40, 150])
def test_beside_a_burst_that_lasts_the_others_are_answered_within_twice_the_time(commit, rate):
    """With a share for the burst, which is all that the others leave, their lane is always about to be full."""
    took = []
    for burst in (0, 25):
        clock = Clock()
        waited = burst_beside_others(Admission(commit, monotonic=clock), clock, rate=rate, burst=burst, lasting=8.0)
        took.append(waited[int(0.95 * len(waited))] + 1 / rate)

    assert took[1] <= 2.01 * took[0]


def test_what_a_location_asks_beyond_its_share_is_in_the_lane_behind_and_counts_there(admission, clock):
    ask(admission, "store-2")

    entered = [ask(admission, "store-1") for _ in range(50)]
    admission.measured("vision@1", {BEHIND: Length(5_000, 5_000, 5_000, 60.0)}, 10.0)

    assert set(entered) == {"standard", BEHIND}
    with pytest.raises(Overloaded, match="in lane bulk"):
        ask(admission, "store-1")
    assert ask(admission, "store-2") == "standard"


@pytest.mark.parametrize(("rows", "behind"), [(LONGEST_QUEUE + 1, 0.0), (0, LONGEST_WAIT_SECONDS + 1.0)])
def test_who_would_be_put_behind_the_others_is_refused_where_bulk_is_not_written_in_time(
    admission, commit, rows, behind
):
    """Its row would wait with those of bulk, whose queue was not looked at."""
    ask(admission, "store-2")
    assert BEHIND in [ask(admission, "store-1") for _ in range(300)]
    commit.rows["bulk"], commit.behind["bulk"] = rows, behind

    with pytest.raises(Overloaded):
        ask(admission, "store-1")
    assert ask(admission, "store-2") == "standard"


def test_who_was_put_behind_the_others_is_refused_only_where_there_is_no_room(admission, clock):
    """It has lost its place already; what is believed of the decider may be too little."""
    admission.measured("vision@1", {BEHIND: Length(100, 100, 100, 1.0)}, 10.0)
    ask(admission, "store-2", lane=BEHIND)
    ask(admission, "store-2")

    assert [ask(admission, "store-1") for _ in range(300)].count(BEHIND) > 250


async def test_who_waits_for_a_turn_in_vain_is_refused(admission, monkeypatch):
    monkeypatch.setattr("adjudge.engine.admission.turns.LONGEST_TURN_SECONDS", 0.01)
    ask(admission, "store-2")
    for _ in range(AT_WORK):
        admission.enter("standard", "store-1", (), 0.0)

    with pytest.raises(Overloaded, match="share"):
        await admission.turn("standard", "store-1")
    admission.leave("store-1")
    assert not admission.has_to_wait("store-2")
