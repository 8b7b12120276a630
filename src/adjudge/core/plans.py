"""Plans: stages of asking and the fallback behind them, compiled from configuration.

A compiled plan is immutable and complete: every chain of fallbacks ends in an answer.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, Literal, TypeAlias

from adjudge.core.expressions import Expression
from adjudge.core.money import Stake
from adjudge.core.pools import Pool, Prices

DEFAULT_ACCURACY = 0.95
"""What one vote is worth in a belief until a pool's people have been measured."""
LONGEST_DEADLINE = timedelta(days=30)

Reason: TypeAlias = Literal["timeout", "error", "no-certificate", "no-reviewer", "shed"]
"""A reason for which configuration may name a fallback of its own."""
REASONS: Final[Mapping[str, Reason]] = {
    "timeout": "timeout",
    "deadline": "timeout",
    **dict.fromkeys(("error", "garbage", "refused", "quota", "breaker", "dead-letter", "no-evidence"), "error"),
    "no-certificate": "no-certificate",
    "no-reviewer": "no-reviewer",
    "shed": "shed",
}
"""For each code with which a stage can be passed over, the reason it stands for."""
FAILURES: Final[frozenset[Reason]] = frozenset({"timeout", "error", "no-reviewer"})
"""The reasons for which `on_error` is taken: nobody answered, or not as agreed."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where configuration says so: `config/claims.yaml:10`."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class ByHand:
    """A threshold that an operator set: uncertified automation, and called so everywhere."""

    condition: Expression
    origin: Origin
    clause: str = field(init=False, repr=False, compare=False)
    """What it says where it holds: `0.95 is enough (set by hand, config/claims.yaml:10)`."""

    def __post_init__(self) -> None:
        threshold = self.condition.threshold
        enough = f"{threshold:g} is enough" if threshold is not None else f"`{self.condition.text}` holds"
        object.__setattr__(self, "clause", f"{enough} (set by hand, {self.origin})")


Drift: TypeAlias = Literal["shown", "ends"]


@dataclass(frozen=True, slots=True)
class AgainstPeople:
    """What is promised where a target is no number: no worse than a majority of people."""

    votes: int = 3
    """Blind votes of each audit, set apart beforehand; among equals what was said first counts."""
    margin: float = 0.0
    """By how much, as a share of all answers, it may be worse."""
    over: Literal["automated", "plan"] = "plan"
    """What is compared with people: the answers given without them, or all that the plan gives."""


@dataclass(frozen=True, slots=True)
class Certified:
    """Acceptance under an automation certificate. Without one, it defers."""

    origin: Origin
    target: float = 0.01
    """Of the answers given without a person, at most this share may be wrong..."""
    confidence: float = 0.9
    """...with this confidence."""
    watch: float = 0.05
    """Probability that a certificate is suspended within its validity although nothing is wrong."""
    validity: timedelta = timedelta(days=30)
    validity_audits: int = 5_000
    """Audited automated decisions after which a certificate ends, if it has not by its age."""
    drift: Drift = "shown"
    """What happens when scores are no longer distributed as when the certificate was given: it ends, or this is only
    shown."""
    people: AgainstPeople | None = None
    """Instead of the target."""
    money: Stake | None = None
    """If set, the target is a share of money: of all stakes answered without a person, at most that share lies on wrong
    answers. Questions with a larger stake than this one are not accepted, because the test needs a bound."""
    family: int = 0
    """If set, the confidence is that none of at most so many slices is certified falsely; 0: it is of each alone."""

    @property
    def is_of_plan(self) -> bool:
        """Whether it speaks of all that the plan answers, later stages and the fallback included."""
        return self.people is not None and self.people.over == "plan"


Acceptance: TypeAlias = ByHand | Certified


@dataclass(frozen=True, slots=True)
class Votes:
    """How many people are asked: at least `minimum`, at most `maximum`, `together` at a time."""

    minimum: int = 1
    maximum: int = 1
    together: int = 1
    prices: Prices | None = None
    """Prices that decide about the next vote once enough is learnt of what votes are worth. None: `combine` decides."""


@dataclass(frozen=True, slots=True)
class Combine:
    """How opinions become a belief."""

    rule: Literal["first", "agree", "majority", "bayes"] = "first"
    model_weight: float = 0.55
    vote_weight: float = 0.45
    """Exponents of the likelihoods in `bayes`. Model and people err together: weights of 1 are over-confident."""
    accuracy: float = DEFAULT_ACCURACY
    """Probability that one vote is right (one-coin model)."""
    pool: Pool | None = None
    """What was learnt of these models and people, for `bayes`. None: the weights and the accuracy above are used.
    A compiled plan has none; `Stage.knowing` puts it in from the snapshot in force."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of asking: models side by side, or the people of one pool."""

    deciders: tuple[str, ...] = ()
    pool: str | None = None
    combine: Combine = Combine()
    accept: Acceptance | None = None
    """None: a belief of people is acted on as it is, a belief of models never."""
    timeout: timedelta = timedelta(seconds=10)
    votes: Votes = Votes()
    on_error: "tuple[FallbackStep, ...]" = ()
    """The fallback taken when the stage fails, unless `fallbacks` names another. Empty: defer."""
    fallbacks: "Mapping[Reason, int | None]" = field(default_factory=dict)
    """For each reason of failure, the index of the chain that is taken. None: defer."""

    def knowing(self, pool: Pool) -> "Stage":
        """Return the stage as it is once something was learnt: votes are weighed, and asked for by their price."""
        return replace(self, combine=replace(self.combine, rule="bayes", pool=pool))


