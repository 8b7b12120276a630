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
