"""Stages: who is asked, how opinions are combined, when the belief is accepted, how long it may take.

A plan is read for one question type, because answers, deadlines and the safe side are the type's.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, Literal, TypeAlias

from adjudge.config.documents.cursors import Cursor, Fields, described
from adjudge.config.documents.durations import show_duration
from adjudge.config.documents.faults import nearest
from adjudge.config.documents.readers import duration, number, text, whole
from adjudge.config.sections.conditions import read_acceptance
from adjudge.config.sections.sense import NamedAnswers, Words
from adjudge.core.answers import AnswerSpace, Candidates, ClosedSpace, Json, Labels, OutsideSpace, canonical, keyed
from adjudge.core.counting import counted
from adjudge.core.plans import Acceptance, ByHand, Combine, FallbackStep, Origin, Stage, Votes
from adjudge.core.pools import Prices
from adjudge.core.specifications import DeciderSpec, PoolSpec, QuestionType

MOST_VOTES: Final = 50
LEAST_TIMEOUT: Final = timedelta(seconds=60)
"""Of a stage of models that names no time-out: its slowest decider's own, but at least so much.

Long enough for a broker that comes back; the decider has its own time-out for each call.
"""

Rule: TypeAlias = Literal["first", "agree", "majority", "bayes"]
RULES: Final[tuple[Rule, ...]] = ("first", "agree", "majority", "bayes")


@dataclass(frozen=True, slots=True)
class Known:
    """What every plan may name."""

    deciders: Mapping[str, DeciderSpec]
    pools: Mapping[str, PoolSpec]
    rates: Mapping[str, float]
    words: Mapping[str, Words]
    """Of conditions."""
    answers: NamedAnswers = field(default_factory=NamedAnswers)
    """That conditions name."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A plan being read for a type; `type` is None where no route leads a type to it."""

    known: Known
    type: QuestionType | None
    type_at: Cursor | None
    stages: int
    """How many stages the plan has: escalations are numbered after them."""
    escalations: list[Stage] = field(default_factory=list)
    branches: list[tuple[FallbackStep, ...]] = field(default_factory=list)
    """Chains that are named by reason."""
    asked: dict[str, Origin] = field(default_factory=dict)
    """Pools that the plan's stages ask, and where."""

    @property
    def name(self) -> str:
        return self.type.name if self.type is not None else ""

    @property
    def lacks_safe_side(self) -> bool:
        """Whether the type has none, and no other field that was meant to be it."""
        if self.type is None or self.type.safe_side is not None:
            return False
        return self.type_at is None or not self.type_at.misspells("safe_side")

    @property
    def space(self) -> AnswerSpace | None:
        return self.type.space if self.type is not None else None

    def duration(self, at: Cursor) -> timedelta:
        """Read a time-out or a hold: never longer than the type's deadline."""
        found = at.read(duration, timedelta(0))
        deadline = self.type.deadline if self.type is not None else None
        if self.type is not None and deadline is not None and found > deadline:
            at.fault(
                f"{show_duration(found)} is longer than the deadline of {self.type.name}, {show_duration(deadline)}"
            )
        return found


def read_stage(at: Cursor, fields: Fields, reading: Reading) -> Stage:
    """Read a stage but for its `on_error`."""
    ask = fields.need("ask", "ask: model@1")
    asked = _asked(ask, reading.known) if ask is not None else ()
    names = (asked or _meant(ask, reading.known)) if ask is not None else ()
    if ask is None or not names:
        fields.ignore_rest()
        return Stage()
    pools = [name for name in names if name in reading.known.pools]
    if not pools:
        _check_labels(ask, reading, asked)
        _refuse_shadows(ask, reading, asked)
        return _of_models(fields, reading, names)
    if len(names) > 1:
        ask.fault("a stage asks models, or the people of one pool")
    if asked:
        reading.asked.setdefault(pools[0], ask.node.origin)
    return read_people(at, fields, reading, pools[0])


