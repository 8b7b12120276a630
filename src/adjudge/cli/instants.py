"""Instants as a person types them: `7d` ago, or a date."""

import re
from datetime import UTC, datetime, timedelta

import typer

_AGO = re.compile(r"(\d{1,6})(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def instant(text: str, now: datetime) -> datetime:
    """Read `7d`, `2026-12-01` or `2026-12-01T18:00:00Z`; without an offset it is UTC. Raises BadParameter."""
    if ago := _AGO.fullmatch(text):
        return now - timedelta(seconds=int(ago[1]) * _SECONDS[ago[2]])
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither a time ago (7d, 12h) nor an instant (2026-12-01)") from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def ahead(text: str, now: datetime) -> datetime:
    """Read `10m` from now, or an instant. Raises BadParameter."""
    if lasts := _AGO.fullmatch(text):
        return now + timedelta(seconds=int(lasts[1]) * _SECONDS[lasts[2]])
    try:
        return instant(text, now)
    except typer.BadParameter:
        raise typer.BadParameter(f"{text!r} is neither a time from now (10m, 2h) nor an instant (2026-12-01)") from None


def lasting(text: str | None) -> float | None:
    """Read `30m`, `2h` as seconds; None: nothing was said. Raises BadParameter."""
    if text is None:
        return None
    read = _AGO.fullmatch(text)
    if read is None or not int(read[1]):
        raise typer.BadParameter(f"{text!r} is no duration (30m, 2h)")
    return float(int(read[1]) * _SECONDS[read[2]])
