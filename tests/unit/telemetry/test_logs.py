"""Logs say what happened, and never make anything else happen."""

import errno
import io
import json
import logging
import sys
import threading
from uuid import UUID

import pytest
import structlog

from adjudge.telemetry import logs


class Full:
    """Standard output that goes to a full disk."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


class Unbuffered:
    """Standard output with PYTHONUNBUFFERED: each write goes out by itself."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def write(self, text: str) -> int:
        self.seen.append(text)
        return len(text)

    def flush(self) -> None: ...


@pytest.fixture
def configured(monkeypatch, logging_kept):
    """Logs as a process writes them, to what standard output is here."""

    def configure(stream) -> None:
        monkeypatch.setattr(sys, "stdout", stream)
        logs.configure("api")

    return configure


def test_a_line_that_cannot_be_written_costs_a_line_and_no_answer(configured, capfd):
    configured(Full())

    structlog.get_logger().error("api.failed", path="/v1/decisions")
    logging.getLogger("library").warning("lost, too")

    assert capfd.readouterr().err == "", "nor a traceback instead of it"


def test_an_id_stands_there_as_it_is_written_everywhere_else(configured):
    out = io.StringIO()
    configured(out)

    structlog.get_logger().info("decision.settled", decision=UUID(int=7))
    logging.getLogger("library").warning("met", extra={"decision": UUID(int=7)})

    assert [json.loads(line)["decision"] for line in out.getvalue().splitlines()] == [str(UUID(int=7))] * 2


def test_a_line_and_its_end_are_one_write(configured):
    """Models in processes of their own print to the same standard output: nothing of theirs comes between."""
    out = Unbuffered()
    configured(out)

    structlog.get_logger().info("decision.settled")
    logging.getLogger("library").warning("met")

    assert [text.count("\n") for text in out.seen] == [1, 1]


def test_what_a_library_says_is_one_event_whatever_its_words(configured):
    """Whoever filters by `event` is promised stable names; ours by way of `logging` keep theirs."""
    out = io.StringIO()
    configured(out)

    words = ("retrying in %.1fs", 1.07)
    thread = threading.Thread(target=logging.getLogger("opentelemetry.sdk").error, args=words)
    thread.start()
    thread.join(5)
    logging.getLogger("adjudge.streams").warning("message.failed")

    library, ours = [json.loads(line) for line in out.getvalue().splitlines()]
    assert library["event"] == "library.logged"
    assert library["message"] == "retrying in 1.1s"
    assert library["logger"] == "opentelemetry.sdk"
    assert (ours["event"], "message" in ours) == ("message.failed", False)
    assert {line["process"] for line in (library, ours)} == {"api"}
