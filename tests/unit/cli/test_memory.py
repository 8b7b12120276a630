"""A burst of large evidence leaves a process at its size."""

import platform
import subprocess
import sys

import pytest

BURST = """
from pathlib import Path
from adjudge.cli.processes.memory import give_back_what_is_large

def resident_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

give_back_what_is_large()
bytes(8 * 2**20)  # as a whole batch; malloc learns from it
before, small = resident_mib(), []
for _ in range(3):
    large = []
    for n in range(300):
        large.append(b"%d" % n + bytes(200_000))
        small.append(bytes(2_000))
    del large
print(resident_mib() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators have other habits")
def test_large_blocks_go_back_although_small_ones_between_them_stay():
    ran = subprocess.run([sys.executable, "-c", BURST], capture_output=True, text=True, timeout=60, check=True)

    assert float(ran.stdout) < 10  # the small ones are 2; the large ones were 60
