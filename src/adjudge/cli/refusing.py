"""How a command ends if it could not do what it was asked to."""

import sys


class Refused(Exception):
    """One line for the person at the terminal."""


def report(line: str) -> int:
    """Say on standard error what stands against it; return the status of a refused command."""
    print(f"adjudge: {' '.join(line.split())}", file=sys.stderr)
    return 1
