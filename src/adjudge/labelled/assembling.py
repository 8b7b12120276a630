"""Makes the tables of a set from those it had and the parts that an export fetched.

Rows are in order of their item's id everywhere, so that all of it streams. What an export fetches of an item
replaces whatever was known of it: assembling twice is the same as once.
"""

import csv
import gzip
import heapq
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Final

from adjudge.labelled.tables import Column, Form, Row, compressed, find_table, opened, write_rows, write_table

ITEMS: Final = "items"
ANSWERS: Final = "answers"
SCORES: Final = "scores"
SUFFIX: Final = {"csv": ".csv.gz", "parquet": ".parquet"}
PART: Final = ".part.gz"
_DECIDER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]*")
_id = itemgetter(0)


def write_part(parts: Path, number: int, table: str, rows: Iterable[Row]) -> None:
    """Write the rows of one part of a table, durably and without a header."""
    path = parts / table / f"{number:06d}{PART}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with compressed(path) as stream:
        write_rows(stream, rows)
    _make_durable(path)


def score_table(decider: str) -> str:
    """Return the name of a decider's table. Raises ValueError for a name that no decider can have."""
    if not _DECIDER.fullmatch(decider):
        raise ValueError(f"{decider!r} is not the name of a decider")
    return f"{SCORES}/{decider}"


def score_tables(parts: Path) -> list[str]:
    """Return the names of the score tables that have parts."""
    return sorted(f"{SCORES}/{folder.name}" for folder in (parts / SCORES).glob("*"))


def assemble(folder: Path, parts: Path, table: str, columns: Sequence[Column], form: Form, *, only_newer: bool) -> None:
    """Put one table together and replace it in one step; nothing where there are no parts of it.

    `only_newer`: nothing that was fetched stands in the table yet, and all of it comes after what does.
    """
    fetched = _files(parts, table)
    if not fetched:
        return
    before = find_table(folder, table)
    target = folder / f"{table}{SUFFIX[form]}"
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".new-{target.name}")
    if form == "csv" and only_newer and (before is None or _names_of(before) == [column.name for column in columns]):
        _join(fresh, columns, before, fetched)
    else:
        replaced = (row[0] for row in _rows(_files(parts, ITEMS)))
        kept = _kept(before, columns, replaced) if before else iter(())
        write_table(fresh, columns, heapq.merge(kept, _widened(_rows(fetched), len(columns)), key=_id))
    _make_durable(fresh)
    fresh.replace(target)


def _join(fresh: Path, columns: Sequence[Column], before: Path | None, fetched: Sequence[Path]) -> None:
    """Join compressed files as they are: gzip reads its members as one text."""
    if before is None:
        write_table(fresh, columns, ())
    else:
        shutil.copyfile(before, fresh)
    with fresh.open("ab") as stream:
        for file in fetched:
            with file.open("rb") as source:
                shutil.copyfileobj(source, stream, 1 << 20)


def _kept(before: Path, columns: Sequence[Column], replaced: Iterator[str]) -> Iterator[Row]:
    """Yield the rows of items that were not fetched, in the columns that the table has from now on."""
    with opened(before) as table:
        places = [table.columns.index(column.name) if column.name in table.columns else None for column in columns]
        next_id = next(replaced, None)
        for row in table.rows:
            while next_id is not None and next_id < row[0]:
                next_id = next(replaced, None)
            if row[0] != next_id:
                yield [
                    ("0" if column.kind == "number" else "") if place is None else row[place]
                    for column, place in zip(columns, places, strict=True)
                ]


def _widened(rows: Iterator[Row], width: int) -> Iterator[Row]:
    """Yield rows with a zero for every label that came up after they were written."""
    for row in rows:
        yield row if len(row) == width else [*row, *["0"] * (width - len(row))]


def _rows(files: Sequence[Path]) -> Iterator[Row]:
    for file in files:
        with gzip.open(file, "rt", encoding="utf-8", newline="") as stream:
            yield from csv.reader(stream)


def _files(parts: Path, table: str) -> list[Path]:
    return sorted((parts / table).glob(f"[0-9]*{PART}"))


def _names_of(path: Path) -> list[str]:
    with opened(path) as table:
        return list(table.columns)


def _make_durable(path: Path) -> None:
    with path.open("rb") as written:
        os.fsync(written.fileno())
