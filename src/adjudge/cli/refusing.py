"""What a command says beside its output, and how it ends if it could not do what it was asked to."""

import sys


class Refused(Exception):
    """One line for the person at the terminal."""


def report(line: str) -> int:
    """Say on standard error what stands against it; return the status of a refused command."""
    remark(line)
    return 1


def remark(line: str) -> None:
    """Say something on standard error, which is not what the command was asked for."""
    print(f"adjudge: {' '.join(line.split())}", file=sys.stderr)
