"""How automation is earned, as seen from outside: what the API says of each slice, and when that changed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from adjudge.client.automation import Slice
from adjudge_retail.demo.figures import Row, error_of

WINDOW: Final = 100
"""Decisions of a slice over which "of late" is counted."""

Key: TypeAlias = tuple[str, str]
"""Question type and store group."""
What: TypeAlias = Literal["certified", "certified again", "suspended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A certificate was given, replaced or taken away."""

    key: Key
    what: What
    seconds: float
    """After the start."""
    audits: int
    """Answered in the slice until then, as the demo's own people counted them."""
    certificate: str
    """The one given, or the one taken away."""
    slice: Slice

    @property
    def threshold(self) -> float | None:
        return self.slice.standing.get("threshold")


@dataclass(slots=True)
class Earning:
    """What is known of the slices by now."""

    slices: dict[Key, Slice] = field(default_factory=dict)
    turns: list[Turn] = field(default_factory=list)

    def hear(self, found: Iterable[Slice], seconds: float, audits: Callable[[Key], int]) -> list[Turn]:
        """Take what the API says now; return what has changed since it was last asked."""
        turned = [turn for one in found if (turn := self._turn(one, seconds, audits)) is not None]
        self.turns += turned
        return turned

    def _turn(self, one: Slice, seconds: float, audits: Callable[[Key], int]) -> Turn | None:
        key = one.type, one.slice
        before = self.slices.get(key)
        had = before.certificate if before is not None else None
        self.slices[key] = one
        if one.certificate == had:
            return None
        what: What = "suspended" if one.certificate is None else "certified" if had is None else "certified again"
        certificate = str(one.certificate or had)
        return Turn(key=key, what=what, seconds=seconds, audits=audits(key), certificate=certificate, slice=one)

    def of(self, key: Key) -> list[Turn]:
        """Return what happened in a slice."""
        return [turn for turn in self.turns if turn.key == key]

    @property
    def certified(self) -> set[Key]:
        """Slices in which a model may answer alone at this moment."""
        return {key for key, one in self.slices.items() if one.certificate is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """What people gave to some decisions of one slice. Shares are None where there is no basis."""

    decisions: int
    audits: int
    coverage: float | None
    error_automated: float | None
    """Against the recorded truth, not against what audits say of it."""
    votes: float | None
    """For each decision, those for audits among them."""
    saved: float | None
    """Of the votes that the same plan buys where people answer; negative while audits cost more than they spare."""


def votes_of_people(rows: Sequence[Row]) -> float | None:
    """Return how many votes a plan buys for a question that people answer, audits apart."""
    people = [row.votes - row.audit_votes for row in rows if row.source == "reviewer"]
    return sum(people) / len(people) if people else None


def saving(rows: Sequence[Row], usual: float | None) -> Saving:
    """Compute what these decisions cost. `usual`: votes that one of them costs where people answer."""
    settled = [row for row in rows if row.is_settled]
    automated = [row for row in settled if row.source == "model"]
    votes = sum(row.votes for row in settled) / len(settled) if settled else None
    return Saving(
        decisions=len(settled),
        audits=sum(row.audit_votes > 0 for row in rows),
        coverage=len(automated) / len(settled) if settled else None,
        error_automated=error_of(automated),
        votes=votes,
        saved=1 - votes / usual if votes is not None and usual else None,
    )
