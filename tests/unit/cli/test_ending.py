"""A process that was told to end does end."""

import subprocess
import sys
import time

from adjudge.cli.processes.ending import OVERRAN

HANGS = "from adjudge.cli.processes.ending import end_within; import time; end_within(0.2); time.sleep(60)"
ENDS = "from adjudge.cli.processes.ending import end_within; end_within(60)"


def test_what_hangs_is_ended_with_a_status_of_its_own_and_an_event():
    ran = subprocess.run([sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=30, check=False)

    assert ran.returncode == OVERRAN
    assert "process.overran" in ran.stdout


def test_what_ends_by_itself_is_not_waited_for():
    started = time.monotonic()

    ran = subprocess.run([sys.executable, "-c", ENDS], capture_output=True, timeout=30, check=False)

    assert ran.returncode == 0
    assert time.monotonic() - started < 20
