"""Earned automation as arithmetic: what audits show, what may be licensed, when the licence goes.

What is promised, and by which formula, is in docs/explanation/earned-automation.md.

Pure: no I/O, no clock, no chance, and nothing of ours but `core`. It needs numpy, which the api and
the workers never load; what they need of it (a calibrator's value) is in `core`.
"""

import os

# Before numpy is loaded. Its matrices here are too small to be shared, and threads that wait for their part spin: on a
# busy machine they took more CPU than all else together.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
