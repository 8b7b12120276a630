"""Thousands of worlds, each drawn from its seed: none may lose, reorder, overrun, leak or stand still.

`pytest tests/simulation --streams-seed N` runs one again.
"""

import pytest
from tests.simulation.world import drawn, outcome_of


def explore(seeds, only):
    for seed in seeds if only is None else [only]:
        wrong = outcome_of(drawn(seed))
        assert not wrong, f"seed {seed} ({drawn(seed)}): {wrong}"


@pytest.mark.parametrize("part", range(2))
def test_no_world_loses_a_message(part, pytestconfig):
    explore(range(part * 100, part * 100 + 100), pytestconfig.getoption("--streams-seed"))


@pytest.mark.parametrize("seed", [10556, 11148, 13237])
def test_a_worker_never_keeps_what_it_does_not_handle(seed, pytestconfig):
    """Each once showed a worker that renewed the leases of messages which no runner of its would ever take."""
    explore([seed], pytestconfig.getoption("--streams-seed"))


def test_a_list_of_pending_messages_that_is_out_of_date_begins_nothing_twice(pytestconfig):
    explore([495], pytestconfig.getoption("--streams-seed"))


@pytest.mark.soak
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("part", range(8))
def test_no_world_of_many_loses_a_message(part, pytestconfig):
    explore(range(10_000 + part * 1_000, 11_000 + part * 1_000), pytestconfig.getoption("--streams-seed"))


def test_a_seed_gives_the_same_world_again():
    seeds = range(300, 303)

    assert [trace_of(seed) for seed in seeds] == [trace_of(seed) for seed in seeds]


def trace_of(seed):
    """What handlers finished, and when."""
    trace = []
    wrong = outcome_of(drawn(seed), told=lambda at, item: trace.append((at, item)))
    return trace, wrong
