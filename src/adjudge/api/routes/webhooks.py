"""Webhooks: endpoints that outcomes are sent to, and what became of each delivery."""

import asyncio
import secrets
from datetime import timedelta
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, FastAPI, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from adjudge.api.answers import as_json
from adjudge.api.authentication import ClientOrOperator
from adjudge.api.problems import Problem
from adjudge.api.routes.outcomes import ToldOutcome
from adjudge.api.services import Here, Services
from adjudge.api.shapes import PROBLEMS
from adjudge.api.shapes.webhooks import Deliveries, Endpoints, NewEndpoint, NewSecret, Redelivered, Tried
from adjudge.core.signing import shown
from adjudge.engine.clocks import loop_time
from adjudge.engine.webhooks.receivers import NOTICED_SECONDS
from adjudge.outbound import check_url, without_values
from adjudge.store.connecting import Connection
from adjudge.store.scope import Scope
from adjudge.store.webhooks import deliveries, endpoints
from adjudge.store.webhooks.deliveries import LONGEST_LIST
from adjudge.store.webhooks.endpoints import Receiver

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

State = Literal["waiting", "sending", "delivered", "parked"]

SECRET_BYTES: Final = 32
REDELIVERED_AT_ONCE: Final = 10_000
LAST: Final = UUID(int=2**128 - 1)
URL: Final = "https://example.com/hooks/adjudge"


class EndpointBody(BaseModel):
    """An endpoint to be added. Locations and types that it is told of; unset: all that your key may see."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"url": URL}]})

    url: str = Field(max_length=2048, examples=[URL])
    locations: list[str] | None = Field(None, min_length=1, max_length=1000)
    types: list[str] | None = Field(None, min_length=1, max_length=1000)


class RotateBody(BaseModel):
    """A new secret to be made."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"keep_hours": 24}]})

    keep_hours: float = Field(24, ge=0, le=720, description="how long the old secret signs beside the new one")


class RedeliverBody(BaseModel):
    """What to send again: all that is parked, or what was told of one decision."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{}]})

    decision: UUID | None = None


async def outcome(
    event: ToldOutcome,
    webhook_id: Annotated[str, Header(description="the same for every attempt at one outcome")],
    webhook_timestamp: Annotated[int, Header(description="when this attempt was signed, in seconds since 1970")],
    webhook_signature: Annotated[
        str,
        Header(
            description="`v1,` and the Base64 of HMAC-SHA256 over `id.timestamp.body`, with the bytes of the secret; "
            "two with a space between while a new secret replaces an old one"
        ),
    ],
) -> None:
    """What your endpoint is sent for each outcome, signed as Standard Webhooks has it.

    Answer with 2xx within 15 seconds; anything else is tried again for three days, but 410 ends it.
    """


def describe(app: FastAPI) -> None:
    """Add to the document what endpoints are sent."""
    answers: dict[int | str, dict[str, Any]] = {
        "2XX": {"description": "it has arrived"},
        410: {"description": "send no more"},
    }
    app.webhooks.add_api_route(
        "outcome", outcome, methods=["POST"], status_code=204, responses=answers, tags=["webhooks"]
    )


@router.post("", status_code=201, response_model=NewEndpoint, responses=PROBLEMS)
async def add(body: EndpointBody, scope: ClientOrOperator, here: Here) -> Response:
    """Add an endpoint. Its secret is shown this once. It is told of what is settled from now on."""
    check_url(body.url, here.permitted)
    _known(here, scope, body)
    endpoint, secret = "wh_" + secrets.token_hex(6), secrets.token_bytes(SECRET_BYTES)
    async with here.pool.acquire() as connection:
        locations = body.locations if body.locations is not None else scope.locations
        if not await endpoints.add(
            connection, scope, endpoint, body.url, locations=locations, types=body.types, secret=secret
        ):
            raise Problem("too-many-webhooks", f"there are {endpoints.MOST} endpoints already")
        [made] = await _seen(connection, scope, endpoint)
        return as_json({**made, "secret": shown(secret)}, 201)


@router.get("", response_model=Endpoints, responses=PROBLEMS)
async def list_endpoints(scope: ClientOrOperator, here: Here) -> Response:
    """List endpoints and how they do; never the secrets, nor the values in a URL's query."""
    async with here.pool.acquire() as connection:
        return as_json({"webhooks": await _seen(connection, scope)})


@router.delete("/{webhook}", status_code=204, responses=PROBLEMS)
async def remove(webhook: str, scope: ClientOrOperator, here: Here) -> Response:
    """Remove an endpoint. What waits for it is not sent."""
    async with here.pool.acquire() as connection:
        if not await endpoints.remove(connection, scope, webhook):
            raise _unknown(webhook)
    return Response(status_code=204)


