"""Gauges of things that configuration adds and removes. What was removed is set once more, to end its alarm."""

from collections.abc import Iterable
from typing import Final

from prometheus_client import Gauge

UNKNOWN: Final = float("nan")
"""Of a share: nothing was there of which it could be one."""


class Standing:
    """Which label values some gauges have had, and set to `gone` once what they told of is gone.

    They are not removed: where several processes share a page, the client cannot.
    """

    def __init__(self, *gauges: Gauge, gone: float = 0.0) -> None:
        self._gauges = gauges
        self._gone = gone
        self._told: set[tuple[str, ...]] = set()

    def are(self, labels: Iterable[tuple[str, ...]]) -> None:
        """Say of which labels something was told just now."""
        told = set(labels)
        for went in self._told - told:
            for gauge in self._gauges:
                gauge.labels(*went).set(self._gone)
        self._told = told
