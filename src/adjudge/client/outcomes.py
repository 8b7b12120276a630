"""The feed of all outcomes, followed by long polls."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from adjudge.client.calls import LONGEST_WAIT_SECONDS, Call, known, path, prefer_wait, reader
from adjudge.client.values import OutcomeEvent, OutcomePage

PAGE = 200

_page = reader(OutcomePage)


@dataclass(slots=True)
class Following:
    """How far a reader of the feed has come."""

    cursor: str | None = None
    """Behind the outcome yielded last, and behind what was passed over since. Give it as `after` to go on."""
    since: datetime | None = None
    type: str | None = None
    location: str | None = None
    follow: bool = True
    """Wait for more at the end of the feed, for ever."""
    ended: bool = False

    def next_page(self) -> Call[OutcomePage] | None:
        """Return the call for the next page; None when the end is reached and no more are waited for."""
        if self.ended:
            return None
        params = known(
            after=self.cursor,
            since=None if self.since is None or self.cursor is not None else self.since.isoformat(),
            type=self.type,
            location=self.location,
            limit=str(PAGE),
        )
        wait = LONGEST_WAIT_SECONDS if self.follow else None
        return Call(
            method="GET",
            path=path("outcomes"),
            read=_page,
            params=params,
            headers=prefer_wait(wait),
            wait_seconds=wait or 0,
        )

    def take(self, page: OutcomePage) -> Iterator[OutcomeEvent]:
        """Yield the outcomes of the page, and remember each."""
        for event in page.items:
            self.cursor = event.cursor
            yield event
        self.cursor, self.ended = page.next, page.at_end and not self.follow
