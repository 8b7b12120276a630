"""A process without standard streams, as some supervisors start one, runs like any other."""

import os
import subprocess
import sys

import pytest

COMMAND = 'exec "$0" -c "from adjudge.cli import main; main()" worker'
NOWHERE = {"DATABASE_URL": "no address", "REDIS_URL": "redis://127.0.0.1:1"}


@pytest.mark.parametrize("closed", [">&-", "<&-", "<&- >&-"])
def test_a_worker_whose_streams_are_closed_says_what_is_amiss(closed):
    """Its event loop aborted: its own files were where the streams are."""
    ended = subprocess.run(
        ["sh", "-c", f"{COMMAND} {closed}", sys.executable],
        env={**os.environ, **NOWHERE, "ADJUDGE_CONFIG": os.devnull},
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
        text=True,
    )

    assert ended.returncode == 1, ended.stderr
    assert ended.stderr.startswith("adjudge: "), ended.stderr
