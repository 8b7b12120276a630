"""Shares: who goes before the others, and who has gone often enough."""

from adjudge.engine.shares import AHEAD_SECONDS, SHARED_SECONDS, Shares

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


def test_a_burst_of_one_location_goes_first_for_a_moment_and_then_as_its_share_grows():
    shares = shared()

    assert first(shares, "store-1", 100.0, 300) <= 1 + AHEAD_SECONDS * RATE
    assert sum(first(shares, "store-1", 100.0 + n / 100, 10) for n in range(1, 101)) == RATE / 4


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
