"""Which model a decider is: a hash of what of its configuration decides about its answers.

A name with a version is a promise that the model stays the same. Where configuration shows that it is kept no longer,
certificates must not speak of the new one. Code, and what a server has behind an address, nobody can see from here.
"""

import hashlib
from typing import Any, Final
from urllib.parse import urlsplit

from adjudge.config.documents.nodes import Node
from adjudge.core.answers import canonical

_HOW_IT_IS_ASKED: Final = frozenset(
    {
        *("timeout", "retries", "hedge", "breaker"),
        *("batch", "linger", "concurrency", "isolate", "many"),
        *("cost", "prices", "role", "key", "unchecked"),
    }
)
"""How fast, how often, at what price, with which key."""


def identity_of(node: Node) -> str:
    """Return the same for two deciders that answer alike, as far as configuration tells."""
    return hashlib.sha256(canonical(_decisive(node.plain())).encode()).hexdigest()[:12]


def _decisive(written: Any) -> Any:
    if not isinstance(written, dict):
        return written
    found = {key: value for key, value in written.items() if key not in _HOW_IT_IS_ASKED}
    for kind in ("http", "oip", "openai"):
        if isinstance(found.get(kind), dict):
            found[kind] = _of_remote(found[kind])
    return found


def _of_remote(written: dict[str, Any]) -> dict[str, Any]:
    """A server may move; another path on it is another model, and so is what a header that holds no secret may name."""
    found = {key: value for key, value in written.items() if key not in _HOW_IT_IS_ASKED and key != "headers"}
    headers = written.get("headers")
    if isinstance(headers, dict) and (
        told := {name: value for name, value in headers.items() if isinstance(value, str)}
    ):
        found["headers"] = told
    if isinstance(found.get("url"), str):
        parts = urlsplit(found["url"])
        found["url"] = f"{parts.path}?{parts.query}"
    return found
