"""What a process loads: each has 120 MiB, and numpy is only for those that certify (see unit/cli/test_loading.py)."""

import subprocess
import sys


def test_a_calibrator_is_applied_without_numpy():
    assert not loads_numpy("from adjudge.core.calibration import Platt; Platt(1, 0).apply({'a': 0.9, 'b': 0.1})")


def loads_numpy(program: str) -> bool:
    asking = f"{program}\nimport sys\nprint('numpy' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", asking], check=True, capture_output=True, text=True, timeout=60)
    return ran.stdout.strip() == "True"
