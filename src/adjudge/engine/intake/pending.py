"""Rows on their way to the database: who waits for them, and what came of each."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeAlias

import msgspec

from adjudge.core.errors import AdjudgeError
from adjudge.engine.slips import Slip
from adjudge.store.intake import NewDecision, Replayed
from adjudge.streams import Entry


class Unavailable(AdjudgeError):
    """PostgreSQL does not answer: nothing is acknowledged."""

    kind = "unavailable"


class Unstorable(AdjudgeError):
    """PostgreSQL refuses the row although the edge let it through."""

    kind = "unstorable"


Answer: TypeAlias = datetime | Replayed | AdjudgeError
"""When the question was asked, once its row is durable; or the decision that holds its key; or why it was refused."""


class Sheaf:
    """Rows that one caller waits for together: one wait, however many they are."""

    def __init__(self, answered: Callable[[NewDecision], None] = lambda _: None) -> None:
        self._answered = answered
        self._open = 0
        """Rows without answer."""
        self._all: asyncio.Future[None] | None = None

    async def all(self) -> None:
        """Return once every row has its answer."""
        if self._open:
            self._all = asyncio.get_running_loop().create_future()
            await self._all

    def take_in(self) -> None:
        """Count in one more row."""
        self._open += 1

    def answered(self, row: NewDecision) -> None:
        """A row has its answer."""
        self._open -= 1
        self._answered(row)
        if not self._open and self._all is not None and not self._all.done():  # done: the caller has gone
            self._all.set_result(None)


class Pending(msgspec.Struct, eq=False):
    """A row on its way, and what came of it."""

    row: NewDecision
    key: tuple[str, bytes]
    """As of `key_of`."""
    sheaf: Sheaf
    since: float
    entries: Sequence[Entry] = ()
    """What is sent once the row is durable."""
    shadows: Sequence[Slip] = ()
    """What is asked on the side once it is."""
    tried: bool = False
    """A flush with this row ended without an answer: it may have been committed."""
    answer: Answer | None = None
    """After Unavailable the row may be committed or not."""

    def answered(self, answer: Answer) -> None:
        """Give the row its answer: the first is the one that counts."""
        if self.answer is None:
            self.answer = answer
            self.sheaf.answered(self.row)


def replayed(row: NewDecision, held: Replayed) -> Pending:
    """Return a row whose key has made a decision already: nothing of it is on its way."""
    return Pending(row, key_of(row), Sheaf(), 0.0, answer=held)


def key_of(row: NewDecision) -> tuple[str, bytes]:
    """Return by what a row is told from others: its idempotency key, without one its own id."""
    return (row.terms.principal, row.key_hash or row.id.bytes)
