"""JSON pointers (RFC 6901): places in a document, such as `/evidence/amount`."""

from collections.abc import Mapping
from typing import Any, TypeAlias

Pointer: TypeAlias = tuple[str, ...]
"""The unescaped names on the way; empty: the whole document."""


def parse_pointer(text: str) -> Pointer:
    """Read a pointer. Raises ValueError."""
    if text and not text.startswith("/"):
        raise ValueError(f"`{text}` is not a JSON pointer such as /evidence/amount: it begins with a slash")
    if "~" in text.replace("~0", "").replace("~1", ""):
        raise ValueError(f"`{text}` is not a JSON pointer: a tilde is written ~0")
    return tuple(name.replace("~1", "/").replace("~0", "~") for name in text.split("/")[1:])


def show_pointer(pointer: Pointer) -> str:
    return "".join(f"/{name.replace('~', '~0').replace('/', '~1')}" for name in pointer)


def found_at(document: Any, pointer: Pointer) -> Any:
    """Return what stands there. Raises LookupError where nothing does."""
    here = document
    for name in pointer:
        if isinstance(here, Mapping):
            here = here[name]
        elif isinstance(here, list | tuple) and name.isdecimal() and name.isascii():
            here = here[int(name[:9])]
        else:
            raise LookupError(name)
    return here


def put_at(document: dict[str, Any], pointer: Pointer, value: Any) -> None:
    """Put a value there, with the mappings that lead to it. Raises LookupError where something else is in the way."""
    here = document
    for name in pointer[:-1]:
        here = here.setdefault(name, {})
        if not isinstance(here, dict):
            raise LookupError(name)
    if pointer[-1] in here:
        raise LookupError(pointer[-1])
    here[pointer[-1]] = value
