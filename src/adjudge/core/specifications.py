"""What configuration declares: question types, deciders, pools, locations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, TypeAlias

from adjudge.core.answers import AnswerSpace
from adjudge.core.audits import AuditSpec
from adjudge.core.expressions import Expression
from adjudge.core.facts import Fact
from adjudge.core.money import Stake
from adjudge.core.remote import ChatModel, Hedge, HttpModel, OipModel, RemoteModel
from adjudge.core.rules import Rule

DEFAULT_LOCATION = "default"

DeciderKind: TypeAlias = Literal["python", "http", "oip", "openai", "rule"]
DeciderRole: TypeAlias = Literal["serving", "shadow"]
"""What its answers are for: beliefs, or the record alone."""
Lane: TypeAlias = Literal["realtime", "standard", "bulk"]
Isolation: TypeAlias = Literal["none", "process"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionType:
    """A named kind of question."""

    name: str
    space: AnswerSpace
    evidence: Mapping[str, Any] | None = None
    """JSON Schema 2020-12 of the evidence; None: any JSON object."""
    deadline: timedelta | None = None
    """Default for questions that name none; None: the longest, 30 days, and shown as no deadline."""
    safe_side: str | Expression | None = None
    """Key of the harmless answer, or an expression over the evidence that gives it."""
    title: str = ""
    guidelines: str = ""
    """What reviewers are told, Markdown."""
    show: tuple[str, ...] = ()
    """Evidence fields that a terminal shows, in order; empty: all of them."""
    amend: frozenset[Literal["truth", "late-vote", "operator"]] = frozenset()
    """What may amend a final outcome; everything else is kept as a label."""
    lane: Lane = "standard"
    audits: AuditSpec | None = None
    """How its decisions are audited; None: nobody answers what the coin draws, and nothing is ever certified."""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    """What of the evidence routes may read, by name; kept with the decision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeciderSpec:
    """A model or rule that can be asked: `claim-risk@1`."""

    name: str
    version: str
    python: str = ""
    """`module:function`; empty where it is of another kind."""
    remote: RemoteModel | None = None
    """A model that is asked over the network."""
    rule: Rule | None = None
    role: DeciderRole = "serving"
    hedge: Hedge | None = None
    """Of a remote model: when a second request is sent."""
    timeout: timedelta = timedelta(seconds=10)
    """For one call, retries included."""
    retries: int = 0
    """Further tries after an error, never after a time-out."""
    cost_micros: int = 0
    """Per question asked."""
    currency: str = "USD"
    batch: int = 200
    """Questions in one call, at most."""
    linger_ms: int = 0
    """How long questions wait for others to share their call."""
    concurrency: int = 2
    """Calls at once in one worker process."""
    isolate: Isolation = "none"
    breaker_failures: int = 5
    """Calls in a row that fail before the breaker opens."""
    breaker_seconds: float = 10.0
    """How long it stays open before a probe."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Passed to the function as keyword arguments."""
    identity: str = ""
    """Changes with whatever in its configuration decides about its answers."""

    @property
    def id(self) -> str:
        return f"{self.name}@{self.version}"

    @property
    def is_shadow(self) -> bool:
        """Whether it is asked on the side, and never believed."""
        return self.role == "shadow"

    @property
    def source(self) -> Literal["model", "rule"]:
        """As whose its opinions count."""
        return "model" if self.rule is None else "rule"

    @property
    def kind(self) -> DeciderKind:
        """How it is asked; the name of its section in configuration."""
        if self.rule is not None:
            return "rule"
        match self.remote:
            case None:
                return "python"
            case HttpModel():
                return "http"
            case OipModel():
                return "oip"
            case ChatModel():
                return "openai"


@dataclass(frozen=True, slots=True)
class Sooner:
    """By how much what is at stake brings a question forward in its queue."""

    by: timedelta
    at: Stake
    """From this stake on by all of it, below in proportion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSpec:
    """The people who may be asked."""

    name: str
    wage_micros_per_hour: int = 0
    currency: str = "USD"
    utilisation: float = 1.0
    """Share of the paid time that is spent on tasks, 0 to 1: seconds cost wage / 3600 / utilisation."""
    accuracy: float = 0.95
    """Probability that one vote is right, until measured."""
    lease: timedelta = timedelta(minutes=2)
    paused: bool = False
    size: int | None = None
    """How many people it has, as far as configuration says."""
    sooner: Sooner | None = None
    """None: its queue is in the order in which questions are due."""

    def cost_micros(self, seconds: float) -> int:
        """Return what `seconds` at work cost."""
        return round(self.wage_micros_per_hour * seconds / 3600 / self.utilisation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Whatever configuration may differ by."""

    name: str
    groups: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    currency: str = "USD"
    time_zone: str = "UTC"
    tags: frozenset[str] = frozenset()
    stake_limit: Stake | None = None
    """What is over it may be routed otherwise."""
    dimensions: Mapping[str, str] = field(default_factory=dict)
    """Its group in each dimension that it has one in."""

    def currency_beside(self, stake: Stake | None) -> str | None:
        """Return the currency in which expressions read a stake; None: its own."""
        return self.currency if stake is not None and stake.currency != self.currency else None

    def group_by(self, inherit: str) -> str | None:
        """Return the group whose certificate slices here inherit, as no slice is named; None: it is in none."""
        found = self.slice_by(inherit)
        return None if found == "none" else f"{inherit}={found}"

    def slice_by(self, slices: str) -> str:
        """Return the slice that a decision here belongs to, where slices are told apart so."""
        match slices:
            case "all":
                return "all"
            case "location":
                return self.name
            case "groups":
                return "+".join(self.groups) or "none"
            case dimension:
                return self.dimensions.get(dimension, "none")
