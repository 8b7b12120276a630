"""What a decider is shown, and the result of asking it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from adjudge.core.answers import ClosedSpace
from adjudge.core.events import FaultKind
from adjudge.core.money import Stake


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One question. Functions read it by attribute: `question.evidence["amount"]`."""

    id: str
    type: str
    location: str
    evidence: Mapping[str, Any]
    """Decoded JSON."""
    space: ClosedSpace
    """What may be answered; `space.labels` where it is a set of labels."""
    candidates: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = {}
    """The location's."""
    stake: Stake | None = None
    subject: Mapping[str, str] = {}


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What a decider said to one question, checked: every answer is in the space, the sum is 1 ± 0.001."""

    answer: str | None
    """Key of the likeliest answer, of equals the smallest; None where the decider abstains."""
    confidence: float
    """Probability that `answer` is right, 0 to 1, as the decider says; 0 where it abstains."""
    distribution: dict[str, float] | None
    seconds: float
    """From the start of the call, retries included."""
    cost_micros: int
    """For every time this question was put."""
    currency: str
    is_cost_known: bool = True
    """False: it cost more, and its server does not say how much."""


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """Why a decider did not answer one question. Never an opinion."""

    fault: FaultKind
    detail: str
    """For operators: printable, at most `explaining.LONGEST` characters. May quote any question, of any location."""
    recorded: str
    """The same in our own words: what the decision keeps, and whoever may see the decision is told."""
    seconds: float
    cost_micros: int
    currency: str
    is_cost_known: bool = True
