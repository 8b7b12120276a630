"""How long requests take, by route and kind of answer."""

from collections.abc import MutableMapping
from typing import Any, Final

from prometheus_client import Histogram

from adjudge.telemetry import names

HOT: Final = frozenset({"/v1/decisions", "/v1/decisions/bulk"})
"""Answered before the router."""
NO_ROUTE: Final = "none"
"""Of paths that no route has: strangers' paths are no label."""

_figures: dict[tuple[str, int], Histogram] = {}


def observe(route: str, status: int, seconds: float) -> None:
    """Count one answer; `route` is of the application's own routes."""
    kind = status // 100
    figure = _figures.get((route, kind))
    if figure is None:
        figure = _figures[route, kind] = names.HTTP_SECONDS.labels(route, f"{kind}xx")
    figure.observe(seconds)


def route_of(scope: MutableMapping[str, Any]) -> str:
    """Return the template of the route that has answered, such as `/v1/decisions/{decision}`."""
    if (found := scope.get("route")) is not None:
        return str(found.path)
    return scope["path"] if scope["path"] in HOT else NO_ROUTE
