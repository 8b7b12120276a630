"""A start while PostgreSQL is down, on a copy of what was in force."""

import asyncio

import structlog
from tests.configured import PLANS, of_people
from tests.waiting import until

from adjudge.cli.processes import grounds
from adjudge.store.migrations import upgrade

SAID_MORE = {**PLANS, "person": {"stages": [of_people("experts")], "fallback": {"answer": "pay"}}}


async def test_a_worker_begins_with_its_copy_and_is_at_work_when_the_database_is_back(
    private_postgres, build_stack, tmp_path
):
    """Not ready until then; under the revision that it ran last, not under its folder's."""
    postgres = await private_postgres()
    await upgrade(postgres.url)
    copy = tmp_path / "revision.json"
    stack = await build_stack("api", "worker", database_url=postgres.url, revision_copy=copy)
    published = await stack.publish(plans=SAID_MORE)
    await stack.until_run(published.number)
    await stack.stop("worker")
    await postgres.stop()

    with structlog.testing.capture_logs() as logged:
        await stack.start("worker")
        await until(lambda: any(entry["event"] == "worker.started" for entry in logged), seconds=30)
    await postgres.start()
    fleet = await until(stack.fleet, lambda found: "worker" in found, seconds=30)
    asked = await stack.ask("model", wait=20)

    [began] = [entry for entry in logged if entry["event"] == "configuration.from_copy"]
    assert began["revision"] == published.number
    assert fleet["worker"].revision == published.number
    assert asked["outcome"]["source"] == "model"


async def test_without_a_copy_nothing_is_pretended(private_postgres, build_stack, tmp_path, monkeypatch):
    """A copy that cannot be read is none."""
    monkeypatch.setattr(grounds, "DATABASE_SECONDS", 0.5)
    postgres = await private_postgres()
    await upgrade(postgres.url)
    copy = tmp_path / "revision.json"
    copy.write_text("{")
    stack = await build_stack(database_url=postgres.url, revision_copy=copy)
    await postgres.stop()

    with structlog.testing.capture_logs() as logged:
        await stack.start("worker")
        ended = await asyncio.wait([stack._tasks.pop("worker")], timeout=20)
    await postgres.start()

    [task] = ended[0]
    assert "PostgreSQL does not answer" in str(task.exception())
    assert "configuration.uncopied" in {entry["event"] for entry in logged}
