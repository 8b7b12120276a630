"""Where in a request the value stands that PostgreSQL could not store."""

import math
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from starlette.requests import Request

LARGEST: Final = 2**63 - 1
WHOLE: Final = "#"


async def place(request: Request) -> str:
    """Return the JSON pointer of the first such value of the body, a query field by name, or the whole."""
    found = [f"#/{name} (query)" for name, value in request.query_params.items() if _is_unstorable(value)]
    if not found and request.method == "POST":  # its route has read the body, which is kept with the request
        found = list(_within(_decoded(await request.body()), WHOLE))
    return found[0] if found else WHOLE


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


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
            return "\0" in value
        case float():
            return not math.isfinite(value)
        case int():
            return abs(value) > LARGEST
        case _:
            return False
