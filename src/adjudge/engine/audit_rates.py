"""Rates of the audit coin, as keepers have recorded them: the set in force, and the earlier ones.

Each set is a numbered snapshot. Every decision records under which one its coin was tossed.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final

import msgspec

from adjudge.engine.coins import POLICY, AuditRates
from adjudge.store.automation import parameters
from adjudge.store.connecting import Connection

KIND: Final = "audit-rates"
MOST_KNOWN: Final = 2_000

_rates: Final = msgspec.json.Decoder(list[tuple[str, str, float]])


class PastRates:
    """The sets of rates of one database, by policy; they never change, and so are read once."""

    def __init__(self) -> None:
        self._known: dict[int, Mapping[tuple[str, str], float]] = {}

    async def of(
        self, connection: Connection, policies: AbstractSet[int]
    ) -> dict[int, Mapping[tuple[str, str], float]]:
        """Return the rates that keepers had set under each policy, by type and slice."""
        if len(self._known) + len(policies) > MOST_KNOWN:
            self._known.clear()
        missing = [policy - POLICY for policy in policies if policy > POLICY and policy not in self._known]
        for number, body in await parameters.of(connection, KIND, missing) if missing else []:
            self._known[number + POLICY] = {(kind, slice_): rate for kind, slice_, rate in _rates.decode(body)}
        return {policy: self._known[policy] for policy in policies if policy in self._known}


async def in_force(connection: Connection, known: AuditRates) -> AuditRates:
    """Return the rates in force; the very object that is known where they have not changed."""
    found = await parameters.newest(connection, KIND)
    if found is None or found[0] + POLICY == known.policy:
        return known
    return AuditRates(found[0] + POLICY, {(kind, slice_): rate for kind, slice_, rate in _rates.decode(found[1])})
