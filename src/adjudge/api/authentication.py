"""API keys: who is calling, and what for."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import Annotated, Final, TypeAlias

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from adjudge.api.problems import Problem
from adjudge.config.documents.faults import nearest
from adjudge.engine.admission.limiting import Limiter
from adjudge.store import connecting, keys
from adjudge.store.connecting import Pool
from adjudge.store.scope import Role, Scope

REMEMBERED_SECONDS = 3.0
"""How long a revoked key may still work on a replica."""
MOST_REMEMBERED = 10_000
LONGEST_SECRET = 200
STRANGERS_AT_ONCE = 2
"""Connections that keys may take which were not seen lately."""
GIVEN_TWICE: Final = "the header authorization is given more than once: which key counts cannot be known"


class Authentication:
    """Looks keys up, and remembers them for a moment.

    One look-up serves all that wait for the same key, its failure too: behind a database that hangs nobody
    waits longer than for one. Keys that nobody knows are looked up a few at a time, and stand in nobody's way.
    """

    def __init__(self, pool: Pool, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._monotonic = monotonic
        self._known: dict[bytes, tuple[Scope, float]] = {}
        self._under_way: dict[bytes, asyncio.Future[Scope]] = {}
        self._strangers = asyncio.Semaphore(STRANGERS_AT_ONCE)

    async def scope(self, header: bytes | None) -> Scope:
        """Return whom the Authorization header stands for. Raises Problem: unauthenticated."""
        if header is None:
            raise Problem("unauthenticated", "an API key is needed: `Authorization: Bearer KEY`")
        known = self._known.get(header)
        if known is not None and known[1] > self._monotonic():
            return known[0]
        under_way = self._under_way.get(header)
        if under_way is not None:
            return await asyncio.shield(under_way)
        return await self._for_all(header, is_stranger=known is None)

    async def _for_all(self, header: bytes, *, is_stranger: bool) -> Scope:
        """Look a key up for whoever else asks for it meanwhile."""
        under_way = self._under_way[header] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(connecting.ACQUIRE_SECONDS), self._strangers if is_stranger else nullcontext():
                found = await self._looked_up(header)
        except BaseException as error:
            gave_up = Problem("unavailable", "this key could not be looked up in time: ask again")
            under_way.set_exception(error if isinstance(error, Exception) else gave_up)
            under_way.exception()  # nobody else may have waited
            raise
        else:
            under_way.set_result(found)
            return found
        finally:
            del self._under_way[header]

    async def _looked_up(self, header: bytes) -> Scope:
        scheme, _, secret = header.partition(b" ")
        found = None
        if scheme.lower() == b"bearer" and 0 < len(secret) < LONGEST_SECRET:
            async with self._pool.acquire() as connection:
                found = await keys.scope_of(connection, keys.hashed(secret.decode("latin-1").strip()))
        if found is None:
            self._known.pop(header, None)
            raise Problem("unauthenticated", "this API key is unknown or revoked")
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[header] = (found, self._monotonic() + REMEMBERED_SECONDS)
        return found


def require(scope: Scope, *roles: Role) -> Scope:
    """Return the scope where it has one of the roles; an admin may do all but a person's work. Raises Problem."""
    if scope.role in roles or (scope.role == "admin" and roles != ("reviewer",)):
        return scope
    raise Problem("forbidden", f"this needs a key with the role {' or '.join(roles)}, yours is {scope.role}")


class Calling:
    """Dependency: whoever calls, with one of these roles, within the limits of their key.

    The framework asks it before it holds a body against its model: who may not do something is not told of
    the faults of how they asked.
    """

    def __init__(self, *roles: Role) -> None:
        self._roles = roles

    async def __call__(self, request: Request) -> Scope:
        """Return the scope. Raises Problem: unauthenticated, forbidden, invalid-body; LimitReached."""
        authentication: Authentication = request.app.state.services.authentication
        given = request.headers.getlist("authorization")
        if len(given) > 1:
            raise Problem("unauthenticated", GIVEN_TWICE)
        scope = await authentication.scope(given[0].encode("latin-1") if given else None)
        if scope.limits is not None:
            limiter: Limiter = request.app.state.services.limiter
            limiter.request(scope)
            limiter.received(scope, getattr(request.receive, "size", 0))  # `bodies.Body`: the framework has read it
        require(scope, *self._roles)
        _refuse_unknown_parameters(request)
        return scope


Admin: TypeAlias = Annotated[Scope, Depends(Calling("admin"))]
Operator: TypeAlias = Annotated[Scope, Depends(Calling("operator"))]
ClientOrOperator: TypeAlias = Annotated[Scope, Depends(Calling("client", "operator"))]
Reviewer: TypeAlias = Annotated[Scope, Depends(Calling("reviewer"))]
OperatorOrReviewer: TypeAlias = Annotated[Scope, Depends(Calling("operator", "reviewer"))]


async def admit(request: Request) -> None:
    """Raise what the route's own dependency would: for a body that the framework could not even read."""
    route = request.scope.get("route")
    for calling in _calling(route.dependant) if isinstance(route, APIRoute) else ():
        await calling(request)


def _calling(dependant: Dependant) -> Iterator[Calling]:
    for each in dependant.dependencies:
        if isinstance(each.call, Calling):
            yield each.call
        yield from _calling(each)


def _refuse_unknown_parameters(request: Request) -> None:
    """A filter with a slip of the pen would list everything, a cursor begin anew. Raises Problem: invalid-body."""
    route = request.scope.get("route")
    if not request.query_params or not isinstance(route, APIRoute):
        return
    known = sorted(field.alias for field in route.dependant.query_params)
    given = Counter(name for name, _ in request.query_params.multi_items())
    faults = [(f"#/{name} (query)", _meant(name, known)) for name in given if name not in known]
    faults += [(f"#/{name} (query)", "is given more than once") for name, times in given.items() if times > 1]
    if faults:
        raise Problem("invalid-body", "the request does not fit", faults=faults[:20])


def _meant(name: str, known: Sequence[str]) -> str:
    meant = nearest(name, known)
    return "is no parameter here" + (f"; did you mean `{meant}`?" if meant else "")
