"""`adjudge config`: is the configuration sound, and where does each value come from."""

import asyncio
import json
import random
import sys
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import typer

from adjudge.api import questions
from adjudge.cli import drafting, publishing
from adjudge.cli.grouping import group
from adjudge.cli.output import Column, as_json, plain, table
from adjudge.cli.own_output import own_output
from adjudge.cli.refusing import Refused
from adjudge.config import (
    Configuration,
    Fault,
    InvalidConfiguration,
    Leaf,
    Request,
    Routed,
    base_of,
    compile_documents,
    consider,
    diff,
    difference_in_words,
    document_schema,
    read_folder,
)
from adjudge.config.remarks import remarks
from adjudge.core.errors import AdjudgeError
from adjudge.core.facts import Fact, facts_in
from adjudge.deciders import DeciderUnavailable, open_deciders

app = group("Check, explain, publish and roll back the configuration.")

Folder = Annotated[Path, typer.Option(help="The folder of YAML documents.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

DEFAULT_FOLDER = Path("config")
ROUTES = (Column("ROUTE"), Column("PLAN"), Column("WHY"), Column("FROM"))
COLUMNS = (Column("PATH"), Column("VALUE"), Column("FROM"), Column("LAYER"))


@app.callback()
def several() -> None:
    """Check, explain, publish and roll back the configuration."""


@app.command()
def check(folder: Folder = DEFAULT_FOLDER, json_: Json = False) -> None:
    """Print every fault with file, line and the nearest valid name; exit 1 if there is one."""
    try:
        configuration = read_configuration(folder)
        with own_output():
            faults = asyncio.run(unusable_deciders(configuration))
    except InvalidConfiguration as invalid:
        faults = list(invalid.faults)
    if faults:
        print(as_json({"faults": faults}) if json_ else "\n".join(plain(str(fault)) for fault in faults))
        raise typer.Exit(1)
    print(as_json(summary(configuration)) if json_ else "\n".join(_sound(configuration)))


@app.command()
def explain(
    location: Annotated[str, typer.Argument(metavar="LOCATION")],
    question_type: Annotated[str, typer.Argument(metavar="TYPE")],
    folder: Folder = DEFAULT_FOLDER,
    json_: Json = False,
) -> None:
    """Print every value that decides about a type at a location, with the line and the layer that say so."""
    leaves = sound_configuration(folder).explain(location, question_type)
    print(as_json(leaves) if json_ else "\n".join(table(COLUMNS, map(_row, leaves))))


@app.command()
def route(
    location: Annotated[str, typer.Argument(metavar="LOCATION")],
    question_type: Annotated[str, typer.Argument(metavar="TYPE")],
    at: Annotated[str | None, typer.Option(metavar="TIME", help="When, on the location's clock; now.")] = None,
    request: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The question as JSON: its stake, subject, facts."),
    ] = None,
    folder: Folder = DEFAULT_FOLDER,
    json_: Json = False,
) -> None:
    """Print which plan a question takes, and of each route why it is taken or not."""
    configuration = sound_configuration(folder)
    try:
        moment = _moment(at, configuration.site(location).zone) if at is not None else datetime.now(UTC)
        facts = configuration.question_type(location, question_type, moment).facts
        routed = consider(configuration, location, question_type, _request(moment, request, facts))
    except AdjudgeError as error:
        raise Refused(error.detail) from None
    print(as_json(routed) if json_ else "\n".join(map(plain, _routed(routed))))


@app.command()
def schema() -> None:
    """Print the JSON Schema of the documents, for editors."""
    print(json.dumps(document_schema(), indent=1, ensure_ascii=False))


@app.command(name="diff")
def diff_(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A folder of YAML documents.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The folder that would replace it.")],
    json_: Json = False,
) -> None:
    """Print what would change in effect: which values and plans, at how many locations."""
    difference = diff(sound_configuration(old).sites, sound_configuration(new).sites)
    print(as_json(difference) if json_ else "\n".join(map(plain, difference_in_words(difference))))


def read_configuration(folder: Path) -> Configuration:
    """Read and compile a folder, its files named as this working folder sees them. Raises InvalidConfiguration."""
    base = base_of(folder, Path.cwd())
    return compile_documents(read_folder(folder.resolve(), relative_to=base), base=base)


def sound_configuration(folder: Path) -> Configuration:
    """Read and compile a folder; faults are printed and end the command."""
    try:
        return read_configuration(folder)
    except InvalidConfiguration as invalid:
        print("\n".join(plain(str(fault)) for fault in invalid.faults), file=sys.stderr)
        raise typer.Exit(1) from None


async def unusable_deciders(configuration: Configuration) -> list[Fault]:
    """Import every decider's function, and return a fault for each that cannot be called."""
    faults = []
    for name, spec in configuration.deciders.items():
        try:
            async with open_deciders(
                [spec],
                folder=configuration.base,
                clock=time.monotonic,
                now=lambda: datetime.now(UTC),
                rng=random.Random(),  # noqa: S311  spreads pauses
            ):
                pass
        except DeciderUnavailable as unavailable:
            origin = configuration.decider_origins[name]
            faults.append(Fault(origin.file, origin.line, f"deciders.{name}.{spec.kind}", unavailable.detail))
    return faults


def summary(configuration: Configuration) -> dict[str, object]:
    """Return what a sound configuration holds."""
    return {
        "faults": [],
        "types": len(configuration.types),
        "deciders": len(configuration.deciders),
        "pools": len(configuration.pools),
        "plans": len(configuration.plan_names()),
        "locations": len(configuration.locations),
        "by_hand": [msgspec.to_builtins(each) for each in configuration.by_hand()],
        "never_certified": [msgspec.to_builtins(each) for each in configuration.unearnable()],
        "provisional_until_deadline": [msgspec.to_builtins(each) for each in configuration.lasting()],
        "unread": [msgspec.to_builtins(each) for each in configuration.unread()],
        "unset": [msgspec.to_builtins(each) for each in configuration.unset()],
        "look_alikes": [msgspec.to_builtins(each) for each in configuration.look_alikes()],
        "empty_groups": {name: msgspec.to_builtins(at) for name, at in configuration.empty_groups().items()},
        "absent_folders": {scheme: str(folder) for scheme, folder in _absent_folders(configuration)},
    }


def _sound(configuration: Configuration) -> Iterable[str]:
    held = summary(configuration)
    counted = (_counted(held[key], key) for key in ("types", "deciders", "pools", "plans", "locations"))
    yield f"no fault: {', '.join(counted)}"
    for each in configuration.by_hand():
        place = f"{each.layer}, {each.origin}"
        yield f"set by hand, uncertified: {each.type}, plan {each.plan}: `{each.condition}` ({place})"
    yield from remarks(configuration)
    for scheme, folder in _absent_folders(configuration):
        yield f"not on this machine: {folder}, from which `{scheme}:` is opened for people; where APIs run it must be"


def _absent_folders(configuration: Configuration) -> Iterable[tuple[str, Path]]:
    """Yield what people would look at and find nothing. No fault: it may be there on another machine."""
    for scheme, folder in configuration.organisation.resolvers.items():
        if folder is not None and not folder.is_dir():
            yield scheme, folder


def _moment(text: str, zone: ZoneInfo) -> datetime:
    """Read `2026-12-24T12:30` on the location's clock, or an instant with an offset."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"{text!r} is not a time such as 2026-12-24T12:30") from None
    if read.tzinfo:
        return read
    there = read.replace(tzinfo=zone)
    if there.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != read:
        raise Refused(f"{text} is never shown by a clock in {zone.key}: it goes forward past it")
    return there


def _request(moment: datetime, file: str | None, facts: Mapping[str, Fact]) -> Request:
    if file is None:
        return Request(moment)
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"cannot read {file}: {error}") from None
    try:
        asked = questions.read(text.encode(), key=None, trace=None)
    except AdjudgeError as error:
        raise Refused(f"{file}: {error.pointer}: {error.detail}") from None
    return Request(moment, asked.stake, asked.subject, facts_in(asked.evidence, facts))


def _routed(routed: Routed) -> Iterable[str]:
    holds = f"{routed.schedule} holds" if routed.schedule else "no schedule holds"
    when = f"{routed.at:%a %Y-%m-%d %H:%M %Z}, {holds}"
    yield f"plan {routed.plan}: {', '.join(routed.asked)}; lane {routed.lane} ({when})"
    rows = ((each.path, each.plan, each.why, f"{each.file}:{each.line}") for each in routed.considered)
    yield from table(ROUTES, rows)


def _counted(number: object, noun: str) -> str:
    return f"{number} {noun.removesuffix('s') if number == 1 else noun}"


def _row(leaf: Leaf) -> tuple[str, ...]:
    return (leaf.path, as_json(leaf.value), f"{leaf.file}:{leaf.line}", leaf.layer)


for _name, _command in (
    ("apply", publishing.apply),
    ("publish", publishing.publish),
    ("rollback", publishing.rollback),
    ("revisions", publishing.revisions),
    ("fleet", publishing.fleet),
    ("export", publishing.export_revision),
    ("preview", publishing.preview),
    ("propose", drafting.propose),
    ("drafts", drafting.drafts),
    ("approve", drafting.approve),
    ("discard", drafting.discard),
):
    app.command(_name)(_command)
