"""One table of a labelled set as rows of text: CSV (plain or gzip) or Parquet, read and written in a stream.

Memory does not grow with the table: Parquet is read and written a row group at a time.
"""

import csv
import gzip
import importlib
import importlib.util
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final, Literal, TypeAlias, cast

from adjudge.core.errors import AdjudgeError

Form: TypeAlias = Literal["csv", "parquet"]
Kind: TypeAlias = Literal["text", "number", "count", "flag", "instant"]
Row: TypeAlias = Sequence[str]
"""A missing value is the empty string."""

SUFFIXES: Final = (".csv.gz", ".csv", ".parquet")
"""Looked for in this order."""
GZIP_LEVEL: Final = 4
"""Half the time of the default level for a tenth more bytes."""
COMPRESSED_BYTES: Final = 128 * 1024
GROUP_ROWS: Final = 65_536
"""Rows of a row group. The writer keeps the description of each until the end: few large ones stay small."""
BATCH_ROWS: Final = 4_096
"""Rows that are text in memory at a time."""
LONGEST_FIELD: Final = 1_000_000


class UnreadableTable(AdjudgeError):
    """A file is no table, or does not have what it should. The message names the file."""

    kind = "unreadable-table"


class ParquetMissing(AdjudgeError):
    """pyarrow is not installed."""

    kind = "parquet-missing"

    def __init__(self) -> None:
        super().__init__("Parquet needs pyarrow: pip install 'adjudge[parquet]'; CSV needs nothing")


@dataclass(frozen=True, slots=True)
class Column:
    """A column; in Parquet its kind becomes a type."""

    name: str
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """An opened table: its columns, and its rows, which can be read once."""

    path: Path
    columns: tuple[str, ...]
    numbered: Iterator[tuple[int, Row]]
    """Each with its number in the file: the header is 1, and empty ones count, though they are none."""

    @property
    def rows(self) -> Iterator[Row]:
        return (row for _, row in self.numbered)

    def place(self, name: str) -> int:
        """Return where a column stands. Raises UnreadableTable."""
        if name not in self.columns:
            raise UnreadableTable(
                f"{self.path}: there is no column {name!r} (it has {', '.join(self.columns[:8]) or 'none'})"
            )
        return self.columns.index(name)


def find_table(folder: Path, name: str) -> Path | None:
    """Return the file that holds a table, whatever its form. Raises UnreadableTable where several do."""
    found = [path for suffix in SUFFIXES if (path := folder / f"{name}{suffix}").is_file()]
    if len(found) > 1:
        raise UnreadableTable(f"{folder}: there are {' and '.join(path.name for path in found)}: which one counts?")
    return found[0] if found else None


def stem_of(path: Path) -> str:
    """Return the name of a table: its file's, without the form."""
    return next(path.name.removesuffix(suffix) for suffix in SUFFIXES if path.name.endswith(suffix))


@contextmanager
def opened(path: Path) -> Iterator[Table]:
    """Open a table for one reading. Raises UnreadableTable, ParquetMissing; while rows are read too."""
    try:
        if path.suffix == ".parquet":
            with open_parquet(path) as file:
                columns = _distinct(path, file.schema_arrow.names)
                yield Table(path, columns, enumerate(_parquet_rows(path, file), start=2))
        else:
            with _text(path, "r") as stream:
                rows = csv.reader(_without_nul(path, stream))
                columns = _distinct(path, next(rows, ()))
                yield Table(path, columns, _even(path, len(columns), rows))
    except UnicodeDecodeError as error:
        raise UnreadableTable(f"{path}:{_undecodable(path)}: this is not UTF-8") from error
    except (OSError, EOFError, csv.Error) as error:
        raise UnreadableTable(f"{path}: {error}") from error


def write_table(path: Path, columns: Sequence[Column], rows: Iterable[Row]) -> None:
    """Write a table; its form follows from the file's name."""
    if path.suffix == ".parquet":
        _write_parquet(path, columns, rows)
        return
    with _text(path, "w") as stream:
        write_rows(stream, [[column.name for column in columns]])
        write_rows(stream, rows)


def write_rows(stream: IO[str], rows: Iterable[Row]) -> None:
    """Write rows as CSV."""
    remaining = iter(rows)
    while lines := [_line(row) for row in islice(remaining, BATCH_ROWS)]:
        stream.write("".join(lines))


def compressed(path: Path) -> IO[str]:
    """Open a file for text that is to be compressed: a good deal at once, else calls cost more than compressing."""
    file = cast("io.RawIOBase", gzip.GzipFile(path, "wb", compresslevel=GZIP_LEVEL))
    return io.TextIOWrapper(io.BufferedWriter(file, COMPRESSED_BYTES), encoding="utf-8", newline="")


