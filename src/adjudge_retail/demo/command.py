"""`adjudge demo`: the command. Everything behind it is imported when it runs."""

import asyncio
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from adjudge_retail.demo.running import Wishes

INTERRUPTED = 130
USAGE = 2


def demo(
    *,
    decisions: Annotated[int, typer.Option(min=1, max=100_000, help="How many questions to replay.")] = 3_000,
    data: Annotated[
        Path | None, typer.Option(help="A folder with a labelled set; its labels are the answers.", file_okay=False)
    ] = None,
    example: Annotated[
        bool, typer.Option("--example", help="At the 120 stores of the pack's example, whose thresholds are by hand.")
    ] = False,
    folder: Annotated[Path, typer.Option(help="The project folder, made anew each time.")] = Path(".adjudge-demo"),
    json: Annotated[Path | None, typer.Option(help="Write the figures to this file.", dir_okay=False)] = None,
    outcomes: Annotated[Path | None, typer.Option(help="Write a CSV line for each decision.", dir_okay=False)] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write the report as one page to this file.", dir_okay=False)
    ] = None,
    speed: Annotated[
        float | None, typer.Option(min=0.1, max=1000, help="Divides people's seconds; default: as the machine bears.")
    ] = None,
    target: Annotated[
        float | None,
        typer.Option(
            min=0.005,
            max=0.5,
            show_default="0.05",
            help="Of the answers that models give alone, at most this share wrong.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another run.")] = 1,
    leave: Annotated[bool, typer.Option("--exit", help="End when all is told, on a terminal, too.")] = False,
) -> None:
    """Replay a labelled set as a stream of store events through the real system, and watch automation being earned.

    It begins with people alone. Models answer where audits show that they may; in the middle one of them is made
    worse in one group of stores, and loses it again. What became of all decisions is counted in the database.

    With --example it plays the configuration that the pack ships for 120 stores, in which nothing is earned.

    On a terminal the system stays up afterwards, unless --exit is given. Status 0: nothing was lost,
    nothing settled twice, nearly nothing left to a fallback.
    """
    from adjudge_retail.demo.running import Wishes  # noqa: PLC0415  other commands must start fast
    from adjudge_retail.demo.script import TARGET  # noqa: PLC0415

    if example and (data is not None or target is not None):
        raise typer.Exit(
            _refuse("--example plays the shipped tables by its own thresholds: no --data, no --target", USAGE)
        )
    for file in filter(None, (json, outcomes, html)):
        if not file.parent.is_dir():  # not after minutes
            raise typer.Exit(_refuse(f"there is no folder {file.parent} to write {file.name} into", USAGE))
    wishes = Wishes(
        decisions=decisions,
        data=data,
        example=example,
        folder=folder,
        json=json,
        csv=outcomes,
        html=html,
        speed=speed,
        seed=seed,
        target=TARGET if target is None else target,
        run=secrets.token_hex(4),
        stays_up=sys.stdout.isatty() and not leave,
    )
    raise typer.Exit(_run(wishes))


def _run(wishes: "Wishes") -> int:
    """Run the demo; return the exit status. What it cannot do is said in one line."""
    from adjudge.client import Problem  # noqa: PLC0415  other commands must start fast
    from adjudge_retail.demo import running, showing  # noqa: PLC0415
    from adjudge_retail.demo.project import ForeignFolder  # noqa: PLC0415
    from adjudge_retail.demo.script import EmptySet  # noqa: PLC0415
    from adjudge_retail.demo.serving import NotServing  # noqa: PLC0415
    from adjudge_retail.reading import UnreadableSet  # noqa: PLC0415

    try:
        return asyncio.run(running.run_demo(wishes, showing.console_of()))
    except (UnreadableSet, EmptySet, ForeignFolder) as fault:
        return _refuse(str(fault), USAGE)
    except (NotServing, Problem) as fault:
        return _refuse(str(fault), 1)
    except KeyboardInterrupt:
        return INTERRUPTED


def _refuse(why: str, status: int) -> int:
    typer.echo(f"adjudge: {why}", err=True)
    return status
