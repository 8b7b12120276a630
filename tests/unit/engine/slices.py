"""A slice that may earn a certificate, its epoch, and how far it has come."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from adjudge.automation.betting import Epoch
from adjudge.automation.certifying import Start
from adjudge.automation.watching import Watch
from adjudge.core.calibration import Uncalibrated
from adjudge.engine.certificates.licensing import State
from adjudge.store.automation.covers import Covers
from adjudge.store.automation.epochs import EpochRow

NOW = datetime(2026, 11, 28, tzinfo=UTC)
COVERS = Covers(
    type="claim.pay",
    slice="all",
    prefix="p0",
    plan="claims",
    stage=0,
    deciders=("claim-risk@1",),
    locations=("default",),
    target=0.05,
    confidence=0.9,
    watch=0.05,
    validity_seconds=86_400.0,
    is_audited=True,
    has_expert=True,
    expert_share=1.0,
    rate=1.0,
    budget=None,
    is_told=True,
)
ROW = EpochRow(
    scope="certificate:claim.pay:all:p0",
    number=1,
    covers=COVERS,
    first_number=0,
    began_at=NOW,
    design=None,
    standing=None,
    renewal=None,
)
START = Start(threshold=0.9, why="calibrate-audits")


def a_state(audits: int = 0, wrong: int = 0, **more: Any) -> State[Epoch, Watch]:
    """Return an epoch that has read so many audits above its only threshold; its target is 10%."""
    epoch = Epoch.begin(target=0.1, delta=0.06, grid=(0.9,), start=START)
    epoch = epoch.counting([0.95] * audits, [0.95] * wrong)
    state = State[Epoch, Watch](
        calibrator=Uncalibrated(), calibration="c#1", epoch=epoch, earlier=(), read_number=0, watched_number=0
    )
    return msgspec.structs.replace(state, **more)
