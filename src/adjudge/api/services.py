"""What the routes stand on, put together in `cli/roles.py`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request

from adjudge.api.authentication import Authentication
from adjudge.api.media import Media
from adjudge.engine.admission import Admission
from adjudge.engine.clocks import DatabaseClock
from adjudge.engine.identifiers import NewId
from adjudge.engine.intake import Intake
from adjudge.engine.notifying import Waiters
from adjudge.engine.revisions import Revisions
from adjudge.engine.sending import Sender
from adjudge.engine.stepping import Stepper
from adjudge.store.connecting import Pool
from adjudge.streams import Streams


@dataclass(slots=True, kw_only=True)
class Services:
    """One API process."""

    pool: Pool
    streams: Streams
    revisions: Revisions
    intake: Intake
    admission: Admission
    waiters: Waiters
    stepper: Stepper
    sender: Sender
    authentication: Authentication
    media: Media
    clock: DatabaseClock
    new_id: NewId
    render_metrics: Callable[[], bytes]
    state: dict[str, Any] = field(default_factory=dict)
    """What the process knows of itself for readiness: written by its upkeep task."""


async def services(request: Request) -> Services:
    """Dependency: the services of this process."""
    found: Services = request.app.state.services
    return found
