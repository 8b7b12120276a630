"""Writes the live record as a labelled set: incremental, and resumable after every part.

A run collects what has changed since the one before, fetches it in parts of bounded size, and then puts the
tables together. Killed at any moment, the next run goes on from the last part; memory does not grow with what is
exported.
"""

import asyncio
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from uuid import UUID

from adjudge.core.errors import AdjudgeError
from adjudge.labelled.assembling import ANSWERS, ITEMS, assemble, score_table, score_tables, write_part
from adjudge.labelled.progress import PARTS, Progress, Run, held, resumed, save
from adjudge.labelled.rows import (
    ANSWER_COLUMNS,
    ITEM_COLUMNS,
    answer_row,
    item_row,
    labels_of,
    score_columns,
    score_rows,
    union,
)
from adjudge.labelled.tables import Column, Form, Row, pyarrow, write_table
from adjudge.store import extracting
from adjudge.store.connecting import Connection
from adjudge.store.extracting import Page, Recorded, Said, Wanted, recorded

PART_ROWS: Final = 10_000
"""Decisions of a part: what is in memory, and what a killed run does again."""


class UnknownType(AdjudgeError):
    """Nothing was ever asked of this question type: its name is misspelt."""

    kind = "unknown-type"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What a run did."""

    decisions: int
    """New or changed since the run before."""
    labels: int
    deciders: tuple[str, ...]
    resumed: bool


async def export(
    connection: Connection,
    folder: Path,
    wanted: Wanted,
    form: Form,
    *,
    report: Callable[[int, int], None],
    part_rows: int = PART_ROWS,
) -> Exported:
    """Bring the folder up to date; `report` is told (done, of how many) after each part.

    Raises UnknownType, UnsuitableFolder, ParquetMissing.
    """
    if form == "parquet":
        pyarrow()
    if wanted.type not in (known := await extracting.types(connection)):
        raise UnknownType(f"no decision of type {wanted.type!r} is on record; there are {', '.join(known) or 'none'}")
    with held(folder):
        progress = resumed(folder, wanted, form)
        is_resumed = progress.run is not None
        count, run = await _begun(connection, folder, progress)
        if not run.assembling:
            await _fetch(connection, folder, progress, run, count, report, part_rows)
        deciders = await asyncio.to_thread(_finish, folder, progress, run)
    return Exported(decisions=count, labels=len(run.labels), deciders=deciders, resumed=is_resumed)


async def _begun(connection: Connection, folder: Path, progress: Progress) -> tuple[int, Run]:
    """Collect what has changed; return how much, and the run that fetches it."""
    if progress.run is not None:  # the same decisions again: both marks are on record
        return await extracting.collect(connection, progress.wanted, progress.mark, progress.run.high), progress.run
    shutil.rmtree(folder / PARTS, ignore_errors=True)
    high = await extracting.mark(connection)
    count = await extracting.collect(connection, progress.wanted, progress.mark, high)
    labels = progress.labels
    async for space in extracting.spaces(connection):
        labels = union(labels, labels_of(space) or ())
    progress.run = Run(high=high, labels=labels)
    save(folder, progress)
    return count, progress.run


async def _fetch(
    connection: Connection,
    folder: Path,
    progress: Progress,
    run: Run,
    count: int,
    report: Callable[[int, int], None],
    part_rows: int,
) -> None:
    """Write part after part; the next is fetched while one is written."""
    page = await extracting.page(connection, run.after, part_rows)
    while page is not None:
        async with asyncio.TaskGroup() as group:
            following = group.create_task(extracting.page(connection, page.last, part_rows), name="fetch")
            group.create_task(asyncio.to_thread(_write, folder / PARTS, run, page), name="write")
        run.after, run.parts = page.last, run.parts + 1
        save(folder, progress)
        report(run.decisions, count)
        page = following.result()


def _write(parts: Path, run: Run, page: Page) -> None:
    """Write a part of every table."""
    found, said = list(recorded(page)), list(extracting.said(page))
    if not found:  # its week was dropped meanwhile
        return
    run.first = run.first or UUID(found[0].id)
    run.decisions += len(found)
    labels = union(run.labels, _unlisted(found, said))
    run.grown |= len(labels) > len(run.labels)
    run.labels = labels
    scores: dict[str, list[Row]] = defaultdict(list)
    for each in found:
        for decider, row in score_rows(each, labels):
            scores[decider].append(row)
    write_part(parts, run.parts, ITEMS, [item_row(each, labels) for each in found])
    if said:
        write_part(parts, run.parts, ANSWERS, map(answer_row, said))
    for decider, rows in scores.items():
        write_part(parts, run.parts, score_table(decider), rows)


def _unlisted(found: Sequence[Recorded], said: Sequence[Said]) -> Iterator[str]:
    """Yield the answers to questions whose space lists none: they are their labels."""
    open_ended = {each.id for each in found if labels_of(each.space) is None}
    for each in found:
        if each.id in open_ended:
            yield from filter(None, (each.answer, each.truth))
    yield from (each.answer for each in said if each.decision_id in open_ended)


def _finish(folder: Path, progress: Progress, run: Run) -> tuple[str, ...]:
    """Put the tables together; return the deciders among them."""
    parts = folder / PARTS
    is_newer = run.first is not None and run.first > progress.last and not run.assembling
    run.assembling = True
    save(folder, progress)
    put = partial(assemble, folder, parts, form=progress.form, only_newer=is_newer and not run.grown)
    write_table(folder / f"labels.{progress.form}", [Column("label")], ((label,) for label in run.labels))
    put(ITEMS, ITEM_COLUMNS)
    put(ANSWERS, ANSWER_COLUMNS)
    deciders = score_tables(parts)
    for table in deciders:
        put(table, score_columns(run.labels))
    progress.mark, progress.labels, progress.last = run.high, run.labels, max(progress.last, run.after)
    progress.run = None
    save(folder, progress)
    shutil.rmtree(parts, ignore_errors=True)
    return tuple(table.rpartition("/")[2] for table in deciders)
