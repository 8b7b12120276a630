"""What the routes need, put together in `cli/processes/serving.py`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from fastapi import Depends, Request

from adjudge.api.authentication import Authentication
from adjudge.api.media import Media
from adjudge.engine.admission.admitting import Admission
from adjudge.engine.admission.limiting import Limiter
from adjudge.engine.clocks import DatabaseClock
from adjudge.engine.configuration.lookout import Lookout
from adjudge.engine.configuration.revisions import Revisions
from adjudge.engine.deciding.amending import Amending
from adjudge.engine.deciding.cancelling import Cancelling
from adjudge.engine.deciding.notifying import Waiters
from adjudge.engine.deciding.sending import Sender
from adjudge.engine.deciding.stepping import Stepper
from adjudge.engine.feed.following import Feed
from adjudge.engine.identifiers import NewId
from adjudge.engine.intake.opening import Intake
from adjudge.outbound import Permitted
from adjudge.review.answering import Answering
from adjudge.store.connecting import Pool
from adjudge.streams import Streams


@dataclass(slots=True, kw_only=True)
class Services:
    """One API process."""

    pool: Pool
    streams: Streams
    revisions: Revisions
    lookout: Lookout
    intake: Intake
    admission: Admission
    waiters: Waiters
    feed: Feed
    stepper: Stepper
    answering: Answering
    sender: Sender
    cancelling: Cancelling
    amending: Amending
    authentication: Authentication
    limiter: Limiter
    media: Media
    permitted: Permitted
    """Which addresses webhooks may have."""
    clock: DatabaseClock
    new_id: NewId
    chance: Callable[[], float]
    """Gives a number from 0 to 1."""
    render_metrics: Callable[[], bytes]


async def services(request: Request) -> Services:
    """Dependency: the services of this process."""
    found: Services = request.app.state.services
    return found


Here: TypeAlias = Annotated[Services, Depends(services)]
