"""Drops data that is older than it may be kept, by whole weeks. A week that is still needed is kept."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

import structlog

from adjudge.core.counting import counted
from adjudge.core.errors import AdjudgeError
from adjudge.store import retention
from adjudge.store.connecting import Connection
from adjudge.store.retention import Kind, Week

log = structlog.get_logger()

SHORTEST: Final = timedelta(days=14)
"""Partitions of this week and the last are in use."""


class TooShort(AdjudgeError):
    """An age that would drop what is in use."""

    kind = "retention-too-short"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """How long what is kept. None: for ever. Raises TooShort."""

    decisions: timedelta | None = None
    evidence: timedelta | None = None

    def __post_init__(self) -> None:
        for age in (self.decisions, self.evidence):
            if age is not None and age < SHORTEST:
                raise TooShort(f"{counted(age.days, 'day')} is too short: at least {SHORTEST.days} must be kept")

    @classmethod
    def of_days(cls, *, decisions: int | None, evidence: int | None) -> Self:
        """Whole days; None: for ever. Raises TooShort."""
        return cls(
            decisions=None if decisions is None else timedelta(days=decisions),
            evidence=None if evidence is None else timedelta(days=evidence),
        )

    @property
    def kinds(self) -> list[tuple[Kind, timedelta]]:
        ages: list[tuple[Kind, timedelta | None]] = [("evidence", self.evidence), ("decisions", self.decisions)]
        return [(kind, age) for kind, age in ages if age is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A week that was due."""

    week: Week
    held_by: int
    """Open decisions and unsent deliveries that it was kept for; 0: it is gone."""


def log_week(each: Dropped) -> None:
    """Log what became of a week: of a keeper's run nobody reads anything else."""
    week = each.week
    if each.held_by:
        log.warning("retention.held", what=week.kind, week=str(week.monday), held_by=each.held_by)
    else:
        log.info("retention.dropped", what=week.kind, week=str(week.monday), bytes=week.bytes)


async def due(connection: Connection, ages: Ages, now: datetime) -> list[Dropped]:
    """Return what `drop_due` would do."""
    weeks = [week for kind, age in ages.kinds for week in await retention.due(connection, kind, now - age)]
    return [Dropped(week=week, held_by=await retention.holding(connection, week)) for week in weeks]


async def drop_due(
    connection: Connection, ages: Ages, now: datetime, *, by: str, report: Callable[[Dropped], None] = log_week
) -> list[Dropped]:
    """Drop the weeks that are older than their age; nothing where another run is under way.

    `report` is told of each once it is gone, or kept.
    """
    if not await retention.lock(connection):
        return []
    try:
        weeks = await due(connection, ages, now)
        for each in weeks:
            if not each.held_by:
                await retention.drop(connection, each.week, by)
            report(each)
        return weeks
    finally:
        await retention.unlock(connection)
