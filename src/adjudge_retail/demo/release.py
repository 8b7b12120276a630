"""The bad release: in the middle of the run the edge boxes of one group hand the model the picture of another item.

Nothing else changes: people see the right picture, other groups have the old release. Where it goes is the one
thing that is decided on the way: to the group whose model answers most, because only there is something to lose.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from adjudge_retail.demo.cases import Case
from adjudge_retail.demo.configuration import BAD_EDGE, EDGE
from adjudge_retail.demo.earning import Earning, Key
from adjudge_retail.demo.ledger import Ledger
from adjudge_retail.playback import score

EARLIEST: Final = 0.45
"""Of the questions that are asked before."""
ENOUGH: Final = 0.01
"""Of all questions: so many must a model have answered alone in the group."""
WATCH: Final = 0.05
"""Chance of a false suspension, as configuration has it by default."""
SPARE: Final = 60
_THEN: Final = datetime(2000, 1, 1, tzinfo=UTC)
CONSIDERED_EVERY: Final = 10
"""Questions."""


@dataclass(slots=True)
class Release:
    """Which group has the bad release, and since when."""

    key: Key | None = None
    asked: int = 0
    """Questions that had been asked before, and the seconds after the start."""
    seconds: float = 0.0

    def consider(self, asked: int, seconds: float, ledger: Ledger, earning: Earning) -> bool:
        """Roll it out where it is time and there is automation to be lost; return whether this call did."""
        if self.key is not None or asked < EARLIEST * ledger.expected or asked % CONSIDERED_EVERY:
            return False
        alone = {key: _alone(ledger, key) for key in earning.certified}
        most = max(alone, key=alone.__getitem__, default=None)
        if most is None or alone[most] < ENOUGH * ledger.expected:
            return False
        self.key, self.asked, self.seconds = most, asked, seconds
        return True

    def edge_of(self, group: str) -> str:
        """Return the release of a group's edge boxes."""
        return BAD_EDGE if self.key is not None and self.key[1] == group else EDGE


def _alone(ledger: Ledger, key: Key) -> int:
    """Return how many questions of a slice a model has answered alone."""
    return sum(
        (entry.case.source.type, entry.case.store.group) == key
        and entry.decision.outcome is not None
        and entry.decision.outcome.source == "model"
        for entry in ledger.entries.values()
    )


@dataclass(frozen=True, slots=True)
class _Question:
    """What the model is asked."""

    type: str
    evidence: Mapping[str, Any]
    candidates: Sequence[str]


def error_when_mixed_up(cases: Iterable[Case], settings: Mapping[str, Any]) -> float:
    """Return how often a model of these settings is wrong on these cases, when it is handed other pictures."""
    known = [case for case in cases if case.truth is not None]
    asked = [_Question(case.source.type, case.evidence(_THEN, "", BAD_EDGE), case.answers) for case in known]
    said = [(scores, case) for scores, case in zip(score(asked, **settings), known, strict=True) if scores]
    wrong = sum(max(scores, key=scores.__getitem__) != case.truth for scores, case in said)
    return wrong / len(said) if said else 1.0


def audits_until_suspended(risk: float, target: float) -> int:
    """Return within how many audited automated decisions the watch suspends, in the median, at such a risk.

    Twice the best possible delay and 60: what the watch is tested for, after any time in control.
    """
    if risk <= target:
        return 0
    risk = min(risk, 1 - 1e-9)
    divergence = risk * math.log(risk / target) + (1 - risk) * math.log((1 - risk) / (1 - target))
    return math.ceil(2 * math.log(1 / WATCH) / divergence) + SPARE