@contextmanager
def open_parquet(path: Path) -> Iterator[Any]:
    """Open a Parquet file. Raises ParquetMissing, UnreadableTable."""
    arrow = pyarrow()
    try:
        file = importlib.import_module("pyarrow.parquet").ParquetFile(path)
    except arrow.ArrowException as error:
        raise UnreadableTable(f"{path}: {error}") from error
    with file:
        yield file


def pyarrow() -> Any:
    """Import pyarrow: only here, and only where Parquet is asked for. Raises ParquetMissing."""
    if importlib.util.find_spec("pyarrow") is None:
        raise ParquetMissing
    return importlib.import_module("pyarrow")


def _text(path: Path, mode: Literal["r", "w"]) -> IO[str]:
    if path.suffix != ".gz":
        return path.open(mode, encoding="utf-8-sig" if mode == "r" else "utf-8", newline="")
    if mode == "r":
        return cast("IO[str]", gzip.open(path, "rt", encoding="utf-8-sig", newline=""))
    return compressed(path)


def _line(row: Row) -> str:
    """Return a row in CSV. Few need quotes, and the csv module looks for what does a character at a time."""
    line = ",".join(row)
    if len(row) > 1 and line.count(",") == len(row) - 1 and not ('"' in line or "\n" in line or "\r" in line):
        return f"{line}\n"
    quoted = io.StringIO()
    csv.writer(quoted, lineterminator="\r\n").writerow(row)  # only what may end a line is quoted
    return f"{quoted.getvalue()[:-2]}\n"


def _distinct(path: Path, columns: Sequence[str]) -> tuple[str, ...]:
    for place, name in enumerate(columns):
        if name in columns[:place]:
            raise UnreadableTable(f"{path}: column {name!r} is there twice")
    return tuple(columns)


def _undecodable(path: Path) -> int:
    """Return the number of the first line that is not UTF-8."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        for number, line in enumerate(cast("IO[bytes]", stream), start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    raise AssertionError(path)


def _without_nul(path: Path, lines: Iterable[str]) -> Iterator[str]:
    """Pass lines on. A NUL is in no text that could be stored, and mostly a sign of another encoding."""
    for number, line in enumerate(lines, start=1):
        if "\0" in line:
            raise UnreadableTable(f"{path}:{number}: there is a NUL character")
        yield line


def _even(path: Path, width: int, rows: Iterable[Row]) -> Iterator[tuple[int, Row]]:
    for number, row in enumerate(rows, start=2):
        if row:
            if len(row) != width:
                raise UnreadableTable(f"{path}:{number}: has {len(row)} fields, not {width}")
            yield number, row


def _parquet_rows(path: Path, file: Any) -> Iterator[Row]:
    arrow = pyarrow()
    for batch in file.iter_batches(batch_size=BATCH_ROWS):
        texts = []
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            try:
                texts.append(_texts(arrow, column))
            except (arrow.ArrowException, UnicodeDecodeError) as error:
                raise UnreadableTable(f"{path}: column {name!r} ({column.type}) cannot be read as text") from error
            if any("\0" in text for text in texts[-1]):
                raise UnreadableTable(f"{path}: column {name!r} has a NUL character")
        yield from zip(*texts, strict=True)


def _texts(arrow: Any, column: Any) -> list[str]:
    if arrow.types.is_timestamp(column.type):
        return [_instant(value) for value in column.to_pylist()]
    return [value or "" for value in column.cast(arrow.string()).to_pylist()]


def _instant(value: Any) -> str:
    return "" if value is None else str(value.isoformat()).replace("+00:00", "Z")


def _write_parquet(path: Path, described: Sequence[Column], rows: Iterable[Row]) -> None:
    arrow = pyarrow()
    kinds = {
        "text": arrow.string(),
        "number": arrow.float64(),
        "count": arrow.int64(),
        "flag": arrow.bool_(),
        "instant": arrow.timestamp("us", tz="UTC"),
    }
    schema = arrow.schema([(column.name, kinds[column.kind]) for column in described])

    def batch(chunk: list[Row]) -> Any:
        texts = (
            arrow.array([value or None for value in column], arrow.string()) for column in zip(*chunk, strict=True)
        )
        typed = [text.cast(field.type) for text, field in zip(texts, schema, strict=True)]
        return arrow.record_batch(typed, schema=schema)

    remaining = iter(rows)
    with importlib.import_module("pyarrow.parquet").ParquetWriter(path, schema, compression="zstd") as writer:
        while group := [batch(chunk) for chunk in _chunks(remaining, GROUP_ROWS // BATCH_ROWS)]:
            writer.write_table(arrow.Table.from_batches(group))


def _chunks(rows: Iterator[Row], most: int) -> Iterator[list[Row]]:
    """Yield the rows that come next, a batch at a time, at most so many batches."""
    for _ in range(most):
        if not (chunk := list(islice(rows, BATCH_ROWS))):
            return
        yield chunk


csv.field_size_limit(LONGEST_FIELD)
