"""A reader that goes on from mark to mark, in the tail and behind it, has everything that is meant for it, once."""

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from adjudge.engine.feed.tail import Entry, Found, Tail
from adjudge.store.feed import Mark, Position, Wanted
from adjudge.store.scope import SYSTEM, Scope

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
STORES = ("store-001", "store-002", "store-003")
Outcomes = list[tuple[int, int, str]]

batches = st.lists(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(STORES)), max_size=6), min_size=1, max_size=12)
scopes = st.sampled_from((SYSTEM, Scope("key", "client", STORES[:1]), Scope("key", "client", STORES[1:])))
filters = st.builds(Wanted, st.just(None), st.sampled_from((None, *STORES)))


def mark(position: Position, generation: str = "1/1") -> Mark:
    return Mark(position, NOON, generation)


def an_entry(number: int, store: str) -> Entry:
    return Entry(mark(Position(10 + number, UUID(int=number), 1)), "claim.pay", store, str(number), b"x" * 100)


def stored(entries: list[Entry], after: Mark, scope: Scope, wanted: Wanted, limit: int) -> Found:
    """What the database would say."""
    seen = [e for e in entries if e.mark.position > after.position and wanted.shows(scope, e.type, e.location)]
    taken = seen[:limit]
    head = entries[-1].mark if entries else after
    return Found(taken, taken[-1].mark if len(taken) == limit else max(head, after, key=_place), len(taken) < limit)


def _place(one: Mark) -> Position:
    return one.position


@given(
    batches=batches,
    steps=st.lists(st.booleans(), max_size=30),
    limit=st.integers(1, 5),
    most=st.sampled_from((2_500, 10**6)),
    scope=scopes,
    wanted=filters,
)
def test_nothing_is_missed_and_nothing_comes_twice(batches, steps, limit, most, scope, wanted):
    tail, after = Tail(mark(Position(10)), most_bytes=most), mark(Position(2))
    everything: list[Entry] = []
    read: list[Entry] = []

    def read_on() -> bool:
        nonlocal after
        found = tail.after(scope, wanted, after, limit) or stored(everything, after, scope, wanted, limit)
        read.extend(found.entries)
        assert found.mark.position >= after.position
        after = found.mark
        return not found.at_end

    chosen = iter(steps)
    for batch in batches:
        fresh = [an_entry(len(everything) + n, store) for n, (_, store) in enumerate(batch)]
        everything += fresh
        tail.extend(fresh, fresh[-1].mark if fresh else tail.head)
        if next(chosen, False):
            read_on()
    while read_on():
        pass

    assert read == [e for e in everything if wanted.shows(scope, e.type, e.location)]


@given(numbers=st.integers(0, 60), most=st.integers(2_500, 20_000))
def test_a_tail_has_a_bound(numbers, most):
    tail = Tail(mark(Position(10)), most_bytes=most)

    for number in range(numbers):
        entry = an_entry(number, STORES[0])
        tail.extend([entry], entry.mark)

    kept = tail.after(SYSTEM, Wanted(), mark(tail._start), 1_000)
    assert kept is not None
    assert sum(len(entry.event) for entry in kept.entries) <= most


def test_a_mark_of_another_generation_is_not_looked_for_in_the_tail():
    tail = Tail(mark(Position(10)))

    assert tail.after(SYSTEM, Wanted(), mark(Position(11), "1/2"), 10) is None
