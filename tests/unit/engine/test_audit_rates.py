"""Rates of the audit coin: known before it falls, within the budget, and tenfold where the watch is worried."""

import pytest

from adjudge.core.audits import AuditSpec
from adjudge.engine.audit_rates import differ, rate_of

SPEC = AuditSpec(pool=None, expert="experts", rate=0.05, votes=0)
DAY = (10_000.0, 1.0)
"""Ten thousand decisions in a day."""


@pytest.mark.parametrize(
    ("budget", "volume", "lacks", "boost", "rate"),
    [
        (None, DAY, True, 1, 0.05),
        (2_000, None, True, 1, 0.05),
        (2_000, DAY, True, 1, 0.2),
        (2_000, DAY, False, 1, 0.05),
        (100, DAY, False, 1, 0.01),
        (2_000, (10_000.0, 0.5), True, 1, 0.1),
        (10**6, DAY, True, 1, 1.0),
        (None, DAY, False, 10, 0.5),
        (None, DAY, False, 100, 1.0),
    ],
)
def test_a_rate_follows_budget_volume_and_watch(budget, volume, lacks, boost, rate):
    spec = AuditSpec(pool=None, expert="experts", rate=0.05, votes=0, budget=budget)

    assert rate_of(spec, volume, lacks=lacks, boost=boost) == pytest.approx(rate)


def test_rates_are_published_only_where_they_move():
    held = {("t", "all"): 0.10}

    assert not differ(held, {("t", "all"): 0.105})
    assert differ(held, {("t", "all"): 0.12})
    assert differ(held, {})
    assert differ({}, held)
