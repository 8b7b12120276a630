"""`adjudge retention`: shows which weeks are older than they may be kept, and drops them."""

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from adjudge.cli.databases import at_database
from adjudge.cli.output import Column, as_json, table
from adjudge.cli.settings import read_settings
from adjudge.engine.keeping import retaining
from adjudge.engine.keeping.retaining import Ages, Dropped
from adjudge.store.connecting import Connection

COLUMNS = (Column("WEEK OF"), Column("WHAT"), Column("MIB", right=True), Column("STATE"))


def retention(
    *,
    decisions: Annotated[int | None, typer.Option(min=1, help="Days that decisions are kept.")] = None,
    evidence: Annotated[int | None, typer.Option(min=1, help="Days that their evidence is kept.")] = None,
    drop: Annotated[bool, typer.Option("--drop", help="Drop them; without it they are shown.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the weeks that are older than they may be kept; with --drop, drop them.

    Without --decisions and --evidence: ADJUDGE_KEEP_DECISIONS_DAYS and ADJUDGE_KEEP_EVIDENCE_DAYS, by which
    keepers drop by themselves. A week in which a decision is open or a delivery unsent is kept.
    """
    ages = _ages(decisions, evidence)
    now = datetime.now(UTC)

    async def run(connection: Connection) -> Sequence[Dropped]:
        if drop:
            by = f"command line ({getpass.getuser()})"
            return await retaining.drop_due(connection, ages, now, by=by, report=lambda _: None)
        return await retaining.due(connection, ages, now)

    weeks = at_database("retention", run)
    if json_:
        print(as_json([{**_described(each), "dropped": drop and not each.held_by} for each in weeks]))
    else:
        print("\n".join(table(COLUMNS, (_row(each, dropped=drop) for each in weeks))))


def _ages(decisions: int | None, evidence: int | None) -> Ages:
    if decisions is None and evidence is None:
        settings = read_settings()
        ages = Ages.of_days(decisions=settings.keep_decisions_days, evidence=settings.keep_evidence_days)
        if not ages.kinds:
            raise typer.BadParameter("give --decisions or --evidence, or set ADJUDGE_KEEP_DECISIONS_DAYS")
        return ages
    return Ages.of_days(decisions=decisions, evidence=evidence)


def _described(each: Dropped) -> dict[str, object]:
    week = each.week
    return {"week": week.monday, "kind": week.kind, "bytes": week.bytes, "held_by": each.held_by}


def _row(each: Dropped, *, dropped: bool) -> tuple[str, ...]:
    state = f"kept: {each.held_by} open or unsent" if each.held_by else "dropped" if dropped else "due"
    return str(each.week.monday), each.week.kind, f"{each.week.bytes / 2**20:.1f}", state
