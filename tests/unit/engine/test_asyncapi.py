"""The document of our own streams says what goes through them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from tests.unit.engine.builders import a_slip

from adjudge.cli.streams.describing import written
from adjudge.engine import asyncapi, slips
from adjudge.streams.keys import Keys
from adjudge.streams.messages import Message
from adjudge.streams.reasons import reasons_of

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "asyncapi.yaml"


def test_the_file_in_the_reference_is_what_the_generator_writes():
    """`adjudge streams asyncapi > docs/reference/asyncapi.yaml` makes it so."""
    assert PAGE.read_text(encoding="utf-8") == written()


def test_every_reference_leads_somewhere():
    document = asyncapi.document()
    references = [value for key, value in pairs(document) if key == "$ref"]

    assert references
    for reference in references:
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_a_slip_as_it_travels_is_what_the_document_says():
    plain = msgspec.to_builtins(msgspec.msgpack.decode(slips.entry(a_slip(), "standard").body))

    schema("slip").validate(plain)
    with pytest.raises(jsonschema_rs.ValidationError):
        schema("slip").validate([*plain[:3], None, *plain[4:]])


def test_a_dead_letters_reasons_are_what_the_document_says():
    message = Message("1-0", "ask:claim-risk@1", "standard", b"")
    reasons = msgspec.to_builtins(reasons_of(message, ValueError("no"), datetime(2026, 1, 1, tzinfo=UTC).timestamp()))
    fields = asyncapi.document()["components"]["messages"]["deadLetter"]["headers"]["schema"]["properties"]

    resolved(fields["reasons"]["contentSchema"]).validate(reasons)


def test_addresses_are_the_keys_that_are_used():
    channels, keys = asyncapi.document()["channels"], Keys(slips.entry(a_slip(), "bulk").name)

    def address(channel: str) -> str:
        return channels[channel]["address"].replace("{decider}", "claim-risk@1").replace("{lane}", "bulk")

    assert address("asks") == keys.lane("bulk")
    assert address("deadLetters") == keys.dead


def schema(message: str) -> Any:
    return resolved(asyncapi.document()["components"]["messages"][message]["payload"]["schema"])


def resolved(wanted: dict[str, Any]) -> Any:
    return jsonschema_rs.Draft202012Validator({**wanted, "components": asyncapi.document()["components"]})


def pairs(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from value.items()
        for inner in value.values():
            yield from pairs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from pairs(inner)
