"""One run of the demo, put together: sets, script, project, system, replay, count, report."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from adjudge.client import AsyncAdjudge
from adjudge_retail import TABLES
from adjudge_retail.demo import example, showing, telling
from adjudge_retail.demo.cases import Source, folder_sources, shipped_sources
from adjudge_retail.demo.configuration import documents
from adjudge_retail.demo.counting import count
from adjudge_retail.demo.crowd import Crowd
from adjudge_retail.demo.figures import rows
from adjudge_retail.demo.ledger import Ledger
from adjudge_retail.demo.page import page
from adjudge_retail.demo.project import Project, lend_connection, take_back, write_project
from adjudge_retail.demo.replaying import Replay
from adjudge_retail.demo.report import Report, write_json, write_rows
from adjudge_retail.demo.reviewers import NAMES, Reviewer
from adjudge_retail.demo.script import Script, write_example, write_script
from adjudge_retail.demo.serving import Endpoint, NotServing, is_running, running_elsewhere, serving
from adjudge_retail.labelled import read_set

SHOW_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the caller of the demo wants."""

    decisions: int
    data: Path | None
    """A labelled set; None: the shipped tables."""
    example: bool
    """Whether it plays at the 120 stores of the example configuration."""
    folder: Path
    json: Path | None
    csv: Path | None
    html: Path | None
    speed: float | None
    seed: int
    target: float
    run: str
    stays_up: bool


async def run_demo(wishes: Wishes, console: Console) -> int:
    """Run the demo; return its exit status."""
    script = _written(wishes)
    console.print(telling.introduction(script), soft_wrap=not console.is_terminal)
    async with _system(wishes.folder, script) as (endpoint, project):
        console.print(f"The system runs at {endpoint.url}, project folder {project.folder}", soft_wrap=True)
        report = await _replayed(script, endpoint, project, console)
        _tell(report, wishes, console)
        if wishes.stays_up and report.rows:
            await _stay_up(report, endpoint, project, console)
    return 1 if report.faults() else 0


def _written(wishes: Wishes) -> Script:
    sources, decisions, speed, seed, run = (
        _sources(wishes.data),
        wishes.decisions,
        wishes.speed,
        wishes.seed,
        wishes.run,
    )
    if wishes.example:
        return write_example(sources, decisions, speed=speed, seed=seed, run=run)
    return write_script(sources, decisions, speed=speed, seed=seed, run=run, target=wishes.target)


def _sources(data: Path | None) -> Sequence[Source]:
    if data is not None:
        return folder_sources(read_set(data))
    return shipped_sources(read_set(TABLES / "grocery"), read_set(TABLES / "grocery-claims"))


@asynccontextmanager
async def _system(folder: Path, script: Script) -> AsyncIterator[tuple[Endpoint, Project]]:
    """Use the running system that the environment names, else start one."""
    endpoint = running_elsewhere(os.environ)
    if endpoint is not None:
        await _require_types(endpoint, script)
        yield endpoint, Project(folder)
        return
    if await is_running(folder):
        raise NotServing(f"a demo runs in {folder} already: stop it (Ctrl-C) or choose another --folder")
    setting = script.setting
    project = write_project(folder, example.documents() if setting.is_example else documents(setting))
    async with serving(folder) as started:
        yield started, project


async def _require_types(endpoint: Endpoint, script: Script) -> None:
    """Raise NotServing where the running system is not one of the demo's."""
    async with AsyncAdjudge(endpoint.url, endpoint.key) as admin:
        declared = str((await admin.config.get()).types)
    missing = [source.type for source in script.setting.sources if source.type not in declared]
    if missing:
        raise NotServing(f"the system at {endpoint.url} has no question type {', '.join(missing)}")


