"""Bodies of typed messages."""

import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import msgspec
import pydantic
import pytest

from adjudge.streams import Reject
from adjudge.streams.codecs import Undecodable, codec_for


class AStruct(msgspec.Struct, frozen=True):
    number: int


@dataclass(frozen=True)
class ADataclass:
    number: int


class AModel(pydantic.BaseModel):
    number: int


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (AStruct, AStruct(1)),
        (ADataclass, ADataclass(1)),
        (AModel, AModel(number=1)),
        (dict[str, int], {"number": 1}),
        (Any, {"number": [1, None]}),
        (int, 7),
        (None, None),
        (bytes, b"\xff raw"),
    ],
)
def test_a_value_comes_back_as_it_went(kind, value):
    codec = codec_for(kind)

    assert codec.decode(codec.encode(value)) == value


@pytest.mark.parametrize("body", [b"", b"{", b'{"number": "one"}', b"\xff", b"[]", b'{"number": "\xff"}'])
@pytest.mark.parametrize("kind", [AStruct, ADataclass, AModel])
def test_what_does_not_decode_is_rejected_with_its_type_and_place(kind, body):
    with pytest.raises(Undecodable, match=f"not a {kind.__name__}") as refused:
        codec_for(kind).decode(body)

    assert isinstance(refused.value, Reject)


def test_neither_pydantic_nor_a_web_framework_is_imported_by_an_app():
    """What is not used is not paid for."""
    program = (
        "import sys, msgspec, adjudge.streams as s\n"
        "app = s.App('redis://nowhere.invalid')\n"
        "@app.handler()\n"
        "def f(m: int) -> int: ...\n"
        "print([n for n in ('pydantic', 'fastapi', 'asyncpg', 'typer', 'rich') if n in sys.modules])"
    )

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert found.stdout.strip() == "[]"
