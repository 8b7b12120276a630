"""A command that gets no answer says why it waits: once, and only if that takes longer than a moment."""

from adjudge.cli.connection import Waiting
from adjudge.client import Problem

GONE = Problem("unreachable", "cannot reach http://127.0.0.1:1", detail="connection refused")


def test_a_command_that_waits_for_long_says_why_once(capsys):
    waiting = Waiting(30.0)

    for seconds in (0.1, 0.2, 0.4, 0.8, 1.6, 3.2):
        waiting(GONE, seconds)

    said = "adjudge: cannot reach http://127.0.0.1:1: connection refused. It is tried again for up to 30 s\n"
    assert capsys.readouterr().err == said


def test_a_short_wait_is_passed_over_in_silence(capsys):
    waiting = Waiting(30.0)

    for seconds in (0.1, 0.2, 0.4):
        waiting(GONE, seconds)

    assert capsys.readouterr().err == ""
