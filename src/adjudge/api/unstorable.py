"""Finds the value in a request that PostgreSQL could not store."""

import json
import math
from collections.abc import Iterator
from typing import Any, Final

from starlette.requests import Request

LARGEST: Final = 2**63 - 1
WHOLE: Final = "#"


async def place(request: Request) -> str:
    """Return the JSON pointer of the first such value of the body, a query field by name, or the whole."""
    found = [f"#/{name} (query)" for name, value in request.query_params.items() if _is_unstorable(value)]
    if not found and request.method == "POST":  # its route has read the body, which is kept with the request
        found = list(filter(None, [first_within(await request.body())]))
    return found[0] if found else WHOLE


def first_within(body: bytes) -> str | None:
    """Return the JSON pointer of the first such value of a body; None where there is none, or it is no JSON."""
    return next(_within(_decoded(body), WHOLE), None)


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_refuse)  # msgspec takes half a surrogate pair for an end
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> None:
    """Raise ValueError: NaN and Infinity are no JSON."""
    raise ValueError(constant)


def _within(value: Any, pointer: str) -> Iterator[str]:
    match value:
        case dict():
            for name, each in value.items():
                below = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
                yield from [pointer] if _is_unstorable(name) else _within(each, below)
        case list():
            for index, each in enumerate(value):
                yield from _within(each, f"{pointer}/{index}")
        case _ if _is_unstorable(value):
            yield pointer


def _is_unstorable(value: Any) -> bool:
    match value:
        case str():
            return "\0" in value or not is_text(value)
        case float():
            return not math.isfinite(value)
        case int():
            return abs(value) > LARGEST
        case _:
            return False


def is_text(value: str) -> bool:
    """Return whether a string can be written down: half of a surrogate pair cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
