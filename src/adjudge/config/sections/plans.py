"""The section `plans`: stages of asking with a fallback, compiled for one question type."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, get_args

from adjudge.config.documents.cursors import Cursor, Fields
from adjudge.config.documents.faults import nearest
from adjudge.config.documents.nodes import Node
from adjudge.config.documents.readers import check_name, choice
from adjudge.config.sections.fallbacks import OR_DEFER, read_branches, read_fallback
from adjudge.config.sections.routes import Route
from adjudge.config.sections.spaces import UNKNOWN
from adjudge.config.sections.stages import Known, Reading, check_acceptance, read_shadows, read_stage
from adjudge.core.answers import canonical
from adjudge.core.plans import Answer, ByHand, Certified, FallbackStep, Plan, Reason, Stage
from adjudge.core.specifications import QuestionType

MOST_STAGES: Final = 20
_WHO: Final = ("ask", "escalate", "shadow")
"""Where a plan names who is asked."""

_DECISIVE: Final = ("ask", "combine", "votes", "accept")
"""What of a stage decides about what it answers."""


def read_plan(
    name: str, at: Cursor, question_type: QuestionType | None, known: Known, type_at: Cursor | None = None
) -> Plan:
    """Compile a plan. Without a type only what holds for every type is checked."""
    check_name(at, name, "a plan")
    with at.fields() as fields:
        found = fields.need("stages", "stages: [{ask: model@1, accept: …}]")
        items = found.items() if found is not None else []
        if found is not None and not 0 < len(items) <= MOST_STAGES:
            found.fault(f"a plan has 1 to {MOST_STAGES} stages")
        reading = Reading(known, question_type if _is_sound(question_type) else None, type_at, len(items))
        read = [_stage(item, reading) for item in items]
        check_acceptance(list(zip(items, (stage for stage, _ in read), strict=True)))
        stages = tuple(_with_fallbacks(stage, found, reading) for stage, found in read)
        _check_reached(stages, items)
        plan = Plan(
            name=name,
            stages=stages,
            fallback=_fallback(fields, reading),
            endings=_endings(type_at, reading),
            branches=tuple(reading.branches),
            escalations=tuple(reading.escalations),
            late=fields.read("late", choice("fallback", "ask"), "fallback"),
            shadows=_shadows(fields, reading),
            rates=known.rates,
        )
        plan = replace(plan, hash=_hash(plan, at, question_type, known, type_at))
        if not any(isinstance(stage.accept, Certified) for stage in stages):
            return plan
        looks = any(map(_looks_at_stakes, (*stages, *plan.escalations)))
        whole = _hash(plan if looks else replace(plan, rates={}), at, question_type, known, type_at)
        return replace(plan, prefixes=_prefixes(plan, items, question_type, known, whole))


def _is_sound(question_type: QuestionType | None) -> bool:
    """Return whether answers can be checked: a type whose own answers have a fault has said so."""
    return question_type is not None and question_type.space != UNKNOWN


def _stage(at: Cursor, reading: Reading) -> tuple[Stage, tuple[Cursor | None, Cursor | None]]:
    """Return a stage, and where its `on_error` and its `fallbacks` stand."""
    with at.fields() as fields:
        stage = read_stage(at, fields, reading)
        return stage, (fields.get("on_error") if stage.deciders else None, fields.get("fallbacks"))


def _with_fallbacks(stage: Stage, found: tuple[Cursor | None, Cursor | None], reading: Reading) -> Stage:
    """Read once all stages are known: an escalation must ask a pool that none of them asks."""
    on_error, by_reason = found
    if on_error is not None and on_error.node.value != "defer":
        stage = replace(stage, on_error=read_fallback(on_error, reading, words=OR_DEFER))
    if by_reason is None:
        return stage
    of_stage: tuple[Reason, ...] = ("no-reviewer",) if stage.pool is not None else ("timeout", "error")
    certified: tuple[Reason, ...] = ("no-certificate",) if isinstance(stage.accept, Certified) else ()
    return replace(stage, fallbacks=read_branches(by_reason, reading, (*of_stage, *certified)))


def _endings(type_at: Cursor | None, reading: Reading) -> dict[Reason, int]:
    """Read the `fallbacks` of the type: they end every plan of its."""
    at = type_at.entry("fallbacks") if type_at is not None else None
    if at is None:
        return {}
    for reason, chain in at.entries().items():
        if chain.node.value == "defer":
            chain.fault(f"there is no stage after the last: name what answers for `{reason}`")
    found = read_branches(at, reading, get_args(Reason))
    return {reason: index for reason, index in found.items() if index is not None}


def _check_reached(stages: Sequence[Stage], items: Sequence[Cursor]) -> None:
    """One vote settles, and without it a fallback is taken: whoever comes after that is never asked."""
    for number, (stage, at) in enumerate(zip(stages, items[1:], strict=False)):
        settles = stage.pool is not None and stage.accept is None and stage.combine.rule == "first"
        if settles and stage.fallbacks.get("no-reviewer") is not None:
            at.fault(f"no question comes here: stages[{number}] settles, or takes the fallback that it names")


def _fallback(fields: Fields, reading: Reading) -> tuple[FallbackStep, ...]:
    at = fields.need("fallback", "fallback: {answer: X}")
    return read_fallback(at, reading) if at is not None else (Answer(""),)


def _shadows(fields: Fields, reading: Reading) -> tuple[str, ...]:
    at = fields.get("shadow")
    return read_shadows(at, reading) if at is not None else ()


def _prefixes(
    plan: Plan, items: Sequence[Cursor], question_type: QuestionType | None, known: Known, whole: str
) -> tuple[str, ...]:
    """Hash, for each stage, what decides about all that is answered up to it; later stages and time-outs do not.

    Rates of currencies do where a stage looks at what is at stake: they change often, and else change no answer.
    Where the whole plan is compared with people, all of it decides: `whole` is its hash.
    """
    found, answers = [], repr(question_type.space) if question_type is not None else None
    written = [{key: item.node.entries[key].plain() for key in _DECISIVE if item.has(key)} for item in items]
    accuracies = [known.pools[stage.pool].accuracy if stage.pool is not None else None for stage in plan.stages]
    deciders = [{name: known.deciders[name].identity for name in stage.deciders} for stage in plan.stages]
    for end in range(1, len(plan.stages) + 1):
        decisive = {
            "stages": written[:end],
            "deciders": deciders[:end],
            "accuracy": accuracies[:end],
            "answers": answers,
            "rates": dict(plan.rates) if any(map(_looks_at_stakes, plan.stages[:end])) else {},
        }
        accept = plan.stages[end - 1].accept
        if isinstance(accept, Certified) and accept.is_of_plan:
            decisive["plan"] = whole
        found.append(hashlib.sha256(canonical(decisive).encode()).hexdigest()[:12])
    return tuple(found)


def _looks_at_stakes(stage: Stage) -> bool:
    accept = stage.accept
    return isinstance(accept, ByHand) or (isinstance(accept, Certified) and accept.money is not None)


def _hash(plan: Plan, at: Cursor, question_type: QuestionType | None, known: Known, type_at: Cursor | None) -> str:
    """Hash what the plan does, not where it is written: a comment above it changes no plan, nor does a shadow."""
    written = at.node.entries.items()
    pools = {stage.pool for stage in (*plan.stages, *plan.escalations) if stage.pool is not None}
    effective: dict[str, Any] = {
        "name": plan.name,
        "plan": {key: node.plain() for key, node in written if key != "shadow"},
        "answers": repr(question_type.space) if question_type is not None else None,
        "accuracy": {pool: known.pools[pool].accuracy for pool in pools},
        "rates": dict(plan.rates),
    }
    if type_at is not None and type_at.has("fallbacks"):
        effective["endings"] = type_at.node.entries["fallbacks"].plain()
    return hashlib.sha256(canonical(effective).encode()).hexdigest()


def with_others(at: Cursor, route: Route) -> Cursor:
    """Return a plan in which others are asked, as the route says. Each must be asked in it."""
    met: set[str] = set()
    said = _replacements(route)
    found = replace(at, node=_others(at.node, said, met, of_who=False))
    for name in route.instead.keys() - met:
        route.at.fault(f"plan `{route.plan}` does not ask `{name}`", nearest(name, met))
    return found


def _replacements(route: Route) -> dict[str, Node]:
    entries = [route.at.node.entries[key].entries for key in ("deciders", "pools") if route.at.has(key)]
    return {name: node for section in entries for name, node in section.items()}


def _others(node: Node, said: Mapping[str, Node], met: set[str], *, of_who: bool) -> Node:
    """Replace the names of those who are asked, wherever a plan has them."""
    if isinstance(node.value, dict):
        entries = {key: _others(child, said, met, of_who=key in _WHO) for key, child in node.value.items()}
        return replace(node, value=entries)
    if isinstance(node.value, list):
        return replace(node, value=[_others(item, said, met, of_who=of_who) for item in node.value])
    if of_who and node.text in said:
        met.add(node.text)
        return said[node.text]
    return node
