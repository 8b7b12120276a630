"""What `adjudge up` does around its processes, without starting them."""

import os
import subprocess
import sys

import pytest
from prometheus_client import CollectorRegistry, multiprocess

from adjudge.cli.up import _forget_gauges

IS_BEHIND = """
from adjudge.telemetry import names
names.REVISION_BEHIND.labels("worker").set(1)
names.BREAKER_OPEN.labels("m@1").set(1)
names.SHED.labels("bulk", "late").inc()
"""


@pytest.fixture
def ended(tmp_path) -> int:
    """A process that shared its figures there, and is gone; its id."""
    process = subprocess.Popen(
        [sys.executable, "-c", IS_BEHIND], env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    )
    assert process.wait(60) == 0
    return process.pid


def test_what_a_process_was_like_is_forgotten_when_it_is_gone_and_what_it_counted_is_not(tmp_path, ended):
    """An alert goes on for as long as the gauge does; the next process has one of its own."""
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=str(tmp_path))
    assert registry.get_sample_value("adjudge_configuration_behind", {"process": "worker"}) == 1

    _forget_gauges(str(tmp_path), ended)

    assert registry.get_sample_value("adjudge_configuration_behind", {"process": "worker"}) is None
    assert registry.get_sample_value("adjudge_breaker_open", {"decider": "m@1"}) is None
    assert registry.get_sample_value("adjudge_decisions_shed_total", {"lane": "bulk", "why": "late"}) == 1
