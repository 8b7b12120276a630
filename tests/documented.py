"""The API as it documents itself, had once for all tests of a process that read it: it takes a second to write."""

from copy import deepcopy
from functools import cache
from typing import Any

from adjudge.api.application import create_app


def document() -> dict[str, Any]:
    """Return the OpenAPI document, a copy of one's own."""
    return deepcopy(_written())


@cache
def _written() -> dict[str, Any]:
    return create_app(lambda: None)._app.openapi()
