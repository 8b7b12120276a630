"""A task as a line of the terminal."""

from collections.abc import Iterator
from datetime import datetime

from adjudge.cli.output import plain, shown
from adjudge.cli.reviewing.entering import PAGE, has_keys, labels
from adjudge.client import Task

COMMANDS = "[s]kip  [u]ndo  [q]uit > "


def prompt(task: Task, now: datetime) -> str:
    """Return the line to answer at: what is asked, until when, and by which keys."""
    facts = "  ".join([task.type, *_facts(task), f"due in {_left(task.due_at, now)}"])
    return f"{plain(facts)}      {_options(task)}  {COMMANDS}"


def before(task: Task, page: int) -> list[str]:
    """Return what does not fit into that line: media, and a page of answers where they are many."""
    media = [f"  {medium.name or 'evidence'}: {medium.url or medium.fault}" for medium in task.media]
    return [plain(line) for line in (*media, *_page(task, page))]


def introduction(task: Task) -> list[str]:
    """Return what to know before the first task of a type."""
    return [plain(text) for text in (task.title, *(task.guidelines or "").splitlines()) if text]


def pages(task: Task) -> int:
    """Return how many pages of answers there are."""
    return 1 if has_keys(task) else max(1, -(-len(labels(task)) // PAGE))


def _facts(task: Task) -> Iterator[str]:
    names = [name for name in task.show or task.evidence if name in task.evidence]
    if not task.show:
        names.sort(key=lambda name: _is_prose(task.evidence[name]))  # figures first, as stored evidence has no order
    yield from (_fact(name, task.evidence[name]) for name in names)
    if task.stake is not None:
        yield f"stake {task.stake.amount} {task.stake.currency}"


def _fact(name: str, value: object) -> str:
    """Return prose in quotes, all else by its name."""
    return f'"{value}"' if _is_prose(value) else f"{name} {shown(value)}"


def _is_prose(value: object) -> bool:
    return isinstance(value, str) and " " in value.strip()


def _options(task: Task) -> str:
    if has_keys(task):
        return "  ".join(f"[{number}] {plain(label)}" for number, label in enumerate(labels(task), 1))
    if labels(task):
        return "number + Enter" + ("  [m]ore" if pages(task) > 1 else "")
    if not isinstance(task.answers, tuple) and task.answers.integer is not None:
        return f"{task.answers.integer.min} to {task.answers.integer.max} + Enter"
    return "JSON + Enter"


def _page(task: Task, page: int) -> list[str]:
    if has_keys(task):
        return []
    first = page * PAGE
    return [f"  {number:>3} {label}" for number, label in enumerate(labels(task)[first : first + PAGE], first + 1)]


def _left(due: datetime, now: datetime) -> str:
    seconds = int((due - now).total_seconds())
    if seconds <= 0:
        return "no time"
    hours, rest = divmod(seconds, 3600)
    minutes = f"{rest // 60}:{rest % 60:02}"
    return f"{hours}:{minutes:0>5}" if hours else minutes
