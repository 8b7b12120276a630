"""What a run of `adjudge up` says of its folder, and how it ends."""

import asyncio
import json
import os
import socket
import sys

import asyncpg
import pytest
from tests.configured import configuration, laid

from adjudge.cli import awaiting
from adjudge.cli.awaiting import answers
from adjudge.cli.folders import Folder
from adjudge.cli.up_folder import UP, publish_folder
from adjudge.config import InvalidConfiguration, hash_of
from adjudge.engine.configuration.revisions import Revisions
from adjudge.stack.folders import held, laid_out
from adjudge.store.configuration import revisions
from adjudge.store.connecting import open_connection
from adjudge.store.scope import SYSTEM

AS_TYPED = """
import sys
from adjudge.cli.root import run

raise SystemExit(run(["up", "--port", *sys.argv[1:]]))
"""

IMPATIENT = """
import sys
from adjudge.cli import awaiting
from adjudge.cli.root import run

awaiting.READY_SECONDS = 0.0
raise SystemExit(run(["up", "--port", sys.argv[1]]))
"""

ENDS_WHEN_READY = """
import os, signal, sys
from adjudge.cli import awaiting, up
from adjudge.cli.root import run

announce = up._announce
awaiting.READY_SECONDS = 20.0
up._announce = lambda *given: (announce(*given), os.kill(os.getpid(), signal.SIGTERM))
raise SystemExit(run(["up", "--port", *sys.argv[1:]]))
"""

WITHOUT_A_WORKER = """
import sys
from adjudge.cli import awaiting, up
from adjudge.cli.root import run

commands = up._commands
awaiting.READY_SECONDS = 6.0
up._commands = lambda *given: {**commands(*given), "worker": ["/bin/sleep", "600"]}
raise SystemExit(run(["up", "--port", sys.argv[1]]))
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


@pytest.fixture
def told(servers, database_url, tmp_path):
    """Runs a program that is `adjudge up` in a project; returns its status and what it said to whom."""
    laid(tmp_path)
    env = {**os.environ, "DATABASE_URL": database_url, "REDIS_URL": str(servers.redis_url)}

    async def run(program: str, *more: str, **environment: str) -> tuple[int | None, bytes, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, str(free_port()), *more),
            env=env | environment,
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            shown, told = await process.communicate()
        return process.returncode, shown, told.decode().splitlines()[-1]

    return run


async def test_one_that_does_not_become_ready_says_so_in_one_line_and_leaves_no_key(told, database_url):
    status, shown, last = await told(IMPATIENT)

    assert (status, shown) == (1, b"")
    assert last == "adjudge: not ready in 0 s: api, keeper, worker; see .adjudge/logs"
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("SELECT array_agg(revoked_at IS NOT NULL) FROM api_key") == [True]
    await connection.close()


async def test_its_key_is_the_same_one_in_each_run_with_another_secret(told, database_url):
    """What was asked with an idempotency key is the same question after a restart; the secret ends with its run."""
    connection, keys = await asyncpg.connect(database_url), []
    for _ in range(2):
        await told(IMPATIENT)
        keys += await connection.fetch("SELECT id, secret_hash, revoked_at IS NOT NULL AS has_ended FROM api_key")
    await connection.close()

    first, second = keys
    assert first["id"] == second["id"]
    assert first["secret_hash"] != second["secret_hash"]
    assert first["has_ended"]
    assert second["has_ended"]


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"DATABASE_URL": "postgresql://127.0.0.1:1/nowhere"}, "cannot use the database of DATABASE_URL: "),
        ({"REDIS_URL": "redis://127.0.0.1:1"}, "the Redis or Valkey of REDIS_URL does not answer"),
        ({"REDIS_URL": "nonsense"}, "REDIS_URL is not the address of a Redis or Valkey: "),
        ({"ADJUDGE_HOST": "203.0.113.9"}, "cannot listen on 203.0.113.9:"),
        ({"ADJUDGE_METRICS_PORT": "99999"}, "ADJUDGE_METRICS_PORT"),
    ],
)
async def test_what_cannot_be_reached_is_one_line_before_anything_starts(told, tmp_path, environment, said):
    status, shown, last = await told(AS_TYPED, **environment)

    assert (status, shown) == (1, b"")
    assert last.startswith("adjudge: ")
    assert said in last
    assert not (tmp_path / ".adjudge").exists()


async def test_a_second_one_in_a_folder_names_the_first_not_the_port(told, tmp_path):
    with held(laid_out(tmp_path / ".adjudge")), socket.create_server(("127.0.0.1", 0)) as listening:
        status, _, last = await told(AS_TYPED, "--port", str(listening.getsockname()[1]))

    assert status == 1
    assert last.startswith(f"adjudge: {tmp_path / '.adjudge'} is in use by process {os.getpid()}")


async def test_a_port_for_probes_is_not_given_to_several_roles(told):
    """Whoever came second ended, and was started again for ever: no keeper, so no deadline was ever noticed."""
    status, shown, _ = await told(ENDS_WHEN_READY, ADJUDGE_METRICS_PORT=str(free_port()))

    assert status == 0
    assert shown.startswith(b"ready in ")


async def test_that_all_is_ready_is_told_as_json(told):
    status, shown, _ = await told(ENDS_WHEN_READY, "--json")

    ready = json.loads(shown)
    assert status == 0
    assert ready["url"].startswith("http://127.0.0.1:")
    assert (ready["postgresql"], ready["valkey"]) == (None, None)  # not ours
    assert ready["roles"] == ["api", "worker", "keeper"]


async def test_it_is_not_ready_while_no_worker_is(told):
    """The API alone takes questions that nobody asks."""
    status, shown, last = await told(WITHOUT_A_WORKER)

    assert (status, shown) == (1, b"")
    assert last.startswith("adjudge: not ready in 6 s: ")
    assert "worker; see .adjudge/logs" in last


async def test_a_folder_that_has_changed_is_published_and_it_says_instead_of_what(database_url, tmp_path):
    laid(tmp_path)
    folder = Folder(tmp_path / "config", tmp_path)
    told = [await publish_folder(folder, database_url) for _ in range(2)]
    assert told == [None, None], "the first, and one that is as it was, are nothing to speak of"

    (tmp_path / "config" / "later.yaml").write_text("locations: {store-777: {}}\n")
    told = await publish_folder(folder, database_url)

    assert told == f"{folder.path} has changed: published as revision 2, 1 was in force"


async def published_by_hand(database_url, documents, **terms) -> int:
    """Publish as an operator does; return the revision's number."""
    connection = await asyncpg.connect(database_url)
    found = await revisions.publish(connection, SYSTEM, hash_of(documents), documents, revisions.Terms(**terms))
    await connection.close()
    return found.number


