"""The first key of an installation: there is no API yet to ask for it."""

import hashlib

import asyncpg
import pytest

from adjudge.cli.root import run


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    """A folder that knows of no API."""
    monkeypatch.chdir(tmp_path)
    for name in ("ADJUDGE_URL", "ADJUDGE_KEY"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


async def in_thread(*arguments: str) -> int:
    """Run a command as a process would: with an event loop of its own."""
    import asyncio

    return await asyncio.to_thread(run, arguments)


async def test_it_is_written_to_the_database(elsewhere, database_url, capsys):
    elsewhere.setenv("DATABASE_URL", database_url)

    assert await in_thread("keys", "create", "ops", "--role", "admin", "--quiet") == 0

    secret = capsys.readouterr().out.strip()
    connection = await asyncpg.connect(database_url)
    row = await connection.fetchrow("SELECT name, role, secret_hash FROM api_key")
    await connection.close()
    assert tuple(row) == ("ops", "admin", hashlib.sha256(secret.encode()).digest())


async def test_it_has_the_bounds_and_limits_that_were_given_and_is_in_the_journal(elsewhere, database_url, capsys):
    elsewhere.setenv("DATABASE_URL", database_url)
    bounds = ("--location", "store-001", "--requests-per-second", "5", "--open-decisions", "9")

    assert await in_thread("keys", "create", "till", "--role", "client", *bounds) == 0

    connection = await asyncpg.connect(database_url)
    key = await connection.fetchrow(
        "SELECT locations, requests_per_second, bytes_per_second, open_decisions FROM api_key"
    )
    noted = await connection.fetchrow("SELECT actor, action FROM journal")
    await connection.close()
    assert tuple(key) == (["store-001"], 5, None, 9)
    assert tuple(noted) == ("command line", "key.created")


async def test_without_a_schema_it_says_what_to_do(elsewhere, private_postgres, capsys):
    elsewhere.setenv("DATABASE_URL", (await private_postgres()).url)

    assert await in_thread("keys", "create", "ops", "--role", "admin") == 1
    assert capsys.readouterr().err == "adjudge: the database has no schema yet: run `adjudge db upgrade`\n"

    assert await in_thread("db", "upgrade") == 0
    assert await in_thread("keys", "create", "ops", "--role", "admin") == 0


async def test_an_unreachable_database_is_one_line(elsewhere, capsys):
    elsewhere.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/nowhere")

    assert await in_thread("db", "upgrade") == 1

    shown = capsys.readouterr().err
    assert shown.startswith("adjudge: cannot reach the database of DATABASE_URL: ")
    assert shown.count("\n") == 1
