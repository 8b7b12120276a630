"""One call of the API, described: the request to send and how to read its answer. No I/O.

The executors of the sync and the async client carry out the same descriptions.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeAlias, TypeVar
from urllib.parse import quote

import msgspec

from adjudge.client.problems import Problem, document_of, problem_of, unreadable
from adjudge.client.retrying import retry_after

T = TypeVar("T")

LONGEST_WAIT_SECONDS = 30
"""What the server holds a request at most; longer waits are several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T]):
    """A request, and the function that reads the body of a good answer."""

    method: str
    path: str
    read: Callable[[bytes], T]
    params: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    wait_seconds: int = 0
    """How long the server may hold the request on purpose."""
    repeatable: bool = True
    """False: sent again only where the first is known not to have been accepted."""
    keyed: bool = False
    """True: made repeatable by an idempotency key, the same one for all attempts."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Do nothing for some seconds."""

    seconds: float


Steps: TypeAlias = Generator[Call[Any] | Pause, Any, T]
"""Several calls in a row, each decided by the answers before it."""


def reader(kind: type[T]) -> Callable[[bytes], T]:
    """Return a function that reads JSON as `kind`."""
    return msgspec.json.Decoder(kind).decode


def nothing(_: bytes) -> None:
    """Read an answer without content."""


def path(*segments: str) -> str:
    """Join path segments; each is quoted, so that an id can never reach another resource."""
    return "/v1/" + "/".join(quote(segment, safe="") for segment in segments)


def known(**members: Any) -> dict[str, Any]:
    """Return the members that were given: absent ones are left to the server's defaults."""
    return {name: value for name, value in members.items() if value is not None}


def prefer_wait(seconds: int | None) -> dict[str, str]:
    """Return the header that lets the server hold a request. Raises ValueError beyond the longest wait."""
    if seconds is None:
        return {}
    if not 0 <= seconds <= LONGEST_WAIT_SECONDS:
        raise ValueError(f"wait is 0 to {LONGEST_WAIT_SECONDS} seconds, not {seconds}")
    return {"Prefer": f"wait={seconds}"}


def with_key(call: Call[T], new_key: Callable[[], str]) -> Call[T]:
    """Return the call with an idempotency key of its own, where it wants one and has none."""
    if not call.keyed or "Idempotency-Key" in call.headers:
        return call
    return replace(call, headers={**call.headers, "Idempotency-Key": new_key()})


def content_of(call: Call[Any]) -> bytes | None:
    """Return the body to send."""
    return None if call.body is None else msgspec.json.encode(call.body)


def refusal(status: int, headers: Mapping[str, str], content: bytes) -> Problem:
    """Return the problem that an answer tells of."""
    return problem_of(status, document_of(content), retry_after(headers))


def read_answer(call: Call[T], status: int, headers: Mapping[str, str], content: bytes) -> T:
    """Return what the call is for. Raises Problem."""
    if not 200 <= status < 300:
        raise refusal(status, headers, content)
    try:
        return call.read(content)
    except msgspec.DecodeError as error:
        raise unreadable(call.path, error) from error