async def test_a_restart_does_not_take_back_what_was_published_since_its_folder(database_url, tmp_path):
    """After a roll back the folder still holds what was bad."""
    laid(tmp_path)
    folder = Folder(tmp_path / "config", tmp_path)
    await publish_folder(folder, database_url)
    good = folder.read()
    (tmp_path / "config" / "bad.yaml").write_text("locations: {store-777: {}}\n")
    await publish_folder(folder, database_url)
    rolled = await published_by_hand(database_url, good, again=1)

    told = await publish_folder(folder, database_url)

    assert told == (
        f"{folder.path} was published as revision 2 (`adjudge config apply {folder.path}` does so again); "
        f"revision {rolled} stays in force"
    )
    (tmp_path / "config" / "bad.yaml").write_text("locations: {store-778: {}}\n")
    told = await publish_folder(folder, database_url)
    assert told == f"{folder.path} has changed: published as revision 4, 3 was in force"


async def test_a_restart_publishes_nothing_where_others_must_agree(database_url, tmp_path):
    laid(tmp_path, organisation={**configuration()["organisation"], "approvals": 1})
    folder = Folder(tmp_path / "config", tmp_path)
    await publish_folder(folder, database_url)
    (tmp_path / "config" / "later.yaml").write_text("locations: {store-777: {}}\n")

    told = await publish_folder(folder, database_url)

    assert "has changed, and others must agree" in str(told)
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("SELECT max(number) FROM revision") == 1
    await connection.close()


async def test_an_api_that_takes_a_connection_and_says_nothing_is_not_ready(monkeypatch):
    monkeypatch.setattr(awaiting, "ANSWER_SECONDS", 0.1)
    port = free_port()
    async with asyncio.timeout(5), await asyncio.start_server(lambda *_: None, "127.0.0.1", port):
        assert not await answers("127.0.0.1", port)


async def test_what_is_in_force_starts_again_with_slips_that_a_changed_folder_is_refused_for(database_url, tmp_path):
    """An upgrade that knows more slips keeps nobody's system from starting."""
    laid(tmp_path)
    folder = Folder(tmp_path / "config", tmp_path)
    slip = "deciders: {night@1: {rule: [{when: 'question_type == \"x\"', answer: pay}]}}\n"
    (tmp_path / "config" / "night.yaml").write_text(slip)
    documents = folder.read()
    async with open_connection(database_url) as connection:
        terms = revisions.Terms(message="by an older release")
        await revisions.publish(connection, UP, hash_of(documents), documents, terms)

        await publish_folder(folder, database_url)
        assert (await Revisions.opened(connection, folder.compile)).current.revision == 1

        (tmp_path / "config" / "later.yaml").write_text("locations: {store-777: {}}\n")
        with pytest.raises(InvalidConfiguration, match="no question type `x`"):
            await publish_folder(folder, database_url)
