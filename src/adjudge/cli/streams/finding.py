"""Which broker a command speaks to, and which names and lanes there are."""

import asyncio
import difflib
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

import msgspec
import typer

from adjudge.cli.refusing import Refused
from adjudge.streams import Streams, Unavailable

RedisUrl = Annotated[
    str | None, typer.Option("--redis-url", help="Address of the broker; else REDIS_URL, else that of `adjudge up`.")
]
Prefix = Annotated[str, typer.Option("--prefix", help="Prefix of the app whose streams they are.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="A name as `adjudge streams ls` shows it.")]
Lane = Annotated[str | None, typer.Option("--lane", help="Only this lane.")]

PREFIX = "adjudge"

_T = TypeVar("_T")


class _Stack(msgspec.Struct):
    redis_url: str


def found_url(given: str | None) -> str:
    """Return the broker's address: given, else of the environment, else of the project. Raises Refused."""
    if url := given or os.environ.get("REDIS_URL"):
        return url
    from adjudge.client.finding import find_project  # with the whole client, which workers do not need

    project = find_project(Path.cwd())
    file = project / "stack.json" if project else None
    if file is None or not file.is_file():
        raise Refused("no broker is known: give --redis-url, set REDIS_URL, or run `adjudge up` in this folder")
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Stack).redis_url
    except (OSError, msgspec.DecodeError) as error:
        raise Refused(f"cannot read {file}: {error}") from error


def ask(url: str | None, prefix: str, question: Callable[[Streams], Awaitable[_T]]) -> _T:
    """Run one command's questions to the broker. Raises Refused, when it does not answer too."""

    async def asking() -> _T:
        async with connected(url, prefix) as streams:
            return await question(streams)

    return asyncio.run(asking())


@asynccontextmanager
async def connected(url: str | None, prefix: str) -> AsyncIterator[Streams]:
    """Open the way to the broker. Raises Refused."""
    address = found_url(url)
    try:
        async with Streams(address, prefix=prefix, rng=random.SystemRandom(), timeout_seconds=5.0) as streams:
            yield streams
    except Unavailable as error:
        raise Refused(f"the broker at {_shown(address)} does not answer as it should: {error}") from error
    except ValueError as error:
        raise Refused(str(error)) from error


async def lanes_of(streams: Streams, name: str, lane: str | None = None) -> Sequence[str]:
    """Return the lanes of a name, or the one asked for. Raises Refused, with the nearest that there is."""
    known = await streams.registry.lanes()
    if name not in known:
        raise Refused(f"no worker has served {name!r} in the last 30 days{_nearest(name, known)}")
    if lane is None:
        return known[name]
    if lane not in known[name]:
        raise Refused(f"{name} has no lane {lane!r}{_nearest(lane, known[name])}")
    return [lane]


def _nearest(asked: str, known: Iterable[str]) -> str:
    names = list(known)
    if near := difflib.get_close_matches(asked, names, n=1, cutoff=0.4):
        return f"; did you mean {near[0]!r}?"
    return f"; there are {', '.join(map(repr, names[:10]))}" if names else "; there are none"


def _shown(url: str) -> str:
    """The address without its password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
