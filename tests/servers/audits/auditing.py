"""Audited configurations, and what tests do with open audits."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from tests.configured import PLANS, TYPES, configuration
from tests.stacks import Caller, Stack
from tests.waiting import until

from adjudge.store.automation import audit_records
from adjudge.store.scope import SYSTEM

ANSWERS = ["pay", "refuse"]


SECOND = {"ask": "second@1", "accept": {"by_hand": "confidence >= 0.9"}}
SHARED: dict[str, dict[str, Any]] = {
    "model": {},
    "late.ask": {"votes": 2, "expert_share": 1},
    "person": {"votes": 1, "expert": None},
    "called": {"votes": 1, "pool": "few", "expert": "one"},
    "brief": {"votes": 2, "expert": None},
    "claims": {"votes": 1, "people": 1, "expert": None},
    "cascade": {"votes": 1, "expert": None},
}
"""Types that are audited in different ways."""


def audited(plans: Mapping[str, Any] | None = None, **kinds: Mapping[str, Any]) -> dict[str, Any]:
    """Documents in which each decision of these types is audited: by three agents, and by experts where they differ."""
    usual = {"rate": 1, "pool": "agents", "votes": 3, "expert": "experts", "expert_share": 0}
    types = {name: {"answers": ANSWERS, **TYPES.get(name, {})} for name in PLANS}
    for kind, spec in kinds.items():
        audits = {**usual, **spec}
        if audits["expert"] is None:
            audits["expert_share"] = None
        types[kind]["audits"] = {key: value for key, value in audits.items() if value is not None}
    own = {
        "claims": {"stages": [PLANS["model"]["stages"][0]], "fallback": {"answer": "refuse"}},
        "cascade": {"stages": [PLANS["model"]["stages"][0], SECOND], "fallback": {"answer": "refuse"}},
        "brief": PLANS["person"],
    }
    pools = {**configuration()["pools"], "few": {}, "one": {}}
    return {"types": types, "plans": {**PLANS, **own, **(plans or {})}, "pools": pools}


async def staffed(stack: Stack, *pools: str, count: int = 3) -> list[Caller]:
    """As many people of these pools."""
    return [await stack.reviewer(f"auditor{n}", *pools) for n in range(count)]


async def closed(stack: Stack, decision: str, seconds: float = 40) -> dict[str, Any]:
    """Return the record of an audit, once it is closed."""
    async with asyncio.timeout(seconds):
        while True:
            async with stack.db.acquire() as connection:
                found = await audit_records.life(connection, SYSTEM, UUID(decision))
            if found is not None:
                return found
            await asyncio.sleep(0.05)


async def seen(stack: Stack, decision: str) -> audit_records.SeenAudit | None:
    """Return an open audit as people are shown it."""
    async with stack.db.acquire() as connection:
        found = await audit_records.open_audits(connection, SYSTEM, None, 1000)
    return next((each for each in found if str(each.decision) == decision), None)


async def until_seen(stack: Stack, decision: str, state: str, seconds: float = 40) -> audit_records.SeenAudit:
    return await until(
        lambda: seen(stack, decision), lambda found: found is not None and found.state == state, seconds=seconds
    )
