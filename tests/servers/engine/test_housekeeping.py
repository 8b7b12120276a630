"""What keepers tidy up by themselves, and that their chores do not hold each other up."""

from datetime import timedelta

from tests.configured import question
from tests.stacks import build_stack
from tests.waiting import until

from adjudge.cli.processes.grounds import grounded
from adjudge.store import partitions

__all__ = ["build_stack"]


async def test_leases_end_in_time_while_a_figure_is_slow(build_stack):
    """Coverage reads an hour of outcomes: here they cannot be read at all."""
    stack = await build_stack("api")
    anna = await stack.reviewer("anna", "brief")
    asked = (await stack.ask("brief"))["id"]
    async with stack.db.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE outcome IN ACCESS EXCLUSIVE MODE")
        await stack.rows("UPDATE work SET due_at = now() + interval '1 hour'")
        [_] = await anna.claim()
        await stack.start("keeper")
        await until(
            lambda: stack.value("SELECT count(*) FROM review_task WHERE state = 'leased'"),
            lambda found: not found,
            seconds=5,
        )
    await stack.admin.post(f"/v1/decisions/{asked}/cancel")


async def test_a_process_warns_of_weeks_that_are_missing_and_is_not_ready_without_this_one(build_stack):
    """Until a keeper has made them."""
    stack = await build_stack()
    this = partitions.week_of(await stack.value("SELECT clock_timestamp()"))
    async with grounded("api", stack.settings) as ground:
        look = ground.standing(needs_broker=False).look
        whole = await look()
        await stack.rows(f"DROP TABLE {partitions.name_of('label', this + timedelta(weeks=2))}")
        short = await look()
        await stack.rows(f"DROP TABLE {partitions.name_of('vote', this)}")
        missing = await look()
        await stack.start("keeper")
        made = await until(look, lambda found: found.ready, seconds=15)

    checks = [report.body["checks"]["partitions"] for report in (whole, short, missing, made)]
    assert [(check["weeks_ahead"], check["warning"]) for check in checks] == [
        (3, False),
        (1, True),
        (-1, True),
        (3, False),
    ]
    assert [report.ready for report in (whole, short, missing, made)] == [True, True, False, True]


async def test_a_key_whose_time_is_over_asks_anew_and_keepers_forget_it(build_stack):
    stack = await build_stack("api")

    async def asked(key: str, kind: str) -> str:
        answer = await stack.admin.post("/v1/decisions", question(kind), Idempotency_Key=key)
        assert answer.status_code == 202, answer.text
        return answer.json()["id"]

    first, other = await asked("k-1", "expert"), await asked("k-2", "expert")
    assert (await stack.admin.post("/v1/decisions", question("brief"), Idempotency_Key="k-1")).status_code == 422
    await stack.rows("UPDATE idem SET expires_at = now() - interval '1 second'")

    again = await asked("k-1", "brief")
    await stack.start("keeper")
    kept = await until(lambda: stack.rows("SELECT decision_id FROM idem"), lambda found: len(found) < 2, seconds=15)

    assert again != first
    assert [str(row["decision_id"]) for row in kept] == [again]
    for decision in (first, other, again):
        await stack.admin.post(f"/v1/decisions/{decision}/cancel")
