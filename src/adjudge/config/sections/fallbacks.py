"""Fallbacks: what answers when nobody else has. Every chain ends in an answer."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from adjudge.config.documents.cursors import Cursor, Fields, described
from adjudge.config.documents.durations import show_duration
from adjudge.config.documents.faults import nearest
from adjudge.config.documents.readers import text
from adjudge.config.sections.spaces import read_answer
from adjudge.config.sections.stages import Reading, read_people
from adjudge.core.plans import LONGEST_DEADLINE, Answer, Escalate, FallbackStep, Hold, Provisional, Reason, SafeSide

_FORMS: Final = ("answer", "safe_side", "provisional", "escalate", "hold")
OR_DEFER: Final = ("safe_side", "defer")
"""Where a stage may also go on to the next."""
_END: Final = (Answer(""),)
"""Stands for a chain with a fault."""


def read_fallback(
    at: Cursor, reading: Reading, escalated: frozenset[str] = frozenset(), *, words: Sequence[str] = ("safe_side",)
) -> tuple[FallbackStep, ...]:
    """Read a chain of steps. `escalated`: pools asked by the steps before; `words`: what may stand for a chain."""
    if at.node.value == "safe_side":
        return _safe_side(at, reading)
    if not isinstance(at.node.value, dict):
        meant = nearest(at.node.text, words)
        at.fault(f"{described(at.node)} is not a fallback, such as `answer: X` or `safe_side`", meant)
        return _END
    with at.fields() as fields:
        return _of_one_form(at, fields, reading, escalated)


def read_branches(at: Cursor, reading: Reading, reasons: tuple[Reason, ...]) -> dict[Reason, int | None]:
    """Read chains by reason; `defer` goes on to the next stage. Their indexes follow those of the plan's stages."""
    found: dict[Reason, int | None] = {}
    with at.fields() as fields:
        for reason in reasons:
            chain = fields.get(reason)
            if chain is not None and chain.node.value == "defer":
                found[reason] = None
            elif chain is not None:
                found[reason] = reading.stages + len(reading.branches)
                reading.branches.append(read_fallback(chain, reading, words=OR_DEFER))
    if isinstance(at.node.value, dict) and not at.node.value:
        at.fault(f"no reason is named, of {', '.join(reasons)}")
    return found


def _of_one_form(at: Cursor, fields: Fields, reading: Reading, escalated: frozenset[str]) -> tuple[FallbackStep, ...]:
    given = fields.given(*_FORMS)
    if len(given) != 1:
        instead = f", not {' and '.join(given)}" if given else ""
        at.fault(f"a fallback is one of {', '.join(_FORMS)}{instead}")
        fields.ignore_rest()
        return _END
    form = given[0]
    step = at.entries()[form]
    match form:
        case "answer":
            return (Answer(_answer(step, reading)),)
        case "safe_side":
            if step.node.value is not True:
                step.fault(f"{described(step.node)} is not true")
            return _safe_side(step, reading)
        case "provisional":
            return (_provisional(step, reading),)
        case "hold":
            hold = Hold(reading.duration(step))
            then = _then(fields, reading, escalated)
            if _held(then) <= LONGEST_DEADLINE < _held((hold, *then)):
                step.slip(f"held {show_duration(_held((hold, *then)))} in all: no decision lives longer than 30 days")
            return (hold, *then)
        case _:
            return _escalate(at, step, fields, reading, escalated)


def _answer(at: Cursor, reading: Reading) -> str:
    return at.node.text if reading.space is None else read_answer(at, reading.space)


def _safe_side(at: Cursor, reading: Reading) -> tuple[FallbackStep, ...]:
    if reading.lacks_safe_side:
        at.fault(f"{reading.name} declares no `safe_side`")
    return (SafeSide(),)


def _provisional(at: Cursor, reading: Reading) -> Provisional:
    if at.node.value != "best":
        return Provisional(_answer(at, reading), at.node.origin)
    if reading.lacks_safe_side:
        at.fault(f"{reading.name} declares no `safe_side`: there may be no best answer when nobody answered")
    return Provisional(None, at.node.origin)


def _escalate(
    at: Cursor, step: Cursor, fields: Fields, reading: Reading, escalated: frozenset[str]
) -> tuple[FallbackStep, ...]:
    pool = step.read(text, None)
    if pool is None or pool not in reading.known.pools:
        if pool is not None:
            step.fault(f"no pool `{pool}`", nearest(pool, reading.known.pools))
        fields.ignore_rest()
        return _END
    if pool in escalated:
        step.fault(f"`{pool}` was asked before in this chain: an escalation asks another pool")
    elif pool in reading.asked:
        step.fault(f"`{pool}` is asked already at {reading.asked[pool]}: an escalation asks another pool")
    index = reading.stages + len(reading.escalations)
    reading.escalations.append(read_people(at, fields, reading, pool))
    return (Escalate(index), *_then(fields, reading, escalated | {pool}))


def _held(steps: Sequence[FallbackStep]) -> timedelta:
    return sum((step.duration for step in steps if isinstance(step, Hold)), timedelta(0))


def _then(fields: Fields, reading: Reading, escalated: frozenset[str]) -> tuple[FallbackStep, ...]:
    then = fields.get("then")
    if then is None:
        fields.lack("then", "this fallback does not end in an answer: `then` is missing, such as `then: {answer: X}`")
        return _END
    return read_fallback(then, reading, escalated)