def read_people(at: Cursor, fields: Fields, reading: Reading, pool: str) -> Stage:
    """Read how the people of a pool are asked: a stage's own fields, or those of an escalation."""
    votes = _votes(fields)
    combine = _combine(fields, several=votes.maximum > 1)
    size = reading.known.pools[pool].size
    if size is not None and votes.maximum > size:
        people = counted(size, "person", "people")
        at.fault(f"{votes.maximum} votes are more than `{pool}` can have: it has {people}, and each votes once")
    accept = _accept(fields, reading)
    if combine.rule == "first" and votes.minimum > 1 and accept is None:
        at.slip(f"`first` takes the first of {votes.minimum} votes, whatever the others say: say how they are combined")
    timeout = fields.need("timeout", "timeout: 10m")
    if combine.rule == "bayes" and not at.has("accept"):
        fields.lack("accept", "`accept` is missing: `bayes` gives a belief, not a majority; say how sure it must be")
    return Stage(
        pool=pool,
        combine=replace(combine, accuracy=reading.known.pools[pool].accuracy),
        accept=accept,
        timeout=reading.duration(timeout) if timeout is not None else timedelta(0),
        votes=votes,
    )


def check_acceptance(stages: list[tuple[Cursor, Stage]]) -> None:
    """Check that each model's opinion can be of use: it is accepted, or weighed with people's votes later."""
    for i, (at, stage) in enumerate(stages):
        weighed = any(
            later.pool and (later.combine.rule == "bayes" or later.votes.prices) for _, later in stages[i + 1 :]
        )
        if stage.deciders and not weighed and not at.has("accept") and not at.misspells("accept"):
            at.fault("`accept` is missing: without it nothing that a model says is acted on")


def read_shadows(at: Cursor, reading: Reading) -> tuple[str, ...]:
    """Read who is asked on the side."""
    names = _asked(at, reading.known)
    for name in names:
        if name in reading.known.pools or not reading.known.deciders[name].is_shadow:
            at.fault(f"`{name}` is not in shadow: only a decider with `role: shadow` is asked on the side")
    _check_labels(at, reading, [name for name in names if name in reading.known.deciders])
    return names


def _refuse_shadows(ask: Cursor, reading: Reading, names: Sequence[str]) -> None:
    for name in names:
        if reading.known.deciders[name].is_shadow:
            ask.fault(f"`{name}` is in shadow, and nothing that it says is acted on: name it under the plan's `shadow`")


def _check_labels(ask: Cursor, reading: Reading, names: Sequence[str]) -> None:
    """Check that what a model may answer, as far as configuration says so, can be answered to the type."""
    space = reading.space
    if space is None or isinstance(space, Candidates):  # each request brings its own
        return
    for name in names:
        spec = reading.known.deciders[name]
        said = spec.remote.labels if spec.remote is not None else spec.rule.answers if spec.rule is not None else ()
        wrong = _outside(space, said)
        if wrong is not None:
            ask.fault(f"`{name}` has the label `{wrong[:80]}`, which is no answer to {reading.name}")


def _outside(space: ClosedSpace, answers: Sequence[Json]) -> str | None:
    """Return the first of them that is no answer, as it is written."""
    if isinstance(space, Labels):
        known = frozenset(space.labels)
        return next((_written(each) for each in answers if not isinstance(each, str) or each not in known), None)
    for answer in answers:
        try:
            keyed(space, answer)
        except OutsideSpace:
            return _written(answer)
    return None


def _written(answer: Json) -> str:
    return answer if isinstance(answer, str) else canonical(answer)


def _asked(ask: Cursor, known: Known) -> tuple[str, ...]:
    names: list[str] = []
    for item in ask.items():
        name = item.read(text, None)
        if name is None:
            continue
        if name not in known.deciders and name not in known.pools:
            item.fault(f"no pool or decider `{name}`", nearest(name, [*known.deciders, *known.pools]))
        elif name in names:
            item.fault(f"`{name}` stands twice in the list")
        else:
            names.append(name)
    if not ask.items():
        ask.fault("nobody is asked: name deciders, or a pool")
    return tuple(names)


