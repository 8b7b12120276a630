"""`adjudge config apply | publish | rollback | …`: a change on its way to every process."""

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from adjudge.cli.connection import connected
from adjudge.cli.folders import documents_of, export
from adjudge.cli.instants import lasting
from adjudge.cli.output import Column, as_json, plain, table
from adjudge.cli.publications_in_words import fault_line, fleet_lines, preview_row, revision_row, standing
from adjudge.cli.refusing import Refused
from adjudge.client import Adjudge, ConfigCheck, ConfigReceipts, ConfigRevision
from adjudge.config import InvalidConfiguration

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of YAML documents.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Message = Annotated[str, typer.Option("--message", "-m", help="Why; kept with the revision.")]
AtLocation = Annotated[
    list[str] | None, typer.Option("--location", help="Publish at this location first; may be repeated.")
]
AtGroup = Annotated[list[str] | None, typer.Option("--group", help="Publish in this group first; may be repeated.")]
After = Annotated[
    str | None, typer.Option(help="Publish everywhere after this time (30m, 2h); else when you publish it again.")
]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until every live process has it.")]

DEFAULT = Path("config")
WAIT_SECONDS = 60.0
DIFFERS = 3
"""Status of `--check` where the documents are sound and differ from what is in force."""
POLL_SECONDS = 0.1


