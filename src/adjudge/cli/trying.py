"""`adjudge try`: questions through the compiled plan and the real models. No server, nothing stored."""

import asyncio
import random
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from adjudge.api.questions import check_evidence, read
from adjudge.cli.cells import filled, room
from adjudge.cli.config_commands import DEFAULT_FOLDER, Folder, sound_configuration
from adjudge.cli.output import as_json, plain
from adjudge.cli.own_output import own_output
from adjudge.cli.processes.outbound import outbound_of
from adjudge.cli.refusing import Refused
from adjudge.cli.settings import read_settings
from adjudge.config import Configuration, Request
from adjudge.config.wording import asked_and_after, steps_in_words
from adjudge.core.advance import Ask, Settle, Step, advance
from adjudge.core.answers import ClosedSpace, Labels
from adjudge.core.controls import Controls
from adjudge.core.errors import AdjudgeError
from adjudge.core.events import Deferred, Fault, FellBack, HistoryEvent, Opinion, Source
from adjudge.core.facts import facts_in
from adjudge.core.history import History
from adjudge.core.outcomes import Outcome
from adjudge.core.plans import ByHand, Plan
from adjudge.core.reasons import shown
from adjudge.deciders import Answered, Deciders, Failed, open_deciders
from adjudge.deciders import Question as Put
from adjudge.engine.intake.questions import InvalidEvidence, Question, case_of

MOST_QUESTIONS: Final = 100_000
NO_CONTROLS: Final = Controls()


@dataclass(frozen=True, slots=True)
class Invalid:
    """A line that the API would refuse."""

    line: int
    errors: tuple[tuple[str, str], ...]
    """(JSON pointer, what is wrong)."""


@dataclass(slots=True)
class Trial:
    """A question on its way through its plan, up to the first person."""

    line: int
    asked: Question
    plan: Plan
    history: History
    step: Step | None = None
    """Where it ended: people are asked, it is held, or it is settled."""


def try_questions(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A question a line, as JSON; - for standard input.")],
    folder: Folder = DEFAULT_FOLDER,
    json_: Annotated[bool, typer.Option("--json", help="Print an object a line.")] = False,
) -> None:
    """Put questions to plan and models; nothing is stored. Exit 1 if the API would refuse a line."""
    lines = question_lines(file)
    configuration = sound_configuration(folder)
    now = datetime.now(UTC)
    read_lines = [prepared(number, line, configuration, now) for number, line in lines]
    trials = [each for each in read_lines if isinstance(each, Trial)]
    with own_output():
        asyncio.run(_walk(trials, configuration, now))
    print("\n".join(map(_as_json, read_lines) if json_ else in_columns(read_lines)))
    if len(trials) < len(read_lines):
        raise typer.Exit(1)


def prepared(number: int, line: str, configuration: Configuration, now: datetime) -> Trial | Invalid:
    """Read a question as the API does."""
    try:
        asked = read(line.encode(), key=None, trace=None)
        location = configuration.location(asked.location)
        kind = configuration.question_type(asked.location, asked.type, now)
        check_evidence(kind.name, kind.evidence, asked.evidence)
        facts = facts_in(asked.evidence, kind.facts)
        plan = configuration.way(asked.location, asked.type, Request(now, asked.stake, asked.subject, facts)).plan
        return Trial(number, asked, plan, History(case_of(asked, kind, plan, location, now, facts)))
    except InvalidEvidence as invalid:
        return Invalid(number, invalid.faults)
    except AdjudgeError as error:
        return Invalid(number, ((error.pointer, error.detail),))


async def walk(trials: Iterable[Trial], deciders: Deciders, now: datetime) -> None:
    """Ask models until every trial ends; all that ask the same model at once are one batch."""
    moving = list(trials)
    while moving:
        asks = [(trial, step) for trial in moving if (step := _advanced(trial, now)) is not None]
        names = dict.fromkeys(name for _, step in asks for name in step.deciders)
        batches = [[each for each in asks if name in each[1].deciders] for name in names]
        async with asyncio.TaskGroup() as group:
            for name, batch in zip(names, batches, strict=True):
                group.create_task(_ask(name, batch, deciders, now), name=name)
        moving = [trial for trial, _ in asks]


def in_columns(tried: Sequence[Trial | Invalid]) -> list[str]:
    """Return a line for each question: its number, what was said to it, what becomes of it."""
    said = [plain(_opinions(each)) if isinstance(each, Trial) else "" for each in tried]
    width, digits = max(map(room, said), default=0), len(str(max((each.line for each in tried), default=0)))
    return [
        plain(f"{each.line:>{digits}}  {filled(opinions, width)}     {_fate(each)}")
        if isinstance(each, Trial)
        else plain(f"{each.line:>{digits}}  {refusal(each)}")
        for each, opinions in zip(tried, said, strict=True)
    ]


def question_lines(file: str) -> list[tuple[int, str]]:
    """Read questions, one a line, with their numbers. Raises Refused.

    Only a line feed ends one: texts may hold whatever else Unicode breaks lines at.
    """
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"cannot read {file}: {error}") from None
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not 0 < len(lines) <= MOST_QUESTIONS:
        raise Refused(f"{file} has {len(lines)} questions; 1 to {MOST_QUESTIONS} can be tried at once")
    return lines


