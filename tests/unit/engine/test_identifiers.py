"""UUIDv7: sortable, monotonic in one process, not guessable."""

import itertools
import random
from datetime import UTC, datetime, timedelta

from tests.builders import instant_of

from adjudge.engine.identifiers import Identifiers

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_an_id_is_a_version_7_uuid_of_its_instant():
    identifier = Identifiers(lambda: NOON, random.Random(1))()

    assert identifier.version == 7
    assert identifier.variant == "specified in RFC 4122"
    assert instant_of(identifier) == NOON.timestamp()


def test_ids_of_one_millisecond_are_different_and_in_order():
    new_id = Identifiers(lambda: NOON, random.Random(1))

    made = [new_id() for _ in range(5_000)]

    assert made == sorted(set(made), key=lambda identifier: identifier.int)


def test_a_clock_set_back_does_not_set_the_ids_back():
    instants = iter([NOON, NOON - timedelta(hours=1), NOON + timedelta(seconds=1)])
    new_id = Identifiers(lambda: next(instants), random.Random(1))

    first, second, third = new_id(), new_id(), new_id()

    assert first.int < second.int < third.int


def test_a_seed_repeats_the_ids():
    assert Identifiers(lambda: NOON, random.Random(7))() == Identifiers(lambda: NOON, random.Random(7))()


def test_neither_the_first_id_of_a_millisecond_nor_the_next_can_be_guessed():
    first = {Identifiers(lambda: NOON, random.Random(seed))().int for seed in range(100)}
    new_id = Identifiers(lambda: NOON, random.Random(1))
    made = [new_id().int for _ in range(100)]

    assert len(first) == 100
    assert len({after - before for before, after in itertools.pairwise(made)}) > 90


def test_a_millisecond_that_is_full_goes_on_in_the_next():
    class Highest(random.Random):
        def getrandbits(self, k: int) -> int:
            return (1 << 74) - 1 if k == 73 else (1 << k) - 1

    new_id = Identifiers(lambda: NOON, Highest())

    full, after = new_id(), new_id()

    assert after.int > full.int
    assert (after.version, instant_of(after)) == (7, NOON.timestamp() + 0.001)
