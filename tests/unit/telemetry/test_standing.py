"""A gauge of what went does not stand where it stood."""

import math

from prometheus_client import CollectorRegistry, Gauge

from adjudge.telemetry.standing import UNKNOWN, Standing


def test_what_went_is_nothing_from_then_on_and_what_comes_back_is_told_again():
    registry = CollectorRegistry()
    waiting = Gauge("waiting", "w", ("pool",), registry=registry)
    oldest = Gauge("oldest", "o", ("pool",), registry=registry)
    standing = Standing(waiting, oldest)

    def look(**pools: float) -> list[float | None]:
        for pool, count in pools.items():
            waiting.labels(pool).set(count)
            oldest.labels(pool).set(count)
        standing.are((pool,) for pool in pools)
        names = ("waiting", "oldest")
        return [registry.get_sample_value(name, {"pool": pool}) for pool in ("a", "b") for name in names]

    assert look(a=3, b=4) == [3, 3, 4, 4]
    assert look(b=4) == [0, 0, 4, 4]
    assert look(a=1) == [1, 1, 0, 0]


def test_a_share_of_nothing_is_no_number():
    registry = CollectorRegistry()
    covered = Gauge("covered", "c", ("type",), registry=registry)
    standing = Standing(covered, gone=UNKNOWN)
    covered.labels("claim").set(0.5)
    standing.are([("claim",)])

    standing.are([])

    assert math.isnan(registry.get_sample_value("covered", {"type": "claim"}) or 0)
