"""What is answered about webhooks: endpoints, their secrets and deliveries."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from adjudge.api.shapes import Shape


class EndpointView(Shape):
    """An endpoint and how it does."""

    id: str
    url: str
    locations: list[str] | None
    types: list[str] | None
    created_at: datetime
    created_by: str
    old_secret_until: datetime | None = Field(description="until when two secrets sign; null: one does")
    failing_since: datetime | None
    failure: str | None
    stopped_at: datetime | None
    waiting: int
    parked: int
    oldest_waiting: datetime | None


class NewEndpoint(EndpointView):
    """An endpoint, and the secret by which it verifies."""

    secret: str = Field(description="shown this once")


class Endpoints(Shape):
    """Endpoints that your key may manage."""

    webhooks: list[EndpointView]


class Tried(Shape):
    """What came of an attempt."""

    delivered: bool
    status: int | None = Field(description="null: no answer came")
    error: str | None
    seconds: float


class NewSecret(Shape):
    """An endpoint's new secret."""

    id: str
    secret: str = Field(description="shown this once")
    old_secret_until: datetime


class Redelivered(Shape):
    """How much is sent again."""

    id: str
    redelivered: int


class Attempt(Shape):
    """How one attempt ended."""

    attempt: int
    at: datetime
    seconds: float
    status: int | None = Field(description="null: no answer came")
    error: str | None


class DeliveryView(Shape):
    """One outcome for one endpoint."""

    decision: UUID
    version: int
    state: Literal["waiting", "sending", "delivered", "parked"]
    created_at: datetime
    next_at: datetime | None = Field(description="null: it has ended")
    ended_at: datetime | None
    attempts: list[Attempt] = Field(description="the latest, oldest first")


class Deliveries(Shape):
    """A page of deliveries, the newest decision first."""

    items: list[DeliveryView]
    next: str | None
