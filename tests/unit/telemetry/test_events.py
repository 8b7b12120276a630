"""Each log event has one name, one level, and one line that says what it means."""

import ast
import logging
import re
from functools import cache
from pathlib import Path

import pytest

import adjudge
from adjudge.telemetry import logs
from adjudge.telemetry.events import EVENTS

SOURCES = sorted(Path(adjudge.__file__).parent.rglob("*.py"))
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "events.md"
LEVELS = {"debug", "info", "warning", "error"}


def test_every_event_that_is_logged_is_described_and_no_other():
    assert {name for name, _, _ in logged()} | {logs.OF_LIBRARIES} == EVENTS.keys()


def test_every_event_is_logged_with_its_level():
    wrong = [(name, level, place) for name, level, place in logged() if name in EVENTS and EVENTS[name].level != level]

    assert wrong == []


def test_names_are_stable_words_and_never_put_together():
    unnamed = [place for name, _, place in logged() if not re.fullmatch(r"[a-z]+\.[a-z_]+", name)]

    assert unnamed == []


def test_the_reference_is_this_table():
    rows = re.findall(r"^\| `([a-z._]+)` \| (\w+) \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert rows == [(name, event.level, event.says) for name, event in sorted(EVENTS.items())]


@pytest.mark.usefixtures("logging_kept")
def test_what_a_library_says_beside_its_message_is_written_down_too(capsys):
    logs.configure("worker")

    logging.getLogger("adjudge.streams").error("loop.stalled", extra={"stream": "ask:vision@1", "reason": "slept"})

    line = capsys.readouterr().out
    assert '"event": "loop.stalled"' in line
    assert '"stream": "ask:vision@1"' in line
    assert '"process": "worker"' in line


@cache
def logged() -> list[tuple[str, str, str]]:
    """Name, level and place of each event in the code."""
    texts = {path: path.read_text(encoding="utf-8") for path in SOURCES}
    return [
        (name, node.func.attr, f"{path.name}:{node.lineno}")
        for path, text in texts.items()
        if "log." in text
        for node in ast.walk(ast.parse(text))
        if is_log(node) and node.args
        for name in names_of(node.args[0])
    ]


def is_log(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "log"
        and node.func.attr in LEVELS
    )


def names_of(argument: ast.expr) -> list[str]:
    """The names that a first argument may have; what is no constant is no name."""
    if isinstance(argument, ast.IfExp):
        return [*names_of(argument.body), *names_of(argument.orelse)]
    return [argument.value if isinstance(argument, ast.Constant) else ast.unparse(argument)]