@router.post("/{webhook}/test", response_model=Tried, responses=PROBLEMS)
async def test(webhook: str, scope: ClientOrOperator, here: Here) -> Response:
    """Send a signed event that tells of nothing, once and at once; answer with what came of it."""
    from adjudge.engine.webhooks.trying_out import try_out  # noqa: PLC0415  an HTTP client, for this request alone

    receiver = await _receiver(here, scope, webhook)
    answered = await try_out(receiver, here.permitted, now=here.clock, monotonic=loop_time, new_id=here.new_id)
    return as_json(
        {
            "delivered": answered.is_delivered,
            "status": answered.status,
            "error": answered.error,
            "seconds": answered.seconds,
        }
    )


@router.post("/{webhook}/rotate", response_model=NewSecret, responses=PROBLEMS)
async def rotate(webhook: str, body: RotateBody, scope: ClientOrOperator, here: Here) -> Response:
    """Make a new secret, shown this once; from the answer on, for a while, every message is signed with both."""
    secret = secrets.token_bytes(SECRET_BYTES)
    async with here.pool.acquire() as connection:
        until = await endpoints.rotate(connection, scope, webhook, secret, timedelta(hours=body.keep_hours))
    if until is None:
        raise _unknown(webhook)
    await asyncio.sleep(NOTICED_SECONDS)  # who is shown the secret may at once verify by it alone
    return as_json({"id": webhook, "secret": shown(secret), "old_secret_until": until})


@router.post("/{webhook}/redeliver", response_model=Redelivered, responses=PROBLEMS)
async def redeliver(webhook: str, body: RedeliverBody, scope: ClientOrOperator, here: Here) -> Response:
    """Send again what was parked, or what one decision was told, whatever became of it; start a stopped endpoint."""
    async with here.pool.acquire() as connection, connection.transaction():
        if not await endpoints.resume(connection, scope, webhook):
            raise _unknown(webhook)
        count = await deliveries.redeliver(connection, scope, webhook, body.decision, REDELIVERED_AT_ONCE)
    return as_json({"id": webhook, "redelivered": count})


@router.get("/{webhook}/deliveries", response_model=Deliveries, responses=PROBLEMS)
async def list_deliveries(
    webhook: str,
    scope: ClientOrOperator,
    here: Here,
    state: Annotated[State | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=LONGEST_LIST)] = 50,
    cursor: Annotated[str | None, Query(max_length=100, description="`next` of the page before")] = None,
) -> Response:
    """List deliveries with their attempts, the newest decision first. Kept for a week; parked ones a month."""
    before = (LAST, 0) if cursor is None else _read_cursor(cursor)
    await _receiver(here, scope, webhook)
    async with here.pool.acquire() as connection:
        found = await deliveries.listed(connection, scope, webhook, state, before, limit)
    following = f"{found[-1].decision}.{found[-1].version}" if len(found) == limit else None
    return as_json({"items": found, "next": following})


def _known(here: Services, scope: Scope, body: EndpointBody) -> None:
    """Refuse locations and types that are not there, or not for this key."""
    configuration = here.revisions.current
    for index, name in enumerate(body.locations or ()):
        configuration.location(name)
        if not scope.sees(name):
            raise Problem("forbidden", f"your key is not for location {name!r}", pointer=f"#/locations/{index}")
    for index, name in enumerate(body.types or ()):
        if name not in configuration.types:
            raise Problem("unknown-type", f"there is no question type {name!r}", pointer=f"#/types/{index}")


async def _receiver(here: Services, scope: Scope, webhook: str) -> Receiver:
    async with here.pool.acquire() as connection:
        found = await endpoints.receiver(connection, scope, webhook)
    if found is None:
        raise _unknown(webhook)
    return found


async def _seen(connection: Connection, scope: Scope, webhook: str | None = None) -> list[dict[str, Any]]:
    """Return endpoints as they are shown, or the one: whoever may list them need not know the tokens of others."""
    found = await endpoints.listed(connection, scope, webhook)
    return [{**msgspec.to_builtins(each), "url": without_values(each.url)} for each in found]


def _read_cursor(text: str) -> tuple[UUID, int]:
    decision, _, version = text.partition(".")
    try:
        before = UUID(decision), int(version)
    except ValueError:
        before = None
    if before is None or not 0 <= before[1] < 2**31:
        raise Problem("invalid-cursor", "this is not the `next` of a page", pointer="#/cursor (query)")
    return before


def _unknown(webhook: str) -> Problem:
    return Problem("not-found", f"there is no webhook {webhook!r}")
