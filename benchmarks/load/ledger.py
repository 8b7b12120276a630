"""What the database says: how many were settled when, and whether any was lost or settled twice."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

DRAIN_SECONDS: Final = 120.0
SETTLED_BETWEEN: Final = """
    SELECT count(*) FROM outcome
    WHERE version = 1 AND settled_at >= to_timestamp($1::float8) AND settled_at < to_timestamp($2::float8)
"""
ANY_OPEN: Final = "SELECT EXISTS (SELECT FROM work WHERE purpose = 'decide')"
FINALS: Final = "SELECT count(*) AS finals, count(DISTINCT decision_id) AS decisions FROM outcome WHERE kind = 'final'"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the promises held under the load."""

    accepted: int
    lost: int
    twice: int


class Ledger:
    """Reads the truth through a connection of its own, never within a timed window."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.accepted = 0
        """What all loads together were told is accepted."""

    async def settled(self, began: float, ended: float) -> int:
        """Return how many outcomes were written in a window, in seconds since the epoch."""
        return int(await self._connection.fetchval(SETTLED_BETWEEN, began, ended))

    async def drained(self) -> None:
        """Return once nothing is open. Raises TimeoutError."""
        async with asyncio.timeout(DRAIN_SECONDS):
            while await self._connection.fetchval(ANY_OPEN):  # noqa: ASYNC110  it is another process that ends it
                await asyncio.sleep(0.1)

    async def verdict(self) -> Verdict:
        """Compare what was accepted with what was settled, once all is drained."""
        row = await self._connection.fetchrow(FINALS)
        return Verdict(self.accepted, max(0, self.accepted - row["decisions"]), row["finals"] - row["decisions"])
