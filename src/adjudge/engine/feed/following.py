"""Following the feed: one poll for each process, however many readers follow.

A reader that starts far back reads pages from the database until it has caught up with the tail. While nobody
follows, the database is not asked.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Final

import structlog

from adjudge.core.errors import AdjudgeError
from adjudge.engine.clocks import loop_time
from adjudge.engine.feed.cursors import Cursors
from adjudge.engine.feed.tail import Entry, Found, Tail, entry_of
from adjudge.store import feed, partitions
from adjudge.store.connecting import UNAVAILABLE, Pool
from adjudge.store.feed import EVERYTHING, LONGEST_PAGE, Mark, Page, Wanted
from adjudge.store.scope import SYSTEM, Scope
from adjudge.telemetry import names

log = structlog.get_logger()

POLL_SECONDS: Final = 0.1
MOST_FOLLOWERS: Final = 2_000
READING_AT_ONCE: Final = 2
"""Readers with a connection: hundreds that come back together leave the pool to others."""
READING_SECONDS: Final = 30.0
"""How long a reader waits for its turn to read."""
MOST_PASSED_OVER: Final = 20
"""Pages in a row without anything for the reader, until it is told how far it has come."""


class CursorTooOld(AdjudgeError):
    """Retention has dropped outcomes that this reader has not had."""

    kind = "cursor-too-old"

    def __init__(self, kept_from: datetime) -> None:
        super().__init__(
            f"outcomes from before {kept_from:%Y-%m-%d} are dropped, and some were not read: begin again without a "
            "cursor or with `since`",
            pointer="#/after (query)",
        )


class TooManyFollowers(AdjudgeError):
    """Nobody else can wait on this replica."""

    kind = "too-many-followers"

    def __init__(self) -> None:
        super().__init__(f"{MOST_FOLLOWERS} readers follow the feed on this replica already")


class Feed:
    """The feed as one process gives it out."""

    def __init__(self, pool: Pool, cursors: Cursors) -> None:
        self.cursors = cursors
        self._pool = pool
        self._turns = asyncio.Semaphore(READING_AT_ONCE)
        self._followers = 0
        self.is_closed = False
        self._wanted = asyncio.Event()
        self._tail: Tail | None = None
        self._moved = asyncio.Event()

    async def begin(self, after: str | None, since: datetime | None) -> Mark:
        """Return where a reader begins: behind its cursor, else at a moment, else with the first outcome kept.

        Raises InvalidCursor, CursorTooOld.
        """
        mark = None if after is None else self.cursors.open(after)
        async with self._pool.acquire() as connection:
            if mark is None:
                return await (feed.beginning(connection) if since is None else feed.since(connection, since))
            kept_from = await partitions.oldest(connection)
        if mark.at < kept_from:
            raise CursorTooOld(kept_from)
        return mark

    async def next(self, scope: Scope, wanted: Wanted, after: Mark, limit: int, seconds: float) -> Found:
        """Return what comes after the mark as soon as there is something; where it went, when the seconds are over.

        To wait, be `following`. Raises what the connection raises.
        """
        until = loop_time() + seconds
        moved = self._moved  # before each read: the tail may move while a page that lacks it is on its way
        found = await self._read(scope, wanted, after, limit, at_once=seconds <= 0)
        while found.at_end and not found.entries and await self._moves(moved, until - loop_time()):
            moved = self._moved
            found = await self._read(scope, wanted, found.mark, limit, at_once=False)
        return found

    def require_room(self) -> None:
        """Raise TooManyFollowers where nobody else can follow."""
        if self._followers >= MOST_FOLLOWERS:
            raise TooManyFollowers

    @contextmanager
    def following(self) -> Iterator[None]:
        """Keep the tail at hand. Raises TooManyFollowers."""
        self.require_room()
        self._followers += 1
        names.FEED_FOLLOWERS.set(self._followers)
        self._wanted.set()
        try:
            yield
        finally:
            self._followers -= 1
            names.FEED_FOLLOWERS.set(self._followers)
            if not self._followers:
                self._wanted.clear()
                self._tail = None

    def close(self) -> None:
        """Send all home who follow: they come back elsewhere, from their cursors."""
        self.is_closed = True
        self._tell()

    async def run(self) -> None:
        """Keep the tail up to date while somebody follows, until cancelled."""
        while True:
            await self._wanted.wait()
            try:
                is_behind = await self._poll()
            except UNAVAILABLE as error:
                log.warning("feed.poll_failed", error=repr(error))
                is_behind = False
            if not is_behind:
                await asyncio.sleep(POLL_SECONDS)

    async def _poll(self) -> bool:
        """Read on from the tail's head; return whether there is more."""
        tail = self._tail
        async with self._pool.acquire() as connection:
            if tail is None:
                self._start(await feed.edge(connection))
                return False
            page = await feed.read(connection, SYSTEM, EVERYTHING, tail.head, LONGEST_PAGE)
        if page.mark.generation != tail.head.generation:
            log.warning("feed.rewound", generation=page.mark.generation)
            self._tail = None
            return True
        tail.extend(self._entries(page), page.mark)
        if page.rows:
            self._tell()
        return not page.at_end

    def _start(self, edge: Mark) -> None:
        if self._followers:
            self._tail = Tail(edge)
            self._tell()

    def _tell(self) -> None:
        told, self._moved = self._moved, asyncio.Event()
        told.set()

    async def _moves(self, moved: asyncio.Event, seconds: float) -> bool:
        """Return whether the tail has moved on, or does within the time."""
        if seconds <= 0 or self.is_closed:
            return False
        try:
            async with asyncio.timeout(seconds):
                await moved.wait()
        except TimeoutError:
            return False
        return True

    async def _read(self, scope: Scope, wanted: Wanted, after: Mark, limit: int, *, at_once: bool) -> Found:
        """Return what the tail has, where it reaches back so far and may be a moment old; else what is stored."""
        tail = None if at_once else self._tail
        found = None if tail is None else tail.after(scope, wanted, after, limit)
        return found or await self._stored(scope, wanted, after, limit)

    async def _stored(self, scope: Scope, wanted: Wanted, after: Mark, limit: int) -> Found:
        """Read pages until one has something for this reader, a bounded number of them."""
        async with self._turn(), self._pool.acquire() as connection:
            for _ in range(MOST_PASSED_OVER):
                page = await feed.read(connection, scope, wanted, after, limit)
                if page.rows or page.at_end:
                    break
                after = page.mark
        return Found(self._entries(page), page.mark, page.at_end)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        async with asyncio.timeout(READING_SECONDS):
            await self._turns.acquire()
        try:
            yield
        finally:
            self._turns.release()

    def _entries(self, page: Page) -> list[Entry]:
        return [entry_of(row, page.mark.generation, self.cursors) for row in page.rows]
