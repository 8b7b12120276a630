"""A batch put to its decider, and what is told of it."""

import logging
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import structlog
from structlog.testing import capture_logs
from tests.builders import a_case
from tests.unit.deciders.asking import NOON

from adjudge.deciders import Answered, Deciders, Failed
from adjudge.engine.deciding.asking import put
from adjudge.engine.slips import Slip

PAID: dict[str, Any] = {"seconds": 0.1, "cost_micros": 0, "currency": "USD"}
ANSWERS = [
    Answered(answer="pay", confidence=0.9, distribution=None, **PAID),
    Failed(fault="error", detail="HTTP 500: Mrs Smith", recorded="HTTP 500", **PAID),
]


class Answering:
    """Deciders that answer as they were told."""

    async def ask(self, decider, questions):
        return ANSWERS


TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def a_slip(number: int) -> Slip:
    return Slip(
        decision=UUID(int=number),
        revision=1,
        type="claim.pay",
        location="default",
        stage=0,
        decider="vision@1",
        version=0,
        case=a_case(),
        events=(),
        evidence=b"{}",
        subject=b"{}",
        trace=TRACE,
        until=NOON + timedelta(minutes=1),
        reply=None,
    )


async def test_the_words_of_a_fault_that_no_decision_keeps_are_logged_for_who_looks_for_it(monkeypatch):
    every_level = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    monkeypatch.setattr("adjudge.engine.deciding.asking.log", every_level)

    with capture_logs() as lines:
        answers = await put(cast("Deciders", Answering()), "vision@1", "http", [a_slip(1), a_slip(2)])

    assert answers == ANSWERS
    [line] = lines
    assert (line["event"], line["log_level"]) == ("question.unanswered", "debug")
    assert (line["decision"], line["fault"], line["detail"]) == (UUID(int=2), "error", "HTTP 500: Mrs Smith")
    assert line["trace"] == TRACE
