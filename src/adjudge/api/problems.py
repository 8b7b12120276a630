"""Problem details (RFC 9457): the one place where an error's kind becomes a status."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from starlette.responses import Response

from adjudge.core.errors import AdjudgeError

BASE: Final = "https://adjudge.dev/problems/"
MEDIA_TYPE: Final = "application/problem+json"

STATUS: Final[Mapping[str, int]] = {
    "already-exists": 409,
    "already-settled": 409,
    "already-voted": 409,
    "answer-outside-space": 422,
    "approval-needed": 409,
    "body-timeout": 408,
    "body-too-large": 413,
    "cursor-too-old": 410,
    "decision-gone": 410,
    "decision-settled": 409,
    "draft-moved": 412,
    "forbidden": 403,
    "headers-too-large": 431,
    "idempotency-key-reused": 422,
    "internal": 500,
    "invalid-body": 422,
    "invalid-configuration": 422,
    "invalid-cursor": 422,
    "invalid-evidence": 422,
    "invalid-money": 422,
    "invalid-question": 422,
    "lease-ended": 409,
    "limit-reached": 429,
    "malformed-json": 400,
    "malformed-request": 400,
    "method-not-allowed": 405,
    "no-plan": 422,
    "not-found": 404,
    "nothing-in-force": 409,
    "overloaded": 429,
    "own-draft": 403,
    "precondition-required": 428,
    "refused-url": 422,
    "reserved-source": 422,
    "revision-moved": 412,
    "said-otherwise": 409,
    "too-many-followers": 503,
    "too-many-webhooks": 409,
    "unauthenticated": 401,
    "unavailable": 503,
    "unknown-decision": 404,
    "unknown-location": 422,
    "unknown-pool": 422,
    "unknown-revision": 503,
    "unknown-task": 404,
    "unknown-type": 422,
    "unstorable": 422,
    "unsupported-media-type": 415,
}
RETRY_AFTER: Final[Mapping[str, int]] = {
    "limit-reached": 1,
    "unavailable": 2,
    "overloaded": 1,
    "too-many-followers": 5,
    "unknown-revision": 2,
}
"""Seconds."""
UNREAD: Final = frozenset({"body-timeout", "body-too-large", "headers-too-large", "malformed-request"})
"""Refused before all had come: the connection ends with the answer."""


class Problem(AdjudgeError):
    """A problem that the API itself finds."""

    def __init__(
        self, kind: str, detail: str, *, pointer: str = "#", faults: Sequence[tuple[str, str]] = (), **extra: object
    ) -> None:
        super().__init__(detail, pointer=pointer)
        self.kind = kind
        self.faults = tuple(faults)
        self.extra = extra


def body(error: AdjudgeError) -> dict[str, object]:
    """Return the problem as JSON: what is wrong, and where."""
    faults: Sequence[tuple[str, str]] = getattr(error, "faults", ()) or ((error.pointer, error.detail),)
    return {
        "type": f"{BASE}{error.kind}",
        "title": getattr(error, "title", "") or error.kind.replace("-", " ").capitalize(),
        "status": status(error),
        "detail": error.detail,
        "errors": [fault_of(fault) for fault in faults],
        **getattr(error, "extra", {}),
    }


def status(error: AdjudgeError) -> int:
    """Return the HTTP status of an error."""
    return STATUS.get(error.kind, 500)


def headers(error: AdjudgeError) -> dict[str, str]:
    """Return what goes with the status: when to come back, how to authenticate."""
    found = {}
    if error.kind in RETRY_AFTER:
        found["Retry-After"] = str(getattr(error, "retry_after", RETRY_AFTER[error.kind]))
    if error.kind == "unauthenticated":
        found["WWW-Authenticate"] = "Bearer"
    if error.kind in UNREAD:
        found["Connection"] = "close"
    return found


def response(error: AdjudgeError) -> Response:
    """Return the whole answer."""
    return Response(
        msgspec.json.encode(body(error)), status_code=status(error), headers=headers(error), media_type=MEDIA_TYPE
    )


def fault_of(fault: object) -> dict[str, object]:
    """Return one fault: where in the request and what; of a configuration, its document, line and path."""
    if isinstance(fault, tuple):
        return {"pointer": fault[0], "detail": fault[1]}
    document = str(getattr(fault, "file", ""))
    return {
        "pointer": f"#/documents/{document.replace('~', '~0').replace('/', '~1')}" if document else "#",
        "detail": str(getattr(fault, "message", fault)),
        "document": document,
        "line": getattr(fault, "line", 0),
        "path": getattr(fault, "path", ""),
        "nearest": getattr(fault, "nearest", None),
    }
