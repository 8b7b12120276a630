"""A statement costs more than its rows: few rows wait for the one on its way, a full batch does not."""

import asyncio

import pytest
from tests.unit.engine.flushed import NOON, Database, a_row, at_work, made

from adjudge.engine.intake import flushing
from adjudge.engine.intake.flushing import LARGEST_BATCH, Flusher
from adjudge.engine.intake.pending import Sheaf, Unstorable


@pytest.fixture
async def database():
    return Database()


@pytest.fixture
async def flusher(database):
    async with at_work(Flusher, database) as flusher:
        yield flusher


@pytest.mark.parametrize("turns", range(12))
async def test_it_ends_whenever_it_is_told_to(turns):
    """A cancellation that comes in the very turn in which it has got its connection counts as well."""

    class Slow(Database):
        async def connect(self) -> "Database":
            await asyncio.sleep(0)
            return self

    flusher = made(Flusher, Slow())
    running = asyncio.create_task(flusher.run())
    flusher.submit(a_row(0), Sheaf())
    for _ in range(turns):
        await asyncio.sleep(0)

    running.cancel()

    done, _ = await asyncio.wait([running], timeout=2)
    assert done


async def test_few_rows_wait_for_the_flush_on_its_way_and_then_go_together(flusher, database, monkeypatch):
    """Sent at once, each would pay for a statement of its own."""
    monkeypatch.setattr(flushing, "SLOW_SECONDS", 60.0)
    first, others = Sheaf(), Sheaf()
    flusher.submit(a_row(0), first)
    assert await database.statement(1) == 1
    rows = []
    for n in range(1, 10):
        rows.append(flusher.submit(a_row(n), others))
        await asyncio.sleep(0)  # whoever would take it by itself may

    database.let_go(1)

    await first.all()
    assert await database.statement(2) == len(rows)
    database.let_go(2)
    await others.all()
    assert [row.answer for row in rows] == [NOON] * len(rows)


async def test_how_far_the_database_is_behind_follows_from_its_last_flush_and_what_waits(flusher, database):
    first, rows = Sheaf(), 3 * LARGEST_BATCH
    flusher.submit(a_row(0), first)
    await database.statement(1)
    database.let_go(1)
    await first.all()
    assert flusher.seconds_behind == 0, "nothing waits"

    for n in range(rows):
        flusher.submit(a_row(n + 1), Sheaf())
    all_of_it = flusher.seconds_behind
    await database.statement(3)

    assert len(flusher) == rows - 2 * LARGEST_BATCH
    assert 0 < flusher.seconds_behind == pytest.approx(all_of_it / 3)


async def test_a_full_batch_goes_beside_the_flush_on_its_way(flusher, database, monkeypatch):
    monkeypatch.setattr(flushing, "SLOW_SECONDS", 60.0)
    flusher.submit(a_row(0), Sheaf())
    await database.statement(1)

    for n in range(LARGEST_BATCH):
        flusher.submit(a_row(n + 1), Sheaf())

    assert await database.statement(2) == LARGEST_BATCH


async def test_a_flush_that_hangs_keeps_nobody_waiting(flusher, database):
    flusher.submit(a_row(0), Sheaf())
    await database.statement(1)

    flusher.submit(a_row(1), Sheaf())

    assert await database.statement(2) == 1


async def test_those_who_arrive_in_the_same_turns_of_the_loop_go_together(flusher, database, monkeypatch):
    """Callers that were answered together come back one by one: sent at once, the first would go alone."""
    monkeypatch.setattr(flushing, "GATHER_SECONDS", 60.0)
    await come_turn_by_turn(flusher, 20)

    assert await database.statement(1) == 20


async def test_rows_that_keep_coming_hold_no_flush_back(flusher, database, monkeypatch):
    """It gathers for some milliseconds at most."""
    monkeypatch.setattr(flushing, "GATHER_SECONDS", 0.0)
    await come_turn_by_turn(flusher, 20)

    assert await database.statement(1) < 20


async def test_a_sheaf_is_waited_for_once_though_its_rows_go_in_several_flushes(flusher, database, monkeypatch):
    """Whoever is next at a row's location is called when that row is durable, not when all are."""
    monkeypatch.setattr(flushing, "SLOW_SECONDS", 60.0)
    left = []
    sheaf = Sheaf(lambda row: left.append(row.id))
    rows = [flusher.submit(a_row(n), sheaf) for n in range(LARGEST_BATCH + 1)]
    waiting = asyncio.create_task(sheaf.all())
    assert await database.statement(1) == LARGEST_BATCH

    database.let_go(1)

    assert await database.statement(2) == 1
    assert (len(left), waiting.done()) == (LARGEST_BATCH, False)
    database.let_go(2)
    await waiting
    assert left == [row.row.id for row in rows]


async def test_only_the_first_answer_of_a_row_counts(flusher, database):
    """A row that was refused alone is not answered again with its batch."""
    left = []
    sheaf = Sheaf(left.append)
    row = flusher.submit(a_row(0), sheaf)
    await database.statement(1)

    row.answered(Unstorable("refused"))
    row.answered(NOON)

    await sheaf.all()
    assert isinstance(row.answer, Unstorable)
    assert len(left) == 1


async def test_nobody_waits_for_a_sheaf_without_rows():
    await Sheaf().all()


async def come_turn_by_turn(flusher, rows):
    for n in range(rows):
        flusher.submit(a_row(n), Sheaf())
        await asyncio.sleep(0)
