"""Coins: keyed hashes of a decision's id and a purpose, with a known and recorded probability.

They are tossed at intake and do not depend on what a question says. The key is secret, so that nobody can choose an
id that will not be audited.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from adjudge.core.audits import CALIBRATE_SHARE

POLICY = 1
"""Number of the rates as configured; recorded, so that estimates know it. What a keeper sets has the number of its
snapshot, above this."""


def fresh_coin() -> tuple[str, bytes]:
    """Return id and key of a new coin."""
    return secrets.token_hex(4), secrets.token_bytes(32)


@dataclass(frozen=True, slots=True)
class AuditRates:
    """Rates of the audit coin that keepers have set for slices: the snapshot of that number."""

    policy: int = POLICY
    by_slice: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """By question type and slice."""

    def of(self, question_type: str, slice_: str, configured: float) -> float:
        """Return the rate of a slice; as configured where nothing else was set."""
        return self.by_slice.get((question_type, slice_), configured)


class Coin:
    """Tosses with one key: keyed BLAKE2b (RFC 7693), uniform and secret as an HMAC, at a fifth of its cost."""

    def __init__(self, key_id: str, key: bytes) -> None:
        self.key_id = key_id
        self._key = key
        self._begun: dict[str, hashlib.blake2b] = {}
        """By purpose, a hash begun with key and purpose: each toss goes on from a copy."""

    def toss(self, decision: UUID, purpose: str) -> float:
        """Return a number in [0, 1), the same for the same key, decision and purpose."""
        begun = self._begun.get(purpose)
        if begun is None:
            begun = self._begun[purpose] = hashlib.blake2b(purpose.encode(), digest_size=7, key=self._key)
        tossed = begun.copy()
        tossed.update(decision.bytes)
        return int.from_bytes(tossed.digest(), "big") / (1 << 56)

    def audit_role(self, decision: UUID, rate: float) -> str:
        """Toss the audit coin, which falls on audit with probability `rate`; return what the audit is for.

        `calibrate` or `certify`, by a toss of its own; empty where there is no audit.
        """
        if self.toss(decision, "audit") >= rate:
            return ""
        return "calibrate" if self.toss(decision, "audit-role") < CALIBRATE_SHARE else "certify"
