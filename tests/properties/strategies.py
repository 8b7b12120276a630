"""Plans, cases and what may happen to a decision, at random."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from hypothesis import strategies as st
from tests.builders import NOON, SET_BY_HAND, by_hand

from adjudge.core.answers import Boolean, Candidates, ClosedSpace, Integer, Labels, Structured, canonical
from adjudge.core.history import Case
from adjudge.core.money import Stake
from adjudge.core.plans import (
    Answer,
    Certified,
    Combine,
    Escalate,
    FallbackStep,
    Hold,
    Plan,
    Provisional,
    SafeSide,
    Stage,
    Votes,
)

CONDITIONS = tuple(
    by_hand(text)
    for text in (
        "confidence >= 0.5",
        "confidence >= 0.5 || votes > 1",
        "confidence >= 0.95",
        "true",
        "false",
        "margin > 0.1 && stake < 100.0",
        'stake_in("USD") < 50.0 || confidence > 0.9',
        'opinions.all(o, o.confidence > 0.4) || attributes.region == "eu"',
        "1 / (votes - votes) > 0",
        'location != "" && question_type != answer && agreeing >= 0',
    )
)
KEYS = {
    "labels": (Labels(("pay", "refuse", "ask")), ("pay", "refuse", "ask")),
    "candidates": (Candidates(("other",)).of(("7up", "cola")), ("7up", "cola", "other")),
    "boolean": (Boolean(), ("true", "false")),
    "integer": (Integer(-1, 12), ("-1", "0", "12")),
    "structured": (
        Structured(canonical({"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"}}})),
        ('{"sku":"a"}', '{"n":1,"sku":"a"}', '{"sku":"é"}'),
    ),
}
RULES = ("first", "agree", "majority", "bayes")
PEOPLE = ("anna", "ben", "cleo", "dan", "eva", "finn", "gus")


@dataclass(frozen=True)
class World:
    """A plan, a question for it, and some keys of its space."""

    plan: Plan
    case: Case
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Happening:
    """Something that may happen, told without knowing the decision: numbers pick from what there is."""

    what: Literal[
        "answer", "opinion", "fault", "vote", "decline", "time-out", "pass", "timer", "repeat", "nothing", "switch"
    ]
    who: int = 0
    answer: int = 0
    confidence: float = 0.0
    malformed: Literal["", "outside", "unnormalised", "abstains", "stranger", "wrong source"] = ""
    stage: int | None = None
    """None: the one asked last."""
    seconds: float = 0.0


def spaces() -> st.SearchStrategy[tuple[ClosedSpace, tuple[str, ...]]]:
    return st.sampled_from(list(KEYS.values()))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    space, keys = draw(spaces())
    stages = [draw(_stages(number)) for number in range(draw(st.integers(1, 4)))]
    escalations: list[Stage] = []

    def chain(*, may_be_empty: bool) -> tuple[FallbackStep, ...]:
        if may_be_empty and draw(st.integers(0, 2)):
            return ()
        steps: list[FallbackStep] = []
        for kind in draw(st.lists(st.sampled_from(("hold", "escalate")), max_size=3)):
            if kind == "hold":
                steps.append(Hold(draw(_durations())))
            else:
                steps.append(Escalate(len(stages) + len(escalations)))
                escalations.append(draw(_people(f"experts-{len(escalations)}")))
        ends = (Answer(draw(st.sampled_from(keys))), SafeSide(), Provisional(None), Provisional(keys[0]))
        return (*steps, draw(st.sampled_from(ends)))

    fallback = chain(may_be_empty=False)
    plan = Plan(
        name="random",
        stages=tuple(_with_on_error(stage, chain(may_be_empty=True)) for stage in stages),
        fallback=fallback,
        escalations=tuple(escalations),
        rates=draw(st.sampled_from(({}, {"USD": 1.0, "EUR": 1.08}))),
    )
    return World(plan, draw(_cases(space, keys)), keys)


def happenings() -> st.SearchStrategy[Happening]:
    return st.builds(
        Happening,
        st.sampled_from(
            ("answer",) * 8
            + ("opinion", "vote", "fault", "decline", "time-out", "pass", "timer", "repeat", "nothing", "switch")
        ),
        who=st.integers(0, 6),
        answer=st.integers(0, 2),
        confidence=st.sampled_from((0.96, 1.0, 0.9, 0.5, 0.3, 0.0)),
        malformed=st.sampled_from(("",) * 20 + ("outside", "unnormalised", "abstains", "stranger", "wrong source")),
        stage=st.sampled_from((None,) * 30 + (0, 1, 2, 3, 4, 5)),
        seconds=st.sampled_from((1, 0.001, 7, 60, 600, -5)),
    )


@st.composite
def _stages(draw: st.DrawFn, number: int) -> Stage:
    if draw(st.booleans()):
        return draw(_people(f"pool-{number}"))
    return Stage(
        deciders=tuple(f"model-{number}{letter}@1" for letter in "abc"[: draw(st.integers(1, 3))]),
        combine=draw(_combinations()),
        accept=draw(st.sampled_from((None, Certified(SET_BY_HAND), *CONDITIONS))),
        timeout=draw(_durations()),
    )


@st.composite
def _people(draw: st.DrawFn, pool: str) -> Stage:
    most = draw(st.integers(1, 5))
    return Stage(
        pool=pool,
        combine=draw(_combinations()),
        votes=Votes(draw(st.integers(1, most)), most, draw(st.integers(1, 2))),
        accept=draw(st.sampled_from((None, None, None, Certified(SET_BY_HAND), *CONDITIONS))),
        timeout=draw(_durations()),
    )


@st.composite
def _cases(draw: st.DrawFn, space: ClosedSpace, keys: tuple[str, ...]) -> Case:
    due_in = draw(st.sampled_from((86400.0, 259200.0, 90000.0, 86401.0, 86402.0, 5000.0, 100.0, -60.0)))
    return Case(
        type="product.identify",
        location="store-042",
        space=space,
        deadline=NOON + timedelta(seconds=due_in),
        stake=draw(st.sampled_from((None, Stake(249, "USD"), Stake(0, "JPY"), Stake(10**9, "EUR")))),
        attributes=draw(st.sampled_from(({}, {"region": "eu"}, {"region": None}, {"region": 10**30}))),
        safe_side=draw(st.sampled_from(keys)),
        late=due_in < 0,
    )


def _combinations() -> st.SearchStrategy[Combine]:
    return st.builds(
        Combine, st.sampled_from(RULES), accuracy=st.sampled_from((0.95, 0.5, 0.0, 1.0)), vote_weight=st.just(0.45)
    )


def _durations() -> st.SearchStrategy[timedelta]:
    return st.sampled_from((2, 10, 600, 600, 600, 3600, 100_000)).map(lambda number: timedelta(seconds=number))


def _with_on_error(stage: Stage, chain: tuple[FallbackStep, ...]) -> Stage:
    return Stage(
        deciders=stage.deciders,
        pool=stage.pool,
        combine=stage.combine,
        accept=stage.accept,
        timeout=stage.timeout,
        votes=stage.votes,
        on_error=chain,
    )
