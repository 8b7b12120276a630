"""How long requests take, by route and kind of answer.

Figures of many requests are written together, a moment later: to write each into memory that processes share would
take a twentieth of a short request.
"""

import asyncio
from collections.abc import MutableMapping
from typing import Any, Final

from adjudge.telemetry import names
from adjudge.telemetry.histograms import observe_all

HOT: Final = frozenset({"/v1/decisions", "/v1/decisions/bulk"})
"""Answered before the router."""
NO_ROUTE: Final = "none"
"""Of paths that no route has: strangers' paths are no label."""
WRITTEN_AFTER_SECONDS: Final = 0.5
MOST_UNWRITTEN: Final = 1_000

_unwritten: dict[tuple[str, int], list[float]] = {}


def observe(route: str, status: int, seconds: float) -> None:
    """Count one answer; `route` is of the application's own routes."""
    if not _unwritten:
        asyncio.get_running_loop().call_later(WRITTEN_AFTER_SECONDS, write)
    values = _unwritten.setdefault((route, status // 100), [])
    values.append(seconds)
    if len(values) >= MOST_UNWRITTEN:
        write()


def write() -> None:
    """Write what was counted."""
    for (route, kind), values in _unwritten.items():
        observe_all(names.HTTP_SECONDS.labels(route, f"{kind}xx"), values)
    _unwritten.clear()


def route_of(scope: MutableMapping[str, Any]) -> str:
    """Return the template of the route that has answered, such as `/v1/decisions/{decision}`."""
    if (found := scope.get("route")) is not None:
        return str(found.path)
    return scope["path"] if scope["path"] in HOT else NO_ROUTE
