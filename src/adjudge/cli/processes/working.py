"""The worker, put together."""

import asyncio
from contextlib import suppress

import structlog

from adjudge.cli.processes import readiness
from adjudge.cli.processes.grounds import grounded
from adjudge.cli.processes.shadowing import run_shadows
from adjudge.cli.processes.staffing import Staff, patience
from adjudge.cli.settings import Settings
from adjudge.engine.health.observing import StreamObserver
from adjudge.engine.health.readiness import Health, Serve
from adjudge.engine.health.upkeep import Upkeep
from adjudge.store.connecting import UNAVAILABLE
from adjudge.streams import Worker
from adjudge.streams.loop_watch import LoopWatch

log = structlog.get_logger()


async def run_worker(settings: Settings, stop: asyncio.Event, serve: Serve) -> None:
    """Ask deciders and settle until `stop`; then drain."""
    async with grounded("worker", settings) as ground:
        observer = StreamObserver("worker")
        patient = patience(ground.revisions.serving().values())
        loop_watch = LoopWatch(observer, stall_seconds=patient)
        worker = Worker(
            ground.streams,
            (),
            stop=stop,
            drain_seconds=settings.drain_seconds,
            observer=observer,
            stall_seconds=patient,
            loop_watch=loop_watch,
        )
        async with Staff(ground, worker) as staff:
            await staff.serve_all()
            ground.lookout.prepare = staff.prepare
            upkeep = Upkeep(ground.pool, ground.clock, process=ground.name, states=staff.states)
            health = Health(
                is_alive=lambda: _is_alive(worker, staff),
                is_draining=stop.is_set,
                look=ground.standing(needs_broker=True).look,
            )
            with suppress(*UNAVAILABLE):  # then it says so as soon as it can
                await ground.lookout.begin()
            log.info("worker.started", deciders=staff.names(), revision=ground.revisions.current.revision)
            async with asyncio.TaskGroup() as group:
                background = [
                    group.create_task(upkeep.run(), name="upkeep"),
                    group.create_task(ground.lookout.run(ground.streams), name="configuration"),
                    group.create_task(staff.run(), name="staff"),
                    group.create_task(serve(health), name="probe"),
                    group.create_task(readiness.tell(settings.ready_file, health.look), name="ready-file"),
                ]
                group.create_task(run_shadows(ground, stop), name="shadows")
                with loop_watch:
                    await worker.run()
                for task in background:
                    task.cancel()


def _is_alive(worker: Worker, staff: Staff) -> bool:
    return worker.trouble is None and worker.silent_seconds < staff.patience_seconds
