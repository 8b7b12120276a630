"""`adjudge up`: everything on this machine, stopped together, nothing lost."""

import asyncio
import functools
import json
import os
import random
import secrets
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import typer

from adjudge.cli.awaiting import Awaited, answers
from adjudge.cli.folders import Folder
from adjudge.cli.output import as_json
from adjudge.cli.ports import require_free
from adjudge.cli.processes.readiness import is_told
from adjudge.cli.refusing import Refused
from adjudge.cli.settings import Settings, read_settings
from adjudge.cli.up_folder import publish_folder
from adjudge.config import base_of, compile_documents, read_folder
from adjudge.stack import Ready, Servers, StackError, embedded, mapped_files, require_unheld, run_roles
from adjudge.store import keys, migrations
from adjudge.store.connecting import UNAVAILABLE, open_connection
from adjudge.store.keys import new_key_id, new_secret
from adjudge.store.scope import SYSTEM

PROJECT = Path(".adjudge")
KEY_NAME = "up"


def up(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    config: Annotated[Path | None, typer.Option(help="Folder of the configuration.")] = None,
    unsafe: Annotated[bool, typer.Option("--unsafe", help="Run on a PostgreSQL that may forget.")] = False,
    workers: Annotated[int, typer.Option(help="Worker processes.", min=1, max=64)] = 1,
    as_json_: Annotated[bool, typer.Option("--json", help="Say as JSON that all is ready.")] = False,
) -> None:
    """Run PostgreSQL, Valkey, api, worker and keeper until Ctrl-C; nothing is lost.

    DATABASE_URL and REDIS_URL replace the embedded servers.
    """
    given: dict[str, Any] = {"host": host, "port": port, "config": config, "unsafe": unsafe or None}
    try:
        _run(read_settings(**given), workers, as_json_)
    except StackError as error:
        raise Refused(str(error)) from error


def _run(settings: Settings, workers: int, in_json: bool) -> None:
    try:
        asyncio.run(_up(settings, workers, in_json))
    except ExceptionGroup as failed:  # the first says why; the others were ended by it
        raise failed.exceptions[0] from failed


async def _up(settings: Settings, workers: int, in_json: bool) -> None:
    started = time.monotonic()
    folder = Path.cwd() / PROJECT
    await _require_all(settings, folder)
    stop = _stopped_by_signals()
    given = {"postgres": settings.database_url is None, "valkey": settings.redis_url is None}
    async with embedded(folder, **given, report=_report) as servers:
        database_url = settings.database_url or str(servers.database_url)
        redis_url = settings.redis_url or str(servers.redis_url)
        _report("bringing the schema up to date")
        await migrations.upgrade(database_url)
        if told := await publish_folder(Folder(settings.config, Path.cwd()), database_url):
            _report(told)
        url = url_of(settings.host, settings.port)
        async with _key_file(folder, database_url, redis_url, url):
            with mapped_files(folder) as metrics:
                env = _environment(folder, settings, database_url, redis_url, metrics)
                ready = functools.partial(_announce, servers, url, started, in_json)
                await _work(settings, workers, folder, env, stop, ready)


async def _require_all(settings: Settings, folder: Path) -> None:
    """Refuse before anything starts: a configuration with faults, a folder or port in use, servers that are away."""
    base = base_of(settings.config, Path.cwd())
    documents = read_folder(settings.config.resolve(), relative_to=base)
    compile_documents(documents, base=base, is_new=False)  # whether it is new is known once the database is there
    require_unheld(folder)
    require_free(settings.host, settings.port)
    await _require_reachable(settings)


def _stopped_by_signals() -> asyncio.Event:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _work(
    settings: Settings,
    workers: int,
    folder: Path,
    env: Mapping[str, str],
    stop: asyncio.Event,
    announce: Callable[[], None],
) -> None:
    """Run the roles until `stop`; announce it once each of them is at work."""
    at_work = _empty(folder / "ready")
    commands = _commands(workers, at_work)
    awaited = Awaited({"api": functools.partial(answers, settings.host, settings.port), **_files(commands, at_work)})
    async with asyncio.TaskGroup() as group:
        roles = group.create_task(
            run_roles(
                commands,
                env=env,
                ready=awaited.checks,
                report=_report,
                stop=stop,
                ended=functools.partial(_forget_gauges, env["PROMETHEUS_MULTIPROC_DIR"]),
                log_folder=_made(folder / "logs"),
                drain_seconds=settings.drain_seconds + 5,
            )
        )
        if await awaited.all(stop, logs=PROJECT / "logs"):
            announce()
        await roles


