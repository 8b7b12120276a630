"""Answers and progress for callers that asked: kept for a while under the same hash tag, and announced by a hint.

The hint makes it fast, the kept value makes it reliable: a caller whose connection was cut looks again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from adjudge.streams.connections.script import EVEN_FULL, Argument, Script
from adjudge.streams.connections.wire import Wire
from adjudge.streams.keys import Keys
from adjudge.streams.messages import Message
from adjudge.streams.retrying import DETAIL_LIMIT, name_of

REPLY_TO = "reply-to"
"""Header of a message whose sender waits: `channel token`."""

# KEYS of each reply; ARGV (payload, ms to keep it, channel, token) of each. Without memory too: a message whose answer
# cannot be told is not ended, and keeps its place.
TELL = Script(
    EVEN_FULL
    + """
for i, key in ipairs(KEYS) do
  redis.call('SET', key, ARGV[4 * i - 3], 'PX', ARGV[4 * i - 2])
  redis.pcall('PUBLISH', ARGV[4 * i - 1], ARGV[4 * i])
end
"""
)


class Answered(msgspec.Struct, frozen=True, tag="answer"):
    """What the handler returned, encoded."""

    value: bytes


class GivenUp(msgspec.Struct, frozen=True, tag="failed"):
    """The message will not be handled, or not again."""

    error: str
    detail: str


Ending = Answered | GivenUp

_encode = msgspec.msgpack.Encoder().encode
ending_of = msgspec.msgpack.Decoder(Ending).decode
read_progress = msgspec.json.decode


@dataclass(frozen=True, slots=True)
class Reply:
    """Something to be told to whoever asked."""

    channel: str
    token: str
    payload: bytes
    keep_seconds: float
    final: bool = True
    """An answer or a failure; else progress, of which the latest counts."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the broker keeps for one token."""

    final: bytes | None = None
    progress: bytes | None = None


def is_asked(message: Message) -> bool:
    """Whether somebody waits for the answer."""
    return REPLY_TO in message.headers


def replies(endings: Iterable[tuple[Message, Ending]], keep_seconds: float) -> list[Reply]:
    """What is to be told about these messages, to those who asked."""
    return [_reply(message, _encode(ending), keep_seconds) for message, ending in endings if is_asked(message)]


def progress(message: Message, value: Any, keep_seconds: float) -> Reply:
    """How far the handler has come: whatever can be JSON."""
    return _reply(message, msgspec.json.encode(value), keep_seconds, final=False)


def failure(error: Exception) -> GivenUp:
    """The end of a message that was given up."""
    return GivenUp(name_of(error), str(error)[:DETAIL_LIMIT])


async def tell(wire: Wire, name: str, prefix: str, told: Sequence[Reply]) -> None:
    """Keep, then give a hint; one write."""
    if not told:
        return
    prefixed, arguments = Keys(name).prefix, list[Argument]()
    for each in told:
        arguments += (each.payload, max(1, round(each.keep_seconds * 1000)), f"{prefix}:{each.channel}", each.token)
    keys = [f"{prefixed}{'result' if each.final else 'progress'}:{each.token}" for each in told]
    await wire.ask(TELL.command(keys, arguments))


async def kept(wire: Wire, name: str, tokens: Sequence[str]) -> list[Kept]:
    """What is kept for each token, in order."""
    prefixed = Keys(name).prefix
    keys = [f"{prefixed}{kind}:{token}" for token in tokens for kind in ("result", "progress")]
    found: Sequence[Any] = await wire.ask(("MGET", *keys)) if keys else ()
    return [Kept(final, progress) for final, progress in zip(found[::2], found[1::2], strict=True)]


def _reply(message: Message, payload: bytes, keep_seconds: float, *, final: bool = True) -> Reply:
    channel, _, token = message.headers[REPLY_TO].partition(" ")
    return Reply(channel, token, payload, keep_seconds, final)
