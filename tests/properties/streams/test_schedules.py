from hypothesis import given
from hypothesis import strategies as st

from adjudge.streams.schedules import Cron, Every, Missed, Schedule, due


@given(
    st.lists(st.integers(0, 200_000), min_size=1, max_size=20).map(sorted),
    st.sampled_from(Missed),
    st.sampled_from([Every(7), Every(60), Cron.parse("*/2 * * * *")]),
)
def test_however_often_one_looks_no_tick_comes_twice_or_early(looks, missed, when):
    last, published = 0, []
    for now in looks:
        found = due(Schedule(id="s", lane="standard", when=when, missed=missed), last, now)
        assert all(last < tick <= now for tick in found.ticks)
        published += found.ticks
        last = found.reached

    assert published == sorted(set(published))
    if missed is Missed.ALL:
        assert published == list(when.between(0, looks[-1]))
