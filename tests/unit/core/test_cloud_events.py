"""What is told to others is a CloudEvent 1.0."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from adjudge.core.cloud_events import outcome_event
from adjudge.core.views import DecisionView, OutcomeView, encode

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
REQUIRED = {"specversion", "id", "source", "type"}
OPTIONAL = {"datacontenttype", "dataschema", "subject", "time", "data"}


def a_decision(status: str = "final", version: int = 1) -> DecisionView:
    outcome = OutcomeView(version, "pay", 0.99, "model", ["risk@1"], "", None, NOON)
    return DecisionView(UUID(int=7), "claim.pay", "default", {}, status, 1, NOON, None, None, outcome)


def told(*arguments, **named) -> dict:
    return json.loads(encode(outcome_event(*arguments, **named)))


def test_it_has_what_the_specification_requires_and_no_attribute_it_forbids():
    event = told(a_decision(), trace="00-1-2-01", cursor="abc")

    assert event.keys() >= REQUIRED
    assert event["specversion"] == "1.0"
    extensions = event.keys() - REQUIRED - OPTIONAL
    assert extensions == {"traceparent", "cursor"}
    assert all(name.isalnum() and name.islower() and len(name) <= 20 for name in extensions)


def test_what_is_not_known_is_left_out():
    assert {"traceparent", "cursor"} & told(a_decision()).keys() == set()


@pytest.mark.parametrize("status", ["provisional", "final", "amended", "cancelled"])
def test_its_type_ends_in_the_status(status):
    assert told(a_decision(status))["type"] == f"dev.adjudge.outcome.{status}"


def test_each_version_has_an_id_of_its_own_the_same_whenever_it_is_told():
    first, again, second = told(a_decision()), told(a_decision()), told(a_decision("amended", 2))

    assert first == again
    assert first["id"] != second["id"]
    assert first["subject"] == second["subject"] == str(UUID(int=7))
