"""`adjudge demo`: what an installed pack offers to watch."""

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from adjudge.cli.grouping import group
from adjudge.cli.refusing import Refused


def no_demo() -> None:
    """Watch an installed pack at work."""
    raise Refused("no installed pack has a demo")


def found() -> Any:
    """Return the first pack's demo, or a command that says that there is none."""
    packs = [pack for entry in entry_points(group="adjudge.packs") if (pack := _loaded(entry)) is not None]
    return next((pack.demo for pack in packs if getattr(pack, "demo", None) is not None), no_demo)


def _loaded(entry: EntryPoint) -> Any:
    """Return a pack; None where its entry point outlived it."""
    try:
        return entry.load()
    except ModuleNotFoundError:
        return None


app = group("Watch an installed pack at work.")
app.command("demo")(found())
