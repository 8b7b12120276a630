"""When keepers look at all that is due."""

import pytest

from adjudge.engine.keeping.timers import rest_seconds


@pytest.mark.parametrize(("took", "rest"), [(0.0, 5), (0.1, 5), (0.5, 25), (10, 60)])
def test_passes_over_all_that_is_due_take_a_small_part_of_the_time(took, rest):
    assert rest_seconds(took) == rest
