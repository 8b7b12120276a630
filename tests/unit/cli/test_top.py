"""What `adjudge top` shows of what the API says."""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from rich.console import Console

from adjudge.cli.top import Flow, Look, flow, page, screen
from adjudge.client import Decider, Overview, PoolPeople, Queue

NOON = datetime(2026, 12, 1, 12, 0, 0, tzinfo=UTC)
Build = Callable[..., Overview]


@pytest.fixture
def an_overview() -> Build:
    def build(seconds: float = 0, *, accepted: int = 0, waiting: int = 0, **more: object) -> Overview:
        document = {
            "at": NOON + timedelta(seconds=seconds),
            "revision": 7,
            "accepted": accepted,
            "open": [{"lane": "standard", "count": waiting, "oldest_seconds": 12.0}],
            **more,
        }
        return msgspec.convert(document, Overview)

    return build


def test_what_came_in_and_is_not_open_was_settled(an_overview):
    passed = flow(an_overview(0, accepted=1_000, waiting=100), an_overview(2, accepted=3_000, waiting=300))

    assert passed == Flow(accepted=1000, settled=900)


def test_a_backlog_that_shrinks_settles_more_than_comes_in(an_overview):
    passed = flow(an_overview(0, accepted=100, waiting=500), an_overview(10, accepted=200, waiting=100))

    assert passed == Flow(accepted=10, settled=50)


@pytest.mark.parametrize(("then", "now"), [((0, 10), (0, 20)), ((0, 50), (2, 20))], ids=["at once", "another database"])
def test_there_are_no_rates_without_two_looks_at_the_same(an_overview, then, now):
    assert flow(an_overview(then[0], accepted=then[1]), an_overview(now[0], accepted=now[1])) == Flow()
    assert flow(None, an_overview()) == Flow()


def test_the_page_says_who_settles_what_waits_and_whose_breaker_is_open(an_overview):
    overview = an_overview(
        waiting=3,
        overdue=1,
        sources={"model": 80, "rule": 5, "reviewer": 10, "fallback": 5},
        streams=[{"decider": "vision@1", "unread": 40, "held": 2, "oldest_seconds": 130.0, "dead": 1}],
    )
    broken = msgspec.convert(
        {"id": "vision@1", "kind": "http", "breaker": {"state": "open", "reason": "timeout"}}, Decider
    )
    queue = Queue(pool="agents", waiting=4, oldest_seconds=61, due_5m=2, at_work=3, votes_per_hour=40)

    people = Decider(id="agents", kind="reviewers", people=PoolPeople(members=5, at_work=3))

    shown = page(Look(overview, [broken, people], [queue]), Flow(812, 9.5)).splitlines()

    assert shown == [
        "IN/S  OUT/S  OPEN  OLDEST  OVERDUE  COVERAGE  FALLBACKS  REVISION",
        " 812    9.5     3    12 s        1     85.0%       5.0%         7",
        "",
        "DECIDER   STATE  UNREAD  HELD  OLDEST  DEAD  REASON",
        "vision@1  open       40     2   2 min     1  timeout",
        "",
        "POOL    WAITING  OLDEST  DUE<5M  AT WORK  VOTES/H",
        "agents        4   1 min       2        3       40",
    ]


def test_what_is_not_known_is_a_dash(an_overview):
    silent = Look(an_overview(streams=None), [Decider(id="vision@1", kind="python")], [])

    shown = page(silent, Flow())

    assert "   –      –     0       –        0         –          –" in shown
    assert "vision@1  no worker       –     –       –     –" in shown


def test_what_must_be_looked_at_stands_above_what_is_well(an_overview):
    """A screen that is too short cuts off what is well."""

    def decider(name: str, state: str) -> Decider:
        return msgspec.convert({"id": name, "kind": "http", "breaker": {"state": state, "reason": ""}}, Decider)

    deciders = [decider("a@1", "closed"), decider("b@1", "half-open"), decider("c@1", "open"), decider("d@1", "closed")]

    shown = page(Look(an_overview(), deciders, []), Flow()).splitlines()

    assert [line.split()[0] for line in shown[4:8]] == ["c@1", "b@1", "a@1", "d@1"]


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (
            70,
            [
                "IN/S  OUT/S  OPEN  OLDEST  OVERDUE  COVERAGE  FALLBACKS  REVISION",
                " 812    9.5     0       –        0         –          –         7",
                "DECIDER        STATE  UNREAD  HELD  OLDEST  DEAD  REASON",
                "vision-sku@12  open        –     –       –     –  timeout: no answe…",
            ],
        ),
        (
            40,
            [
                "IN/S  OUT/S  OPEN  OLDEST  OVERDUE",
                " 812    9.5     0       –        0",
                "DECIDER        STATE  UNREAD  HELD",
                "vision-sku@12  open        –     –",
            ],
        ),
    ],
)
def test_on_a_narrow_screen_names_and_figures_stay_whole(an_overview, width, lines):
    """A reason is long; of a cut name and a cut figure nothing is left to know."""
    breaker = {"state": "open", "reason": "timeout: no answer within 2 s, and again not"}
    broken = msgspec.convert({"id": "vision-sku@12", "kind": "http", "breaker": breaker}, Decider)
    console = Console(width=width, file=io.StringIO(), color_system=None)

    console.print(screen(Look(an_overview(), [broken], []), Flow(812, 9.5), width))

    shown = [line.rstrip() for line in console.file.getvalue().splitlines() if line.strip()]
    assert shown[:4] == lines
