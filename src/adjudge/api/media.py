"""References in evidence become URLs when a task is claimed, never at intake.

`pass` hands the URL on byte for byte. Files of a folder are served by the API itself, under a signed URL that is valid
for as long as the lease, renewals included.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit
from uuid import UUID

import msgspec

from adjudge.api.problems import Problem
from adjudge.config import Configuration

MOST_MEDIA = 16
SHOWN: Mapping[str, type | tuple[type, ...]] = {"name": str, "type": str, "from": (int, float), "to": (int, float)}
"""What is handed on of a reference; evidence may hold anything, and no person may be hindered by it."""


class Ticket(msgspec.Struct, array_like=True):
    """What a signed URL stands for."""

    scheme: str
    path: str
    until: int
    """Unix seconds at which the lease was to end when this was signed; counts where no lease is named, as by the
    release before."""
    type: str
    task: UUID | None = None
    lease: UUID | None = None

    def has_ended(self, now: datetime) -> bool:
        """Whether the lease has ended that it was signed for."""
        return self.until < now.timestamp()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Whose sight a URL is for."""

    task: UUID
    token: UUID
    until: datetime


class Media:
    """Opens references by the resolvers of the configuration."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def resolve(
        self, references: Sequence[Mapping[str, Any]], configuration: Configuration, lease: Lease
    ) -> list[dict[str, Any]]:
        """Return references with URLs; `url` is null where nothing opens one."""
        return [self._resolved(item, configuration, lease) for item in references]

    def _resolved(self, item: Mapping[str, Any], configuration: Configuration, lease: Lease) -> dict[str, Any]:
        resolvers = configuration.organisation.resolvers
        shown = {name: item[name] for name, kinds in SHOWN.items() if _is_of(item.get(name), kinds)}
        uri = item.get("uri")
        parts = _parts(uri) if isinstance(uri, str) else None
        if parts is None or parts.scheme not in resolvers:
            scheme = parts.scheme if parts else ""
            return {**shown, "url": None, "fault": f"nothing opens {scheme or 'this reference'}"}
        folder = resolvers[parts.scheme]
        if folder is None:
            return {**shown, "url": uri}
        path = unquote(f"{parts.netloc}{parts.path}").lstrip("/")
        if _within(configuration.base, folder, path) is None:
            return {**shown, "url": None, "fault": "no evidence: there is no such file"}
        until = int(lease.until.timestamp()) + 1
        ticket = Ticket(parts.scheme, path, until, str(item.get("type", "")), lease.task, lease.token)
        return {**shown, "url": f"/v1/media/{self._signed(ticket)}"}

    def ticket(self, signed: str) -> Ticket:
        """Return what a signed URL stands for. Raises Problem where it is forged."""
        text, _, signature = signed.partition(".")
        if not hmac.compare_digest(self._signature(text).encode(), signature.encode()):
            raise Problem("forbidden", "this URL was not signed by us")
        return msgspec.json.decode(base64.urlsafe_b64decode(text), type=Ticket)

    def open(self, ticket: Ticket, configuration: Configuration) -> tuple[Path, str]:
        """Return (file, media type). Raises Problem where there is none any more."""
        folder = configuration.organisation.resolvers.get(ticket.scheme)
        path = _within(configuration.base, folder, ticket.path) if folder is not None else None
        if path is None:
            raise Problem("not-found", "there is no such file")
        return path, ticket.type

    def _signed(self, ticket: Ticket) -> str:
        text = base64.urlsafe_b64encode(msgspec.json.encode(ticket)).decode()
        return f"{text}.{self._signature(text)}"

    def _signature(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()[:40]


def references(evidence: Mapping[str, Any]) -> Sequence[Mapping[str, Any]] | None:
    """Return the media of evidence; None: it has none, or a field of another kind has this name."""
    found = evidence.get("media")
    if not isinstance(found, list) or len(found) > MOST_MEDIA or not all(isinstance(item, dict) for item in found):
        return None
    return found


def check_references(evidence: Mapping[str, Any]) -> None:
    """Raise Problem where a list is of media, and of too many or with something else between them."""
    found = evidence.get("media")
    if not isinstance(found, list) or not any(isinstance(item, dict) for item in found):
        return
    if len(found) > MOST_MEDIA:
        raise Problem("invalid-body", f"at most {MOST_MEDIA} media, not {len(found)}", pointer="#/evidence/media")
    for n, item in enumerate(found):
        if not isinstance(item, dict):
            raise Problem("invalid-body", "a medium is an object with a `uri`", pointer=f"#/evidence/media/{n}")


def _is_of(value: object, kinds: type | tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


def _parts(uri: str) -> SplitResult | None:
    try:
        return urlsplit(uri)
    except ValueError:  # `https://[`
        return None


def _within(base: Path, folder: Path, path: str) -> Path | None:
    """Return the file where it exists, links and all lead neither out of its folder nor of the configuration's.

    Nothing hidden is served: keys lie in such files and folders.
    """
    try:
        top, root = base.resolve(), folder.resolve()
        found = (root / path).resolve()
        is_inside = root.is_relative_to(top) and found.is_relative_to(root)
        if not is_inside or _is_hidden(Path(path)) or _is_hidden(found.relative_to(top)):
            return None
        return found if found.is_file() else None
    except (OSError, RuntimeError, ValueError):  # a name too long, links in a circle, a NUL
        return None


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
