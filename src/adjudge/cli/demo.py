"""`adjudge demo`: the demonstration of an installed pack."""

from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any

import typer

from adjudge.cli.grouping import group
from adjudge.cli.refusing import Refused


def no_demo(_: Annotated[list[str] | None, typer.Argument(hidden=True)] = None) -> None:
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
_demo = found()
# without a pack it is that which is said, whatever options a pack would have had
app.command("demo", context_settings={"ignore_unknown_options": True} if _demo is no_demo else None)(_demo)
