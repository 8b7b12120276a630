"""A machine whose clock is an hour off: PostgreSQL's clock is the only one that counts."""

import functools
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from tests.builders import instant_of
from tests.configured import BRIEF

from adjudge.cli.processes import grounds
from adjudge.engine.clocks import DatabaseClock

HOUR = timedelta(hours=1)
SLACK = timedelta(minutes=1)
"""What a busy machine may take; a wrong clock is an hour off."""


@pytest.fixture(params=[HOUR, -HOUR], ids=["an hour ahead", "an hour behind"])
def wrong(request, monkeypatch) -> None:
    """All processes that start from now on have this machine time."""
    machine = functools.partial(_machine_time, request.param)
    monkeypatch.setattr(grounds, "DatabaseClock", functools.partial(DatabaseClock, machine))


@pytest.mark.usefixtures("wrong")
async def test_deadlines_and_leases_are_right_and_the_process_is_not_ready(build_stack):
    stack = await build_stack("api", "worker", "keeper")
    anna = await stack.reviewer("anna", "brief")

    sure = await stack.ask("model", wait=10)
    fallen_back = await stack.read((await stack.ask("nobody.answer"))["id"], wait=10)
    leased = await stack.ask("expert")
    asked = await stack.ask("brief")
    now = await stack.value("SELECT clock_timestamp()")
    [task] = await anna.claim(wait=5)
    ready = await stack.client.get("/readyz")

    assert (sure["outcome"]["source"], fallen_back["outcome"]["source"]) == ("model", "fallback")
    brief = timedelta(milliseconds=int(BRIEF.removesuffix("ms")))
    assert brief <= life(fallen_back) < SLACK
    assert abs(moment(asked["asked_at"]) - now) < SLACK
    assert abs(datetime.fromtimestamp(instant_of(UUID(asked["id"])), UTC) - now) < SLACK
    assert timedelta() < moment(task["lease_until"]) - now < SLACK
    assert abs(moment(leased["waiting_for"]["until"]) - now - timedelta(minutes=10)) < SLACK
    assert (ready.status_code, ready.json()["checks"]["clock"]["ok"]) == (503, False)
    for decision in (leased, asked):
        await stack.admin.post(f"/v1/decisions/{decision['id']}/cancel")


def life(decision) -> timedelta:
    return moment(decision["outcome"]["settled_at"]) - moment(decision["asked_at"])


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _machine_time(off: timedelta) -> datetime:
    return datetime.now(UTC) + off
