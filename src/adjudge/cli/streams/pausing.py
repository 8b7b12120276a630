"""`adjudge streams pause | resume`: orders to all workers of a name."""

from typing import Annotated

import typer

from adjudge.cli.output import as_json
from adjudge.cli.refusing import Refused
from adjudge.cli.streams.finding import PREFIX, Json, Lane, Name, Prefix, RedisUrl, ask, lanes_of
from adjudge.streams import Streams


def pause(
    name: Name,
    reason: Annotated[str, typer.Option("--reason", help="Why; shown by `ls` and `show`.")],
    lane: Lane = None,
    redis_url: RedisUrl = None,
    prefix: Prefix = PREFIX,
    json_: Json = False,
) -> None:
    """Stop the reading of a name or a lane, by all workers, within a second.

    What they have in hand is finished; publishing goes on until the lane is full; ticks wait. It holds through
    restarts, until `resume`, or until the broker is flushed.
    """

    async def question(streams: Streams) -> bool:
        await lanes_of(streams, name, lane)
        return await streams.pauses.pause(name, lane, reason)

    new = ask(redis_url, prefix, question)
    done = "paused" if new else "was paused already; the reason is changed"
    print(as_json({"name": name, "lane": lane, "paused": True}) if json_ else f"{_what(name, lane)} {done}")


def resume(
    name: Name, lane: Lane = None, redis_url: RedisUrl = None, prefix: Prefix = PREFIX, json_: Json = False
) -> None:
    """Lift the order for a lane, or every order for the name."""

    async def question(streams: Streams) -> None:
        await lanes_of(streams, name, lane)
        if await streams.pauses.resume(name, lane):
            return
        if lane is not None and (await streams.pauses.of([name]))[name]:
            raise Refused(f"{name} is not paused for lane {lane} alone: resume it without --lane")
        raise Refused(f"{_what(name, lane)} is not paused")

    ask(redis_url, prefix, question)
    print(as_json({"name": name, "lane": lane, "paused": False}) if json_ else f"{_what(name, lane)} resumed")


def _what(name: str, lane: str | None) -> str:
    return name if lane is None else f"{name}, lane {lane},"
