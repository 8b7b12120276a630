"""Deciders: what each is doing, in shadow or not, and the switch."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from adjudge.api.answers import as_json
from adjudge.api.authentication import Operator
from adjudge.api.problems import Problem
from adjudge.api.services import Here
from adjudge.api.shapes import PROBLEMS, Shape
from adjudge.core.specifications import DeciderSpec
from adjudge.engine.configuration.lookout import CHANGED
from adjudge.store import controls, deciders, shadows
from adjudge.store.review import reviewers
from adjudge.store.review.queues import Queue, read_queues
from adjudge.store.scope import Scope
from adjudge.store.shadows import Tally

router = APIRouter(prefix="/v1/deciders", tags=["deciders"])


HOUR: Final = timedelta(hours=1)
NOW: Final = timedelta(minutes=-1)
"""The minute that is passing counts too."""
_FURTHEST_FROM_CLOSED: Final = {"open": 0, "due": 1, "probing": 2, "closed": 3}


class Breaker(Shape):
    """The breaker that is furthest from closed among the workers."""

    state: Literal["closed", "probing", "due", "open"] = Field(
        description="due: it was open until then, and lets the next question through as a probe"
    )
    reason: str
    fault: str | None
    since: datetime | None
    until: datetime | None


class ShadowTally(Shape):
    """What a decider in shadow should have been asked in the last hour, and what came of it."""

    expected: int
    answered: int
    failed: int
    dropped: int
    missing: int


class PeopleView(Shape):
    """The people of a pool."""

    members: int
    at_work: int = Field(description="have a task, or answered one within five minutes")
    paused: bool


class DeciderView(Shape):
    """A decider, and how it does."""

    id: str
    kind: str
    role: Literal["serving", "shadow"]
    switched_off: bool
    timeout_seconds: float | None = Field(description="null: its stages say how long people have")
    breaker: Breaker | None = Field(description="null: no worker has reported, or people are asked")
    shadow: ShadowTally | None = Field(description="null: it serves")
    workers: list[dict[str, Any]] = Field(description="what each worker says of it")
    people: PeopleView | None = Field(description="null: it is no pool of people")


class Deciders(Shape):
    """All that can be asked."""

    deciders: list[DeciderView]


class Switched(Shape):
    """A switch as it stands."""

    decider: str
    on: bool
    generation: int = Field(description="what relied on an earlier one is refused")


class SwitchBody(BaseModel):
    """Switch a decider off or on, at once and in every process."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"on": False, "reason": "answers are late since noon"}]}
    )

    on: bool
    reason: str = Field(max_length=500, min_length=1)


@router.get("", response_model=Deciders, responses=PROBLEMS)
async def list_deciders(scope: Operator, here: Here) -> Response:
    """Read the state of every decider: breakers with reason, since and until; switches; shadows; people of pools."""
    pools = here.revisions.current.pools
    async with here.pool.acquire() as connection:
        states = await deciders.states(connection)
        in_force = await controls.read(connection)
        tallies = await shadows.tallied(connection, HOUR, NOW)
        queues = await read_queues(connection, scope, sorted(pools))
        people = [each for each in await reviewers.listed(connection, scope) if each.has_key]
    members = Counter(pool for each in people for pool in each.pools)
    now = here.clock()
    told = [(process, decider, _told(scope, _as_it_stands(body, now))) for process, decider, body in states]
    asked = [
        {
            "id": name,
            "kind": spec.kind,
            "role": spec.role,
            "switched_off": name in in_force.switched_off,
            "timeout_seconds": spec.timeout.total_seconds(),
            "breaker": _worst([body for _, decider, body in told if decider == name]),
            "shadow": _shadow(spec, tallies.get(name, Tally())),
            "workers": [{"process": process, **body} for process, decider, body in told if decider == name],
            "people": None,
        }
        for name, spec in here.revisions.in_force.deciders().items()
    ]
    staffed = [_people(queue, members[queue.pool], is_paused=pools[queue.pool].paused) for queue in queues]
    return as_json({"deciders": [*asked, *staffed]})


@router.post("/{decider}/switch", response_model=Switched, responses=PROBLEMS)
async def switch_decider(decider: str, body: SwitchBody, scope: Operator, here: Here) -> Response:
    """Switch a decider off: what it has accepted but not settled is refused, and defers. Not by a bound key."""
    if scope.locations is not None:
        raise Problem("forbidden", "a decider is switched for all locations, and your key is bound to some")
    if not any(decider in held.deciders for held in here.revisions.held):
        raise Problem("not-found", f"there is no decider {decider!r}")
    async with here.pool.acquire() as connection:
        switched = await controls.switch(
            connection, scope, f"{controls.DECIDER}{decider}", on=body.on, reason=body.reason
        )
    await here.streams.hint(CHANGED, b"")
    return as_json({"decider": decider, "on": body.on, "generation": switched.generation})


def _as_it_stands(body: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return what a worker said as it is now: a breaker that was open until then lets the next question through."""
    until = body.get("until")
    is_due = body.get("breaker") == "open" and until is not None and datetime.fromisoformat(until) <= now
    return {**body, "breaker": "due"} if is_due else dict(body)


def _told(scope: Scope, body: dict[str, Any]) -> dict[str, Any]:
    """Return what the caller may know: a fault's detail quotes servers, which quote the evidence of any location."""
    if scope.locations is None or not body.get("reason"):
        return body
    return {**body, "reason": f"{body.get('fault') or 'fault'}: its detail is for keys that are bound to no location"}


def _people(queue: Queue, members: int, *, is_paused: bool) -> dict[str, Any]:
    """Return a pool as a decider: it is asked by its queue, so that no worker tells of it and no breaker holds it."""
    return {
        "id": queue.pool,
        "kind": "reviewers",
        "role": "serving",
        "switched_off": False,
        "timeout_seconds": None,
        "breaker": None,
        "shadow": None,
        "workers": [],
        "people": {"members": members, "at_work": queue.at_work, "paused": is_paused},
    }


def _worst(states: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the breaker that is furthest from closed among the workers; None: no worker has reported."""
    if not states:
        return None
    worst = min(states, key=lambda body: _FURTHEST_FROM_CLOSED.get(str(body.get("breaker")), 3))
    return {"state": worst.get("breaker"), **{name: worst.get(name) for name in ("reason", "fault", "since", "until")}}


def _shadow(spec: DeciderSpec, tally: Tally) -> dict[str, int] | None:
    """Return what was expected and done in the last hour; None: it serves."""
    if not spec.is_shadow:
        return None
    return {
        "expected": tally.expected,
        "answered": tally.answered,
        "failed": tally.failed,
        "dropped": tally.dropped,
        "missing": tally.missing,
    }
