"""The command line: `adjudge`."""

import os
import sys


def main() -> None:
    """Run the command that the arguments name, and end the process with its status."""
    _keep_standard_places()
    from adjudge.cli.root import run  # start-up time is spent on what the command needs

    sys.exit(run(sys.argv[1:]))


def _keep_standard_places() -> None:
    """Open nothing where a standard stream is closed: what is opened first would be in its place.

    The event loop aborts where its own files are.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            place = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(place, True)
            setattr(sys, name, os.fdopen(place, mode))
