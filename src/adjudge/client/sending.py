"""What both executors share: how a call becomes a request of httpx, and a result becomes a failure."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias, TypeVar

import httpx

from adjudge.client.calls import Call, content_of, read_answer, refusal
from adjudge.client.finding import Connection
from adjudge.client.problems import Problem, unreachable
from adjudge.client.retrying import Failure, retry_after

T = TypeVar("T")

Result: TypeAlias = httpx.Response | httpx.TransportError

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 15.0
"""How long an answer may take beyond the time that the server was asked to wait."""

_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_HOPELESS = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)


@cache
def authorities() -> ssl.SSLContext:
    """Return what certificates of servers are checked against: read once, because that takes longer than a request."""
    return httpx.create_ssl_context()


@dataclass(frozen=True, slots=True)
class Requests:
    """Builds the requests of one connection."""

    connection: Connection

    def build(
        self, client: httpx.Client | httpx.AsyncClient, call: Call[Any], trace: Mapping[str, str]
    ) -> httpx.Request:
        content = content_of(call)
        ours = {"Authorization": f"Bearer {self.connection.key}", "User-Agent": "adjudge-python"}
        headers = {**ours, **trace, **call.headers}
        if content is not None:
            headers["Content-Type"] = "application/json"
        return client.build_request(
            call.method,
            self.connection.url + call.path,
            params=call.params or None,
            content=content,
            headers=headers,
            timeout=httpx.Timeout(CONNECT_SECONDS, read=ANSWER_SECONDS + call.wait_seconds),
        )

    def read(self, call: Call[T], result: Result) -> T:
        """Return what the call is for. Raises Problem."""
        if isinstance(result, httpx.TransportError):
            raise self.problem_of(result) from result
        return read_answer(call, result.status_code, result.headers, result.content)

    def problem_of(self, result: Result) -> Problem:
        """Return what stands against a result that is no success."""
        if isinstance(result, httpx.TransportError):
            return unreachable(self.connection.url, result)
        return refusal(result.status_code, result.headers, result.content)


def failure_of(result: Result) -> Failure | None:
    """Return what stands against this result; None for an answer, or a fault that no repetition mends."""
    if isinstance(result, _HOPELESS):
        return None
    if isinstance(result, httpx.TransportError):
        return Failure(was_sent=not isinstance(result, _UNSENT))
    if result.is_success:
        return None
    return Failure(result.status_code, retry_after_seconds=retry_after(result.headers))
