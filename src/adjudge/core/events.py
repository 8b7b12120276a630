"""What happens to a decision, in the order recorded: its history while open, its path for ever.

One union serves `advance`, the `work` row, the outcome's path and every reader. Every event carries a version `v`,
and old versions stay readable. Events hold ids, answers and figures, never evidence.
"""

import math
from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

Source: TypeAlias = Literal["model", "rule", "reviewer"]
FaultKind: TypeAlias = Literal[
    "error", "timeout", "garbage", "refused", "quota", "breaker", "dead-letter", "no-evidence"
]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    """Something that happened at `at` (UTC, PostgreSQL's clock)."""

    at: datetime
    v: int = 1


class Derived(Event, frozen=True, kw_only=True):
    """What `advance` itself records; every other event comes from outside."""

    switched_off: tuple[str, ...] = ()
    """Switches that were off at that moment and concern this decision: deciders of its plan, and places. A replay
    needs them."""
    licences: tuple[str, ...] = ()
    """Certificates that were in force for the plan's certified stages. A replay needs them."""
    learnt: int = 0
    """Number of the snapshot of learnt votes that was in force; 0: there was none, or the plan has no prices."""


class Asked(Derived, frozen=True, kw_only=True, tag="asked"):
    """A stage was asked, or one more person in it."""

    stage: int
    deciders: tuple[str, ...]
    seats: int = 0
    """People asked so far in this stage; 0 where models are asked."""
    until: datetime


class Opinion(Event, frozen=True, kw_only=True, tag="opinion"):
    """A decider's answer to one question. The first recorded of (stage, by) counts."""

    stage: int
    by: str
    """`vision-sku@2`, or the reviewer's name."""
    source: Source
    answer: str | None
    """Key of the answer; None where the decider abstains."""
    confidence: float = 0.0
    """Probability that `answer` is right, 0 to 1, as the decider (calibrated, once that exists) says."""
    distribution: dict[str, float] | None = None
    pool: str | None = None
    seconds: float = 0.0
    """A model's latency; a person's seconds at work."""
    cost_micros: int = 0
    currency: str | None = None
    calibration: str | None = None
    """Id of the calibrator snapshot; None where the score is raw."""
    task: str | None = None
    purpose: Literal["stage", "people", "truth"] = "stage"
    plan: str | None = None
    """Hash of the plan in the process that asked. It is the same in all opinions of a decision."""

    def __post_init__(self) -> None:
        if not 0 <= self.confidence <= 1:  # NaN too; the edge makes it a fault, which defers
            raise ValueError(f"confidence {self.confidence} is not in 0..1")
        if self.distribution and not all(math.isfinite(p) and 0 <= p <= 1 for p in self.distribution.values()):
            raise ValueError("a probability is not in 0..1")


class Fault(Event, frozen=True, kw_only=True, tag="fault"):
    """A decider did not answer: an error, a time-out of ours, garbage. Never an opinion."""

    stage: int
    by: str
    fault: FaultKind
    detail: str = ""
    seconds: float = 0.0
    cost_micros: int = 0
    currency: str | None = None
    plan: str | None = None


class Declined(Event, frozen=True, kw_only=True, tag="declined"):
    """A person gave the task back. Not a vote."""

    stage: int
    by: str
    reason: str


class TimedOut(Event, frozen=True, kw_only=True, tag="timed_out"):
    """A stage came to no belief, and waits no longer: its time ran out, or nobody is left who could answer."""

    stage: int
    nobody_left: bool = False


class Deferred(Derived, frozen=True, kw_only=True, tag="deferred"):
    """A stage was passed over for good, and why."""

    stage: int
    code: str
    reason: str


class FellBack(Derived, frozen=True, kw_only=True, tag="fell_back"):
    """A step of a fallback was taken that does not settle finally: hold, escalate, provisional."""

    chain: int
    """The stage whose `on_error` it is, a chain that is named by reason behind these, or -1: the plan's."""
    step: int
    fallback: Literal["hold", "escalate", "provisional"]
    reason: str
    until: datetime


class Settled(Derived, frozen=True, kw_only=True, tag="settled"):
    """An outcome was written."""

    version: int
    outcome: Literal["provisional", "final", "amended"]
    answer: str | None
    source: Literal["model", "rule", "reviewer", "fallback", "cancel"]
    confidence: float | None = None
    reason: str = ""
    code: str = ""


HistoryEvent: TypeAlias = Asked | Opinion | Fault | Declined | TimedOut | Deferred | FellBack | Settled

_decoder = msgspec.json.Decoder(tuple[HistoryEvent, ...])
_encoder = msgspec.json.Encoder()


def read_events(text: str | bytes) -> tuple[HistoryEvent, ...]:
    """Read a history or a path as stored."""
    return _decoder.decode(text)


def write_events(events: tuple[HistoryEvent, ...]) -> str:
    """Write a history or a path for storing."""
    return _encoder.encode(events).decode()
