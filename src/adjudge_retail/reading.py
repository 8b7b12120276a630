"""One table of a labelled set, as CSV (plain or gzip) or Parquet: its columns and its rows as text."""

import csv
import gzip
import importlib
import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FORMS: Final = (".csv.gz", ".csv", ".parquet")
"""Looked for in this order."""


class UnreadableSet(Exception):
    """The folder is not a labelled set, or a file of it cannot be read. The message names the file."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows have as many fields as there are columns; a missing value is the empty string."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Sequence[str], ...]

    def column(self, name: str) -> int:
        """Return the place of a column. Raises UnreadableSet."""
        if name not in self.columns:
            raise UnreadableSet(
                f"{self.path}: there is no column `{name}` (it has {', '.join(self.columns[:8]) or 'none'})"
            )
        return self.columns.index(name)

    def dicts(self) -> Iterator[dict[str, str]]:
        """Yield each row by column."""
        return (dict(zip(self.columns, row, strict=True)) for row in self.rows)


def find_table(folder: Path, name: str) -> Path | None:
    """Return the file that holds a table, whatever its form."""
    return next((path for form in FORMS if (path := folder / f"{name}{form}").is_file()), None)


def find_tables(folder: Path) -> dict[str, Path]:
    """Return all tables of a folder by name, in order of their names."""
    names = {stem_of(path) for path in folder.iterdir() if path.name.endswith(FORMS)} if folder.is_dir() else set()
    return {name: path for name in sorted(names) if (path := find_table(folder, name)) is not None}


def stem_of(path: Path) -> str:
    """Return the name of a table: its file's, without the form."""
    return next(path.name.removesuffix(form) for form in FORMS if path.name.endswith(form))


def read_table(path: Path) -> Table:
    """Read a whole table. Raises UnreadableSet."""
    try:
        columns, rows = _parquet(path) if path.suffix == ".parquet" else _csv(path)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, ValueError) as error:
        raise UnreadableSet(f"{path}: {error}") from error
    bad = next((number for number, row in enumerate(rows, start=2) if len(row) != len(columns)), None)
    if bad is not None:
        raise UnreadableSet(f"{path}:{bad}: has {len(rows[bad - 2])} fields, not {len(columns)}")
    return Table(path, columns, rows)


def _csv(path: Path) -> tuple[tuple[str, ...], tuple[Sequence[str], ...]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        columns = tuple(next(reader, ()))
        return columns, tuple(row for row in reader if row)


def _parquet(path: Path) -> tuple[tuple[str, ...], tuple[Sequence[str], ...]]:
    if importlib.util.find_spec("pyarrow") is None:
        raise UnreadableSet(f"{path}: reading Parquet needs pyarrow (`pip install pyarrow`); CSV needs nothing")
    table: Any = importlib.import_module("pyarrow.parquet").read_table(path)
    columns = [["" if value is None else str(value) for value in column.to_pylist()] for column in table.columns]
    return tuple(table.column_names), tuple(zip(*columns, strict=True))
