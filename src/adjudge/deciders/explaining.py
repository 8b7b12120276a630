"""Describes what users' code did, always short and printable, and never failing itself.

An exception's text or an object's `repr` is produced by the user's code too, and may itself raise.
"""

import reprlib
from types import TracebackType
from typing import Any, Final

LONGEST: Final = 300
"""Characters."""
_NOT_THEIRS: Final = ("adjudge.deciders", "importlib")
"""Modules that lie between the user's line and us."""


def explained(error: BaseException) -> str:
    """Return what was raised and where: `KeyError: 'amount' (deciders.py:3)`."""
    name = type(error).__name__
    try:
        text = str(error)
    except Exception:
        text = "its text cannot be shown"
    return clipped(f"{name}: {text}" if text else name, ending=_place(error.__traceback__))


def named(error: BaseException) -> str:
    """Return of what class it was and where it was raised, without its text: `KeyError (deciders.py:3)`."""
    return clipped(type(error).__name__, ending=_place(error.__traceback__))


def shown(value: Any) -> str:
    """Return an abridged `repr`."""
    try:
        return clipped(reprlib.repr(value))
    except Exception:
        return f"an object of type {type(value).__name__}"


def clipped(text: str, *, ending: str = "") -> str:
    """Return the text fit for a log, a database and a screen."""
    shortened = text if len(text) + len(ending) <= LONGEST else f"{text[: LONGEST - len(ending) - 1]}…"
    return "".join(each if each.isprintable() else " " for each in shortened + ending)


def _place(traceback: TracebackType | None) -> str:
    """Return the innermost line that is not ours, without folders: the text may be shown to strangers."""
    place = ""
    while traceback is not None:
        frame = traceback.tb_frame
        if not str(frame.f_globals.get("__name__")).startswith(_NOT_THEIRS):
            file = frame.f_code.co_filename.replace("\\", "/").rpartition("/")[2]
            place = f" ({file[:80]}:{traceback.tb_lineno})"
        traceback = traceback.tb_next
    return place