def apply(
    folder: Folder = DEFAULT,
    *,
    message: Message = "",
    check: Annotated[bool, typer.Option("--check", help="Publish nothing: 0 same, 3 differs, 1 faults.")] = False,
    base: Annotated[str | None, typer.Option(help="Refuse the folder unless it has this hash.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    location: AtLocation = None,
    group: AtGroup = None,
    after: After = None,
    wait: Wait = True,
    json_: Json = False,
) -> None:
    """Show what a folder would change, ask, publish, and wait until every process has it."""
    with connected() as adjudge:
        documents = documents_in(folder, adjudge, json_=json_)
        found = adjudge.config.check(documents, locations=location or (), groups=group or ())
        _show(found, json_=json_ and (check or bool(found.faults)))
        if found.faults:
            raise typer.Exit(1)
        if base is not None and found.hash != base:
            raise Refused(f"{folder} is revision {found.hash}, not {base}")
        if check:
            raise typer.Exit(0 if found.in_force else DIFFERS)
        if found.in_force and not (location or group):
            return
        if not yes:
            _ask(found.base)
        first = _first_at(location, group, after)
        published = adjudge.config.publish(documents, base=found.base, message=message, hash=base, **first)
        _published(adjudge, published, wait=wait, json_=json_)


def _first_at(location: AtLocation, group: AtGroup, after: After) -> dict[str, Any]:
    """Return where a publication holds first, and when it goes on by itself; everywhere where nothing is named."""
    return {"locations": location or (), "groups": group or (), "goes_on_after_seconds": lasting(after)}


def _ask(base: int) -> None:
    if not sys.stdin.isatty():
        raise Refused("there is no terminal to ask at: say --yes")
    if not typer.confirm(f"publish, after revision {base}?"):
        raise typer.Exit(1)


def publish(
    *,
    draft: Annotated[str | None, typer.Option(help="Id of a draft.")] = None,
    again: Annotated[int | None, typer.Option(help="Number of a revision.")] = None,
    message: Message = "",
    location: AtLocation = None,
    group: AtGroup = None,
    after: After = None,
    wait: Wait = True,
    json_: Json = False,
) -> None:
    """Publish a draft, or publish a revision again: everywhere, unless locations or groups are named."""
    if (draft is None) == (again is None):
        raise typer.BadParameter("name a draft, or the number of a revision", param_hint="--draft")
    at = {**_first_at(location, group, after), "message": message}
    with connected() as adjudge:
        if draft is not None:
            version = next((each.version for each in adjudge.config.list_drafts() if each.id == draft), None)
            if version is None:
                raise Refused(f"there is no open draft {draft}")
            published = adjudge.config.publish_draft(draft, version, **at)
        else:
            published = adjudge.config.publish(again=again, base=adjudge.config.revision().number, **at)
        _published(adjudge, published, wait=wait, json_=json_)


def rollback(
    number: Annotated[int | None, typer.Argument(metavar="[NUMBER]", help="Default: the one before.")] = None,
    *,
    message: Message = "roll back",
    wait: Wait = True,
    json_: Json = False,
) -> None:
    """Publish an older revision again, everywhere; decisions that are open keep theirs."""
    with connected() as adjudge:
        newest = adjudge.config.revision()
        to = number if number is not None else _before(adjudge, newest)
        published = adjudge.config.publish(again=to, base=newest.number, message=message)
        _published(adjudge, published, wait=wait, json_=json_)


def _before(adjudge: Adjudge, newest: ConfigRevision) -> int:
    """Return the last revision that held everywhere before this one. Raises Refused where that may not be meant."""
    if newest.rest is not None:
        return newest.rest
    if newest.number == 1:
        raise Refused("there is no revision before this one")
    again = adjudge.config.revision(newest.again) if newest.again is not None else None
    if again is not None and again.rest is None:
        raise Refused(
            f"revision {newest.number} is itself a roll back, to {again.number}: name the one that you want "
            "(`adjudge config revisions` lists them)"
        )
    before = again or adjudge.config.revision(newest.number - 1)
    return before.rest or before.number


def revisions(limit: Annotated[int, typer.Option(min=1, max=200)] = 20, json_: Json = False) -> None:
    """List what was published, newest first: that one is in force."""
    with connected() as adjudge:
        found = adjudge.config.revisions(limit=limit)
    columns = [Column(title) for title in ("NUMBER", "PUBLISHED", "AUTHOR", "WHERE", "HASH", "MESSAGE")]
    print(as_json(found) if json_ else "\n".join(table(columns, map(revision_row, found))))


def fleet(json_: Json = False) -> None:
    """Show who runs which revision, since when, who lags, and why."""
    with connected() as adjudge:
        found = adjudge.config.receipts()
    print(as_json(found) if json_ else "\n".join([*fleet_lines(found), standing(found)]))


def export_revision(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Must not exist, or be empty.")],
    *,
    revision: Annotated[int | None, typer.Option(help="Default: the one in force.")] = None,
    json_: Json = False,
) -> None:
    """Write a revision as a folder, of which `apply` makes exactly that revision again, elsewhere too."""
    if folder.exists() and any(folder.iterdir()):
        raise Refused(f"{folder} is not empty")
    with connected() as adjudge:
        found = adjudge.config.revision(revision)
    try:
        export(folder, found.number, found.hash, found.documents or {})
    except OSError as error:
        raise Refused(str(error)) from error
    print(as_json({"revision": found.number, "hash": found.hash}) if json_ else f"{found.number}  {found.hash}")


def preview(
    folder: Folder = DEFAULT,
    *,
    days: Annotated[float, typer.Option(min=0.01, max=90, help="Days of decisions to try it on.")] = 7,
    json_: Json = False,
) -> None:
    """Try a folder on the decisions of the last days: how many it would accept, and at what cost; nothing changes."""
    with connected() as adjudge:
        found = adjudge.config.preview(documents_in(folder, adjudge, json_=json_), days=days)
    if json_:
        print(as_json(found))
        return
    titles = ("DECISIONS", "ACCEPTED", "PEOPLE", "FALLBACK", "UNKNOWN", "OTHER ANSWERS", "COST")
    columns = [Column("TYPE"), *(Column(title, right=True) for title in titles)]
    print("\n".join(table(columns, (preview_row(name, each) for name, each in found.types.items()))))


def documents_in(folder: Path, adjudge: Adjudge, *, json_: bool) -> dict[str, str]:
    """Read a folder, its documents named as those in force; what cannot be read ends the command."""
    try:
        return documents_of(folder, adjudge.config.revision().documents)
    except InvalidConfiguration as invalid:
        told = as_json({"faults": list(invalid.faults)})
        print(told if json_ else "\n".join(plain(str(fault)) for fault in invalid.faults))
        raise typer.Exit(1) from None


def _show(found: ConfigCheck, *, json_: bool) -> None:
    if json_:
        print(as_json(found))
    elif found.faults:
        print("\n".join(plain(fault_line(fault)) for fault in found.faults))
    else:
        difference = found.difference or {}
        said = (*difference.get("in_words", ()), *found.remarks)
        print("\n".join(plain(line) for line in said), file=sys.stderr)


def _published(adjudge: Adjudge, published: ConfigRevision, *, wait: bool, json_: bool) -> None:
    told = _until_received(adjudge, published.number) if wait else None
    print(as_json({"revision": published, "receipts": told}) if json_ else f"revision {published.number} is published")
    if told is not None and not told.complete:
        print("\n".join(fleet_lines(told)), file=sys.stderr)
        raise Refused(standing(told))


def _until_received(adjudge: Adjudge, number: int) -> ConfigReceipts:
    """Wait for the receipts of all live processes; on a terminal, show how far it has come."""
    until, line = time.monotonic() + WAIT_SECONDS, ""
    while True:
        told = adjudge.config.receipts(number)
        if sys.stderr.isatty() and (now := standing(told)) != line:
            line = now
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
        if not told.waiting or time.monotonic() > until:
            if line:
                print(file=sys.stderr)
            return told
        time.sleep(POLL_SECONDS)
