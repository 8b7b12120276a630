"""A breaker that opens is in the log: once, with why, and again when it closes."""

from datetime import UTC, datetime
from typing import Any

from structlog.testing import capture_logs

from adjudge.deciders import DeciderState
from adjudge.engine.breaker_log import BreakerLog

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
