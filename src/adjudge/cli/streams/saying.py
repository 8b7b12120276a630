"""What `adjudge streams run` says on standard error."""

import sys


def say(line: str) -> None:
    """Write a line of its own, also beside other processes.

    Its workers share one pipe. With PYTHONUNBUFFERED `print` writes the end of a line by itself, and the line of
    another process may come between.
    """
    sys.stderr.write(f"adjudge: {line}\n")
    sys.stderr.flush()
