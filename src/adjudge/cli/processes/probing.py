"""What a worker or keeper answers to probes, without a web framework."""

import asyncio

import msgspec

from adjudge.cli.processes.grounds import render_metrics
from adjudge.cli.refusing import Refused
from adjudge.cli.settings import Settings
from adjudge.engine.health.readiness import Health
from adjudge.streams.counting import CONTENT_TYPE
from adjudge.streams.probing import Answer, probes


async def probe(settings: Settings, health: Health) -> None:
    """Serve /livez, /readyz and /metrics where a port is set, until cancelled. Raises Refused where it is taken."""
    host, port = settings.host, settings.metrics_port
    if not port:
        return

    async def livez() -> Answer:
        return _said({"status": "alive"}) if health.is_alive() else _said({"status": "silent"}, 503)

    async def readyz() -> Answer:
        if health.is_draining():
            return _said({"status": "draining"}, 503)
        report = await health.look()
        return _said(report.body, 200 if report.ready else 503)

    async def metrics() -> Answer:
        return Answer(200, render_metrics().decode(), CONTENT_TYPE)

    try:
        async with probes(host, port, {"/livez": livez, "/readyz": readyz, "/metrics": metrics}):
            await asyncio.Event().wait()
    except OSError as error:
        raise Refused(f"cannot serve probes on {host}:{port}: {error.strerror}") from error


def _said(body: object, status: int = 200) -> Answer:
    return Answer(status, msgspec.json.encode(body).decode(), "application/json")
