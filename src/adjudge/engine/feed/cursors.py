"""Cursors of the feed: a mark as signed text, so that none can be made up or brought from another installation."""

import base64
import binascii
import hmac
import struct
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Final
from uuid import UUID

from adjudge.core.errors import AdjudgeError
from adjudge.store.feed import Mark, Position

LONGEST: Final = 200
"""Characters."""
_VERSION: Final = 1
_LAYOUT: Final = struct.Struct(">BQ16sIQB")
_MAC_BYTES: Final = 8
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class InvalidCursor(AdjudgeError):
    """The cursor is not one of ours."""

    kind = "invalid-cursor"

    def __init__(self) -> None:
        super().__init__(
            "this is not a cursor of this feed: send one back exactly as it came", pointer="#/after (query)"
        )


class Cursors:
    """Seals marks, and opens what comes back."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, mark: Mark) -> str:
        """Return the mark as text for URLs and headers."""
        generation = mark.generation.encode()
        milliseconds = max(0, (mark.at - _EPOCH) // timedelta(milliseconds=1))
        position = mark.position
        packed = _LAYOUT.pack(
            _VERSION, position.xid, position.decision.bytes, position.version, milliseconds, len(generation)
        )
        body = packed + generation
        return base64.urlsafe_b64encode(body + self._mac(body)).rstrip(b"=").decode()

    def open(self, text: str) -> Mark:
        """Return the mark. Raises InvalidCursor."""
        body = self._verified(text)
        _, xid, decision, version, milliseconds, length = _LAYOUT.unpack(body[: _LAYOUT.size])
        return Mark(
            Position(xid, UUID(bytes=decision), version),
            _EPOCH + timedelta(milliseconds=milliseconds),
            body[_LAYOUT.size : _LAYOUT.size + length].decode(),
        )

    def _verified(self, text: str) -> bytes:
        try:
            sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise InvalidCursor from None
        body, mac = sealed[:-_MAC_BYTES], sealed[-_MAC_BYTES:]
        if len(text) > LONGEST or not hmac.compare_digest(mac, self._mac(body)):
            raise InvalidCursor
        return body

    def _mac(self, body: bytes) -> bytes:
        return blake2b(body, key=self._key, digest_size=_MAC_BYTES).digest()
