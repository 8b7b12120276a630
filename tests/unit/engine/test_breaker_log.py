"""A breaker that opens is in the log: once, with why, and again when it closes."""

from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from adjudge.deciders import DeciderState
from adjudge.engine.health.breaker_log import BreakerLog

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)


def a_state(breaker: Any, fault: Any = None, name: str = "vision@1") -> DeciderState:
    reason, until = (f"{fault}: why", NOW) if fault else ("", None)
    counts = dict.fromkeys(("calls", "questions", "failures", "places", "busy", "lost"), 0)
    return DeciderState(id=name, breaker=breaker, reason=reason, since=NOW, fault=fault, until=until, **counts)


def test_each_change_is_said_once():
    looked = BreakerLog()
    lives: list[tuple[Any, Any]] = [
        ("closed", None),
        ("open", "timeout"),
        ("probing", "timeout"),
        ("open", "timeout"),
        ("open", "quota"),
        ("closed", None),
        ("closed", None),
        ("open", "error"),
    ]

    with capture_logs() as logs:
        for breaker, fault in lives:
            looked.look([a_state(breaker, fault), a_state("closed", name="other@1")])

    assert [(line["event"], line["decider"], line.get("fault")) for line in logs] == [
        ("breaker.opened", "vision@1", "timeout"),
        ("breaker.opened", "vision@1", "quota"),
        ("breaker.closed", "vision@1", None),
        ("breaker.opened", "vision@1", "error"),
    ]
    assert logs[0]["reason"] == "timeout: why"
    assert logs[0]["until"] == "2026-12-01T09:00:00+00:00"


@pytest.mark.parametrize(("breaker", "told"), [("closed", 0), ("probing", 1), ("open", 1)])
def test_a_breaker_is_told_to_be_open_until_it_is_closed(breaker, told):
    """A decider that hangs while it is probed has not recovered: the alarm would begin to wait anew."""
    BreakerLog().look([a_state(breaker, "timeout" if told else None, name="hangs@1")])

    assert gauge("hangs@1") == told


def test_of_a_decider_that_is_asked_no_more_nothing_is_open():
    """The alarm would never end."""
    looked = BreakerLog()
    looked.look([a_state("open", "error", name="old@1"), a_state("open", "error", name="new@1")])

    with capture_logs() as logs:
        looked.look([a_state("open", "error", name="new@1")])
        looked.look([a_state("open", "error", name=name) for name in ("new@1", "old@1")])

    assert (gauge("old@1"), gauge("new@1")) == (1, 1)
    assert [(line["event"], line["decider"]) for line in logs] == [("breaker.opened", "old@1")]
    looked.look([])
    assert (gauge("old@1"), gauge("new@1")) == (0, 0)


def gauge(decider: str) -> float | None:
    return REGISTRY.get_sample_value("adjudge_breaker_open", {"decider": decider})
