from hypothesis import given
from hypothesis import strategies as st

from adjudge_retail.demo.ranking import LEAST, RARE, Cut, Judged, cut_for

judged = st.lists(st.none() | st.builds(Judged, st.floats(0, 1), st.booleans()), max_size=200)


@given(judged)
def test_a_threshold_keeps_the_target_on_what_it_rests_on(judged):
    cut = cut_for(judged)

    if cut is not None:
        accepted = [one for one in judged if one is not None and one.confidence >= cut.threshold]
        assert len(accepted) >= LEAST
        assert sum(not one.is_right for one in accepted) <= RARE * len(accepted)


def test_the_lowest_threshold_that_will_do_is_taken():
    sure, unsure = [Judged(0.96, True)] * 100, [Judged(0.6, False)] * 100

    assert cut_for(sure + unsure) == Cut(0.7, 0.5)


def test_doubt_leaves_it_to_people():
    assert cut_for([Judged(1.0, True)] * (LEAST - 1)) is None
    assert cut_for([Judged(1.0, False)] * 100) is None
    assert cut_for([None] * 100) is None
