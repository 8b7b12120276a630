"""`adjudge deciders check`: what a decider says to questions, as it came and as it is understood."""

import asyncio
import random
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import typer

from adjudge.cli.config_commands import sound_configuration
from adjudge.cli.output import as_json, plain, precise
from adjudge.cli.own_output import own_output
from adjudge.cli.processes.outbound import outbound_of
from adjudge.cli.refusing import Refused
from adjudge.cli.settings import read_settings
from adjudge.cli.trying import Invalid, Trial, prepared, put, question_lines, refusal
from adjudge.config import Configuration
from adjudge.core.money import show_micros
from adjudge.core.reasons import shown
from adjudge.core.specifications import DeciderSpec
from adjudge.deciders import Answered, Failed, open_deciders

NEVER_OPENS: Final = 1_000_000
"""Failures: each question is put, whatever came of the one before."""
LONGEST_RAW: Final = 2_000


@dataclass(frozen=True, slots=True)
class Checked:
    """A question that was put."""

    line: int
    raw: tuple[str, ...]
    """All that came back, as text: a reply for each request, or a result."""
    said: Answered | Failed


def run_check(decider: str, file: str, folder: Path, *, json_: bool) -> None:
    """Put each question by itself and print what comes back. Exit 1 where one has a fault."""
    configuration = sound_configuration(folder)
    spec = configuration.deciders.get(decider)
    if spec is None:
        raise Refused(f"no decider {decider!r}; there are {', '.join(sorted(configuration.deciders)) or 'none'}")
    now = datetime.now(UTC)
    read = [prepared(number, line, configuration, now) for number, line in question_lines(file)]
    with own_output():
        checked = asyncio.run(_checked(spec, [each for each in read if isinstance(each, Trial)], configuration))
    refused = (each for each in read if isinstance(each, Invalid))
    found: list[Checked | Invalid] = sorted([*checked, *refused], key=lambda each: each.line)
    print("\n".join(map(_document, found) if json_ else _page(decider, found)))
    if not all(isinstance(each, Checked) and isinstance(each.said, Answered) for each in found):
        raise typer.Exit(1)


async def _checked(spec: DeciderSpec, trials: Sequence[Trial], configuration: Configuration) -> list[Checked]:
    heard: list[str] = []
    async with open_deciders(
        [replace(spec, breaker_failures=NEVER_OPENS)],
        folder=configuration.base,
        clock=time.monotonic,
        now=lambda: datetime.now(UTC),
        rng=random.Random(),  # noqa: S311  spreads pauses
        strict=False,
        outbound=outbound_of(read_settings()),
        overhear=lambda result: heard.append(_as_text(result)),
    ) as deciders:
        checked = []
        for trial in trials:
            heard.clear()
            [said] = await deciders.ask(spec.id, [put(trial)])
            checked.append(Checked(trial.line, tuple(heard), said))
    return checked


def _as_text(raw: object) -> str:
    """Return what came back as people can read it: JSON where it is some."""
    if isinstance(raw, bytes):
        return raw[:LONGEST_RAW].decode("utf-8", "replace")
    try:
        return msgspec.json.encode(raw)[:LONGEST_RAW].decode("utf-8", "replace")
    except (TypeError, ValueError, RecursionError):
        return repr(raw)[:LONGEST_RAW]


def _page(decider: str, found: Sequence[Checked | Invalid]) -> Iterator[str]:
    digits = max((len(str(each.line)) for each in found), default=0)
    for each in found:
        for number, text in enumerate(_lines_of(each)):
            yield plain(f"{each.line if number == 0 else '':>{digits}}  {text}")
    yield _summary(decider, found)


def _lines_of(each: Checked | Invalid) -> Iterator[str]:
    if isinstance(each, Invalid):
        yield f"invalid  {refusal(each)}"
        return
    for raw in each.raw or ("nothing",):
        yield f"raw      {raw}"
    said = each.said
    if isinstance(said, Failed):
        yield f"{said.fault:<8} {said.detail}"
    elif said.answer is None:
        yield "opinion  abstains"
    else:
        yield f"opinion  {said.answer} {shown(said.confidence)}"
    yield f"took     {precise(said.seconds)}{_cost(said)}"


def _cost(said: Answered | Failed) -> str:
    cost = f", {show_micros(said.cost_micros, said.currency)}" if said.cost_micros else ""
    return cost if said.is_cost_known else f"{cost}, and tokens that the reply does not count (no `usage`)"


def _summary(decider: str, found: Sequence[Checked | Invalid]) -> str:
    counts = Counter(_result(each.said) if isinstance(each, Checked) else "invalid" for each in found)
    seconds = [each.said.seconds for each in found if isinstance(each, Checked)]
    took = f"; median {precise(statistics.median(seconds))}, slowest {precise(max(seconds))}" if seconds else ""
    return f"{decider}: {', '.join(f'{number} {result}' for result, number in counts.most_common())}{took}"


def _result(said: Answered | Failed) -> str:
    if isinstance(said, Failed):
        return said.fault
    return "abstained" if said.answer is None else "answered"


def _document(each: Checked | Invalid) -> str:
    if isinstance(each, Invalid):
        return as_json({"line": each.line, "errors": [{"pointer": at, "detail": what} for at, what in each.errors]})
    told: dict[str, Any] = msgspec.to_builtins(each.said)
    return as_json({"line": each.line, "raw": each.raw, "result": _result(each.said), **told})
