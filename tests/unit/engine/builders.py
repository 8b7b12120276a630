"""Values of the engine for tests."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from tests.builders import NOON, a_case

from adjudge.core.events import Asked
from adjudge.engine.slips import Slip


def a_slip(**more: Any) -> Slip:
    """Return a question to one model, as it is sent for the first time."""
    return Slip(
        decision=UUID(int=7),
        revision=1,
        type="claim.pay",
        location="default",
        stage=0,
        decider="claim-risk@1",
        version=0,
        case=a_case(),
        events=(Asked(at=NOON, stage=0, deciders=("claim-risk@1",), until=NOON + timedelta(seconds=1)),),
        evidence=b"{}",
        subject=b"{}",
        trace=None,
        until=NOON + timedelta(seconds=1),
        reply=None,
        **more,
    )
