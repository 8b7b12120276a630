"""Spans of requests: the caller's trace goes on in ours, and what the request starts goes on from there."""

from collections.abc import MutableMapping
from typing import Any, Final

from adjudge.api.bodies import Receive
from adjudge.api.hot import App, Send
from adjudge.api.measuring import route_of
from adjudge.api.questions import traced
from adjudge.telemetry import tracing

UNTRACED: Final = frozenset({"/livez", "/readyz", "/metrics"})


class Traced:
    """Spans requests, but no probes. Wrapped around the application only where traces are exported."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in UNTRACED:
            return await self._app(scope, receive, send)
        headers = dict(scope["headers"])
        attributes = {"http.request.method": scope["method"], "url.path": scope["path"]}
        serving = tracing.serving(scope["method"], traced(headers.get(b"traceparent")), attributes)
        if serving is None:
            return await self._app(scope, receive, send)
        status = 500

        async def seen(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        with serving as span:
            ours = (b"traceparent", span.traceparent.encode())
            scope["headers"] = [*(header for header in scope["headers"] if header[0] != b"traceparent"), ours]
            try:
                await self._app(scope, receive, seen)
            finally:
                route = route_of(scope)
                span.answered(f"{scope['method']} {route}", route, status)
        return None
