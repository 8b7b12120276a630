"""Instants in the address of a request: RFC 3339 with offset."""

import re
from typing import Annotated, TypeAlias

from pydantic import AwareDatetime, BeforeValidator

_DATED = re.compile(r"\d{4}-\d\d-\d\d")


def _dated(value: str) -> str:
    """Refuse a bare number, such as a year: pydantic takes it for seconds since 1970."""
    if not _DATED.match(value):
        raise ValueError("an instant is written with its offset, as in 2026-03-07T18:21:07Z")
    return value


Instant: TypeAlias = Annotated[AwareDatetime, BeforeValidator(_dated)]
