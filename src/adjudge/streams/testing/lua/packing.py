"""`cmsgpack` and `cjson` as scripts see them: Lua's values to bytes and back."""

import json
import math
import struct
from typing import Any

import msgspec

from adjudge.streams.testing.lua.values import LuaError, Many, Table, text


def cmsgpack_pack(*values: Any) -> bytes:
    """`cmsgpack.pack`: strings as MessagePack raw, whatever their bytes."""
    return b"".join(map(_packed, values))


def cmsgpack_unpack(packed: bytes) -> Many:
    """`cmsgpack.unpack`."""
    found, at = [], 0
    while at < len(packed):
        value, at = _unpacked(packed, at)
        found.append(value)
    return Many(found)


def _packed(value: Any) -> bytes:
    if isinstance(value, bytes):
        return _raw_head(len(value)) + value
    if type(value) is float and value == math.floor(value) and abs(value) < 2**63:
        value = int(value)
    if type(value) is float and struct.unpack(">f", struct.pack(">f", value))[0] == value:
        return struct.pack(">Bf", 0xCA, value)
    if type(value) is not Table:
        return msgspec.msgpack.encode(value)
    count = len(value)
    if count == len(value.entries):
        return _head(count, 0x90, 0xDC) + b"".join(map(_packed, value))
    pairs = b"".join(_packed(key) + _packed(each) for key, each in value.entries.items())
    return _head(len(value.entries), 0x80, 0xDE) + pairs


def _raw_head(length: int) -> bytes:
    if length < 32:
        return bytes([0xA0 | length])
    if length < 256:
        return bytes([0xD9, length])
    return struct.pack(">BH", 0xDA, length) if length < 65536 else struct.pack(">BI", 0xDB, length)


def _head(count: int, small: int, large: int) -> bytes:
    if count < 16:
        return bytes([small | count])
    return struct.pack(">BH", large, count) if count < 65536 else struct.pack(">BI", large + 1, count)


_SIZED = {0xD9: ">B", 0xDA: ">H", 0xDB: ">I", 0xDC: ">H", 0xDD: ">I", 0xDE: ">H", 0xDF: ">I"}
_PLAIN = {
    0xCA: ">f",
    0xCB: ">d",
    0xCC: ">B",
    0xCD: ">H",
    0xCE: ">I",
    0xCF: ">Q",
    0xD0: ">b",
    0xD1: ">h",
    0xD2: ">i",
    0xD3: ">q",
}
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}


def _unpacked(packed: bytes, at: int) -> tuple[Any, int]:
    kind, at = packed[at], at + 1
    if kind < 0x80:
        return kind, at
    if kind >= 0xE0:
        return kind - 256, at
    if kind in _CONSTANTS:
        return _CONSTANTS[kind], at
    if kind in _PLAIN:
        shape = _PLAIN[kind]
        return struct.unpack_from(shape, packed, at)[0], at + struct.calcsize(shape)
    size, at = _size(packed, kind, at)
    if 0xA0 <= kind < 0xC0 or kind in {0xD9, 0xDA, 0xDB}:
        return packed[at : at + size], at + size
    if 0x90 <= kind < 0xA0 or kind in {0xDC, 0xDD}:
        return _unpacked_array(packed, at, size)
    return _unpacked_map(packed, at, size)


def _size(packed: bytes, kind: int, at: int) -> tuple[int, int]:
    if kind in _SIZED:
        shape = _SIZED[kind]
        return struct.unpack_from(shape, packed, at)[0], at + struct.calcsize(shape)
    if kind >= 0xC0:
        raise LuaError(f"MessagePack kind {kind:#x} is not understood here")
    return (kind & 0x1F if kind >= 0xA0 else kind & 0x0F), at


def _unpacked_array(packed: bytes, at: int, size: int) -> tuple[Table, int]:
    values = []
    for _ in range(size):
        value, at = _unpacked(packed, at)
        values.append(value)
    return Table.of(values), at


def _unpacked_map(packed: bytes, at: int, size: int) -> tuple[Table, int]:
    table = Table()
    for _ in range(size):
        key, at = _unpacked(packed, at)
        value, at = _unpacked(packed, at)
        table.put(key, value)
    return table, at


def cjson_encode(value: Any) -> bytes:
    """`cjson.encode`; an empty table is an object."""
    return json.dumps(_plain(value), separators=(",", ":")).encode()


def cjson_decode(source: bytes) -> Any:
    """`cjson.decode`; null becomes nil."""
    try:
        return _lua(json.loads(source))
    except ValueError as error:
        raise LuaError(f"cjson: {error}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    if type(value) is float and value.is_integer():
        return int(value)
    if type(value) is not Table:
        return value
    if value.entries and len(value) == len(value.entries):
        return [_plain(each) for each in value]
    return {text(key).decode(): _plain(each) for key, each in value.entries.items()}


def _lua(value: Any) -> Any:
    match value:
        case str():
            return value.encode()
        case list():
            return Table.of([_lua(each) for each in value])
        case dict():
            return Table.named({name: _lua(each) for name, each in value.items() if each is not None})
        case _:
            return value
