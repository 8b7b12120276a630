"""Shares: who goes before the others, and who has gone often enough."""

from adjudge.engine.admission.shares import AHEAD_SECONDS, SHARED_SECONDS, Shares

RATE = 40.0


def first(shares, location, now, count, *, rate=RATE, is_crowded=True):
    """How many of so many questions of a location go first."""
    return sum(shares.goes_first(location, now, rate, is_crowded=is_crowded) for _ in range(count))


def shared(now=100.0, others=3):
    """Shares of a lane in which some locations ask little."""
    shares = Shares()
    for n in range(others):
        first(shares, f"store-{n + 2}", now, 1)
    return shares


def test_who_asks_beyond_its_share_goes_first_for_a_moment_and_then_as_its_share_grows():
    shares = shared()

    assert first(shares, "store-1", 100.0, 10) <= 1 + AHEAD_SECONDS * RATE
    assert sum(first(shares, "store-1", 100.0 + n / 20, 1) for n in range(1, 21)) == RATE / 4


def test_of_a_burst_nothing_goes_first_until_it_is_over():
    """Its share beside what others ask may be all that the decider answers: they would wait, it would gain nothing."""
    shares = shared()
    first(shares, "store-1", 100.0, 300)

    assert sum(first(shares, "store-1", 100.0 + n / 100, 10) for n in range(1, 301)) == 0
    assert first(shares, "store-1", 113.0, 2) == 2


def test_a_burst_is_behind_as_long_as_it_waits_there_itself():
    """Where it went first whenever the lane is free, others would find it crowded every second."""
    shares = shared()
    first(shares, "store-1", 100.0, 300)

    assert first(shares, "store-1", 100.5, 10, is_crowded=False) == 0
    assert first(shares, "store-2", 100.5, 1, is_crowded=False) == 1


def test_where_most_ask_much_it_is_a_busy_time_and_no_burst():
    """All would be behind each other in one line, and nobody answered soon."""
    shares = Shares()

    went = [first(shares, f"store-{n % 4}", 100.0 + n / 1_000, 1) for n in range(1_000)]

    assert sum(went) >= RATE


def test_who_asks_little_goes_first_however_slow_the_decider_is_taken_to_be():
    shares = shared()
    first(shares, "store-1", 100.0, 300)

    assert first(shares, "store-2", 100.0, 5, rate=0.1) == 5


def test_where_it_is_not_crowded_or_nobody_else_asks_all_go_first():
    assert first(shared(), "store-1", 100.0, 300, is_crowded=False) == 300
    assert first(Shares(), "store-1", 100.0, 300) == 300


def test_a_location_is_one_of_several_for_a_minute():
    """Who came before it, or comes next, finds the lane free."""
    shares = shared()
    later = shared()

    assert first(shares, "store-1", 100.0 + SHARED_SECONDS / 2, 300) < 10
    first(later, "store-1", 100.0, 1)
    assert first(later, "store-1", 100.1 + SHARED_SECONDS, 300) == 300


def test_what_was_taken_where_nobody_was_in_need_is_not_held_against_anybody():
    shares = shared()
    first(shares, "store-1", 100.0, 10_000, is_crowded=False)

    assert first(shares, "store-1", 100.0 + 2 * AHEAD_SECONDS, 1) == 1
