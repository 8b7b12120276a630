"""An outage is told at once, and does not fill the disk."""

from structlog.testing import capture_logs

from adjudge.api.outage import Outage


def test_the_first_request_is_told_of_at_once_and_all_others_once_a_second():
    now = 100.0
    outage = Outage(lambda: now)

    with capture_logs() as lines:
        for _ in range(500):
            outage.refused("/v1/decisions", OSError("away"))
        now += 1
        outage.refused("/v1/outcomes", OSError("away"))

    assert [(line["event"], line["path"], line["requests"]) for line in lines] == [
        ("api.unavailable", "/v1/decisions", 1),
        ("api.unavailable", "/v1/outcomes", 500),
    ]
