"""Dead letters: read, publish anew, discard."""

from collections.abc import Sequence
from typing import Any

import msgspec

from adjudge.streams import keyed_scripts, marks
from adjudge.streams.connections.wire import Wire
from adjudge.streams.keys import Keys
from adjudge.streams.messages import DeadLetter
from adjudge.streams.reasons import Reasons

_reasons = msgspec.json.Decoder(Reasons)


class DeadLetters:
    """The dead letters of any name. Every method raises `Unavailable`."""

    def __init__(self, wire: Wire, wakes: str) -> None:
        self._wire, self._wakes = wire, wakes

    async def page(self, name: str, *, after: str = "", limit: int = 100) -> list[DeadLetter]:
        """At most `limit` letters, oldest first, after the id `after`."""
        start = f"({after}" if after else "-"
        found = await self._wire.ask(("XRANGE", Keys(name).dead, start, "+", "COUNT", limit))
        return [_letter(name, entry_id, fields) for entry_id, fields in found]

    async def get(self, name: str, letter_id: str) -> DeadLetter | None:
        """One letter; None when there is none of this id."""
        found = await self._wire.ask(("XRANGE", Keys(name).dead, letter_id, letter_id))
        return next((_letter(name, entry_id, fields) for entry_id, fields in found), None)

    async def replay(self, name: str, letter_ids: Sequence[str]) -> int:
        """Publish these anew in their lanes; return how many still were there.

        Without their past and their deadline; key, trace and headers stay, and the rules of the key hold.
        """
        keys = Keys(name)
        arguments = [keys.prefix, self._wakes, *letter_ids]
        return int(await self._wire.ask(keyed_scripts.REPLAY.command([keys.dead, keys.rules], arguments)))

    async def discard(self, name: str, letter_ids: Sequence[str]) -> int:
        """Delete these; return how many still were there."""
        return int(await self._wire.ask(("XDEL", Keys(name).dead, *letter_ids))) if letter_ids else 0


def _letter(name: str, entry_id: bytes, fields: Sequence[Any]) -> DeadLetter:
    named = dict(zip(fields[::2], fields[1::2], strict=True))
    reasons, mark = _reasons.decode(named[b"reasons"]), marks.decoded(named.get(b"m", b""))
    return DeadLetter(
        id=entry_id.decode(),
        name=name,
        lane=named[b"lane"].decode(),
        body=named[b"b"],
        origin=reasons.origin,
        published_at=reasons.published_ms / 1000,
        died_at=reasons.died_at,
        error=reasons.error,
        detail=reasons.detail,
        traceback=reasons.traceback,
        crashes=reasons.crashes,
        history=reasons.history,
        key=mark.key,
        trace=mark.trace,
        headers=marks.headers_of(mark),
    )