def _forget_gauges(metrics: str, process: int) -> None:
    """What a process last said of its state does not outlive it: no alarm goes on for a breaker that died open."""
    from prometheus_client.multiprocess import mark_process_dead  # nothing else of `up` counts anything

    mark_process_dead(process, metrics)  # type: ignore[no-untyped-call]


async def _require_reachable(settings: Settings) -> None:
    """What is named instead of an embedded server must be there. Raises Refused."""
    if settings.database_url is not None:
        try:
            async with open_connection(settings.database_url):
                pass
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise Refused(f"cannot use the database of DATABASE_URL: {error or 'no answer in time'}") from error
    if settings.redis_url is not None:
        from adjudge.cli.processes.brokers import broker  # the embedded one need not be looked at

        async with broker(settings.redis_url, random.SystemRandom()) as streams:
            if not await streams.ping():
                raise Refused("the Redis or Valkey of REDIS_URL does not answer")


def url_of(host: str, port: int) -> str:
    """Return where commands find the API; an address of IPv6 stands in brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _commands(workers: int, at_work: Path) -> dict[str, list[str]]:
    names = ["worker"] if workers == 1 else [f"worker-{n + 1}" for n in range(workers)]
    program = [sys.executable, "-m", "adjudge"]
    return {
        "api": [*program, "api"],
        **{name: [*program, "worker", "--ready-file", str(at_work / name)] for name in names},
        "keeper": [*program, "keeper", "--ready-file", str(at_work / "keeper")],
    }


def _files(commands: Mapping[str, Sequence[str]], at_work: Path) -> dict[str, Ready]:
    return {name: functools.partial(_is_at_work, at_work / name) for name in commands if name != "api"}


async def _is_at_work(file: Path) -> bool:
    return is_told(file)


def _environment(folder: Path, settings: Settings, database_url: str, redis_url: str, metrics: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "ADJUDGE_CONFIG": str(settings.config),
        "ADJUDGE_REVISION_COPY": str(folder / "revision.json"),
        "ADJUDGE_HOST": settings.host,
        "ADJUDGE_PORT": str(settings.port),
        "ADJUDGE_UNSAFE": str(settings.unsafe),
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        "ADJUDGE_METRICS_PORT": "0",  # one port for several roles: all but one would end; the api tells for all
    }


@asynccontextmanager
async def _key_file(folder: Path, database_url: str, redis_url: str, url: str) -> AsyncIterator[None]:
    """Open the admin key of this project for this run and leave it where commands find it; it ends with the run."""
    secret = new_secret()
    async with open_connection(database_url) as connection:
        await keys.revoke_named(connection, SYSTEM, KEY_NAME, SYSTEM.principal)
        if not await keys.reopen(connection, SYSTEM, KEY_NAME, SYSTEM.principal, secret):
            await keys.create(
                connection,
                id=new_key_id(),
                name=KEY_NAME,
                role="admin",
                secret=secret,
                created_by=SYSTEM.principal,
            )
    _write_private(folder / "api.json", {"url": url, "key": secret})
    _write_private(folder / "stack.json", {"database_url": database_url, "redis_url": redis_url})
    try:
        yield
    finally:
        for name in ("api.json", "stack.json"):
            (folder / name).unlink(missing_ok=True)
        with suppress(*UNAVAILABLE):  # then the next run ends it
            async with open_connection(database_url) as connection:
                await keys.revoke_named(connection, SYSTEM, KEY_NAME, SYSTEM.principal)


def _write_private(path: Path, value: object) -> None:
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        json.dump(value, stream)
    fresh.replace(path)


def _announce(servers: Servers, url: str, started: float, in_json: bool) -> None:
    seconds = round(time.monotonic() - started, 1)
    postgres, valkey, roles = servers.postgres_version, servers.valkey_version, ("api", "worker", "keeper")
    if in_json:
        ready = {"seconds": seconds, "url": url, "postgresql": postgres, "valkey": valkey, "roles": roles}
        print(as_json(ready), flush=True)
        return
    parts = [
        f"PostgreSQL {postgres}" if postgres else "PostgreSQL (yours)",
        f"Valkey {valkey}" if valkey else "Redis (yours)",
        *roles,
    ]
    where = f"{url}/docs; key in {PROJECT}/, where commands find it"
    print(f"ready in {seconds:.1f} s: {', '.join(parts)}; {where}", flush=True)


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return _made(folder)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
