"""Tasks and decisions as the client has them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from adjudge.client import Decision, Task

NOON = datetime(2026, 12, 1, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def noon() -> datetime:
    return NOON


@pytest.fixture
def a_task() -> Callable[..., Task]:
    def build(name: str = "t-1", **changes: Any) -> Task:
        document = {
            "id": name,
            "token": f"token of {name}",
            "pool": "agents",
            "type": "claim.pay",
            "evidence": {"amount": "50.00", "text": "fell off the shelf"},
            "answers": ["pay", "refuse"],
            "due_at": NOON + timedelta(minutes=9, seconds=41),
            "lease_until": NOON + timedelta(minutes=2),
            "asked_at": NOON,
            **changes,
        }
        return msgspec.convert(document, Task)

    return build


@pytest.fixture
def a_decision() -> Callable[..., Decision]:
    def build(**changes: Any) -> Decision:
        document = {
            "id": "01a2",
            "type": "claim.pay",
            "location": "default",
            "status": "open",
            "revision": 1,
            "asked_at": NOON,
            **changes,
        }
        return msgspec.convert(document, Decision)

    return build
