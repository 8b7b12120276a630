"""What several workers write on one standard error stays apart."""

import sys

from adjudge.cli.streams.saying import say


class Unbuffered:
    """Standard error with PYTHONUNBUFFERED: each write goes out by itself."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def write(self, text: str) -> int:
        self.seen.append(text)
        return len(text)

    def flush(self) -> None: ...


def test_a_line_and_its_end_are_one_write(monkeypatch):
    """Otherwise the line of another process comes between."""
    monkeypatch.setattr(sys, "stderr", out := Unbuffered())

    say("running mail")
    say("stopped")

    assert out.seen == ["adjudge: running mail\n", "adjudge: stopped\n"]