async def _replayed(script: Script, endpoint: Endpoint, project: Project, console: Console) -> Report:
    ledger, clock = Ledger(len(script.scenes)), asyncio.get_running_loop().time
    async with AsyncExitStack() as stack:
        admin = await stack.enter_async_context(AsyncAdjudge(endpoint.url, endpoint.key))
        key = await admin.keys.create(f"demo-{script.run}", "client")
        client = await stack.enter_async_context(AsyncAdjudge(endpoint.url, key.key))
        reviewers = await _reviewers(script, endpoint, ledger, admin, stack)
        replay = Replay(
            script=script,
            client=client,
            operator=admin,
            ledger=ledger,
            reviewers=reviewers,
            picture=lambda scene: project.picture_of(scene.case),
            tell=lambda news: showing.show_news(console, *telling.news(news, script, ledger)),
        )
        started = clock()
        await _shown(replay, console)
        seconds = clock() - started
    return Report(
        script=script,
        rows=rows(ledger),
        count=await count(endpoint.database_url, list(ledger.entries), script.run),
        refused=ledger.refused,
        seconds=seconds,
        latest_seconds=max((entry.late_seconds for entry in ledger.entries.values()), default=0.0),
        held_seconds=replay.held_seconds,
        earning=replay.earning,
        release=replay.release,
    )


async def _reviewers(
    script: Script, endpoint: Endpoint, ledger: Ledger, admin: AsyncAdjudge, stack: AsyncExitStack
) -> list[Reviewer]:
    crowd, reviewers = Crowd(script.seed, script.hardest), []
    known = {reviewer.name for reviewer in await admin.reviewers.list()}
    suffix = f"-{script.run}" if known.intersection(NAMES) else ""
    pools = [pool for pool, people in script.staff.items() for _ in range(people)]
    for name, pool in zip(NAMES, pools, strict=True):
        added = await admin.reviewers.add(f"{name}{suffix}", [pool])
        client = await stack.enter_async_context(AsyncAdjudge(endpoint.url, added.key))
        reviewers.append(
            Reviewer(
                name=name,
                client=client,
                pool=pool,
                crowd=crowd,
                ledger=ledger,
                speed=script.speed,
                audits=pool in script.auditing,
            )
        )
    return reviewers


async def _shown(replay: Replay, console: Console) -> None:
    """Run a replay and show how far it is."""
    with showing.live(console, replay) as refresh:
        async with asyncio.TaskGroup() as group:
            ticking = group.create_task(_tick(refresh), name="show progress")
            await replay.run()
            ticking.cancel()
        refresh()


async def _tick(refresh: Callable[[], None]) -> None:
    while True:
        refresh()
        await asyncio.sleep(SHOW_SECONDS)


def _tell(report: Report, wishes: Wishes, console: Console) -> None:
    if report.keys:
        console.print(showing.earning_table(report.script, report.rows, report.earning, report.release))
    console.print(telling.query_shown(), markup=False, soft_wrap=True)
    console.print(showing.table_of(report))
    console.print(telling.conclusion(report), soft_wrap=not console.is_terminal)
    for fault in report.faults():
        console.print(f"FAILED: {fault}", style="bold red", markup=False, soft_wrap=True)
    if wishes.json is not None:
        write_json(report, wishes.json)
    if wishes.csv is not None:
        write_rows(report.rows, wishes.csv)
    if wishes.html is not None:
        wishes.html.write_text(page(report), encoding="utf-8")
        console.print(f"The report: {wishes.html}", markup=False, soft_wrap=True)


async def _stay_up(report: Report, endpoint: Endpoint, project: Project, console: Console) -> None:
    """Keep the system running until Ctrl-C."""
    lent = lend_connection(project, Path.cwd())
    is_here = lent is not None or project.folder.resolve() == Path.cwd()
    console.print(
        telling.next_steps(report.rows, endpoint.url, None if is_here else str(project.folder)), soft_wrap=True
    )
    try:
        await _told_to_stop()
    finally:
        if lent is not None:
            take_back(lent)


async def _told_to_stop() -> None:
    """Wait for Ctrl-C or SIGTERM, which from here on end the demo in an orderly way."""
    told, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    await told.wait()
