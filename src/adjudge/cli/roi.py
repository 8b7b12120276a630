"""`adjudge roi`: what automation is worth a day, from the live record."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from adjudge.automation.backtesting.curves import curves
from adjudge.automation.backtesting.returns import DayPrices, Returns, returns, today_of
from adjudge.automation.backtesting.running import Request
from adjudge.automation.backtesting.sets import LabelledSet
from adjudge.cli.backtesting import check_target
from adjudge.cli.databases import at_database
from adjudge.cli.instants import instant
from adjudge.cli.output import as_json
from adjudge.cli.refusing import Refused
from adjudge.core.counting import counted
from adjudge.labelled.exporting import export as export_set
from adjudge.labelled.judging import read_set
from adjudge.labelled.reading import UnreadableSet
from adjudge.labelled.terms import Assumed, read_terms
from adjudge.store.extracting import Wanted


def roi(
    *,
    question_type: Annotated[str, typer.Option("--type", help="The question type.")],
    since: Annotated[str, typer.Option(help="Asked since: a time ago (7d, 12h) or an instant.")] = "30d",
    location: Annotated[list[str] | None, typer.Option(help="Only of this location; may be repeated.")] = None,
    decider: Annotated[str | None, typer.Option(help="NAME@VERSION; else all that scored.")] = None,
    plan: Annotated[Path | None, typer.Option(help="YAML with prices, as for `adjudge backtest`.")] = None,
    target_risk: Annotated[float, typer.Option(help="Highest share of wrong answers given without people.")] = 0.01,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what a day costs by the share answered without people: the curve of `adjudge backtest`.

    From decisions of the live record whose truth is known; reads DATABASE_URL, else the database of `adjudge up`.
    """
    check_target(target_risk)
    assumed = read_terms(plan)
    wanted = Wanted(
        type=question_type,
        locations=tuple(sorted(location)) if location else None,
        since=instant(since, datetime.now(UTC)),
        until=None,
    )
    with TemporaryDirectory(prefix="adjudge-roi-") as place:
        folder = Path(place) / "set"
        at_database("roi", lambda connection: export_set(connection, folder, wanted, "csv", report=_progress))
        try:
            data, unknown = read_set(folder, assumed.where)
        except UnreadableSet as error:
            why = str(error).partition(": ")[2]  # without the place: that is gone
            raise Refused(f"nothing can be said of {question_type} since {since}: {why}") from error
    found = worth(data, assumed, target_risk, decider)
    if json_:
        print(as_json({"items": len(data), "without_truth": unknown, "curves": found}))
        return
    print(f"{counted(len(data), 'decision')} with a known truth, {unknown} without")
    for one in found:
        print("\n".join(_shown(one, assumed.currency, target_risk)))


def worth(data: LabelledSet, assumed: Assumed, target_risk: float, decider: str | None) -> list[Returns]:
    """Return the curve of each decider and of all blended. Raises Refused where there is none."""
    if not data.scores or (decider is not None and decider not in data.scores):
        raise Refused(f"there are no scores{f' of {decider}' if decider else ''}: nothing could be answered alone")
    terms = assumed.terms(target_risk, 0.1)
    request = Request(terms=terms, repeats=20, decider=decider)
    today = today_of(data, request)
    day = DayPrices(
        items_per_day=assumed.items_per_day,
        vote=assumed.vote,
        model=assumed.model,
        wrong=terms.prices.wrong,
        missed=assumed.missed,
        missed_share=assumed.missed_share,
        platform_per_day=assumed.platform_per_day,
        set_up=assumed.set_up,
    )
    return [returns(curve, day, today, target_risk) for curve in curves(data, request)]


def _shown(found: Returns, currency: str, target: float) -> list[str]:
    paid = "never" if found.pay_back_day is None else f"on day {found.pay_back_day:.0f}"
    return [
        "",
        f"{found.decider}: a day costs least, {found.best_cost:,.0f} {currency}, "
        f"with {found.best_coverage:.0%} answered without people",
        f"  people alone: {found.today:,.0f}; {found.saved_per_day:,.0f} saved a day, set-up paid back {paid}",
        f"  a target of {target:.1%} instead of {target + 0.01:.1%} changes a day's cost by {found.point_of_risk:,.0f}",
    ]


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} of {total}", end="" if done < total else "\n", file=sys.stderr, flush=True)
