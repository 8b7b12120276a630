"""An outage is told at once and whole, and does not fill the disk."""

from collections.abc import Callable

from structlog.testing import capture_logs

from adjudge.api.outage import Outage


class Clock:
    """Time that stands still, but for what is to be called later."""

    def __init__(self) -> None:
        self.now = 100.0
        self.due: list[tuple[float, Callable[[], None]]] = []

    def __call__(self) -> float:
        return self.now

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self.due.append((self.now + seconds, call))

    def passes(self, seconds: float) -> None:
        end = self.now + seconds
        while self.due and self.due[0][0] <= end:
            self.now, call = self.due.pop(0)
            call()
        self.now = end


def refuse(outage: Outage, count: int, path: str = "/v1/decisions") -> None:
    for _ in range(count):
        outage.refused(path, OSError("away"))


def test_the_first_request_is_told_of_at_once_and_all_others_once_a_second():
    clock = Clock()
    outage = Outage(clock, clock.later)

    with capture_logs() as lines:
        refuse(outage, 500)
        clock.passes(1)
        refuse(outage, 3, "/v1/outcomes")
        clock.passes(1)

    assert [(line["event"], line["path"], line["requests"]) for line in lines] == [
        ("api.unavailable", "/v1/decisions", 1),
        ("api.unavailable", "/v1/decisions", 499),
        ("api.unavailable", "/v1/outcomes", 3),
    ]


def test_what_an_outage_refused_last_is_not_counted_to_the_next_one():
    clock = Clock()
    outage = Outage(clock, clock.later)

    with capture_logs() as lines:
        refuse(outage, 500)
        clock.passes(3_600)
        refuse(outage, 1, "/v1/outcomes")

    assert [(line["path"], line["requests"]) for line in lines] == [
        ("/v1/decisions", 1),
        ("/v1/decisions", 499),
        ("/v1/outcomes", 1),
    ]