@dataclass(frozen=True, slots=True)
class Answer:
    """Settle with this answer."""

    answer: str


@dataclass(frozen=True, slots=True)
class SafeSide:
    """Settle with what the question type declares harmless."""


@dataclass(frozen=True, slots=True)
class Provisional:
    """Write version 1 now and stay open until the deadline. None: the best belief so far."""

    answer: str | None
    origin: Origin | None = field(default=None, compare=False)
    """Where configuration says so, for remarks."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Answer nothing yet."""

    duration: timedelta


@dataclass(frozen=True, slots=True)
class Escalate:
    """Ask the people of another pool. `stage` is the index by which the history knows it."""

    stage: int


FallbackStep: TypeAlias = Answer | SafeSide | Provisional | Hold | Escalate


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is done with a question of one type at one location."""

    name: str
    stages: tuple[Stage, ...]
    fallback: tuple[FallbackStep, ...]
    """Steps in order; the last one settles."""
    escalations: tuple[Stage, ...] = ()
    """Stages of `Escalate` steps: indexes follow those of `stages`."""
    late: Literal["fallback", "ask"] = "fallback"
    shadows: tuple[str, ...] = ()
    """Deciders that are asked on the side when the question comes in. They have no part in any decision."""
    branches: tuple[tuple[FallbackStep, ...], ...] = ()
    """Chains that stages and the type name by reason: indexes follow those of `stages`."""
    endings: "Mapping[Reason, int]" = field(default_factory=dict)
    """For each reason why the last stage came to nothing, the chain that is taken instead of `fallback`."""
    rates: Mapping[str, float] = field(default_factory=dict)
    """Units of the first currency that one unit of the key buys: all stakes can be compared."""
    hash: str = ""
    """SHA-256 of the effective configuration behind the plan."""
    prefixes: tuple[str, ...] = ()
    """Of each stage, the hash of all that decides what is answered up to and including it: what a certificate covers.
    Empty where no stage is certified."""

    @property
    def mark(self) -> str:
        """The first digits of the hash, which opinions carry: enough to tell plans apart."""
        return self.hash[:12]

    def __post_init__(self) -> None:
        for chain in self.chains():
            if not chain or not isinstance(chain[-1], Answer | SafeSide | Provisional):
                raise ValueError(f"plan {self.name}: a fallback does not end in an answer")
            if any(isinstance(step, Escalate) and not self._is_escalation(step.stage) for step in chain):
                raise ValueError(f"plan {self.name}: a fallback escalates to a stage that there is not")

    def stage(self, index: int) -> Stage:
        """Return a stage or an escalation by the index that the history uses."""
        first = len(self.stages)
        return self.stages[index] if index < first else self.escalations[index - first]

    @property
    def is_priced(self) -> bool:
        """Whether some stage of people buys votes by their price."""
        return any(stage.votes.prices is not None for stage in (*self.stages, *self.escalations))

    def models_before(self, index: int) -> tuple[str, ...]:
        """Return the deciders that a stage of people is told of: those of all stages before it."""
        return tuple(dict.fromkeys(name for before in range(index) for name in self.stage(before).deciders))

    def learnt_as(self, index: int) -> str:
        """Return the key under which a snapshot has what was learnt for a priced stage.

        It names the people, the models that were asked before them, and the prices.
        """
        stage = self.stage(index)
        prices = stage.votes.prices
        assert prices is not None
        priced = f"{prices.wrong:g}/{prices.vote:g}/{prices.delay:g}/{prices.expert:g}"
        after = " and ".join(self.models_before(index)) or "nobody"
        return f"{stage.pool} after {after}, {stage.votes.maximum} votes at {priced}"

    def scope(self, index: int, question_type: str, slice_: str) -> str:
        """Return the control under which this stage accepts: one for each slice and prefix of the plan."""
        return f"certificate:{question_type}:{slice_}:{self.prefixes[index]}"

    def chain(self, index: int) -> tuple[FallbackStep, ...]:
        """Return the fallback of a stage's `on_error`, a branch behind these, or the plan's for -1."""
        if index < 0:
            return self.fallback
        first = len(self.stages)
        return self.stages[index].on_error if index < first else self.branches[index - first]

    def branch(self, index: int, code: str) -> int | None:
        """Return the index of the chain that a stage takes when it is passed over with this code. None: it defers."""
        reason, stage = REASONS.get(code), self.stage(index)
        if reason is not None and reason in stage.fallbacks:
            return stage.fallbacks[reason]
        return index if stage.on_error and reason in FAILURES else None

    def ending(self, code: str) -> int:
        """Return the index of the chain taken when no stage is left; `code` is why the last was passed over."""
        reason = REASONS.get(code)
        return self.endings.get(reason, -1) if reason is not None else -1

    def chains(self) -> Iterator[tuple[FallbackStep, ...]]:
        """Yield every fallback that can be taken."""
        yield self.fallback
        yield from (stage.on_error for stage in self.stages if stage.on_error)
        yield from self.branches

    def deciders(self) -> frozenset[str]:
        """Return every model and rule that may be asked."""
        return frozenset(name for stage in (*self.stages, *self.escalations) for name in stage.deciders)

    def _is_escalation(self, index: int) -> bool:
        return 0 <= index - len(self.stages) < len(self.escalations)
