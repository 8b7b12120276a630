"""`adjudge backtest`: what policies would have done on a labelled set."""

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, cast

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from adjudge.automation.backtesting.curves import curves
from adjudge.automation.backtesting.page import page
from adjudge.automation.backtesting.running import Request, run
from adjudge.automation.backtesting.scoring import BASELINE, Figures, ItemPrices, Ledger, as_accurate, figures
from adjudge.automation.backtesting.sets import LabelledSet
from adjudge.automation.backtesting.tracing import Tracer
from adjudge.cli.output import NONE, Column, table
from adjudge.cli.refusing import Refused
from adjudge.core.counting import counted
from adjudge.labelled.judging import read_set
from adjudge.labelled.terms import read_terms

QUICK = 1
"""Of gzip: half the bytes again for a quarter of the time."""


def backtest(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A labelled set.")],
    *,
    decider: Annotated[
        str | None, typer.Option(help="NAME@VERSION; else the best by log loss on the calibrate-audits.")
    ] = None,
    plan: Annotated[Path | None, typer.Option(help="YAML with prices, votes and which items; see the how-to.")] = None,
    target_risk: Annotated[float, typer.Option(help="Highest share of wrong answers given without people.")] = 0.01,
    confidence: Annotated[float, typer.Option(help="Confidence with which a certificate holds.")] = 0.9,
    repeats: Annotated[int, typer.Option(min=1, max=10_000, help="Random halves.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random halves.")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures.")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write a page with the curves.")] = None,
    trace_file: Annotated[Path | None, typer.Option("--trace", help="Write every answer (.csv.gz).")] = None,
) -> None:
    """Compare people, a model and certified automation on items whose truth is known.

    Half of the items, drawn at random, calibrates and certifies; the other half is judged; and again.
    """
    check_target(target_risk)
    if not 0.5 <= confidence < 1:
        raise typer.BadParameter("a confidence lies from 0.5 to below 1", param_hint="--confidence")
    _findable(json_file, html_file, trace_file)
    assumed = read_terms(plan)
    data, unknown = read_set(folder, assumed.where)
    if decider is not None and decider not in data.scores:
        raise Refused(f"{folder}: there are no scores of {decider} (there are of {', '.join(data.scores) or 'nobody'})")
    terms = assumed.terms(target_risk, 1 - confidence)
    request = Request(terms=terms, repeats=repeats, seed=seed, decider=decider)
    with _traced(trace_file, data) as tracer, _progress(repeats) as progress:
        ledgers = run(data, request, progress=progress, **({"listener": tracer} if tracer else {}))
    missed = assumed.missed_share * assumed.missed  # comes on top: it says nothing of when asking ends
    prices = ItemPrices(model=assumed.model, vote=assumed.vote, wrong=terms.prices.wrong + missed)
    rows = figures(ledgers, prices, confidence)
    if json_file is not None:
        _written(json_file, msgspec.json.format(msgspec.json.encode({"policies": rows}), indent=1))
    if html_file is not None:
        _written(html_file, page(data, request, rows, curves(data, request), assumed, folder.name).encode())
    if unknown:
        print(f"left out: {counted(unknown, 'item')} without a truth")
    print("\n".join(_shown(rows, ledgers, data)))


def check_target(target_risk: float) -> None:
    """Refuse a target risk that no certificate could have. Raises BadParameter."""
    if not 0 < target_risk < 0.5:
        raise typer.BadParameter("a target risk lies between 0 and 0.5", param_hint="--target-risk")


def _findable(*files: Path | None) -> None:
    """Refuse before anything is computed what could not be written afterwards."""
    for file in files:
        if file is not None and not file.parent.is_dir():
            raise Refused(f"{file}: there is no folder {file.parent}")
        if file is not None and file.is_dir():
            raise Refused(f"{file}: this is a folder")


@contextmanager
def _traced(path: Path | None, data: LabelledSet) -> Iterator[Tracer | None]:
    if path is None:
        yield None
        return
    try:
        with _opened(path) as stream:
            yield Tracer(data, stream.write)
    except OSError as error:
        raise Refused(f"{path}: {error.strerror or error}") from error


def _opened(path: Path) -> IO[str]:
    if path.suffix != ".gz":
        return path.open("w", encoding="utf-8", newline="")
    return cast("IO[str]", gzip.open(path, "wt", compresslevel=QUICK, encoding="utf-8", newline=""))


@contextmanager
def _progress(repeats: int) -> Iterator[Callable[[int], None]]:
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.completed} of {task.total} halves"),
        BarColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task("", total=repeats)
        yield lambda done: bar.update(task, completed=done)


def _written(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Refused(f"{path}: {error.strerror or error}") from error


def _shown(rows: list[Figures], ledgers: dict[str, Ledger], data: LabelledSet) -> list[str]:
    titles = ["policy", "accuracy", "wrong alone", "(interval)", "alone", "votes", "with 5% audits", "saved"]
    columns = [Column(title, right=place > 0) for place, title in enumerate([*titles, "as right as 3", "kept", "cost"])]
    baseline = ledgers.get(BASELINE)
    lines = [
        (
            row.name,
            _percent(row.accuracy),
            _percent(row.error_automated),
            NONE if row.error_automated_interval is None else "–".join(map(_percent, row.error_automated_interval)),
            _percent(row.coverage),
            f"{row.votes_per_item:.2f}",
            NONE if row.votes_per_item_with_audits is None else f"{row.votes_per_item_with_audits['0.05']:.2f}",
            _percent(row.votes_saved),
            NONE if baseline is None else _percent(as_accurate(ledgers[row.name], baseline)),
            _percent(row.guarantee_kept),
            f"{row.cost:.4g}",
        )
        for row in rows
    ]
    return [f"{counted(len(data), 'item')}, {counted(len(data.labels), 'label')}", *table(columns, lines)]


def _percent(share: float | None) -> str:
    return NONE if share is None else f"{share:.1%}"
