"""`adjudge streams ls | show | pending | consumers`: what waits, and in whose hands it is."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer

from adjudge.cli.output import NONE, Column, as_json, precise, rough, table
from adjudge.cli.streams.finding import PREFIX, Json, Lane, Name, Prefix, RedisUrl, ask, lanes_of
from adjudge.streams import Streams
from adjudge.streams.inspecting import ConsumerState, PendingEntry
from adjudge.streams.messages import LaneDepth
from adjudge.streams.pauses import Pause

_FIGURES = ("UNREAD", "HELD", "OLDEST")
NAMES = (
    Column("NAME"),
    Column("LANES"),
    *(Column(title, right=True) for title in (*_FIGURES, "DELAYED", "DEAD")),
    Column("STATE"),
)
LANES = (Column("LANE"), *(Column(title, right=True) for title in _FIGURES), Column("STATE"))
CONSUMERS = (Column("CONSUMER"), Column("LANE"), Column("HELD", right=True), Column("SILENT", right=True))
PENDING = (
    Column("ID"),
    Column("LANE"),
    Column("CONSUMER"),
    Column("AGE", right=True),
    Column("LEASE", right=True),
    Column("STARTS", right=True),
)


@dataclass(frozen=True, slots=True)
class State:
    """A name with all its lanes."""

    name: str
    lanes: Mapping[str, LaneDepth]
    delayed: int
    dead: int
    pauses: Sequence[Pause]

    @property
    def unread(self) -> int:
        """Entries that nobody has read."""
        return sum(lane.lag for lane in self.lanes.values())

    @property
    def held(self) -> int:
        """Entries in the hands of consumers."""
        return sum(lane.pending for lane in self.lanes.values())

    @property
    def oldest_seconds(self) -> float | None:
        """Age of the oldest unfinished entry."""
        return max(
            (lane.oldest_seconds for lane in self.lanes.values() if lane.oldest_seconds is not None), default=None
        )


async def states(streams: Streams, names: Mapping[str, Sequence[str]]) -> list[State]:
    """Ask how all these names stand."""
    pauses = await streams.pauses.of(tuple(names))
    found = [(name, await streams.depth(name, lanes)) for name, lanes in names.items()]
    return [State(name, depth.lanes, depth.delayed, depth.dead, pauses[name]) for name, depth in found]


def list_names(redis_url: RedisUrl = None, prefix: Prefix = PREFIX, json_: Json = False) -> None:
    """List all names that had a worker in the last 30 days, and what waits under them."""

    async def question(streams: Streams) -> list[State]:
        return await states(streams, await streams.registry.lanes())

    found = ask(redis_url, prefix, question)
    print(as_json(found) if json_ else "\n".join(table(NAMES, map(_row, found))))
    if not found and not json_:
        print("no worker has served this broker in the last 30 days", file=sys.stderr)


def show(name: Name, redis_url: RedisUrl = None, prefix: Prefix = PREFIX, json_: Json = False) -> None:
    """Show one name, lane by lane, with who consumes it."""

    async def question(streams: Streams) -> tuple[State, list[ConsumerState]]:
        lanes = await lanes_of(streams, name)
        return (await states(streams, {name: lanes}))[0], await streams.inspector.consumers(name, lanes)

    state, consumers = ask(redis_url, prefix, question)
    if json_:
        print(as_json({"state": state, "consumers": consumers}))
        return
    lines = table(LANES, [_lane_row(lane, depth, state.pauses) for lane, depth in state.lanes.items()])
    lines += ["", f"{state.delayed} delayed, {state.dead} dead, {_workers(consumers)}"]
    lines += [_pause_line(pause) for pause in state.pauses]
    print("\n".join(lines))


def list_pending(
    name: Name,
    lane: Lane = None,
    consumer: Annotated[str | None, typer.Option("--consumer", help="Only what this one holds.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="Most entries of each lane.")] = 50,
    redis_url: RedisUrl = None,
    prefix: Prefix = PREFIX,
    json_: Json = False,
) -> None:
    """List entries in the hands of consumers, oldest first."""

    async def question(streams: Streams) -> list[PendingEntry]:
        lanes = await lanes_of(streams, name, lane)
        return await streams.inspector.pending(name, lanes, consumer=consumer, limit=limit)

    found, now = ask(redis_url, prefix, question), datetime.now(UTC).timestamp()
    print(as_json(found) if json_ else "\n".join(table(PENDING, [_pending_row(entry, now) for entry in found])))


def list_consumers(
    name: Name, lane: Lane = None, redis_url: RedisUrl = None, prefix: Prefix = PREFIX, json_: Json = False
) -> None:
    """List who consumes a name; `nobody` holds what a worker handed back."""

    async def question(streams: Streams) -> list[ConsumerState]:
        return await streams.inspector.consumers(name, await lanes_of(streams, name, lane))

    found = ask(redis_url, prefix, question)
    print(as_json(found) if json_ else "\n".join(table(CONSUMERS, map(_consumer_row, found))))


def state_of(state: State) -> str:
    """Return in a word or two whether it is paused."""
    if any(pause.lane is None for pause in state.pauses):
        return "paused"
    lanes = ", ".join(str(pause.lane) for pause in state.pauses)
    return f"paused: {lanes}" if lanes else NONE


def age(seconds: float | None) -> str:
    """Return an age as a person reads it."""
    return NONE if seconds is None else rough(seconds)


def _row(state: State) -> tuple[str, ...]:
    figures = (state.unread, state.held, age(state.oldest_seconds), state.delayed, state.dead)
    return (state.name, ", ".join(state.lanes), *map(str, figures), state_of(state))


def _lane_row(lane: str, depth: LaneDepth, pauses: Sequence[Pause]) -> tuple[str, ...]:
    paused = any(pause.lane in {None, lane} for pause in pauses)
    figures = (str(depth.lag), str(depth.pending), age(depth.oldest_seconds))
    return (lane, *figures, "paused" if paused else NONE)


def _pause_line(pause: Pause) -> str:
    what = "the whole name" if pause.lane is None else f"lane {pause.lane}"
    since = datetime.fromtimestamp(pause.since, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"{what} is paused since {since}: {pause.reason or 'no reason given'}"


def _workers(consumers: Sequence[ConsumerState]) -> str:
    count = len({each.consumer for each in consumers} - {"nobody"})
    return "1 consumer" if count == 1 else f"{count or 'no'} consumers"


def _consumer_row(found: ConsumerState) -> tuple[str, ...]:
    return (found.consumer, found.lane, str(found.pending), precise(found.idle_seconds))


def _pending_row(entry: PendingEntry, now: float) -> tuple[str, ...]:
    published = int(entry.id.partition("-")[0]) / 1000
    lease = rough(entry.idle_seconds)
    return (entry.id, entry.lane, entry.consumer, rough(max(0.0, now - published)), lease, str(entry.starts))