async def _walk(trials: Sequence[Trial], configuration: Configuration, now: datetime) -> None:
    used = {name for trial in trials for stage in trial.plan.stages for name in stage.deciders}
    specs = [spec for name, spec in configuration.deciders.items() if name in used]
    async with open_deciders(
        specs,
        folder=configuration.base,
        clock=time.monotonic,
        now=lambda: datetime.now(UTC),
        rng=random.Random(),  # noqa: S311  spreads pauses
        outbound=outbound_of(read_settings()),
    ) as deciders:
        await walk(trials, deciders, now)


def _advanced(trial: Trial, now: datetime) -> Ask | None:
    """Take one step: return the models to ask, or end the trial."""
    step = advance(trial.plan, trial.history, NO_CONTROLS, now)
    trial.history = trial.history.then(*step.record)
    if isinstance(step, Ask) and step.pool is None:
        return step
    trial.step = step
    return None


async def _ask(name: str, batch: Sequence[tuple[Trial, Ask]], deciders: Deciders, now: datetime) -> None:
    answers = await deciders.ask(name, [put(trial) for trial, _ in batch])
    for (trial, step), answer in zip(batch, answers, strict=True):
        trial.history = trial.history.then(_event(step.stage, name, deciders.source(name), answer, now))


def put(trial: Trial) -> Put:
    """Return the question as a decider is shown it."""
    case = trial.history.case
    return Put(
        id=f"try-{trial.line}",
        type=case.type,
        location=case.location,
        evidence=trial.asked.evidence,
        space=case.space,
        candidates=case.space.labels if isinstance(case.space, Labels) else (),
        attributes=case.attributes,
        stake=case.stake,
        subject=trial.asked.subject,
    )


def _event(stage: int, by: str, source: Source, answer: Answered | Failed, now: datetime) -> Opinion | Fault:
    told = msgspec.structs.asdict(answer)
    del told["is_cost_known"]  # of the call, and no part of what is recorded
    if isinstance(answer, Failed):
        del told["recorded"]  # nothing is: whoever tries may see all that was said
        return Fault(at=now, stage=stage, by=by, **told)
    return Opinion(at=now, stage=stage, by=by, source=source, **told)


def _opinions(trial: Trial) -> str:
    """Show what models said: stage after stage, within a stage in the plan's order, not in that of arrival."""
    said: dict[int, dict[str, str]] = {}
    for event in trial.history.events:
        if isinstance(event, Opinion | Fault):
            said.setdefault(event.stage, {})[event.by] = f"{event.by}: {_said(event, trial.plan)}"
    in_order = ([by[name] for name in trial.plan.stage(stage).deciders if name in by] for stage, by in said.items())
    return "; ".join(", ".join(stage) for stage in in_order)


def _said(event: Opinion | Fault, plan: Plan) -> str:
    if isinstance(event, Fault):
        return event.fault
    if event.answer is None:
        return "abstains"
    threshold = _threshold(plan, event.stage)
    missed = threshold if threshold is not None and event.confidence < threshold else None
    return f"{event.answer} {shown(event.confidence, below=missed)}"


def _fate(trial: Trial) -> str:
    case, step = trial.history.case, trial.step
    if isinstance(step, Settle) and step.outcome.source != "fallback":
        return f"accepted: {step.outcome.answer}"
    why = _why(trial)
    if isinstance(step, Settle):
        settled = f"{step.outcome.answer}, provisionally" if step.outcome.kind == "provisional" else step.outcome.answer
        return f"{why}: {settled}"
    if isinstance(step, Ask):
        after = asked_and_after(trial.plan, step.stage, case.safe_side)
    else:
        held = next(event for event in reversed(trial.history.events) if isinstance(event, FellBack))
        after = steps_in_words(trial.plan, trial.plan.chain(held.chain)[held.step :], case.safe_side)
    return f"{why}: {after}" if why else after


def _why(trial: Trial) -> str:
    """Say why the last model asked did not settle it; empty where none was asked."""
    last = next((event for event in reversed(trial.history.events) if isinstance(event, Deferred)), None)
    if last is None:
        return "its deadline has passed" if trial.history.case.late else ""
    threshold = _threshold(trial.plan, last.stage)
    if last.code == "unsure" and threshold is not None:
        return f"under {threshold:g}"
    return last.reason


def _threshold(plan: Plan, stage: int) -> float | None:
    accept = plan.stage(stage).accept
    return accept.condition.threshold if isinstance(accept, ByHand) else None


def refusal(invalid: Invalid) -> str:
    """Say why the API would refuse a line."""
    return "; ".join(detail if pointer == "#" else f"{pointer} {detail}" for pointer, detail in invalid.errors)


def _as_json(tried: Trial | Invalid) -> str:
    if isinstance(tried, Invalid):
        return as_json({"line": tried.line, "errors": [{"pointer": at, "detail": what} for at, what in tried.errors]})
    space = tried.history.case.space
    return as_json(
        {
            "line": tried.line,
            "type": tried.history.case.type,
            "plan": tried.plan.name,
            "outcome": _shown(tried.step.outcome, space) if isinstance(tried.step, Settle) else None,
            "fate": _fate(tried),
            "events": [_shown(event, space) for event in tried.history.events],
        }
    )


def _shown(recorded: Outcome | HistoryEvent, space: ClosedSpace) -> dict[str, Any]:
    """Return what is recorded as the API shows it: the answer as its type has it."""
    shown: dict[str, Any] = msgspec.to_builtins(recorded)
    if shown.get("answer") is not None:
        shown["answer"] = space.value(shown["answer"])
    return shown
