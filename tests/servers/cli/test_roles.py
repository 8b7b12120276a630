"""`adjudge api | worker | keeper` alone, as a supervisor, a probe and a container meet them."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import msgspec
import pytest
from tests.children import child
from tests.configured import question
from tests.fleet import Fleet, Member, plain
from tests.stacks import build_stack, database
from tests.waiting import until

from adjudge.cli.processes.grounds import grounded
from adjudge.store import connecting
from adjudge.store.migrations import newest, upgrade

__all__ = ["build_stack"]

ROLES = ("api", "worker", "keeper")
READ_ONLY = '''
"""Imported at start: nothing can be written, as on a read-only root."""

import errno
import os
import sys

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate", "os.symlink", "os.link"}


def refuse(event, arguments):
    path = str(arguments[0]) if arguments else ""
    writes = event == "open" and isinstance(arguments[0], (str, bytes)) and arguments[2] & WRITING
    if (writes or event in CHANGES) and not path.startswith(("/dev/", "/proc/")):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)


sys.addaudithook(refuse)
'''


TOLD_IN_A_CALLBACK = """
import signal

from adjudge.streams.connections.pipelining import Pipeline

received = Pipeline.data_received


def told(self, data):
    Pipeline.data_received = received
    signal.raise_signal(signal.SIGTERM)
    received(self, data)


Pipeline.data_received = told
"""


async def test_every_role_answers_its_probes_and_a_draining_one_is_no_longer_ready(build_stack):
    """It is alive while it drains, so that nobody kills it for that."""
    stack = await build_stack()
    fleet = Fleet(stack, ROLES)
    await fleet.start()
    await stack.reach(fleet.urls()[0])
    worker = fleet.members["worker"]
    alive = {name: await member.answers("/livez") for name, member in fleet.members.items()}
    decision = await stack.ask("gated")
    await stack.until_asked("gated@1")

    ending = asyncio.create_task(worker.process.terminate())
    await until(lambda: worker.answers("/readyz"), lambda found: found == 503, seconds=5)
    draining = await worker.answers("/livez")
    stack.open_gate()

    assert await ending == 0
    assert alive == dict.fromkeys(ROLES, 200)
    assert draining == 200
    assert (await stack.read(decision["id"], wait=5))["outcome"]["answer"] == "pay"


async def test_whoever_waits_is_answered_when_an_api_is_told_to_end(build_stack):
    """With what there is: the decision as it stands, and no task. A replica that takes its place is asked next."""
    stack = await build_stack()
    member = Member(stack, "api", ADJUDGE_DRAIN_SECONDS="30")
    await member.start()
    await stack.reach(member.url)
    anna, asked = await stack.reviewer("anna"), await stack.ask()
    waiting = [
        asyncio.create_task(stack.admin.post("/v1/decisions", question(), Prefer="wait=25")),
        asyncio.create_task(stack.admin.get(f"/v1/decisions/{asked['id']}", Prefer="wait=25")),
        asyncio.create_task(anna.post("/v1/reviews/claim", {}, Prefer="wait=25")),
    ]
    await until(lambda: stack.client.get("/metrics"), lambda found: "adjudge_waiting_callers 2.0" in found.text)

    async with asyncio.timeout(15):
        assert await member.process.terminate() == 0

    posted, read, claimed = [task.result() for task in waiting]
    assert (posted.status_code, posted.json()["status"]) == (202, "open")
    assert (read.status_code, read.json()["status"]) == (200, "open")
    assert (claimed.status_code, claimed.json()["tasks"]) == (200, [])


async def test_a_worker_is_not_ready_without_its_broker_and_a_keeper_is(private_valkey, build_stack):
    """A keeper has work that needs only the database."""
    valkey = await private_valkey()
    stack = await build_stack(redis_url=valkey.url)
    async with grounded("worker", stack.settings) as ground:
        before = await ground.standing(needs_broker=True).look()
        await valkey.kill()
        worker = await ground.standing(needs_broker=True).look()
        keeper = await ground.standing(needs_broker=False).look()

    assert before.ready
    assert not worker.ready
    assert worker.body["checks"]["valkey"] == {"ok": False, "degraded": False}
    assert keeper.ready


@pytest.mark.parametrize("role", ROLES)
async def test_a_process_refuses_a_server_that_may_forget_unless_it_is_told_otherwise(build_stack, role):
    """Promise 1: what was acknowledged is as durable as PostgreSQL."""
    stack = await build_stack()
    name = await stack.value("SELECT current_database()")
    await stack.rows(f"ALTER DATABASE {name} SET synchronous_commit = off")

    with pytest.raises(connecting.Unsafe, match="synchronous_commit = off"):
        async with grounded(role, stack.settings):
            pass

    async with grounded(role, msgspec.structs.replace(stack.settings, unsafe=True)) as ground:
        assert (await ground.standing(needs_broker=True).look()).ready


@pytest.mark.parametrize("setting", ["fsync", "synchronous_commit", "full_page_writes"])
async def test_a_server_may_forget_where_any_of_these_is_off(setting):
    class Server:
        """As much of a connection as is asked; a server without fsync is nothing to leave lying about."""

        async def fetchval(self, _: str, name: str) -> str:
            return "off" if name == setting else "on"

    with pytest.raises(connecting.Unsafe, match=f"runs with {setting} = off"):
        await connecting.require_durable(Server())


@pytest.mark.parametrize("role", ROLES)
async def test_a_process_refuses_a_schema_that_it_does_not_know_with_one_line(build_stack, servers, role):
    async with database(servers.database_url, "template0", f"old_for_{role}") as url:
        await upgrade(url, "0001")
        stack = await build_stack()
        process = await stack.spawn(role, DATABASE_URL=url)
        async with asyncio.timeout(20):
            await process.ended()

    said = (stack.folder / f"{role}.log").read_text()
    assert said == f"adjudge: the schema is at 0001, this release needs {newest()}: run `adjudge db upgrade`\n"


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_that_is_told_to_end_while_it_starts_ends(build_stack, tmp_path, role):
    """Even where the signal comes upon a callback of the event loop, whose transport swallows what is raised there."""
    (tmp_path / "sitecustomize.py").write_text(TOLD_IN_A_CALLBACK)
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    stack = await build_stack()

    process = await stack.spawn(role, PYTHONPATH=path)

    async with asyncio.timeout(20):
        assert await process.ended() == 0
    assert "Traceback" not in process.last_words()


async def test_no_role_writes_a_file(build_stack, tmp_path):
    """So that the container's root may be read-only, with no volume."""
    (tmp_path / "sitecustomize.py").write_text(READ_ONLY)
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    stack = await build_stack()
    fleet = Fleet(stack, ROLES, PYTHONPATH=path, PYTHONDONTWRITEBYTECODE="1")
    await fleet.start()
    await stack.reach(fleet.urls()[0])

    settled = await stack.ask("paced", wait=10)
    metrics = [await fetched(member, "/metrics") for member in fleet.members.values()]

    assert (settled["outcome"]["source"], settled["outcome"]["answer"]) == ("model", "pay")
    assert all("adjudge_build_info" in text for text in metrics)
    for role in ROLES:
        assert "Read-only file system" not in (stack.folder / f"{role}.log").read_text()


