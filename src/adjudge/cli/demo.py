"""`adjudge demo`: what an installed pack offers to watch."""

from importlib.metadata import entry_points
from typing import Any

from adjudge.cli.grouping import group
from adjudge.cli.refusing import Refused


def no_demo() -> None:
    """Watch an installed pack at work."""
    raise Refused("no installed pack has a demo")


def found() -> Any:
    """Return the first pack's demo, or a command that says that there is none."""
    packs = [entry.load() for entry in entry_points(group="adjudge.packs")]
    return next((pack.demo for pack in packs if getattr(pack, "demo", None) is not None), no_demo)


app = group("Watch an installed pack at work.")
app.command("demo")(found())
