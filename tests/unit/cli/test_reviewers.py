"""What people read of what is learnt of a reviewer."""

from datetime import UTC, datetime

from adjudge.cli import reviewers
from adjudge.client.automation import Learnt, LearntOf


def test_what_is_learnt_of_a_person_is_a_row_with_its_interval_and_snapshot():
    emil = LearntOf(reviewer="emil", votes=180, accuracy=0.603, low=0.541, high=0.664)
    learnt = Learnt(
        type="claim.pay",
        snapshot=7,
        published_at=datetime(2026, 11, 28, tzinfo=UTC),
        votes=900,
        audits=300,
        people=(emil,),
        stages=(),
    )

    assert reviewers._learnt(learnt, emil) == ("claim.pay", "60%", "54% to 66%", "180", "7")
