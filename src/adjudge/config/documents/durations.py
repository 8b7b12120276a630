"""Durations as configuration writes them and people read them: `10m`, `10 min`."""

import re
from datetime import timedelta
from typing import Final

_WRITTEN: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h|d)")
_MILLISECONDS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_SHOWN: Final = {"d": "d", "h": "h", "m": "min", "s": "s", "ms": "ms"}


def parse_duration(text: str) -> timedelta:
    """Read `500ms`, `2s`, `10m`, `24h`, `7d`: at least a millisecond. Raises ValueError."""
    written = _WRITTEN.fullmatch(text)
    milliseconds = float(written[1]) * _MILLISECONDS[written[2]] if written else 0
    if milliseconds < 1:
        raise ValueError(f"`{text}` is not a duration, such as 500ms, 2s, 10m, 24h or 7d")
    return timedelta(milliseconds=milliseconds)


def show_duration(duration: timedelta) -> str:
    """Write the largest units that are exact: `10 min`, `24 h`, `90 s`; a day or less never in days."""
    milliseconds = round(duration / timedelta(milliseconds=1))
    units = ("d", "h", "m", "s", "ms") if milliseconds > _MILLISECONDS["d"] else ("h", "m", "s", "ms")
    unit = next(unit for unit in units if milliseconds % _MILLISECONDS[unit] == 0)
    return f"{milliseconds // _MILLISECONDS[unit]} {_SHOWN[unit]}"
