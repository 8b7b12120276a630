"""Requests and answers of HTTP/1.1, as far as we speak it: one request, one whole answer."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from adjudge.outbound.urls import RefusedUrl, check_form

PORTS: Final = {"http": 80, "https": 443}
_USUAL: Final = {"accept": "*/*", "accept-encoding": "identity", "user-agent": "adjudge"}
"""What is not asked for could unpack to gigabytes: no encoding."""
_OURS: Final = frozenset({"connection", "content-length", "host", "transfer-encoding"})
"""Where a message ends, and for whom it is, no caller says."""
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BODILESS: Final = frozenset({"GET", "DELETE", "OPTIONS"})


class Unreachable(Exception):
    """No whole answer came: no connection, or it broke, or the answer is longer than wanted."""


class Reply(NamedTuple):
    """What the other side answered; a redirect is an answer like any other."""

    status: int
    headers: Mapping[str, str]
    """By names in small letters; of several lines with one name, the first."""
    body: bytes


class Origin(NamedTuple):
    """With whom a connection is."""

    scheme: str
    host: str
    port: int


class Target(NamedTuple):
    """What a URL says."""

    origin: Origin
    host: str
    """As the header has it."""
    path: str


@lru_cache(maxsize=1_024)
def target_of(url: str) -> Target:
    """Read a URL. Raises RefusedUrl."""
    host = check_form(url)
    parts = urlsplit(url)
    port = PORTS[parts.scheme] if parts.port is None else parts.port
    if not 0 < port < 65_536:
        raise RefusedUrl(f"`{url}` names no port")
    shown = f"[{host}]" if ":" in host else host
    path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    return Target(Origin(parts.scheme, host, port), shown if port == PORTS[parts.scheme] else f"{shown}:{port}", path)


def request(method: str, target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    """Write a request. Raises ValueError for a header that is none: what it says could be a second request."""
    sent = {"host": target.host, **_USUAL}
    for name, value in headers.items():
        if "\n" in value or "\r" in value or "\0" in value:
            raise ValueError(f"the value of the header {name!r} has a line break or a zero")
        sent[_lower(name)] = value
    if body or method not in _BODILESS:
        sent["content-length"] = str(len(body))
    lines = "\r\n".join([f"{name}: {value}" for name, value in sent.items()])
    return f"{method} {target.path} HTTP/1.1\r\n{lines}\r\n\r\n".encode() + body


@lru_cache(maxsize=1_024)
def _lower(name: str) -> str:
    if not _NAME.fullmatch(name) or name.lower() in _OURS:
        raise ValueError(f"{name!r} is not the name of a header, or is set by us")
    return name.lower()
