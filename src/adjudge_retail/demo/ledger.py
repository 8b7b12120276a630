"""The demo's own book: what it asked, what was accepted, and what it heard of it.

The database is counted against this book afterwards; nothing in it comes from there.
"""

import asyncio
from dataclasses import dataclass, field

from adjudge.client import Decision
from adjudge_retail.demo.cases import Case

SETTLED = frozenset({"final", "amended", "cancelled"})


@dataclass(slots=True)
class Entry:
    """One case that was accepted."""

    case: Case
    decision: Decision
    late_seconds: float
    """From when the case was due until it was sent."""
    asked_seconds: float = 0.0
    """After the start."""
    is_mixed_up: bool = False
    """Asked by a store whose edge box hands the model another item's picture."""

    @property
    def is_settled(self) -> bool:
        return self.decision.status in SETTLED

    @property
    def milliseconds(self) -> float | None:
        """From when the case was due until its outcome; None while it is open."""
        outcome = self.decision.outcome
        if outcome is None or not self.is_settled:
            return None
        return 1000 * (self.late_seconds + (outcome.settled_at - self.decision.asked_at).total_seconds())


@dataclass(slots=True)
class Ledger:
    """All cases of a run. `expected` is how many there will be."""

    expected: int
    cases: dict[str, Case] = field(default_factory=dict)
    """Whatever was asked, by event."""
    entries: dict[str, Entry] = field(default_factory=dict)
    """What was accepted, by decision."""
    refused: dict[str, str] = field(default_factory=dict)
    """Why a case was not accepted in the end, by event."""
    votes: dict[str, int] = field(default_factory=dict)
    """People's answers by event, those included that came too late to count."""
    audit_votes: dict[str, int] = field(default_factory=dict)
    """Of these, the answers to audits."""
    heard_early: dict[str, Decision] = field(default_factory=dict)
    """Outcomes that came before the answer to the question, by decision."""
    complete: asyncio.Event = field(default_factory=asyncio.Event)
    """Everything accepted has been settled, as far as we heard."""
    settled: int = 0

    def ask(self, case: Case) -> None:
        """Note that a case is about to be asked."""
        self.cases[case.event] = case

    def accept(
        self,
        case: Case,
        decision: Decision,
        late_seconds: float,
        *,
        asked_seconds: float = 0.0,
        is_mixed_up: bool = False,
    ) -> None:
        """Note that a case was accepted: from here on it must not be lost."""
        decision = self.heard_early.pop(decision.id, decision)
        self.entries[decision.id] = entry = Entry(case, decision, late_seconds, asked_seconds, is_mixed_up)
        self.settled += entry.is_settled
        self._check()

    def refuse(self, case: Case, why: str) -> None:
        """Note that a case was not accepted."""
        self.refused[case.event] = why
        self._check()

    def hear(self, decision: Decision) -> None:
        """Note how a decision of this run stands."""
        entry = self.entries.get(decision.id)
        if entry is None:
            self.heard_early[decision.id] = decision
            return
        if entry.is_settled:
            return
        entry.decision = decision
        self.settled += entry.is_settled
        self._check()

    def vote(self, event: str, *, audits: bool = False) -> None:
        """Note that a person answered."""
        self.votes[event] = self.votes.get(event, 0) + 1
        if audits:
            self.audit_votes[event] = self.audit_votes.get(event, 0) + 1

    @property
    def open(self) -> int:
        """How many decisions wait for their outcome."""
        return len(self.entries) - self.settled

    def _check(self) -> None:
        if len(self.entries) + len(self.refused) == self.expected and self.settled == len(self.entries):
            self.complete.set()
