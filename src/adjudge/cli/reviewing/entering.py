"""What a reviewer's keys and lines mean, given what may be answered. No I/O."""

import json
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from adjudge.client import OtherAnswers, Task
from adjudge.client.reviews import DeclineReason
from adjudge.core.answers import OutsideSpace, Structured, canonical

KEYS = 9
"""Up to so many answers have a key of their own; more are chosen by number and Enter."""
PAGE = 20
"""How many numbered answers are shown at once."""

ENTER, BACKSPACE, END = ("\r", "\n"), ("\x7f", "\b"), "\x04"


@dataclass(frozen=True, slots=True)
class Answered:
    """The person's answer."""

    answer: Any


@dataclass(frozen=True, slots=True)
class Skipped:
    """The person cannot or must not answer this one."""

    reason: DeclineReason = "unsure"
    note: str | None = None


Verdict: TypeAlias = Answered | Skipped


@dataclass(frozen=True, slots=True)
class Typing:
    """Not done yet: what stands in the line so far."""

    buffer: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """Not an answer, and why."""

    why: str


Command: TypeAlias = Literal["undo", "quit", "more"]
Entered: TypeAlias = Verdict | Typing | Wrong | Command

_COMMANDS: dict[str, Command] = {"u": "undo", "q": "quit", "m": "more"}


def labels(task: Task) -> tuple[str, ...]:
    """Return the answers that are chosen by number; none where one is typed."""
    if isinstance(task.answers, tuple):
        return task.answers
    return ("yes", "no") if task.answers.boolean else ()


def has_keys(task: Task) -> bool:
    """Whether one key is an answer, without Enter."""
    return 0 < len(labels(task)) <= KEYS


def pressed(task: Task, buffer: str, key: str) -> Entered:
    """Return what a key means after what was typed before."""
    if key == END:
        return "quit"
    if not buffer and (meant := _commanded(task, key)) is not None:
        return meant
    if has_keys(task):
        return _numbered(task, key) if key.isdecimal() else Typing("")
    if key in ENTER:
        return entered(task, buffer) if buffer.strip() else Typing("")
    if key in BACKSPACE:
        return Typing(buffer[:-1])
    return Typing(buffer + key) if key.isprintable() else Typing(buffer)


def entered(task: Task, line: str) -> Entered:
    """Return what a whole line means."""
    line = line.strip()
    if (meant := _commanded(task, line)) is not None:
        return meant
    if line.startswith("s ") and line not in labels(task):
        return _skipped(line[2:].strip())
    if line in labels(task):
        return _chosen(task, labels(task).index(line))
    if labels(task):
        return _numbered(task, line)
    return _typed(task.answers, line)


def _commanded(task: Task, text: str) -> Skipped | Command | None:
    """Return the command that a letter stands for; a skip says by itself when there was nothing to be seen."""
    if text == "s":
        return Skipped("no_evidence" if any(medium.url is None for medium in task.media) else "unsure")
    return _COMMANDS.get(text)


def _skipped(rest: str) -> Skipped | Wrong:
    reason, _, note = rest.partition(" ")
    for known in get_args(DeclineReason):
        if reason == known:
            return Skipped(known, note.strip() or None)
    return Wrong(f"a reason to skip is one of {', '.join(get_args(DeclineReason))}")


def _numbered(task: Task, text: str) -> Answered | Wrong:
    count = len(labels(task))
    if text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= count:
        return _chosen(task, int(text[:9]) - 1)
    return Wrong(f"{text!r} is not a number from 1 to {count}")


def _chosen(task: Task, index: int) -> Answered:
    chosen = labels(task)[index]
    return Answered(chosen if isinstance(task.answers, tuple) else chosen == "yes")


def _typed(space: tuple[str, ...] | OtherAnswers, line: str) -> Answered | Wrong:
    schema = space.schema if isinstance(space, OtherAnswers) else None
    try:
        value = json.loads(line)
    except ValueError:
        return Wrong(
            "not JSON; a text stands in double quotes" if schema is not None else f"{line!r} is not a whole number"
        )
    if schema is not None:
        return _structured(schema, value)
    bounds = space.integer if isinstance(space, OtherAnswers) else None
    if bounds is None:
        return Answered(value)
    if isinstance(value, int) and not isinstance(value, bool) and bounds.min <= value <= bounds.max:
        return Answered(value)
    return Wrong(f"{line!r} is not a whole number from {bounds.min} to {bounds.max}")


def _structured(schema: dict[str, Any], value: Any) -> Answered | Wrong:
    try:
        Structured(canonical(schema)).key(value)
    except OutsideSpace as fault:
        return Wrong(str(fault))
    return Answered(value)
