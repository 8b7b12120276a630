"""The command line: `adjudge`."""

import sys


def main() -> None:
    """Run the command that the arguments name, and end the process with its status."""
    from adjudge.cli.root import run  # start-up time is spent on what the command needs

    sys.exit(run(sys.argv[1:]))
