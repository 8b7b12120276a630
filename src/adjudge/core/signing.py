"""Signatures of webhooks: HMAC-SHA256 by Standard Webhooks 1.0.0 (github.com/standard-webhooks/standard-webhooks)."""

import hmac
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterable, Sequence
from typing import Final

PREFIX: Final = "whsec_"
SHORTEST: Final = 24
LONGEST: Final = 64
"""Bytes of a secret."""
_SCHEME: Final = "v1"


def shown(secret: bytes) -> str:
    """Return a secret as its owner keeps it: `whsec_` and base64."""
    return PREFIX + b64encode(secret).decode()


def read_secret(text: str) -> bytes:
    """Read a secret; the prefix may be missing. Raises ValueError, which does not repeat the secret."""
    try:
        secret = b64decode(text.strip().removeprefix(PREFIX), validate=True)
    except (Error, ValueError):
        raise ValueError(f"a secret is {PREFIX} followed by base64") from None
    if not SHORTEST <= len(secret) <= LONGEST:
        raise ValueError(f"a secret has {SHORTEST} to {LONGEST} bytes, not {len(secret)}")
    return secret


def signature(secrets: Iterable[bytes], message: str, timestamp: int, body: bytes) -> str:
    """Return the header that signs a message with every secret; neither part before the body may have a full stop."""
    signed = f"{message}.{timestamp}.".encode() + body
    return " ".join(f"{_SCHEME},{_digest(secret, signed)}" for secret in secrets)


def is_signed(secrets: Sequence[bytes], header: str, message: str, timestamp: str, body: bytes) -> bool:
    """Return whether any of the signatures is by any of the secrets; how long that takes tells nothing of them."""
    signed = f"{message}.{timestamp}.".encode() + body
    right = [_digest(secret, signed).encode() for secret in secrets]
    given = [
        value.encode() for scheme, _, value in (each.partition(",") for each in header.split()) if scheme == _SCHEME
    ]
    return any(hmac.compare_digest(mine, theirs) for mine in right for theirs in given)


def _digest(secret: bytes, signed: bytes) -> str:
    return b64encode(hmac.digest(secret, signed, "sha256")).decode()