def test_the_stand_in_for_a_read_only_root_refuses_what_one_would(tmp_path):
    import subprocess

    (tmp_path / "sitecustomize.py").write_text(READ_ONLY)
    file = tmp_path / "written"
    ran = subprocess.run(
        [sys.executable, "-c", f"open({str(file)!r}, 'w')"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

    assert "Read-only file system" in ran.stderr
    assert not Path(file).exists()


async def fetched(member: Member, path: str) -> str:
    async with plain(5) as client:
        return (await client.get(member.url + path)).text


@pytest.mark.parametrize("url", ["nonsense", "postgresql://127.0.0.1:x/adjudge", "postgresql:///adjudge?sslmode=maybe"])
async def test_an_address_that_waiting_does_not_mend_ends_a_role_at_once(url):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "adjudge", "worker"),
        env={**os.environ, "DATABASE_URL": url, "REDIS_URL": "redis://127.0.0.1:1"},
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(20):
        _, said = await process.communicate()

    assert process.returncode == 1
    assert said.decode().splitlines()[-1].startswith("adjudge: DATABASE_URL cannot be used: ")


TALKING = """
import os
print("weights are loaded")
os.write(1, b"a library in C is there\\n")

def m(questions): ...
"""
ASKED = """
types: {t: {answers: [a, b]}}
deciders: {m@1: {python: "models:m"}}
plans: {p: {stages: [{ask: m@1, accept: {by_hand: "confidence > 0.9"}}], fallback: {answer: a}}}
routes: [{type: t, plan: p}]
"""


async def test_a_worker_writes_nothing_but_json_on_standard_output(database_url, redis_url, tmp_path):
    """What its models print goes to standard error, as from processes of their own."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config/all.yaml").write_text(ASKED)
    (tmp_path / "models.py").write_text(TALKING)
    given = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "PYTHONUNBUFFERED": "1"}
    worker = child(
        *(sys.executable, "-m", "adjudge", "worker"), cwd=tmp_path, env=os.environ | given, stdout=PIPE, stderr=PIPE
    )

    async with worker as process, asyncio.timeout(60):
        said = []
        while "worker.started" not in said:
            said.append(json.loads(await process.stdout.readline())["event"])
        process.send_signal(signal.SIGTERM)
        rest, aside = await process.communicate()

    assert all(json.loads(line)["event"] for line in rest.splitlines())
    assert [line for line in aside.decode().splitlines() if line] == ["weights are loaded", "a library in C is there"]
