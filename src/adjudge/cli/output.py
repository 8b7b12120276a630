"""What commands print: tables that pipes can rely on, JSON, instants, durations. Strangers' text is made harmless."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import msgspec

from adjudge.cli.cells import filled, room

NONE = "–"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    title: str
    right: bool = False
    """Figures stand to the right."""


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a line with the titles and one for each row, two spaces between columns."""
    cells = [[column.title for column in columns], *([plain(cell) for cell in row] for row in rows)]
    widths = [max(room(line[index]) for line in cells) for index in range(len(columns))]
    return [_line(columns, widths, line) for line in cells]


def entries(told: Sequence[tuple[str, str]]) -> list[str]:
    """Return a line for each name and its value, all values in one column."""
    width = max(12, *(len(name) + 1 for name, _ in told))
    return [f"{plain(name):{width}}{plain(value)}" for name, value in told]


def as_json(value: Any) -> str:
    """Return one line of JSON."""
    return msgspec.json.encode(value).decode()


def plain(text: str) -> str:
    """Return text that cannot move the cursor, recolour the terminal or break a line."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def shown(answer: Any) -> str:
    """Return an answer, or a value of the evidence, as a person reads it."""
    return plain(answer) if isinstance(answer, str) else plain(msgspec.json.encode(answer).decode())


def minute(at: datetime) -> str:
    """Return an instant to the minute, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"


def second(at: datetime) -> str:
    """Return an instant to the second, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def precise(seconds: float) -> str:
    """Return a duration that was measured: `2 ms`, `9.4 s`, `3.5 min`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else rough(seconds)


def rough(seconds: float) -> str:
    """Return a duration to plan by: `8 s`, `10 min`, `24 h`, `7 d`."""
    for unit, size, upto in (("s", 1, 60), ("min", 60, 7200), ("h", 3600, 172_800)):
        if seconds < upto:
            return f"{math.floor(seconds / size + 0.5)} {unit}"
    return f"{math.floor(seconds / 86400 + 0.5)} d"


def legible(amount: Decimal) -> Decimal:
    """Round a small cost to a tenth of a cent; below that, to two digits that say something."""
    if amount == 0:
        return amount
    digits = max(3, 1 - amount.adjusted())
    return amount.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def decimal(amount: Decimal) -> str:
    """Return an amount with its cents, and no zeros beyond."""
    whole, _, fraction = f"{amount.normalize():f}".partition(".")
    return f"{whole}.{fraction:0<2}"


def _line(columns: Sequence[Column], widths: Sequence[int], cells: Sequence[str]) -> str:
    padded = (
        filled(cell, width, right=column.right) for column, width, cell in zip(columns, widths, cells, strict=True)
    )
    return "  ".join(padded).rstrip()
