"""What an epoch fixes before anything is tested, on audits that certify nothing in it: calibrator, grid and start.

No I/O.
"""

import math
from collections.abc import Sequence
from typing import Final, TypeAlias

from adjudge.automation import against_people, calibrating, certifying, money
from adjudge.automation.against_people import Over
from adjudge.automation.betting import Epoch
from adjudge.automation.binomial import Floats, audits_needed
from adjudge.automation.calibrating import Calibration, Examples
from adjudge.automation.paired import Paired, pairs_of
from adjudge.automation.samples import Audit, Role, Sample, grid_of
from adjudge.automation.weighed import Weighed
from adjudge.core.audits import CALIBRATE_SHARE
from adjudge.core.calibration import Uncalibrated
from adjudge.core.plans import AgainstPeople, Stage
from adjudge.core.prefixes import ANSWERED_BEFORE, NOT_ANSWERED, Prefix, Scored
from adjudge.engine.certificates.licensing import Scale, judged
from adjudge.store.automation.audited import Counted, Evidence
from adjudge.store.automation.covers import Covers

HORIZON: Final = 2_000
"""Certify-audits with which a certificate is expected, where the starting point must be chosen without many."""
CALIBRATED_PAIRS: Final = 200
"""Calibrate-audits that choose the start of a comparison with people. With 50 a model half as often wrong as people was
certified without a margin in a fifth of slices by 8,000 audits, with 200 in three of five (simulated)."""
MOST_WAITED: Final = 8
"""Where calibrate-audits stay out, testing begins without them once there are this many times as many certify-
audits."""

Process: TypeAlias = Epoch | Paired | Weighed
"""What is looked at from then on: of a target, against people, or of money."""


def may_design(counts: Counted, covers: Covers, delta: float) -> bool:
    """Return whether there are calibrate-audits enough to choose by, or so many others that these stay out.

    As many as those of which one may be wrong (`audits_needed`). With half of them the start is a matter of luck, and
    it holds for the whole epoch: on the shipped grocery claims at 5% every fifth slice was then not certified by 2,700
    audits; with all of them one in thirty, for a median of some 130 audits more.

    Only counts are looked at, so nothing is chosen by what audits found. A start that they do not choose is so
    strict that it wants some three times the audits; against people there is none.
    """
    if covers.people is not None:
        return counts.calibrate >= CALIBRATED_PAIRS
    needed = audits_needed(1, covers.target, delta)
    return counts.calibrate >= needed or counts.certify >= MOST_WAITED * needed


def audits_to_design(counts: Counted, covers: Covers, delta: float) -> int:
    """Return about how many more audits are wanted before anything is tested."""
    if covers.people is not None:
        return max(1, math.ceil((CALIBRATED_PAIRS - counts.calibrate) / CALIBRATE_SHARE))
    needed = audits_needed(1, covers.target, delta)
    by_calibrate = (needed - counts.calibrate) / CALIBRATE_SHARE
    by_certify = (MOST_WAITED * needed - counts.certify) / (1 - CALIBRATE_SHARE)
    return max(1, math.ceil(min(by_calibrate, by_certify)))


def audits_to_begin(covers: Covers, delta: float) -> int:
    """Return about how many audits an epoch wants before anything is tested, where there are none."""
    return audits_to_design(Counted(calibrate=0, certify=0), covers, delta)


def design(
    rows: Sequence[Evidence],
    prefix: Prefix,
    covers: Covers,
    delta: float,
    scale: Scale | None = None,
    first_number: int = 0,
) -> tuple[Calibration, Process] | None:
    """Fit the calibrator, fix grid and starting point. None where the audits that may choose speak for no start.

    Audits that certify are passed over: what they say may have no part in what they are to test. Up to
    `first_number` they are of epochs that have ended, and license nothing any more: these choose, too.
    `scale`: by what stakes are weighed, where the target is of money.
    """
    calibrate = [row for row in rows if row.role == Role.CALIBRATE or row.number <= first_number]
    calibration = _calibrated(calibrate, prefix)
    if calibration is None:
        return None
    read = judged(calibrate, prefix, calibration.calibrator, covers.people, scale)
    audits = [each.audit for each in read]
    grid = grid_of([audit.score for audit in audits if NOT_ANSWERED < audit.score < ANSWERED_BEFORE])
    process: Process | None
    if covers.people is not None:
        process = _against_people(audits, grid, covers.people, delta)
    elif scale is not None:
        process = _of_money(audits, grid, covers.target, delta)
    else:
        process = _of_answers(audits, grid, covers.target, delta)
    return None if process is None else (calibration, process)


def _of_answers(audits: Sequence[Audit], grid: Floats, target: float, delta: float) -> Epoch | None:
    start = certifying.choose_start(Sample.of(audits), grid, target=target, delta=delta, certify_audits=HORIZON)
    return None if start is None else Epoch.begin(target=target, delta=delta, grid=grid, start=start)


def _of_money(audits: Sequence[Audit], grid: Floats, target: float, delta: float) -> Weighed | None:
    start = money.choose_start(Sample.of(audits), grid, target)
    return None if start is None else Weighed.begin(target=target, delta=delta, grid=grid, start=start)


def _against_people(audits: Sequence[Audit], grid: Floats, people: AgainstPeople, delta: float) -> Paired | None:
    margin, over = people.margin, Over(people.over)
    start = against_people.choose_start(pairs_of(audits), grid, margin=margin, over=over)
    return None if start is None else Paired.begin(margin=margin, over=over, delta=delta, grid=grid, start=start)


def _calibrated(calibrate: Sequence[Evidence], prefix: Prefix) -> Calibration | None:
    known = [row for row in calibrate if row.truth is not None]
    raw = [prefix.scored(row.heard, row.case, Uncalibrated()) for row in known]
    own = [(row, seen) for row, seen in zip(known, raw, strict=True) if NOT_ANSWERED < seen.score < ANSWERED_BEFORE]
    if not own:
        return None
    distributions = [_distribution(row, seen, prefix.stage) for row, seen in own]
    return calibrating.fit(Examples.of(distributions, [str(row.truth) for row, _ in own]))


def _distribution(row: Evidence, seen: Scored, stage: Stage) -> dict[str, float]:
    """Return what is calibrated: a lone decider's distribution, else the belief's own confidence."""
    given = row.said[stage.deciders[0]].distribution if len(stage.deciders) == 1 else None
    return given or {str(seen.answer): seen.score}
