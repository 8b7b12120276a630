"""In which order the tests of a family began."""

from dataclasses import replace

import asyncpg
import msgspec
from tests.unit.engine.slices import COVERS, ROW

from adjudge.store.automation import epochs, parameters
from adjudge.store.connecting import Connection

FAMILY = msgspec.structs.replace(COVERS, family=2)


async def designed(connection: Connection, scope: str, number: int, *, done: bool = False) -> None:
    """Begin tests: calibrator and design."""
    await parameters.publish(connection, f"calibrator:{scope}", {})
    standing = '{"done": true}' if done else "{}"
    await epochs.write(connection, scope, number, delta=0.05, design="{}", standing=standing)


async def test_who_is_designed_anew_keeps_the_place_that_it_had(database_url):
    """Nobody overtakes, and nobody takes a place that somebody comes back to: it would be spent twice."""
    connection = await asyncpg.connect(database_url)
    for scope in ("first", "second", "idle"):
        await epochs.begin(connection, scope, FAMILY)
    await designed(connection, "first", 1)
    await epochs.forget_design(connection, replace(ROW, scope="first", covers=FAMILY))
    await designed(connection, "second", 1)
    assert [one.scope for one in await epochs.under_test(connection)] == ["first", "second"]

    await designed(connection, "first", 1)

    assert [one.scope for one in await epochs.under_test(connection)] == ["first", "second"]
    await connection.close()


async def test_each_epoch_has_its_place_among_those_of_its_number(database_url):
    """And what the one before has shown stays told of that one."""
    connection = await asyncpg.connect(database_url)
    for scope in ("first", "second"):
        await epochs.begin(connection, scope, FAMILY)
        await designed(connection, scope, 1, done=scope == "first")
    for scope in ("first", "second"):
        await epochs.restart(connection, replace(ROW, scope=scope, covers=FAMILY), "replaced", "another plan")
    await designed(connection, "second", 2)

    found = [(one.scope, one.number, one.done) for one in await epochs.under_test(connection)]

    assert found == [("first", 1, True), ("second", 1, False), ("second", 2, False)]
    await connection.close()
