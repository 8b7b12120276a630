"""Coins: keyed hashes of the decision id and a purpose, of known and recorded probability.

`statistics.md` part 1 in short: tossed at intake, per decision, independent of content; the key is
secret, so that nobody can choose an id that is not audited.
"""

import hashlib
from dataclasses import dataclass
from uuid import UUID

CALIBRATE_SHARE = 0.2
"""Audits that serve to calibrate; the others certify (1 : 4)."""
POLICY = 1
"""Number of the rule that sets the rate; recorded, so that estimates know it."""


@dataclass(frozen=True, slots=True)
class Audit:
    """How the audit coin of one decision fell."""

    drawn: bool
    rate: float
    role: str
    """`calibrate` or `certify`, by a hash of its own; empty where not drawn."""
    key: str
    policy: int = POLICY


class Coin:
    """Tosses with one key: keyed BLAKE2b (RFC 7693), uniform and secret as an HMAC, at a fifth of its cost."""

    def __init__(self, key_id: str, key: bytes) -> None:
        self.key_id = key_id
        self._key = key

    def toss(self, decision: UUID, purpose: str) -> float:
        """Return a number in [0, 1), the same for the same key, decision and purpose."""
        digest = hashlib.blake2b(purpose.encode() + decision.bytes, digest_size=7, key=self._key).digest()
        return int.from_bytes(digest, "big") / (1 << 56)

    def audit(self, decision: UUID, rate: float) -> Audit:
        """Toss the audit coin and, where it falls on audit, the one for its role."""
        drawn = self.toss(decision, "audit") < rate
        role = ("calibrate" if self.toss(decision, "audit-role") < CALIBRATE_SHARE else "certify") if drawn else ""
        return Audit(drawn, rate, role, self.key_id)
