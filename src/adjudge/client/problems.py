"""What can go wrong with a call: RFC 9457 problems, typed by what the caller can do about them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

_PARAMETER: Final = re.compile(r"#/(\S+) \((?:query|path)\)")


@dataclass(frozen=True, slots=True)
class Pointed:
    """One fault in what was sent."""

    pointer: str
    """JSON pointer into the request: `#/evidence/text`."""
    detail: str

    def shown(self) -> str:
        """Return the fault behind its place; one in the whole needs none.

        A parameter has no pointer into a body, only a name.
        """
        if self.pointer in ("", "#"):
            return self.detail
        parameter = _PARAMETER.fullmatch(self.pointer)
        return f"`{parameter[1]}`: {self.detail}" if parameter else f"{self.pointer} {self.detail}"


class Problem(Exception):
    """The API refused a call, or could not be reached (then `status` is None)."""

    def __init__(
        self,
        kind: str,
        title: str,
        *,
        status: int | None = None,
        detail: str = "",
        errors: tuple[Pointed, ...] = (),
        retry_after_seconds: float | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(kind, title)
        self.kind = kind
        """The last part of the problem's type: `invalid-evidence`."""
        self.title = title
        self.status = status
        self.detail = detail
        self.errors = errors
        self.retry_after_seconds = retry_after_seconds
        self.members = members or {}
        """What else the problem says, such as the `outcome` of a decision that cannot be cancelled."""

    def __str__(self) -> str:
        """Return one line: what, and where in the request."""
        told = [error.shown() for error in self.errors]
        if self.detail and self.detail.casefold() not in {
            self.title.casefold(),
            *(error.detail.casefold() for error in self.errors),
        }:
            told.insert(0, self.detail)
        return ": ".join([self.title, *(["; ".join(told)] if any(told) else [])])


class Invalid(Problem):
    """What was sent is not acceptable; `errors` says where."""


class Unauthorized(Problem):
    """The key is missing, unknown or revoked."""


class Forbidden(Problem):
    """The key may not do this here."""


class NotFound(Problem):
    """There is no such thing, or none that this key may see."""


class Conflict(Problem):
    """What was asked for no longer fits what has happened since."""


class Overloaded(Problem):
    """The server sheds load (429), also after all retries."""


class Unavailable(Problem):
    """The server cannot be reached or cannot work now, also after all retries."""


_BY_STATUS: Mapping[int, type[Problem]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: NotFound,
    413: Invalid,
    415: Invalid,
    422: Invalid,
    429: Overloaded,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}
_OWN_MEMBERS = frozenset({"type", "title", "status", "detail", "errors"})


def problem_of(status: int, document: Mapping[str, Any], retry_after_seconds: float | None = None) -> Problem:
    """Build the error that a problem document stands for."""
    kind = str(document.get("type") or "").rstrip("/").rpartition("/")[2] or "unknown"
    return _BY_STATUS.get(status, Problem)(
        kind,
        str(document.get("title") or f"the server answered {status}"),
        status=status,
        detail=str(document.get("detail") or ""),
        errors=tuple(_pointed(document.get("errors"))),
        retry_after_seconds=retry_after_seconds,
        members={name: value for name, value in document.items() if name not in _OWN_MEMBERS},
    )


def document_of(content: bytes) -> dict[str, Any]:
    """Read the body of a refusal; whatever is no JSON object (a proxy's page) says nothing."""
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.DecodeError:
        return {}


def unreachable(url: str, why: Exception) -> Unavailable:
    """Build the error of a call that got no answer."""
    return Unavailable("unreachable", f"cannot reach {url}", detail=str(why) or type(why).__name__)


def unreadable(path: str, why: Exception) -> Problem:
    """Build the error of an answer that is not what the API promises."""
    return Problem("unreadable", f"cannot read the answer to {path}", detail=str(why))


def _pointed(errors: Any) -> list[Pointed]:
    if not isinstance(errors, list):
        return []
    faults = [fault for fault in errors if isinstance(fault, dict)]
    return [Pointed(str(fault.get("pointer", "#")), str(fault.get("detail", ""))) for fault in faults]
