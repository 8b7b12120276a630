"""Lua's string functions, with its patterns as regular expressions. Lua manual 5.1, part 5.4."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from adjudge.streams.testing.lua.values import LuaError, Many, text

_CLASSES = {
    "a": "a-zA-Z",
    "c": r"\x00-\x1f\x7f",
    "d": "0-9",
    "l": "a-z",
    "p": r"!-/:-@\[-`{-~",
    "s": r"\s",
    "u": "A-Z",
    "w": "a-zA-Z0-9",
    "x": "0-9a-fA-F",
}
_FORMAT = re.compile(rb"%[-+ #0]*\d*(?:\.\d+)?([diuoxXeEfgGcsq%])")


@lru_cache(maxsize=256)
def _regex(pattern: bytes) -> re.Pattern[bytes]:
    source, parts, at = pattern.decode("latin-1"), [], 0
    while at < len(source):
        piece, at = _piece(source, at)
        parts.append(piece)
    return re.compile("".join(parts).encode("latin-1"), re.DOTALL)


def _piece(source: str, at: int) -> tuple[str, int]:
    match source[at]:
        case "%":
            return _class(source[at + 1], "[{}]"), at + 2
        case "[":
            return _set(source, at + 1)
        case "-":
            return "*?", at + 1
        case "^" if at == 0:
            return "^", 1
        case "$" if at == len(source) - 1:
            return r"\Z", at + 1
        case "(" | ")" | "." | "*" | "+" | "?" as sign:
            return sign, at + 1
        case plain:
            return re.escape(plain), at + 1


def _set(source: str, at: int) -> tuple[str, int]:
    inside = "[^" if source[at] == "^" else "["
    at += source[at] == "^"
    begun = at
    while source[at] != "]" or at == begun:
        if source[at] == "%":
            inside, at = inside + _class(source[at + 1], "{}"), at + 2
        else:
            inside, at = inside + (source[at] if source[at] == "-" else re.escape(source[at])), at + 1
    return inside + "]", at + 1


def _class(letter: str, shape: str) -> str:
    if letter.lower() not in _CLASSES:
        return re.escape(letter)
    if letter.isupper():
        if shape == "{}":
            raise LuaError(f"%{letter} in a set is not understood here")
        shape = "[^{}]"
    return shape.format(_CLASSES[letter.lower()])


def _captures(found: re.Match[bytes]) -> Many:
    return Many(found.groups() or (found.group(),))


def string_sub(value: bytes, first: int, last: int = -1) -> bytes:
    """`string.sub`."""
    value, first, last = text(value), int(first), int(last)
    begin = max(0, first - 1) if first >= 0 else max(0, len(value) + first)
    return value[begin : last if last >= 0 else len(value) + last + 1]


def string_find(value: bytes, pattern: bytes, start: int = 1, plain: Any = None) -> Any:
    """`string.find`."""
    begin = int(start) - 1 if start > 0 else max(0, len(value) + int(start))
    if plain:
        at = value.find(pattern, begin)
        return Many((at + 1, at + len(pattern))) if at >= 0 else None
    found = _regex(pattern).search(text(value), begin)
    return Many((found.start() + 1, found.end(), *found.groups())) if found else None


def string_match(value: bytes, pattern: bytes, start: int = 1) -> Any:
    """`string.match`."""
    found = _regex(pattern).search(text(value), int(start) - 1)
    return _captures(found) if found else None


def string_gmatch(value: bytes, pattern: bytes) -> Iterator[Many]:
    """`string.gmatch`."""
    return (_captures(found) for found in _regex(pattern).finditer(text(value)))


def string_gsub(value: bytes, pattern: bytes, replacement: Any) -> Many:
    """`string.gsub`, with a string or a function as replacement."""

    def put(found: re.Match[bytes]) -> bytes:
        if callable(replacement):
            return text(replacement(*_captures(found)))
        return re.sub(rb"%(.)", lambda sign: _referred(found, sign.group(1)), text(replacement))

    return Many(_regex(pattern).subn(put, text(value)))


def _referred(found: re.Match[bytes], sign: bytes) -> bytes:
    return (found.group() if sign == b"0" else _captures(found)[int(sign) - 1]) if sign.isdigit() else sign


def string_format(template: bytes, *values: Any) -> bytes:
    """`string.format`."""
    left = iter(values)

    def put(found: re.Match[bytes]) -> bytes:
        kind = found.group(1)
        if kind == b"%":
            return b"%"
        value = next(left, 0)
        if kind == b"s":
            return found.group() % text(value)
        return found.group() % (int(value) if kind in b"diuoxXc" else float(value))

    return _FORMAT.sub(put, template)


def string_len(value: bytes) -> int:
    """`string.len`."""
    return len(text(value))


def string_rep(value: bytes, times: int) -> bytes:
    """`string.rep`."""
    return text(value) * max(0, int(times))


def string_lower(value: bytes) -> bytes:
    """`string.lower`."""
    return text(value).lower()


def string_upper(value: bytes) -> bytes:
    """`string.upper`."""
    return text(value).upper()


def string_byte(value: bytes, place: int = 1) -> int | None:
    """`string.byte`, of one place."""
    found = string_sub(value, place, place)
    return found[0] if found else None


def string_char(*codes: int) -> bytes:
    """`string.char`."""
    return bytes(map(int, codes))


def string_reverse(value: bytes) -> bytes:
    """`string.reverse`."""
    return text(value)[::-1]