def _meant(ask: Cursor, known: Known) -> tuple[str, ...]:
    """Return whom a stage probably asks that names nobody known: its other fields are read, and their faults show.

    Of the same kind, because people and models have other fields: only deciders have an `@`.
    """
    named = [item.node.text for item in ask.items()]
    guesses = (nearest(name, known.deciders if "@" in name else known.pools) for name in named)
    return tuple(dict.fromkeys(guess for guess in guesses if guess is not None))


def _of_models(fields: Fields, reading: Reading, names: tuple[str, ...]) -> Stage:
    timeout = fields.get("timeout")
    slowest = max((reading.known.deciders[name].timeout for name in names), default=LEAST_TIMEOUT)
    return Stage(
        deciders=names,
        combine=_combine(fields, several=len(names) > 1),
        accept=_accept(fields, reading),
        timeout=reading.duration(timeout) if timeout is not None else max(LEAST_TIMEOUT, slowest),
    )


def _accept(fields: Fields, reading: Reading) -> Acceptance | None:
    at = fields.get("accept")
    if at is None:
        return None
    found = read_acceptance(at, reading.known.rates, reading.known.words)
    condition = at.entry("by_hand")
    if isinstance(found, ByHand) and condition is not None and reading.space is not None:
        reading.known.answers.note(condition, found.condition, reading.space)
    return found


def _combine(fields: Fields, *, several: bool) -> Combine:
    found = fields.get("combine")
    if found is None:
        if several:
            fields.lack("combine", f"`combine` is missing: several are asked; say how, {', '.join(RULES)}")
        return Combine()
    if isinstance(found.node.value, dict):
        return _bayes(found)
    rule = next((rule for rule in RULES if rule == found.node.value), None)
    if rule is None:
        found.fault(f"{described(found.node)} is not one of {', '.join(RULES)}", nearest(found.node.text, RULES))
    return Combine(rule or "first")


def _bayes(at: Cursor) -> Combine:
    weight = number(0, 10, "a weight above 0, below 10")
    with at.fields() as fields:
        weights = fields.need("bayes", "bayes: {model_weight: 0.55, vote_weight: 0.45}")
        if weights is None:
            return Combine()
        with weights.fields() as inner:
            usual = Combine("bayes")
            return Combine(
                "bayes",
                model_weight=inner.read("model_weight", weight, usual.model_weight),
                vote_weight=inner.read("vote_weight", weight, usual.vote_weight),
            )


def _votes(fields: Fields) -> Votes:
    at = fields.get("votes")
    if at is None:
        return Votes()
    votes = whole(1, MOST_VOTES)
    with at.fields() as inner:
        minimum = inner.read("min", votes, 1)
        maximum, together = inner.read("max", votes, minimum), inner.read("together", votes, 1)
        found = Votes(minimum, maximum, together, _prices(inner))
    if found.minimum > found.maximum:
        at.fault(f"at least {found.minimum} votes cannot be had from at most {found.maximum}")
    elif found.together > found.maximum:
        at.fault(f"{found.together} together are more than the {found.maximum} that are asked at most")
    elif found.prices is not None and found.minimum == found.maximum:
        at.fault(f"`prices` have nothing to decide: {found.maximum} are asked in any case; let `max` be above `min`")
    return found


def _prices(fields: Fields) -> Prices | None:
    at = fields.get("prices")
    if at is None:
        return None
    price = number(math.nextafter(0, -1), 1e9, "a price from 0 on, all of them in one unit")
    with at.fields() as inner:
        wrong = inner.need("wrong", "wrong: 100")
        expert = inner.need("expert", "expert: 5")
        found = Prices(
            wrong=wrong.read(price, 0.0) if wrong is not None else 0.0,
            vote=inner.read("vote", price, 1.0),
            delay=inner.read("delay", price, 0.0),
            expert=expert.read(price, 0.0) if expert is not None else 0.0,
        )
    if wrong is not None and expert is not None and found.expert * 2 >= found.wrong:
        at.fault("`expert` costs half of `wrong` or more: a guess between two answers would be cheaper")
    return found
